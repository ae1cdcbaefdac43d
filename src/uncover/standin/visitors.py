"""What comes over an infant's face in a video and goes again: hands, a blanket drawn up, an adult leaning in."""

from dataclasses import dataclass, replace

import numpy as np

from uncover.standin.chance import (
    HAIRS,
    SKIN_SHARES,
    SKINS,
    Rng,
    around,
    happens,
    new_seed,
    pick,
    sample_looks,
    sample_shape,
)  # fmt: skip
from uncover.standin.movement import visiting
from uncover.standin.scene import Blanket, Colour, Expression, Hair, Hand, Person
from uncover.standin.timeline import Span

_GLOVE: Colour = (0.80, 0.62, 0.42)
_SCRUBS: tuple[Colour, ...] = ((0.62, 0.46, 0.26), (0.52, 0.58, 0.32), (0.90, 0.89, 0.87), (0.46, 0.34, 0.52))


@dataclass(frozen=True)
class Reach:
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
class Draw:
    """A blanket over the body that is drawn up over the face, to `top` mm, and down again."""

    blanket: Blanket
    top: float
    span: Span

    def at(self, second: float) -> Blanket:
        """The blanket at a time."""
        low = self.blanket.top
        return replace(self.blanket, top=low + (self.top - low) * visiting(self.span.share(second)))


@dataclass(frozen=True)
class Lean:
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


Visit = Reach | Draw | Lean


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
        return (Reach(own, way, span),)
    centre = (side * float(rng.uniform(5, 50)), float(rng.uniform(-45, -5)))
    tilt = -side * float(rng.uniform(35, 110))
    glove = _GLOVE if happens(rng, 0.4) else _adult_skin(rng)
    return (Reach(_adult_hand(rng, centre, tilt, pick(rng, _SCRUBS), glove), way, span),)


def two_hands(rng: Rng, span: Span, way: float) -> tuple[Visit, ...]:
    """An adult's hands from both sides, over the lower face and over the eyes."""
    glove = _GLOVE if happens(rng, 0.5) else _adult_skin(rng)
    sleeve = pick(rng, _SCRUBS)
    upper = 1.0 if happens(rng, 0.5) else -1.0
    return tuple(
        Reach(
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
        Reach(
            replace(
                _adult_hand(rng, (side * 78.0, -30.0), -side * float(rng.uniform(20, 50)), sleeve, glove), distance=0.0
            ),
            way, span,
        )
        for side in (-1.0, 1.0)
    )  # fmt: skip


def sample_lean(rng: Rng, span: Span, infant: Person, size: tuple[int, int]) -> Lean:
    """An adult who bends over the infant from the nearer side of a picture of `size` (width, height)."""
    x, y = infant.centre
    side = -1.0 if x < size[0] / 2 else 1.0
    scale = 1.15 * infant.scale
    roll = -side * float(rng.uniform(62, 88))
    skin = _adult_skin(rng)
    scrubs = pick(rng, _SCRUBS)
    adult = Person(
        centre=(x + side * float(rng.uniform(6, 26)) * scale, y + float(rng.uniform(-6, 10)) * scale), scale=scale,
        shape=sample_shape(rng, 0.0), expression=Expression(), looks=sample_looks(rng, skin, False),
        hair=Hair("short", pick(rng, HAIRS[:4]), 60.0, 9.0), yaw=180.0, pitch=around(rng, 5, 0), roll=roll,
        body_yaw=180.0, body_roll=roll, clothes=scrubs, camera_distance=900.0, seed=new_seed(rng),
    )  # fmt: skip
    room = x if side < 0 else size[0] - x
    return Lean(adult, (side * (room + 170 * scale), 0.1 * size[1]), span)


def sample_nurse_visit(
    rng: Rng, span: Span, way: float, infant: Person, size: tuple[int, int], blanket: Blanket | None
) -> tuple[Visit, ...]:
    """An adult at work who hides most of the face; `blanket` lies over the infant's body, or there is none."""
    if blanket is not None:
        side = 1.0 if happens(rng, 0.5) else -1.0
        hand = _adult_hand(
            rng, (side * 52.0, -42.0), -side * float(rng.uniform(50, 80)), pick(rng, _SCRUBS), _adult_skin(rng)
        )
        return (Draw(blanket, float(rng.uniform(-4, 14)), span), Reach(replace(hand, distance=30.0), way, span))
    if happens(rng, 0.5):
        return (sample_lean(rng, span, infant, size),)
    return two_hands(rng, span, way)


def sample_carry(rng: Rng, span: Span, way: float) -> tuple[Visit, ...]:
    """The hands that carry the infant off, and those that bring it back."""
    part = 0.6 * (span.stop - span.start)
    return (
        *_holding(rng, Span("away", span.start, span.start + part), way),
        *_holding(rng, Span("away", span.stop - part, span.stop), way),
    )
