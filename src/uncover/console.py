"""What a command tells the person who runs it, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence

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
