"""The command line: one verb per module of `uncover.commands`; those that begin with _ serve several verbs.

A module `a_b` beside a module `a` is the verb of two words `a b`: `heatmaps_collect` is `uncover heatmaps collect`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import signal
import sys
import threading
from collections.abc import Container, Sequence

import uncover
import uncover.commands
from uncover.console import say
from uncover.detector.launch import is_in_crew, run_crew
from uncover.errors import InputError
from uncover.workflow.gpu_slots import take_gpus
from uncover.workflow.gpu_use import gpu_use
from uncover.workflow.parent import PARENT, end_with_parent


def command_names() -> list[str]:
    """Modules of all verbs, in alphabetical order."""
    names = (module.name for module in pkgutil.iter_modules(uncover.commands.__path__))
    return sorted(name for name in names if not name.startswith("_"))


def verbs() -> dict[str, str]:
    """Module of every verb."""
    names = command_names()
    return {_verb_of(name, names): name for name in names}


def _verb_of(name: str, names: Container[str]) -> str:
    places = (place for place, character in enumerate(name) if character == "_" and name[:place] in names)
    first = next(places, None)
    return name if first is None else f"{name[:first]} {name[first + 1 :]}"


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs. Command modules import what is heavy only when they run, so this is quick."""
    parser = argparse.ArgumentParser(
        prog="uncover", description="Face detection under occlusion, explained and re-executed."
    )
    parser.add_argument("--version", action="version", version=f"uncover {uncover.__version__}")
    parsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, name in verbs().items():
        module = importlib.import_module(f"uncover.commands.{name}")
        own = parsers.add_parser(
            verb,
            help=module.SUMMARY,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(own)
        own.set_defaults(run=module.run, processes=getattr(module, "processes", _one))
    return parser


def _one(_: argparse.Namespace) -> int:
    """Processes of the verbs that say nothing of them."""
    return 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Returns:
        0 on success, 2 for bad input (one line on standard error), 130 when interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(_with_whole_verb(words))
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
    except OSError as error:
        if error.errno is None or (error.filename is None and error.strerror is None):
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"uncover {args.verb}: error: {where}{error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"uncover {args.verb}: interrupted", file=sys.stderr)
        return 130
    finally:
        used = gpu_use()
        if used is not None:
            say(used)


def _run(args: argparse.Namespace, words: Sequence[str]) -> int:
    if is_in_crew():
        return args.run(args) or 0
    processes = args.processes(args)
    if getattr(args, "device", None) == "auto":
        take_gpus(processes)
    return run_crew(processes, words, PARENT) if processes > 1 else args.run(args) or 0


def _with_whole_verb(words: Sequence[str]) -> list[str]:
    """The words of a command line, those of a verb of two as one. A folder of that name is given as `./name`."""
    whole = " ".join(words[:2])
    return [whole, *words[2:]] if whole in verbs() else list(words)


if __name__ == "__main__":
    sys.exit(main())
