"""Values of the config's sections and of the command line; every message names the key."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from uncover.errors import InputError

AnySection = TypeVar("AnySection", bound=BaseModel)


class Section(BaseModel):
    """A part of the config: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    hint: ClassVar[str] = ""
    """What else somebody may have meant who wrote an unknown key."""


def check_number(option: str, value: float | None, lowest: float, highest: float = math.inf) -> None:
    """Make sure that a number is within its limits; None stands for an option that was not given.

    Raises:
        InputError: It is not.
    """
    if value is not None and not lowest <= value <= highest:
        expected = f"{lowest} or more" if highest == math.inf else f"{lowest} to {highest}"
        raise InputError(f"{option} {value}: expected {expected}")


def check_section(section: type[AnySection], values: Mapping[str, Any], name: str) -> AnySection:
    """Make one section of plain values.

    Args:
        section: Which.
        values: Nested values.
        name: Where they come from, for messages.

    Raises:
        InputError: A key is unknown or has a value that does not fit; all such keys are named.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{name}: expected keys with values; found {values!r:.80}")
    try:
        return section.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{name}: " + "; ".join(_explain(each, section) for each in error.errors())) from None


def read_pairs(pairs: Sequence[str], option: str = "--set") -> dict[str, Any]:
    """Nested values of `key=value` words, such as "hyperparameters.lr0=0.02"; values are YAML.

    Args:
        pairs: The words.
        option: Where they stood, for messages.

    Raises:
        InputError: A word has no key, or its value is no YAML.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not (key and equals):
            raise InputError(f"{option} {pair}: expected key=value, such as epochs=30 or hyperparameters.lr0=0.02")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise InputError(f"{option} {pair}: {text} is no value; quote it as YAML asks for") from None
        *sections, last = key.split(".")
        for section in reversed(sections):
            value, last = {last: value}, section
        values = merged(values, {last: value})
    return values


def as_pairs(section: BaseModel) -> list[str]:
    """The `key=value` words that make this section of its defaults: the other way round than `read_pairs`."""
    defaults = type(section).model_construct().model_dump(mode="json")  # without what has no default
    return sorted(_pairs(section.model_dump(mode="json"), defaults, ""))


def may_be_told(pair: str) -> bool:
    """Whether a word of `as_pairs` may stand in a report: others may hold paths of somebody's machine."""
    return pair.startswith("raw.synthetic=") or not pair.startswith(
        ("raw.", "data_sets.", "weights.", "report.released")
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of keys and values.

    Raises:
        InputError: The file is missing, or something else.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; expected a config file") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: holds no keys; expected a config such as config/demo.yaml")
    return values


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values with changes."""
    both = dict(base)
    for key, value in changes.items():
        old = both.get(key)
        both[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _pairs(values: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        default = defaults.get(key)
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            yield from _pairs(value, default, f"{prefix}{key}.")
        elif value != default:
            plain = isinstance(value, str) and yaml.safe_load(value) == value
            yield f"{prefix}{key}={value if plain else json.dumps(value)}"
    for key in defaults.keys() - values.keys():  # an entry by name that was taken away
        yield f"{prefix}{key}=null"


def _explain(error: Any, section: type[BaseModel]) -> str:
    place = [str(step) for step in error["loc"]]
    key = ".".join(place)
    if error["type"] == "extra_forbidden":
        model = _section_at(section, place[:-1])
        known = [] if model is None else list(model.model_fields)
        close = difflib.get_close_matches(place[-1], known, n=1)
        if close:
            return f"key {key} is unknown; did you mean {'.'.join([*place[:-1], close[0]])}?"
        hints = [f"known keys: {', '.join(known)}", getattr(model, "hint", "")]
        return "; ".join([f"key {key} is unknown", *filter(None, hints)])
    says = str(error["msg"]).removeprefix("Value error, ")
    if not place:
        return says
    if error["type"] == "missing":
        return f"key {key} is missing"
    return f"key {key}: {says[0].lower()}{says[1:]}; found {error['input']!r:.80}"


def _section_at(section: type[BaseModel], place: list[str]) -> type[BaseModel] | None:
    """The section that stands at a place; entries by name are of the type of all entries."""
    kind: Any = section
    for step in place:
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif _is_section(kind) and step in kind.model_fields:
            kind = kind.model_fields[step].annotation
            if get_origin(kind) is not dict:  # a section that may be null
                kind = next(filter(_is_section, get_args(kind)), kind)
        else:
            return None
    return kind if _is_section(kind) else None


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
