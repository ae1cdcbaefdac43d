"""The YOLO data set of graded or plain frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from uncover.console import warn_each
from uncover.datasets.build import Counts, write_dataset
from uncover.datasets.frame_labels import label_frames
from uncover.datasets.reading import read_raw
from uncover.faces.frames import read_frames


def make_frame_set(raw: Path, out: Path, source: str, grade: str | None = None, classes: Sequence[str] = ()) -> Counts:
    """Make a set of frames: links to frames, and whole-face boxes where there are any.

    Args:
        raw: Folder of grades, of images/ and labels/, or of images.
        out: Folder to make.
        source: Name of the raw data set.
        grade: Read this grade only.
        classes: Names of the classes that are whole faces, where it is not plain which are.

    Raises:
        InputError: There is no usable frame, or `out` may not be replaced.
    """
    reading = read_raw(read_frames(raw, grade, classes), raw)
    photos, labels = label_frames(reading, source)
    rejected = reading.rejected + labels.rejected
    warn_each([f"rejected: {item}" for item in rejected], f"{out}/rejected.csv")
    return write_dataset(out, photos, labels.boxes, rejected, len(photos) + len(rejected), len(photos))
