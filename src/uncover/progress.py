"""Progress of long loops: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from uncover.console import duration, is_quiet

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 10.0


def track(
    items: Iterable[Item], description: str, total: int | None = None, every: float | None = None
) -> Iterator[Item]:
    """Yield `items`, and show on standard error how many are done, how many per second, and the time left.

    Nothing is shown with `--quiet`.

    Args:
        items: What to loop over.
        description: A few words, such as "reading photos".
        total: Number of items, if `items` has no length.
        every: Seconds between two lines in a log, which then come however long an item takes; None prints one when an
            item has ended and `SECONDS_BETWEEN_LINES` have passed.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    started, done = time.monotonic(), 0
    if is_quiet():
        shown = iter(items)
    elif sys.stderr.isatty():
        shown = _bar(items, description, total)
    else:
        shown = _lines(items, description, total, every)
    for item in shown:
        yield item
        done += 1
    seconds = time.monotonic() - started
    logger.debug(f"{description}: {done} in {duration(seconds)}, {rate(done, seconds)}")


def rate(done: int, seconds: float) -> str:
    """Items per second, for reading: "29.3/s"."""
    return f"{done / seconds:.1f}/s" if seconds > 0 else "0.0/s"


def _bar(items: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    class RateAndTimeLeft(ProgressColumn):
        """Items per second, and the time that the rest takes at this rate."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            left = "" if task.time_remaining is None else f", {duration(task.time_remaining)} left"
            return Text("" if speed is None else f"{speed:.1f}/s{left}")

    # Names of files may hold brackets, which are no mark-up.
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), RateAndTimeLeft())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, total=total, description=description)


def _lines(items: Iterable[Item], description: str, total: int | None, every: float | None) -> Iterator[Item]:
    started = last = time.monotonic()
    done, ended = 0, threading.Event()

    def report() -> None:
        seconds = time.monotonic() - started
        of_total = f"/{total} ({done / total:.0%})" if total else ""
        left = f", {duration((total - done) * seconds / done)} left" if total and 0 < done < total else ""
        print(f"{description}: {done}{of_total}, {rate(done, seconds)}{left}", file=sys.stderr, flush=True)

    def keep_reporting(seconds: float) -> None:
        while not ended.wait(seconds):
            report()

    if every is not None:
        threading.Thread(target=keep_reporting, args=(every,), name="progress", daemon=True).start()
    try:
        for item in items:
            yield item
            done += 1
            if every is None and time.monotonic() - last >= SECONDS_BETWEEN_LINES:
                last = time.monotonic()
                report()
    finally:
        ended.set()
