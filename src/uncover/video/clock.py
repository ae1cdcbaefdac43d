"""Monotonic times: camera clocks restart, step back, jump by hours, or give no time for some frames.

A frame that is not later than the one before is placed between its neighbours if the clock continues as before right
after it; otherwise the clock was restarted, and time continues at the usual step. A step forward of more than an hour,
and of more than `UNUSUAL` usual steps, is a jump of the clock and becomes one usual step; a shorter one is a gap in the
recording and is kept. A frame without a time is placed between its neighbours.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")

JUMP = 3600.0
"""Seconds from which a step forward is not a gap in a recording any more."""

UNUSUAL = 20
"""Number of usual steps from which a step is unusual: in a time-lapse, hours may lie between any two frames."""

GAP = 60.0
"""Seconds from which an unusual step that is kept is reported."""

WRAP = 2**33 / 90_000
"""Seconds after which the clock of MPEG wraps around to 0, 26.5 hours."""

LEAST = 1e-5
"""Minimum interval between two frames in seconds; slightly less than a step of MPEG's clock."""

HELD = 16
"""Maximum number of frames that wait for later frames to decide what happened to the clock."""

RECENT = 31
"""Number of steps whose median is the usual step."""


@dataclass(frozen=True)
class Timed(Generic[Item]):
    """A frame and its time.

    Attributes:
        item: The frame.
        second: Seconds since the first frame; always later than the frame before.
        joint: Whether the clock restarted or jumped just before it, so that the elapsed time is unknown.
    """

    item: Item
    second: float
    joint: bool = False


@dataclass
class _Kind:
    """Events of one kind: their number, and time and size of the first one."""

    count: int = 0
    second: float = 0.0
    by: float = 0.0

    def add(self, second: float, by: float = 0.0, count: int = 1) -> None:
        if not self.count:
            self.second, self.by = second, by
        self.count += count


@dataclass
class Clock:
    """The clock of one video, for one pass.

    Attributes:
        step: Seconds between two frames by the header, used until steps have been observed.
        origin: Time of the first frame, if reading starts in the middle.
    """

    step: float
    origin: float | None = None
    _restarts: _Kind = field(default_factory=_Kind)
    _jumps: _Kind = field(default_factory=_Kind)
    _gaps: _Kind = field(default_factory=_Kind)
    _displaced: _Kind = field(default_factory=_Kind)
    _untimed: _Kind = field(default_factory=_Kind)
    _steps: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    _offset: float | None = None
    _last: float | None = None
    _goes_untimed: bool = False
    _wrapped: bool = False

    def timed(self, shown: Iterable[tuple[Item, float | None]]) -> Iterator[Timed[Item]]:
        """Assign a time to each frame.

        Args:
            shown: Frames in display order, with the times that the file gives them.

        Yields:
            All frames in the same order. They are delayed only if the clock does something unusual.
        """
        self._offset = None if self.origin is None else -self.origin
        held: deque[tuple[Item, float | None]] = deque()
        for pair in shown:
            held.append(pair)
            while held and (settled := self._settle(held, over=False)):
                yield from settled
        while held:
            yield from self._settle(held, over=True)

    @property
    def rose(self) -> bool:
        """Whether the file's own times increased from frame to frame so far."""
        return not self._wrapped and not self.mended()

    def mended(self, untimed: bool = True) -> list[str]:
        """Errors of the clock so far, and how they were corrected.

        Args:
            untimed: Whether to report frames without a time.
        """
        told = []
        if self._restarts.count:
            told.append(
                f"its clock restarts {_times(self._restarts)} (first after second {self._restarts.second:.2f}, "
                f"{_long(-self._restarts.by)} back); frames after it continue without a gap"
            )
        if self._jumps.count:
            told.append(
                f"its clock jumps forward {_times(self._jumps)} (first after second {self._jumps.second:.2f}, by "
                f"{_long(self._jumps.by)}); frames after it continue without a gap"
            )
        if self._displaced.count:
            told.append(
                f"{_pictures(self._displaced)} not later than the one before (first after second "
                f"{self._displaced.second:.2f}); placed between their neighbours"
            )
        if untimed and self._untimed.count:
            told.append(
                f"{_pictures(self._untimed)} without a time (first at second {self._untimed.second:.2f}); placed"
                f" between their neighbours, or {self._usual():.3g} s after the one before"
            )
        return told

    def notes(self) -> list[str]:
        """Further observations that needed no correction."""
        if not self._gaps.count:
            return []
        return [
            f"no frame for {_long(self._gaps.by)} after second {self._gaps.second:.2f}"
            + (f", and {self._gaps.count - 1} more such gaps" if self._gaps.count > 1 else "")
        ]

    def _usual(self) -> float:
        return statistics.median(self._steps) if self._steps else self.step

    def _settle(self, held: deque[tuple[Item, float | None]], over: bool) -> list[Timed[Item]]:
        """The first waiting frames with their times; none if more frames are needed to decide."""
        raw = held[0][1]
        wait = not over and len(held) < HELD
        if raw is None:
            return self._place_untimed(held, wait)
        self._goes_untimed = False
        if self._offset is None:
            self._offset = (0.0 if self._last is None else self._last + self._usual()) - raw
        second = raw + self._offset
        if self._last is None:
            return [self._next(held, max(second, 0.0))]
        step = second - self._last
        if step < LEAST and LEAST <= step + WRAP <= JUMP:
            self._wrapped = True
            self._offset += WRAP
            second, step = second + WRAP, step + WRAP
        if step < LEAST:
            return self._place_earlier(held, wait)
        if step > JUMP:
            return self._place_far(held, wait)
        if step > GAP and step > UNUSUAL * self._usual():
            self._gaps.add(self._last, step)
        self._steps.append(step)
        return [self._next(held, second)]

    def _next(self, held: deque[tuple[Item, float | None]], second: float, joint: bool = False) -> Timed[Item]:
        self._last = second
        return Timed(held.popleft()[0], second, joint)

    def _between(self, held: deque[tuple[Item, float | None]], count: int, until: float) -> list[Timed[Item]]:
        """Some waiting frames, evenly spaced between the last one and a time."""
        begin = self._last or 0.0
        return [self._next(held, begin + (until - begin) * place / (count + 1)) for place in range(1, count + 1)]

    def _place_untimed(self, held: deque[tuple[Item, float | None]], wait: bool) -> list[Timed[Item]]:
        number = next((place for place, (_, raw) in enumerate(held) if raw is not None), None)
        # Without any frame with a time so far, there is nothing to be placed between.
        if self._last is not None and self._offset is not None:
            if number is None and wait and not self._goes_untimed:
                return []
            until = None if number is None else (held[number][1] or 0.0) + self._offset
            if number and until is not None and self._may_lie_between(number, until - self._last):
                self._untimed.add(self._last + (until - self._last) / (number + 1), count=number)
                return self._between(held, number, until)
        self._goes_untimed = number is None
        second = 0.0 if self._last is None else self._last + self._usual()
        self._untimed.add(second)
        return [self._next(held, second)]

    def _may_lie_between(self, number: int, seconds: float) -> bool:
        return LEAST < seconds / (number + 1) <= UNUSUAL * self._usual()

    def _place_earlier(self, held: deque[tuple[Item, float | None]], wait: bool) -> list[Timed[Item]]:
        """Frames that are not later than the last one."""
        assert self._last is not None and self._offset is not None
        highest = step = (held[0][1] or 0.0) + self._offset - self._last
        for number in range(1, len(held)):
            raw = held[number][1]
            if raw is None:
                continue
            later = raw + self._offset - self._last
            if (number + 1) * LEAST < later <= JUMP:
                self._displaced.add(self._last, count=number)
                return self._between(held, number, later + self._last)
            if later > highest:
                return [self._go_on(held, self._restarts, step, self._usual())]
            highest = max(highest, later)
        if wait:
            return []
        if -step >= self._usual():
            return [self._go_on(held, self._restarts, step, self._usual())]
        return [self._go_on(held, self._displaced, step, self._usual(), joint=False)]

    def _place_far(self, held: deque[tuple[Item, float | None]], wait: bool) -> list[Timed[Item]]:
        """A frame that is more than `JUMP` seconds after the last one."""
        assert self._last is not None and self._offset is not None
        step, usual = (held[0][1] or 0.0) + self._offset - self._last, self._usual()
        number = next((place for place in range(1, len(held)) if held[place][1] is not None), None)
        if number is None and wait:
            return []
        if number is not None:
            later = (held[number][1] or 0.0) + self._offset - self._last
            if (number + 1) * LEAST < later <= JUMP:
                self._displaced.add(self._last, count=number)
                return self._between(held, number, later + self._last)
            if not self._steps and later > step:
                usual = later - step
        if step > UNUSUAL * usual:
            return [self._go_on(held, self._jumps, step, usual)]
        self._steps.append(step)
        return [self._next(held, self._last + step)]

    def _go_on(
        self, held: deque[tuple[Item, float | None]], kind: _Kind, step: float, usual: float, joint: bool = True
    ) -> Timed[Item]:
        """The next frame, one usual step after the last one, like all following ones."""
        assert self._last is not None and self._offset is not None
        kind.add(self._last, step)
        self._offset += usual - step
        return self._next(held, self._last + usual, joint)


def _times(kind: _Kind) -> str:
    return "once" if kind.count == 1 else f"{kind.count} times"


def _pictures(kind: _Kind) -> str:
    return "1 frame is" if kind.count == 1 else f"{kind.count} frames are"


def _long(seconds: float) -> str:
    """Seconds as text; from one minute also as hours, minutes and seconds."""
    if seconds < 60:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    return f"{whole} s ({whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d} h)"
