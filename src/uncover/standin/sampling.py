"""Chance: draws the explicit parameters of scenes, kind by kind."""

from dataclasses import replace
from typing import Literal

import numpy as np

from uncover.standin.scene import (
    Backdrop,
    Blanket,
    Cap,
    Colour,
    Covering,
    Cpap,
    Expression,
    FaceMask,
    FeedingTube,
    Glasses,
    Hair,
    Hand,
    Lens,
    Light,
    Looks,
    Person,
    Scarf,
    Scene,
    Shape,
)  # fmt: skip

Rng = np.random.Generator
Grade = Literal["none", "easy", "medium", "hard"]

_SKINS: tuple[Colour, ...] = (
    (0.66, 0.74, 0.93), (0.58, 0.69, 0.90), (0.50, 0.63, 0.86), (0.42, 0.56, 0.79), (0.32, 0.45, 0.68),
    (0.22, 0.33, 0.53), (0.15, 0.23, 0.38),
)  # fmt: skip
_SKIN_SHARES = (0.18, 0.2, 0.2, 0.15, 0.12, 0.09, 0.06)
_HAIRS: tuple[Colour, ...] = (
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
_PASTELS: tuple[Colour, ...] = (
    (0.92, 0.90, 0.88), (0.93, 0.82, 0.70), (0.80, 0.76, 0.92), (0.72, 0.90, 0.93), (0.76, 0.88, 0.74), (0.88, 0.72, 0.82),
)  # fmt: skip
_INFANT_FACE_MM = 104.0
_ADULT_FACE_MM = 132.0


def _pick(rng: Rng, options: tuple[Colour, ...]) -> Colour:
    return options[int(rng.integers(len(options)))]


def _any_colour(rng: Rng) -> Colour:
    """Any colour, mostly muted as paint, cloth and wood are."""
    hue = rng.uniform(0.0, 1.0, 3)
    mixed = rng.uniform(0.12, 0.85) + rng.beta(1.6, 3.0) * (hue - hue.mean())
    return (
        float(np.clip(mixed[0], 0.03, 0.95)),
        float(np.clip(mixed[1], 0.03, 0.95)),
        float(np.clip(mixed[2], 0.03, 0.95)),
    )


def _around(rng: Rng, spread: float, middle: float = 1.0) -> float:
    return float(np.clip(rng.normal(middle, spread), middle - 2.2 * spread, middle + 2.2 * spread))


def _chance(rng: Rng, probability: float) -> bool:
    return bool(rng.uniform() < probability)


def _seed(rng: Rng) -> int:
    return int(rng.integers(2**31))


def _shape(rng: Rng, age: float) -> Shape:
    return Shape(
        age=age, width=_around(rng, 0.035), jaw_width=_around(rng, 0.05), length=_around(rng, 0.035),
        eye_size=_around(rng, 0.06), eye_distance=_around(rng, 0.03), eye_slant=_around(rng, 0.8, 0.0),
        brow_height=_around(rng, 1.3, 0.0), brow_thickness=_around(rng, 0.16), nose_size=_around(rng, 0.10),
        nose_width=_around(rng, 0.10), mouth_width=_around(rng, 0.05), lip_fullness=_around(rng, 0.15),
        ear_size=_around(rng, 0.08),
    )  # fmt: skip


def _looks(rng: Rng, skin: Colour, adult: bool) -> Looks:
    tone = _around(rng, 0.03)
    return Looks(
        skin=(skin[0] * tone * _around(rng, 0.03), skin[1] * tone, skin[2] * tone), iris=_pick(rng, _IRISES),
        freckles=float(rng.uniform(0.3, 1)) if adult and _chance(rng, 0.15) else 0.0,
        stubble=float(rng.uniform(0.2, 0.9)) if adult and _chance(rng, 0.25) else 0.0,
        make_up=float(rng.uniform(0.4, 1)) if adult and _chance(rng, 0.2) else 0.0, blush=float(rng.uniform(0.1, 0.9)),
    )  # fmt: skip


def _adult(rng: Rng) -> Person:
    """An adult or child without pose, place or covers."""
    skin_rank = int(rng.choice(len(_SKINS), p=_SKIN_SHARES))
    hair_colour = _pick(rng, _HAIRS if skin_rank < 4 else _HAIRS[:2])
    style = str(rng.choice(["short", "long", "fringe", "bald", "fuzz"], p=[0.38, 0.31, 0.18, 0.06, 0.07]))
    hairline = float(rng.uniform(20, 44)) if style == "fringe" else _around(rng, 5, 62)
    age = float(rng.uniform(0.2, 0.6)) if _chance(rng, 0.15) else 0.0
    if age > 0:
        style = "short" if style in ("bald", "fuzz") else style
    smile = float(rng.uniform(0.3, 1)) if _chance(rng, 0.45) else 0.0
    expression = Expression(
        smile=smile, mouth_open=float(rng.uniform(0.2, 1)) if _chance(rng, 0.2) else 0.0,
        eye_open=float(rng.uniform(0, 0.3)) if _chance(rng, 0.08) else _around(rng, 0.1, 0.95),
        brow_raise=float(rng.uniform(0.3, 1)) if _chance(rng, 0.15) else 0.0,
        gaze=(_around(rng, 1.2, 0), _around(rng, 0.5, 0)),
    )  # fmt: skip
    looks = _looks(rng, _SKINS[skin_rank], age == 0)
    if style == "long" or age > 0:
        looks = replace(looks, stubble=0.0)
    return Person(
        centre=(0, 0), scale=1, shape=_shape(rng, age), expression=expression, looks=looks,
        hair=Hair(style, hair_colour, hairline, _around(rng, 2.5, 9)), clothes=_any_colour(rng),
        camera_distance=float(rng.uniform(600, 1600)), seed=_seed(rng),
    )  # fmt: skip


def _infant(rng: Rng) -> Person:
    """An infant without pose, place or covers; most are asleep."""
    skin_rank = int(rng.choice(len(_SKINS), p=_SKIN_SHARES))
    skin = _SKINS[skin_rank]
    ruddy = float(rng.uniform(0.86, 1.0))
    asleep = _chance(rng, 0.7)
    expression = Expression(
        smile=0.0, mouth_open=float(rng.uniform(0.2, 0.9)) if _chance(rng, 0.25) else 0.0,
        eye_open=float(rng.uniform(0, 0.06)) if asleep else _around(rng, 0.12, 0.8),
    )  # fmt: skip
    shape = replace(_shape(rng, float(rng.uniform(0.88, 1.0))), brow_thickness=float(rng.uniform(0.5, 0.8)))
    dark, share = _pick(rng, _HAIRS[:4]), float(rng.uniform(0.35, 0.65))
    # Down lets the skin shine through.
    down: Colour = (
        share * dark[0] + (1 - share) * 0.7 * skin[0], share * dark[1] + (1 - share) * 0.7 * skin[1],
        share * dark[2] + (1 - share) * 0.7 * skin[2],
    )  # fmt: skip
    looks = replace(
        _looks(rng, (skin[0] * ruddy, skin[1] * ruddy, skin[2]), False), blush=float(rng.uniform(0.5, 1))
    )
    return Person(
        centre=(0, 0), scale=1, shape=shape, expression=expression, looks=looks,
        hair=Hair("fuzz" if _chance(rng, 0.5) else "bald", down, _around(rng, 4, 74), 1.0),
        clothes=_pick(rng, _PASTELS), camera_distance=float(rng.uniform(500, 1100)), seed=_seed(rng),
    )  # fmt: skip


def _light(rng: Rng, dim: bool = False) -> Light:
    direction = (float(rng.uniform(-0.9, 0.9)), float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.4, 1.0)))
    power = float(rng.uniform(0.3, 0.6)) if dim else float(rng.uniform(0.98, 1.2))
    warmth = float(rng.normal(0, 0.05))
    ambient = float(rng.uniform(0.15, 0.35)) if dim else float(rng.uniform(0.36, 0.6))
    return Light(direction, ambient, (power * (1 - warmth), power, power * (1 + warmth)))


def _lens(rng: Rng) -> Lens:
    return Lens(
        defocus=float(rng.uniform(0.9, 2.0)) if _chance(rng, 0.12) else float(rng.uniform(0, 0.5)),
        motion=float(rng.uniform(3, 7)) if _chance(rng, 0.06) else 0.0, motion_angle=float(rng.uniform(0, 180)),
        noise=float(rng.uniform(0.8, 4.5)), quality=int(rng.integers(68, 96)), seed=_seed(rng),
    )  # fmt: skip


def _backdrop(rng: Rng) -> Backdrop:
    kind = str(rng.choice(["studio", "indoor", "outdoor", "lab"], p=[0.2, 0.4, 0.3, 0.1]))
    return Backdrop(
        kind,
        (_any_colour(rng), _any_colour(rng)),
        float(rng.uniform(0.4, 3.5)),
        int(rng.integers(0, 4)),
        _seed(rng),
    )


def _yaw(rng: Rng) -> float:
    """Mostly frontal and half profiles, some full ones, as in MERL-RAV."""
    kind = rng.choice(3, p=[0.58, 0.30, 0.12])
    size = (abs(_around(rng, 9, 0)), float(rng.uniform(26, 57)), float(rng.uniform(60, 90)))[kind]
    return float(size * rng.choice([-1, 1]))


def _adult_covers(rng: Rng) -> tuple[Covering, ...]:
    """About half of the faces wear or hold something."""
    covers: list[Covering] = []
    if _chance(rng, 0.16):
        brim = str(rng.choice(["none", "visor", "wide"], p=[0.5, 0.3, 0.2]))
        covers.append(
            Cap(
                _any_colour(rng),
                _any_colour(rng),
                float(rng.uniform(24, 52)),
                knitted=brim == "none",
                brim=brim,
            )
        )
    if _chance(rng, 0.2):
        covers.append(
            Glasses(
                _any_colour(rng) if _chance(rng, 0.3) else (0.08, 0.08, 0.09), _chance(rng, 0.45),
                (float(rng.uniform(22, 28)), float(rng.uniform(15, 22))), float(rng.uniform(2, 4)),
            )
        )  # fmt: skip
    if _chance(rng, 0.08):
        paper = ((0.90, 0.80, 0.55), (0.94, 0.94, 0.93), (0.12, 0.12, 0.13), (0.86, 0.78, 0.72))
        covers.append(FaceMask(_pick(rng, paper), float(rng.uniform(-34, -8))))
    elif _chance(rng, 0.08):
        covers.append(Scarf(_any_colour(rng), _any_colour(rng), float(rng.uniform(-105, -45))))
    if _chance(rng, 0.11):
        covers.append(_hand(rng, 70))
    return tuple(covers)


def _hand(rng: Rng, reach: float, size: float = 1.0) -> Hand:
    """A hand about `reach` mm from the middle of the face, fingers inwards or up."""
    x, y = rng.uniform(-reach, reach), rng.uniform(-reach - 25, 0.4 * reach)
    side = -1.0 if x < 0 else 1.0
    return Hand(
        (float(x), float(y)), tilt=float(-side * rng.uniform(0, 55)), distance=float(rng.uniform(0, 18)),
        curl=float(rng.choice([rng.uniform(0.05, 0.25), rng.uniform(0.45, 0.8)], p=[0.75, 0.25])),
        spread=float(rng.uniform(1, 9)), size=size * _around(rng, 0.05), back=_chance(rng, 0.75), mirrored=side > 0,
        sleeve=_any_colour(rng),
    )  # fmt: skip


def portrait(rng: Rng, size: int, people: int | None = None) -> Scene:
    """A photo as people take them of each other: one to three faces (or exactly `people`)."""
    count = people if people is not None else int(rng.choice([1, 2, 3], p=[0.72, 0.19, 0.09]))
    ratio = float(rng.choice([1.0, 0.75, 0.6667])) if count < 3 else 0.6667
    short = round(size * ratio)
    width, height = (size, short) if count > 1 or _chance(rng, 0.5) else (short, size)
    slot = width / count
    room = min(slot, 0.8 * height)
    order = rng.permutation(count)
    crowd = []
    for rank in range(count):
        person = _adult(rng)
        face = room * float(rng.uniform(0.36, 0.62)) * (0.92**rank)
        scale = face / _ADULT_FACE_MM
        spare_x, spare_y = slot - 1.3 * face, height - 1.7 * face
        x = slot * (order[rank] + 0.5) + 0.5 * max(spare_x, 0) * rng.uniform(-1, 1)
        y = 0.62 * height + (0.35 * max(spare_y, 0) * rng.uniform(-1, 0.4) - 0.1 * face)
        y = float(np.clip(y, 0.95 * face, height - 0.75 * face))
        yaw, roll = _yaw(rng), _around(rng, 9, 0)
        crowd.append(
            replace(
                person, centre=(float(x), y), scale=scale, yaw=yaw, pitch=_around(rng, 8, 0), roll=roll,
                body_yaw=0.45 * yaw, body_roll=0.2 * roll, coverings=_adult_covers(rng),
            )
        )  # fmt: skip
    return Scene(width, height, tuple(crowd), _backdrop(rng), _light(rng, _chance(rng, 0.12)), _lens(rng))


def hand_over_face(rng: Rng, size: int, subject: Rng) -> Scene:
    """A video frame of a seated adult whose hands wander over the face; `subject` draws who it is."""
    person = replace(
        _adult(subject), expression=Expression(eye_open=0.95, smile=float(subject.uniform(0, 0.3)))
    )
    width, height = size, round(size * 9 / 16)
    kind = "lab" if _chance(subject, 0.5) else "wall"
    tone = float(subject.uniform(0.5, 0.85))
    colours: tuple[Colour, ...] = ((tone, tone, tone * 0.96), (0.45, 0.5, 0.55))
    backdrop = Backdrop(kind, colours, 1.2, 0, _seed(subject))
    face = height * float(subject.uniform(0.30, 0.38))
    yaw, roll = _around(rng, 12, 0), _around(rng, 6, 0)
    hands: list[Covering] = []
    for _ in range(int(rng.choice([1, 2], p=[0.65, 0.35]))):
        hands.append(replace(_hand(rng, float(rng.choice([25, 60, 110]))), sleeve=person.clothes))
    place = (width * float(rng.uniform(0.42, 0.58)), height * float(rng.uniform(0.42, 0.52)))
    person = replace(
        person, centre=place, scale=face / _ADULT_FACE_MM, yaw=yaw, pitch=_around(rng, 7, 0), roll=roll,
        body_yaw=0.3 * yaw, coverings=tuple(hands), camera_distance=1500.0,
    )  # fmt: skip
    lens = Lens(defocus=0.4, motion=float(rng.uniform(0, 3)), motion_angle=float(rng.uniform(0, 180)),
                noise=2.5, quality=88, seed=_seed(rng))  # fmt: skip
    return Scene(width, height, (person,), backdrop, _light(rng), lens)


def _knitted(rng: Rng, low: float, high: float) -> Cap:
    return Cap(
        _pick(rng, _PASTELS),
        _pick(rng, _PASTELS),
        float(rng.uniform(low, high)),
        lean=float(rng.uniform(-8, 8)),
    )


def _tube(rng: Rng, tape: tuple[float, float] = (0.7, 1.1)) -> FeedingTube:
    tints: tuple[Colour, ...] = ((0.75, 0.85, 0.90), (0.85, 0.88, 0.88), (0.65, 0.80, 0.92))
    tapes: tuple[Colour, ...] = ((0.92, 0.93, 0.94), (0.62, 0.74, 0.86), (0.80, 0.82, 0.84))
    return FeedingTube(
        int(rng.choice([-1, 1])), float(rng.uniform(1.6, 2.6)), _pick(rng, tints), _pick(rng, tapes),
        float(rng.uniform(*tape)), _chance(rng, 0.25),
    )  # fmt: skip


def _sheet(rng: Rng, low: float, high: float, slope: float) -> Blanket:
    pattern = str(rng.choice(["weave", "stripes", "checks", "dots"]))
    return Blanket(
        _pick(rng, _PASTELS),
        _pick(rng, _PASTELS),
        float(rng.uniform(low, high)),
        float(rng.uniform(-slope, slope)),
        pattern,
    )


def _device(rng: Rng) -> Cpap:
    shells: tuple[Colour, ...] = ((0.86, 0.76, 0.58), (0.88, 0.88, 0.86), (0.78, 0.82, 0.62))
    return Cpap(_pick(rng, shells), _pick(rng, _PASTELS), float(rng.uniform(1.0, 1.45)), _chance(rng, 0.6))


def _infant_hand(rng: Rng, reach: float) -> Hand:
    glove = _pick(rng, _PASTELS) if _chance(rng, 0.2) else None
    return replace(_hand(rng, reach, 0.62), sleeve=_pick(rng, _PASTELS), glove=glove)


def _grade_covers(rng: Rng, grade: Grade) -> tuple[Covering, ...]:
    """What hides an infant's face in each grade of section 4.6."""
    if grade == "none":
        return ()
    if grade == "easy":
        kind = int(rng.integers(3))
        return ((_knitted(rng, 19, 42),), (_tube(rng),), (_knitted(rng, 24, 46), _tube(rng)))[kind]
    if grade == "medium":
        heavy: tuple[Covering, ...] = (
            _sheet(rng, -70, -48, 0.12), _infant_hand(rng, 55), replace(_device(rng), size=0.85),
        )  # fmt: skip
        return (_knitted(rng, 11, 28), _tube(rng, (1.1, 1.7)), heavy[int(rng.integers(3))])
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
    adult_hand = replace(_hand(rng, 26), glove=(0.80, 0.62, 0.42) if _chance(rng, 0.5) else None, size=1.1)
    return (_knitted(rng, 8, 24), adult_hand, _tube(rng, (1.2, 1.8)))


def incubator(rng: Rng, size: int, grade: Grade) -> Scene:
    """A frame from a camera over an incubator with one lying infant, graded as section 4.6 does."""
    width, height = size, round(size * 0.75)
    person = _infant(rng)
    face = height * float(rng.uniform(0.30, 0.46))
    turn = {"none": 25.0, "easy": 30.0, "medium": 90.0, "hard": 140.0}[grade]
    side = {"none": 18.0, "easy": 18.0, "medium": 34.0, "hard": 42.0}[grade]
    roll, yaw = float(rng.uniform(-turn, turn)), float(rng.uniform(-side, side))
    centre = (width * float(rng.uniform(0.36, 0.64)), height * float(rng.uniform(0.40, 0.58)))
    person = replace(
        person, centre=centre, scale=face / _INFANT_FACE_MM, yaw=yaw, pitch=_around(rng, 7, 2), roll=roll,
        body_yaw=0.6 * yaw, body_roll=roll + _around(rng, 8, 0), coverings=_grade_covers(rng, grade),
    )  # fmt: skip
    backdrop = Backdrop(
        "incubator", (_pick(rng, _PASTELS), _pick(rng, _PASTELS)), float(rng.uniform(0.3, 0.9)), 0, _seed(rng)
    )
    lens = Lens(defocus=float(rng.uniform(0, 0.5)), noise=float(rng.uniform(1, 3)), quality=int(rng.integers(78, 94)),
                glare=float(rng.uniform(0, 0.2)), motion_angle=float(rng.uniform(0, 180)), seed=_seed(rng))  # fmt: skip
    light = _light(rng)
    if grade == "medium":
        light = _light(rng, _chance(rng, 0.4))
        lens = replace(lens, defocus=float(rng.uniform(0.4, 1.6)), glare=float(rng.uniform(0, 0.45)),
                       motion=float(rng.uniform(2, 7)) if _chance(rng, 0.4) else 0.0, noise=float(rng.uniform(2, 5)))  # fmt: skip
    elif grade == "hard":
        light = _light(rng, _chance(rng, 0.65))
        lens = replace(lens, defocus=float(rng.uniform(1.0, 2.8)), glare=float(rng.uniform(0.1, 0.6)),
                       motion=float(rng.uniform(3, 9)) if _chance(rng, 0.4) else 0.0, noise=float(rng.uniform(3, 8)),
                       quality=int(rng.integers(55, 85)))  # fmt: skip
    return Scene(width, height, (person,), backdrop, light, lens)


def preterm_web(rng: Rng, size: int) -> Scene:
    """A photo as found on the web: one infant with tubes or a device, sharp, well lit, any shape of frame."""
    longest = round(size * float(rng.uniform(0.7, 1.0)))
    other = round(longest * float(rng.uniform(0.62, 1.0)))
    width, height = (longest, other) if _chance(rng, 0.6) else (other, longest)
    person = _infant(rng)
    covers: tuple[Covering, ...] = (_tube(rng, (0.9, 1.5)),)
    if _chance(rng, 0.55):
        covers = (_knitted(rng, 26, 48), *covers)
    if _chance(rng, 0.35):
        covers = (*covers, replace(_device(rng), size=float(rng.uniform(0.8, 1.1))))
    if _chance(rng, 0.4):
        covers = (*covers, _sheet(rng, -96, -76, 0.1))
    face = min(width, height) * float(rng.uniform(0.36, 0.56))
    roll = float(rng.uniform(-60, 60))
    yaw = float(rng.uniform(-25, 25))
    person = replace(
        person, centre=(width * float(rng.uniform(0.42, 0.58)), height * float(rng.uniform(0.45, 0.56))),
        scale=face / _INFANT_FACE_MM, yaw=yaw, pitch=_around(rng, 6, 3), roll=roll, body_yaw=0.6 * yaw, body_roll=roll,
        coverings=covers,
    )  # fmt: skip
    backdrop = Backdrop("incubator", (_pick(rng, _PASTELS), _pick(rng, _PASTELS)), 0.8, 0, _seed(rng))
    lens = Lens(
        defocus=0.2, noise=float(rng.uniform(0.5, 2)), quality=int(rng.integers(82, 96)), seed=_seed(rng)
    )
    return Scene(width, height, (person,), backdrop, _light(rng), lens)
