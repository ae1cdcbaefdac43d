"""Surfaces that cover a face: caps, hair, glasses, masks, cloths, medical devices, hands, books."""

from __future__ import annotations

import numpy as np

from uncover.synthetic import surfaces as textures
from uncover.synthetic.head import Head
from uncover.synthetic.render import normals
from uncover.synthetic.scene import (
    Blanket,
    Cap,
    Colour,
    Covering,
    Cpap,
    FaceMask,
    FeedingTube,
    Glasses,
    Hair,
    Hand,
    Panel,
    Scarf,
)
from uncover.synthetic.surfaces import (
    Array,
    Surface,
    Texture,
    apply,
    ellipsoid_points,
    plain,
    rotation,
    smoothstep,
    spline,
    to_texture,
    tube_points,
)

_SUNK = -5.0
# Fingers from the index to the little one: knuckle (mm from the palm's centre), length, radius.
_FINGERS = (
    ((-29.0, 40.0), 72.0, 8.8),
    ((-9.5, 46.0), 80.0, 9.2),
    ((10.0, 44.0), 74.0, 8.8),
    ((28.0, 36.0), 58.0, 7.6),
)
_PHALANGES = np.array([0.0, 0.22, 0.45, 0.62, 0.75, 0.9, 1.0])


def _patch(head: Head, centre: tuple[float, float], radii: tuple[float, float], colour: Colour) -> Surface:
    """A tape stuck on the skin."""
    u, v = np.meshgrid(np.linspace(-1, 1, 13), np.linspace(1, -1, 11))
    points = head.place(centre[0] + u * radii[0], centre[1] + v * radii[1], 1.6)
    return Surface(points, plain(colour), None, 0.06, two_sided=True)


def feeding_tube(head: Head, item: FeedingTube) -> list[Surface]:
    """A feeding tube from the nose or mouth over the cheek, fixed with tape."""
    s = float(item.side)
    half = float(head.sections(-30.0)[1])
    start = (s * 13, -64.0) if item.oral else (s * 7, -46.0)
    on_skin = np.array([start, (s * 14, -51), (s * 28, -44), (s * 44, -35), (s * 0.93 * half, -22)])
    if item.oral:
        on_skin[1] = (s * 24, -62)
    path = np.concatenate(
        [
            head.place(on_skin[:, 0], on_skin[:, 1], item.radius * 0.8),
            np.array(
                [
                    [s * (half + 5), -2, 10],
                    [s * (half + 12), 14, -40],
                    [s * (half + 45), -40, -95],
                    [s * (half + 130), -120, -110],
                ]
            ),
        ]
    )
    dense = spline(np.arange(len(path), dtype=float), path, np.linspace(0, len(path) - 1, 44))
    tube = Surface(tube_points(dense, np.full(len(dense), item.radius), 7), plain(item.colour), None, 0.35)
    size = item.tape_size
    return [tube, _patch(head, (s * 37, -39), (14 * size, 9 * size), item.tape)]


def cpap(head: Head, item: Cpap) -> list[Surface]:
    """A CPAP device: nose piece, two corrugated hoses, straps over the cheeks."""
    k = item.size
    nose = head.place(0.0, -36.0)
    box = ellipsoid_points(nose + np.array([0, -2, 2.0]), np.array([19, 15, 15]) * k, 3.2)
    surfaces = [Surface(box, plain(item.colour), None, 0.3)]
    top = float(head.height(60.0))
    for side in (-1.0, 1.0):
        start = nose + np.array([side * 13 * k, 2, 9 * k])
        if item.upwards:
            brow, crown = head.place(side * 9, 22, 9 * k), head.place(side * 13, 70, 13 * k)
            knots = np.array([start, start + np.array([0, 14, 7]), brow, crown, (side * 18, top + 66, 30)])
        else:
            cheek = head.place(side * 52, -38, 8 * k)
            away = np.array([[side * 34, -26, -60], [side * 120, -90, -90]])
            knots = np.array([start, start + np.array([side * 14, -4, 0]), cheek, *(cheek + away)])
        path = spline(np.arange(5.0), knots, np.linspace(0, 4, 60))
        radii = 7.0 * k * (1 + 0.09 * np.sin(np.arange(60) * 2.1))
        surfaces.append(Surface(tube_points(path, radii, 9), plain(item.colour), None, 0.2))
        half = float(head.sections(-30.0)[1])
        u = np.linspace(0.16, 0.95, 14)
        strap = np.stack([head.place(side * u * half, -36 + 26 * u + dy, 2.5) for dy in (5, 0, -5)])
        surfaces.append(Surface(strap, plain(item.strap), None, 0.03, two_sided=True))
    return surfaces


def _shell(head: Head, field: Array, thickness: float | Array, steepness: float = 0.8) -> Array:
    """The skin lifted by up to `thickness` mm where `field` (mm inside the edge) is positive."""
    lift = np.clip(field * steepness, _SUNK, thickness)
    return head.skin + normals(head.skin) * lift[..., None]


def _ring_uv(head: Head, around: float, down: float) -> Array:
    """Texture coordinates that repeat nowhere: columns across, rows down."""
    rows, columns = head.skin.shape[:2]
    u, v = np.meshgrid(np.linspace(0, around, columns), np.linspace(0, down, rows))
    return np.stack([u, v], -1)


def _soft_max(a: Array, b: Array, radius: float = 9.0) -> Array:
    """The larger of two fields, its corner rounded."""
    return 0.5 * (a + b + np.sqrt((a - b) ** 2 + radius**2)) - 0.25 * radius


def _soft_min(a: Array, b: Array) -> Array:
    return -_soft_max(-a, -b)


def hair(head: Head, style: Hair, capped: bool, rng: np.random.Generator) -> list[Surface]:
    """Hair of the scalp (pressed flat when `capped`), and long hair."""
    if style.style == "bald" or (capped and style.style == "fuzz"):
        return []
    x, y, z = np.moveaxis(head.skin, -1, 0)
    texture = textures.hair(rng, style.colour)
    rows, columns = head.skin.shape[:2]
    strands = textures.noise(rng, rows, columns, (8, 2)) + 0.8 * textures.noise(rng, rows, columns, (70, 1.3))
    roughness = 7.0 if style.style == "fringe" else 2.5
    line = style.hairline - 14 * (np.abs(x) / 60) ** 3 + roughness * strands
    back = _soft_min(-22 - z, y + 78)
    temple = _soft_min(28 - z + 2 * strands, y + 4)
    field = _soft_max(_soft_max(y - line, temple), back)
    parting = rng.uniform(-30, 30)
    crown = 0.7 + 0.75 * smoothstep(30, 105, y) - 0.35 * np.exp(-0.5 * ((x - parting) / 7) ** 2)
    thick = 1.0 if capped or style.style == "fuzz" else style.thickness * (crown + 0.16 * strands)
    surfaces = [Surface(_shell(head, field, thick, 0.55), texture, _ring_uv(head, 1, 1), 0.10)]
    if style.style == "long":
        angle = np.radians(np.linspace(52, 308, 40))[None]
        t = np.linspace(0, 1, 16)[:, None]
        top = 12.0 if capped else 66.0
        _, width, _, _, _ = head.sections(-10.0)
        wave = 3.5 * np.sin(angle * 9 + rng.uniform(0, 6)) + 3 * np.sin(t * 9 + angle * 3)
        radius = float(width) + (5 if capped else 13) + 10 * t + wave - 10 * smoothstep(0.12, 0.0, t)
        points = np.stack(
            [radius * np.sin(angle), top - (154 + top) * t + 0 * angle, -16 + (radius * 1.08) * np.cos(angle)], -1
        )
        # Angles run from the subject's left over the back to the right: right to left seen from the front.
        surfaces.append(Surface(points, texture, None, 0.10, two_sided=True))
    return surfaces


def cap(head: Head, item: Cap, rng: np.random.Generator) -> list[Surface]:
    """A knitted or plain cap, with or without brim."""
    x, y, z = np.moveaxis(head.skin, -1, 0)
    line = item.front + (z - 92) * 0.26 + item.lean * x / 70
    field = y - line
    thick = item.thickness * (1 + 0.5 * smoothstep(24, 4, field)) if item.knitted else item.thickness
    lumps = 1 + 0.08 * rng.uniform(-1, 1, field.shape)
    points = _shell(head, field, thick * lumps, 1.2)
    if item.knitted:
        points[..., 1] += 10 * smoothstep(70, 125, y)
        texture = textures.knit(rng, item.colour, item.stripe, stripes=int(rng.integers(0, 6)))
    else:
        texture = textures.cloth(rng, item.colour, item.stripe, "weave")
    surfaces = [Surface(points, texture, _ring_uv(head, 1, 1), 0.03)]
    if item.brim != "none":
        surfaces.append(Surface(_brim(head, item), plain(item.stripe), None, 0.03, two_sided=True))
    return surfaces


def _brim(head: Head, item: Cap) -> Array:
    reach = 66.0
    limit = 62.0 if item.brim == "visor" else 180.0
    angle = np.radians(np.linspace(-limit, limit, 41))[None]
    t = np.linspace(0, 1, 7)[:, None]
    _, width, front, back, middle = head.sections(item.front)
    depth = np.where(np.cos(angle) > 0, front - middle, middle - back)
    edge = np.cos(angle * 90 / limit) ** 0.5 if item.brim == "visor" else np.ones_like(angle)
    x = (width + 4 + reach * t * edge * (0.35 if item.brim == "visor" else 1)) * np.sin(angle)
    z = middle + (depth + 4 + reach * t * edge) * np.cos(angle)
    drop = 0.26 * (z - 92) * (item.brim == "wide") - (14 if item.brim == "visor" else 6) * t * np.abs(np.sin(angle))
    y = item.front + 3 + drop + item.lean * x / 70 - 4 * t
    return np.stack([x, y, z], -1)


def glasses(head: Head, item: Glasses) -> list[Surface]:
    """Frame, bridge, temples, and lenses when dark."""
    a, b = item.lens
    front = float(head.place(0.0, -2.0)[2]) + 5
    angle = np.linspace(0, 2 * np.pi, 33)
    bent = 2 / item.squareness
    rim_x = a * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** bent
    rim_y = b * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** bent
    surfaces = []
    _, width, _, _, _ = head.sections(0.0)
    for side in (-1.0, 1.0):
        x, y = side * 33 + rim_x, -4 + rim_y
        z = front - 0.0042 * x**2
        rim = np.stack([x, y, z], 1)
        surfaces.append(Surface(tube_points(rim, np.full(len(rim), 1.5), 6), plain(item.colour), None, 0.3))
        if item.dark:
            share = np.linspace(0.02, 1, 5)[:, None]
            lens = np.array([side * 33, -4, 0]) + np.stack(
                [share * rim_x, share * rim_y, share * 0 + front - 0.0042 * (side * 33 + share * rim_x) ** 2],
                -1,
            )
            tint = np.array(item.colour) * 0.25 + 0.02
            sheen = np.linspace(2.2, 0.8, 32)[None, :, None] * tint
            surfaces.append(
                Surface(lens, textures.to_texture(sheen.astype(np.float32)), _lens_uv(share, rim_y, b), 0.5, True)
            )
        temple = np.array(
            [[side * (33 + a), 2, front - 0.0042 * (33 + a) ** 2], [side * (float(width) + 5), 2, 40],
             [side * (float(width) + 5), 0, -6]]
        )  # fmt: skip
        surfaces.append(Surface(tube_points(temple, np.full(3, 1.7), 6), plain(item.colour), None, 0.2))
    bridge = np.array([[-(33 - a), 2, front], [0, 4, front + 1.5], [33 - a, 2, front]])
    surfaces.append(Surface(tube_points(bridge, np.full(3, 1.5), 6), plain(item.colour), None, 0.3))
    return surfaces


def _lens_uv(share: Array, rim_y: Array, height: float) -> Array:
    v = 0.5 - share * rim_y / (2 * height)
    return np.stack([v, np.full_like(v, 0.5)], -1)


def face_mask(head: Head, item: FaceMask, rng: np.random.Generator) -> list[Surface]:
    """A pleated surgical mask with ear loops."""
    x, y = head.canonical[..., 0], head.canonical[..., 1]
    _, width, _, _, _ = head.sections(y)
    share = np.abs(x) / np.maximum(width, 1)
    upper = item.top - 16 * smoothstep(0.15, 0.8, share)
    in_front = head.skin[..., 2] > 20
    field = np.minimum(np.minimum(upper - y, y + 112), (0.9 - share) * width)
    field = np.where(in_front, field, -20.0)
    points = _shell(head, field, 3.0, 0.9)
    tent = head.sections(y)[2] + 17 * np.exp(-0.5 * ((x / 26) ** 2 + ((y + 42) / 24) ** 2)) - 0.0085 * x**2
    inside = smoothstep(0, 8, field)
    points[..., 2] = np.where(
        inside > 0,
        np.maximum(points[..., 2], inside * (tent + 2) + (1 - inside) * points[..., 2]),
        points[..., 2],
    )
    rows = np.arange(128)[:, None, None]
    pleats = 1 - 0.13 * (np.sin(rows * 0.5) > 0.8) + 0.02 * rng.uniform(-1, 1, (128, 64, 1))
    texture = textures.to_texture((pleats * item.colour).astype(np.float32))
    uv = np.stack([x / 160 + 0.5, (20 - y) / 140], -1)
    surfaces = [Surface(points, texture, uv, 0.03)]
    for side in (-1.0, 1.0):
        ear = np.array([side * float(width.max()), float(head.height(-4.0)), -2.0])
        for level in (-36.0, -80.0):
            shares = np.array([0.84, 0.92, 0.97, 0.995])
            levels = np.linspace(level, 0.45 * level, 4)
            cheek = head.place(side * shares * head.sections(levels)[1], levels, 2.0)
            path = np.concatenate([cheek, ear[None]])
            surfaces.append(Surface(tube_points(path, np.full(5, 0.9), 5), plain((0.9, 0.9, 0.9))))
    return surfaces


def scarf(head: Head, item: Scarf, rng: np.random.Generator) -> list[Surface]:
    """Three thick loops round the neck."""
    top = float(head.height(item.top))
    angle = np.linspace(-np.pi, np.pi, 41)
    surfaces = []
    for k in range(3):
        radius = 23 + 4 * k
        reach = 66 + 7 * k
        height = top - radius - 24 * k + 6 * np.sin(angle + rng.uniform(0, 6))
        depth = 12 + (reach + 22) * np.cos(angle)
        height = height + 10 * (np.cos(angle) < 0)
        path = np.stack([reach * np.sin(angle), height, depth], 1)
        radii = radius * (1 + 0.10 * np.sin(angle * 7 + rng.uniform(0, 6)))
        texture = textures.knit(rng, item.colour, item.stripe, stripes=3)
        surfaces.append(Surface(tube_points(path, radii, 14), texture, None, 0.02))
    return surfaces


def blanket(head: Head, item: Blanket, rng: np.random.Generator) -> list[Surface]:
    """A cloth over the lower part of the head and the body."""
    u, v = np.meshgrid(np.linspace(-1, 1, 45), np.linspace(0, 1, 30))
    x = 215 * u
    top = float(head.height(item.top))
    y = top + item.slope * np.clip(x, -110, 110) + 5 * np.sin(u * 7 + rng.uniform(0, 6)) - 300 * v
    front = float(head.sections(-40.0)[2]) + 24
    hill = front - 0.0075 * np.abs(x) ** 2 * (1 - 0.3 * v) - 26 * smoothstep(0.15, 0.6, v)
    folds = 5 * textures.noise(rng, 30, 45, (6, 7)) + 4 * np.sin(x / 16 + 4 * v)
    z = np.maximum(hill, -70) + folds * (0.4 + 0.6 * smoothstep(0, 0.2, v)) - 14 * smoothstep(0.05, 0.0, v)
    texture = textures.cloth(rng, item.colour, item.stripe, item.pattern)
    return [Surface(np.stack([x, y, z], -1), texture, None, 0.02, two_sided=True)]


def _panel(item: Panel, face_depth: float) -> list[Surface]:
    u, v = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(1, -1, 9))
    points = np.stack([u * item.half[0], v * item.half[1], np.zeros_like(u)], -1)
    picture = np.tile(np.array(item.colour, np.float32), (96, 64, 1))
    lines = (np.arange(96) % 8 < 3) & (np.arange(96) > 9) & (np.arange(96) < 86)
    picture[np.ix_(lines, np.arange(8, 56))] = item.print
    turned = apply(rotation(0, 0, item.tilt), points)
    origin = np.array([item.centre[0], item.centre[1], face_depth + item.distance])
    return [Surface(turned + origin, to_texture(picture), None, 0.05, two_sided=True)]


def worn(head: Head, item: Covering, rng: np.random.Generator) -> list[Surface]:
    """Surfaces of one covering (all but hands and panels) in the head's frame."""
    match item:
        case Cap():
            return cap(head, item, rng)
        case Glasses():
            return glasses(head, item)
        case FaceMask():
            return face_mask(head, item, rng)
        case Scarf():
            return scarf(head, item, rng)
        case FeedingTube():
            return feeding_tube(head, item)
        case Cpap():
            return cpap(head, item)
        case Blanket():
            return blanket(head, item, rng)
    raise TypeError(f"no surfaces for {item!r}")


def _finger_texture(skin: Array, nails: bool, creases: float) -> Texture:
    """Skin along a finger (v) with creases of that depth at the joints and a nail at the tip."""
    picture = np.tile(skin, (96, 48, 1)).astype(np.float32)
    v, u = np.mgrid[0:96, 0:48]
    for joint in (0.40, 0.66):
        picture *= (1 - creases * np.exp(-0.5 * ((v / 96 - joint) / 0.009) ** 2))[..., None].astype(np.float32)
    if nails:
        nail = np.exp(-((((v / 96 - 0.88) / 0.055) ** 2 + ((u / 48 - 0.75) / 0.11) ** 2) ** 2))[..., None]
        picture = picture * (1 - nail) + nail * (skin * np.array([0.98, 0.98, 1.0]) + 0.12)
    return to_texture(picture.astype(np.float32))


def _bent(length: float, curl: float) -> Array:
    """(7, 3) centre line of a finger that starts at the origin, points up and bends towards the palm (-z)."""
    angle = np.radians(150 * curl) * _PHALANGES**0.8
    steps = np.diff(_PHALANGES) * length
    y = np.concatenate([[0], np.cumsum(steps * np.cos(angle[1:]))])
    z = -np.concatenate([[0], np.cumsum(steps * np.sin(angle[1:]))])
    return np.stack([np.zeros(7), y, z], 1)


def held(item: Hand | Panel, skin: Colour, face_depth: float) -> list[Surface]:
    """Surfaces of a hand or panel in front of a face, in the frame of the upright body.

    Args:
        item: The hand or panel.
        skin: BGR colour of the hand's skin.
        face_depth: Depth of the face's plane, in mm.
    """
    return _panel(item, face_depth) if isinstance(item, Panel) else _hand(item, skin, face_depth)


def _hand(item: Hand, skin: Colour, face_depth: float) -> list[Surface]:
    colour = np.array(item.glove if item.glove is not None else skin)
    texture = _finger_texture(colour * 0.98, item.back and item.glove is None, 0.11 if item.glove is None else 0.03)
    bodies: list[tuple[Array, Texture]] = []
    palm = ellipsoid_points(np.zeros(3), np.array([42.0, 50.0, 14.5]), 2.5, 26, 40)
    # The palm is thinner towards the fingers.
    palm[..., 2] *= 1 - 0.3 * smoothstep(0, 45, palm[..., 1])
    bodies.append((palm, plain(tuple(colour))))
    for k, ((x, y), length, radius) in enumerate(_FINGERS):
        path = _bent(length, item.curl) + np.array([0, -16, 0])
        path = apply(rotation(0, 0, item.spread * (k - 1.4)), path) + np.array([x, y, 0])
        bodies.append((tube_points(path, radius * np.array([1.05, 1.0, 0.96, 0.98, 0.9, 0.84, 0.68]), 12), texture))
    thumb = _bent(62, 0.6 * item.curl + 0.1)
    thumb = apply(rotation(0, 0, -34 - 2 * item.spread), thumb) + np.array([-34, -14, -3])
    bodies.append((tube_points(thumb, np.array([14, 12.5, 11, 10.5, 10, 9, 7.0]), 12), texture))
    arm = np.array([[0, -34.0, 0], [0, -60, 0], [2, -95, -4], [6, -180, -12], [14, -330, -30]])
    bodies.append((tube_points(arm, np.array([27, 25, 26, 33, 40.0]), 14, 0.8), plain(tuple(colour * 0.97))))
    cuff = np.array([[3, -112.0, -5], [6, -180, -12], [15, -380, -34]])
    bodies.append((tube_points(cuff, np.array([37, 42, 50.0]), 14, 0.85), plain(item.sleeve)))
    mirror = np.array([-1.0 if item.mirrored else 1.0, 1.0, 1.0])
    flip = np.array([1.0, 1.0, 1.0]) if item.back else np.array([-1.0, 1.0, -1.0])
    turn = rotation(0, -8, item.tilt)
    origin = np.array([item.centre[0], item.centre[1], face_depth + item.distance + 14 * item.size])
    surfaces = []
    for points, skin_texture in bodies:
        placed = apply(turn, points * flip * mirror * item.size) + origin
        # Reverse the columns of a mirrored grid, so that its normals still point outwards.
        surfaces.append(Surface(placed[:, ::-1] if item.mirrored else placed, skin_texture, None, 0.08))
    return surfaces
