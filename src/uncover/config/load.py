"""Read and check a whole config; every message names the key."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from uncover.config.model import Config
from uncover.config.values import check_section, merged, read_yaml
from uncover.errors import InputError

EXTENDS = "extends"
"""Key that names another config file, relative to the file that says it, whose values this one changes."""

ALL = "*"
"""Name that stands for all entries of a section that are there already."""


def load_config(path: Path) -> Config:
    """Read a config file, and those it extends.

    Raises:
        InputError: The file is missing or no YAML, or a key is unknown or has a value that does not fit.
    """
    return check_config(read_yaml(path), str(path), [path])


def check_config(
    values: Mapping[str, Any],
    name: str = "config",
    files: Iterable[Path] = (),
    given: Mapping[str, Any] | None = None,
) -> Config:
    """Make a config of plain values, such as those that Snakemake has read.

    Entries by name, such as those of `detectors.variants`, join the ones that are there already: the defaults, and
    those of the file that is extended.

    Args:
        values: Nested values; `extends` is followed.
        name: Where they come from, for messages.
        files: Config files that the values were read from, the lowest first, one of which says `extends`; what no file
            says is relative to the working folder.
        given: What was laid over the files, such as Snakemake's --config.

    Raises:
        InputError: A key is unknown or has a value that does not fit; all such keys are named.
    """
    files = list(files)
    whole = _with_nulls(values)
    # In merged values, a null has replaced the entry of a lower file that it takes away. A workflow that imports this
    # one may make its config of anything.
    layers = [_with_nulls(layer) for layer in (*map(read_yaml, files), given or {})]
    laid: dict[str, Any] = {}
    for layer in layers:
        laid = merged(laid, layer)
    exact = not files or laid == whole
    below = _extended(whole.get(EXTENDS), name, files, ())
    for layer in layers if files and exact else [whole]:
        changes = {key: value for key, value in layer.items() if key != EXTENDS}
        below = laid_over(below, changes, Config, name if exact else None)
    return check_section(Config, below, name)


def laid_over(
    below: Mapping[str, Any],
    changes: Mapping[str, Any],
    section: type[BaseModel] | None,
    strict: str | None = None,
    place: str = "",
) -> dict[str, Any]:
    """Values of a section with changes: entries by name join those that are there; null takes one away, {} all.

    Args:
        below: Nested values.
        changes: Nested values.
        section: What they are values of; None where it has no entries by name.
        strict: Where the changes come from, for messages, if a null must name an entry that is there.
        place: Beginning of the section's keys, "detectors.".

    Raises:
        InputError: A null names no entry.
    """
    both = dict(below)
    for key, value in changes.items():
        kind = section.model_fields[key].annotation if section and key in section.model_fields else None
        old = both.get(key)
        if _has_entries(kind):
            both[key] = _with_entries(old, value, _section_in(kind), strict, f"{place}{key}")
        elif isinstance(value, Mapping):
            lower = old if isinstance(old, Mapping) else {}
            both[key] = laid_over(lower, value, _section_in(kind), strict, f"{place}{key}.")
        else:
            both[key] = value
    return both


def whole_values(config: Config) -> dict[str, Any]:
    """All values of a config as a file may hold them: what is not in them is not there, whatever the defaults are."""
    values: dict[str, Any] = config.model_dump(mode="json")
    _mark_entries(values, Config)
    return values


def _with_entries(
    old: object, changes: object, section: type[BaseModel] | None, strict: str | None, place: str
) -> object:
    if changes is None:
        return {}
    if not isinstance(changes, Mapping):
        return changes
    # Somebody who writes an empty section asks for no entries.
    there = dict(old) if isinstance(old, Mapping) and changes else {}
    for name, value in changes.items():
        if name == ALL and value is None:
            there.clear()
        elif value is None:
            if strict and name not in there:
                close = difflib.get_close_matches(str(name), there, n=1)
                hint = f"did you mean {close[0]}?" if close else f"entries: {', '.join(there) or 'none'}"
                raise InputError(f"{strict}: key {place}.{name}: null takes an entry away, but there is none; {hint}")
            there.pop(name, None)
        elif isinstance(value, Mapping):
            own = there.get(name)
            there[name] = laid_over(own if isinstance(own, Mapping) else {}, value, section, strict, f"{place}.{name}.")
        else:
            there[name] = value
    return there


def _has_entries(kind: Any) -> bool:
    """Whether a field of this type is a section of entries by name, or may be one."""
    return dict in (get_origin(kind), *map(get_origin, get_args(kind)))


def _section_in(kind: Any) -> type[BaseModel] | None:
    """The section that a field of this type is, may be, or has entries of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next(filter(None, map(_section_in, get_args(kind))), None)


@functools.cache
def _defaults(section: type[BaseModel]) -> dict[str, Any]:
    """What a section has of itself that is changed key by key, entry by entry: not the defaults of its other keys."""
    found: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        default = field.default
        if isinstance(default, BaseModel):
            # Of rgb1, that it is a detector of whole faces.
            found[name] = merged(_defaults(type(default)), default.model_dump(mode="json", exclude_unset=True))
        elif isinstance(default, dict):
            found[name] = {
                str(key): each.model_dump(mode="json", exclude_unset=True) if isinstance(each, BaseModel) else each
                for key, each in default.items()
            }
    return found


def _mark_entries(values: dict[str, Any], section: type[BaseModel]) -> None:
    for name, field in section.model_fields.items():
        if isinstance(field.default, dict) and field.default:
            values[name] = {ALL: None, **values[name]}
        elif isinstance(field.default, BaseModel):
            _mark_entries(values[name], type(field.default))


def _with_nulls(value: Any) -> Any:
    """The same with None for "null": what stands on Snakemake's command line arrives as text."""
    if isinstance(value, Mapping):
        return {key: _with_nulls(each) for key, each in value.items()}
    return None if value == "null" else value


def _extended(base: Any, name: str, files: list[Path], trail: tuple[str, ...]) -> dict[str, Any]:
    """What a config changes: values of the file that it extends, or the defaults."""
    if base is None:
        return _defaults(Config)
    if not isinstance(base, str):
        raise InputError(f"{name}: {EXTENDS}: {base!r:.80}; expected the path of another config file")
    path = _base(base, name, files)
    if str(path) in trail:
        raise InputError(f"{name}: {EXTENDS} goes round in a circle: {' -> '.join([*trail, str(path)])}")
    values = read_yaml(path)
    below = _extended(values.pop(EXTENDS, None), str(path), [path], (*trail, str(path)))
    return laid_over(below, values, Config, str(path))


def _base(base: str, name: str, files: list[Path]) -> Path:
    """The file that `extends` names: beside the last file that says so, or in the working folder."""
    places = [file.parent / base for file in reversed(files) if _says(read_yaml(file), base)]
    for path in (*places, Path(base)):
        if path.is_file():
            return path.resolve()
    place = places[0] if places else Path(base)
    raise InputError(
        f"{name}: {EXTENDS}: {place}: does not exist; expected a config file, relative to the one that says it"
    )


def _says(values: Any, base: str) -> bool:
    """Whether a config file extends another one, itself or in a section that it has for an imported workflow."""
    if not isinstance(values, Mapping):
        return False
    return values.get(EXTENDS) == base or any(_says(each, base) for each in values.values())
