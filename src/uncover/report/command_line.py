"""The command of each declared table and figure: its options are the parameters of its function.

The type of a parameter gives the number and type of an option's values, its default makes the option optional, and the
docstring is its help. `Annotated[..., Option(...)]` adds what a type cannot express.
"""

from __future__ import annotations

import argparse
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from uncover.console import wrote
from uncover.report import registry
from uncover.report.registry import FORMS, Entry


@dataclass(frozen=True)
class Option:
    """What the type of a parameter cannot express.

    Attributes:
        metavar: Name of a value in the help.
        nargs: Number of values, as in argparse; None derives it from the type.
        extends: Whether a repeated option appends to its values.
        read: Converts the values into the argument of the function.
    """

    metavar: str | None = None
    nargs: str | None = None
    extends: bool = False
    read: Callable[[list[str]], Any] | None = None


RUN = "results/demo"
"""Folder of the run in examples."""

EXAMPLES = {
    "boxes": f"{RUN}/datasets/train/boxes.parquet",
    "cascade": f"{RUN}/metrics/rescue_cascade.csv",
    "classes": f"{RUN}/metrics/rgb1/val/whole_face/classes.csv",
    "confidences": "rgb10=0.4",
    "confusion": f"{RUN}/metrics/rgb10/val/all/confusion.csv",
    "curves": f"{RUN}/metrics/rgb10/val/all/curves.parquet",
    "dataset": f"{RUN}/datasets/hof",
    "datasets": f"{RUN}/datasets/slapi_easy",
    "faces": f"{RUN}/faces/wflw.parquet",
    "frames": f"{RUN}/metrics/videos_frames.parquet",
    "heatmaps": f"{RUN}/heatmaps/gradcampp/hof",
    "lints": f"{RUN}/heatmaps/gradcampp/val/lint.csv",
    "manifest": f"{RUN}/datasets/train/manifest.parquet",
    "manifests": f"{RUN}/datasets/val/manifest.parquet",
    "missed": f"{RUN}/missed/hof.csv",
    "predictions": f"{RUN}/predictions/rgb10/hof.parquet",
    "published": "config/published.yaml",
    "record": f"{RUN}/detectors/rgb10/results.csv",
    "records": f"{RUN}/metrics/hirescam_avg/rescue.csv",
    "scores": f"{RUN}/metrics/videos.csv",
    "splits": f"{RUN}/splits/wflw.json",
    "summaries": f"{RUN}/metrics/rgb10/val/whole_face/summary.json",
    "summary": f"{RUN}/metrics/rgb10/val/all/summary.json",
    "training": f"{RUN}/detectors/rgb10/summary.json",
    "trial": f"{RUN}/metrics/rescue_trial.csv",
}
"""What examples give a required parameter, by its name."""


def description_of(entry: Entry) -> str:
    """What the verb of a table or figure writes, for its help."""
    summary = registry.declared()[entry.name].summary
    paragraphs = [f"{summary[:1].upper()}{summary[1:]}.", *entry.caption.splitlines(), f"OUT gets {_files(entry)}."]
    return "\n\n".join(textwrap.fill(paragraph, 100) for paragraph in paragraphs if paragraph)


def example_of(entry: Entry) -> str:
    """Words of a command line, after the verb, with all that it requires."""
    words, parameters = [f"{entry.kind}s"], inspect.signature(entry.function).parameters
    for name, hint in _hints(entry).items():
        if parameters[name].default is inspect.Parameter.empty:
            count = len(get_args(hint)) if get_origin(hint) is tuple else 1
            words += [option_of(name), *[EXAMPLES.get(name, name)] * count]
    return " ".join(words)


def _files(entry: Entry) -> str:
    """Files that are written into OUT, in words."""
    endings = [f".{form}" for form in FORMS[entry.kind]]
    return f"{entry.name}{', '.join(endings[:-1])} and {endings[-1]}"


def add_arguments(parser: argparse.ArgumentParser, entry: Entry) -> None:
    """Add the output folder and one option per parameter to a command."""
    parser.add_argument("out", type=Path, metavar="OUT", help=f"folder for {_files(entry)}")
    helps, parameters = _documented(entry.function), inspect.signature(entry.function).parameters
    for name, hint in _hints(entry).items():
        default = parameters[name].default
        settings = _settings(hint, default is inspect.Parameter.empty, default)
        text = helps.get(name, "")
        if isinstance(default, str | float | int):
            text += f" (default: {default})"
        parser.add_argument(option_of(name), **settings, help=text.replace("%", "%%"))


def run(entry: Entry, args: argparse.Namespace) -> int:
    """Write the table or figure that the parsed arguments describe."""
    arguments = {name: getattr(args, name) for name in _hints(entry)}
    for name, hint in _hints(entry).items():
        own = _own_of(hint)
        if own is not None and own.read is not None and arguments[name] is not None:
            arguments[name] = own.read(arguments[name])
    entry.write(args.out, arguments)
    first, *others = FORMS[entry.kind]
    wrote(args.out / f"{entry.name}.{first}", f"also {' and '.join(f'.{form}' for form in others)}")
    return 0


def words_of(name: str, value: Any) -> list[str]:
    """The command-line words that pass a value to a parameter; none for an empty value."""
    if value is None or value == "" or (isinstance(value, Sequence | Mapping) and not value):
        return []
    if isinstance(value, Mapping):
        value = [f"{key}={each}" for key, each in value.items()]
    values = [value] if isinstance(value, str) or not isinstance(value, Sequence) else value
    return [option_of(name), *map(str, values)]


def readers(entry: Entry) -> list[str]:
    """Names of the functions that convert option values, as `code_digest` takes them."""
    read = [own.read for hint in _hints(entry).values() if (own := _own_of(hint)) is not None and own.read is not None]
    functions: list[Any] = [getattr(each, "func", each) for each in read]
    return [f"{function.__module__}:{function.__name__}" for function in functions]


def option_of(name: str) -> str:
    """Option name of a parameter."""
    return f"--{name.replace('_', '-')}"


def _hints(entry: Entry) -> dict[str, Any]:
    """Types of the parameters that are options."""
    function = entry.function
    # The return type may be importable by type checkers only, so it is left out.
    own = types.SimpleNamespace(__annotations__={name: function.__annotations__[name] for name in entry.parameters})
    return get_type_hints(own, globalns=function.__globals__, include_extras=True)


def _own_of(hint: Any) -> Option | None:
    if get_origin(hint) is not Annotated:
        return None
    return next((each for each in get_args(hint) if isinstance(each, Option)), None)


def _settings(hint: Any, required: bool, default: Any) -> dict[str, Any]:
    """Arguments of argparse's `add_argument` for a type."""
    settings: dict[str, Any] = {"required": True} if required else {"default": default}
    own = _own_of(hint)
    if own is not None:
        settings |= _settings(get_args(hint)[0], required, default) if own.read is None else {}
        settings |= {"metavar": own.metavar} if own.metavar else {}
        settings |= {"nargs": own.nargs} if own.nargs else {}
        settings |= {"action": "extend"} if own.extends else {}
        if own.read is not None and not required:
            settings["default"] = []
        return settings
    origin, parts = get_origin(hint), [part for part in get_args(hint) if part is not type(None)]
    if origin in (Union, types.UnionType) and len(parts) == 1:
        return _settings(parts[0], required, default)
    if origin is Literal:
        return settings | {"choices": parts}
    if origin is tuple:
        return settings | {"nargs": len(parts)} | _word(parts[0])
    if origin in (list, Sequence):
        return settings | {"nargs": "+" if required else "*"} | _word(parts[0]) | ({} if required else {"default": []})
    return settings | _word(hint)


def _word(hint: Any) -> dict[str, Any]:
    if hint not in (str, int, float, Path):
        raise TypeError(f"{hint}: expected str, int, float or Path, or Annotated with an Option that has `read`")
    if hint is str:
        return {}
    return {"type": hint, "metavar": {Path: "PATH", int: "N"}.get(hint, "X")}


def _documented(function: Callable[..., Any]) -> Mapping[str, str]:
    """Text of each parameter in the docstring section "Args", lower-cased and without a full stop, as option help."""
    _, _, section = inspect.cleandoc(function.__doc__ or "").partition("\nArgs:\n")
    section = re.split(r"^\S", section, maxsplit=1, flags=re.MULTILINE)[0]
    found: dict[str, str] = {}
    for part in re.split(r"^    (?=\w+:)", section, flags=re.MULTILINE)[1:]:
        name, _, text = part.partition(":")
        text = " ".join(text.split()).removesuffix(".")
        rest_of_word = text.split(maxsplit=1)[0][1:]
        # Words with further capitals, such as IoU, stay as they are.
        found[name] = text[:1].lower() + text[1:] if rest_of_word.islower() or not rest_of_word else text
    return found
