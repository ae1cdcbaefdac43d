"""Pick frames of videos where something changes, and write them down in folders by grade."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uncover.atomic import check_replaceable, new_folder
from uncover.datasets.frame_boxes import UNKNOWN, FrameBoxes, read_frame_boxes
from uncover.datasets.picked import (
    PickedFrame,
    Review,
    image_of,
    review_of,
    stems_of,
    write_boxes,
    write_frames,
    write_picture,
)
from uncover.errors import InputError
from uncover.footage.changes import Limits, Pick, look_at, most_different, pick_changes
from uncover.footage.decode import Dropped, Frame, open_video
from uncover.progress import track

MAKER = "frames"


@dataclass(frozen=True)
class Picking:
    """What came of it.

    Attributes:
        picked: All frames.
        watched: Frames of all videos, picked or not.
        review: How many frames have true boxes, and how many proposed ones.
    """

    picked: list[PickedFrame]
    watched: int
    review: Review

    def by_reason(self) -> dict[str, int]:
        """Picked frames by why they were picked."""
        return dict(sorted(Counter(item.reason for item in self.picked).items()))


def pick_frames(
    videos: Sequence[Path],
    out: Path,
    limits: Limits,
    count: int | None,
    tables: Sequence[Path],
    report: Callable[[str], None],
) -> Picking:
    """Write the picked frames of all videos, or nothing.

    Args:
        videos: Video files.
        out: Folder to make.
        limits: When a frame is worth picking.
        count: Frames to pick of each video, the most different ones; None picks by the limits.
        tables: Boxes to begin with (`read_frame_boxes`).
        report: Told what is worth knowing of a video.

    Raises:
        InputError: A video cannot be read, two would give frames of the same name, a table is none, or `out` may not
            be replaced.
    """
    check_replaceable(out, MAKER)
    named = stems_of(videos)
    boxes = read_frame_boxes(tables, named)
    picked: list[PickedFrame] = []
    watched = 0
    with new_folder(out, MAKER) as folder:
        for stem, path in named.items():
            known = boxes.get(stem, {})
            counter = _Counter()
            for frame, pick in _picks(path, limits, count, counter, report):
                picked.append(_write(frame, pick, stem, known.get(frame.index, UNKNOWN), folder))
            watched += counter.frames
            if count is not None and len([item for item in picked if item.video == stem]) < count:
                report(f"note: {path}: too short for {count} frames {limits.gap:g} s apart; picked all there are")
        write_frames(picked, folder)
        review = review_of(folder, picked)
    return Picking(picked, watched, review)


class _Counter:
    """Counts the frames that pass."""

    def __init__(self) -> None:
        self.frames = 0

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.frames += 1
            yield frame


def _picks(
    path: Path, limits: Limits, count: int | None, counter: _Counter, report: Callable[[str], None]
) -> Iterator[tuple[Frame, Pick]]:
    with open_video(path) as video:
        if video.live:
            raise InputError(f"{path}: is a live stream; expected video files, which stay as they are")
        shown = track(video.frames(), f"watching {path.name}", video.length)
        frames = counter.watch(_whole(shown, path, report))
        if count is None:
            yield from pick_changes(frames, limits)
        else:
            picks = {pick.frame: pick for pick in most_different(look_at(frames, limits.rate), count, limits)}
            yield from _fetch(_whole(video.frames(), path, lambda _: None), picks)
        if video.corrupt:
            report(f"warning: {path}: {video.corrupt} pictures cannot be decoded, and are left out")


def _whole(frames: Iterable[Frame], path: Path, report: Callable[[str], None]) -> Iterator[Frame]:
    """The frames of a file up to where it is cut off."""
    last = None
    try:
        for last in frames:
            yield last
    except Dropped as dropped:
        second = f"after {last.second:.1f} s" if last else "at its beginning"
        report(f"warning: {path}: is cut off {second} ({dropped}); what comes before is used")


def _fetch(frames: Iterable[Frame], picks: Mapping[int, Pick]) -> Iterator[tuple[Frame, Pick]]:
    """Watch again, up to the last picked frame: pictures of a whole video would not fit into memory."""
    last = max(picks, default=-1)
    for frame in frames:
        if frame.index in picks:
            yield frame, picks[frame.index]
        if frame.index >= last:
            return


def _write(frame: Frame, pick: Pick, stem: str, known: FrameBoxes, folder: Path) -> PickedFrame:
    height, width = frame.pixels.shape[:2]
    image = image_of(stem, frame.index, known.grade)
    item = PickedFrame(image, stem, frame.index, frame.second, known.grade, pick.reason, pick.change, known.truth)
    _check_inside(known, width, height, stem, frame.index)
    write_picture(frame.pixels, folder / item.image)
    write_boxes(known.boxes, (width, height), folder / (item.label if known.truth else item.proposal))
    return item


def _check_inside(known: FrameBoxes, width: int, height: int, stem: str, frame: int) -> None:
    """A box that is nowhere in the picture is one of another video."""
    if known.boxes is None or not len(known.boxes):
        return
    inside = np.clip(known.boxes, 0, [width, height] * 2)
    if (inside[:, 2:] <= inside[:, :2]).any():
        raise InputError(
            f"{stem}, frame {frame}: a box lies outside its {width} x {height} px; give the boxes of this very video"
        )
