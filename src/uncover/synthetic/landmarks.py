"""Facial curves in canonical coordinates, and the 98 WFLW and 68 iBUG landmarks on them.

Both schemes number the subject's right side first, which is the image's left side in a frontal photo.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uncover.synthetic.head import Head
from uncover.synthetic.scene import Expression, Shape
from uncover.synthetic.surfaces import Array, apply, rotation

Mask = NDArray[np.bool_]

_CONTOUR_TOP = 0.5
# A contour point that is turned away is moved forward to the visible outline, as annotators do, but not beyond the
# cheek: shares of the half width, dense where the surface turns.
_OUTLINE_SHARES = np.sin(np.radians(np.linspace(90, 27, 64)))
# Yaw of the head beyond which a side of the contour counts as hidden, and that for its end at the ear (degrees).
_SIDE_GONE, _EAR_GONE = 54.0, 38.0


@dataclass(frozen=True)
class Curves:
    """Outlines of the features of the *left* half (x > 0) and of the mouth, canonical mm.

    Attributes:
        upper_lid: (n, 2) from the inner to the outer corner; `lower_lid` likewise.
        brow_top: (n, 2) from the inner to the outer end; `brow_bottom` likewise.
        lips: four (n, 2) curves from the right to the left corner: outer upper, inner upper, inner lower, outer lower.
        pupil: (2,).
        nose: (9, 2) bridge from top to tip, then the base from right to left.
    """

    upper_lid: Array
    lower_lid: Array
    brow_top: Array
    brow_bottom: Array
    lips: tuple[Array, Array, Array, Array]
    pupil: Array
    nose: Array


def eye_scale(shape: Shape) -> float:
    """Size of the eyes relative to the average adult's."""
    return shape.eye_size * (1 + 0.22 * shape.age)


def _eye(shape: Shape, expression: Expression) -> tuple[Array, Array]:
    size = eye_scale(shape)
    along = np.linspace(-1, 1, 25)
    x = 31.2 * shape.eye_distance + 14.2 * size * along
    slant = 0.5 * along + shape.eye_slant * along
    low = -3.9 * size * (1 - np.abs(along) ** 2.4) * (1 - 0.18 * expression.smile)
    wide = 5.6 * size * (1 - np.abs(along + 0.08) ** 2.3) / (1 - 0.08**2.3)
    openness = expression.eye_open
    high = openness * np.maximum(wide, low) + (1 - openness) * low * 0.75
    return np.stack([x, slant + high - 0.5], 1), np.stack([x, slant + low - 0.5], 1)


def _brow(shape: Shape, expression: Expression) -> tuple[Array, Array]:
    knots = np.array([13.5, 23.7, 34.0, 44.0, 54.0])
    lift = shape.brow_height + 6 * expression.brow_raise * np.array([0.8, 1, 1, 0.9, 0.6])
    thick = shape.brow_thickness * np.array([6.4, 7.2, 6.8, 5.6, 0.0])
    top = np.array([17.4, 20.2, 21.4, 20.2, 13.0]) + lift
    x = knots * shape.eye_distance
    return np.stack([x, top], 1), np.stack([x, top - thick], 1)


def _lips(shape: Shape, expression: Expression) -> tuple[Array, Array, Array, Array]:
    smile, gap, full = expression.smile, expression.mouth_open, shape.lip_fullness
    half = 24.5 * shape.mouth_width * (1 - 0.2 * shape.age) * (1 + 0.2 * smile - 0.12 * gap)
    along = np.linspace(-1, 1, 25)
    side = np.abs(along)
    corner = -65 + 5.0 * smile
    seam = -65 + (corner + 65) * side**1.6
    arch = 1 - side**2.2
    bow = 1 - 0.22 * np.exp(-((along / 0.13) ** 2))
    teeth = 2.6 * smile + 4.5 * gap
    upper_inner = seam + 0.35 * teeth * arch
    lower_inner = seam - (0.65 * teeth + 6.5 * gap) * arch
    upper_outer = upper_inner + (1 - 0.25 * smile) * full * 7.2 * (1 - side**1.7) * bow
    lower_outer = lower_inner - (1 - 0.2 * smile) * full * 9.4 * (1 - side**2.4)
    x = along * half
    inner_x = x * 0.94
    return (
        np.stack([x, upper_outer], 1),
        np.stack([inner_x, upper_inner], 1),
        np.stack([inner_x, lower_inner], 1),
        np.stack([x, lower_outer], 1),
    )


def curves(shape: Shape, expression: Expression) -> Curves:
    """Outlines of the features for given proportions and expression."""
    upper_lid, lower_lid = _eye(shape, expression)
    brow_top, brow_bottom = _brow(shape, expression)
    wide = shape.nose_width * (1 - 0.06 * shape.age)
    base = np.array([[-15, -42.3], [-7.6, -44.4], [0, -45.8], [7.6, -44.4], [15, -42.3]]) * np.array([wide, 1])
    bridge = np.stack([np.zeros(4), np.array([0.4, -11.8, -23.5, -35.5])], 1)
    pupil = np.array([31.4 * shape.eye_distance + expression.gaze[0], 0.2 + expression.gaze[1]])
    return Curves(
        upper_lid,
        lower_lid,
        brow_top,
        brow_bottom,
        _lips(shape, expression),
        pupil,
        np.concatenate([bridge, base]),
    )


def _along(curve: Array, shares: list[float]) -> Array:
    """Points at shares of the x range of a curve given left to right."""
    x = curve[0, 0] + np.array(shares) * (curve[-1, 0] - curve[0, 0])
    return np.stack([x, np.interp(x, curve[:, 0], curve[:, 1])], 1)


def _mirrored(points: Array) -> Array:
    return points * np.array([-1.0, 1.0])


def features_98(lines: Curves) -> Array:
    """(65, 2) canonical points 33-97 of the WFLW scheme: brows, nose, eyes, mouth, pupils."""
    top, bottom = lines.brow_top, lines.brow_bottom[:-1]
    left_brow = np.concatenate([top, bottom[::-1]])
    right_brow = _mirrored(np.concatenate([top[::-1], bottom]))
    quarters = [0.25, 0.5, 0.75]
    upper, lower = _along(lines.upper_lid, quarters), _along(lines.lower_lid, quarters)
    inner, outer = lines.upper_lid[:1], lines.upper_lid[-1:]
    left_eye = np.concatenate([inner, upper, outer, lower[::-1]])
    right_eye = _mirrored(np.concatenate([outer, upper[::-1], inner, lower]))
    outer_up, inner_up, inner_low, outer_low = lines.lips
    mouth = np.concatenate(
        [
            _along(outer_up, [0, 0.18, 0.4, 0.5, 0.6, 0.82, 1]),
            _along(outer_low, [0.87, 0.7, 0.5, 0.3, 0.13]),
            _along(inner_up, [0, 0.25, 0.5, 0.75, 1]),
            _along(inner_low, [0.75, 0.5, 0.25]),
        ]
    )
    pupils = np.stack([_pupil(lines, -1), _pupil(lines, 1)])
    return np.concatenate([right_brow, left_brow, lines.nose, right_eye, left_eye, mouth, pupils])


def _pupil(lines: Curves, side: int) -> Array:
    """Both eyes look the same way, so the gaze is not mirrored with the eye."""
    middle = lines.upper_lid[:, 0].mean()
    return np.array([side * middle + (lines.pupil[0] - middle), lines.pupil[1]])


def features_68(lines: Curves) -> Array:
    """(51, 2) canonical points 17-67 of the iBUG scheme: brows, nose, eyes, mouth."""
    left_brow = lines.brow_top + np.array([1.5, 0.3])
    right_brow = _mirrored(left_brow[::-1])
    thirds = [0.31, 0.69]
    upper, lower = _along(lines.upper_lid, thirds), _along(lines.lower_lid, thirds)
    inner, outer = lines.upper_lid[:1], lines.upper_lid[-1:]
    left_eye = np.concatenate([inner, upper, outer, lower[::-1]])
    right_eye = _mirrored(np.concatenate([outer, upper[::-1], inner, lower]))
    outer_up, inner_up, inner_low, outer_low = lines.lips
    mouth = np.concatenate(
        [
            _along(outer_up, [0, 0.18, 0.4, 0.5, 0.6, 0.82, 1]),
            _along(outer_low, [0.87, 0.7, 0.5, 0.3, 0.13]),
            _along(inner_up, [0, 0.36, 0.5, 0.64, 1]),
            _along(inner_low, [0.64, 0.5, 0.36]),
        ]
    )
    return np.concatenate([right_brow, left_brow, lines.nose, right_eye, left_eye, mouth])


def contour(head: Head, count: int, pose: Array) -> tuple[Array, Mask]:
    """The face's outline from the right ear over the chin to the left ear.

    Args:
        head: the head.
        count: number of points (33 or 17).
        pose: (3, 3) rotation of the head without its roll.

    Returns:
        points: (count, 3) in the head's frame; points turned away are moved to the visible outline.
        hidden: (count,) bool, whether the point's side of the face is turned away from the camera.
    """
    y = np.linspace(_CONTOUR_TOP, -110.5, 200)
    height, width, _, _, _ = head.sections(y)
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(height), np.diff(width)))])
    # The outline ends at half width zero, so the two sides meet exactly at the chin.
    even = np.linspace(0, length[-1], count // 2 + 1)
    heights = np.interp(even, length, y)
    rows = np.concatenate([heights, heights[-2::-1]])
    side = np.sign(np.arange(count) - count // 2)
    _, widths, _, _, _ = head.sections(rows)
    candidates = head.place(side[:, None] * _OUTLINE_SHARES * widths[:, None], rows[:, None])
    outward = side[:, None] * apply(pose, candidates)[..., 0]
    best = outward.argmax(1)
    best[count // 2] = 0
    turn = np.degrees(np.arctan2(pose[0, 2], pose[2, 2]))
    by_ear = np.abs(np.arange(count) - count // 2) > 0.9 * (count // 2)
    hidden = side * turn > np.where(by_ear, _EAR_GONE, _SIDE_GONE)
    return candidates[np.arange(count), best], hidden


def _turned_away(head: Head, points: Array, pose: Array) -> Mask:
    """Whether the skin at canonical points (n, 2) faces sideways past the horizon.

    Only the turn to the side counts: annotators also mark points that face down, such as the base of the nose.
    """
    step = np.array([1.5, 0.0])
    across = head.place(*(points + step).T) - head.place(*(points - step).T)
    outward = np.stack([-across[:, 2], np.zeros(len(across)), across[:, 0]], 1)
    return apply(pose, outward)[:, 2] < 0


def landmarks(head: Head, scheme: int, yaw: float, pitch: float) -> tuple[Array, Mask]:
    """All points of a scheme (98 or 68) in the head's frame.

    Returns:
        points: (scheme, 3) mm.
        turned: (scheme,) bool, points whose skin is turned away from the camera (others may be hidden by the nose).
    """
    pose = rotation(yaw, pitch, 0)
    lines = curves(head.shape, head.expression)
    outline, beyond = contour(head, 33 if scheme == 98 else 17, pose)
    features = features_98(lines) if scheme == 98 else features_68(lines)
    inside = head.place(features[:, 0], features[:, 1])
    return np.concatenate([outline, inside]), np.concatenate([beyond, _turned_away(head, features, pose)])
