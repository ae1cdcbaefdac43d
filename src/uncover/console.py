"""What commands tell people, on standard error, through `logging`; and how they refuse what has several problems."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from uncover.errors import InputError

logger = logging.getLogger(__name__)

MOST_LINES = 20


class _StandardError(logging.Handler):
    """Plain lines on whatever `sys.stderr` is at the moment, as progress bars and tests replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "warning: " if record.levelno == logging.WARNING else ""
        print(prefix + self.format(record), file=sys.stderr, flush=True)


def set_up_logging() -> None:
    """Show what the package logs. Programs call it once; users from Python set up logging themselves."""
    package = logging.getLogger("uncover")
    if not any(isinstance(handler, _StandardError) for handler in package.handlers):
        package.addHandler(_StandardError())
        package.setLevel(logging.INFO)
        package.propagate = False


def warn_each(messages: Sequence[str], where_all: str) -> None:
    """Print a warning a line, and after the first few how many more there are and where to read them."""
    for message in messages[:MOST_LINES]:
        logger.warning(f"{message}")
    if len(messages) > MOST_LINES:
        logger.warning(f"{len(messages) - MOST_LINES} more like these: {where_all}")


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
        logger.info(f"problem: {problem}")
    if problems:
        rest = f", of which {MOST_LINES} are listed" if len(problems) > MOST_LINES else ""
        raise InputError(f"{where}: {len(problems)} problems{rest}; mend them and try again; the first: {problems[0]}")
