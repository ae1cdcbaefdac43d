"""A hand with its forearm, built from bent rods."""

import numpy as np

from uncover.standin.scene import Hand
from uncover.standin.surface import (
    Array,
    Surface,
    Texture,
    apply,
    ellipsoid_points,
    plain,
    rotation,
    smoothstep,
    tube_points,
)
from uncover.standin.textures import to_texture

# Fingers from the index to the little one: knuckle (mm from the palm's centre), length, radius.
_FINGERS = (
    ((-29.0, 40.0), 72.0, 8.8),
    ((-9.5, 46.0), 80.0, 9.2),
    ((10.0, 44.0), 74.0, 8.8),
    ((28.0, 36.0), 58.0, 7.6),
)
_PHALANGES = np.array([0.0, 0.22, 0.45, 0.62, 0.75, 0.9, 1.0])


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


def hand(item: Hand, skin: tuple[float, float, float], face_depth: float) -> list[Surface]:
    """Surfaces of one hand, in the frame of the upright body.

    Args:
        item: where and how it is held.
        skin: BGR of its owner.
        face_depth: depth of the face's plane, mm.
    """
    colour = np.array(item.glove if item.glove is not None else skin)
    texture = _finger_texture(colour * 0.98, item.back and item.glove is None, 0.11 if item.glove is None else 0.03)
    bodies: list[tuple[Array, Texture]] = []
    palm = ellipsoid_points(np.zeros(3), np.array([42.0, 50.0, 14.5]), 2.5, 26, 40)
    # The palm thins out towards the fingers, which then grow out of it.
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
        # A mirrored grid is inside out until its columns run the other way.
        surfaces.append(Surface(placed[:, ::-1] if item.mirrored else placed, skin_texture, None, 0.08))
    return surfaces
