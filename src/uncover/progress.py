"""Progress of long loops: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 10.0


def track(
    items: Iterable[Item], description: str, total: int | None = None, every: float | None = None
) -> Iterator[Item]:
    """Yield `items`, showing on standard error how far we are.

    Args:
        items: What to loop over.
        description: A few words, such as "reading photos".
        total: Number of items, where `items` cannot tell it.
        every: Seconds between two lines in a log, which then come however long an item takes; None prints one when an
            item has ended and `SECONDS_BETWEEN_LINES` have passed.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if sys.stderr.isatty():
        yield from _bar(items, description, total)
    else:
        yield from _lines(items, description, total, every)


def _bar(items: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.progress import TimeRemainingColumn as TimeRemaining
    from rich.text import Text

    class Speed(ProgressColumn):
        """Items a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.1f} a second")

    # Names of files may hold brackets, which are no mark-up.
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeRemaining(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, total=total, description=description)


def _lines(items: Iterable[Item], description: str, total: int | None, every: float | None) -> Iterator[Item]:
    of_total = f"/{total}" if total is not None else ""
    started = last = time.monotonic()
    done, ended = 0, threading.Event()

    def tell() -> None:
        now = time.monotonic()
        print(f"{description}: {done}{of_total}, {done / (now - started):.1f} a second", file=sys.stderr, flush=True)

    def keep_telling(seconds: float) -> None:
        while not ended.wait(seconds):
            tell()

    if every is not None:
        threading.Thread(target=keep_telling, args=(every,), name="progress", daemon=True).start()
    try:
        for item in items:
            yield item
            done += 1
            if every is None and time.monotonic() - last >= SECONDS_BETWEEN_LINES:
                last = time.monotonic()
                tell()
    finally:
        ended.set()
