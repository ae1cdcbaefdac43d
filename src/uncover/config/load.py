"""Read and check a config; every error message names file and key."""

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
"""Key of the config file that this one extends. A relative path is relative to the file with the key."""

ALL = "*"
"""Name that stands for all existing entries of a section."""


def load_config(path: Path) -> Config:
    """Read a config file and the files it extends.

    Raises:
        InputError: The file does not exist or is not YAML, or a key is unknown or has an invalid value.
    """
    return check_config(read_yaml(path), str(path), [path])


def check_config(
    values: Mapping[str, Any],
    name: str = "config",
    files: Iterable[Path] = (),
    given: Mapping[str, Any] | None = None,
) -> Config:
    """Make a config from plain values, such as those read by Snakemake.

    Entries by name, such as those of `detectors.variants`, are added to existing ones: the defaults, and those of the
    extended file.

    Args:
        values: Nested values; `extends` is followed.
        name: Source of the values, for messages.
        files: Config files that the values were read from, in order of increasing precedence. `extends` is relative to
            the file that has it, or to the working folder if none has it.
        given: Values with precedence over the files, such as those of Snakemake's --config.

    Raises:
        InputError: Keys are unknown or have invalid values; the message names all of them.
    """
    files = list(files)
    whole = _with_nulls(values)
    # In merged values, a null has replaced the entry that it removes. A workflow that imports this one may build its
    # config from any source.
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
    """Merge changes into the values of a section. Entries by name are added; null removes one entry, {} all of them.

    Args:
        below: Nested values.
        changes: Nested values.
        section: Section of the values; None if it has no entries by name.
        strict: Source of the changes, for messages, if a null must refer to an existing entry.
        place: Prefix of the keys of the section, e.g. "detectors.".

    Raises:
        InputError: A null refers to no existing entry.
    """
    both = dict(below)
    for key, value in changes.items():
        kind = section.model_fields[key].annotation if section and key in section.model_fields else None
        old = both.get(key)
        if has_entries(kind):
            both[key] = _with_entries(old, value, section_in(kind), strict, f"{place}{key}")
        elif isinstance(value, Mapping):
            lower = old if isinstance(old, Mapping) else {}
            both[key] = laid_over(lower, value, section_in(kind), strict, f"{place}{key}.")
        else:
            both[key] = value
    return both


def whole_values(config: Config) -> dict[str, Any]:
    """All values of a config, as a config file that does not depend on the defaults."""
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
    # An empty section removes all entries.
    there = dict(old) if isinstance(old, Mapping) and changes else {}
    for name, value in changes.items():
        if name == ALL and value is None:
            there.clear()
        elif value is None:
            if strict and name not in there:
                close = difflib.get_close_matches(str(name), there, n=1)
                hint = f"did you mean {close[0]}?" if close else f"existing entries: {', '.join(there) or 'none'}"
                raise InputError(f"{strict}: key {place}.{name}: null removes an entry, but none has this name; {hint}")
            there.pop(name, None)
        elif isinstance(value, Mapping):
            own = there.get(name)
            there[name] = laid_over(own if isinstance(own, Mapping) else {}, value, section, strict, f"{place}.{name}.")
        else:
            there[name] = value
    return there


def has_entries(kind: Any) -> bool:
    """Whether a field of this type is, or can be, a section of entries by name."""
    return dict in (get_origin(kind), *map(get_origin, get_args(kind)))


def section_in(kind: Any) -> type[BaseModel] | None:
    """The section that a field of this type is, can be, or has as entries."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next(filter(None, map(section_in, get_args(kind))), None)


@functools.cache
def _defaults(section: type[BaseModel]) -> dict[str, Any]:
    """Defaults of a section that are merged key by key: entries by name, and values that differ from the model."""
    found: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        default = field.default
        if isinstance(default, BaseModel):
            # E.g. rgb1 is a detector of whole faces.
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
    """The same with None for "null", since values from the command line of Snakemake are text."""
    if isinstance(value, Mapping):
        return {key: _with_nulls(each) for key, each in value.items()}
    return None if value == "null" else value


def _extended(base: Any, name: str, files: list[Path], trail: tuple[str, ...]) -> dict[str, Any]:
    """Values that a config changes: those of the file it extends, or the defaults."""
    if base is None:
        return _defaults(Config)
    if not isinstance(base, str):
        raise InputError(f"{name}: key {EXTENDS}: expected the path of another config file; found {base!r:.80}")
    path = _base(base, name, files)
    if str(path) in trail:
        raise InputError(
            f"{name}: key {EXTENDS}: circular ({' -> '.join([*trail, str(path)])}); remove {EXTENDS} from one of these"
            " files"
        )
    values = read_yaml(path)
    below = _extended(values.pop(EXTENDS, None), str(path), [path], (*trail, str(path)))
    return laid_over(below, values, Config, str(path))


def _base(base: str, name: str, files: list[Path]) -> Path:
    """The extended file: relative to the last file with this value of `extends`, or to the working folder."""
    places = [file.parent / base for file in reversed(files) if _says(read_yaml(file), base)]
    for path in (*places, Path(base)):
        if path.is_file():
            return path.resolve()
    place = places[0] if places else Path(base)
    raise InputError(
        f"{name}: key {EXTENDS}: {place} does not exist; expected a config file, relative to the file with this key"
    )


def _says(values: Any, base: str) -> bool:
    """Whether a config file extends another one, at the top or in a section for an imported workflow."""
    if not isinstance(values, Mapping):
        return False
    return values.get(EXTENDS) == base or any(_says(each, base) for each in values.values())
