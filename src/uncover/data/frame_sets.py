"""Make a YOLO data set of frames, with or without boxes of whole faces."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.console import warn_each
from uncover.data.blocks import BlockNames
from uncover.data.choice import Choice
from uncover.data.faces import FrameFaces, Rejected
from uncover.data.frames import read_frames
from uncover.data.parts import KEPT, SMALLEST_SIDE, STATUS_NAMES, UNDER_ONE_PIXEL, WHOLE_FACE
from uncover.data.photos import SWAPS_SIDES, PhotoInfo
from uncover.data.picked import Review, find_picked, review_of
from uncover.data.reading import Reading, read_raw
from uncover.data.sets import BOX_COLUMNS, IGNORED, Counts, SetLabels, write_dataset
from uncover.errors import InputError

logger = logging.getLogger(__name__)

ANNOTATIONS = {"yolo": ".txt", "coco": ".json", "voc": ".xml"}
"""Suffix of annotation files by layout."""


def label_frames(reading: Reading, source: str, smallest: float = SMALLEST_SIDE) -> tuple[pd.DataFrame, SetLabels]:
    """Photos and boxes of frames; boxes are clipped to the frame.

    Boxes that were drawn on a larger or smaller copy of the frame are scaled, and their number is logged.

    Args:
        reading: Frames with inspected photos.
        source: Name of the raw data set.
        smallest: Boxes whose shorter side is below this many pixels are ignored.

    Returns:
        One row per frame (as `photos_of_faces`; `labelled` is False if the frame is not annotated), and labels of the
        class "whole face". Frames whose boxes do not fit are rejected.
    """
    photos, boxes, rejected, scaled = [], [], [], []
    for frame, photo in reading.items:
        assert isinstance(frame, FrameFaces) and photo.info is not None, "only frames with inspected photos"
        sides = np.array([photo.info.width, photo.info.height] * 2, np.float64)
        found = np.empty((0, 4)) if frame.boxes is None else frame.boxes * _scale(frame, photo.info)
        inside = np.clip(found, 0, sides)
        shorter = (inside[:, 2:] - inside[:, :2]).min(axis=1, initial=np.inf)
        small: NDArray[np.bool_] = shorter < SMALLEST_SIDE
        ignored = (shorter < smallest) | (False if frame.ignored is None else frame.ignored)
        misfit = _misfit(frame, photo.info, found, len(small) > 0 and bool(small.all()))
        if misfit:
            rejected.append(Rejected(frame.annotation, 0, photo.photo, *misfit))
            continue
        if frame.size not in (None, (photo.info.width, photo.info.height)):
            scaled.append(f"{frame.photo}: {photo.info.width} x {photo.info.height}, stated {_shown(frame.size)}")
        for number, (box, is_small, is_ignored) in enumerate(zip(inside, small, ignored, strict=True), start=1):
            status = IGNORED if is_ignored and not is_small else STATUS_NAMES[UNDER_ONE_PIXEL if is_small else KEPT]
            boxes.append((source, photo.photo, f"{photo.photo}#{number}", "whole face", WHOLE_FACE, *box, status))
        photos.append(
            {
                "source": source,
                "photo": photo.photo,
                "image": str(photo.image),
                **asdict(photo.info),
                "part": "",
            }
            | {"faces": int((~small & ~ignored).sum()), "labelled": frame.boxes is not None, "grade": frame.grade}
        )
    if scaled:
        logger.info(
            f"note: {len(scaled)} images differ in size from their annotations; their boxes are scaled,"
            f" such as {scaled[0]}"
        )
    return pd.DataFrame(photos), SetLabels(pd.DataFrame(boxes, columns=list(BOX_COLUMNS)), rejected)


def _scale(frame: FrameFaces, info: PhotoInfo) -> NDArray[np.float64]:
    """Factors that convert a frame's boxes to pixels of its photo, float64 (4,)."""
    sides = np.array([info.width, info.height] * 2, np.float64)
    if frame.normalised:
        return sides
    return np.ones(4) if frame.size is None else sides / np.array([*frame.size, *frame.size], np.float64)


def _misfit(frame: FrameFaces, info: PhotoInfo, found: NDArray[np.float64], all_small: bool) -> tuple[str, str] | None:
    """Reason code and detail if boxes cannot belong to this photo; else None."""
    size = (info.width, info.height)
    if frame.size is not None and not _same_shape(frame.size, size):
        turned = ", as stored in its file, before rotation to upright" if info.orientation in SWAPS_SIDES else ""
        stated = f"states {_shown(frame.size)} for {frame.photo}{turned}, which is {_shown(size)}"
        return (
            "other_size",
            f"{stated}; expected boxes drawn on the upright image, or on a scaled copy of it",
        )
    outside = ((found[:, :2] >= size) | (found[:, 2:] <= 0)).any(axis=1)
    if outside.any():
        box = [round(value, 1) for value in found[outside.argmax()].tolist()]
        return "outside_image", f"box {box} is outside {frame.photo}, which is {_shown(size)}"
    if all_small:
        return "no_usable_box", f"no box of {frame.photo} is at least one pixel wide and high"
    return None


def _same_shape(stated: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether one size is the other, scaled and rounded to whole pixels."""
    return abs(size[0] * stated[1] - size[1] * stated[0]) <= max(sum(stated), sum(size))


def _shown(size: tuple[int, int] | None) -> str:
    return "" if size is None else f"{size[0]} x {size[1]}"


def read_reviewed_frames(
    raw: Path, grade: str | None = None, classes: Sequence[str] = (), choice: Choice | None = None
) -> tuple[Reading, Review | None]:
    """Read frames. From a folder of `uncover frames`, read reviewed frames only.

    A frame without review, with or without proposals, is neither labelled nor known to have no face. It is left out,
    because training treats an image without labels as an image without faces. The number of frames left out is
    logged.

    Args:
        raw: Folder of grades, of images/ and labels/, or of images.
        grade: Read this grade only; None reads all.
        classes: Names of the classes that are whole faces, if ambiguous.
        choice: Which frames and boxes to use; None uses all.

    Returns:
        The frames, and the number of reviewed frames; None if the folder is not from `uncover frames`.

    Raises:
        InputError: There is no usable frame, or no picked frame was reviewed.
    """
    picked = find_picked(raw)
    if (
        picked is None
        and grade is None
        and any(name.startswith(f"{raw.name}/") for name in find_picked(raw.parent) or ())
    ):
        return read_reviewed_frames(raw.parent, raw.name, classes, choice)
    if picked is None:
        return read_raw(read_frames(raw, grade, classes, choice), raw), None
    waiting = {image: frame for image, frame in picked.items() if frame.find_labels(raw) is None}
    review = review_of(raw, (frame for frame in picked.values() if grade in (None, frame.grade)))
    if warning := review.warning(raw):
        logger.info(warning)
    items = [
        item
        for item in read_frames(raw, grade, classes, choice)
        if not (isinstance(item, FrameFaces) and item.photo in waiting)
    ]
    if not any(isinstance(item, FrameFaces) for item in items):
        raise InputError(
            f"{raw}: {review}: no reviewed frame to train on; export frames to an annotation tool with 'uncover frames"
            " export', correct them, and import them with 'uncover frames import'"
        )
    logger.info(f"{raw}: {review}" + ("; using reviewed frames only" if review.proposed or review.unseen else ""))
    return read_raw(items, raw), review


def require_annotations(reading: Reading, raw: Path, layout: str) -> None:
    """Check that frames have annotations in the format of a layout.

    Args:
        reading: The frames.
        raw: Their folder, for errors.
        layout: One of `uncover.config.catalogue.FRAME_LAYOUTS`; layouts without a fixed format are not checked.

    Raises:
        InputError: No frame has an annotation in this format.
    """
    ending = ANNOTATIONS.get(layout)
    found = {Path(item.annotation).suffix.lower() for item, _ in reading.items if item.annotation}
    if ending is not None and ending not in found:
        others = f"found {', '.join(sorted(found))}" if found else "no image has any annotation"
        raise InputError(f"{raw}: no image has a {ending} file of layout {layout}; {others}")


def make_frame_set(
    raw: Path,
    out: Path,
    source: str,
    grade: str | None = None,
    classes: Sequence[str] = (),
    maker: str = "labels",
    layout: str = "graded",
    choice: Choice | None = None,
    names: BlockNames | None = None,
) -> Counts:
    """Make a data set of frames: links to the images, and labels of whole faces if there are any.

    Args:
        raw: Folder of grades, of images/ and labels/, or of images.
        out: Folder to create.
        source: Name of the raw data set.
        grade: Use this grade only; None uses all.
        classes: Names of the classes that are whole faces, if ambiguous.
        maker: Words of the command.
        layout: Layout whose annotations are required; see `require_annotations`.
        choice: Which frames and boxes to use; None uses all.
        names: Blocks that are encoded in the names of frames, by source.

    Raises:
        InputError: No frame is usable, annotations of `layout` are missing, or `out` must not be replaced.
    """
    reading, review = read_reviewed_frames(raw, grade, classes, choice)
    require_annotations(reading, raw, layout)
    photos, labels = label_frames(reading, source, choice.smallest if choice else SMALLEST_SIDE)
    rejected = reading.rejected + labels.rejected
    warn_each([f"rejected: {item}" for item in rejected], f"{out}/rejected.csv")
    read, of_source = len(photos) + len(rejected), {} if names is None else {source: names}
    return write_dataset(out, photos, labels.boxes, rejected, read, len(photos), review, maker, of_source)
