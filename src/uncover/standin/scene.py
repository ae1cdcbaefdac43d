"""Everything that describes one picture, as plain frozen parameters.

A `Scene` holds no randomness: the same scene always gives the same picture. Lengths are millimetres of a head whose
pupils are 63 mm apart, angles are degrees, colours are BGR in 0..1, image positions are pixels from the top
left corner. The subject's right side is the image's left side in a frontal photo; +x is image right, +y up, +z towards
the viewer.
"""

from dataclasses import dataclass, field

Colour = tuple[float, float, float]


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
    """What the face does: `smile`, `mouth_open`, `eye_open` and `brow_raise` in 0..1, `gaze` in mm right and up."""

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
class Looks:
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
    """A surgical mask whose upper edge lies at `top` mm (negative: below the eyes)."""

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
        tilt: direction the fingers point to, degrees clockwise from up.
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


Covering = Cap | Glasses | FaceMask | Scarf | Hand | FeedingTube | Cpap | Blanket


@dataclass(frozen=True)
class Person:
    """One head with its shoulders, where it is and what covers it.

    Attributes:
        centre: image position of the face's centre, pixels.
        scale: pixels per mm at the face.
        yaw: degrees to the subject's left (image right); pitch: up; roll: clockwise in the image.
        body_roll: roll of the shoulders, degrees.
        camera_distance: mm, small values give strong perspective.
        seed: chooses the fine random texture (strands, freckles, cloth), nothing else.
    """

    centre: tuple[float, float]
    scale: float
    shape: Shape = Shape()
    expression: Expression = Expression()
    hair: Hair = Hair()
    looks: Looks = Looks()
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
    """What lies behind: `kind` is studio, indoor, outdoor, lab, wall or incubator."""

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
    """What the camera does: blur radii in px, sensor noise in grey levels, JPEG quality, plastic-wall glare in 0..1.

    `seed` chooses glare and noise; with `grain`, the frame of a video has a noise of its own under the same glare.
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
    """One picture: size in pixels, people (nearest first), background, light and camera."""

    width: int
    height: int
    people: tuple[Person, ...]
    backdrop: Backdrop = field(default_factory=Backdrop)
    light: Light = Light()
    lens: Lens = Lens()
