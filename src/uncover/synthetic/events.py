"""Random events in a video of an infant: movements, hands, a blanket, an adult leaning in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from uncover.data.video_truth import Event
from uncover.synthetic.scene import (
    HAIRS,
    SKIN_SHARES,
    SKINS,
    Blanket,
    Colour,
    Expression,
    Hair,
    Hand,
    Person,
    Rng,
    around,
    happens,
    new_seed,
    pick,
    sample_appearance,
    sample_shape,
)
from uncover.synthetic.surfaces import Array, smoothstep

_CYCLE_SECONDS = 16.0
# Relative duration of each event in a cycle; the infant lies still between two events.
_SHARES: dict[Event, float] = {"movement": 1.3, "hand": 2.1, "nurse": 2.1, "dim": 1.9, "away": 3.0}
# Minimum duration of an event.
_SECONDS_AN_EVENT = 2.2
_STILL_SHARE = 0.45

# Amplitudes of slow swaying and of fast head movements: yaw, pitch, roll (degrees), right and down (shares of the
# face's height).
_SWAY = np.array([9.0, 3.0, 4.0, 0.05, 0.035])
_THROW = np.array([40.0, 10.0, 24.0, 0.26, 0.13])
# The part of the event `away` in which the infant is carried out; it is carried back in at the mirrored time.
_CARRY = (0.15, 0.40)
_GLOVE: Colour = (0.80, 0.62, 0.42)
_SCRUBS: tuple[Colour, ...] = ((0.62, 0.46, 0.26), (0.52, 0.58, 0.32), (0.90, 0.89, 0.87), (0.46, 0.34, 0.52))


@dataclass(frozen=True)
class Span:
    """A time span of a video, in seconds, with one event."""

    event: Event
    start: float
    stop: float

    def share(self, second: float) -> float:
        """Elapsed share of the span, 0 to 1."""
        return min(max((second - self.start) / (self.stop - self.start), 0.0), 1.0)


def timeline(rng: Rng, seconds: float) -> tuple[Span, ...]:
    """Draw the sequence of events of a video.

    Each cycle of about 16 s contains all events in random order, and the infant lies still between two of them. A video
    of less than 10 s contains only some of them.
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


def eased(share: float, low: float, high: float) -> float:
    """Smooth step from 0 at `low` to 1 at `high`; `low` may be the larger one."""
    return float(smoothstep(low, high, np.asarray(share)))


def visiting(share: float, coming: float = 0.27) -> float:
    """Smooth transition from 0 at both ends of an event to 1 in its middle; `coming` is the share of one transition."""
    return eased(share, 0.0, coming) * eased(share, 1.0, 1.0 - coming)


@dataclass(frozen=True)
class Waves:
    """Five sums of two sines each, in -1..1: periods in seconds and phases in radians, (2, 5)."""

    periods: Array
    phases: Array

    def at(self, second: float) -> Array:
        """Values at a time, (5,)."""
        return np.asarray(np.sin(2 * np.pi * second / self.periods + self.phases).mean(0))


def sample_waves(rng: Rng, shortest: float, longest: float) -> Waves:
    """Draw waves with periods between `shortest` and `longest` seconds."""
    return Waves(rng.uniform(shortest, longest, (2, 5)), rng.uniform(0, 2 * np.pi, (2, 5)))


@dataclass(frozen=True)
class Movement:
    """Movement of an infant over time.

    Attributes:
        person: The infant at rest.
        face: Height of its face, in pixels.
        way_out: Displacement out of the frame, in pixels right and down.
        slow: Slow swaying.
        quick: Fast head movements.
        mouth: Period of opening the mouth, in seconds.
    """

    person: Person
    face: float
    way_out: tuple[float, float]
    slow: Waves
    quick: Waves
    mouth: float

    def at(self, second: float, span: Span) -> Person:
        """The infant at a time, during the event `span`."""
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
        """Whether the infant is outside the frame."""
        return span.event == "away" and carried(span.share(second)) == 1

    def speed(self, second: float, span: Span) -> tuple[float, float]:
        """Speed of the face, including rotation, in pixels a second right and down."""
        step = 0.01
        before, after = self.at(second - step / 2, span), self.at(second + step / 2, span)
        # A turn by one radian moves the nose by about half the height of a face.
        swept = np.radians(after.yaw - before.yaw) * 0.5 * self.face
        right = (after.centre[0] - before.centre[0] + float(swept)) / step
        return right, (after.centre[1] - before.centre[1]) / step


def carried(share: float) -> float:
    """Displacement of the infant in the event `away`: 0 in its place, 1 outside the frame."""
    return eased(share, *_CARRY) * eased(1 - share, *_CARRY)


def sample_movement(rng: Rng, person: Person, face: float, size: tuple[int, int]) -> Movement:
    """Draw the movement of an infant in frames of `size` (width, height); it is carried out feet first."""
    turn = np.radians(person.body_roll)
    feet = np.array([-np.sin(turn), np.cos(turn)])
    middle = np.array(person.centre)
    room = np.where(feet > 0, np.array(size) - middle, middle) / np.maximum(np.abs(feet), 1e-6)
    # The head extends beyond the middle of the face by more than the face's height.
    way = feet * (float(room.min()) + 1.9 * face)
    return Movement(
        person, face, (float(way[0]), float(way[1])), sample_waves(rng, 5, 11), sample_waves(rng, 0.9, 1.6),
        6 * around(rng, 0.2),
    )  # fmt: skip


@dataclass(frozen=True)
class HandVisit:
    """A hand that enters along its arm, stays for a while, and leaves.

    Attributes:
        hand: The hand in its resting position.
        way: Distance in mm from there to outside the frame.
        span: Time span of the visit.
    """

    hand: Hand
    way: float
    span: Span

    def at(self, second: float) -> tuple[Hand, ...]:
        """The hand at a time; empty outside the time span."""
        share = self.span.share(second)
        if not 0 < share < 1:
            return ()
        back = self.way * (1 - visiting(share))
        turn = np.radians(self.hand.tilt)
        # Small involuntary movement.
        stir = 2.5 * np.sin(2.1 * (second - self.span.start))
        x = self.hand.centre[0] - back * np.sin(turn) + stir
        y = self.hand.centre[1] - back * np.cos(turn) + 0.6 * stir
        return (replace(self.hand, centre=(float(x), float(y))),)


@dataclass(frozen=True)
class BlanketVisit:
    """A blanket over the body that is pulled up over the face, to `top` mm, and down again."""

    blanket: Blanket
    top: float
    span: Span

    def at(self, second: float) -> Blanket:
        """The blanket at a time."""
        low = self.blanket.top
        return replace(self.blanket, top=low + (self.top - low) * visiting(self.span.share(second)))


@dataclass(frozen=True)
class AdultVisit:
    """An adult, seen from behind, who leans in between camera and infant and leaves.

    Attributes:
        adult: The adult in the final position.
        way: Displacement from there out of the frame, in pixels right and down.
        span: Time span of the visit.
    """

    adult: Person
    way: tuple[float, float]
    span: Span

    def at(self, second: float) -> tuple[Person, ...]:
        """The adult at a time; empty outside the time span."""
        share = self.span.share(second)
        if not 0 < share < 1:
            return ()
        back = 1 - visiting(share)
        x, y = self.adult.centre
        return (replace(self.adult, centre=(x + back * self.way[0], y + back * self.way[1])),)


Visit = HandVisit | BlanketVisit | AdultVisit


def _adult_hand(rng: Rng, centre: tuple[float, float], tilt: float, sleeve: Colour, glove: Colour | None) -> Hand:
    return Hand(
        centre, tilt=tilt, distance=float(rng.uniform(4, 14)), curl=float(rng.uniform(0.05, 0.2)),
        spread=float(rng.uniform(1, 5)), size=1.1 * around(rng, 0.04), mirrored=happens(rng, 0.5), sleeve=sleeve,
        glove=glove,
    )  # fmt: skip


def _adult_skin(rng: Rng) -> Colour:
    return SKINS[int(rng.choice(len(SKINS), p=SKIN_SHARES))]


def sample_hand_visit(rng: Rng, span: Span, way: float, sleeve: Colour) -> tuple[Visit, ...]:
    """Draw one hand over a part of the face: the infant's own, or an adult's; `sleeve` is the infant's."""
    side = -1.0 if happens(rng, 0.5) else 1.0
    if happens(rng, 0.55):
        # The infant's own arm enters from below.
        centre = (side * float(rng.uniform(0, 26)), float(rng.uniform(-62, -22)))
        own = Hand(
            centre, tilt=-side * float(rng.uniform(8, 40)), distance=float(rng.uniform(0, 10)),
            curl=float(rng.uniform(0.05, 0.5)), spread=float(rng.uniform(3, 9)), size=0.64 * around(rng, 0.05),
            back=happens(rng, 0.75), mirrored=side > 0, sleeve=sleeve,
        )  # fmt: skip
        return (HandVisit(own, way, span),)
    centre = (side * float(rng.uniform(5, 50)), float(rng.uniform(-45, -5)))
    tilt = -side * float(rng.uniform(35, 110))
    glove = _GLOVE if happens(rng, 0.4) else _adult_skin(rng)
    return (HandVisit(_adult_hand(rng, centre, tilt, pick(rng, _SCRUBS), glove), way, span),)


def two_hands(rng: Rng, span: Span, way: float) -> tuple[Visit, ...]:
    """An adult's hands from both sides, over the lower face and over the eyes."""
    glove = _GLOVE if happens(rng, 0.5) else _adult_skin(rng)
    sleeve = pick(rng, _SCRUBS)
    upper = 1.0 if happens(rng, 0.5) else -1.0
    return tuple(
        HandVisit(
            _adult_hand(
                rng, (side * float(rng.uniform(14, 34)), (16.0 if side == upper else -36.0) + around(rng, 4, 0)),
                -side * float(rng.uniform(68, 104)), sleeve, glove,
            ),
            way, span,
        )
        for side in (-1.0, 1.0)
    )  # fmt: skip


def _holding(rng: Rng, span: Span, way: float) -> tuple[Visit, ...]:
    """An adult's hands at the sides of the head, as when lifting an infant."""
    glove, sleeve = _GLOVE if happens(rng, 0.5) else _adult_skin(rng), pick(rng, _SCRUBS)
    return tuple(
        HandVisit(
            replace(
                _adult_hand(rng, (side * 78.0, -30.0), -side * float(rng.uniform(20, 50)), sleeve, glove), distance=0.0
            ),
            way, span,
        )
        for side in (-1.0, 1.0)
    )  # fmt: skip


def sample_adult_visit(rng: Rng, span: Span, infant: Person, size: tuple[int, int]) -> AdultVisit:
    """Draw an adult who bends over the infant from the nearer side of a frame of `size` (width, height)."""
    x, y = infant.centre
    side = -1.0 if x < size[0] / 2 else 1.0
    scale = 1.15 * infant.scale
    roll = -side * float(rng.uniform(62, 88))
    skin = _adult_skin(rng)
    scrubs = pick(rng, _SCRUBS)
    adult = Person(
        centre=(x + side * float(rng.uniform(6, 26)) * scale, y + float(rng.uniform(-6, 10)) * scale), scale=scale,
        shape=sample_shape(rng, 0.0), expression=Expression(), appearance=sample_appearance(rng, skin, False),
        hair=Hair("short", pick(rng, HAIRS[:4]), 60.0, 9.0), yaw=180.0, pitch=around(rng, 5, 0), roll=roll,
        body_yaw=180.0, body_roll=roll, clothes=scrubs, camera_distance=900.0, seed=new_seed(rng),
    )  # fmt: skip
    room = x if side < 0 else size[0] - x
    return AdultVisit(adult, (side * (room + 170 * scale), 0.1 * size[1]), span)


def sample_nurse_visit(
    rng: Rng, span: Span, way: float, infant: Person, size: tuple[int, int], blanket: Blanket | None
) -> tuple[Visit, ...]:
    """Draw a visit of a nurse that hides most of the face; `blanket` is that over the infant's body, if any."""
    if blanket is not None:
        side = 1.0 if happens(rng, 0.5) else -1.0
        hand = _adult_hand(
            rng, (side * 52.0, -42.0), -side * float(rng.uniform(50, 80)), pick(rng, _SCRUBS), _adult_skin(rng)
        )
        return (
            BlanketVisit(blanket, float(rng.uniform(-4, 14)), span),
            HandVisit(replace(hand, distance=30.0), way, span),
        )
    if happens(rng, 0.5):
        return (sample_adult_visit(rng, span, infant, size),)
    return two_hands(rng, span, way)


def sample_carry(rng: Rng, span: Span, way: float) -> tuple[Visit, ...]:
    """Draw the hands that carry the infant out and back in."""
    part = 0.6 * (span.stop - span.start)
    return (
        *_holding(rng, Span("away", span.start, span.start + part), way),
        *_holding(rng, Span("away", span.stop - part, span.stop), way),
    )
