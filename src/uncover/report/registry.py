"""One declaration for each table and figure of a run.

A function that reads records and returns a table or a figure is declared by a decorator:

    @table("table_06", "6: whole face only", caption="The RGB detector ...", inputs=lambda run: {"summaries": [...]})
    def scores(summaries: Sequence[Path], published: Path) -> Table:

The Snakefile makes a rule of it, the command line the verb `uncover table_06`, the report a place with its caption. Its
module stands in `report.tables` or `report.figures`, where `load` finds it; nothing lists it anywhere else.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from uncover.workflow.targets import Run

PACKAGES = {"table": "uncover.report.tables", "figure": "uncover.report.figures"}
"""Where declarations are looked for, by what they declare."""

WRITERS = {"table": "uncover.report.tables.table", "figure": "uncover.report.figures.style"}
"""Modules that write the files of each kind."""

FORMS = {"table": ("csv", "md", "tex"), "figure": ("png", "pdf")}
"""Endings of those files; the first of a kind stands in Snakemake's report."""

Function = TypeVar("Function", bound=Callable[..., Any])
Files = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Entry:
    """A declared table or figure.

    Attributes:
        kind: "table" or "figure".
        name: Of its files and its rule.
        title: Short, as lists show it; without the words table or figure before a number.
        caption: A line per paragraph.
        function: Returns the table or the figure.
        inputs: Files of a run by name, or None where the run does not make this. Those that the function has no
            parameter for are only waited for.
        options: Further arguments of the function by name; an empty one is left out.
        fixed: Arguments that are the same in every run and stand behind no option.
        command: Name of the entry whose verb makes this, where that is not its own.
        mem_mb: What the job needs.
        after_fetching: Whether inputs depend on which weights could be fetched.
        keys: Columns that name a row of a table, where these are not the words that it begins with.
        chapter: Of the page (`report.chapters`); empty leaves that to the name.
    """

    kind: str
    name: str
    title: str
    caption: str
    function: Callable[..., Any] = field(repr=False)
    inputs: Callable[[Run], Files | None] = field(repr=False)
    options: Callable[[Run], Mapping[str, Any]] = field(repr=False)
    fixed: Mapping[str, Any]
    command: str
    mem_mb: int
    after_fetching: bool
    keys: tuple[str, ...] = ()
    chapter: str = ""

    @property
    def parameters(self) -> list[str]:
        """Parameters of the function that are options of the command line."""
        return [name for name in inspect.signature(self.function).parameters if name not in self.fixed]

    @property
    def code(self) -> tuple[str, str]:
        """What its content hangs on, as `code_digest` takes it; `fixed` stands outside of the function."""
        return f"{self.function.__module__}:{self.function.__name__}", WRITERS[self.kind]

    def write(self, folder: Path, arguments: Mapping[str, Any]) -> None:
        """Make the table or figure and write its files into a folder.

        Args:
            folder: Where to.
            arguments: Of the function, without those that are fixed.
        """
        made = self.function(**self.fixed, **arguments)
        if self.kind == "table":
            made.write(folder)
        else:
            importlib.import_module(WRITERS["figure"]).save_figure(made, folder, self.name)


class Declared(NamedTuple):
    """What the source alone says of an entry.

    Attributes:
        kind: "table" or "figure".
        title: As that of `Entry`.
        module: That declares it.
        is_command: Whether it has a verb of its own.
    """

    kind: str
    title: str
    module: str
    is_command: bool

    @property
    def summary(self) -> str:
        """In one line, what its verb does."""
        verb = "write" if self.kind == "table" else "draw"
        return f"{verb} {self.kind} {self.title}" if self.title[0].isdigit() else f"{verb} {self.kind}: {self.title}"


_entries: dict[str, Entry] = {}


def declare(
    kind: str,
    name: str,
    title: str,
    *,
    caption: str,
    inputs: Callable[[Run], Files | None],
    options: Callable[[Run], Mapping[str, Any]] = lambda run: {},
    fixed: Mapping[str, Any] | None = None,
    command: str | None = None,
    mem_mb: int = 1000,
    after_fetching: bool = False,
    keys: tuple[str, ...] = (),
    chapter: str = "",
) -> Callable[[Function], Function]:
    """Declare what the decorated function returns; see `Entry` for the arguments.

    Raises:
        ValueError: Another function is declared under this name.
    """

    def add(function: Function) -> Function:
        new = Entry(
            kind=kind,
            name=name,
            title=title,
            caption=caption,
            function=function,
            inputs=inputs,
            options=options,
            fixed=fixed or {},
            command=command or name,
            mem_mb=mem_mb,
            after_fetching=after_fetching,
            keys=keys,
            chapter=chapter,
        )
        if _entries.setdefault(name, new).code != new.code:
            raise ValueError(
                f"{name} is declared by {_entries[name].code[0]} and by {new.code[0]}; expected one of a name"
            )
        return function

    return add


table = functools.partial(declare, "table")
figure = functools.partial(declare, "figure")


@functools.cache
def declared() -> dict[str, Declared]:
    """All entries by name, as their source declares them: fast, as nothing is imported."""
    found: dict[str, Declared] = {}
    for package in PACKAGES.values():
        for path in sorted(Path(__file__).parent.joinpath(package.rpartition(".")[2]).glob("*.py")):
            for node in ast.parse(path.read_bytes()).body:
                for call in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in PACKAGES:
                        name, title = map(ast.literal_eval, call.args)
                        own = all(keyword.arg != "command" for keyword in call.keywords)
                        found[name] = Declared(call.func.id, title, f"{package}.{path.stem}", own)
    return found


def entry(name: str) -> Entry:
    """One entry; imports its module alone.

    Raises:
        KeyError: There is none of this name.
    """
    if name not in _entries:
        importlib.import_module(declared()[name].module)
    return _entries[name]


def load() -> dict[str, Entry]:
    """All entries by name, those of tables first."""
    for package in PACKAGES.values():
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    return {each.name: each for each in sorted(_entries.values(), key=lambda each: (each.kind != "table", each.name))}
