"""Declarations of the tables and figures of a run.

A decorator declares a function that reads records and returns a table or a figure:

    @table("table_06", "6: whole face only", caption="The RGB detector ...", inputs=lambda run: {"summaries": [...]})
    def scores(summaries: Sequence[Path], published: Path) -> Table:

The Snakefile makes a rule of the declaration, the command line a command (`uncover table_06`), and the report an entry
with the caption. Put the module into `report.tables` or `report.figures`, where `load` finds it.
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
"""Packages with declarations, by kind."""

WRITERS = {"table": "uncover.report.tables.table", "figure": "uncover.report.figures.style"}
"""Modules that write the files of each kind."""

FORMS = {"table": ("csv", "md", "tex"), "figure": ("png", "pdf")}
"""File extensions by kind; Snakemake's report shows the first one."""

Function = TypeVar("Function", bound=Callable[..., Any])
Files = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Entry:
    """A declared table or figure.

    Attributes:
        kind: "table" or "figure".
        name: Stem of its files and name of its rule.
        title: Short title for lists; without "table" or "figure" before a number.
        caption: One line per paragraph.
        function: Returns the table or figure.
        inputs: Input files by name for a run, or None if the run does not make this. Files that are no parameter of the
            function are dependencies only.
        options: Further arguments of the function by name; empty ones are left out.
        fixed: Arguments that are the same in every run and have no command-line option.
        command: Name of the entry whose command makes this, if it is not its own.
        mem_mb: Memory of the job, in MB.
        after_fetching: Whether the inputs depend on which weights could be fetched.
        keys: Columns that identify a row of a table, if they are not its leading text columns.
        chapter: Chapter of the page (`report.chapters`); empty derives it from the name.
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
        """Parameters of the function that are options of the command."""
        return [name for name in inspect.signature(self.function).parameters if name not in self.fixed]

    @property
    def code(self) -> tuple[str, str]:
        """Code that determines the output, as `code_digest` takes it; `fixed` is not part of the function."""
        return f"{self.function.__module__}:{self.function.__name__}", WRITERS[self.kind]

    def write(self, folder: Path, arguments: Mapping[str, Any]) -> None:
        """Make the table or figure and write its files into a folder.

        Args:
            folder: Output folder.
            arguments: Arguments of the function, without the fixed ones.
        """
        made = self.function(**self.fixed, **arguments)
        if self.kind == "table":
            made.write(folder)
        else:
            importlib.import_module(WRITERS["figure"]).save_figure(made, folder, self.name)


class Declared(NamedTuple):
    """What the source code tells about an entry without importing it.

    Attributes:
        kind: "table" or "figure".
        title: Title, as in `Entry`.
        module: Module that declares it.
        is_command: Whether it has a command of its own.
    """

    kind: str
    title: str
    module: str
    is_command: bool

    @property
    def summary(self) -> str:
        """What its command does, in one line."""
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
        ValueError: Another function is declared under the same name.
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
                f"{name} is declared by {_entries[name].code[0]} and by {new.code[0]}; expected one function per name"
            )
        return function

    return add


table = functools.partial(declare, "table")
figure = functools.partial(declare, "figure")


@functools.cache
def declared() -> dict[str, Declared]:
    """All entries by name, parsed from their source: fast, as nothing is imported."""
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
    """One entry. Imports its module only.

    Raises:
        KeyError: There is no entry of this name.
    """
    if name not in _entries:
        importlib.import_module(declared()[name].module)
    return _entries[name]


def load() -> dict[str, Entry]:
    """All entries by name, tables first."""
    for package in PACKAGES.values():
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    return {each.name: each for each in sorted(_entries.values(), key=lambda each: (each.kind != "table", each.name))}
