"""Summarise boxes by second, as input for further analysis of a face over time, e.g. of vital signs."""

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
"""Source of a box: the first detector, the heatmap detector, another rescue, or neighbouring frames."""


@dataclass(frozen=True)
class FrameFace:
    """The face of one frame.

    Attributes:
        second: Presentation time.
        box: float64 (4,) x1 y1 x2 y2, pixels; None without a face.
        confidence: Confidence of the box.
        found_by: Source of the box; None without a face.
    """

    second: float
    box: NDArray[np.floating] | None = None
    confidence: float = math.nan
    found_by: FoundBy | None = None


@dataclass(frozen=True)
class FaceSecond:
    """The face in one second of a video; the attributes are the columns of the table.

    Attributes:
        second: Number of the second, from 0; a frame belongs to the second of its presentation time.
        frames: Number of frames.
        found: Number of frames with a face.
        rgb: Number of faces from the first detector.
        heatmap: Number of faces from the heatmap detector.
        rescue: Number of faces from another rescue.
        temporal: Number of faces inferred from neighbouring frames.
        x1: Median of the faces' left edges, pixels; None without a face, as are the following.
        y1: Median of their top edges.
        x2: Median of their right edges.
        y2: Median of their bottom edges.
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
    """Summarise the frames of each second.

    Args:
        faces: Faces of the frames of one video, in order.

    Yields:
        A row per second with a frame, with or without a face, as soon as the second is over. Seconds without a frame
        have no row: in a time-lapse of days most rows would be empty.

    Raises:
        InputError: A frame is before second 0 or in an earlier second than the frame before.
    """
    current, own = 0, list[FrameFace]()
    for face in faces:
        number = math.floor(face.second)
        if number < current:
            raise InputError(
                f"frame at {face.second:g} s: is in or before second {number}, which is complete; "
                "expected frames in order, starting at 0 s"
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
