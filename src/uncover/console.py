"""What a command tells the person who runs it, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from uncover.errors import InputError

MOST_LINES = 20


def say(message: str) -> None:
    """Print one line."""
    print(message, file=sys.stderr, flush=True)


def warn_each(messages: Sequence[str], where_all: str) -> None:
    """Print a warning a line, and after the first few how many more there are and where to read them."""
    for message in messages[:MOST_LINES]:
        say(f"warning: {message}")
    if len(messages) > MOST_LINES:
        say(f"warning: {len(messages) - MOST_LINES} more like these: {where_all}")


def fail(problems: Sequence[str], where: str) -> None:
    """Refuse something for all that is wrong with it; nothing happens where nothing is.

    Args:
        problems: A line each, with file, row and what was expected.
        where: What is wrong as a whole, for the last line.

    Raises:
        InputError: There is a problem; of several, the first lines have been printed before.
    """
    if len(problems) == 1:
        raise InputError(problems[0])
    for problem in problems[:MOST_LINES]:
        say(f"problem: {problem}")
    if problems:
        rest = f", of which {MOST_LINES} are listed" if len(problems) > MOST_LINES else ""
        raise InputError(f"{where}: {len(problems)} problems{rest}; mend them and try again; the first: {problems[0]}")
