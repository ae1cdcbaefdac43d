"""Parameters of a scene as frozen dataclasses, and random choices shared by all kinds of scenes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import numpy as np

Colour = tuple[float, float, float]

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


@dataclass(frozen=True)
class Shape:
    """Proportions of one head; every factor is 1 for the average adult.

    Attributes:
        age: 0 for an adult, 1 for an infant; everything between is interpolated.
        ear_size: how far the ears stand out.
    """

    age: float = 0.0
    width: float = 1.0
    jaw_width: float = 1.0
    length: float = 1.0
    eye_size: float = 1.0
    eye_distance: float = 1.0
    eye_slant: float = 0.0
    brow_height: float = 0.0
    brow_thickness: float = 1.0
    nose_size: float = 1.0
    nose_width: float = 1.0
    mouth_width: float = 1.0
    lip_fullness: float = 1.0
    ear_size: float = 1.0


@dataclass(frozen=True)
class Expression:
    """Facial expression: `smile`, `mouth_open`, `eye_open` and `brow_raise` in 0..1, `gaze` in mm right and up."""

    smile: float = 0.0
    mouth_open: float = 0.0
    eye_open: float = 1.0
    brow_raise: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Hair:
    """Hair of one head: `style` is bald, fuzz, short, fringe or long; `hairline` in mm above the eyes."""

    style: str = "short"
    colour: Colour = (0.10, 0.14, 0.20)
    hairline: float = 62.0
    thickness: float = 9.0


@dataclass(frozen=True)
class Appearance:
    """Colours and surface marks of one face; `freckles`, `stubble`, `make_up` and `blush` in 0..1."""

    skin: Colour = (0.55, 0.66, 0.85)
    iris: Colour = (0.25, 0.35, 0.45)
    freckles: float = 0.0
    stubble: float = 0.0
    make_up: float = 0.0
    blush: float = 0.4


@dataclass(frozen=True)
class Cap:
    """A cap that starts `front` mm above the eyes; `brim` is none, visor or wide; `lean` lowers one side."""

    colour: Colour
    stripe: Colour
    front: float = 46.0
    thickness: float = 8.0
    knitted: bool = True
    brim: str = "none"
    lean: float = 0.0


@dataclass(frozen=True)
class Glasses:
    """Spectacles, or sunglasses when `dark`."""

    colour: Colour
    dark: bool = False
    lens: tuple[float, float] = (25.0, 19.0)
    squareness: float = 2.6


@dataclass(frozen=True)
class FaceMask:
    """A surgical mask with its upper edge at `top` mm (negative: below the eyes)."""

    colour: Colour
    top: float = -16.0


@dataclass(frozen=True)
class Scarf:
    """A scarf wound round the neck up to `top` mm."""

    colour: Colour
    stripe: Colour
    top: float = -72.0


@dataclass(frozen=True)
class Hand:
    """A hand whose palm is centred on `centre` (face plane, mm).

    Attributes:
        tilt: direction of the fingers, degrees clockwise from up.
        distance: gap between face and palm, mm.
        curl: 0 for stretched fingers, 1 for a fist.
        spread: angle between neighbouring fingers, degrees.
        back: whether the back of the hand is towards the viewer.
        glove: colour of a glove, or None for the wearer's skin.
    """

    centre: tuple[float, float]
    tilt: float = 0.0
    distance: float = 6.0
    curl: float = 0.15
    spread: float = 5.0
    size: float = 1.0
    back: bool = True
    mirrored: bool = False
    sleeve: Colour = (0.5, 0.5, 0.5)
    glove: Colour | None = None


@dataclass(frozen=True)
class FeedingTube:
    """A nasogastric tube from one nostril over the cheek, with a tape patch; `side` -1 right cheek, +1 left."""

    side: int = 1
    radius: float = 2.2
    colour: Colour = (0.75, 0.85, 0.9)
    tape: Colour = (0.85, 0.88, 0.9)
    tape_size: float = 1.0
    oral: bool = False


@dataclass(frozen=True)
class Cpap:
    """A breathing device: nose piece, two hoses up over the forehead or out to the sides, straps."""

    colour: Colour = (0.8, 0.7, 0.55)
    strap: Colour = (0.8, 0.75, 0.7)
    size: float = 1.0
    upwards: bool = True


@dataclass(frozen=True)
class Blanket:
    """A cloth over everything below a slanted edge at `top` mm; `slope` in mm per mm."""

    colour: Colour
    stripe: Colour
    top: float = -70.0
    slope: float = 0.0
    pattern: str = "weave"


@dataclass(frozen=True)
class Panel:
    """A flat object in front of the face, such as a book, a sheet of paper or a tablet.

    Attributes:
        centre: face plane, mm, as of a hand.
        half: half of its width and height, mm.
        tilt: degrees clockwise.
        distance: gap to the face, mm.
        print: colour of the printed lines.
    """

    centre: tuple[float, float]
    half: tuple[float, float]
    colour: Colour
    print: Colour
    tilt: float = 0.0
    distance: float = 30.0


Covering = Cap | Glasses | FaceMask | Scarf | Hand | FeedingTube | Cpap | Blanket | Panel


@dataclass(frozen=True)
class Person:
    """A head with shoulders, its pose and position, and what covers it.

    Attributes:
        centre: image position of the face's centre, pixels.
        scale: pixels per mm at the face.
        yaw: degrees to the subject's left (image right); pitch: up; roll: clockwise in the image.
        body_roll: roll of the shoulders, degrees.
        camera_distance: mm, small values give strong perspective.
        seed: seed of the fine random texture (strands, freckles, cloth) only.
    """

    centre: tuple[float, float]
    scale: float
    shape: Shape = Shape()
    expression: Expression = Expression()
    hair: Hair = Hair()
    appearance: Appearance = Appearance()
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    body_yaw: float = 0.0
    body_roll: float = 0.0
    clothes: Colour = (0.5, 0.4, 0.35)
    coverings: tuple[Covering, ...] = ()
    camera_distance: float = 900.0
    seed: int = 0


@dataclass(frozen=True)
class Backdrop:
    """Background: `kind` is studio, indoor, outdoor, lab, wall or incubator."""

    kind: str = "studio"
    colours: tuple[Colour, ...] = ((0.6, 0.6, 0.6), (0.4, 0.4, 0.4))
    blur: float = 2.0
    decoys: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Light:
    """Direction (x right, y up, z towards the viewer), ambient share in 0..1, colour gain per BGR channel."""

    direction: tuple[float, float, float] = (-0.4, 0.5, 0.8)
    ambient: float = 0.45
    gain: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Lens:
    """Camera effects: blur radii in px, sensor noise in grey levels, JPEG quality, glare of a plastic wall in 0..1.

    `seed` determines glare and noise; if `grain` is set, it determines the noise, so that frames of a video share the
    glare but not the noise.
    """

    defocus: float = 0.0
    motion: float = 0.0
    motion_angle: float = 0.0
    noise: float = 2.0
    quality: int = 90
    glare: float = 0.0
    seed: int = 0
    grain: int | None = None


@dataclass(frozen=True)
class Scene:
    """A scene: image size in pixels, people (nearest first), background, light and camera."""

    width: int
    height: int
    people: tuple[Person, ...]
    backdrop: Backdrop = field(default_factory=Backdrop)
    light: Light = Light()
    lens: Lens = Lens()


def rng_of(seed: int, name: str, index: int) -> Rng:
    """Random generator of one photo or video; depends only on the seed, the name of the set and the index in it."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(name.encode()), index]))


def pick(rng: Rng, options: tuple[Colour, ...]) -> Colour:
    """Draw one of several colours."""
    return options[int(rng.integers(len(options)))]


def any_colour(rng: Rng) -> Colour:
    """Draw a colour, mostly muted like paint, cloth and wood."""
    hue = rng.uniform(0.0, 1.0, 3)
    mixed = rng.uniform(0.12, 0.85) + rng.beta(1.6, 3.0) * (hue - hue.mean())
    return (
        float(np.clip(mixed[0], 0.03, 0.95)),
        float(np.clip(mixed[1], 0.03, 0.95)),
        float(np.clip(mixed[2], 0.03, 0.95)),
    )


def around(rng: Rng, spread: float, middle: float = 1.0) -> float:
    """Draw from a normal distribution, clipped to 2.2 standard deviations."""
    return float(np.clip(rng.normal(middle, spread), middle - 2.2 * spread, middle + 2.2 * spread))


def happens(rng: Rng, probability: float) -> bool:
    """Draw True with a probability."""
    return bool(rng.uniform() < probability)


def new_seed(rng: Rng) -> int:
    """Draw a seed."""
    return int(rng.integers(2**31))


def sample_shape(rng: Rng, age: float) -> Shape:
    """Draw the proportions of a head."""
    return Shape(
        age=age, width=around(rng, 0.035), jaw_width=around(rng, 0.05), length=around(rng, 0.035),
        eye_size=around(rng, 0.06), eye_distance=around(rng, 0.03), eye_slant=around(rng, 0.8, 0.0),
        brow_height=around(rng, 1.3, 0.0), brow_thickness=around(rng, 0.16), nose_size=around(rng, 0.10),
        nose_width=around(rng, 0.10), mouth_width=around(rng, 0.05), lip_fullness=around(rng, 0.15),
        ear_size=around(rng, 0.08),
    )  # fmt: skip


def sample_appearance(rng: Rng, skin: Colour, adult: bool) -> Appearance:
    """Draw the appearance of a face of a skin colour."""
    tone = around(rng, 0.03)
    return Appearance(
        skin=(skin[0] * tone * around(rng, 0.03), skin[1] * tone, skin[2] * tone), iris=pick(rng, _IRISES),
        freckles=float(rng.uniform(0.3, 1)) if adult and happens(rng, 0.15) else 0.0,
        stubble=float(rng.uniform(0.2, 0.9)) if adult and happens(rng, 0.25) else 0.0,
        make_up=float(rng.uniform(0.4, 1)) if adult and happens(rng, 0.2) else 0.0, blush=float(rng.uniform(0.1, 0.9)),
    )  # fmt: skip


def sample_light(rng: Rng, dim: bool = False) -> Light:
    """Draw the light of a scene."""
    direction = (float(rng.uniform(-0.9, 0.9)), float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.4, 1.0)))
    power = float(rng.uniform(0.3, 0.6)) if dim else float(rng.uniform(0.98, 1.2))
    warmth = float(rng.normal(0, 0.05))
    ambient = float(rng.uniform(0.15, 0.35)) if dim else float(rng.uniform(0.36, 0.6))
    return Light(direction, ambient, (power * (1 - warmth), power, power * (1 + warmth)))


def sample_hand(rng: Rng, reach: float, size: float = 1.0) -> Hand:
    """Draw a hand within about `reach` mm of the middle of the face, with fingers inwards or up."""
    x, y = rng.uniform(-reach, reach), rng.uniform(-reach - 25, 0.4 * reach)
    side = -1.0 if x < 0 else 1.0
    return Hand(
        (float(x), float(y)), tilt=float(-side * rng.uniform(0, 55)), distance=float(rng.uniform(0, 18)),
        curl=float(rng.choice([rng.uniform(0.05, 0.25), rng.uniform(0.45, 0.8)], p=[0.75, 0.25])),
        spread=float(rng.uniform(1, 9)), size=size * around(rng, 0.05), back=happens(rng, 0.75), mirrored=side > 0,
        sleeve=any_colour(rng),
    )  # fmt: skip
