"""Folders of picked frames, small enough to write by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from uncover.atomic import new_folder
from uncover.data.annotations.annotated import FrameState, look_up_frames
from uncover.data.picked import UNGRADED, PickedFrame, image_of, read_picked, write_boxes, write_frames, write_picture

WIDTH, HEIGHT = 160, 120
Known = tuple[str, Sequence[Sequence[float]] | None]


def write_set(
    root: Path, known: Sequence[Known], video: str = "infant_01", size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Path:
    """Frames 0, 10, 20 ... of a video, each with a grade and boxes in pixels (None: nothing is known of it).

    Boxes of an ungraded frame are proposals, those of a graded one labels.
    """
    with new_folder(root) as folder:
        picked = []
        for number, (grade, boxes) in enumerate(known):
            frame = number * 10
            item = PickedFrame(image_of(video, frame, grade), video, frame, frame / 5, grade, "motion", 0.5)
            write_picture(np.full((size[1], size[0], 3), number * 9 % 256, np.uint8), folder / item.image)
            place = item.proposal if grade == UNGRADED else item.label
            write_boxes(None if boxes is None else np.array(boxes, float).reshape(-1, 4), size, folder / place)
            picked.append(item)
        write_frames(picked, folder)
    return root


def states_of(root: Path) -> dict[str, FrameState]:
    return look_up_frames(root, read_picked(root))


def summary_of(root: Path) -> dict[str, tuple[str, list[list[float]] | None]]:
    """Grade and boxes, labels or else proposals, to whole pixels, by name."""
    known = {name: state.proposals if state.boxes is None else state.boxes for name, state in states_of(root).items()}
    return {
        name: (state.frame.grade, None if known[name] is None else np.rint(known[name]).astype(int).tolist())
        for name, state in states_of(root).items()
    }


def digest_of(root: Path) -> dict[str, str]:
    """Content of all files by name."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


UNKNOWN: Known = (UNGRADED, None)
