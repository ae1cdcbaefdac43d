"""Chance that adults and infants share: colours, proportions, light, hands."""

import zlib

import numpy as np

from uncover.standin.scene import Colour, Hand, Light, Looks, Shape

Rng = np.random.Generator

SKINS: tuple[Colour, ...] = (
    (0.66, 0.74, 0.93), (0.58, 0.69, 0.90), (0.50, 0.63, 0.86), (0.42, 0.56, 0.79), (0.32, 0.45, 0.68),
    (0.22, 0.33, 0.53), (0.15, 0.23, 0.38),
)  # fmt: skip
SKIN_SHARES = (0.18, 0.2, 0.2, 0.15, 0.12, 0.09, 0.06)
HAIRS: tuple[Colour, ...] = (
    (0.05, 0.05, 0.06), (0.07, 0.10, 0.15), (0.10, 0.17, 0.27), (0.20, 0.33, 0.48), (0.38, 0.56, 0.72),
    (0.10, 0.22, 0.48), (0.60, 0.62, 0.64),
)  # fmt: skip
_IRISES: tuple[Colour, ...] = (
    (0.10, 0.17, 0.28),
    (0.18, 0.30, 0.42),
    (0.55, 0.45, 0.30),
    (0.35, 0.48, 0.38),
    (0.05, 0.09, 0.15),
)


def rng_of(seed: int, name: str, index: int) -> Rng:
    """The chance of one photo or video: it depends on nothing but the seed, the set and the number in it."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(name.encode()), index]))


def pick(rng: Rng, options: tuple[Colour, ...]) -> Colour:
    return options[int(rng.integers(len(options)))]


def any_colour(rng: Rng) -> Colour:
    """Any colour, mostly muted as paint, cloth and wood are."""
    hue = rng.uniform(0.0, 1.0, 3)
    mixed = rng.uniform(0.12, 0.85) + rng.beta(1.6, 3.0) * (hue - hue.mean())
    return (
        float(np.clip(mixed[0], 0.03, 0.95)),
        float(np.clip(mixed[1], 0.03, 0.95)),
        float(np.clip(mixed[2], 0.03, 0.95)),
    )


def around(rng: Rng, spread: float, middle: float = 1.0) -> float:
    return float(np.clip(rng.normal(middle, spread), middle - 2.2 * spread, middle + 2.2 * spread))


def happens(rng: Rng, probability: float) -> bool:
    return bool(rng.uniform() < probability)


def new_seed(rng: Rng) -> int:
    return int(rng.integers(2**31))


def sample_shape(rng: Rng, age: float) -> Shape:
    return Shape(
        age=age, width=around(rng, 0.035), jaw_width=around(rng, 0.05), length=around(rng, 0.035),
        eye_size=around(rng, 0.06), eye_distance=around(rng, 0.03), eye_slant=around(rng, 0.8, 0.0),
        brow_height=around(rng, 1.3, 0.0), brow_thickness=around(rng, 0.16), nose_size=around(rng, 0.10),
        nose_width=around(rng, 0.10), mouth_width=around(rng, 0.05), lip_fullness=around(rng, 0.15),
        ear_size=around(rng, 0.08),
    )  # fmt: skip


def sample_looks(rng: Rng, skin: Colour, adult: bool) -> Looks:
    tone = around(rng, 0.03)
    return Looks(
        skin=(skin[0] * tone * around(rng, 0.03), skin[1] * tone, skin[2] * tone), iris=pick(rng, _IRISES),
        freckles=float(rng.uniform(0.3, 1)) if adult and happens(rng, 0.15) else 0.0,
        stubble=float(rng.uniform(0.2, 0.9)) if adult and happens(rng, 0.25) else 0.0,
        make_up=float(rng.uniform(0.4, 1)) if adult and happens(rng, 0.2) else 0.0, blush=float(rng.uniform(0.1, 0.9)),
    )  # fmt: skip


def sample_light(rng: Rng, dim: bool = False) -> Light:
    direction = (float(rng.uniform(-0.9, 0.9)), float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.4, 1.0)))
    power = float(rng.uniform(0.3, 0.6)) if dim else float(rng.uniform(0.98, 1.2))
    warmth = float(rng.normal(0, 0.05))
    ambient = float(rng.uniform(0.15, 0.35)) if dim else float(rng.uniform(0.36, 0.6))
    return Light(direction, ambient, (power * (1 - warmth), power, power * (1 + warmth)))


def sample_hand(rng: Rng, reach: float, size: float = 1.0) -> Hand:
    """A hand about `reach` mm from the middle of the face, fingers inwards or up."""
    x, y = rng.uniform(-reach, reach), rng.uniform(-reach - 25, 0.4 * reach)
    side = -1.0 if x < 0 else 1.0
    return Hand(
        (float(x), float(y)), tilt=float(-side * rng.uniform(0, 55)), distance=float(rng.uniform(0, 18)),
        curl=float(rng.choice([rng.uniform(0.05, 0.25), rng.uniform(0.45, 0.8)], p=[0.75, 0.25])),
        spread=float(rng.uniform(1, 9)), size=size * around(rng, 0.05), back=happens(rng, 0.75), mirrored=side > 0,
        sleeve=any_colour(rng),
    )  # fmt: skip
