"""Frames picked from videos: `<grade>/images/`, `<grade>/labels/` (YOLO, class 0 = whole face) and `frames.csv`.

A label file contains the boxes of a person, or the ground truth of the video; an empty file means that the frame has no
face. Boxes that a detector found are stored separately, in `<grade>/proposals/`, until the frame is imported from an
annotation tool: until then it is neither labelled nor known to have no face. Earlier versions wrote both into
`labels/`, and their `frames.csv` has no column `reviewed`: their files in `ungraded/` count as proposals.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.data.faces import RowError
from uncover.data.yolo import FACE_CLASS, IMAGES, LABELS, label_lines, parse_yolo
from uncover.errors import InputError
from uncover.owner import IMPORTS
from uncover.tables import FILE, TEXT, Column, read_rows
from uncover.text_files import printable

FRAMES = "frames.csv"

EXPORTED = ".exported"
"""Digests of files that were exported to annotation tools."""
PROPOSALS = "proposals"
"""Folder of unreviewed boxes, beside the folder of labels."""

UNGRADED = "ungraded"
GRADE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""Permitted names of grades, which are folder names."""

JPEG_QUALITY = 95

MEANT = "a table of 'uncover frames'"
CELLS = {
    "image": FILE,
    "video": FILE,
    "frame": Column("whole", low=0),
    "second": Column("number"),
    "grade": TEXT,
    "reason": Column(empty=True),
    "change": Column("number"),
    "reviewed": Column(empty=True, optional=True),
    "infant": Column(empty=True, optional=True),
}
"""Columns that tables of earlier versions lack: who reviewed a frame, and who is in a video."""


@dataclass(frozen=True)
class PickedFrame:
    """A row of `frames.csv`.

    Attributes:
        image: Path of the image in the folder, `<grade>/images/<video>_<frame>.jpg`.
        video: File name of the video, without its suffix.
        frame: Number of the frame in the video, from 0.
        second: Its time in the video.
        grade: How hard the face is to detect; `ungraded` until a grade is assigned.
        reason: Why it was picked (`uncover.video.changes.Reason`).
        change: Amount of change since the frame before.
        reviewed: Source of its labels: the imported file, or the ground truth of the video; empty without labels. None
            in a folder of an earlier version, which did not record it.
        infant: Infant in the video, if known (`uncover.data.blocks`); users may fill it in.
    """

    image: str
    video: str
    frame: int
    second: float
    grade: str
    reason: str
    change: float
    reviewed: str | None = ""
    infant: str = ""

    @property
    def name(self) -> str:
        """File name of the image, unique in the folder."""
        return PurePosixPath(self.image).name

    @property
    def label(self) -> str:
        """Path of the label file in the folder, which may not exist."""
        return f"{self.grade}/{LABELS}/{PurePosixPath(self.image).stem}.txt"

    @property
    def proposal(self) -> str:
        """Path of the file of proposed boxes in the folder, which may not exist."""
        return f"{self.grade}/{PROPOSALS}/{PurePosixPath(self.image).stem}.txt"

    @property
    def is_doubtful(self) -> bool:
        """Whether its label file may be from a detector: an earlier version did not distinguish the two."""
        return self.reviewed is None and self.grade == UNGRADED

    def graded(self, grade: str) -> PickedFrame:
        """The same frame with another grade."""
        return replace(self, grade=grade, image=f"{grade}/{IMAGES}/{self.name}")

    def find_labels(self, root: Path) -> Path | None:
        """Its label file in the folder `root`; None if it was not reviewed."""
        path = root / self.label
        return path if not self.is_doubtful and path.is_file() else None

    def find_proposals(self, root: Path) -> Path | None:
        """Its file of proposed boxes in the folder `root`; None if there is none."""
        path = root / (self.label if self.is_doubtful else self.proposal)
        return path if path.is_file() else None


COLUMNS = tuple(field.name for field in fields(PickedFrame))


@dataclass(frozen=True)
class Review:
    """Number of reviewed frames.

    Attributes:
        reviewed: Frames with a label file, perhaps an empty one.
        proposed: Frames with proposed boxes only.
        unseen: Frames with neither labels nor proposals.
        doubtful: Those of `proposed` whose boxes an earlier version wrote as labels.
    """

    reviewed: int = 0
    proposed: int = 0
    unseen: int = 0
    doubtful: int = 0

    def __str__(self) -> str:
        return f"{self.reviewed} frames reviewed, {self.proposed} only proposed, {self.unseen} not looked at"

    def as_json(self) -> dict[str, int]:
        """The three counts that make up all frames, as `summary.json` has them."""
        return {"reviewed": self.reviewed, "only proposed": self.proposed, "not looked at": self.unseen}

    def warning(self, root: Path) -> str | None:
        """Advice on boxes of an earlier version; None if there are none."""
        if not self.doubtful:
            return None
        return (
            f"warning: {root}: {self.doubtful} frames in {UNGRADED}/ have label files of an earlier version, which also"
            " wrote a detector's boxes there; they count as proposals. If they were corrected, import the file"
            f" of the tool again ({root / IMPORTS} names it); otherwise run 'uncover frames export', correct them, and"
            " run 'uncover frames import'"
        )


def review_of(root: Path, picked: Iterable[PickedFrame]) -> Review:
    """Count the frames of a folder by review state."""
    labelled = proposed = unseen = doubtful = 0
    for frame in picked:
        found = frame.find_proposals(root) is not None
        if frame.find_labels(root) is not None:
            labelled += 1
        elif found:
            proposed += 1
            doubtful += frame.is_doubtful
        else:
            unseen += 1
    return Review(labelled, proposed, unseen, doubtful)


def image_of(video: str, frame: int, grade: str) -> str:
    """Path of a frame's image in the folder."""
    return f"{grade}/{IMAGES}/{video}_{frame:06d}.jpg"


def write_picture(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a frame as JPEG, at a quality without visible loss.

    Args:
        pixels: uint8 (H, W, 3), RGB.
        path: JPEG to write; missing folders are created.
    """
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=JPEG_QUALITY, subsampling=0)


def write_boxes(boxes: NDArray[np.float64] | None, size: tuple[int, int], path: Path) -> None:
    """Write the label file of a frame, or the file of its proposed boxes.

    Args:
        boxes: float64 (M, 4), xyxy in pixels, clipped to the frame here; None writes nothing.
        path: File to write; missing folders are created.
        path: File to write; folders are made.
    """
    if boxes is None:
        return
    width, height = size
    inside = np.clip(boxes, 0, [width, height] * 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = label_lines([FACE_CLASS] * len(inside), inside, width, height)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_boxes(path: Path | None, size: tuple[int, int]) -> NDArray[np.float64] | None:
    """Read the boxes of a frame.

    Args:
        path: Its label file, or its file of proposed boxes.
        size: Width and height of the frame, in pixels.

    Returns:
        float64 (M, 4), xyxy in pixels; None if the file does not exist.

    Raises:
        InputError: A row of the file is not a box.
    """
    if path is None:
        return None
    try:
        boxes = parse_yolo(path.read_text(encoding="utf-8", errors="replace"))
    except RowError as error:
        raise InputError(f"{path}, row {error.row}: {error}") from None
    return np.clip(boxes, 0, 1) * np.array([*size, *size], np.float64)


def write_frames(picked: Iterable[PickedFrame], folder: Path) -> None:
    """Write `frames.csv`, sorted by video and frame."""
    with (folder / FRAMES).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for item in sorted(picked, key=lambda item: (item.video, item.frame)):
            shown = {"second": f"{item.second:.3f}", "change": f"{item.change:.4f}", "reviewed": item.reviewed or ""}
            writer.writerow(asdict(item) | shown)


def read_picked(root: Path) -> list[PickedFrame]:
    """Read `frames.csv` and check that each image exists.

    Raises:
        InputError: The folder or table does not exist, or a row is invalid, occurs twice, or has no image.
    """
    path = root / FRAMES
    if not path.is_file():
        raise InputError(f"{path}: does not exist; expected a folder of 'uncover frames'")
    table = read_rows(path, CELLS, MEANT)
    picked: dict[str, PickedFrame] = {}
    rows = table[[name for name in CELLS if name in table]].to_dict("records")
    for number, row in zip(table.index, rows, strict=True):
        where = f"{path}, row {number}"
        item = PickedFrame(**({"reviewed": None} | {str(name): value for name, value in row.items()}))
        if not is_grade(item.grade) or item.image != image_of(item.video, item.frame, item.grade):
            expected = image_of(item.video, item.frame, item.grade)
            raise InputError(f"{where}: image {item.image[:80]!r} does not match grade, video and frame ({expected})")
        if item.name in picked:
            raise InputError(f"{where}: {item.name} occurs twice; expected each frame once")
        if not (root / item.image).is_file():
            raise InputError(f"{where}: {root / item.image} does not exist; put it back, or remove the row")
        picked[item.name] = item
    if not picked:
        raise InputError(f"{path}: contains no frame; pick frames with 'uncover frames'")
    return list(picked.values())


def find_picked(root: Path) -> dict[str, PickedFrame] | None:
    """Frames by path of their image in the folder; None if the folder is not from 'uncover frames'.

    Unlike `read_picked`, it leaves out images that were removed, renamed or moved.

    Raises:
        InputError: The table cannot be read.
    """
    path = root / FRAMES
    if not path.is_file():
        return None
    table = read_rows(path, {}, MEANT)
    if not {"image", "grade", "reason"} <= set(table):
        return None
    items = (
        PickedFrame(row["image"], row.get("video", ""), 0, 0.0, row["grade"], "", 0.0, row.get("reviewed"))
        for row in table.to_dict("records")
    )
    return {item.image: item for item in items if (root / item.image).is_file()}


def check_exported(root: Path, file: Path) -> None:
    """Check that a file that an export would replace is an unchanged earlier export.

    Raises:
        InputError: The file is not an export of the folder, or was changed; it may be the output of a tool.
    """
    if file.exists() and _digest_of(file) not in _exported(root):
        raise InputError(
            f"{file}: was changed since its export from {root}, or is another file, and would be replaced; give"
            " another name, or remove it first"
        )


def note_exported(root: Path, files: Iterable[Path]) -> None:
    """Record digests of exported files, if the folder is writable."""
    known = sorted({*_exported(root), *map(_digest_of, files)})
    with suppress(OSError), new_file(root / EXPORTED) as path:
        path.write_text("".join(f"{digest}\n" for digest in known), encoding="utf-8")


def _exported(root: Path) -> set[str]:
    try:
        return set((root / EXPORTED).read_text(encoding="utf-8").split())
    except OSError:
        return set()


def _digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def is_grade(grade: str) -> bool:
    """Whether a grade can be used as a folder name."""
    return GRADE.fullmatch(grade) is not None


def stems_of(videos: Sequence[Path]) -> dict[str, Path]:
    """Videos by the prefix of the names of their frames.

    Raises:
        InputError: Frames of two videos would get the same names.
    """
    found: dict[str, Path] = {}
    folded: dict[str, Path] = {}
    for video in videos:
        stem = stem_of(video)
        # Some file systems ignore case.
        other = folded.setdefault(stem.casefold(), video)
        if stem in found or other != video:
            raise InputError(f"{video}: its frames would be named as those of {other}; rename one of the videos")
        found[stem] = video
    return found


def stem_of(path: Path) -> str:
    """Name of a video's frames or table of boxes: escaped by `printable`, without backslashes.

    Annotation tools treat backslashes as folder separators.
    """
    return printable(path.stem).replace("\\", "_")
