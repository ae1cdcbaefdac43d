"""Digest and references of each top-level definition of a source file.

Parsed files are cached on disk: parsing them took half of the planning time.
"""

from __future__ import annotations

import ast
import atexit
import functools
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from uncover.atomic import new_file

DECLARATIONS = ("uncover.commands.verb", "uncover.report.registry.figure", "uncover.report.registry.table")
"""Decorators whose arguments Snakemake or the digest tracks elsewhere: they are not part of the decorated function."""

MAIN = "__main__"
"""Name of the block `if __name__ == "__main__"` among the definitions."""

MOST_KNOWN = 1500
"""Maximum number of cached file versions; beyond it, only those that this process used are kept."""

# With no other decorators than these, annotations of a function are never evaluated.
DEAF_DECORATORS = frozenset(
    {"abstractmethod", "cache", "cached_property", "classmethod", "contextmanager", "deleter", "inference_mode"}
    | {"lru_cache", "no_grad", "overload", "override", "property", "setter", "staticmethod", "wraps"}
)
# With these, code can use names of its module that do not occur in it.
ANY_NAME = frozenset({"eval", "exec", "globals"})

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Unit(NamedTuple):
    """A top-level definition, or all loose statements of a module.

    Attributes:
        meaning: Digest, independent of comments, docstrings, formatting and annotations of functions: 16 hexadecimal
            digits.
        references: References: ":name" in the same module, "package.module.name" by an import, "=package.module" that
            is only loaded, "?text" for a string that may name a module or a definition (with a dot at the end: any
            module of a package), "*" for the whole module.
    """

    meaning: str
    references: list[str]


class ParsedSource(NamedTuple):
    """A parsed Python file.

    Attributes:
        units: Definitions by name; "" holds the loose statements.
        loose: Names that the loose statements bind.
        imports: Names imported from the package, with their targets; relative ones with a leading dot per level.
    """

    units: dict[str, Unit]
    loose: list[str]
    imports: dict[str, list[str]]


def read_source(file: Path, package: str) -> ParsedSource:
    """Parse a Python file, or take it from the cache.

    Args:
        file: Python file.
        package: Name of the package whose references are collected.

    Raises:
        SyntaxError: The file is not valid Python.
    """
    text = file.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    known = _known()
    if digest not in known:
        known[digest] = parse_source(ast.parse(text, str(file)), package)
        _new.add(digest)
    _used.add(digest)
    return known[digest]


def parse_source(tree: ast.Module, package: str) -> ParsedSource:
    """Collect the definitions of a module. This modifies the tree."""
    return _Reader(tree, package).source()


def canonical(node: object) -> str:
    """Serialise a syntax tree without positions and empty fields, which differ between Python versions."""
    if isinstance(node, ast.AST):
        fields = [
            f"{name}={canonical(value)}"
            for name, value in ast.iter_fields(node)
            if value is not None and value != [] and name not in ("ctx", "kind", "type_comment", "type_ignores")
        ]
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(canonical, node))}]"
    return repr(node)


def remember_sources() -> None:
    """Write the cache of parsed files, in `__pycache__`, if that is writable.

    Called automatically at the end of the process.
    """
    if not _new:
        return
    known = _known()
    if len(known) > MOST_KNOWN:
        known = {digest: known[digest] for digest in _used}
    with suppress(OSError), new_file(_memory()) as temporary:
        temporary.write_text(json.dumps(known, separators=(",", ":")), encoding="utf-8")
    _new.clear()


_new: set[str] = set()
_used: set[str] = set()


def _memory() -> Path:
    """The cache file of this version of the code: another version may compute other digests."""
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    return Path(__file__).parent / "__pycache__" / f"sources-{version}.json"


@functools.cache
def _known() -> dict[str, ParsedSource]:
    atexit.register(remember_sources)
    try:
        stored = json.loads(_memory().read_text(encoding="utf-8"))
        return {
            digest: ParsedSource({name: Unit(*unit) for name, unit in units.items()}, loose, imports)
            for digest, (units, loose, imports) in stored.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


class _Reader:
    """Sorts the statements of a module into definitions and loose statements, then analyses each."""

    def __init__(self, tree: ast.Module, package: str) -> None:
        self._package = package
        self._tree = _Stripped(tree).visit(tree)
        self._imports: defaultdict[str, list[str]] = defaultdict(list)
        self._loads: list[str] = []
        self._bodies: defaultdict[str, list[ast.AST]] = defaultdict(list)
        self._loose: list[ast.AST] = []
        self._wholes: list[str] = []

    def source(self) -> ParsedSource:
        statements = self._tree.body
        for statement in statements:
            for node in _in_scope([statement]):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    self._import(node)
        own = {name for statement in statements for name in _bound_in([statement])}
        for statement in statements:
            self._sort(statement, own)
        loose = _bound_in(self._loose)
        units = {name: self._unit(nodes) for name, nodes in self._bodies.items() if name not in loose}
        extra = self._loads + self._wholes
        # A name that loose statements bind too is no definition: all statements that bind it are loose.
        for name in loose & self._bodies.keys():
            self._loose += self._bodies[name]
        first = self._unit(self._loose) if self._loose else Unit("", [])
        units[""] = Unit(first.meaning, sorted({*first.references, *extra}))
        ours = {name: mine for name, each in self._imports.items() if (mine := list(filter(self._is_ours, each)))}
        return ParsedSource(units, sorted(loose), ours)

    def _is_ours(self, target: str) -> bool:
        return target.startswith(".") or target.split(".")[0] == self._package

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for name, target in _imported(node):
            if name == "*":
                self._wholes += [target] if self._is_ours(target) else []
            else:
                self._imports[name].append(target)
        self._loads += [f"={target}" for target in _loaded(node) if self._is_ours(target)]

    def _sort(self, statement: ast.stmt, own: set[str]) -> None:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.Pass():
                pass
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names = [(each, self._full_name(each)) for each in statement.decorator_list]
                statement.decorator_list = [each for each, name in names if name not in DECLARATIONS]
                roots = [(_root(each), name) for each, name in names if name not in DECLARATIONS]
                if any(root in own and not self._is_foreign(root) for root, _ in roots):
                    self._loose.append(statement)
                else:
                    self._bodies[statement.name].append(statement)
            case ast.Assign(targets=targets, value=value) if _binds_names_only(statement):
                for target in targets:
                    for name, part in _split(target, value):
                        self._bodies[name].append(part)
            case ast.If(test=test, body=body, orelse=[]) if _is_main(test):
                self._bodies[MAIN] += body
            case _:
                self._loose.append(statement)

    def _is_foreign(self, name: str) -> bool:
        """Whether a top-level name can only come from another package."""
        targets = self._imports.get(name, [])
        return bool(targets) and not any(map(self._is_ours, targets))

    def _full_name(self, decorator: ast.expr) -> str:
        chain = _chain(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if chain is None or chain[0] not in self._imports:
            return ""
        return ".".join([self._imports[chain[0]][0], *chain[1:]])

    def _unit(self, nodes: Sequence[ast.AST]) -> Unit:
        names = _Names()
        for node in nodes:
            names.visit(node)
        references = {f"?{text}" for text in names.texts if text.startswith(f"{self._package}.")}
        references |= {f"={target}" for target in names.loads if self._is_ours(target)}
        references |= {target for target in names.targets if self._is_ours(target)}
        used = set()
        for name, rest in names.chains:
            if name in self._bodies:
                references.add(f":{name}")
            for target in self._imports.get(name, ()):
                used.add(f"{name}={target}")
                if self._is_ours(target):
                    references.add(target + rest)
            if name in ANY_NAME:
                references.add("*")
        text = "\n".join([*map(canonical, nodes), *sorted(used)])
        return Unit(hashlib.sha256(text.encode()).hexdigest()[:16], sorted(references))


class _Stripped(ast.NodeTransformer):
    """Removes code without effect: string statements, annotations that are never evaluated, code for type checkers."""

    def __init__(self, tree: ast.Module) -> None:
        self._lazy = any(
            isinstance(node, ast.ImportFrom)
            and node.module == "__future__"
            and any(alias.name == "annotations" for alias in node.names)
            for node in tree.body
        )
        self._in_class = False

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._inside(node, in_class=True)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        if self._in_class or not self._lazy:
            return node
        return ast.Assign([node.target], node.value) if node.value is not None else None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        self.generic_visit(node)
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        self.generic_visit(node)
        test = _chain(node.test)
        if test is not None and test[-1] == "TYPE_CHECKING":
            return node.orelse or None
        return node

    def _function(self, node: Function) -> ast.AST:
        if self._lazy and all(_last(each) in DEAF_DECORATORS for each in node.decorator_list):
            node.returns = None
            arguments = node.args
            for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                each.annotation = None
            for one in (arguments.vararg, arguments.kwarg):
                if one is not None:
                    one.annotation = None
        return self._inside(node, in_class=False)

    def _inside(self, node: Definition, in_class: bool) -> ast.AST:
        before, self._in_class = self._in_class, in_class
        self.generic_visit(node)
        self._in_class = before
        node.body = node.body or [ast.Pass()]
        return node


class _Names(ast.NodeVisitor):
    """Global names that code uses, with their attributes, and its local imports.

    Attributes:
        chains: Names, each with its attributes: ("np", ".linalg.norm").
        targets: Full names used through local imports.
        loads: Modules that it imports locally.
        texts: Strings that may name a module or definition.
    """

    def __init__(self) -> None:
        self.chains: set[tuple[str, str]] = set()
        self.targets: set[str] = set()
        self.loads: set[str] = set()
        self.texts: set[str] = set()
        self._scopes: list[dict[str, list[str]]] = []
        """Names of each enclosing function, with their targets if they are imports."""
        self._in_class = False

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        before, self._in_class = self._in_class, True
        self.generic_visit(node)
        self._in_class = before

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node, node.body)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node, node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node, [node.body])

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._use(node.id, "")

    def visit_Global(self, node: ast.Global) -> None:
        self.chains |= {(name, "") for name in node.names}

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = _chain(node)
        if chain is None:
            self.generic_visit(node)
        else:
            self._use(chain[0], "".join(f".{name}" for name in chain[1:]))

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and re.fullmatch(r"\w+(\.\w+)+(:\w+)?|(\w+\.)+", node.value):
            self.texts.add(node.value)

    def visit_Import(self, node: ast.Import) -> None:
        self._import(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._import(node)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.loads |= set(_loaded(node))
        if self._in_class:
            # Uses of an import in the body of a class are hard to resolve: count all of them.
            self.targets |= {target for _, target in _imported(node)}

    def _function(self, node: Function | ast.Lambda, body: Sequence[ast.AST]) -> None:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
        outside: list[ast.AST | None] = [*arguments.defaults, *arguments.kw_defaults]
        outside += [each.annotation for each in every]
        if not isinstance(node, ast.Lambda):
            outside += [*node.decorator_list, node.returns, *getattr(node, "type_params", ())]
        for each in outside:
            if each is not None:
                self.visit(each)
        names: dict[str, list[str]] = {each.arg: [] for each in every}
        before, self._in_class = self._in_class, False
        with self._scope(names | _scope_of(body)):
            for statement in body:
                self.visit(statement)
        self._in_class = before

    def _comprehension(self, node: Comprehension) -> None:
        self.visit(node.generators[0].iter)
        bound = {name for generator in node.generators for name in _stored(generator.target)}
        with self._scope({name: [] for name in bound}):
            for field, value in ast.iter_fields(node):
                if field != "generators":
                    self.visit(value)
            for number, generator in enumerate(node.generators):
                for each in (generator.target, *generator.ifs, *([generator.iter] if number else [])):
                    self.visit(each)

    @contextmanager
    def _scope(self, names: dict[str, list[str]]) -> Iterator[None]:
        self._scopes.append(names)
        yield
        self._scopes.pop()

    def _use(self, name: str, rest: str) -> None:
        for scope in reversed(self._scopes):
            if name in scope:
                self.targets |= {target + rest for target in scope[name]}
                return
        self.chains.add((name, rest))


def _scope_of(body: Sequence[ast.AST]) -> dict[str, list[str]]:
    """Names that a function binds, with their targets if they are imports."""
    names: dict[str, list[str]] = {name: [] for name in _bound_in(body)}
    for node in _in_scope(body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name, target in _imported(node):
                names.setdefault(name, []).append(target)
    for node in _in_scope(body):
        if isinstance(node, ast.Global | ast.Nonlocal):
            for name in node.names:
                names.pop(name, None)
    return names


def _bound_in(body: Iterable[ast.AST]) -> set[str]:
    """Names that statements bind in their own scope."""
    names: set[str] = set()
    for node in _in_scope(body):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                names.add(name)
            case ast.Import() | ast.ImportFrom():
                names |= {name for name, _ in _imported(node)}
    return names


def _in_scope(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of statements, except those in nested functions, classes and comprehensions.

    An assignment expression in a comprehension binds a name outside it, and is included.
    """
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Comprehension):
            waiting += [each for each in ast.walk(node) if isinstance(each, ast.NamedExpr)]
        elif isinstance(node, Definition):
            waiting += node.decorator_list
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Names that an import binds, each with its full name."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        else:
            start = "." * node.level + (node.module or "")
            between = "" if alias.name == "*" or start.endswith(".") else "."
            yield alias.asname or alias.name, start if alias.name == "*" else f"{start}{between}{alias.name}"


def _loaded(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Modules that an import loads; the last part may be a definition."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    else:
        yield from (target for _, target in _imported(node))


def _stored(target: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _binds_names_only(statement: ast.Assign) -> bool:
    """Whether an assignment only defines names, and sets no item or attribute."""
    if any(isinstance(node, ast.NamedExpr) for node in _in_scope([statement.value])):
        return False
    leaves = (leaf for target in statement.targets for leaf in _leaves(target))
    return all(isinstance(leaf, ast.Name) and leaf.id != "_" for leaf in leaves)


def _leaves(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _leaves(each)
    elif isinstance(target, ast.Starred):
        yield from _leaves(target.value)
    else:
        yield target


def _split(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    """Names of an assignment, each with the part that defines it: `A, B = 1, 2` are two definitions."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif (
        isinstance(target, ast.Tuple)
        and isinstance(value, ast.Tuple)
        and len(target.elts) == len(value.elts)
        and not any(isinstance(each, ast.Starred) for each in (*target.elts, *value.elts))
    ):
        for one, part in zip(target.elts, value.elts, strict=True):
            yield from _split(one, part)
    else:
        whole = ast.Assign([target], value)
        yield from ((leaf.id, whole) for leaf in _leaves(target) if isinstance(leaf, ast.Name))


def _is_main(test: ast.expr) -> bool:
    return ast.unparse(test) == "__name__ == '__main__'"


def _chain(node: ast.AST) -> list[str] | None:
    """Name and attributes of `a.b.c`; None for any other expression."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else None


def _root(decorator: ast.expr) -> str:
    """First name of a decorator, if it begins with one."""
    node: ast.AST = decorator
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _last(decorator: ast.expr) -> str:
    """Last name of a decorator."""
    chain = _chain(decorator.func if isinstance(decorator, ast.Call) else decorator)
    return chain[-1] if chain else ""
