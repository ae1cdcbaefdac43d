"""The command line: the verbs of `uncover.commands`, and one for each table and figure of `uncover.report`.

A table or figure `a_b` beside one `a` is the verb of two words `a b`: `uncover table_10 baselines`.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import itertools
import logging
import os
import re
import shlex
import signal
import sys
import textwrap
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import uncover
from uncover import commands
from uncover.commands._listing import EVERYDAY, FIRST, MORE, listing, steps, summary_of, verb_of, verbs
from uncover.commands.completion import VARIABLE, candidates
from uncover.console import fail_with, output_to_error, set_up_logging
from uncover.errors import InputError, as_out_of_memory, is_out_of_memory
from uncover.extras import describe_missing
from uncover.report import command_line, registry
from uncover.workflow.gpus import gpu_use, take_gpus
from uncover.workflow.parent import PARENT, end_with_parent
from uncover.yolov5.launch import in_process_group, launch_processes

__all__ = ["EVERYDAY", "build_parser", "main", "reference", "verb_of", "verbs"]

logger = logging.getLogger(__name__)

ALIKE, MUCH_ALIKE = 0.6, 0.8
"""How much a word must be like a known one to count as that, mistyped, from 0 to 1; and if it may be a path."""

HELP_WIDTH = 100
"""Characters of a line of help in the documentation."""

COMMON = ("-v", "--verbose", "-q", "--quiet", "--json")
"""Options that may stand before the command too."""


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Fills paragraphs to the width of the terminal, and keeps lines that are indented."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines: list[str] = []
        for is_prose, group in itertools.groupby(text.splitlines(), lambda line: line[:1] not in ("", " ")):
            block = list(group)
            lines += textwrap.wrap(" ".join(block), width) if is_prose else block
        return "\n".join(lines)


class _Parser(argparse.ArgumentParser):
    """Keeps why words are refused, for `--json`."""

    def error(self, message: str) -> NoReturn:
        fail_with(message)
        super().error(message)


def build_parser(
    wanted: Collection[str] | None = None,
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and that of each verb.

    Command modules import what is heavy only when they run, and the source of tables and figures has enough for the
    list of verbs, so this is quick.

    Args:
        wanted: Tables and figures, by their verbs, whose options are needed; None for all of them.
    """
    known = commands.load()
    parser = _Parser(
        prog="uncover",
        description="Detect faces under occlusion, explain a YOLOv5 with heatmaps, train and score detectors.",
        epilog=f"{listing('commands', FIRST)}\n\n{listing('more commands', MORE)}\n\n"
        "`uncover COMMAND --help` prints options and examples. `uncover steps` lists the "
        f"{len(steps())} commands that the workflow calls, such as table_07.",
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="version", version=f"uncover {uncover.__version__}")
    _add_common_arguments(parser)
    parsers = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True, help="one of those below")
    own: dict[str, argparse.ArgumentParser] = {}
    for verb, name in verbs().items():
        own[verb] = parsers.add_parser(verb, formatter_class=_Formatter)
        if verb in known:
            own[verb].description = known[verb].description
            own[verb].epilog = f"examples:\n{known[verb].examples}"
            known[verb].add_arguments(own[verb])
            own[verb].set_defaults(run=known[verb].run, processes=known[verb].processes, report=known[verb].report)
        elif wanted is None or verb in wanted:
            entry = registry.entry(name)
            own[verb].description = command_line.description_of(entry)
            own[verb].epilog = f"examples:\n  uncover {verb} {command_line.example_of(entry)}"
            command_line.add_arguments(own[verb], entry)
            own[verb].set_defaults(run=functools.partial(command_line.run, entry), processes=_one, report=_nothing)
        _add_common_arguments(own[verb])
    return parser, own


def _add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of all commands; they may stand before the command too."""
    output = parser.add_argument_group("messages")
    group = output.add_mutually_exclusive_group()
    settings: dict[str, Any] = {"action": "store_true", "default": argparse.SUPPRESS}
    group.add_argument("-v", "--verbose", **settings, help="log more, with the time since the start")
    group.add_argument("-q", "--quiet", **settings, help="print warnings and errors only, and no progress")
    output.add_argument(
        "--json", **settings, help="print one JSON object on standard output, all else on standard error"
    )


def reference() -> str:
    """The help of all commands as Markdown, by group: a heading per command."""
    os.environ["COLUMNS"] = str(HELP_WIDTH)
    parser, own = build_parser()
    declared = registry.declared()
    parts = [f"## uncover\n\n```text\n{parser.format_help().strip()}\n```"]
    made = [verb for verb in steps() if verbs()[verb] in declared]
    groups = {
        "Main commands": FIRST,
        "More commands": MORE,
        "Workflow steps": [verb for verb in steps() if verb not in made],
        "Tables and figures": made,
    }
    for title, names in groups.items():
        parts.append(f"## {title}")
        parts += [f"### {name}\n\n```text\n{own[name].format_help().strip()}\n```" for name in names]
    return "\n\n".join(parts) + "\n"


def _one(_: argparse.Namespace) -> int:
    """Processes of tables and figures."""
    return 1


def _nothing(_: argparse.Namespace) -> None:
    """They report what they wrote themselves."""


def _as_file(word: str) -> str:
    """A word; with ./ before it if it looks like an option and is a file: the shell puts such names for *.mp4 too."""
    return f"./{word}" if word.startswith("-") and os.path.isfile(word) else word


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 on success, 2 for bad input or lack of memory (one line on standard error), 3 if only part was done, 130 when
        interrupted.

    Raises:
        SystemExit: The words cannot be parsed, or ask for help.
    """
    typed = sys.argv[1:] if argv is None else argv
    if os.environ.pop(VARIABLE, ""):
        return _complete(typed)
    words = _arranged([_as_file(word) for word in typed])
    given = words[: words.index("--") if "--" in words else None]
    quiet, verbose = _is_given(given, "-q", "--quiet"), _is_given(given, "-v", "--verbose")
    outcome = set_up_logging(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    # Of a group of processes, the one that started the others prints the object.
    if not _is_given(given, "--json") or in_process_group():
        return _main(words)
    code = 1
    try:
        with output_to_error():
            code = _main(words)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise
    except BaseException as error:
        fail_with(f"{type(error).__name__}: {error}")
        raise
    finally:
        print(outcome.as_json(uncover.__version__, _verb_in(words), code), flush=True)
    return code


def _main(words: Sequence[str]) -> int:
    parser, own = build_parser({words[0], " ".join(words[:2])} if words else ())
    mistyped = _mistyped(words, own)
    if mistyped is not None:
        fail_with(mistyped)
        parser.exit(2, f"{mistyped}\n")
    args = parser.parse_args(_with_whole_verb(words))
    # Before any library starts its threads: those that spin while they wait make a busy machine several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Without this, a terminated job would leave its temporary files behind.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    end_with_parent()
    logger.debug(f"uncover {uncover.__version__}, Python {sys.version.split()[0]}: {shlex.join(words)}")
    try:
        return _run(args, words)
    except InputError as error:
        return _end(args, f"error: {error}", 2)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "uncover":
            raise
        return _end(args, f"error: {describe_missing(error.name)}", 2)
    except BrokenPipeError:  # as in `uncover steps | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + signal.SIGPIPE
    except OSError as error:
        if error.errno is None or (error.filename is None and error.strerror is None):
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _end(args, f"error: {where}{error.strerror}", 2)
    except KeyboardInterrupt:
        return _end(args, "interrupted", 130)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        ended = as_out_of_memory(error)
        return _end(args, f"error: {ended}", 3 if ended.partly else 2)
    finally:
        used = gpu_use()
        if used is not None:
            logger.info(used)


def _end(args: argparse.Namespace, why: str, code: int) -> int:
    """Print why a command failed, in one line."""
    fail_with(why.removeprefix("error: "))
    print(f"uncover {args.verb}: {why}", file=sys.stderr)
    return code


def _run(args: argparse.Namespace, words: Sequence[str]) -> int:
    if in_process_group():
        return args.run(args) or 0
    processes = args.processes(args)
    if getattr(args, "device", None) == "auto":
        take_gpus(processes)
    code = launch_processes(processes, words, PARENT) if processes > 1 else args.run(args) or 0
    if code == 0:
        args.report(args)
    elif processes > 1:
        fail_with("a process failed; standard error has the reason")
    return code


def _complete(words: Sequence[str]) -> int:
    """Print what may stand at the place of the last word, for a shell."""
    words = [*(word for word in words[:-1] if word not in (*COMMON, "help")), *words[-1:]]
    _, own = build_parser({words[0], " ".join(words[:2])} if len(words) > 1 else ())
    for line in candidates(words, own, {verb: summary_of(verb) for verb in (*EVERYDAY, *steps())}):
        print(line)
    return 0


def _is_given(words: Iterable[str], *options: str) -> bool:
    """Whether one of some options of all commands is among the words; long ones may be cut short."""
    return any(word in options or (len(word) > 2 and options[-1].startswith(word)) for word in words)


def _arranged(words: Sequence[str]) -> list[str]:
    """The words with the command first: options of all commands may stand before it, and `help` stands for --help."""
    leading = next((place for place, word in enumerate(words) if word not in COMMON), len(words))
    before, rest = [*words[:leading]], [*words[leading:]]
    if rest[:1] == ["help"]:
        rest = [*rest[1:], "--help"]
    if rest and not rest[0].startswith("-") and rest[0].replace("-", "_") in verbs():
        rest[0] = rest[0].replace("-", "_")
    if not rest or rest[0].startswith("-"):
        return [*before, *rest]
    of_verb = 2 if " ".join(rest[:2]) in verbs() else 1
    return [*rest[:of_verb], *before, *rest[of_verb:]]


def _verb_in(words: Sequence[str]) -> str:
    """The verb that the words begin with, of one word or two."""
    return _with_whole_verb(words)[0] if words else ""


def _with_whole_verb(words: Sequence[str]) -> list[str]:
    """The words of a command line, those of a verb of two as one. A folder of that name is given as `./name`."""
    whole = " ".join(words[:2])
    return [whole, *words[2:]] if whole in verbs() else list(words)


def _mistyped(words: Sequence[str], parsers: Mapping[str, argparse.ArgumentParser]) -> str | None:
    """One line on a verb or an option that does not exist; None if all exist, or argparse reports it well."""
    if not words or words[0].startswith("-"):
        return None
    pair = " ".join(words[:2])
    verb = pair if pair in parsers else words[0]
    if verb not in parsers:
        typed, guess = max(((word, _closest(word, parsers)) for word in (words[0], pair)), key=lambda each: each[1][1])
        return _complaint("uncover", "command", typed if guess[0] else words[0], guess[0])
    if len(words) > 1 and re.fullmatch("[a-z]+", words[1]) and not Path(words[1]).exists():
        # What follows a verb may be a file that does not exist; a word close to the second of a verb is that, mistyped.
        of_two = [each for each in parsers if each.startswith(f"{verb} ")]
        guess = _closest(pair, of_two, MUCH_ALIKE)
        if guess[0] and pair != guess[0]:
            return _complaint("uncover", "command", pair, guess[0])
    options = [*parsers[verb]._option_string_actions]
    for word in words[: words.index("--") if "--" in words else None]:
        option = word.partition("=")[0]
        if option.startswith("--") and not any(each.startswith(option) for each in options):
            return _complaint(f"uncover {verb}", "option", option, _closest(option, options)[0])
    return None


def _complaint(command: str, what: str, typed: str, guess: str) -> str:
    meant = f' did you mean "{guess}"?' if guess else ""
    return f'{command}: no {what} "{typed}";{meant} `{command} --help` lists all'


def _closest(word: str, known: Iterable[str], alike: float = ALIKE) -> tuple[str, float]:
    """What of `known` a word is most like, and how much, from 0 to 1; empty if it is like none."""
    found = difflib.get_close_matches(word, list(known), 1, alike)
    return (found[0], difflib.SequenceMatcher(None, word, found[0]).ratio()) if found else ("", 0.0)


if __name__ == "__main__":
    sys.exit(main())
