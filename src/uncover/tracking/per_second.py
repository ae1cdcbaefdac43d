"""Boxes second by second: what later work on a face over time, such as on vital signs, starts from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError

FoundBy = Literal["rgb", "heatmap", "rescue", "temporal"]
"""What a box goes back to: the first detector, the heatmap detector, another rescue, or the frames before and after."""


@dataclass(frozen=True)
class FrameFace:
    """The face of one frame.

    Attributes:
        second: Presentation time.
        box: float64 (4,) x1 y1 x2 y2, pixels; None without a face.
        confidence: Of the box.
        found_by: What the box goes back to; None without a face.
    """

    second: float
    box: NDArray[np.floating] | None = None
    confidence: float = math.nan
    found_by: FoundBy | None = None


@dataclass(frozen=True)
class FaceSecond:
    """The face of one second of a video; the attributes are the columns of the table.

    Attributes:
        second: Its number, from 0 on; a frame belongs to the second in which it is shown first.
        frames: Shown in it.
        found: Of these, frames with a face.
        rgb: Of these, faces that the first detector found.
        heatmap: Of these, faces that the heatmap detector found.
        rescue: Of these, faces that another rescue found.
        temporal: Of these, faces that the frames before and after speak for.
        x1: Median of the faces' left sides, pixels; None without a face, as what follows.
        y1: Of their upper sides.
        x2: Of their right sides.
        y2: Of their lower sides.
        confidence: Median of the faces' confidences.
    """

    second: int
    frames: int
    found: int
    rgb: int
    heatmap: int
    rescue: int
    temporal: int
    x1: float | None = None
    y1: float | None = None
    x2: float | None = None
    y2: float | None = None
    confidence: float | None = None


COLUMNS = tuple(field.name for field in fields(FaceSecond))


def per_second(faces: Iterable[FrameFace]) -> Iterator[FaceSecond]:
    """Sum up the frames of each second.

    Args:
        faces: Of the frames of one video, in order.

    Yields:
        A row per second in which a frame is shown first, with a face or without, as soon as it is over. Others have
        none: a time-lapse of days would be a table of empty rows.

    Raises:
        InputError: A frame comes before second 0 or in a second that is over.
    """
    current, own = 0, list[FrameFace]()
    for face in faces:
        number = math.floor(face.second)
        if number < current:
            raise InputError(
                f"frame at {face.second:g} s: comes in or before second {number}, which is over; "
                "expected frames in order, from 0 s on"
            )
        if own and current < number:
            yield _sum_up(current, own)
            own = []
        current = number
        own.append(face)
    if own:
        yield _sum_up(current, own)


def _sum_up(second: int, faces: list[FrameFace]) -> FaceSecond:
    found = [face for face in faces if face.box is not None]
    by = Counter(face.found_by for face in found)
    counts = len(faces), len(found), by["rgb"], by["heatmap"], by["rescue"], by["temporal"]
    if not found:
        return FaceSecond(second, *counts)
    x1, y1, x2, y2 = np.median([face.box for face in found if face.box is not None], axis=0).tolist()
    return FaceSecond(second, *counts, x1, y1, x2, y2, float(np.median([face.confidence for face in found])))
