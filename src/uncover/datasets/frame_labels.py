"""From frames with whole-face boxes to photos and labels: the counterpart of `label_faces` for graded frames."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.console import say
from uncover.datasets.boxes_table import BOX_COLUMNS, Labels
from uncover.datasets.photos import SWAPS_SIDES, PhotoInfo
from uncover.datasets.reading import Reading
from uncover.faces.face import Frame, Rejected
from uncover.parts.classes import WHOLE_FACE
from uncover.parts.geometry import KEPT, SMALLEST_SIDE, STATUS_NAMES, UNDER_ONE_PIXEL


def label_frames(reading: Reading, source: str) -> tuple[pd.DataFrame, Labels]:
    """Photos and boxes of frames, boxes clipped to the frame.

    Boxes that were drawn on a larger or smaller copy of the frame are scaled, which is told.

    Args:
        reading: Frames with their photos, looked at.
        source: Name of the raw data set.

    Returns:
        One row per frame (as `photos_of_faces`; `labelled` is False where nobody annotated the frame), and labels of
        the class "whole face", with the frames whose boxes do not fit as rejected.
    """
    photos, boxes, rejected, scaled = [], [], [], []
    for frame, photo in reading.items:
        assert isinstance(frame, Frame) and photo.info is not None, "only frames whose photos were looked at"
        sides = np.array([photo.info.width, photo.info.height] * 2, np.float64)
        found = np.empty((0, 4)) if frame.boxes is None else frame.boxes * _scale(frame, photo.info)
        inside = np.clip(found, 0, sides)
        small: NDArray[np.bool_] = np.any(inside[:, 2:] - inside[:, :2] < SMALLEST_SIDE, axis=1)
        misfit = _misfit(frame, photo.info, found, len(small) > 0 and bool(small.all()))
        if misfit:
            rejected.append(Rejected(frame.annotation, 0, photo.photo, *misfit))
            continue
        if frame.size not in (None, (photo.info.width, photo.info.height)):
            scaled.append(f"{frame.photo}: {photo.info.width} x {photo.info.height}, stated {_shown(frame.size)}")
        for number, (box, is_small) in enumerate(zip(inside, small, strict=True), start=1):
            status = STATUS_NAMES[UNDER_ONE_PIXEL if is_small else KEPT]
            boxes.append((source, photo.photo, f"{photo.photo}#{number}", "whole face", WHOLE_FACE, *box, status))
        photos.append(
            {
                "source": source,
                "photo": photo.photo,
                "image": str(photo.image),
                **asdict(photo.info),
                "part": "",
            }
            | {"faces": int((~small).sum()), "labelled": frame.boxes is not None, "grade": frame.grade}
        )
    if scaled:
        say(
            f"note: {len(scaled)} images are of another size than their annotations state, and their boxes are scaled,"
            f" such as {scaled[0]}"
        )
    return pd.DataFrame(photos), Labels(pd.DataFrame(boxes, columns=list(BOX_COLUMNS)), rejected)


def _scale(frame: Frame, info: PhotoInfo) -> NDArray[np.float64]:
    """What turns a frame's boxes into pixels of its photo, float64 (4,)."""
    sides = np.array([info.width, info.height] * 2, np.float64)
    if frame.normalised:
        return sides
    return np.ones(4) if frame.size is None else sides / np.array([*frame.size, *frame.size], np.float64)


def _misfit(frame: Frame, info: PhotoInfo, found: NDArray[np.float64], all_small: bool) -> tuple[str, str] | None:
    """Why boxes cannot be of this photo, as a reason and a line; None where they can."""
    size = (info.width, info.height)
    if frame.size is not None and not _same_shape(frame.size, size):
        turned = ", as its file is stored, before it is turned upright" if info.orientation in SWAPS_SIDES else ""
        stated = f"states {_shown(frame.size)} for {frame.photo}{turned}, which is {_shown(size)}"
        return (
            "other_size",
            f"{stated}; expected boxes drawn on the upright image, or on a smaller or larger copy of it",
        )
    outside = ((found[:, :2] >= size) | (found[:, 2:] <= 0)).any(axis=1)
    if outside.any():
        box = [round(value, 1) for value in found[outside.argmax()].tolist()]
        return "outside_image", f"box {box} lies outside {frame.photo}, which is {_shown(size)}"
    if all_small:
        return "no_usable_box", f"no box of {frame.photo} has a pixel in each direction"
    return None


def _same_shape(stated: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether one is the other, scaled and rounded to whole pixels."""
    return abs(size[0] * stated[1] - size[1] * stated[0]) <= max(sum(stated), sum(size))


def _shown(size: tuple[int, int] | None) -> str:
    return "" if size is None else f"{size[0]} x {size[1]}"
