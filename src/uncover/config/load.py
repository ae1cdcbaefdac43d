"""Read and check a whole config; every message names the key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uncover.config.model import Config
from uncover.config.values import check_section, merged, read_yaml
from uncover.errors import InputError

EXTENDS = "extends"
"""Key that names another config file, relative to the working folder, whose values this one changes."""


def load_config(path: Path) -> Config:
    """Read a config file, and those it extends.

    Raises:
        InputError: The file is missing or no YAML, or a key is unknown or has a value that does not fit.
    """
    return check_config(read_yaml(path), str(path))


def check_config(values: Mapping[str, Any], name: str = "config") -> Config:
    """Make a config of plain values, such as those that Snakemake has read.

    Args:
        values: Nested values; `extends` is followed.
        name: Where they come from, for messages.

    Raises:
        InputError: A key is unknown or has a value that does not fit; all such keys are named.
    """
    return check_section(Config, _with_nulls(_extended(dict(values), name, ())), name)


def _with_nulls(value: Any) -> Any:
    """The same with None for "null": what stands on Snakemake's command line arrives as text."""
    if isinstance(value, Mapping):
        return {key: _with_nulls(each) for key, each in value.items()}
    return None if value == "null" else value


def _extended(values: dict[str, Any], name: str, trail: tuple[str, ...]) -> dict[str, Any]:
    base = values.pop(EXTENDS, None)
    if base is None:
        return values
    if base in trail:
        raise InputError(f"{name}: {EXTENDS} goes round in a circle: {' -> '.join([*trail, base])}")
    return merged(_extended(read_yaml(Path(base)), base, (*trail, base)), values)
