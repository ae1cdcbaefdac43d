"""Compare ways to detect on videos with some labelled frames, with any number of faces in each.

The labels are in a folder `labels/`, one file `<video>_<frame number>.txt` per labelled frame, named as by
`uncover frames`, with YOLO rows of whole faces. A folder `classes/` beside it may contain a file of the same name with
one word per row for the face in that row; faces are counted separately for each word. Steadiness is measured on all
frames, without labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.console import fail
from uncover.data.parts import to_xyxy
from uncover.data.yolo import LABELS, read_label_file
from uncover.errors import InputError
from uncover.metrics.average_precision import ap_per_class
from uncover.metrics.detections import Detections, box_iou
from uncover.metrics.intervals import share_of_blocks
from uncover.metrics.matching import LabelledSet, match_set
from uncover.metrics.predictions import CORNERS
from uncover.metrics.steadiness import Steadiness, add_steadiness, measure_steadiness
from uncover.metrics.videos import ALL, BOX_COLUMNS, FRAME_COLUMNS, Row, until_next, videos_of
from uncover.tables import read_table
from uncover.text_files import printable, read_text

CLASSES = "classes"
"""Folder of words for faces, beside the labels."""

COLUMNS = (
    *("mode", "video", "part", "labelled_frames", "faces", "found", "recall", "recall_low", "recall_high", "ap50"),
    *("false_boxes", "false_per_frame", "frames", "boxes", "shown", "flicker", "gaps", "gap_share", "longest_gap"),
    "jitter",
)
"""Columns of the record; those after false_per_frame require no labels. ap50 is that of the stored boxes: detect with a
low confidence threshold for the whole curve. longest_gap is in seconds, jitter in shares of a side."""

FACE, BOX, FRAME = "face", "box", "frame"
"""Columns that identify a row of counts."""


@dataclass(frozen=True)
class LabelledFrame:
    """Labels of a frame.

    Attributes:
        faces: float64 (n, 4), xyxy as shares of the frame.
        words: Word for each face; empty if there are none.
    """

    faces: NDArray[np.float64]
    words: tuple[str, ...]


FrameLabels = dict[str, dict[int, LabelledFrame]]
"""By video (file name without suffix) and frame number."""


def has_frame_labels(folder: Path) -> bool:
    """Whether a folder of true boxes contains labels of single frames, rather than tables of all frames."""
    return (folder / LABELS).is_dir()


def read_frame_labels(folder: Path) -> FrameLabels:
    """Load the labels of frames.

    Args:
        folder: Folder with `labels/`, and optionally `classes/`.

    Raises:
        InputError: There is no label, a file name is not that of a frame, a row is not a box, or a file of words has
            not one row per face.
    """
    labels: FrameLabels = {}
    problems: list[str] = []
    for path in sorted((folder / LABELS).glob("*.txt")):
        video, _, number = path.stem.rpartition("_")
        if not video or not number.isdecimal():
            raise InputError(f"{path}: expected <video>_<frame number>.txt, such as ward_0042.txt")
        file = read_label_file(path)
        problems += file.problems
        faces = to_xyxy(file.boxes[:, 1:].astype(np.float64)).clip(0, 1)
        words_of = folder / CLASSES / path.name
        words = tuple(read_text(words_of).split("\n")[: len(faces)]) if words_of.is_file() else ("",) * len(faces)
        if len(words) != len(faces):
            problems.append(f"{words_of}: {len(words)} rows for {len(faces)} faces; expected one word for each")
        labels.setdefault(printable(video), {})[int(number)] = LabelledFrame(
            faces, tuple(word.strip() for word in words)
        )
    fail(problems, str(folder))
    if not labels:
        raise InputError(f"{folder / LABELS}: contains no label; expected <video>_<frame number>.txt")
    return labels


def score_labelled(ways: Mapping[str, Path], labels: FrameLabels, true_iou: float) -> list[Row]:
    """Count what each way to detect found on labelled frames, and measure the steadiness of its boxes on all frames.

    The most confident box that overlaps a face enough is correct; all others in a labelled frame are false positives.

    Args:
        ways: Folders of `uncover detect` by name of the way; all on the same videos.
        labels: Labels of some of their frames.
        true_iou: Smallest IoU of a correct box.

    Returns:
        Rows with `COLUMNS`, by way and video (all videos together first), and part: all faces, then those of each
        word. Intervals treat a video as one block, since its frames are very similar. None if undefined.

    Raises:
        InputError: The ways were run on different videos, or a labelled frame was not processed.
    """
    words = sorted({word for video in labels.values() for each in video.values() for word in each.words if word})
    rows: list[Row] = []
    first: tuple[str, set[str]] | None = None
    for mode, folder in ways.items():
        videos = videos_of(folder)
        if ALL in videos:
            raise InputError(f"video {ALL}: this name is reserved for all videos; rename the video and its labels")
        first = first or (mode, set(videos))
        if set(videos) != first[1]:
            raise InputError(f"{folder}: videos differ from those of {first[0]}; expected the same for all ways")
        frames = read_table(folder / "frames.parquet", (*FRAME_COLUMNS, "width", "height"), "detect")
        boxes = read_table(folder / "boxes.parquet", BOX_COLUMNS, "detect")
        counted = []
        for video, source in videos.items():
            own_frames = frames[frames["source"] == source].sort_values("frame", ignore_index=True)
            own = boxes[boxes["source"] == source]
            found = _match(f"{folder}: {source}", own, own_frames, labels.get(video, {}), true_iou)
            counted.append((video, found, _steadiness(own, own_frames)))
        found = pd.concat(
            [table.assign(video=number) for number, (_, table, _) in enumerate(counted)], ignore_index=True
        )
        rows += _rows(mode, ALL, found, add_steadiness([steady for _, _, steady in counted]), words)
        for video, table, steady in counted:
            rows += _rows(mode, video, table.assign(video=0), steady, words)
    return rows


def _match(
    where: str, boxes: pd.DataFrame, frames: pd.DataFrame, labels: Mapping[int, LabelledFrame], true_iou: float
) -> pd.DataFrame:
    """A row for each face (word, found), labelled frame, and box in one (confidence, false), of one video."""
    numbers = sorted(labels)
    sizes = frames.set_index("frame")[["width", "height"]]
    missing = [number for number in numbers if number not in sizes.index]
    if missing:
        raise InputError(f"{where}: labelled frame {missing[0]} was not processed; detect in the whole video")
    own = boxes[boxes["frame"].isin(numbers)]
    pixels = [labels[number].faces * np.tile(sizes.loc[number].to_numpy(np.float64), 2) for number in numbers]
    faces = pd.DataFrame(np.concatenate([np.zeros((0, 4)), *pixels]), columns=list(CORNERS))
    faces["image"] = np.repeat(np.array(numbers, np.int64), [len(each) for each in pixels])
    images = pd.Series(numbers, dtype=np.int64)
    predicted = Detections.from_pandas(own[[*CORNERS, "confidence"]].assign(image=own["frame"]), images).sorted()
    true = Detections.from_pandas(faces, images)
    correct = match_set(LabelledSet(len(numbers), predicted, true), [true_iou]).correct[:, 0]
    words = [word for number in numbers for word in labels[number].words]
    found = np.zeros(len(true), np.int64)
    for row in np.flatnonzero(correct):
        # A correct box is matched to the face with the highest IoU.
        own_faces = np.flatnonzero(true.image_rows == predicted.image_rows[row])
        found[own_faces[box_iou(true.boxes[own_faces], predicted.boxes[[row]])[:, 0].argmax()]] = 1
    faces_of = pd.DataFrame({"kind": FACE, "word": words, "found": found})
    boxes_of = pd.DataFrame({"kind": BOX, "found": correct.astype(int), "confidence": predicted.confidence})
    return pd.concat([faces_of, boxes_of, pd.DataFrame({"kind": FRAME, "found": 0}, index=range(len(numbers)))])


def _steadiness(boxes: pd.DataFrame, frames: pd.DataFrame) -> Steadiness:
    grouped = {number: own[list(CORNERS)].to_numpy(np.float64) for number, own in boxes.groupby("frame")}
    of_frames = [grouped.get(number, np.zeros((0, 4))) for number in frames["frame"]]
    return measure_steadiness(of_frames, frames["second"].to_numpy(np.float64), until_next(frames["second"]))


def _rows(mode: str, video: str, counted: pd.DataFrame, steady: Steadiness, words: Sequence[str]) -> list[Row]:
    boxes = counted[counted["kind"] == BOX]
    labelled, false = int((counted["kind"] == FRAME).sum()), int((boxes["found"] == 0).sum())
    correct = boxes[["found"]].to_numpy(np.bool_)
    one = np.zeros(int((counted["kind"] == FACE).sum()))
    ap = ap_per_class(correct, boxes["confidence"].to_numpy(np.float64), np.zeros(len(boxes)), one).map50
    rows: list[Row] = []
    for part in (ALL, *words):
        own = counted[counted["kind"] == FACE]
        own = own if part == ALL else own[own["word"] == part]
        row: Row = dict.fromkeys(COLUMNS)
        row |= {"mode": mode, "video": video, "part": part, "labelled_frames": labelled, "faces": len(own)}
        row["found"] = int(own["found"].sum())
        found, faces = own["found"].to_numpy(np.int64), np.ones(len(own), np.int64)
        row |= share_of_blocks(found, faces, own["video"].to_numpy(np.int64)).as_columns("recall")
        if part == ALL:
            row |= {
                "ap50": ap if len(own) else None,
                "false_boxes": false,
                "false_per_frame": false / labelled if labelled else None,
            }
            row |= {"frames": steady.frames, "boxes": steady.boxes, "shown": steady.shown_share}
            row |= {"flicker": steady.flicker, "gaps": steady.gaps, "gap_share": steady.gap_share}
            row |= {"longest_gap": steady.longest_gap, "jitter": steady.median_jitter}
        rows.append(row)
    return rows


def as_text(rows: Sequence[Row]) -> str:
    """Table of all videos together, for the terminal."""
    heads = (
        "way",
        "faces found",
        "recall",
        "AP50",
        "false/frame",
        "frames with box",
        "flicker",
        "gaps",
        "longest",
        "jitter",
    )
    lines = [heads]
    for row in rows:
        if row["video"] == ALL and row["part"] == ALL:
            lines.append(
                (
                    str(row["mode"]),
                    f"{row['found']}/{row['faces']}",
                    _told(row, "recall", ".2f"),
                    _told(row, "ap50", ".3f"),
                    _told(row, "false_per_frame", ".2f"),
                    _told(row, "shown", ".2f"),
                    _told(row, "flicker", ".3f"),
                    _told(row, "gaps", "d"),
                    _told(row, "longest_gap", ".2f") + " s",
                    _told(row, "jitter", ".4f"),
                )
            )
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _told(row: Mapping[str, Any], name: str, form: str) -> str:
    return "n/a" if row[name] is None else format(row[name], form)
