"""Frames of patients: what of them may be shown (`report.privacy` of the config)."""

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
"""Known to show no patients. Whatever else there is, somebody's own data too, may show them; and what stands in SLAPI's
place obeys the same rule."""

CELLS = 6
"""Cells across the longer side of a face, at most: no feature of a face is left."""

MARGIN = 0.25
"""Of a box's sides, pixelated around it: boxes end at the brow and at the chin, or miss a little."""


KINDS = ("pixelate", "mosaic", "blur", "solid", "whole-frame", "publish")
"""What of faces may be shown: the values of `report.privacy`, another name for "pixelate", and black."""

HIDES_SOME = ("pixelate", "mosaic", "blur", "solid")
"""Those for which it matters where faces may be."""

SHAPES = ("box", "ellipse")
"""Of what is hidden around a box."""

SUSPECT = 0.01
"""Confidence from which a candidate of any class may be a face, or a part of one."""

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
"""By part, how far the face goes from the middle of its box, in longest sides of the box: enough for four of five faces
of WFLW and MERL-RAV. It may lie in any direction, for infants lie in any."""

FACE_SIDE = 0.7
"""Longest side of a face, as a share of the square that `REACH` spans."""

GRID = 64
"""Cells of a `Cover` in each direction."""


@dataclass(frozen=True)
class Cover:
    """Where faces may be in a picture, coarsely, so that much of it can be kept and added up.

    Attributes:
        cells: bool (`GRID`, `GRID`), rows first: equal parts of the picture that are to be hidden.
        side: Longest side of any face that may be there, in pixels; 0 without one.
    """

    cells: NDArray[np.bool_]
    side: float

    @classmethod
    def of(cls, boxes: NDArray[np.floating], width: int, height: int, margin: float = MARGIN) -> Cover:
        """The cells that boxes touch.

        Args:
            boxes: (N, 4), x1 y1 x2 y2 in pixels; those that are not finite count as the whole picture.
            width: Of the picture, in pixels.
            height: Likewise.
            margin: Of a box's sides, covered around it.
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
        # Each box adds one from its first cell on and takes it away after its last, in both directions.
        ends = np.zeros((GRID + 1, GRID + 1), np.int64)
        for rows, columns, sign in ((top, left, 1), (top, right, -1), (bottom, left, -1), (bottom, right, 1)):
            np.add.at(ends, (rows[real], columns[real]), sign)
        cells = ends.cumsum(axis=0).cumsum(axis=1)[:GRID, :GRID] > 0
        return cls(cells, float(sides[real].max(initial=0.0)))

    @classmethod
    def of_candidates(cls, boxes: NDArray[np.floating], class_names: Sequence[str], width: int, height: int) -> Cover:
        """The same of candidates of any class: a part is covered with the face that may be around it.

        Args:
            boxes: (N, 4), x1 y1 x2 y2 in pixels.
            class_names: Of each, N of them; what is no part of a face is covered as it is.
            width: Of the picture, in pixels.
            height: Likewise.
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
        """All of a picture."""
        return cls(np.ones((GRID, GRID), np.bool_), float(max(width, height)))

    def __or__(self, other: Cover) -> Cover:
        return Cover(self.cells | other.cells, max(self.side, other.side))

    def mask(self, width: int, height: int) -> NDArray[np.bool_]:
        """bool (height, width), the pixels to hide; one that is cut by a border of cells belongs to both."""
        rows, columns = (np.arange(length + 1) * GRID // length for length in (height, width))
        by_row = self.cells[rows[:-1]] | self.cells[np.minimum(rows[1:], GRID - 1)]
        return by_row[:, columns[:-1]] | by_row[:, np.minimum(columns[1:], GRID - 1)]


def has_patients(set_name: str) -> bool:
    """Whether the frames of a test set may show patients."""
    return set_name not in PUBLIC_SETS


def are_left_out(privacy: str) -> bool:
    """Whether a figure shows no photo of patients at all."""
    return privacy in (LEAVE_OUT, HIDE_ALL)


def left_out_words(titles: Sequence[str], privacy: str = LEAVE_OUT) -> str:
    """What a figure says of sets whose photos it may not show."""
    return f"photos of {'; '.join(titles)} are left out (report.privacy: {privacy})"


def in_figure(image: NDArray[np.uint8], boxes: NDArray[np.floating], privacy: str, patients: bool) -> NDArray[np.uint8]:
    """A photo as a figure may show it.

    Args:
        image: uint8 (H, W, 3).
        boxes: As `shown` takes them.
        privacy: Value of `report.privacy`, of those that show photos of patients if it is one.
        patients: Whether it may be one.
    """
    if privacy == HIDE_ALL:
        return shown(image, np.zeros((0, 4)), "whole-frame")
    return shown(image, boxes, privacy) if patients else image


def may_show_patients(source: str) -> bool:
    """Whether photos of a raw data set may show patients, wherever they went."""
    return source not in PUBLIC_SOURCES


def shown(
    image: NDArray[np.uint8],
    boxes: NDArray[np.floating],
    privacy: str,
    cover: Cover | None = None,
    shape: str = "box",
) -> NDArray[np.uint8]:
    """What of a patient's frame may be shown.

    Args:
        image: uint8 (H, W, 3).
        boxes: (N, 4), x1 y1 x2 y2 in pixels: every box that may hold a face, true and predicted. Without any, nobody
            knows where the face is, so the whole frame is hidden.
        privacy: "pixelate" or "mosaic", "blur", "solid" for black, "whole-frame" to pixelate all of it whatever the
            boxes say, or "publish" for the frame as it is.
        cover: What else is to be hidden.
        shape: "box", or "ellipse" for the one that goes through the middles of the grown box's sides, and around all of
            the box; of what else is to be hidden, that shows what lies between the ellipse and the grown box.

    Returns:
        A copy, uint8 (H, W, 3).

    Raises:
        InputError: `privacy` is none of these.
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
    # One size of cell for all: a small wrong box on a large face must not bring out its features.
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
    """Which pixels of a place an ellipse touches that fills a box."""
    rows, columns = np.ogrid[place]
    middle, half = (corners[:2] + corners[2:]) / 2, np.maximum((corners[2:] - corners[:2]) / 2, 0.5)
    # The point of a pixel that is nearest to the middle.
    x = (np.clip(middle[0], columns, columns + 1) - middle[0]) / half[0]
    y = (np.clip(middle[1], rows, rows + 1) - middle[1]) / half[1]
    return np.asarray(x**2 + y**2 <= 1, np.bool_)


def _smoothed(cells: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """Cells without their edges. A blur alone can be undone in part; what the cells have lost is lost."""
    import cv2

    # Nothing is lost in fewer pixels, and a wide blur takes seconds in many.
    height, width = cells.shape[:2]
    fewer = max(1, cell // 8)
    small = cv2.resize(cells, (-(-width // fewer), -(-height // fewer)), interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small, (0, 0), cell / 2 / fewer, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _pixelated(image: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """The means of cells of at least `cell` pixels a side, or of the whole side where it is shorter."""
    import cv2

    rows, columns = (
        np.linspace(0, length, max(1, length // cell) + 1).round().astype(int) for length in image.shape[:2]
    )
    corners = cv2.integral(np.ascontiguousarray(image), sdepth=cv2.CV_64F)[np.ix_(rows, columns)]
    sums = np.diff(np.diff(corners, axis=0), axis=1)
    means = sums / (np.diff(rows)[:, None, None] * np.diff(columns)[:, None])
    return means.round().astype(np.uint8).repeat(np.diff(rows), axis=0).repeat(np.diff(columns), axis=1)
