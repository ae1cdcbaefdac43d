"""Frames picked from videos: `<grade>/images/`, `<grade>/labels/` (YOLO, class 0 = whole face) and `frames.csv`.

A frame of grade `ungraded` waits for somebody to annotate it. One without a label file has been annotated by nobody;
an empty label file says that there is no face in it.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from uncover.datasets.yolo import IMAGES, LABELS, label_lines
from uncover.errors import InputError
from uncover.faces.face import RowError
from uncover.faces.frames import FACE_CLASS, parse_yolo
from uncover.footage.address import printable

FRAMES = "frames.csv"
IMPORTS = "imports.csv"
"""Account of annotations that were imported; where there is one, people's work stands in the folder."""

UNGRADED = "ungraded"
GRADE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""What a grade may be called: it is the name of a folder."""

JPEG_QUALITY = 95


@dataclass(frozen=True)
class PickedFrame:
    """A row of `frames.csv`.

    Attributes:
        image: Path of the picture in the folder, `<grade>/images/<video>_<frame>.jpg`.
        video: File name of the video, without its suffix.
        frame: Number of the frame in the video, from 0.
        second: Its time in the video.
        grade: How hard its face is to see; `ungraded` until somebody says.
        reason: Why it was picked (`uncover.footage.changes.Reason`).
        change: How much had changed.
        infant: Who is in the video, as far as somebody says (`uncover.datasets.blocks`); people may fill it in.
    """

    image: str
    video: str
    frame: int
    second: float
    grade: str
    reason: str
    change: float
    infant: str = ""

    @property
    def name(self) -> str:
        """File name of the picture, which no other frame of the folder has."""
        return PurePosixPath(self.image).name

    @property
    def label(self) -> str:
        """Path of the label file in the folder, whether or not it is there."""
        return f"{self.grade}/{LABELS}/{PurePosixPath(self.image).stem}.txt"

    def graded(self, grade: str) -> PickedFrame:
        """The same frame under another grade."""
        return replace(self, grade=grade, image=f"{grade}/{IMAGES}/{self.name}")


COLUMNS = tuple(field.name for field in fields(PickedFrame))
NEEDED = tuple(column for column in COLUMNS if column != "infant")
"""Columns that every table has; those of earlier versions do not say who is in a video."""


def image_of(video: str, frame: int, grade: str) -> str:
    """Path of a frame's picture in the folder."""
    return f"{grade}/{IMAGES}/{video}_{frame:06d}.jpg"


def write_picture(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a frame as it is shown, at a quality that leaves no visible trace.

    Args:
        pixels: uint8 (H, W, 3), RGB.
        path: JPEG to write; folders are made.
    """
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=JPEG_QUALITY, subsampling=0)


def write_boxes(boxes: NDArray[np.float64] | None, size: tuple[int, int], path: Path) -> None:
    """Write the label file of a frame.

    Args:
        boxes: float64 (M, 4), xyxy in pixels, clipped to the frame here; None writes nothing, as nobody annotated it.
        size: Width and height of the frame, in pixels.
        path: File to write; folders are made.
    """
    if boxes is None:
        return
    width, height = size
    inside = np.clip(boxes, 0, [width, height] * 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = label_lines([FACE_CLASS] * len(inside), inside, width, height)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_boxes(root: Path, frame: PickedFrame, size: tuple[int, int]) -> NDArray[np.float64] | None:
    """Boxes of a frame.

    Returns:
        float64 (M, 4), xyxy in pixels; None where nobody annotated the frame.

    Raises:
        InputError: A row of the label file is no box.
    """
    path = root / frame.label
    try:
        boxes = parse_yolo(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return None
    except RowError as error:
        raise InputError(f"{path}, row {error.row}: {error}") from None
    return np.clip(boxes, 0, 1) * np.array([*size, *size], np.float64)


def write_frames(picked: Iterable[PickedFrame], folder: Path) -> None:
    """Write `frames.csv`, sorted by video and frame."""
    with (folder / FRAMES).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for item in sorted(picked, key=lambda item: (item.video, item.frame)):
            writer.writerow(asdict(item) | {"second": f"{item.second:.3f}", "change": f"{item.change:.4f}"})


def read_picked(root: Path) -> list[PickedFrame]:
    """Read `frames.csv` and make sure that each picture is there.

    Raises:
        InputError: There is no such folder or table, a row is none, stands twice, or has no picture.
    """
    path = root / FRAMES
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
            header = reader.fieldnames or []
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: does not exist; expected a folder of 'uncover frames'") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path}: is no CSV; expected a table of 'uncover frames'") from None
    missing = [column for column in NEEDED if column not in header]
    if missing:
        raise InputError(f"{path}: no column {missing[0]}; expected a table of 'uncover frames'")
    picked: dict[str, PickedFrame] = {}
    for number, row in rows:
        where = f"{path}, row {number}"
        item = _picked_of(row, where)
        if item.name in picked:
            raise InputError(f"{where}: {item.name} stands here a second time; expected each frame once")
        if not (root / item.image).is_file():
            raise InputError(f"{where}: {root / item.image} does not exist; put it back, or remove the row")
        picked[item.name] = item
    if not picked:
        raise InputError(f"{path}: no frame in it; pick some with 'uncover frames'")
    return list(picked.values())


def _picked_of(row: dict[str, str], where: str) -> PickedFrame:
    if any(row[column] is None for column in NEEDED):
        raise InputError(f"{where}: too few values; expected {', '.join(COLUMNS)}")
    try:
        frame, second, change = int(row["frame"]), float(row["second"]), float(row["change"])
        if frame < 0 or not math.isfinite(second):
            raise ValueError
    except ValueError:
        raise InputError(
            f"{where}: frame, second and change are no numbers; expected a row of 'uncover frames'"
        ) from None
    infant = (row.get("infant") or "").strip()
    item = PickedFrame(row["image"], row["video"], frame, second, row["grade"], row["reason"], change, infant)
    if not is_grade(item.grade) or item.image != image_of(item.video, frame, item.grade):
        expected = image_of(item.video or "video", frame, item.grade or "grade")
        raise InputError(f"{where}: image {item.image[:80]!r} is not that of its grade, video and frame ({expected})")
    return item


def is_grade(grade: str) -> bool:
    """Whether a grade can be the name of a folder."""
    return GRADE.fullmatch(grade) is not None


def stems_of(videos: Sequence[Path]) -> dict[str, Path]:
    """Videos by the names that their frames get.

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
            raise InputError(f"{video}: its frames would be named as those of {other}; give them apart, or rename one")
        found[stem] = video
    return found


def stem_of(path: Path) -> str:
    """Name of a video's frames, or of a table of its boxes: as `printable` has it, but without backslashes.

    Annotation tools take these for folders.
    """
    return printable(path.stem).replace("\\", "_")
