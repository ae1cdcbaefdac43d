"""What annotation tools say of frames, whatever their format: boxes, a grade, and what of it cannot be used."""

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
"""Name of the label of boxes of whole faces."""
GRADE = "grade"
"""Name of the tag, attribute or choice that says how hard the face is to see."""
NO_LABEL = "boxes without a label"
"""What they are called among the labels of boxes."""

BEYOND = 0.01
"""Share of the frame's side, a pixel at least, by which a box may leave it: tools round, and people draw past edges.
Whatever leaves it further is of another picture."""
UPRIGHT = 0.5
"""Degrees by which a box may be turned: a tool's handle comes back to 359.99, which moves a corner by under 1 %."""

Box = Sequence[float]


@dataclass(frozen=True)
class FrameState:
    """A frame of the folder as it is now.

    Attributes:
        frame: Its row of `frames.csv`.
        size: Width and height, in pixels.
        boxes: float64 (M, 4), xyxy in pixels; None where nobody reviewed it.
        proposals: Likewise, boxes that nobody has looked at; None where there are none.
    """

    frame: PickedFrame
    size: tuple[int, int]
    boxes: NDArray[np.float64] | None
    proposals: NDArray[np.float64] | None = None

    @property
    def shown(self) -> NDArray[np.float64]:
        """What a tool is to show: the labels, or else the proposals; float64 (M, 4)."""
        known = self.proposals if self.boxes is None else self.boxes
        return np.zeros((0, 4)) if known is None else known


@dataclass(frozen=True)
class Annotation:
    """What a file says of one frame.

    Attributes:
        boxes: float64 (M, 4), xyxy in pixels, inside the frame.
        grade: None where it says nothing of it.
        submitted: Whether the tool says that a person is done with the frame.
    """

    boxes: NDArray[np.float64]
    grade: str | None
    submitted: bool = False


@dataclass
class Reading:
    """What a file says.

    Attributes:
        annotations: By file name of the frame.
        rejected: What cannot be used.
        spoilt: File names of frames of which something cannot be used; they stay as they are as a whole, for a face
            without its box would be learnt as no face.
        labels: Labels of boxes that are not those of faces, and how many boxes have them.
    """

    annotations: dict[str, Annotation] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    spoilt: set[str] = field(default_factory=set)
    labels: dict[str, int] = field(default_factory=dict)

    def reject(self, file: Path, row: int, name: str, reason: str, detail: str, spoils: bool = True) -> None:
        """Record what cannot be used."""
        self.rejected.append(Rejected(file.name, row, name, reason, detail))
        if spoils and name:
            self.spoilt.add(name)

    def other_label(self, file: Path, row: int, name: str, label: object, wanted: str) -> None:
        """Record a box that is of no face; a label of None is no label."""
        key = NO_LABEL if label is None else str(label)
        self.labels[key] = self.labels.get(key, 0) + 1
        what = "a box has no label" if label is None else f"label {str(label)[:60]!r} is not {wanted!r}"
        detail = f"{name}: {what}; left out"
        self.reject(file, row, name, "other_label", detail, spoils=False)

    def add(self, file: Path, row: int, name: str, annotation: Annotation) -> None:
        """Record what is said of a frame; said twice, both are none."""
        if name in self.annotations:
            self.reject(file, row, name, "duplicate_image", f"{name} stands here a second time; expected it once")
        self.annotations.setdefault(name, annotation)


class EntryError(RowError):
    """Something about a frame cannot be used; `reason` is a short code."""

    def __init__(self, row: int, reason: str, detail: str) -> None:
        super().__init__(row, detail)
        self.reason = reason


def look_up_frames(root: Path, picked: Sequence[PickedFrame]) -> dict[str, FrameState]:
    """The frames of a folder by the names of their pictures, each with its size and boxes.

    Raises:
        InputError: A picture or label file cannot be read.
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
    """Grades that frames may have: the thesis's, those of the folder, and none yet."""
    own = {state.frame.grade for state in states.values()}
    return (UNGRADED, *GRADES, *sorted(own - {UNGRADED, *GRADES}))


def check_grade(value: object, grades: Collection[str], row: int) -> str:
    """Make sure that a grade is one.

    Raises:
        EntryError: It is not.
    """
    if not isinstance(value, str) or value not in grades:
        raise EntryError(row, "unknown_grade", f"grade {value!r:.60} is unknown; expected {', '.join(grades)}")
    return value


def agreed_grade(
    path: Path, found: list[tuple[int, str]], grades: tuple[str, ...], reading: Reading, name: str
) -> str | None:
    """The one grade that a frame was given; None where there is none, or none that counts.

    Args:
        path: File, for messages.
        found: Lines and what stands there.
        grades: Grades that there are.
        reading: Told where they disagree, or one is unknown.
        name: Of the frame.
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
    """Make sure that a file speaks of the same picture; None stands for what it does not say.

    Raises:
        EntryError: Its picture has another size.
    """
    for side, own in zip(found, size, strict=True):
        try:
            same = side is None or float(str(side)) == own
        except ValueError:
            same = False
        if not same:
            detail = f"{found[0]} x {found[1]} px; expected the picture of {size[0]} x {size[1]} px that was picked"
            raise EntryError(row, "other_size", detail)


def check_box(box: Sequence[object], rotation: object, size: tuple[int, int], row: int) -> list[float]:
    """Make sure that a box is one.

    Args:
        box: x1 y1 x2 y2, in pixels; one that was drawn from the lower right is turned round.
        rotation: Degrees by which the tool turned it; None for none.
        size: Of the frame, in pixels.
        row: Of the file.

    Returns:
        The box, clipped to the frame where it leaves it by a little (`BEYOND`).

    Raises:
        EntryError: It is turned, no box, or leaves the frame.
    """
    try:
        corners = [float(str(value)) for value in box]
        x1, x2, y1, y2 = *sorted(corners[::2]), *sorted(corners[1::2])
        turned = float(str(rotation)) % 360 if rotation is not None else 0.0
    except ValueError:
        raise EntryError(row, "no_box", f"box {_shown(box)} has a value that is no number") from None
    shown = _shown([round(corner, 2) for corner in corners])
    if not all(map(math.isfinite, [*corners, turned])) or x1 >= x2 or y1 >= y2:
        raise EntryError(row, "no_box", f"box {shown} is none; expected x1 < x2 and y1 < y2")
    if min(turned, 360 - turned) > UPRIGHT:
        raise EntryError(row, "rotated_box", f"box {shown} is turned by {turned:g} degrees; expected an upright one")
    width, height = size
    beside, above = max(1.0, BEYOND * width), max(1.0, BEYOND * height)
    if x1 < -beside or y1 < -above or x2 > width + beside or y2 > height + above:
        raise EntryError(row, "outside_image", f"box {shown} leaves the frame of {width} x {height} px")
    inside = [max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))]
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise EntryError(row, "outside_image", f"box {shown} lies outside the frame of {width} x {height} px")
    return inside


def _shown(box: Sequence[object]) -> str:
    return ", ".join(str(value)[:20] for value in box)


def as_boxes(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """Boxes as float64 (M, 4)."""
    return np.array(boxes, np.float64).reshape(-1, 4)
