"""Select frames of videos where something changes, and write them into folders by grade."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from uncover.atomic import check_replaceable, new_folder
from uncover.data.blocks import read_infants
from uncover.data.picked import (
    PickedFrame,
    Review,
    image_of,
    review_of,
    stems_of,
    write_boxes,
    write_frames,
    write_picture,
)
from uncover.data.video_truth import UNKNOWN, FrameBoxes, read_frame_boxes
from uncover.errors import InputError
from uncover.progress import track
from uncover.text_files import printable
from uncover.video.changes import Limits, Pick, most_different, pick_changes, sample_video
from uncover.video.container import EXPECTED
from uncover.video.decode import Dropped, Frame, Video, open_video

MAKER = "frames"


@dataclass(frozen=True)
class Picking:
    """Result of the selection.

    Attributes:
        picked: All selected frames.
        watched: Number of frames of all videos.
        review: Number of frames with true boxes, and with proposed ones.
        whole: Whether every frame of every video was read, and no clock had to be corrected.
    """

    picked: list[PickedFrame]
    watched: int
    review: Review
    whole: bool = True

    def by_reason(self) -> dict[str, int]:
        """Selected frames by reason."""
        return dict(sorted(Counter(item.reason for item in self.picked).items()))


def pick_frames(
    videos: Sequence[Path],
    out: Path,
    limits: Limits,
    count: int | None,
    tables: Sequence[Path],
    report: Callable[[str], None],
) -> Picking:
    """Write the selected frames of all readable videos; writes nothing after an error.

    Args:
        videos: Video files.
        out: Output folder.
        limits: When to select a frame.
        count: Number of frames to select of each video, the most different ones; None selects by the limits.
        tables: Boxes to start with (`read_frame_boxes`).
        report: Called with remarks on a video.

    Raises:
        InputError: A video does not exist, none can be read, an `infants.csv` next to one is invalid, two videos would
            give frames of the same name, a table is not valid, or `out` may not be replaced.
    """
    check_replaceable(out, MAKER)
    for path in videos:
        if not path.is_file():
            raise InputError(f"{printable(str(path))}: no such file; {EXPECTED}")
    named = stems_of(videos)
    boxes = read_frame_boxes(tables, named)
    infants = _infants(named)
    picked: list[PickedFrame] = []
    watched = 0
    warnings: list[str] = []
    with new_folder(out, MAKER) as folder:
        for stem, path in named.items():
            known = boxes.get(stem, {})
            counter = _Counter(warnings)
            for frame, pick in _picks(path, limits, count, counter, report):
                item = _write(frame, pick, stem, known.get(frame.index, UNKNOWN), folder)
                picked.append(replace(item, infant=infants.get(stem, "")))
            watched += counter.frames
            if not counter.frames:
                continue
            if count is not None and len([item for item in picked if item.video == stem]) < count:
                report(f"note: {path}: too short for {count} frames {limits.gap:g} s apart; selected all that fit")
        if not watched:
            raise InputError("; ".join(warnings))
        write_frames(picked, folder)
        review = review_of(folder, picked)
    for warning in warnings:
        report(f"warning: {warning}")
    return Picking(picked, watched, review, whole=not warnings)


def _infants(videos: Mapping[str, Path]) -> dict[str, str]:
    """Infant by video, from an `infants.csv` next to the videos if there is one."""
    said = {folder: read_infants(folder) for folder in {path.parent for path in videos.values()}}
    return {stem: said[path.parent][stem] for stem, path in videos.items() if stem in said[path.parent]}


class _Counter:
    """Counts the frames of a video, and collects its problems."""

    def __init__(self, warnings: list[str]) -> None:
        self.frames = 0
        self.warnings = warnings

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.frames += 1
            yield frame


def _picks(
    path: Path, limits: Limits, count: int | None, counter: _Counter, report: Callable[[str], None]
) -> Iterator[tuple[Frame, Pick]]:
    name = printable(str(path))
    try:
        video = open_video(path)
    except InputError as error:
        counter.warnings.append(str(error))
        return
    with video:
        if video.live:
            raise InputError(f"{path}: is a live stream; expected video files")
        shown = track(video.frames(), f"reading {printable(path.name)}", video.length)
        frames = counter.watch(_whole(video, shown, name, counter.warnings))
        if count is None:
            yield from pick_changes(frames, limits)
            mended, notes, corrupt = video.mended, video.notes, video.corrupt
        else:
            picks = {pick.frame: pick for pick in most_different(sample_video(frames, limits.rate), count, limits)}
            mended, notes, corrupt = video.mended, video.notes, video.corrupt
            yield from _fetch(_whole(video, video.frames(), name, []), picks)
        if corrupt:
            counter.warnings.append(f"{name}: {corrupt} frames cannot be decoded and are left out")
        counter.warnings.extend(f"{name}: {what}" for what in mended)
        for note in notes:
            report(f"note: {name}: {note}")


def _whole(video: Video, frames: Iterable[Frame], name: str, warnings: list[str]) -> Iterator[Frame]:
    """The frames of a file up to the point where it is truncated."""
    last, why = None, ""
    try:
        for last in frames:
            yield last
        if last is not None:
            why = video.shortfall(last.index + 1, last.second)
    except Dropped as dropped:
        why = str(dropped)
    if why:
        second = f"after {last.second:.1f} s" if last else "at its beginning"
        warnings.append(f"{name}: truncated {second} ({why}); the frames before are used")


def _fetch(frames: Iterable[Frame], picks: Mapping[int, Pick]) -> Iterator[tuple[Frame, Pick]]:
    """Read again up to the last selected frame, because the frames of a whole video do not fit into memory."""
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
    """Check that boxes are inside the frame; otherwise they are of another video."""
    if known.boxes is None or not len(known.boxes):
        return
    inside = np.clip(known.boxes, 0, [width, height] * 2)
    if (inside[:, 2:] <= inside[:, :2]).any():
        raise InputError(
            f"{stem}, frame {frame}: a box is outside its {width} x {height} px; pass the boxes of this video"
        )
