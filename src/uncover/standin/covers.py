"""What hides a face: caps, hair, glasses, masks, scarves and cloths, as surfaces.

Most are *shells*: the head's own skin, lifted where the cover is and sunk below the skin where it is not. The z-buffer
then cuts a clean edge in every pose.
"""

import numpy as np

from uncover.standin import devices, textures
from uncover.standin.head import Head
from uncover.standin.render import normals
from uncover.standin.scene import (
    Blanket,
    Cap,
    Covering,
    Cpap,
    FaceMask,
    FeedingTube,
    Glasses,
    Hair,
    Scarf,
)
from uncover.standin.surface import Array, Surface, plain, smoothstep, tube_points

_SUNK = -5.0


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
    """Hair of the scalp (pressed flat when `capped`), and what hangs down."""
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
    """A cloth that lies over the lower part of the head and over the body."""
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


def worn(head: Head, item: Covering, rng: np.random.Generator) -> list[Surface]:
    """Surfaces of one covering (all but hands) in the head's frame."""
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
            return devices.feeding_tube(head, item)
        case Cpap():
            return devices.cpap(head, item)
        case Blanket():
            return blanket(head, item, rng)
    raise TypeError(f"no surfaces for {item!r}")
