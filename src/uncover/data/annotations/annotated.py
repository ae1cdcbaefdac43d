"""Annotations of frames, independent of the format of the tool: boxes, grades, and rejected entries."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uncover.config.catalogue import GRADES
from uncover.data.faces import Rejected, RowError
from uncover.data.photos import PhotoError, inspect_photo
from uncover.data.picked import UNGRADED, PickedFrame, read_boxes
from uncover.errors import InputError

FACE = "face"
"""Label of boxes around whole faces."""
GRADE = "grade"
"""Name of the tag, attribute or choice with the grade of occlusion."""
NO_LABEL = "boxes without a label"
"""How boxes without a label are counted among the labels."""

BEYOND = 0.01
"""How far a box may extend beyond the frame: a share of the frame's side, but at least one pixel. Tools round, and
people draw past the edge. A box further outside belongs to another image."""
UPRIGHT = 0.5
"""Largest rotation of a box, in degrees: tools store 359.99 for an upright box, which moves a corner by under 1 %."""

Box = Sequence[float]


@dataclass(frozen=True)
class FrameState:
    """A frame of the folder in its current state.

    Attributes:
        frame: Its row of `frames.csv`.
        size: Width and height, in pixels.
        boxes: float64 (M, 4), xyxy in pixels; None if the frame was not reviewed.
        proposals: float64 (M, 4), xyxy in pixels, boxes that were not reviewed; None if there are none.
    """

    frame: PickedFrame
    size: tuple[int, int]
    boxes: NDArray[np.float64] | None
    proposals: NDArray[np.float64] | None = None

    @property
    def shown(self) -> NDArray[np.float64]:
        """Boxes to show in a tool: the labels, or else the proposals; float64 (M, 4)."""
        known = self.proposals if self.boxes is None else self.boxes
        return np.zeros((0, 4)) if known is None else known


@dataclass(frozen=True)
class Annotation:
    """Annotation of one frame in an imported file.

    Attributes:
        boxes: float64 (M, 4), xyxy in pixels, inside the frame.
        grade: None if the file has none.
        submitted: Whether the frame is marked as finished in the tool.
    """

    boxes: NDArray[np.float64]
    grade: str | None
    submitted: bool = False


@dataclass
class Reading:
    """Content of an imported file.

    Attributes:
        annotations: Annotations by file name of the frame.
        rejected: Entries that cannot be used.
        spoilt: File names of frames with a rejected entry. These frames are not changed at all, because a face without
            its box would be trained on as background.
        labels: Number of boxes for each label other than that of faces.
    """

    annotations: dict[str, Annotation] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    spoilt: set[str] = field(default_factory=set)
    labels: dict[str, int] = field(default_factory=dict)

    def reject(self, file: Path, row: int, name: str, reason: str, detail: str, spoils: bool = True) -> None:
        """Record an entry that cannot be used."""
        self.rejected.append(Rejected(file.name, row, name, reason, detail))
        if spoils and name:
            self.spoilt.add(name)

    def other_label(self, file: Path, row: int, name: str, label: object, wanted: str) -> None:
        """Record a box that is not a face; `label` is None if the box has no label."""
        key = NO_LABEL if label is None else str(label)
        self.labels[key] = self.labels.get(key, 0) + 1
        what = "a box has no label" if label is None else f"label {str(label)[:60]!r} is not {wanted!r}"
        detail = f"{name}: {what}; left out"
        self.reject(file, row, name, "other_label", detail, spoils=False)

    def add(self, file: Path, row: int, name: str, annotation: Annotation) -> None:
        """Add the annotation of a frame; of a frame that occurs twice, neither is used."""
        if name in self.annotations:
            self.reject(file, row, name, "duplicate_image", f"{name} occurs twice; expected it once")
        self.annotations.setdefault(name, annotation)


class EntryError(RowError):
    """An annotation of a frame that cannot be used; `reason` is a short code."""

    def __init__(self, row: int, reason: str, detail: str) -> None:
        super().__init__(row, detail)
        self.reason = reason


def look_up_frames(root: Path, picked: Sequence[PickedFrame]) -> dict[str, FrameState]:
    """Frames of a folder by file name of the image, each with its size and boxes.

    Raises:
        InputError: An image or label file cannot be read.
    """
    states = {}
    for frame in picked:
        try:
            info = inspect_photo(root / frame.image)
        except PhotoError as error:
            raise InputError(f"{root / frame.image}: {error}; pick the frames again") from None
        size = (info.width, info.height)
        boxes, proposals = (read_boxes(path, size) for path in (frame.find_labels(root), frame.find_proposals(root)))
        states[frame.name] = FrameState(frame, size, boxes, proposals)
    return states


def known_grades(states: Mapping[str, FrameState]) -> tuple[str, ...]:
    """Grades that frames may have: those of the thesis, those of the folder, and `ungraded`."""
    own = {state.frame.grade for state in states.values()}
    return (UNGRADED, *GRADES, *sorted(own - {UNGRADED, *GRADES}))


def check_grade(value: object, grades: Collection[str], row: int) -> str:
    """Check a grade.

    Raises:
        EntryError: The grade is unknown.
    """
    if not isinstance(value, str) or value not in grades:
        raise EntryError(row, "unknown_grade", f"grade {value!r:.60} is unknown; expected {', '.join(grades)}")
    return value


def agreed_grade(
    path: Path, found: list[tuple[int, str]], grades: tuple[str, ...], reading: Reading, name: str
) -> str | None:
    """The grade of a frame if all entries agree; None if there is none or they are rejected.

    Args:
        path: File, for errors.
        found: Lines of the file and the grades in them.
        grades: Known grades.
        reading: Collects grades that are unknown or contradict each other.
        name: File name of the frame.
    """
    checked = set()
    for line, value in found:
        try:
            checked.add(check_grade(value, grades, line))
        except EntryError as error:
            reading.reject(path, line, name, error.reason, f"{name}: {error}")
    if len(checked) > 1:
        detail = f"{name}: has the grades {' and '.join(sorted(checked))}; expected one"
        reading.reject(path, found[0][0], name, "two_grades", detail)
    return checked.pop() if len(checked) == 1 else None


def check_size(found: tuple[object, object], size: tuple[int, int], row: int) -> None:
    """Check that an annotation was made on an image of the same size; None if the file does not state the size.

    Raises:
        EntryError: The sizes differ.
    """
    for side, own in zip(found, size, strict=True):
        try:
            same = side is None or float(str(side)) == own
        except ValueError:
            same = False
        if not same:
            detail = f"image is {found[0]} x {found[1]} px; expected the picked frame of {size[0]} x {size[1]} px"
            raise EntryError(row, "other_size", detail)


def check_box(box: Sequence[object], rotation: object, size: tuple[int, int], row: int) -> list[float]:
    """Check a box.

    Args:
        box: x1 y1 x2 y2, in pixels; corners may be swapped.
        rotation: Rotation in the tool, in degrees; None for none.
        size: Width and height of the frame, in pixels.
        row: Row of the file.

    Returns:
        The box, clipped to the frame if it extends slightly beyond it (`BEYOND`).

    Raises:
        EntryError: The box is rotated, invalid, or outside the frame.
    """
    try:
        corners = [float(str(value)) for value in box]
        x1, x2, y1, y2 = *sorted(corners[::2]), *sorted(corners[1::2])
        turned = float(str(rotation)) % 360 if rotation is not None else 0.0
    except ValueError:
        raise EntryError(row, "no_box", f"box {_shown(box)} has a value that is not a number") from None
    shown = _shown([round(corner, 2) for corner in corners])
    if not all(map(math.isfinite, [*corners, turned])) or x1 >= x2 or y1 >= y2:
        raise EntryError(row, "no_box", f"box {shown} is invalid; expected x1 < x2 and y1 < y2")
    if min(turned, 360 - turned) > UPRIGHT:
        raise EntryError(row, "rotated_box", f"box {shown} is rotated by {turned:g} degrees; expected an upright one")
    width, height = size
    beside, above = max(1.0, BEYOND * width), max(1.0, BEYOND * height)
    if x1 < -beside or y1 < -above or x2 > width + beside or y2 > height + above:
        raise EntryError(row, "outside_image", f"box {shown} extends beyond the frame of {width} x {height} px")
    inside = [max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))]
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise EntryError(row, "outside_image", f"box {shown} is outside the frame of {width} x {height} px")
    return inside


def _shown(box: Sequence[object]) -> str:
    return ", ".join(str(value)[:20] for value in box)


def as_boxes(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """Boxes as float64 (M, 4)."""
    return np.array(boxes, np.float64).reshape(-1, 4)
