"""The command line: one verb per module of `uncover.commands`."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import signal
import sys
import threading
from collections.abc import Sequence

import uncover
import uncover.commands
from uncover.errors import InputError


def command_names() -> list[str]:
    """Every verb, in alphabetical order."""
    return sorted(module.name for module in pkgutil.iter_modules(uncover.commands.__path__))


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs. Command modules import what is heavy only when they run, so this is quick."""
    parser = argparse.ArgumentParser(
        prog="uncover", description="Face detection under occlusion, explained and re-executed."
    )
    parser.add_argument("--version", action="version", version=f"uncover {uncover.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name in command_names():
        module = importlib.import_module(f"uncover.commands.{name}")
        verb = verbs.add_parser(
            name,
            help=module.SUMMARY,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(verb)
        verb.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Returns:
        0 on success, 2 for bad input (one line on standard error), 130 when interrupted.
    """
    args = build_parser().parse_args(argv)
    # Before any library starts its threads: those that spin while they wait make a busy machine several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Without this, a terminated job would leave its temporary files behind.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return args.run(args) or 0
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


if __name__ == "__main__":
    sys.exit(main())
