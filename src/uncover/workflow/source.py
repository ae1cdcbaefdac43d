"""What a source file means and imports. Files that were read before are known: planning is half reading otherwise."""

from __future__ import annotations

import ast
import atexit
import functools
import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from uncover.atomic import new_file

MOST_KNOWN = 5000
"""Versions of files; beyond them, only those of this process are kept."""


class Source(NamedTuple):
    """A file of Python.

    Attributes:
        meaning: Digest that comments, docstrings and formatting do not change, in hexadecimal digits.
        modules: Names of modules of the package that it imports.
        perhaps: Names that it imports from them; modules or not.
    """

    meaning: str
    modules: list[str]
    perhaps: list[str]


def read_source(file: Path, package: str) -> Source:
    """Read a file.

    Args:
        file: It.
        package: Name of the package whose modules matter.

    Raises:
        SyntaxError: It is no Python.
    """
    text = file.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    known = _known()
    if digest not in known:
        known[digest] = _read(ast.parse(text, str(file)), package)
        _new.add(digest)
    _used.add(digest)
    return known[digest]


def canonical(node: object) -> str:
    """Write a syntax tree without positions, docstrings and empty fields (which differ between Python versions)."""
    if isinstance(node, ast.AST):
        fields = []
        for name, value in ast.iter_fields(node):
            if name == "body" and _starts_with_docstring(node):
                value = value[1:] or [ast.Pass()]
            if value is not None and value != [] and name not in ("ctx", "kind", "type_comment", "type_ignores"):
                fields.append(f"{name}={canonical(value)}")
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(canonical, node))}]"
    return repr(node)


def remember_sources() -> None:
    """Keep what was read for the processes that come, beside Python's own compiled files, if it can be.

    Done by itself when the process ends.
    """
    if not _new:
        return
    known = _known()
    if len(known) > MOST_KNOWN:
        known = {digest: known[digest] for digest in _used}
    with suppress(OSError), new_file(_memory()) as temporary:
        temporary.write_text(json.dumps(known), encoding="utf-8")
    _new.clear()


_new: set[str] = set()
_used: set[str] = set()


def _memory() -> Path:
    """Of this version of the code alone, as another may read another meaning."""
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    return Path(__file__).parent / "__pycache__" / f"sources-{version}.json"


@functools.cache
def _known() -> dict[str, Source]:
    atexit.register(remember_sources)
    try:
        stored = json.loads(_memory().read_text(encoding="utf-8"))
        return {digest: Source(*values) for digest, values in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _read(tree: ast.Module, package: str) -> Source:
    modules: list[str] = []
    perhaps: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names if alias.name.split(".")[0] == package]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package:
            modules.append(node.module)
            perhaps += [f"{node.module}.{alias.name}" for alias in node.names]
    return Source(hashlib.sha256(canonical(tree).encode()).hexdigest(), modules, perhaps)


def _starts_with_docstring(node: ast.AST) -> bool:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    first = node.body[0] if node.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
