"""How an infant moves: slowly all the time, quickly now and then, and out of the picture when carried."""

from dataclasses import dataclass, replace

import numpy as np

from uncover.standin.chance import Rng, around
from uncover.standin.scene import Person
from uncover.standin.surface import Array, smoothstep
from uncover.standin.timeline import Span

# Yaw, pitch, roll (degrees), right and down (shares of the face's height): how far the infant sways, how far it throws
# its head about.
_SWAY = np.array([9.0, 3.0, 4.0, 0.05, 0.035])
_THROW = np.array([40.0, 10.0, 24.0, 0.26, 0.13])
# Shares of the event `away` between which the infant is carried out, and mirrored back in.
_CARRY = (0.15, 0.40)


def eased(share: float, low: float, high: float) -> float:
    """0 at `low`, 1 at `high`, smooth between; `low` may be the larger one."""
    return float(smoothstep(low, high, np.asarray(share)))


def visiting(share: float, arrival: float = 0.27) -> float:
    """0 at both ends of an event, 1 in its middle; `arrival` is the share that coming takes, and going."""
    return eased(share, 0.0, arrival) * eased(share, 1.0, 1.0 - arrival)


@dataclass(frozen=True)
class Waves:
    """Five sums of two sines each, within -1..1: periods in seconds and phases in radians, (2, 5)."""

    periods: Array
    phases: Array

    def at(self, second: float) -> Array:
        """(5,) values."""
        return np.asarray(np.sin(2 * np.pi * second / self.periods + self.phases).mean(0))


def sample_waves(rng: Rng, shortest: float, longest: float) -> Waves:
    """Waves with periods of that many seconds."""
    return Waves(rng.uniform(shortest, longest, (2, 5)), rng.uniform(0, 2 * np.pi, (2, 5)))


@dataclass(frozen=True)
class Movement:
    """Where one infant is at any time.

    Attributes:
        person: the infant at rest.
        face: height of its face, pixels.
        way_out: pixels right and down to where nothing of it is in the picture.
        slow: how it sways.
        quick: how it throws its head about.
        mouth: seconds from one opening of the mouth to the next.
    """

    person: Person
    face: float
    way_out: tuple[float, float]
    slow: Waves
    quick: Waves
    mouth: float

    def at(self, second: float, span: Span) -> Person:
        """The infant at a time, in the event that then goes on."""
        moved = _SWAY * self.slow.at(second)
        share = span.share(second)
        if span.event == "movement":
            moved = moved + _THROW * visiting(share, 0.25) * self.quick.at(second)
        yaw, pitch, roll, right, down = moved.tolist()
        out = carried(share) if span.event == "away" else 0.0
        centre = (
            self.person.centre[0] + right * self.face + out * self.way_out[0],
            self.person.centre[1] + down * self.face + out * self.way_out[1],
        )
        still = self.person
        opening = max(float(np.sin(2 * np.pi * second / self.mouth)), 0.0) ** 2
        expression = replace(
            still.expression, mouth_open=max(still.expression.mouth_open, 0.5 * opening),
        )  # fmt: skip
        return replace(
            still, centre=centre, yaw=still.yaw + yaw, pitch=still.pitch + pitch, roll=still.roll + roll,
            body_yaw=still.body_yaw + 0.4 * yaw, body_roll=still.body_roll + 0.5 * roll, expression=expression,
        )  # fmt: skip

    def is_out(self, second: float, span: Span) -> bool:
        """Whether nothing of the infant is in the picture."""
        return span.event == "away" and carried(span.share(second)) == 1

    def speed(self, second: float, span: Span) -> tuple[float, float]:
        """Pixels a second at which the face moves, right and down, its turning taken in."""
        step = 0.01
        before, after = self.at(second - step / 2, span), self.at(second + step / 2, span)
        # A turn by one radian moves the nose by about half the height of a face.
        swept = np.radians(after.yaw - before.yaw) * 0.5 * self.face
        right = (after.centre[0] - before.centre[0] + float(swept)) / step
        return right, (after.centre[1] - before.centre[1]) / step


def carried(share: float) -> float:
    """How far out of the picture the infant is in the event `away`: 0 in its place, 1 outside."""
    return eased(share, *_CARRY) * eased(1 - share, *_CARRY)


def sample_movement(rng: Rng, person: Person, face: float, size: tuple[int, int]) -> Movement:
    """How an infant moves in pictures of `size` (width, height); it is carried off with its feet first."""
    turn = np.radians(person.body_roll)
    feet = np.array([-np.sin(turn), np.cos(turn)])
    middle = np.array(person.centre)
    room = np.where(feet > 0, np.array(size) - middle, middle) / np.maximum(np.abs(feet), 1e-6)
    # The head stands out behind the face's middle by more than its height.
    way = feet * (float(room.min()) + 1.9 * face)
    return Movement(
        person, face, (float(way[0]), float(way[1])), sample_waves(rng, 5, 11), sample_waves(rng, 0.9, 1.6),
        6 * around(rng, 0.2),
    )  # fmt: skip
