"""What the code of a rule is: a digest of the modules that its command really imports.

Comments, docstrings and formatting do not count; names, values and the order of statements do. So a fresh clone
reruns nothing, a comment reruns nothing, and a change of meaning reruns exactly the rules that import it.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import uncover
from uncover.workflow.source import Source, read_source

PACKAGE = "uncover"
ROOT = Path(uncover.__file__).parent

TALK = frozenset(
    {
        "uncover.cli",
        "uncover.console",
        "uncover.datasets.sources",
        "uncover.errors",
        "uncover.process",
        "uncover.progress",
        "uncover.workflow.digest",
        "uncover.workflow.source",
    }
)
"""Modules that only talk to people: no result depends on them."""

_given: dict[str, list[str]] = {}
"""Modules or files behind each digest that was asked for."""

_files: dict[str, str] = {}
"""State of each file that is no module."""


@functools.cache
def code_digest(*modules: str) -> str:
    """Digest of some modules and of everything in the package that they import, at any depth.

    Args:
        modules: Full names, such as "uncover.commands.label_faces".

    Returns:
        16 hexadecimal digits, the same for every Python version that runs us.

    Raises:
        ModuleNotFoundError: There is no such module.
    """
    digest = hashlib.sha256()
    closure = import_closure(*modules)
    for module in closure:
        digest.update(f"{module}={_meaning(module)}\n".encode())
    name = digest.hexdigest()[:16]
    _given[name] = closure
    return name


@functools.cache
def content_digest(root: Path, *names: str) -> str:
    """Digest of some files that are no modules, byte by byte, in 16 hexadecimal digits.

    Args:
        root: The checkout.
        names: Of the files, relative to it.

    Raises:
        FileNotFoundError: There is no such file.
    """
    digest = hashlib.sha256()
    for file in sorted(names):
        state = hashlib.sha256((root / file).read_bytes()).hexdigest()
        digest.update(f"{file}={state}\n".encode())
        _files[file] = state
    name = digest.hexdigest()[:16]
    _given[name] = sorted(names)
    return name


def module_states() -> tuple[dict[str, list[str]], dict[str, str]]:
    """What stands behind all digests that this process has given: modules or files of each, and the state of each."""
    names = sorted({name for parts in _given.values() for name in parts})
    return dict(_given), {name: (_files.get(name) or _meaning(name))[:16] for name in names}


def import_closure(*modules: str) -> list[str]:
    """Names of the modules of the package that `modules` import, themselves included, in alphabetical order.

    Imports inside functions count too. Modules that only talk to people are left out.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found or module in TALK:
            continue
        found.add(module)
        waiting += _imports(module)
    return sorted(found)


def _file_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split(".")[1:])
    candidates = (path.with_suffix(".py"), path / "__init__.py") if path != ROOT else (path / "__init__.py",)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@functools.cache
def _source_of(module: str) -> Source:
    file = _file_of(module)
    if file is None:
        raise ModuleNotFoundError(f"no module {module} in {ROOT}")
    return read_source(file, PACKAGE)


@functools.cache
def _imports(module: str) -> tuple[str, ...]:
    source = _source_of(module)
    return (*source.modules, *(name for name in source.perhaps if _file_of(name) is not None))


def _meaning(module: str) -> str:
    return _source_of(module).meaning
