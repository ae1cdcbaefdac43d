"""Compare ways to detect on videos: outcomes by frame, recall, false positives per minute, longest gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.config.catalogue import GRADES
from uncover.data.video_truth import EVENTS
from uncover.errors import InputError
from uncover.metrics.detections import Detections
from uncover.metrics.intervals import Rate, percentile_interval, ratio, resample_images
from uncover.metrics.matching import LabelledSet, match_set
from uncover.metrics.predictions import CORNERS
from uncover.tables import read_table

STEPS = ("rgb", "heatmap", "rescue", "temporal")
"""Steps that a box can come from, in order of execution."""

NOT_FOUND = "none"
"""Value of found_by for frames whose face no step found, and for frames without a face."""

OUTCOME_COLUMNS = (
    *("mode", "video", "frame", "second", "seconds", "event", "grade", "face", "found_by", "false_boxes"),
)
BOX_COLUMNS = ("source", "frame", *CORNERS, "confidence", "found_by")
FRAME_COLUMNS = ("source", "frame", "second")

ALL = "all"
"""Name of all videos together, and of all frames of one."""

SECONDS_OF_MINUTE = 60
SHORTEST_BLOCK = 0.001
"""Shortest block of frames that are resampled together, in seconds."""

COLUMNS = (
    *("mode", "video", "by", "part", "frames", "faces", "found", *(f"found_by_{step}" for step in STEPS)),
    *("recall", "recall_low", "recall_high", "recall_gain", "recall_gain_low", "recall_gain_high"),
    *("false_boxes", "minutes", "false_per_minute", "false_per_minute_low", "false_per_minute_high"),
    *("false_gain", "false_gain_low", "false_gain_high", "longest_gap", "blocks"),
)
"""Columns of the record; gains are differences to the first way, longest_gap is in seconds."""

Floats = NDArray[np.float64]
Row = dict[str, Any]
Part = tuple[str, str]


def videos_of(folder: Path) -> dict[str, str]:
    """Videos in an output folder of `uncover detect`.

    Args:
        folder: The folder.

    Returns:
        File names of the videos by file name without suffix, in alphabetical order.

    Raises:
        InputError: There is no list of frames, it is empty, or two videos have the same name.
    """
    path = folder / "frames.parquet"
    videos: dict[str, str] = {}
    for source in sorted(map(str, read_table(path, FRAME_COLUMNS, "detect")["source"].unique())):
        video = Path(source).stem
        if video in videos:
            raise InputError(
                f"{path}: {videos[video]} and {source} have the same name, and thus the same truth; rename one of them"
            )
        videos[video] = source
    if not videos:
        raise InputError(f"{path}: contains no frame; expected videos processed by 'uncover detect'")
    return dict(sorted(videos.items()))


def read_outcomes(mode: str, folder: Path, truths: Mapping[str, pd.DataFrame], true_iou: float) -> pd.DataFrame:
    """Compare the boxes of one way to detect with the ground truth.

    The most confident box that overlaps the face of a frame enough is correct; all others are false positives.

    Args:
        mode: Name of the way.
        folder: Output folder of `uncover detect`, with boxes.parquet and frames.parquet.
        truths: Ground truth as returned by `read_video_truth`, by video (file name without suffix).
        true_iou: Smallest IoU of a correct box.

    Returns:
        One row per frame, videos as in `truths`: mode, video, frame (int64), second (float64, from the first frame),
        seconds (float64, until the next frame), event, grade, face (bool: has a face), found_by (one of `STEPS`, or
        `NOT_FOUND`), false_boxes (int64).

    Raises:
        InputError: A file is invalid, or has other videos or frames than the ground truth.
    """
    sources = videos_of(folder)
    where = folder / "frames.parquet"
    if other := sorted(sources.keys() ^ truths.keys()):
        what = "has no ground truth" if other[0] in sources else "was not processed"
        raise InputError(f"{where}: the video {other[0]} {what}; expected the same videos for all ways to detect")
    frames = read_table(where, FRAME_COLUMNS, "detect")
    boxes = read_table(folder / "boxes.parquet", BOX_COLUMNS, "detect")
    if strange := sorted(set(boxes["found_by"].map(str)) - set(STEPS)):
        raise InputError(f"{folder / 'boxes.parquet'}: found_by {strange[0]!r}; expected one of {', '.join(STEPS)}")
    tables = []
    for video, truth in truths.items():
        _check_frames(where, sources[video], frames[frames["source"] == sources[video]], truth)
        own = boxes[boxes["source"] == sources[video]]
        if not own["frame"].isin(truth["frame"]).all():
            raise InputError(f"{folder / 'boxes.parquet'}: {sources[video]} has boxes in frames missing from {where}")
        tables.append(_of_video(own, truth, true_iou).assign(mode=mode, video=video))
    return pd.concat(tables, ignore_index=True)[list(OUTCOME_COLUMNS)]


def _check_frames(where: Path, source: str, frames: pd.DataFrame, truth: pd.DataFrame) -> None:
    """Check that detection and ground truth have the same frames."""
    if len(again := frames.loc[frames["frame"].duplicated(), "frame"]):
        raise InputError(f"{where}: {source}: frame {again.iloc[0]} occurs twice; expected each once")
    beyond = frames.loc[~frames["frame"].isin(truth["frame"]), "frame"]
    if len(beyond):
        raise InputError(
            f"{where}: {source}: frame {beyond.min()} is not in its truth, which has {len(truth)} frames, from"
            f" {truth['frame'].min()} to {truth['frame'].max()}; expected the truth of this video"
        )
    missing = truth.loc[~truth["frame"].isin(frames["frame"]), "frame"]
    if len(missing):
        raise InputError(
            f"{where}: {source}: {len(missing)} of the {len(truth)} frames of its truth were not processed, the first"
            f" is {missing.min()}; run 'uncover detect' on every frame, or give the truth of this video"
        )
    detected = frames.set_index("frame").loc[truth["frame"], "second"].to_numpy(np.float64)
    apart = np.abs(detected - detected[:1] - truth["second"].to_numpy(np.float64) + truth["second"].iloc[0])
    # Rounded times are accepted; times of another frame rate drift apart.
    wrong = np.flatnonzero(~(apart <= np.median(until_next(truth["second"])) / 2))
    if len(wrong):
        row = wrong[0]
        raise InputError(
            f"{where}: {source}: frame {truth['frame'].iloc[row]} is at second {detected[row]:.3f}, in its truth at"
            f" {truth['second'].iloc[row]:.3f}; expected the truth of this video"
        )


def until_next(second: pd.Series) -> NDArray[np.float64]:
    """Duration of each frame in seconds; that of the last is the most frequent one, that of a single frame is 0."""
    gaps = np.diff(second.to_numpy(np.float64))
    return np.append(gaps, np.median(gaps) if len(gaps) else 0.0)


def _of_video(boxes: pd.DataFrame, truth: pd.DataFrame, true_iou: float) -> pd.DataFrame:
    # One face, hence one class; `found_by` holds the row of the box.
    frames = truth["frame"].tolist()
    own = boxes[[*CORNERS, "confidence"]].assign(image=boxes["frame"], found_by=np.arange(len(boxes)))
    faces = truth[truth["x1"].notna()]
    predicted = Detections.from_pandas(own, frames).sorted()
    true = Detections.from_pandas(faces[list(CORNERS)].assign(image=faces["frame"]), frames)
    found = LabelledSet(len(truth), predicted, true)
    matched = match_set(found, [true_iou])
    correct, of_frame = matched.correct[:, 0], matched.predicted_image
    found_by = np.full(len(truth), NOT_FOUND, object)
    found_by[of_frame[correct]] = boxes["found_by"].to_numpy(object)[predicted.found_by][correct]
    return truth[["frame", "second", "event", "grade"]].assign(
        seconds=until_next(truth["second"]),
        face=truth["x1"].notna().to_numpy(),
        found_by=found_by,
        false_boxes=np.bincount(of_frame[~correct], minlength=len(truth)),
    )


@dataclass(frozen=True)
class Resampling:
    """Settings of the bootstrap intervals.

    Attributes:
        block: Duration of a block, in seconds.
        resamples: Number of resamples.
        seed: Seed of the draws.
    """

    block: float = 1.0
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class _Video:
    """Arrays of one video: V frames, M ways to detect, P parts.

    Attributes:
        name: Name of the video.
        block: int64 (V,), number of each frame's block, from 0.
        seconds: float64 (V,), until the next frame.
        face: bool (V,).
        members: bool (P, V), frames of each part.
        found_by: object (M, V).
        false: int64 (M, V).
    """

    name: str
    block: NDArray[np.int64]
    seconds: Floats
    face: NDArray[np.bool_]
    members: NDArray[np.bool_]
    found_by: NDArray[np.object_]
    false: NDArray[np.int64]

    def by_block(self, values: NDArray[Any]) -> Floats:
        """Sums over the frames of each block, float64 (blocks,)."""
        return np.bincount(self.block, values, int(self.block.max()) + 1).astype(np.float64)


@dataclass(frozen=True)
class _Sums:
    """Sums over frames, for the original frames (first) and for R resamples of their blocks.

    Attributes:
        faces: float64 (1 + R, P).
        seconds: float64 (1 + R, P).
        found: float64 (1 + R, M, P).
        false: float64 (1 + R, M, P).
        blocks: int64 (P,), number of blocks with frames of the part.
        face_blocks: int64 (P,), number of blocks with a face in such a frame.
        varied: Whether some video has several blocks, so that resamples differ.
    """

    faces: Floats
    seconds: Floats
    found: Floats
    false: Floats
    blocks: NDArray[np.int64]
    face_blocks: NDArray[np.int64]
    varied: bool

    def interval(self, values: Floats, blocks: int) -> Rate:
        """Value of the original frames, with the interval of the resamples if there are enough blocks."""
        told = self.varied and blocks > 1
        return percentile_interval(float(values[0]), values[1:]) if told else Rate(float(values[0]))


def score_videos(outcomes: pd.DataFrame, resampling: Resampling) -> list[Row]:
    """Compute counts and rates.

    Args:
        outcomes: Tables of `read_outcomes`, concatenated over the ways to detect, all on the same frames.
        resampling: Settings of the intervals.

    Returns:
        Rows with `COLUMNS`, by way, video (all videos together first) and part: all frames, then those of each event,
        then those with a face of each grade of occlusion. None if undefined.

    Raises:
        InputError: A video is called "all".
    """
    modes = list(outcomes["mode"].unique())
    if ALL in set(outcomes["video"]):
        raise InputError(f"video {ALL}: this name is reserved for all videos; rename the video and its truth")
    parts = _parts(outcomes)
    videos = [
        _video(str(name), own, modes, parts, resampling.block) for name, own in outcomes.groupby("video", sort=True)
    ]
    sums = [_sums(video, number, resampling) for number, video in enumerate(videos)]
    scopes = [(ALL, videos, _added(sums))] + [
        (video.name, [video], own) for video, own in zip(videos, sums, strict=True)
    ]
    return [
        {"mode": name, "video": scope, "by": by, "part": part, **_scores(of_videos, own, mode, place)}
        for mode, name in enumerate(modes)
        for scope, of_videos, own in scopes
        for place, (by, part) in enumerate(parts)
        if any(video.members[place].any() for video in of_videos)
    ]


def longest_gap(missed: NDArray[np.bool_], seconds: Floats) -> float:
    """Duration in seconds of the longest run of frames with a missed face.

    Args:
        missed: bool (V,), frames of one video with a missed face; any other frame ends a run.
        seconds: float64 (V,), until the next frame.
    """
    runs = np.bincount(np.cumsum(~missed)[missed], seconds[missed])
    return float(runs.max()) if len(runs) else 0.0


def _parts(outcomes: pd.DataFrame) -> list[Part]:
    """All frames, events and grades, if there are any."""
    parts = [(ALL, ALL)]
    for by, known in (("event", EVENTS), ("grade", GRADES)):
        parts += [(by, name) for name in known if _members(outcomes, by, name).any()]
    return parts


def _members(frames: pd.DataFrame, by: str, part: str) -> NDArray[np.bool_]:
    """Which frames belong to a part, bool; frames without a face have no grade."""
    if by == ALL:
        return np.full(len(frames), True)
    own = (frames[by] == part).to_numpy(np.bool_)
    return own & frames["face"].to_numpy(np.bool_) if by == "grade" else own


def _video(name: str, outcomes: pd.DataFrame, modes: Sequence[str], parts: Sequence[Part], block: float) -> _Video:
    by_mode: Mapping[str, pd.DataFrame] = {mode: outcomes[outcomes["mode"] == mode] for mode in modes}
    frames = by_mode[modes[0]]
    second = frames["second"].to_numpy(np.float64)
    # Intervals without a frame are not blocks.
    number = np.unique(np.floor((second - second[0]) / block), return_inverse=True)[1]
    members = [_members(frames, by, part) for by, part in parts]
    return _Video(
        name,
        number.astype(np.int64),
        frames["seconds"].to_numpy(np.float64),
        frames["face"].to_numpy(np.bool_),
        np.stack(members),
        np.stack([own["found_by"].to_numpy(object) for own in by_mode.values()]),
        np.stack([own["false_boxes"].to_numpy(np.int64) for own in by_mode.values()]),
    )


def _sums(video: _Video, number: int, resampling: Resampling) -> _Sums:
    modes, parts = len(video.found_by), len(video.members)
    found = video.found_by != NOT_FOUND
    counts = [video.face, video.seconds, *found, *video.false]
    table = np.stack([video.by_block(count * part) for count in counts for part in video.members], axis=1)
    # Each video has its own draws; the resamples of all videos together combine them.
    seed = int(np.random.SeedSequence((resampling.seed, number)).generate_state(1)[0])
    draws = [table.sum(axis=0, keepdims=True)]
    if len(table) > 1:
        draws += [drawn @ table for drawn in resample_images(len(table), resampling.resamples, seed)]
    else:
        draws += [np.repeat(table, resampling.resamples, axis=0)]
    faces, seconds, *others = np.concatenate(draws).reshape(-1, len(counts), parts).swapaxes(0, 1)
    blocks, face_blocks = (
        np.array([np.count_nonzero(video.by_block(part & shown)) for part in video.members])
        for shown in (np.True_, video.face)
    )
    right, false = np.stack(others[:modes], axis=1), np.stack(others[modes:], axis=1)
    return _Sums(faces, seconds, right, false, blocks, face_blocks, len(table) > 1)


def _added(sums: Sequence[_Sums]) -> _Sums:
    names = ("faces", "seconds", "found", "false", "blocks", "face_blocks")
    values = {name: np.sum([getattr(each, name) for each in sums], axis=0) for name in names}
    return _Sums(**values, varied=any(each.varied for each in sums))


def _scores(videos: Sequence[_Video], sums: _Sums, mode: int, part: int) -> Row:
    recall = ratio(sums.found[:, :, part], np.repeat(sums.faces[:, part, None], sums.found.shape[1], axis=1))
    minutes = sums.seconds[:, part, None] / SECONDS_OF_MINUTE
    false = ratio(sums.false[:, :, part], np.repeat(minutes, sums.false.shape[1], axis=1))
    faces = int(sums.faces[0, part])
    found_by = np.concatenate([video.found_by[mode][video.members[part]] for video in videos])
    gaps = (
        longest_gap(video.members[part] & video.face & (video.found_by[mode] == NOT_FOUND), video.seconds)
        for video in videos
    )
    row: Row = dict.fromkeys(COLUMNS[4:])
    row |= {
        "frames": len(found_by),
        "faces": faces,
        "found": int(sums.found[0, mode, part]),
        "false_boxes": int(sums.false[0, mode, part]),
        "minutes": float(minutes[0, 0]),
        "longest_gap": max(gaps) if faces else None,
        "blocks": int(sums.blocks[part]),
    }
    row |= {f"found_by_{step}": int((found_by == step).sum()) for step in STEPS}
    rates = (
        ("recall", "recall_gain", recall, sums.face_blocks),
        ("false_per_minute", "false_gain", false, sums.blocks),
    )
    for name, gain, values, blocks in rates:
        row |= sums.interval(values[:, mode], blocks[part]).as_columns(name)
        if mode:
            row |= sums.interval(values[:, mode] - values[:, 0], blocks[part]).as_columns(gain)
    return row
