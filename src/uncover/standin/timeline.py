"""Chance: what happens in a video, one event after the other."""

from dataclasses import dataclass

from uncover.footage.truth import Event
from uncover.standin.chance import Rng, around

_CYCLE_SECONDS = 16.0
# Share of a cycle that each event takes; between two of them the infant lies still for a while.
_SHARES: dict[Event, float] = {"movement": 1.3, "hand": 2.1, "nurse": 2.1, "dim": 1.9, "away": 3.0}
# Nothing is crowded into less.
_SECONDS_AN_EVENT = 2.2
_STILL_SHARE = 0.45


@dataclass(frozen=True)
class Span:
    """A stretch of a video, in seconds, in which one event goes on."""

    event: Event
    start: float
    stop: float

    def share(self, second: float) -> float:
        """How much of the stretch is over, 0 to 1."""
        return min(max((second - self.start) / (self.stop - self.start), 0.0), 1.0)


def timeline(rng: Rng, seconds: float) -> tuple[Span, ...]:
    """Events that fill a video.

    All of them come in each cycle of about 16 s, in any order, and between two of them the infant lies still. A video
    of less than 10 s has some of them only.
    """
    kinds = min(max(1, round(seconds / _SECONDS_AN_EVENT)), len(_SHARES))
    parts: list[tuple[Event, float]] = []
    for _ in range(max(1, round(seconds / _CYCLE_SECONDS))):
        for event in rng.permutation(list(_SHARES)).tolist()[:kinds]:
            parts += [("still", _STILL_SHARE * around(rng, 0.15)), (event, _SHARES[event] * around(rng, 0.08))]
    parts.append(("still", _STILL_SHARE))
    length = seconds / sum(share for _, share in parts)
    spans: list[Span] = []
    for event, share in parts:
        start = spans[-1].stop if spans else 0.0
        spans.append(Span(event, start, start + share * length))
    return tuple(spans)
