"""Privacy of patients: which parts of their frames may be shown (`report.privacy` in the config)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uncover.config.catalogue import CATALOGUE, HIDE_ALL, LEAVE_OUT, TRAINING_SETS
from uncover.errors import InputError

PUBLIC_SETS = frozenset([*TRAINING_SETS, *(known.test_set for known in CATALOGUE.values() if not known.patients)])
PUBLIC_SOURCES = frozenset(["300w", *(name for name, known in CATALOGUE.items() if not known.patients)])
"""Sets without patients. All other sets, including users' own data, may show patients; so may data used in place of
SLAPI."""

CELLS = 6
"""Maximum number of cells along the longer side of a face, so that no facial feature remains visible."""

MARGIN = 0.25
"""Pixelated margin around a box, as a share of its sides: boxes end at the brow and the chin, or are inaccurate."""


KINDS = ("pixelate", "mosaic", "blur", "solid", "whole-frame", "publish")
"""Ways to hide faces: the values of `report.privacy`, a synonym of "pixelate", and black."""

HIDES_SOME = ("pixelate", "mosaic", "blur", "solid")
"""Ways that depend on the position of faces."""

SHAPES = ("box", "ellipse")
"""Shape of the hidden area around a box."""

SUSPECT = 0.01
"""Confidence above which a candidate of any class may be a face or a part of one."""

REACH = {
    "eyes": 5.0,
    "nose": 2.2,
    "right face": 1.2,
    "left face": 1.2,
    "brows": 1.2,
    "left eye face": 1.1,
    "right eye face": 1.1,
    "eyes nose": 1.2,
    "mouth": 2.1,
}
"""Extent of the face from the centre of a part's box, by part, in longest sides of the box: sufficient for 80 % of the
faces in WFLW and MERL-RAV. It applies in all directions, because infants lie at any angle."""

FACE_SIDE = 0.7
"""Longest side of a face, as a share of the side of the square defined by `REACH`."""

GRID = 64
"""Number of cells of a `Cover` in each direction."""


@dataclass(frozen=True)
class Cover:
    """Coarse mask of possible faces in an image, small enough to be stored and combined.

    Attributes:
        cells: bool (`GRID`, `GRID`), rows first: equal parts of the image that are hidden.
        side: Longest side of any possible face, in pixels; 0 without one.
    """

    cells: NDArray[np.bool_]
    side: float

    @classmethod
    def of(cls, boxes: NDArray[np.floating], width: int, height: int, margin: float = MARGIN) -> Cover:
        """Cells that overlap boxes.

        Args:
            boxes: (N, 4), x1 y1 x2 y2 in pixels; a box that is not finite covers the whole image.
            width: Width of the image, in pixels.
            height: Height of the image, in pixels.
            margin: Covered margin around a box, as a share of its sides.
        """
        corners = np.asarray(boxes, np.float64).reshape(-1, 4)
        whole = np.logical_not(np.isfinite(corners).all(axis=1))
        corners = np.where(whole[:, None], [0.0, 0, width, height], corners)
        sides = corners[:, 2:] - corners[:, :2]
        first = (corners[:, :2] - margin * sides) * GRID / [width, height]
        last = (corners[:, 2:] + margin * sides) * GRID / [width, height]
        left, top = np.floor(first).clip(0, GRID).astype(np.int64).T
        right, bottom = np.ceil(last).clip(0, GRID).astype(np.int64).T
        real = (left < right) & (top < bottom)
        # Each box adds one at its first cell and subtracts it after its last, in both directions.
        ends = np.zeros((GRID + 1, GRID + 1), np.int64)
        for rows, columns, sign in ((top, left, 1), (top, right, -1), (bottom, left, -1), (bottom, right, 1)):
            np.add.at(ends, (rows[real], columns[real]), sign)
        cells = ends.cumsum(axis=0).cumsum(axis=1)[:GRID, :GRID] > 0
        return cls(cells, float(sides[real].max(initial=0.0)))

    @classmethod
    def of_candidates(cls, boxes: NDArray[np.floating], class_names: Sequence[str], width: int, height: int) -> Cover:
        """Cells that overlap candidates of any class; for a part, those of the face that may surround it.

        Args:
            boxes: (N, 4), x1 y1 x2 y2 in pixels.
            class_names: Class name of each of the N boxes; classes that are not parts of a face are covered as boxes.
            width: Width of the image, in pixels.
            height: Height of the image, in pixels.
        """
        corners = np.asarray(boxes, np.float64).reshape(-1, 4)
        reach = np.array([REACH.get(name, 0.0) for name in class_names])
        part = reach > 0
        middle = (corners[part, :2] + corners[part, 2:]) / 2
        half = (reach[part] * (corners[part, 2:] - corners[part, :2]).max(axis=1, initial=0.0))[:, None]
        around = cls.of(np.concatenate([middle - half, middle + half], axis=1), width, height, margin=0)
        return cls.of(corners[~part], width, height) | cls(around.cells, FACE_SIDE * around.side)

    @classmethod
    def whole(cls, width: int, height: int) -> Cover:
        """A mask of the whole image."""
        return cls(np.ones((GRID, GRID), np.bool_), float(max(width, height)))

    def __or__(self, other: Cover) -> Cover:
        return Cover(self.cells | other.cells, max(self.side, other.side))

    def mask(self, width: int, height: int) -> NDArray[np.bool_]:
        """bool (height, width), pixels to hide; a pixel on the border of cells belongs to both."""
        rows, columns = (np.arange(length + 1) * GRID // length for length in (height, width))
        by_row = self.cells[rows[:-1]] | self.cells[np.minimum(rows[1:], GRID - 1)]
        return by_row[:, columns[:-1]] | by_row[:, np.minimum(columns[1:], GRID - 1)]


def has_patients(set_name: str) -> bool:
    """Whether the frames of a test set may show patients."""
    return set_name not in PUBLIC_SETS


def are_left_out(privacy: str) -> bool:
    """Whether figures show no photos of patients at all."""
    return privacy in (LEAVE_OUT, HIDE_ALL)


def left_out_words(titles: Sequence[str], privacy: str = LEAVE_OUT) -> str:
    """Note in a figure about sets whose photos must not be shown."""
    return f"photos of {'; '.join(titles)} are left out (report.privacy: {privacy})"


def in_figure(image: NDArray[np.uint8], boxes: NDArray[np.floating], privacy: str, patients: bool) -> NDArray[np.uint8]:
    """Apply `report.privacy` to a photo in a figure.

    Args:
        image: uint8 (H, W, 3).
        boxes: As `shown` takes them.
        privacy: Value of `report.privacy`; must not be `LEAVE_OUT` if the photo may show a patient.
        patients: Whether the photo may show a patient.
    """
    if privacy == HIDE_ALL:
        return shown(image, np.zeros((0, 4)), "whole-frame")
    return shown(image, boxes, privacy) if patients else image


def may_show_patients(source: str) -> bool:
    """Whether photos of a raw data set may show patients, wherever they are used."""
    return source not in PUBLIC_SOURCES


def shown(
    image: NDArray[np.uint8],
    boxes: NDArray[np.floating],
    privacy: str,
    cover: Cover | None = None,
    shape: str = "box",
) -> NDArray[np.uint8]:
    """Hide the parts of a patient's frame that must not be shown.

    Args:
        image: uint8 (H, W, 3).
        boxes: (N, 4), x1 y1 x2 y2 in pixels: every box that may contain a face, true and predicted. Without any box,
            the position of the face is unknown, so the whole frame is hidden.
        privacy: "pixelate" or "mosaic", "blur", "solid" for black, "whole-frame" to pixelate the whole frame, or
            "publish" to change nothing.
        cover: Further areas to hide.
        shape: "box", or "ellipse": the ellipse through the midpoints of the sides of the enlarged box, which contains
            the box. Where `cover` would hide the corners between the ellipse and the enlarged box, they stay visible.

    Returns:
        A copy, uint8 (H, W, 3).

    Raises:
        InputError: `privacy` or `shape` is invalid.
    """
    if privacy not in KINDS:
        raise InputError(f"privacy is '{privacy}'; expected one of {', '.join(KINDS)}")
    if shape not in SHAPES:
        raise InputError(f"the shape is '{shape}'; expected one of {', '.join(SHAPES)}")
    image = image.copy()
    if privacy == "publish":
        return image
    height, width = image.shape[:2]
    if privacy == "whole-frame" or not len(boxes):
        boxes, cover, shape = np.array([[0.0, 0.0, width, height]]), None, "box"
    hidden = np.zeros((height, width), np.bool_) if cover is None else cover.mask(width, height)
    sides = boxes[:, 2:] - boxes[:, :2]
    grown = np.concatenate([boxes[:, :2] - MARGIN * sides, boxes[:, 2:] + MARGIN * sides], axis=1)
    places = []
    for x1, y1, x2, y2 in grown:
        left, right = (int(np.clip(value, 0, width)) for value in (math.floor(x1), math.ceil(x2)))
        top, bottom = (int(np.clip(value, 0, height)) for value in (math.floor(y1), math.ceil(y2)))
        places.append((slice(top, bottom), slice(left, right)))
        hidden[places[-1]] = shape == "box"
    if shape == "ellipse":
        for corners, place in zip(grown, places, strict=True):
            hidden[place] |= _in_ellipse(corners, place)
    if not hidden.any():
        return image
    # One cell size for all boxes: a small, wrong box on a large face must not reveal its features.
    side = max(sides.max(), 0.0 if cover is None else min(cover.side, max(width, height)))
    cell = max(1, math.ceil(side / CELLS))
    rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
    within = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    cells = np.zeros_like(image[within]) if privacy == "solid" else _pixelated(image[within], cell)
    if privacy == "blur":
        cells = _smoothed(cells, cell)
    np.copyto(image[within], cells, where=hidden[within][..., None])
    return image


def _in_ellipse(corners: NDArray[np.floating], place: tuple[slice, slice]) -> NDArray[np.bool_]:
    """Pixels of a region that overlap the ellipse inscribed in a box."""
    rows, columns = np.ogrid[place]
    middle, half = (corners[:2] + corners[2:]) / 2, np.maximum((corners[2:] - corners[:2]) / 2, 0.5)
    # The point of each pixel that is nearest to the centre.
    x = (np.clip(middle[0], columns, columns + 1) - middle[0]) / half[0]
    y = (np.clip(middle[1], rows, rows + 1) - middle[1]) / half[1]
    return np.asarray(x**2 + y**2 <= 1, np.bool_)


def _smoothed(cells: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """Blur the edges of cells. A blur alone can be partly inverted; the detail removed by the cells cannot."""
    import cv2

    # Reducing the resolution loses nothing, and a wide blur of many pixels takes seconds.
    height, width = cells.shape[:2]
    fewer = max(1, cell // 8)
    small = cv2.resize(cells, (-(-width // fewer), -(-height // fewer)), interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small, (0, 0), cell / 2 / fewer, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _pixelated(image: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """Means of cells that are at least `cell` pixels wide and high, or as large as a shorter side."""
    import cv2

    rows, columns = (
        np.linspace(0, length, max(1, length // cell) + 1).round().astype(int) for length in image.shape[:2]
    )
    corners = cv2.integral(np.ascontiguousarray(image), sdepth=cv2.CV_64F)[np.ix_(rows, columns)]
    sums = np.diff(np.diff(corners, axis=0), axis=1)
    means = sums / (np.diff(rows)[:, None, None] * np.diff(columns)[:, None])
    return means.round().astype(np.uint8).repeat(np.diff(rows), axis=0).repeat(np.diff(columns), axis=1)
