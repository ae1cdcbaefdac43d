"""Rendering of textured grids with a z-buffer, in numpy, and effects of camera and room on the rendered image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.synthetic.scene import Lens, Light
from uncover.synthetic.surfaces import Array, Surface, blurred, noise, unit

Keys = NDArray[np.int64]
_TRIANGLE_BITS = 22
_TRIANGLE_MASK = (1 << _TRIANGLE_BITS) - 1
_DEPTH_STEPS = 64.0
EMPTY = np.iinfo(np.int64).max

_KNEE = 0.68


@dataclass(frozen=True)
class View:
    """Projection of a person's coordinate frame to the image.

    Attributes:
        centre: Pixel of the point `target`.
        target: (3,) point in the person's frame, in mm.
        scale: Pixels per mm at `target`.
        distance: Distance from the camera to `target`, in mm.
        offset: Added to depths, in mm, so that nearer people cover farther ones.
    """

    centre: tuple[float, float]
    target: Array
    scale: float
    distance: float
    offset: float = 0.0

    def project(self, points: Array) -> tuple[Array, Array]:
        """Pixels (..., 2) and depths (...,) in mm of points (..., 3)."""
        relative = points - self.target
        depth = np.maximum(self.distance - relative[..., 2], 0.2 * self.distance)
        zoom = self.scale * self.distance / depth
        x = self.centre[0] + zoom * relative[..., 0]
        y = self.centre[1] - zoom * relative[..., 1]
        return np.stack([x, y], -1), depth + self.offset


@lru_cache(maxsize=256)
def _triangles(rows: int, columns: int) -> NDArray[np.int64]:
    """(n, 3) vertex numbers of a grid's triangles, clockwise on the screen when seen from outside."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    first, second = np.stack([a, b, d], -1), np.stack([a, d, c], -1)
    return np.concatenate([first.reshape(-1, 3), second.reshape(-1, 3)])


def _span(corners: Array) -> tuple[Array, Array]:
    """Smallest and largest of three corners (n, 3, ...); numpy's own reduction is slow along so short an axis."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    return np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)


def normals(points: Array) -> Array:
    """Outward unit normals (rows, columns, 3) of a grid; a grid whose first and last columns meet is a closed ring."""
    closed = np.allclose(points[:, 0], points[:, -1])
    if closed:
        ring = np.concatenate([points[:, -2:-1], points, points[:, 1:2]], 1)
        right = ring[:, 2:] - ring[:, :-2]
    else:
        right = np.gradient(points, axis=1)
    return unit(np.cross(right, -np.gradient(points, axis=0)))


def _lit(points: Array, light: Light, two_sided: bool) -> tuple[Array, Array]:
    """Brightness and highlight (rows, columns) at the vertices of a grid."""
    normal = normals(points)
    if two_sided:
        normal = np.where(normal[..., 2:] < 0, -normal, normal)
    direction = unit(np.array(light.direction))
    half = unit(direction + np.array([0.0, 0.0, 1.0]))
    facing = np.einsum("...i,i->...", normal, direction)
    # Indirect light of a room: some light reaches surfaces turned away from the lamp, and some comes from below.
    diffuse = np.clip((facing + 0.25) / 1.25, 0, 1)
    sky = 0.82 + 0.18 * normal[..., 1]
    glance = np.clip(np.einsum("...i,i->...", normal, half), 0, 1)
    return light.ambient * sky + (1.2 - light.ambient) * diffuse, glance**28


@dataclass(frozen=True)
class _Piece:
    """A projected surface: planes of its triangles' attributes over the screen."""

    surface: Surface
    first: int
    planes: Array


class Canvas:
    """A z-buffer to which surfaces of one image are drawn.

    Args:
        width: Width in pixels.
        height: Height in pixels.
        light: Light of the scene.
    """

    def __init__(self, width: int, height: int, light: Light) -> None:
        self.width, self.height, self.light = width, height, light
        self.keys: Keys = np.full((height, width), EMPTY, np.int64)
        self._finished = self.keys.copy()
        self._pieces: list[_Piece] = []
        self._count = 0

    def end_layer(self) -> None:
        """Finish a layer: `depth` then returns only surfaces drawn after this call."""
        np.minimum(self._finished, self.keys, out=self._finished)
        self.keys = np.full_like(self.keys, EMPTY)

    def end_picture(self) -> None:
        """Combine all layers: `depth` and `shade` then return the whole image."""
        self.end_layer()
        self.keys = self._finished

    def draw(self, surface: Surface, view: View) -> None:
        """Draw a surface."""
        points = surface.points
        rows, columns = points.shape[:2]
        screen, depth = view.project(points)
        bright, shine = _lit(points, self.light, surface.two_sided)
        uv = surface.uv
        if uv is None:
            uv = np.stack(np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows)), -1)
        attributes = np.concatenate([uv, bright[..., None], shine[..., None] * surface.gloss], -1)
        corners = _triangles(rows, columns)
        xy = screen.reshape(-1, 2)[corners]
        along, across = xy[:, 1] - xy[:, 0], xy[:, 2] - xy[:, 0]
        area = along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]
        keep = np.abs(area) > 1e-6 if surface.two_sided else area > 1e-6
        low, high = _span(xy)
        keep &= (high[:, 0] > 0) & (high[:, 1] > 0) & (low[:, 0] < self.width) & (low[:, 1] < self.height)
        corners, xy, area = corners[keep], xy[keep], area[keep]
        if not len(corners):
            return
        values = np.concatenate([depth[..., None], attributes], -1).reshape(-1, 5)[corners]
        along, across = along[keep, :, None], across[keep, :, None]
        rise, run = values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
        area = area[:, None]
        slope_x = (rise * across[:, 1] - run * along[:, 1]) / area
        slope_y = (run * along[:, 0] - rise * across[:, 0]) / area
        start = values[:, 0] - slope_x * xy[:, 0, :1] - slope_y * xy[:, 0, 1:]
        planes = np.stack([slope_x, slope_y, start], -1)
        self._scan(xy, planes[:, 0], values[:, :, 0])
        self._pieces.append(_Piece(surface, self._count, planes[:, 1:]))
        self._count += len(corners)

    def _scan(self, xy: Array, depth: Array, corner_depth: Array) -> None:
        """Find the pixels of triangles (n, 3, 2) and keep the nearest triangle of each."""
        upper, lower = _span(xy[..., 1])
        top = np.clip(np.ceil(upper - 0.5), 0, self.height).astype(np.int64)
        bottom = np.clip(np.floor(lower - 0.5), -1, self.height - 1).astype(np.int64)
        count = np.maximum(bottom - top + 1, 0)
        owner = np.repeat(np.arange(len(xy)), count)
        line = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count) + top[owner]
        y = line + 0.5
        low, high = np.full(len(owner), np.inf), np.full(len(owner), -np.inf)
        for a, b in ((0, 1), (1, 2), (2, 0)):
            ax, ay = xy[owner, a, 0], xy[owner, a, 1]
            bx, by = xy[owner, b, 0], xy[owner, b, 1]
            crosses = (np.minimum(ay, by) <= y) & (np.maximum(ay, by) >= y) & (ay != by)
            x = ax + (bx - ax) * (y - ay) / np.where(crosses, by - ay, 1.0)
            low = np.where(crosses, np.minimum(low, x), low)
            high = np.where(crosses, np.maximum(high, x), high)
        found = high >= low
        left = np.clip(np.ceil(np.where(found, low, 0) - 0.5), 0, self.width).astype(np.int64)
        right = np.clip(np.floor(np.where(found, high, -1) - 0.5), -1, self.width - 1).astype(np.int64)
        span = np.maximum(right - left + 1, 0)
        row = np.repeat(np.arange(len(owner)), span)
        column = np.arange(len(row)) - np.repeat(np.cumsum(span) - span, span) + left[row]
        slope = depth[owner]
        base = slope[:, 1] * y + slope[:, 2] + 0.5 * slope[:, 0]
        z = base[row] + slope[:, 0][row] * column
        # For very thin triangles, the plane at a pixel's centre may be far outside the range of the corners.
        nearest, farthest = _span(corner_depth)
        z = np.clip(z, nearest[owner][row], farthest[owner][row])
        triangle = (owner + self._count)[row]
        key = ((z * _DEPTH_STEPS).astype(np.int64) << _TRIANGLE_BITS) | triangle
        np.minimum.at(self.keys.reshape(-1), line[row] * self.width + column, key)

    def depth(self) -> Array:
        """Depth of the visible surfaces in mm, (height, width); infinite where there is none."""
        depth = (self.keys >> _TRIANGLE_BITS) / _DEPTH_STEPS
        depth[self.keys == EMPTY] = np.inf
        return depth

    def shade(self) -> NDArray[np.float32]:
        """Shaded image, (height, width, 3) float32 BGR in 0..1; black where nothing was drawn."""
        picture = np.zeros((self.height * self.width, 3), np.float32)
        if not self._pieces:
            return picture.reshape(self.height, self.width, 3)
        pixels = np.flatnonzero(self.keys.reshape(-1) != EMPTY)
        triangle = self.keys.reshape(-1)[pixels] & _TRIANGLE_MASK
        starts = np.array([piece.first for piece in self._pieces])
        piece_of = (np.searchsorted(starts, triangle, side="right") - 1).astype(np.uint16)
        order = np.argsort(piece_of, kind="stable")
        pixels, triangle = pixels[order], triangle[order]
        ends = np.cumsum(np.bincount(piece_of, minlength=len(self._pieces)))
        for piece, begin, end in zip(self._pieces, np.concatenate([[0], ends[:-1]]), ends, strict=True):
            if begin < end:
                where = pixels[begin:end]
                planes = piece.planes[triangle[begin:end] - piece.first].astype(np.float32)
                y, x = np.divmod(where, self.width)
                x, y = (x + 0.5).astype(np.float32)[:, None], (y + 0.5).astype(np.float32)[:, None]
                values = planes[..., 0] * x + planes[..., 1] * y + planes[..., 2]
                albedo = _sample(piece.surface.texture, values[:, :2])
                picture[where] = albedo * values[:, 2:3] + values[:, 3:4]
        return picture.reshape(self.height, self.width, 3)


def _sample(texture: NDArray[np.uint8], uv: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bilinear lookup of a texture at (n, 2) coordinates in 0..1, as (n, 3) float32 in 0..1."""
    height, width = texture.shape[:2]
    # cv2.remap does not support sides above 32767, so the list of pixels is folded into rows.
    fold = 256
    lines = -(-len(uv) // fold)
    padded = np.zeros((lines * fold, 2), np.float32)
    padded[: len(uv)] = uv * np.array([width, height], np.float32) - np.float32(0.5)
    maps = padded.reshape(lines, fold, 2)
    found = cv2.remap(texture, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, 3)[: len(uv)].astype(np.float32) / np.float32(255)


def photograph(picture: NDArray[np.float32], lens: Lens) -> NDArray[np.uint8]:
    """Convert (height, width, 3) float32 BGR light to an 8-bit photo, with the effects of the camera."""
    rng = np.random.default_rng(lens.seed)
    height, width = picture.shape[:2]
    # Compress highlights instead of clipping them, as cameras do.
    picture = np.minimum(picture, _KNEE + (1 - _KNEE) * np.tanh((picture - _KNEE) / (1 - _KNEE)))
    if lens.glare > 0:
        picture = _with_glare(picture, lens.glare, rng)
    if lens.defocus > 0.2:
        picture = blurred(picture, lens.defocus)
    if lens.motion > 1:
        streak = _streak(lens.motion, lens.motion_angle)
        picture = np.asarray(cv2.filter2D(picture, -1, streak, borderType=cv2.BORDER_REPLICATE), np.float32)
    grey = picture * 255
    if lens.noise > 0:
        if lens.grain is not None:
            rng = np.random.default_rng(lens.grain)
        grain = rng.standard_normal((height, width, 3), np.float32)
        grain[..., 1:] = 0.6 * grain[..., 1:] + 0.4 * grain[..., :1]
        grey = grey + lens.noise * grain
    return np.clip(grey + 0.5, 0, 255).astype(np.uint8)


def _streak(length: float, angle: float) -> NDArray[np.float32]:
    """Normalised kernel of a straight movement of `length` px in direction `angle` (degrees)."""
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    step = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) * length / 2
    ends = np.round((np.array([half, half]) + np.array([-step, step])) * 16).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()


def _with_glare(picture: NDArray[np.float32], strength: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Reflections on a plastic wall: a veil, a few bright slanted bars."""
    height, width = picture.shape[:2]
    veil = np.zeros((height, width), np.float32)
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(0, 1, 2) * (width, height)
        turn, long, thin = (
            rng.uniform(0, np.pi),
            rng.uniform(0.2, 0.8) * width,
            rng.uniform(0.01, 0.07) * width,
        )
        axis = np.array([np.cos(turn), np.sin(turn)])
        across = np.array([-axis[1], axis[0]]) * thin
        corners = np.array([x, y]) + np.array([-axis * long / 2 - across, axis * long / 2 - across,
                                              axis * long / 2 + across, -axis * long / 2 + across])  # fmt: skip
        cv2.fillConvexPoly(veil, corners.astype(np.int32), float(rng.uniform(0.5, 1.0)), cv2.LINE_AA)
    veil = blurred(veil, 0.012 * width + 0.5)
    veil = 0.25 * (1 + noise(rng, height, width, (height / 2, width / 2))) * 0.5 + veil
    share = np.clip(strength * veil, 0, 0.85)[..., None]
    return picture * (1 - share) + share * np.array([0.98, 0.97, 0.94], np.float32)
