"""The YOLO data set of graded or plain frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from uncover.console import say, warn_each
from uncover.datasets.build import Counts, write_dataset
from uncover.datasets.frame_labels import label_frames
from uncover.datasets.picked import Review, find_picked, review_of
from uncover.datasets.reading import Reading, read_raw
from uncover.errors import InputError
from uncover.faces.face import Frame
from uncover.faces.frames import read_frames


def read_reviewed_frames(
    raw: Path, grade: str | None = None, classes: Sequence[str] = ()
) -> tuple[Reading, Review | None]:
    """Read frames; of those that `uncover frames` picked, only what somebody has reviewed.

    A frame whose boxes are proposals, or that nobody has looked at, is neither a label nor "no face". It stays out of
    what is made of the frames, for trainers take a picture without labels for one without a face. How many stay out is
    said.

    Args:
        raw: Folder of grades, of images/ and labels/, or of images.
        grade: Read this grade only.
        classes: Names of the classes that are whole faces, where it is not plain which are.

    Returns:
        The frames, and how many of the folder are reviewed; None where it is no folder of picked frames.

    Raises:
        InputError: There is no usable frame, or none of the picked frames has been reviewed.
    """
    picked = find_picked(raw)
    if (
        picked is None
        and grade is None
        and any(name.startswith(f"{raw.name}/") for name in find_picked(raw.parent) or ())
    ):
        return read_reviewed_frames(raw.parent, raw.name, classes)
    if picked is None:
        return read_raw(read_frames(raw, grade, classes), raw), None
    waiting = {image: frame for image, frame in picked.items() if frame.find_labels(raw) is None}
    review = review_of(raw, (frame for frame in picked.values() if grade in (None, frame.grade)))
    if warning := review.warning(raw):
        say(warning)
    items = [
        item for item in read_frames(raw, grade, classes) if not (isinstance(item, Frame) and item.photo in waiting)
    ]
    if not any(isinstance(item, Frame) for item in items):
        raise InputError(
            f"{raw}: {review}: nothing to learn from; take them to a tool with 'uncover frames export', correct them,"
            " and bring them back with 'uncover frames import'"
        )
    say(f"{raw}: {review}" + ("; only those reviewed are used" if review.proposed or review.unseen else ""))
    return read_raw(items, raw), review


ANNOTATIONS = {"yolo": ".txt", "coco": ".json", "voc": ".xml"}
"""By layout: how files of its annotations end."""


def require_annotations(reading: Reading, raw: Path, layout: str) -> None:
    """Make sure that frames have the annotations that a layout promises.

    Args:
        reading: Of the frames.
        raw: Their folder, for messages.
        layout: One of `uncover.config.catalogue.FRAME_LAYOUTS`; those that promise nothing are never refused.

    Raises:
        InputError: No frame has an annotation of this kind.
    """
    ending = ANNOTATIONS.get(layout)
    found = {Path(item.annotation).suffix.lower() for item, _ in reading.items if item.annotation}
    if ending is not None and ending not in found:
        others = f"there are {', '.join(sorted(found))}" if found else "no image has any annotation"
        raise InputError(f"{raw}: no image has a {ending} file of layout {layout}; {others}")


def make_frame_set(
    raw: Path,
    out: Path,
    source: str,
    grade: str | None = None,
    classes: Sequence[str] = (),
    maker: str = "labels",
    layout: str = "graded",
) -> Counts:
    """Make a set of frames: links to frames, and whole-face boxes where there are any.

    Args:
        raw: Folder of grades, of images/ and labels/, or of images.
        out: Folder to make.
        source: Name of the raw data set.
        grade: Read this grade only.
        classes: Names of the classes that are whole faces, where it is not plain which are.
        maker: Words of the command.
        layout: What annotations it must have; see `require_annotations`.

    Raises:
        InputError: There is no usable frame, no annotation that `layout` promises, or `out` may not be replaced.
    """
    reading, review = read_reviewed_frames(raw, grade, classes)
    require_annotations(reading, raw, layout)
    photos, labels = label_frames(reading, source)
    rejected = reading.rejected + labels.rejected
    warn_each([f"rejected: {item}" for item in rejected], f"{out}/rejected.csv")
    return write_dataset(out, photos, labels.boxes, rejected, len(photos) + len(rejected), len(photos), review, maker)
