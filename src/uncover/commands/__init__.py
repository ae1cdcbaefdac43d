"""The verbs of the command line: thin functions, a module per noun; nothing else reads arguments.

    @verb("heatmaps collect", "join the shards of heatmap sets", _heatmaps_collect_arguments)
    def run_heatmaps_collect(args: argparse.Namespace) -> int:

declares one; its docstring is the help, and ends with a section "Examples:" of command lines. Tables and figures have
verbs too, made by `uncover.report.command_line`.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field

Run = Callable[[argparse.Namespace], int]


EXAMPLES = "\n\nExamples:\n"
"""What separates the description of a verb from its examples, in its docstring."""


def _one(_: argparse.Namespace) -> int:
    return 1


def _nothing(_: argparse.Namespace) -> None:
    pass


@dataclass(frozen=True)
class Verb:
    """A verb of the command line.

    Attributes:
        name: One word or two: "heatmaps collect".
        summary: What it does, in the list of verbs.
        add_arguments: Declares its arguments. What is heavy is imported only where it runs.
        run: Does it; returns the exit code.
        processes: How many processes share it.
        report: Reports what it wrote, once, where several processes share it; runs after `run`, whose exit code was 0.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None] = field(repr=False)
    run: Run = field(repr=False)
    processes: Run = field(repr=False)
    report: Callable[[argparse.Namespace], None] = field(repr=False)

    @property
    def description(self) -> str:
        """What it reads and writes, for its help."""
        return (inspect.getdoc(self.run) or "").partition(EXAMPLES)[0]

    @property
    def examples(self) -> str:
        """Command lines, a line each and indented."""
        return (inspect.getdoc(self.run) or "").partition(EXAMPLES)[2]

    @property
    def code(self) -> list[str]:
        """What its result depends on, as `code_digest` takes it."""
        functions = (self.add_arguments, self.run, *([] if self.processes is _one else [self.processes]))
        return [f"{function.__module__}:{function.__name__}" for function in functions]


_verbs: dict[str, Verb] = {}


def verb(
    name: str,
    summary: str,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    processes: Run = _one,
    report: Callable[[argparse.Namespace], None] = _nothing,
) -> Callable[[Run], Run]:
    """Declare the function that runs a verb."""

    def declare(run: Run) -> Run:
        _verbs[name] = Verb(name, summary, add_arguments, run, processes, report)
        return run

    return declare


def load() -> dict[str, Verb]:
    """All verbs except those of tables and figures, by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return _verbs
