"""Random scenes with adults: portraits as in photo collections, and video frames as filmed in a laboratory."""

from dataclasses import replace

import numpy as np

from uncover.synthetic.scene import (
    HAIRS,
    SKIN_SHARES,
    SKINS,
    Backdrop,
    Cap,
    Colour,
    Covering,
    Expression,
    FaceMask,
    Glasses,
    Hair,
    Lens,
    Panel,
    Person,
    Rng,
    Scarf,
    Scene,
    any_colour,
    around,
    happens,
    new_seed,
    pick,
    sample_appearance,
    sample_hand,
    sample_light,
    sample_shape,
)

_FACE_MM = 132.0


def _adult(rng: Rng) -> Person:
    """An adult or child without pose, place or covers."""
    skin_rank = int(rng.choice(len(SKINS), p=SKIN_SHARES))
    hair_colour = pick(rng, HAIRS if skin_rank < 4 else HAIRS[:2])
    style = str(rng.choice(["short", "long", "fringe", "bald", "fuzz"], p=[0.38, 0.31, 0.18, 0.06, 0.07]))
    hairline = float(rng.uniform(20, 44)) if style == "fringe" else around(rng, 5, 62)
    age = float(rng.uniform(0.2, 0.6)) if happens(rng, 0.15) else 0.0
    if age > 0:
        style = "short" if style in ("bald", "fuzz") else style
    smile = float(rng.uniform(0.3, 1)) if happens(rng, 0.45) else 0.0
    expression = Expression(
        smile=smile, mouth_open=float(rng.uniform(0.2, 1)) if happens(rng, 0.2) else 0.0,
        eye_open=float(rng.uniform(0, 0.3)) if happens(rng, 0.08) else around(rng, 0.1, 0.95),
        brow_raise=float(rng.uniform(0.3, 1)) if happens(rng, 0.15) else 0.0,
        gaze=(around(rng, 1.2, 0), around(rng, 0.5, 0)),
    )  # fmt: skip
    appearance = sample_appearance(rng, SKINS[skin_rank], age == 0)
    if style == "long" or age > 0:
        appearance = replace(appearance, stubble=0.0)
    return Person(
        centre=(0, 0), scale=1, shape=sample_shape(rng, age), expression=expression, appearance=appearance,
        hair=Hair(style, hair_colour, hairline, around(rng, 2.5, 9)), clothes=any_colour(rng),
        camera_distance=float(rng.uniform(600, 1600)), seed=new_seed(rng),
    )  # fmt: skip


def _lens(rng: Rng) -> Lens:
    return Lens(
        defocus=float(rng.uniform(0.9, 2.0)) if happens(rng, 0.12) else float(rng.uniform(0, 0.5)),
        motion=float(rng.uniform(3, 7)) if happens(rng, 0.06) else 0.0, motion_angle=float(rng.uniform(0, 180)),
        noise=float(rng.uniform(0.8, 4.5)), quality=int(rng.integers(68, 96)), seed=new_seed(rng),
    )  # fmt: skip


def _backdrop(rng: Rng) -> Backdrop:
    kind = str(rng.choice(["studio", "indoor", "outdoor", "lab"], p=[0.2, 0.4, 0.3, 0.1]))
    return Backdrop(
        kind,
        (any_colour(rng), any_colour(rng)),
        float(rng.uniform(0.4, 3.5)),
        int(rng.integers(0, 4)),
        new_seed(rng),
    )


def _yaw(rng: Rng) -> float:
    """Mostly frontal and half profiles, some full ones, as in MERL-RAV."""
    kind = rng.choice(3, p=[0.58, 0.30, 0.12])
    size = (abs(around(rng, 9, 0)), float(rng.uniform(26, 57)), float(rng.uniform(60, 90)))[kind]
    return float(size * rng.choice([-1, 1]))


def _adult_covers(rng: Rng) -> tuple[Covering, ...]:
    """About half of the faces wear or hold something."""
    covers: list[Covering] = []
    if happens(rng, 0.16):
        brim = str(rng.choice(["none", "visor", "wide"], p=[0.5, 0.3, 0.2]))
        covers.append(
            Cap(
                any_colour(rng),
                any_colour(rng),
                float(rng.uniform(24, 52)),
                knitted=brim == "none",
                brim=brim,
            )
        )
    if happens(rng, 0.2):
        covers.append(
            Glasses(
                any_colour(rng) if happens(rng, 0.3) else (0.08, 0.08, 0.09), happens(rng, 0.45),
                (float(rng.uniform(22, 28)), float(rng.uniform(15, 22))), float(rng.uniform(2, 4)),
            )
        )  # fmt: skip
    if happens(rng, 0.08):
        paper = ((0.90, 0.80, 0.55), (0.94, 0.94, 0.93), (0.12, 0.12, 0.13), (0.86, 0.78, 0.72))
        covers.append(FaceMask(pick(rng, paper), float(rng.uniform(-34, -8))))
    elif happens(rng, 0.08):
        covers.append(Scarf(any_colour(rng), any_colour(rng), float(rng.uniform(-105, -45))))
    if happens(rng, 0.11):
        covers.append(sample_hand(rng, 70))
    return tuple(covers)


def _bars(rng: Rng) -> tuple[Panel, ...]:
    """Bars of a fence, or slats of a blind, all over the face."""
    paint, tilt = any_colour(rng), float(rng.uniform(-15, 15)) + (90.0 if happens(rng, 0.5) else 0.0)
    half, pitch = float(rng.uniform(9.5, 13)), float(rng.uniform(32, 37))
    first = float(rng.uniform(-0.5, 0.5)) - 7
    across = np.array([np.cos(np.radians(tilt)), -np.sin(np.radians(tilt))])
    centres = [across * pitch * (first + number) - (0, 40) for number in range(15)]
    return tuple(Panel((float(x), float(y)), (half, 190.0), paint, paint, tilt, 40.0) for x, y in centres)


def _book(rng: Rng, bottom: float) -> Panel:
    """A book or a sheet of paper from `bottom` mm upwards."""
    half = (float(rng.uniform(80, 110)), float(rng.uniform(70, 95)))
    centre = (float(rng.uniform(-20, 20)), bottom + half[1])
    tilt, distance = float(rng.uniform(-12, 12)), float(rng.uniform(15, 60))
    return Panel(centre, half, any_colour(rng), any_colour(rng), tilt, distance)


def _disguise(rng: Rng) -> tuple[Covering, ...]:
    cap = Cap(any_colour(rng), any_colour(rng), float(rng.uniform(8, 16)))
    scarf = Scarf(any_colour(rng), any_colour(rng), float(rng.uniform(-42, -25)))
    return (cap, Glasses((0.05, 0.05, 0.06), True, (28.0, 22.0)), scarf)


def _any_way_up(rng: Rng, least: float, most: float) -> float:
    """A roll to either side, in degrees."""
    return float(rng.choice([-1, 1]) * rng.uniform(least, most))


def harder(rng: Rng, scene: Scene) -> Scene:
    """A harder version of a photo, unlike training photos: faces behind bars, or turned and behind a book or scarf."""
    kind = str(rng.choice(["bars", "book", "disguise"], p=[0.6, 0.3, 0.1]))

    def one(person: Person) -> Person:
        covers: tuple[Covering, ...] = _bars(rng)
        if kind != "bars":
            covers = (_book(rng, float(rng.uniform(-60, -36))),) if kind == "book" else _disguise(rng)
        if kind == "bars" and happens(rng, 0.6):
            return replace(person, coverings=covers)
        roll = _any_way_up(rng, 60, 170)
        return replace(person, coverings=covers, roll=roll, body_roll=roll)

    return replace(scene, people=tuple(map(one, scene.people)))


def harder_hands(rng: Rng, scene: Scene) -> Scene:
    """A harder version of a frame: the head tilted, behind a book or behind moving gloved hands."""
    (person,) = scene.people
    if happens(rng, 0.6):
        covers: tuple[Covering, ...] = (
            _book(rng, float(rng.uniform(-50, -38))),
            replace(sample_hand(rng, 60), sleeve=person.clothes),
        )
        person = replace(person, coverings=covers, roll=_any_way_up(rng, 35, 70))
        return replace(scene, people=(person,), lens=replace(scene.lens, motion=float(rng.uniform(4, 9))))
    gloves = [replace(sample_hand(rng, reach), glove=any_colour(rng), sleeve=person.clothes) for reach in (15, 35)]
    person = replace(person, coverings=tuple(gloves), roll=_any_way_up(rng, 0, 60))
    lens = replace(scene.lens, motion=float(rng.uniform(8, 12)), defocus=1.5)
    return replace(scene, people=(person,), lens=lens)


def portrait(rng: Rng, size: int, people: int | None = None) -> Scene:
    """A portrait photo with one to three faces (or exactly `people`)."""
    count = people if people is not None else int(rng.choice([1, 2, 3], p=[0.72, 0.19, 0.09]))
    ratio = float(rng.choice([1.0, 0.75, 0.6667])) if count < 3 else 0.6667
    short = round(size * ratio)
    width, height = (size, short) if count > 1 or happens(rng, 0.5) else (short, size)
    slot = width / count
    room = min(slot, 0.8 * height)
    order = rng.permutation(count)
    crowd = []
    for rank in range(count):
        person = _adult(rng)
        face = room * float(rng.uniform(0.28, 0.62)) * (0.92**rank)
        scale = face / _FACE_MM
        spare_x = slot - 1.3 * face
        x = slot * (order[rank] + 0.5) + 0.5 * max(spare_x, 0) * rng.uniform(-1, 1)
        # Any position with brows and chin inside, so that a detector does not learn typical positions.
        highest, lowest = 0.8 * face, height - 0.7 * face
        y = highest + max(lowest - highest, 0) * float(rng.uniform(0, 1))
        yaw, roll = _yaw(rng), around(rng, 9, 0)
        crowd.append(
            replace(
                person, centre=(float(x), y), scale=scale, yaw=yaw, pitch=around(rng, 8, 0), roll=roll,
                body_yaw=0.45 * yaw, body_roll=0.2 * roll, coverings=_adult_covers(rng),
            )
        )  # fmt: skip
    return Scene(width, height, tuple(crowd), _backdrop(rng), sample_light(rng, happens(rng, 0.12)), _lens(rng))


def hand_over_face(rng: Rng, size: int, subject: Rng) -> Scene:
    """A video frame of a seated adult with hands in front of the face; `subject` determines the person."""
    person = replace(_adult(subject), expression=Expression(eye_open=0.95, smile=float(subject.uniform(0, 0.3))))
    width, height = size, round(size * 9 / 16)
    kind = "lab" if happens(subject, 0.5) else "wall"
    tone = float(subject.uniform(0.5, 0.85))
    colours: tuple[Colour, ...] = ((tone, tone, tone * 0.96), (0.45, 0.5, 0.55))
    backdrop = Backdrop(kind, colours, 1.2, 0, new_seed(subject))
    face = height * float(subject.uniform(0.30, 0.38))
    yaw, roll = around(rng, 12, 0), around(rng, 6, 0)
    hands: list[Covering] = []
    for _ in range(int(rng.choice([1, 2], p=[0.65, 0.35]))):
        hands.append(replace(sample_hand(rng, float(rng.choice([25, 60, 110]))), sleeve=person.clothes))
    place = (width * float(rng.uniform(0.42, 0.58)), height * float(rng.uniform(0.42, 0.52)))
    person = replace(
        person, centre=place, scale=face / _FACE_MM, yaw=yaw, pitch=around(rng, 7, 0), roll=roll,
        body_yaw=0.3 * yaw, coverings=tuple(hands), camera_distance=1500.0,
    )  # fmt: skip
    lens = Lens(defocus=0.4, motion=float(rng.uniform(0, 3)), motion_angle=float(rng.uniform(0, 180)),
                noise=2.5, quality=88, seed=new_seed(rng))  # fmt: skip
    return Scene(width, height, (person,), backdrop, sample_light(rng), lens)
