"""How well ways to detect do on videos: recall, false boxes per minute, and the longest time without a find.

Frames of one second are nearly the same picture, so they are no independent trials: intervals come from blocks of
consecutive seconds, drawn with replacement within each video, and the same for all ways, which pairs them. They say
what other seconds of these videos would give; other infants may differ by more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.config.catalogue import GRADES
from uncover.errors import InputError
from uncover.footage.truth import EVENTS
from uncover.metrics.intervals import Rate, percentile_interval, ratio, resample_images
from uncover.metrics.video_outcomes import NOT_FOUND, STEPS

ALL = "all"
"""Stands for all videos, and for all frames of one."""

SECONDS_OF_MINUTE = 60
SHORTEST_BLOCK = 0.001
"""Seconds that may be drawn together, at least."""


COLUMNS = (
    *("mode", "video", "by", "part", "frames", "faces", "found", *(f"found_by_{step}" for step in STEPS)),
    *("recall", "recall_low", "recall_high", "recall_gain", "recall_gain_low", "recall_gain_high"),
    *("false_boxes", "minutes", "false_per_minute", "false_per_minute_low", "false_per_minute_high"),
    *("false_gain", "false_gain_low", "false_gain_high", "longest_gap", "blocks"),
)
"""Of the record; gains are differences to the first way, longest_gap is in seconds."""

Floats = NDArray[np.float64]
Row = dict[str, Any]
Part = tuple[str, str]


@dataclass(frozen=True)
class Resampling:
    """How intervals come about.

    Attributes:
        block: Seconds that are drawn together.
        resamples: How many.
        seed: Of the draws.
    """

    block: float = 1.0
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class _Video:
    """A video in numbers: V frames, M ways to detect, P parts.

    Attributes:
        name: Of the video.
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
    """Sums over some frames, and over R resamples of their blocks: the frames themselves come first.

    Attributes:
        faces: float64 (1 + R, P).
        seconds: float64 (1 + R, P).
        found: float64 (1 + R, M, P).
        false: float64 (1 + R, M, P).
        blocks: int64 (P,), blocks with frames of the part.
        face_blocks: int64 (P,), those with a face in one of these.
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
        """Of the frames themselves, and what resamples span, where these differ in so many blocks."""
        told = self.varied and blocks > 1
        return percentile_interval(float(values[0]), values[1:]) if told else Rate(float(values[0]))


def score_videos(outcomes: pd.DataFrame, resampling: Resampling) -> list[Row]:
    """Count and rate.

    Args:
        outcomes: As `read_outcomes` returns it, of one way to detect after the other, all on the same frames.
        resampling: Behind the intervals.

    Returns:
        Rows with `COLUMNS`, by way, video (all of them together first) and part: all frames, then those of each event,
        then those with a face of each grade of occlusion. None stands for what has no value.

    Raises:
        InputError: A video is called "all".
    """
    modes = list(outcomes["mode"].unique())
    if ALL in set(outcomes["video"]):
        raise InputError(f"video {ALL}: that name stands for all videos together; rename the video and its truth")
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
    """Seconds of the longest run of frames in which a face was not found.

    Args:
        missed: bool (V,), frames of one video with a face that was not found; any other frame ends a run.
        seconds: float64 (V,), until the next frame.
    """
    runs = np.bincount(np.cumsum(~missed)[missed], seconds[missed])
    return float(runs.max()) if len(runs) else 0.0


def _parts(outcomes: pd.DataFrame) -> list[Part]:
    """All frames, events and grades, as far as there are any."""
    parts = [(ALL, ALL)]
    for by, known in (("event", EVENTS), ("grade", GRADES)):
        parts += [(by, name) for name in known if _members(outcomes, by, name).any()]
    return parts


def _members(frames: pd.DataFrame, by: str, part: str) -> NDArray[np.bool_]:
    """Which frames belong to a part, bool; without a face there is nothing that could be covered."""
    if by == ALL:
        return np.full(len(frames), True)
    own = (frames[by] == part).to_numpy(np.bool_)
    return own & frames["face"].to_numpy(np.bool_) if by == "grade" else own


def _video(name: str, outcomes: pd.DataFrame, modes: Sequence[str], parts: Sequence[Part], block: float) -> _Video:
    by_mode: Mapping[str, pd.DataFrame] = {mode: outcomes[outcomes["mode"] == mode] for mode in modes}
    frames = by_mode[modes[0]]
    second = frames["second"].to_numpy(np.float64)
    # Time that no frame shows is no block.
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
    # Each video has draws of its own: those of all videos together are then draws within each.
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
