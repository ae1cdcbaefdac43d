"""Random scenes with infants: in an incubator, or as in photos on the web."""

from dataclasses import replace
from typing import Literal

from uncover.synthetic.scene import (
    HAIRS,
    SKIN_SHARES,
    SKINS,
    Backdrop,
    Blanket,
    Cap,
    Colour,
    Covering,
    Cpap,
    Expression,
    FeedingTube,
    Hair,
    Hand,
    Lens,
    Person,
    Rng,
    Scene,
    around,
    happens,
    new_seed,
    pick,
    sample_appearance,
    sample_hand,
    sample_light,
    sample_shape,
)

Grade = Literal["none", "easy", "medium", "hard"]

FACE_MM = 104.0
PASTELS: tuple[Colour, ...] = (
    (0.92, 0.90, 0.88), (0.93, 0.82, 0.70), (0.80, 0.76, 0.92),
    (0.72, 0.90, 0.93), (0.76, 0.88, 0.74), (0.88, 0.72, 0.82),
)  # fmt: skip


def _infant(rng: Rng) -> Person:
    """An infant without pose, place or covers; most are asleep."""
    skin_rank = int(rng.choice(len(SKINS), p=SKIN_SHARES))
    skin = SKINS[skin_rank]
    ruddy = float(rng.uniform(0.86, 1.0))
    asleep = happens(rng, 0.7)
    expression = Expression(
        smile=0.0, mouth_open=float(rng.uniform(0.2, 0.9)) if happens(rng, 0.25) else 0.0,
        eye_open=float(rng.uniform(0, 0.06)) if asleep else around(rng, 0.12, 0.8),
    )  # fmt: skip
    shape = replace(sample_shape(rng, float(rng.uniform(0.88, 1.0))), brow_thickness=float(rng.uniform(0.5, 0.8)))
    dark, share = pick(rng, HAIRS[:4]), float(rng.uniform(0.35, 0.65))
    # Skin is visible through the downy hair.
    down: Colour = (
        share * dark[0] + (1 - share) * 0.7 * skin[0], share * dark[1] + (1 - share) * 0.7 * skin[1],
        share * dark[2] + (1 - share) * 0.7 * skin[2],
    )  # fmt: skip
    appearance = replace(
        sample_appearance(rng, (skin[0] * ruddy, skin[1] * ruddy, skin[2]), False), blush=float(rng.uniform(0.5, 1))
    )
    return Person(
        centre=(0, 0), scale=1, shape=shape, expression=expression, appearance=appearance,
        hair=Hair("fuzz" if happens(rng, 0.5) else "bald", down, around(rng, 4, 74), 1.0),
        clothes=pick(rng, PASTELS), camera_distance=float(rng.uniform(500, 1100)), seed=new_seed(rng),
    )  # fmt: skip


def _knitted(rng: Rng, low: float, high: float) -> Cap:
    return Cap(
        pick(rng, PASTELS),
        pick(rng, PASTELS),
        float(rng.uniform(low, high)),
        lean=float(rng.uniform(-8, 8)),
    )


def _tube(rng: Rng, tape: tuple[float, float] = (0.7, 1.1)) -> FeedingTube:
    tints: tuple[Colour, ...] = ((0.75, 0.85, 0.90), (0.85, 0.88, 0.88), (0.65, 0.80, 0.92))
    tapes: tuple[Colour, ...] = ((0.92, 0.93, 0.94), (0.62, 0.74, 0.86), (0.80, 0.82, 0.84))
    return FeedingTube(
        int(rng.choice([-1, 1])), float(rng.uniform(1.6, 2.6)), pick(rng, tints), pick(rng, tapes),
        float(rng.uniform(*tape)), happens(rng, 0.25),
    )  # fmt: skip


def _sheet(rng: Rng, low: float, high: float, slope: float) -> Blanket:
    pattern = str(rng.choice(["weave", "stripes", "checks", "dots"]))
    return Blanket(
        pick(rng, PASTELS),
        pick(rng, PASTELS),
        float(rng.uniform(low, high)),
        float(rng.uniform(-slope, slope)),
        pattern,
    )


def _device(rng: Rng) -> Cpap:
    shells: tuple[Colour, ...] = ((0.86, 0.76, 0.58), (0.88, 0.88, 0.86), (0.78, 0.82, 0.62))
    return Cpap(pick(rng, shells), pick(rng, PASTELS), float(rng.uniform(1.0, 1.45)), happens(rng, 0.6))


def _infant_hand(rng: Rng, reach: float) -> Hand:
    glove = pick(rng, PASTELS) if happens(rng, 0.2) else None
    return replace(sample_hand(rng, reach, 0.62), sleeve=pick(rng, PASTELS), glove=glove)


def _grade_covers(rng: Rng, grade: Grade) -> tuple[Covering, ...]:
    """Occluders of each grade of section 4.6 of the thesis."""
    if grade == "none":
        return ()
    if grade == "easy":
        kind = int(rng.integers(3))
        return ((_knitted(rng, 12, 38),), (_tube(rng),), (_knitted(rng, 14, 40), _tube(rng)))[kind]
    if grade == "medium":
        heavy: tuple[Covering, ...] = (
            _sheet(rng, -70, -48, 0.12), _infant_hand(rng, 55), replace(_device(rng), size=0.85),
        )  # fmt: skip
        return (_knitted(rng, 8, 26), _tube(rng, (1.1, 1.7)), heavy[int(rng.integers(3))])
    kind = int(rng.integers(4))
    if kind == 0:
        return (_knitted(rng, 4, 18), _sheet(rng, -34, -12, 0.2))
    if kind == 1:
        return (_knitted(rng, 8, 22), _device(rng), _sheet(rng, -66, -44, 0.2))
    if kind == 2:
        cover = replace(_infant_hand(rng, 14), size=1.05, curl=0.08)
        return (
            _knitted(rng, 8, 26),
            replace(cover, centre=(cover.centre[0], cover.centre[1] + 2)),
            _sheet(rng, -70, -48, 0.2),
        )
    adult_hand = replace(sample_hand(rng, 26), glove=(0.80, 0.62, 0.42) if happens(rng, 0.5) else None, size=1.1)
    return (_knitted(rng, 8, 24), adult_hand, _tube(rng, (1.2, 1.8)))


def incubator(rng: Rng, size: int, grade: Grade) -> Scene:
    """A frame of a camera over an incubator with one lying infant, of a grade of section 4.6 of the thesis."""
    width, height = size, round(size * 0.75)
    person = _infant(rng)
    face = height * float(rng.uniform(0.30, 0.46))
    turn = {"none": 25.0, "easy": 30.0, "medium": 90.0, "hard": 140.0}[grade]
    side = {"none": 18.0, "easy": 18.0, "medium": 34.0, "hard": 42.0}[grade]
    roll, yaw = float(rng.uniform(-turn, turn)), float(rng.uniform(-side, side))
    centre = (width * float(rng.uniform(0.36, 0.64)), height * float(rng.uniform(0.40, 0.58)))
    person = replace(
        person, centre=centre, scale=face / FACE_MM, yaw=yaw, pitch=around(rng, 7, 2), roll=roll,
        body_yaw=0.6 * yaw, body_roll=roll + around(rng, 8, 0), coverings=_grade_covers(rng, grade),
    )  # fmt: skip
    backdrop = Backdrop(
        "incubator", (pick(rng, PASTELS), pick(rng, PASTELS)), float(rng.uniform(0.3, 0.9)), 0, new_seed(rng)
    )
    lens = Lens(defocus=float(rng.uniform(0, 0.5)), noise=float(rng.uniform(1, 3)), glare=float(rng.uniform(0, 0.2)),
                motion_angle=float(rng.uniform(0, 180)), quality=int(rng.integers(78, 94)),
                seed=new_seed(rng))  # fmt: skip
    light = sample_light(rng)
    if grade == "medium":
        light = sample_light(rng, happens(rng, 0.4))
        lens = replace(lens, defocus=float(rng.uniform(0.4, 1.6)), glare=float(rng.uniform(0, 0.45)),
                       noise=float(rng.uniform(2, 5)),
                       motion=float(rng.uniform(2, 7)) if happens(rng, 0.4) else 0.0)  # fmt: skip
    elif grade == "hard":
        light = sample_light(rng, happens(rng, 0.65))
        lens = replace(lens, defocus=float(rng.uniform(1.0, 2.8)), glare=float(rng.uniform(0.1, 0.6)),
                       motion=float(rng.uniform(3, 9)) if happens(rng, 0.4) else 0.0, noise=float(rng.uniform(3, 8)),
                       quality=int(rng.integers(55, 85)))  # fmt: skip
    return Scene(width, height, (person,), backdrop, light, lens)


def harder(rng: Rng, scene: Scene) -> Scene:
    """A harder version of a frame: the infant lies on its side or upside down, at night."""
    roll = float(rng.choice([-1, 1]) * rng.uniform(70, 170))
    people = tuple(replace(person, roll=roll, body_roll=roll) for person in scene.people)
    lens = replace(scene.lens, noise=8.0, defocus=max(scene.lens.defocus, float(rng.uniform(1.5, 2.2))))
    return replace(scene, people=people, light=sample_light(rng, True), lens=lens)


def preterm_web(rng: Rng, size: int) -> Scene:
    """A photo as on the web: one infant with tubes or a device, sharp, well lit, of any aspect ratio."""
    longest = round(size * float(rng.uniform(0.7, 1.0)))
    other = round(longest * float(rng.uniform(0.62, 1.0)))
    width, height = (longest, other) if happens(rng, 0.6) else (other, longest)
    person = _infant(rng)
    covers: tuple[Covering, ...] = (_tube(rng, (0.9, 1.5)),)
    if happens(rng, 0.55):
        covers = (_knitted(rng, 26, 48), *covers)
    if happens(rng, 0.35):
        covers = (*covers, replace(_device(rng), size=float(rng.uniform(0.8, 1.1))))
    if happens(rng, 0.4):
        covers = (*covers, _sheet(rng, -96, -76, 0.1))
    face = min(width, height) * float(rng.uniform(0.36, 0.56))
    roll = float(rng.uniform(-60, 60))
    yaw = float(rng.uniform(-25, 25))
    person = replace(
        person, centre=(width * float(rng.uniform(0.42, 0.58)), height * float(rng.uniform(0.45, 0.56))),
        scale=face / FACE_MM, yaw=yaw, pitch=around(rng, 6, 3), roll=roll, body_yaw=0.6 * yaw, body_roll=roll,
        coverings=covers,
    )  # fmt: skip
    backdrop = Backdrop("incubator", (pick(rng, PASTELS), pick(rng, PASTELS)), 0.8, 0, new_seed(rng))
    lens = Lens(defocus=0.2, noise=float(rng.uniform(0.5, 2)), quality=int(rng.integers(82, 96)), seed=new_seed(rng))
    return Scene(width, height, (person,), backdrop, sample_light(rng), lens)
