"""Run a detector at several turns of a photo, so that rotated faces are upright in one of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.metrics.detections import Detections, Detector

MERGED_IOU = 0.4
"""IoU above which boxes of different turns are of one face; the most confident one is kept."""


@dataclass(frozen=True)
class Turned:
    """A detector that runs on every photo at evenly spaced turns.

    Attributes:
        detector: The detector.
        turns: Number of turns; 4 turns by 90 degrees move pixels without interpolation, 8 turns by 45 degrees do not.
    """

    detector: Detector
    turns: int

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """See `Detector.detect`."""
        return [self._find_faces(image) for image in images]

    def _find_faces(self, photo: NDArray[np.uint8]) -> Detections:
        views = (turn(photo, 8 * number // self.turns) for number in range(self.turns))
        found = [turned_back(self.detector.detect([view])[0], back) for view, back in views]
        return Detections.concatenate(found).nms(MERGED_IOU)


class SideBySide:
    """A photo at its four quarter turns in one square image, so that one pass of a network covers all of them.

    Attributes:
        image: uint8 (2 side, 2 side, 3).
    """

    def __init__(self, photo: NDArray[np.uint8], width: int, height: int, side: int, padding: int) -> None:
        """
        Args:
            photo: uint8 (h, w, 3), already scaled; its longest side is at most `side`.
            width: Original width of the photo, in pixels.
            height: Original height of the photo, in pixels.
            side: Side of the square around each turned photo, in pixels.
            padding: Value around the photos.
        """
        self._size, self._side = (width, height), side
        self._gain = width / photo.shape[1], height / photo.shape[0]
        self.image = np.full((2 * side, 2 * side, 3), padding, np.uint8)
        self._corners, self._turns = list[NDArray[np.float32]](), list[tuple[int, int, NDArray[np.float64]]]()
        for number in range(4):
            view, back = turn(photo, 2 * number)
            high, wide = view.shape[:2]
            left, top = number % 2 * side + (side - wide) // 2, number // 2 * side + (side - high) // 2
            self.image[top : top + high, left : left + wide] = view
            self._corners.append(np.array([left, top], np.float32))
            self._turns.append((wide, high, back))

    def in_photo(self, found: Detections) -> Detections:
        """Boxes of the image in pixels of the original photo; the most confident box of a face is kept."""
        centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
        column, row = (centres >= self._side).astype(int).T
        faces = []
        for number, (corner, (wide, high, back)) in enumerate(zip(self._corners, self._turns, strict=True)):
            own = found[2 * row + column == number]
            placed = replace(own, boxes=own.boxes - np.tile(corner, 2)).clipped(wide, high)
            faces.append(turned_back(placed, back).scaled(*self._gain))
        return Detections.concatenate(faces).clipped(*self._size).nms(MERGED_IOU)


def turn(photo: NDArray[np.uint8], eighths: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Turn a photo counter-clockwise, in the smallest frame that contains it; corners are black.

    Args:
        photo: uint8 (height, width, 3).
        eighths: Eighths of a full turn. Even numbers move pixels without interpolation, odd ones interpolate.

    Returns:
        The turned photo, and float64 (2, 3), the inverse: maps x, y, 1 in the turned photo to the position in the
        photo. Whole coordinates are between pixels, so that a photo ends at its width and its height.
    """
    height, width = photo.shape[:2]
    angle = math.radians(45 * eighths)
    cosine, sine = (round(value) if eighths % 2 == 0 else value for value in (math.cos(angle), math.sin(angle)))
    wide = math.ceil(abs(cosine) * width + abs(sine) * height)
    high = math.ceil(abs(sine) * width + abs(cosine) * height)
    # y points down: a counter-clockwise turn moves the right side to the top.
    linear = np.array([[cosine, -sine], [sine, cosine]], np.float64)
    back = np.column_stack([linear, np.array([width, height]) / 2 - linear @ (np.array([wide, high]) / 2)])
    if eighths % 2 == 0:
        return np.ascontiguousarray(np.rot90(photo, eighths // 2)), back
    # In OpenCV, whole coordinates are pixel centres.
    centres = np.column_stack([linear, back @ (0.5, 0.5, 1) - 0.5])
    turned = cv2.warpAffine(photo, centres, (wide, high), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(turned, np.uint8), back


def turned_back(found: Detections, back: NDArray[np.float64]) -> Detections:
    """Boxes of a turned photo in coordinates of the original photo.

    A box is turned as its inscribed ellipse. At quarter turns that is exactly the turned box; at other turns the box
    around the four turned corners would be half as large again as the face.

    Args:
        found: Boxes in pixels of the turned photo.
        back: Inverse, as returned by `turn`.
    """
    linear, shift = back[:, :2], back[:, 2]
    corners = found.boxes.reshape(-1, 2, 2).astype(np.float64)
    centre = corners.mean(axis=1) @ linear.T + shift
    half = np.sqrt(((corners[:, 1] - corners[:, 0]) / 2) ** 2 @ (linear**2).T)
    points = None if found.landmarks is None else (found.landmarks @ linear.T + shift).astype(np.float32)
    boxes = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    return Detections(boxes, found.confidence, found.classes, points, found.found_by, found.image)
