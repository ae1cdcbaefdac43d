"""What the code of a rule is: a digest of the modules that its command really imports.

Comments, docstrings and formatting do not count; names, values and the order of statements do. So a fresh clone
reruns nothing, a comment reruns nothing, and a change of meaning reruns exactly the rules that import it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

import uncover

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
def _tree(module: str) -> ast.Module:
    file = _file_of(module)
    if file is None:
        raise ModuleNotFoundError(f"no module {module} in {ROOT}")
    return ast.parse(file.read_bytes(), str(file))


@functools.cache
def _imports(module: str) -> tuple[str, ...]:
    return tuple(name for node in ast.walk(_tree(module)) for name in _imported_by(node))


def _imported_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)
    elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
        assert node.module is not None
        yield node.module
        names = (f"{node.module}.{alias.name}" for alias in node.names)
        yield from (name for name in names if _file_of(name) is not None)


@functools.cache
def _meaning(module: str) -> str:
    return hashlib.sha256(canonical(_tree(module)).encode()).hexdigest()


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


def _starts_with_docstring(node: ast.AST) -> bool:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    first = node.body[0] if node.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
