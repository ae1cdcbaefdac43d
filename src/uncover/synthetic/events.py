"""What happens in a video of an infant, by chance: movements, hands, a blanket, an adult leaning in."""

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
# Share of a cycle that each event takes; between two of them the infant lies still for a while.
_SHARES: dict[Event, float] = {"movement": 1.3, "hand": 2.1, "nurse": 2.1, "dim": 1.9, "away": 3.0}
# Nothing is crowded into less.
_SECONDS_AN_EVENT = 2.2
_STILL_SHARE = 0.45

# Yaw, pitch, roll (degrees), right and down (shares of the face's height): how far the infant sways, how far it throws
# its head about.
_SWAY = np.array([9.0, 3.0, 4.0, 0.05, 0.035])
_THROW = np.array([40.0, 10.0, 24.0, 0.26, 0.13])
# Shares of the event `away` between which the infant is carried out, and mirrored back in.
_CARRY = (0.15, 0.40)
_GLOVE: Colour = (0.80, 0.62, 0.42)
_SCRUBS: tuple[Colour, ...] = ((0.62, 0.46, 0.26), (0.52, 0.58, 0.32), (0.90, 0.89, 0.87), (0.46, 0.34, 0.52))


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


def eased(share: float, low: float, high: float) -> float:
    """0 at `low`, 1 at `high`, smooth between; `low` may be the larger one."""
    return float(smoothstep(low, high, np.asarray(share)))


def visiting(share: float, coming: float = 0.27) -> float:
    """0 at both ends of an event, 1 in its middle; `coming` is the share that coming takes, and going."""
    return eased(share, 0.0, coming) * eased(share, 1.0, 1.0 - coming)


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


@dataclass(frozen=True)
class HandVisit:
    """A hand that comes in along its own arm, stays a while, and goes back.

    Attributes:
        hand: where it stays.
        way: mm from there to where it is out of the picture.
        span: when it comes and has gone again.
    """

    hand: Hand
    way: float
    span: Span

    def at(self, second: float) -> tuple[Hand, ...]:
        """The hand at a time; none before it comes and after it has gone."""
        share = self.span.share(second)
        if not 0 < share < 1:
            return ()
        back = self.way * (1 - visiting(share))
        turn = np.radians(self.hand.tilt)
        # A hand is never quite still.
        stir = 2.5 * np.sin(2.1 * (second - self.span.start))
        x = self.hand.centre[0] - back * np.sin(turn) + stir
        y = self.hand.centre[1] - back * np.cos(turn) + 0.6 * stir
        return (replace(self.hand, centre=(float(x), float(y))),)


@dataclass(frozen=True)
class BlanketVisit:
    """A blanket over the body that is drawn up over the face, to `top` mm, and down again."""

    blanket: Blanket
    top: float
    span: Span

    def at(self, second: float) -> Blanket:
        """The blanket at a time."""
        low = self.blanket.top
        return replace(self.blanket, top=low + (self.top - low) * visiting(self.span.share(second)))


@dataclass(frozen=True)
class AdultVisit:
    """An adult, seen from behind, who leans in between camera and infant and goes again.

    Attributes:
        adult: where the head stays.
        way: pixels right and down from there to where nobody is in the picture.
    """

    adult: Person
    way: tuple[float, float]
    span: Span

    def at(self, second: float) -> tuple[Person, ...]:
        """The adult at a time."""
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
    """One hand over more or less of the face: the infant's own, or an adult's; `sleeve` is the infant's."""
    side = -1.0 if happens(rng, 0.5) else 1.0
    if happens(rng, 0.55):
        # Its own arm comes from below.
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
    """An adult's hands at the sides of the head, as whoever lifts an infant holds it."""
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
    """An adult who bends over the infant from the nearer side of a picture of `size` (width, height)."""
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
    """An adult at work who hides most of the face; `blanket` lies over the infant's body, or there is none."""
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
    """The hands that carry the infant off, and those that bring it back."""
    part = 0.6 * (span.stop - span.start)
    return (
        *_holding(rng, Span("away", span.start, span.start + part), way),
        *_holding(rng, Span("away", span.stop - part, span.stop), way),
    )
