"""Geometry of the head: a stack of horizontal sections with the relief of the face on the front.

There are two coordinate systems. *Canonical* face coordinates (x, y) are those of the average adult seen from the
front, in mm, with the eyes at y = 0: features, paint and landmark curves are defined in them. `Head.place` converts
them to points in space for given proportions and expression, so that paint and landmarks stay on the same spot of the
skin.
"""

from functools import cached_property

import numpy as np

from uncover.synthetic.scene import Expression, Shape
from uncover.synthetic.surfaces import Array, apply, rotation, smoothstep, spline

# Sections from the crown to the chin: height, half width, depth of front, back and widest point (z = 0 at the ears).
_ADULT = np.array(
    [
        [118, 0.5, -7, -9, -8], [114, 27, 29, -40, -8], [104, 47, 56, -66, -8], [86, 64, 78, -86, -8],
        [62, 73, 91, -96, -8], [40, 75.5, 95, -99, -7], [20, 73, 95, -97, -4], [0, 70, 91, -90, 0],
        [-18, 68, 88, -84, 2], [-36, 65, 88, -76, 5], [-54, 60.5, 88, -68, 8], [-70, 54.5, 87, -58, 10],
        [-85, 45, 85, -36, 16], [-98, 32, 82, -4, 30], [-107, 17, 76, 30, 48], [-110.5, 0.5, 64, 60, 62],
    ]
)  # fmt: skip
_INFANT = np.array(
    [
        [134, 0.5, -7, -9, -8], [129, 30, 34, -48, -8], [117, 53, 66, -78, -8], [95, 73, 91, -102, -8],
        [68, 82.5, 104, -115, -8], [42, 84.5, 107, -119, -7], [20, 82, 102, -116, -4], [0, 78, 94, -106, 0],
        [-14, 77, 91, -98, 3], [-28, 76, 90, -88, 6], [-41, 72.5, 89, -74, 9], [-53, 65, 87, -56, 12],
        [-64, 54, 83, -28, 18], [-74, 37, 77, 2, 30], [-81, 19, 70, 30, 44], [-84, 0.5, 60, 54, 56],
    ]
)  # fmt: skip
# Heights of the same facial feature in both: chin, lip bottom, lip seam, lip top, nose base, nose tip, eyes, brows...
_ADULT_Y = np.array([-110.5, -76.0, -65.0, -58.0, -45.0, -36.0, -9.0, 9.0, 20.0, 66.0, 118.0])
_INFANT_Y = np.array([-84.0, -57.0, -48.5, -42.5, -31.5, -24.0, -9.0, 9.0, 18.0, 74.0, 134.0])

_ROWS = np.concatenate(
    [[118, 117.2, 115.5, 113, 109.5, 105, 99, 92, 84, 76, 68], np.arange(61, 26, -4.5), np.arange(25, -83, -2.4),
     [-84, -87, -90, -93, -96, -99, -102, -104.5, -106.5, -108, -109.2, -110, -110.5]]
)  # fmt: skip
_FRONT = np.concatenate([np.linspace(0, 0.5, 15), np.sin(np.radians(np.linspace(30, 90, 15)))[1:]])
_SECTION_POWER = 2.3

_BRIDGE_Y = np.array([-51.0, -48.0, -45.0, -42.0, -39.0, -35.0, -30.0, -20.0, -6.0, 6.0, 16.0])
_BRIDGE_HEIGHT = np.array([0.0, 2.5, 8.0, 14.5, 18.6, 20.2, 18.6, 13.5, 7.5, 2.5, 0.0])
_BRIDGE_WIDTH = np.array([11.0, 10.0, 9.0, 8.4, 8.2, 8.0, 7.4, 6.6, 6.3, 6.3, 8.0])

NECK = np.array([0.0, -70.0, -25.0])


def _bump(x: Array, y: Array, centre: tuple[float, float], spread: tuple[float, float]) -> Array:
    return np.exp(-0.5 * (((x - centre[0]) / spread[0]) ** 2 + ((y - centre[1]) / spread[1]) ** 2))


class Head:
    """Surface of a head.

    Args:
        shape: Proportions.
        expression: Facial expression.
    """

    def __init__(self, shape: Shape, expression: Expression) -> None:
        self.shape = shape
        self.expression = expression
        rows = (1 - shape.age) * _ADULT + shape.age * _INFANT
        rows[:, 1] *= shape.width
        rows[10:, 1] *= 1 + (shape.jaw_width - 1) * np.array([0.4, 0.8, 1, 1, 1, 1])
        rows[rows[:, 0] < 0, 0] *= shape.length
        self._heights = (1 - shape.age) * _ADULT_Y + shape.age * _INFANT_Y
        self._heights[self._heights < -9] = (self._heights[self._heights < -9] + 9) * shape.length - 9
        self._heights[0], self._heights[-1] = rows[-1, 0], rows[0, 0]
        dense = spline(np.arange(16.0), rows, np.linspace(0, 15, 601))
        self._sections = dense[::-1]

    def height(self, y: float | Array) -> Array:
        """Height in space, mm, of canonical heights `y`."""
        return np.asarray(np.interp(y, _ADULT_Y, self._heights))

    def sections(self, y: float | Array) -> tuple[Array, Array, Array, Array, Array]:
        """Height, half width, front, back and widest depth (mm) of the sections at canonical heights `y`."""
        height = self.height(y)
        columns = [np.interp(height, self._sections[:, 0], self._sections[:, k]) for k in range(1, 5)]
        return height, columns[0], columns[1], columns[2], columns[3]

    def relief(self, x: Array, y: Array) -> Array:
        """Relief of the features over the plain front, in mm, at canonical (x, y)."""
        shape, side = self.shape, np.abs(x)
        flat = 1 - 0.45 * shape.age
        size = shape.nose_size * (1 - 0.42 * shape.age)
        nose_x = x / shape.nose_width
        bridge = np.interp(y, _BRIDGE_Y, _BRIDGE_HEIGHT) * np.exp(
            -0.5 * (nose_x / np.interp(y, _BRIDGE_Y, _BRIDGE_WIDTH)) ** 2
        )
        nose = bridge + 8.5 * _bump(np.abs(nose_x), y, (12.3, -40.5), (4.0, 4.4))
        eye = 31.5 * shape.eye_distance
        sockets = -8 * flat * _bump(side, y, (eye - 2, 3), (15, 9)) + 4.2 * _bump(side, y, (eye, 0), (10, 7))
        brow = 4.5 * flat * _bump(side, y, (27, 20), (17, 5)) + 2 * flat * _bump(x, y, (0, 20), (9, 6))
        cheeks = (4 + 3 * shape.age) * _bump(side, y, (43, -30), (17, 15))
        cheeks += 3.5 * self.expression.smile * _bump(side, y, (38, -34), (12, 10))
        lips = shape.lip_fullness * (
            3.2 * _bump(x, y, (0, -61), (15, 3.0)) + 4.2 * _bump(x, y, (0, -70.5), (13, 4.0))
        ) - 2.2 * _bump(x, y, (0, -65), (20, 1.6))
        muzzle = 5 * _bump(x, y, (0, -66), (22, 15)) - 1.2 * _bump(x, y, (0, -52), (2.2, 4))
        chin = -4 * _bump(x, y, (0, -83), (20, 4.5)) + 6 * flat * _bump(x, y, (0, -97), (14, 8))
        return size * nose + sockets + brow + cheeks + lips + muzzle + chin

    def _deform(self, points: Array, y: Array) -> Array:
        """Move points (..., 3) at canonical heights `y` with the open jaw."""
        drop = self.expression.mouth_open * smoothstep(-62, -88, y) * smoothstep(-20, 40, points[..., 2])
        moved = points.copy()
        moved[..., 1] -= 13 * (1 - 0.3 * self.shape.age) * drop
        moved[..., 2] -= 5 * drop
        return moved

    def place(self, x: float | Array, y: float | Array, lift: float | Array = 0.0) -> Array:
        """Points (..., 3) on the skin of the front at canonical (x, y), `lift` mm in front of it."""
        x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        height, width, front, _, middle = self.sections(y)
        share = np.clip(np.abs(x) / width, 0, 1)
        curve = (1 - share**_SECTION_POWER) ** (1 / _SECTION_POWER)
        depth = middle + (front - middle) * curve + self.relief(x, y) * smoothstep(0.0, 0.45, curve) + lift
        return self._deform(np.stack([np.clip(x, -width, width), height, depth], -1), y)

    @cached_property
    def canonical(self) -> Array:
        """(rows, columns, 2) canonical coordinates of the skin's grid."""
        return np.stack([self.skin[..., 0], np.broadcast_to(_ROWS[:, None], self.skin.shape[:2])], -1)

    @cached_property
    def skin(self) -> Array:
        """(rows, columns, 3) grid over the whole head: columns start and end at the back, the nose in the middle."""
        y = _ROWS[:, None]
        height, width, _, back, middle = self.sections(y)
        right = self.place(-_FRONT[::-1] * width, y)
        left = self.place(_FRONT[1:] * width, y)
        angle = np.linspace(np.pi, np.pi / 2, 8)[:-1]
        behind = middle + (back - middle) * np.abs(np.cos(angle))
        rear = np.stack([-width * np.sin(angle), np.broadcast_to(height, behind.shape), behind], -1)
        rear = self._deform(rear, np.broadcast_to(y, behind.shape))
        return np.concatenate([rear, right, left, rear[:, ::-1] * np.array([-1, 1, 1])], 1)

    def ears(self) -> list[Array]:
        """Two (rows, columns, 3) grids, subject's right ear first."""
        height, width, _, _, _ = self.sections(-6.0)
        tall = 31.0 * (1 - 0.25 * self.shape.age)
        v = np.linspace(0.05, np.pi - 0.05, 12)[:, None]
        u = np.linspace(-np.pi, np.pi, 17)[None]
        rim = np.sin(v) ** 0.8
        dent = 1 - 0.5 * np.exp(-0.5 * ((u / 0.7) ** 2 + ((v - 1.6) / 0.6) ** 2))
        grid = np.stack([rim * np.sin(u) * 15, tall * np.cos(v) * np.ones_like(u), rim * np.cos(u) * 7 * dent], -1)
        ears = []
        for side in (-1.0, 1.0):
            turned = apply(rotation(side * 55, 0, side * 8), grid * self.shape.ear_size)
            ears.append(turned + np.array([side * (float(width) + 3), float(height), -10.0]))
        return ears

    def neck(self) -> Array:
        """(rows, columns, 3) grid of the neck, from inside the head down to between the shoulders."""
        age = self.shape.age
        y = np.linspace(-30, -175 + 80 * age, 8)[:, None]
        angle = np.linspace(-np.pi, np.pi, 25)[None]
        width = (50 - 17 * age) * self.shape.jaw_width + 8 * smoothstep(-130, -175, y)
        x, z = width * np.sin(angle), -18 - 22 * age + (width + 2) * np.cos(angle)
        return np.stack([x, y * np.ones_like(x), z], -1)

    def torso(self) -> Array:
        """(rows, columns, 3) grid of shoulders and chest, in the frame of an upright body facing the camera."""
        age = self.shape.age
        rows = np.array(
            [[-125, 48, 44], [-134, 74, 56], [-146, 120, 66], [-160, 165, 76], [-185, 196, 86],
             [-240, 212, 98], [-420, 200, 108], [-950, 190, 108]]
        ) * (1 - 0.3 * age)  # fmt: skip
        dense = spline(np.arange(8.0), rows, np.linspace(0, 7, 22))
        dense[:, 0] += 14 * age
        angle = np.linspace(-np.pi, np.pi, 33)[None]
        x = dense[:, 1:2] * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.9
        z = -30 - 22 * age + dense[:, 2:3] * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8
        return np.stack([x, dense[:, :1] * np.ones_like(x), z], -1)
