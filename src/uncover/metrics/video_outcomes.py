"""What became of the face in every frame of a video with true boxes: found, and by which step, or not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.metrics.detections import Detections
from uncover.metrics.matching import LabelledSet, match_set
from uncover.metrics.predictions import CORNERS
from uncover.tables import read_table

STEPS = ("rgb", "heatmap", "rescue", "temporal")
"""What a box can come from, in the order in which the steps are taken."""

NOT_FOUND = "none"
"""Stands where no step found the face of a frame, and where there is no face."""

OUTCOME_COLUMNS = (
    *("mode", "video", "frame", "second", "seconds", "event", "grade", "face", "found_by", "false_boxes"),
)
BOX_COLUMNS = ("source", "frame", *CORNERS, "confidence", "found_by")
FRAME_COLUMNS = ("source", "frame", "second")


def videos_of(folder: Path) -> dict[str, str]:
    """Videos that `uncover detect` looked at.

    Args:
        folder: That it wrote.

    Returns:
        File names of the videos by the same name without its ending, in alphabetical order.

    Raises:
        InputError: There is no list of frames, it is empty, or two videos share a name.
    """
    path = folder / "frames.parquet"
    videos: dict[str, str] = {}
    for source in sorted(map(str, read_table(path, FRAME_COLUMNS, "detect")["source"].unique())):
        video = Path(source).stem
        if video in videos:
            raise InputError(
                f"{path}: {videos[video]} and {source} share a name, and so a truth; rename one of the two"
            )
        videos[video] = source
    if not videos:
        raise InputError(f"{path}: tells of no frame; expected videos that 'uncover detect' looked at")
    return dict(sorted(videos.items()))


def read_outcomes(mode: str, folder: Path, truths: Mapping[str, pd.DataFrame], true_iou: float) -> pd.DataFrame:
    """Hold the boxes of one way to detect against the true ones.

    Of the boxes that overlap the face of a frame enough, the surest found it; all others of the frame are false.

    Args:
        mode: What the way is called.
        folder: Of `uncover detect`, with boxes.parquet and frames.parquet.
        truths: By video (its file's name without the ending), as `read_video_truth` returns it.
        true_iou: IoU from which a box is correct.

    Returns:
        One row per frame, videos as in `truths`: mode, video, frame (int64), second (float64, from the first frame on),
        seconds (float64, until the next frame), event, grade, face (bool: there is one), found_by (one of `STEPS`, or
        `NOT_FOUND`), false_boxes (int64).

    Raises:
        InputError: A file is not what it should be, or tells of other videos or frames than the truth.
    """
    sources = videos_of(folder)
    where = folder / "frames.parquet"
    if other := sorted(sources.keys() ^ truths.keys()):
        what = "has no truth" if other[0] in sources else "was not looked at"
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
            raise InputError(f"{folder / 'boxes.parquet'}: {sources[video]} has boxes in frames that {where} lacks")
        tables.append(_of_video(own, truth, true_iou).assign(mode=mode, video=video))
    return pd.concat(tables, ignore_index=True)[list(OUTCOME_COLUMNS)]


def _check_frames(where: Path, source: str, frames: pd.DataFrame, truth: pd.DataFrame) -> None:
    """Make sure that detection and truth speak of the same frames."""
    if len(again := frames.loc[frames["frame"].duplicated(), "frame"]):
        raise InputError(f"{where}: {source}: frame {again.iloc[0]} stands there twice; expected each once")
    beyond = frames.loc[~frames["frame"].isin(truth["frame"]), "frame"]
    if len(beyond):
        raise InputError(
            f"{where}: {source}: frame {beyond.min()} is not in its truth, which has {len(truth)} frames, from"
            f" {truth['frame'].min()} to {truth['frame'].max()}; expected the truth of this very video"
        )
    missing = truth.loc[~truth["frame"].isin(frames["frame"]), "frame"]
    if len(missing):
        raise InputError(
            f"{where}: {source}: {len(missing)} of the {len(truth)} frames of its truth were not looked at, from"
            f" {missing.min()} on; run 'uncover detect' on every frame, or give the truth of this very video"
        )
    looked = frames.set_index("frame").loc[truth["frame"], "second"].to_numpy(np.float64)
    apart = np.abs(looked - looked[:1] - truth["second"].to_numpy(np.float64) + truth["second"].iloc[0])
    # Rounded times are as good; those of another rate drift away.
    wrong = np.flatnonzero(~(apart <= np.median(until_next(truth["second"])) / 2))
    if len(wrong):
        row = wrong[0]
        raise InputError(
            f"{where}: {source}: frame {truth['frame'].iloc[row]} is at second {looked[row]:.3f}, in its truth at"
            f" {truth['second'].iloc[row]:.3f}; expected the truth of this very video"
        )


def until_next(second: pd.Series) -> NDArray[np.float64]:
    """Seconds that each frame is shown; the last as long as most, and a single one no time at all."""
    gaps = np.diff(second.to_numpy(np.float64))
    return np.append(gaps, np.median(gaps) if len(gaps) else 0.0)


def _of_video(boxes: pd.DataFrame, truth: pd.DataFrame, true_iou: float) -> pd.DataFrame:
    # One face, and so one class; the number of `found_by` is the row of the box.
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
