"""Make faces look like those of newborns: eyes closed, brows faded, smooth skin, a high forehead, wide cheeks.

No photo of an infant is needed: the copies are made of photos with 68 landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.data.outlines import Frame, Points, frame_of_landmarks, outline_of_landmarks, place
from uncover.images.compose import DrawnFace

SMALLEST_UNIT = 4.0
"""Smallest face that is changed: half the distance from the eyes to the mouth, in pixels."""

TINTS = np.array([[1.1, 0.9, 0.93], [1.08, 0.95, 0.9], [1.05, 0.95, 0.72], [1.0, 1.0, 1.0]])
"""Red, green, blue: rosy, pale, yellow, unchanged."""

BROWS, EYES = (17, 22), (36, 42)
"""Index of the first point of each part, in iBUG order."""


def look_younger(
    pixels: NDArray[np.uint8], landmarks: Sequence[Points], faces: Sequence[DrawnFace], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[DrawnFace]] | None:
    """Make a copy of a photo with younger faces.

    Args:
        pixels: uint8 (H, W, 3), RGB.
        landmarks: (68, 2) of each face with landmarks.
        faces: All faces of the photo.
        rng: Random generator.

    Returns:
        The copy, and the faces at their new positions; None if no face is large enough.
    """
    large = [points for points in landmarks if np.linalg.norm(frame_of_landmarks(points)[:, 1]) >= SMALLEST_UNIT]
    if not large:
        return None
    pixels, skin = pixels.copy(), np.zeros(pixels.shape[:2], np.uint8)
    for points in large:
        outline = outline_of_landmarks(points).astype(np.float32)
        cv2.fillPoly(skin, [np.rint(cv2.convexHull(outline)[:, 0]).astype(np.int32)], (255,))
    if not skin.any():
        return None
    lids = _wipe_brows_and_eyes(pixels, skin, large, rng)
    _smooth(pixels, skin, rng)
    _draw_lids(pixels, lids, rng)
    main = max((frame_of_landmarks(points) for points in large), key=lambda frame: float(np.linalg.norm(frame[:, 1])))
    up, down, cheeks = rng.uniform(1.0, 1.45), rng.uniform(0.75, 1.0), rng.uniform(0, 0.2)
    moved = []
    for face in faces:
        middle = face.frame[:, 2]
        corners = np.stack([middle, middle + face.frame[:, 0], middle + face.frame[:, 1]])
        middle, across, below = _stretched(main, corners, up, down, cheeks)
        frame = np.column_stack([across - middle, below - middle, middle])
        moved.append(DrawnFace(_stretched(main, face.outline, up, down, cheeks), frame, face.covered))
    return _stretch(pixels, main, up, down, cheeks), moved


def _wipe_brows_and_eyes(
    pixels: NDArray[np.uint8], skin: NDArray[np.uint8], landmarks: Sequence[Points], rng: np.random.Generator
) -> list[tuple[Points, int]]:
    """Paint skin over brows and eyes, usually; returns the lines of the closed lids, each with its width."""
    hole, lids = np.zeros(skin.shape, np.uint8), []
    for points in landmarks:
        unit = float(np.linalg.norm(frame_of_landmarks(points)[:, 1]))
        if rng.random() < 0.85:
            for first in BROWS:
                line = np.rint(points[first : first + 5]).astype(np.int32)
                cv2.polylines(hole, [line], False, (255,), max(int(0.3 * unit), 2))
        if rng.random() < 0.8:
            for first in EYES:
                eye = points[first : first + 6]
                centre = eye.mean(0)
                cv2.fillPoly(hole, [np.rint(centre + (eye - centre) * [1.12, 1.5]).astype(np.int32)], (255,))
                below = [eye[place_] + (eye[place_] - centre) * 0.1 for place_ in (5, 4)]
                lids.append((np.stack([eye[0], *below, eye[3]]), max(round(0.07 * unit), 1)))
    x, y, w, h = cv2.boundingRect(skin)
    part = np.s_[y : y + h, x : x + w]
    pixels[part] = cv2.inpaint(pixels[part], hole[part], 3, cv2.INPAINT_TELEA)
    return lids


def _smooth(pixels: NDArray[np.uint8], skin: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Smooth skin of low contrast, and change its tint."""
    x, y, w, h = cv2.boundingRect(skin)
    part, side = np.s_[y : y + h, x : x + w], max(w, h)
    soft = cv2.GaussianBlur(skin, (0, 0), side * 0.04)[part][..., None].astype(np.float32) / 255
    under = pixels[part].astype(np.float32)
    smooth = cv2.GaussianBlur(under, (0, 0), side * rng.uniform(0.008, 0.03))
    broad = cv2.GaussianBlur(under, (0, 0), side * 0.12)
    kept = rng.uniform(0.45, 0.9)
    face = broad + (smooth + rng.uniform(0.1, 0.6) * (under - smooth) - broad) * kept
    face = face * (TINTS[rng.integers(len(TINTS))] * rng.uniform(0.9, 1.2))
    pixels[part] = np.clip(under + (face - under) * soft * rng.uniform(0.6, 1), 0, 255).astype(np.uint8)


def _draw_lids(pixels: NDArray[np.uint8], lids: Sequence[tuple[Points, int]], rng: np.random.Generator) -> None:
    h, w = pixels.shape[:2]
    t = np.linspace(0, 1, 10)[:, None]
    for low, width in lids:
        x, y = low[1].astype(int).clip(0, [w - 1, h - 1])
        dark = pixels[y, x].astype(float) * rng.uniform(0.35, 0.7)
        line = (1 - t) ** 3 * low[0] + 3 * (1 - t) ** 2 * t * low[1] + 3 * (1 - t) * t**2 * low[2] + t**3 * low[3]
        cv2.polylines(pixels, [np.rint(line * 16).astype(np.int32)], False, dark.tolist(), width, cv2.LINE_AA, 4)


def _stretched(frame: Frame, points: Points, up: float, down: float, cheeks: float) -> Points:
    """Move points to the proportions of a newborn's face: a high forehead, a short lower face, wide cheeks."""
    u, v = ((points - frame[:, 2]) @ np.linalg.inv(frame[:, :2]).T).T
    v = np.where(v < 0, v * up, v * down)
    return place(frame, np.column_stack([u * (1 + cheeks * np.exp(-(((v - 1.4) / 1.3) ** 2))), v]))


def _stretch(pixels: NDArray[np.uint8], frame: Frame, up: float, down: float, cheeks: float) -> NDArray[np.uint8]:
    """Move pixels to the same proportions."""
    h, w = pixels.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(w), np.arange(h)), -1).reshape(-1, 2).astype(np.float64)
    u, v = ((grid - frame[:, 2]) @ np.linalg.inv(frame[:, :2]).T).T
    u = u / (1 + cheeks * np.exp(-(((v - 1.4) / 1.3) ** 2)))
    back = place(frame, np.column_stack([u, np.where(v < 0, v / up, v / down)])).astype(np.float32).reshape(h, w, 2)
    moved = cv2.remap(pixels, back[..., 0], back[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)
