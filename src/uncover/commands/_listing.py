"""All commands by group: the ten that users need first, further ones, and the steps of the workflow."""

from __future__ import annotations

import argparse
import functools
import shutil
import textwrap
from collections.abc import Container, Iterable

from uncover import commands
from uncover.commands import verb
from uncover.console import result
from uncover.report import registry

FIRST = (
    *("detect", "heatmaps", "frames", "labels", "train", "predict", "evaluate"),
    *("doctor", "plan", "summary"),
)
"""The ten commands that users need first: detect and explain with any weights; from videos to a detector of one's own
and its scores; check the installation, a run before it starts, and its results."""

MORE = (
    *("heatmaps export", "frames export", "frames import", "overlay", "train baseline", "predict baseline"),
    *("import_weights", "fetch_weights", "compare", "why", "completion", "steps"),
)
"""Further commands that people type; all others are steps of the workflow."""

EVERYDAY = (*FIRST, *MORE)


@functools.cache
def verbs() -> dict[str, str]:
    """Name of the verb itself, the table or the figure behind every verb, in alphabetical order."""
    made = [name for name, each in registry.declared().items() if each.is_command]
    names = {name: name for name in commands.load()} | {_in_words(name, made): name for name in made}
    return dict(sorted(names.items()))


def verb_of(name: str) -> str:
    """The verb of a table or figure, or a verb itself."""
    return next(verb for verb, own in verbs().items() if own == name)


def _in_words(name: str, names: Container[str]) -> str:
    places = (place for place, character in enumerate(name) if character == "_" and name[:place] in names)
    first = next(places, None)
    return name if first is None else f"{name[:first]} {name[first + 1 :]}"


def summary_of(verb: str) -> str:
    """What a verb does, in one line."""
    name = verbs()[verb]
    declared = registry.declared()
    return declared[name].summary if name in declared else commands.load()[name].summary


def steps() -> list[str]:
    """Verbs that are steps of the workflow."""
    return [verb for verb in verbs() if verb not in EVERYDAY]


def listing(title: str, names: Iterable[str]) -> str:
    """Verbs, each with what it does, as argparse would show them."""
    names = list(names)
    width, column = max(60, shutil.get_terminal_size().columns - 2), max(map(len, names)) + 2
    lines = [f"{title}:"]
    for name in names:
        start = f"    {name:<{column}}"
        lines += textwrap.wrap(summary_of(name), width, initial_indent=start, subsequent_indent=" " * len(start))
    return "\n".join(lines)


def steps_text() -> str:
    """The steps of the workflow, those of tables and figures in blocks of their own."""
    declared = registry.declared()
    groups: dict[str, list[str]] = {"data, training, evaluation and report": [], "tables": [], "figures": []}
    for name in steps():
        made = declared.get(verbs()[name])
        groups["data, training, evaluation and report" if made is None else f"{made.kind}s"].append(name)
    return "\n\n".join(listing(title, names) for title, names in groups.items())


def _steps_arguments(parser: argparse.ArgumentParser) -> None:
    pass


@verb("steps", "list the commands that the workflow calls", _steps_arguments)
def run_steps(args: argparse.Namespace) -> int:
    """List the commands that the rules of the workflow call.

    Snakemake runs these commands with the paths of a run. They can be run by hand as well: `uncover STEP --help` prints
    the options and an example.

    Examples:
      uncover steps
      uncover steps --json
    """
    print(steps_text())
    result({"steps": {name: summary_of(name) for name in steps()}})
    return 0
