"""Textured grids of points in space, simple bodies built from them, and small procedural textures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.synthetic.scene import Colour

Array = NDArray[np.float64]
Texture = NDArray[np.uint8]

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Surface:
    """A grid of points with a texture.

    Attributes:
        points: (rows, columns, 3) float64, mm. Seen from outside, rows run down and columns run right.
        uv: (rows, columns, 2) float64 texture coordinates in 0..1, or None for the grid's own.
        texture: (height, width, 3) uint8 BGR.
        gloss: strength of the highlight, 0..1.
        two_sided: whether the inner side is visible too.
    """

    points: Array
    texture: Texture
    uv: Array | None = None
    gloss: float = 0.05
    two_sided: bool = False


def plain(colour: tuple[float, float, float]) -> Texture:
    """A texture of one BGR colour in 0..1."""
    return np.full((2, 2, 3), np.clip(np.array(colour) * 255, 0, 255), np.uint8)


def unit(vectors: Array) -> Array:
    """Vectors (..., 3) scaled to length one; zero vectors stay zero."""
    return vectors / np.maximum(np.sqrt((vectors**2).sum(-1, keepdims=True)), 1e-9)


def rotation(yaw: float, pitch: float, roll: float) -> Array:
    """(3, 3) rotation: yaw turns +z to +x, pitch turns +z to +y, roll turns +y to +x (clockwise in the image)."""
    a, b, c = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    tilt = np.array([[np.cos(c), np.sin(c), 0], [-np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return tilt @ nod @ turn


def apply(matrix: Array, points: Array) -> Array:
    """Rotate points (..., 3) by a (3, 3) matrix."""
    # einsum instead of a BLAS product: its result does not depend on the number of threads.
    return np.einsum("ij,...j->...i", matrix, points)


def smoothstep(low: float, high: float, values: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between; `low` may be the larger one."""
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def spline(knots: Array, values: Array, at: Array) -> Array:
    """Catmull-Rom interpolation of `values` (n,) or (n, k) over increasing `knots` (n,), clamped at both ends."""
    slopes = np.gradient(values, knots, axis=0)
    index = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    step = knots[index + 1] - knots[index]
    share = np.clip((at - knots[index]) / step, 0.0, 1.0)
    if values.ndim > 1:
        share, step = share[..., None], step[..., None]
    left, right = values[index], values[index + 1]
    a, b = slopes[index] * step, slopes[index + 1] * step
    return left + share * a + share**2 * (3 * (right - left) - 2 * a - b) + share**3 * (a + b - 2 * (right - left))


def tube_points(path: Array, radii: Array, sides: int = 8, flatten: float = 1.0) -> Array:
    """Surface of a bent tube with rounded ends.

    Args:
        path: (n, 3) centre line, mm.
        radii: (n,) radius at each point, mm.
        sides: number of faces around the tube.
        flatten: thickness along the second cross direction relative to the first.

    Returns:
        (n + 6, sides + 1, 3) grid.
    """
    along = unit(np.gradient(path, axis=0))
    across = np.cross(along, np.array([0.0, 0.0, 1.0]))
    across[(across**2).sum(-1) < 1e-4] = (1.0, 0.0, 0.0)
    across = unit(across)
    normal = np.cross(across, along)
    caps = np.array([0.05, 0.6, 0.9])
    reach = np.sqrt(1 - caps**2) * min(flatten, 1.0)
    start = path[0] - along[0] * reach[:, None] * radii[0]
    stop = path[-1] + along[-1] * reach[::-1, None] * radii[-1]
    centre = np.concatenate([start, path, stop])
    radius = np.concatenate([caps * radii[0], radii, caps[::-1] * radii[-1]])
    pad = ((3, 3), (0, 0))
    across, normal = np.pad(across, pad, mode="edge"), np.pad(normal, pad, mode="edge")
    angle = np.linspace(-np.pi, np.pi, sides + 1)
    ring = np.cos(angle)[:, None] * across[:, None] + flatten * np.sin(angle)[:, None] * normal[:, None]
    return centre[:, None] + radius[:, None, None] * ring


def ellipsoid_points(centre: Array, radii: Array, power: float = 2.0, rows: int = 12, columns: int = 20) -> Array:
    """(rows, columns, 3) grid of a superellipsoid; `power` above 2 makes it boxier."""
    v = np.linspace(0.02, np.pi - 0.02, rows)[:, None]
    u = np.linspace(-np.pi, np.pi, columns)[None]

    def bent(values: Array) -> Array:
        return np.sign(values) * np.abs(values) ** (2 / power)

    x = bent(np.sin(v)) * bent(np.sin(u))
    y = bent(np.cos(v)) * np.ones_like(u)
    z = bent(np.sin(v)) * bent(np.cos(u))
    return centre + np.stack([x, y, z], -1) * radii


def bgr(colour: Colour) -> Picture:
    """A colour as a (3,) float32 array."""
    return np.asarray(colour, np.float32)


def blurred(picture: Picture, radius: float) -> Picture:
    """The image after a Gaussian blur of standard deviation `radius` px."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), radius), np.float32)


def resized(picture: Picture, width: int, height: int, interpolation: int = cv2.INTER_LINEAR) -> Picture:
    """The image at another size."""
    return np.asarray(cv2.resize(picture, (width, height), interpolation=interpolation), np.float32)


def moved(picture: Picture, right: float, down: float) -> Picture:
    """The image shifted by `right` and `down` px, with its border repeated."""
    height, width = picture.shape[:2]
    shift = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return np.asarray(cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REPLICATE), np.float32)


def scaled(colour: Colour, factor: float) -> Colour:
    """The colour multiplied by a brightness factor."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def noise(rng: np.random.Generator, height: int, width: int, cell: tuple[float, float]) -> Picture:
    """(height, width) float32 smooth noise in about -1..1 whose features measure `cell` (vertical, horizontal) px."""
    rows, columns = max(2, round(height / cell[0])), max(2, round(width / cell[1]))
    coarse = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    return resized(coarse, width, height, cv2.INTER_CUBIC)


def to_texture(picture: Picture) -> Texture:
    """Convert a float BGR image in 0..1 to uint8."""
    return np.clip(picture * 255, 0, 255).astype(np.uint8)


def hair(rng: np.random.Generator, colour: Colour, size: int = 192) -> Texture:
    """A texture of vertical strands."""
    strands = noise(rng, size, size, (size / 5, 1.4)) + 0.7 * noise(rng, size, size, (size / 2, 6))
    glow = 1 + 0.33 * strands + 0.12 * noise(rng, size, size, (20, 60))
    return to_texture(glow[..., None] * bgr(colour) + 0.02)


def knit(rng: np.random.Generator, colour: Colour, stripe: Colour, stripes: int = 0, size: int = 192) -> Texture:
    """A knitted texture: vertical ribs, with horizontal stripes."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    ribs = 0.86 + 0.14 * np.sin(columns * (2 * np.pi / 4.8)) * (0.8 + 0.2 * np.sin(rows * (2 * np.pi / 5)))
    share = (np.sin(rows * (2 * np.pi * stripes / size)) > 0.3)[..., None] if stripes else np.zeros((1, 1, 1))
    base = bgr(colour) * (1 - share) + bgr(stripe) * share
    return to_texture((base * (ribs + 0.06 * noise(rng, size, size, (9, 9)))[..., None]).astype(np.float32))


def cloth(rng: np.random.Generator, colour: Colour, stripe: Colour, pattern: str = "weave", size: int = 256) -> Texture:
    """A cloth texture with soft folds; `pattern` is plain, weave, stripes, checks or dots."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    if pattern == "stripes":
        share = (np.sin(columns * 0.22) > 0.35).astype(np.float32)
    elif pattern == "checks":
        share = 0.5 * (np.sin(columns * 0.2) > 0) + 0.5 * (np.sin(rows * 0.2) > 0)
    elif pattern == "dots":
        share = ((np.sin(columns * 0.25) * np.sin(rows * 0.25)) > 0.6).astype(np.float32)
    else:
        share = np.zeros_like(rows)
    share = blurred(share.astype(np.float32), 0.8)[..., None]
    base = bgr(colour) * (1 - share) + bgr(stripe) * share
    folds = 1 + 0.12 * noise(rng, size, size, (70, 40)) + 0.05 * noise(rng, size, size, (3, 3))
    if pattern != "plain":
        folds = folds + 0.04 * np.sin(rows * 1.6) * np.sin(columns * 1.6)
    return to_texture(base * folds[..., None])
