"""The command line: the verbs of `uncover.commands`, and one for each table and figure of `uncover.report`.

A table or figure `a_b` beside one `a` is the verb of two words `a b`: `uncover table_10 baselines`.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import logging
import os
import re
import shutil
import signal
import sys
import textwrap
import threading
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from pathlib import Path

import uncover
from uncover import commands
from uncover.console import set_up_logging
from uncover.errors import InputError, as_out_of_memory, is_out_of_memory
from uncover.extras import describe_missing
from uncover.report import command_line, registry
from uncover.workflow.gpus import gpu_use, take_gpus
from uncover.workflow.parent import PARENT, end_with_parent
from uncover.yolov5.launch import in_process_group, launch_processes

logger = logging.getLogger(__name__)

EVERYDAY = (
    *("detect", "frames", "frames export", "frames import", "labels", "overlay", "train", "predict", "evaluate"),
    *("heatmaps", "heatmaps export", "import_weights", "fetch_weights", "train baseline", "predict baseline"),
    *("doctor", "plan", "why", "summary", "compare"),
)
"""Verbs that people type, in the order in which the help lists them; all others are steps of the workflow."""

ALIKE, MUCH_ALIKE = 0.6, 0.8
"""How much a word must be like a known one to be taken for that, mistyped, from 0 to 1; and where it may be a path."""


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


def build_parser(
    wanted: Collection[str] | None = None,
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and that of each verb.

    Command modules import what is heavy only when they run, and of tables and figures the source says enough for the
    list of verbs, so this is quick.

    Args:
        wanted: Tables and figures, by their verbs, to know the options of; None for all of them.
    """
    made, known = registry.declared(), commands.load()
    summaries = {verb: made[name].summary if name in made else known[name].summary for verb, name in verbs().items()}
    everyday = {verb: summaries.pop(verb) for verb in EVERYDAY}
    parser = argparse.ArgumentParser(
        prog="uncover",
        description="Face detection under occlusion, explained and re-executed.",
        epilog=f"{_listing('for your own photos and videos', everyday)}\n\n"
        f"{_listing('steps of the workflow, which Snakemake runs', summaries)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"uncover {uncover.__version__}")
    parsers = parser.add_subparsers(
        dest="verb", metavar="VERB", required=True, help="one of those below; `uncover VERB --help` says more"
    )
    own = {}
    for verb, name in verbs().items():
        if verb in known:
            own[verb] = parsers.add_parser(
                verb, description=known[verb].description, formatter_class=argparse.RawDescriptionHelpFormatter
            )
            known[verb].add_arguments(own[verb])
            own[verb].set_defaults(run=known[verb].run, processes=known[verb].processes)
            continue
        own[verb] = parsers.add_parser(verb)
        if wanted is None or verb in wanted:
            entry = registry.entry(name)
            own[verb].description = entry.caption
            command_line.add_arguments(own[verb], entry)
            own[verb].set_defaults(run=functools.partial(command_line.run, entry), processes=_one)
    return parser, own


def _listing(title: str, summaries: Mapping[str, str]) -> str:
    """Verbs, each with what it does, as argparse would show them."""
    width, column = max(60, shutil.get_terminal_size().columns - 2), max(map(len, verbs())) + 2
    lines = [f"{title}:"]
    for verb, summary in summaries.items():
        start = f"    {verb:<{column}}"
        lines += textwrap.wrap(summary, width, initial_indent=start, subsequent_indent=" " * len(start))
    return "\n".join(lines)


def _one(_: argparse.Namespace) -> int:
    """Processes of the verbs that say nothing of them."""
    return 1


def _as_file(word: str) -> str:
    """A word; with ./ before it where it looks like an option and is a file: *.mp4 stands for such names too."""
    return f"./{word}" if word.startswith("-") and os.path.isfile(word) else word


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Returns:
        0 on success, 2 for bad input or want of memory (one line on standard error), 3 where part was done, 130 when
        interrupted.

    Raises:
        SystemExit: The words are none that the parser knows.
    """
    set_up_logging()
    words = [_as_file(word) for word in (sys.argv[1:] if argv is None else argv)]
    parser, own = build_parser({words[0], " ".join(words[:2])} if words else ())
    mistyped = _mistyped(words, own)
    if mistyped is not None:
        parser.exit(2, f"{mistyped}\n")
    args = parser.parse_args(_with_whole_verb(words))
    # Before any library starts its threads: those that spin while they wait make a busy machine several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Without this, a terminated job would leave its temporary files behind.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    end_with_parent()
    try:
        return _run(args, words)
    except InputError as error:
        print(f"uncover {args.verb}: error: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "uncover":
            raise
        print(f"uncover {args.verb}: error: {describe_missing(error.name)}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno is None or (error.filename is None and error.strerror is None):
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"uncover {args.verb}: error: {where}{error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"uncover {args.verb}: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        ended = as_out_of_memory(error)
        print(f"uncover {args.verb}: error: {ended}", file=sys.stderr)
        return 3 if ended.partly else 2
    finally:
        used = gpu_use()
        if used is not None:
            logger.info(used)


def _run(args: argparse.Namespace, words: Sequence[str]) -> int:
    if in_process_group():
        return args.run(args) or 0
    processes = args.processes(args)
    if getattr(args, "device", None) == "auto":
        take_gpus(processes)
    return launch_processes(processes, words, PARENT) if processes > 1 else args.run(args) or 0


def _with_whole_verb(words: Sequence[str]) -> list[str]:
    """The words of a command line, those of a verb of two as one. A folder of that name is given as `./name`."""
    whole = " ".join(words[:2])
    return [whole, *words[2:]] if whole in verbs() else list(words)


def _mistyped(words: Sequence[str], parsers: Mapping[str, argparse.ArgumentParser]) -> str | None:
    """One line on a verb or an option that there is not; None where there is none such, or argparse says it well."""
    if not words or words[0].startswith("-"):
        return None
    pair = " ".join(words[:2])
    verb = pair if pair in parsers else words[0]
    if verb not in parsers:
        typed, guess = max(((word, _closest(word, parsers)) for word in (words[0], pair)), key=lambda each: each[1][1])
        return _complaint("uncover", "command", typed if guess[0] else words[0], guess[0])
    if len(words) > 1 and re.fullmatch("[a-z]+", words[1]) and not Path(words[1]).exists():
        # What follows a verb may be a file that is not there; a word much like a verb of two words is that more likely.
        of_two = [each for each in parsers if each.startswith(f"{verb} ")]
        guess = _closest(pair, of_two, MUCH_ALIKE)
        if guess[0] and pair != guess[0]:
            return _complaint("uncover", "command", pair, guess[0])
    options = [option for action in parsers[verb]._actions for option in action.option_strings]
    for word in words[: words.index("--") if "--" in words else None]:
        option = word.partition("=")[0]
        if option.startswith("--") and not any(each.startswith(option) for each in options):
            return _complaint(f"uncover {verb}", "option", option, _closest(option, options)[0])
    return None


def _complaint(command: str, what: str, typed: str, guess: str) -> str:
    meant = f' did you mean "{guess}"?' if guess else ""
    return f'{command}: no {what} "{typed}";{meant} `{command} --help` lists all'


def _closest(word: str, known: Iterable[str], alike: float = ALIKE) -> tuple[str, float]:
    """What of `known` a word is most like, and how much, from 0 to 1; empty where it is like none."""
    found = difflib.get_close_matches(word, list(known), 1, alike)
    return (found[0], difflib.SequenceMatcher(None, word, found[0]).ratio()) if found else ("", 0.0)


if __name__ == "__main__":
    sys.exit(main())
