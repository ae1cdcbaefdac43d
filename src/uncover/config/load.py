"""Read and check a whole config; every message names the key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from uncover.config.model import Config
from uncover.config.values import check_section, merged, read_yaml
from uncover.errors import InputError

EXTENDS = "extends"
"""Key that names another config file, relative to the file that says it, whose values this one changes."""


def load_config(path: Path) -> Config:
    """Read a config file, and those it extends.

    Raises:
        InputError: The file is missing or no YAML, or a key is unknown or has a value that does not fit.
    """
    return check_config(read_yaml(path), str(path), [path])


def check_config(values: Mapping[str, Any], name: str = "config", files: Iterable[Path] = ()) -> Config:
    """Make a config of plain values, such as those that Snakemake has read.

    Args:
        values: Nested values; `extends` is followed.
        name: Where they come from, for messages.
        files: Config files that the values were read from, one of which says `extends`; what no file says is relative
            to the working folder.

    Raises:
        InputError: A key is unknown or has a value that does not fit; all such keys are named.
    """
    return check_section(Config, _with_nulls(_extended(dict(values), name, list(files), ())), name)


def _with_nulls(value: Any) -> Any:
    """The same with None for "null": what stands on Snakemake's command line arrives as text."""
    if isinstance(value, Mapping):
        return {key: _with_nulls(each) for key, each in value.items()}
    return None if value == "null" else value


def _extended(values: dict[str, Any], name: str, files: list[Path], trail: tuple[str, ...]) -> dict[str, Any]:
    base = values.pop(EXTENDS, None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise InputError(f"{name}: {EXTENDS}: {base!r:.80}; expected the path of another config file")
    path = _base(base, name, files)
    if str(path) in trail:
        raise InputError(f"{name}: {EXTENDS} goes round in a circle: {' -> '.join([*trail, str(path)])}")
    return merged(_extended(read_yaml(path), str(path), [path], (*trail, str(path))), values)


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
