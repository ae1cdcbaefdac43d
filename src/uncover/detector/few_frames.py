"""One point of a learning curve: fine-tune on some frames, score on the infant that was left out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from uncover.atomic import new_file
from uncover.config.detectors import Detector
from uncover.console import say
from uncover.datasets.folds import Fold, leave_out, nested_subsets
from uncover.detector.distributed import ProcessGroup
from uncover.detector.finetune import WEIGHTS, finetuning_job, finetuning_settings, read_frames_to_learn, read_start
from uncover.detector.opening import read_any_weights
from uncover.detector.predict import predict
from uncover.detector.train import train
from uncover.detector.training_state import check_finished
from uncover.detector.validate import true_boxes
from uncover.detector.weights import load_weights, save_weights
from uncover.errors import InputError
from uncover.images.grouped import GroupedImages
from uncover.images.labelled import LabelledImages
from uncover.metrics.face_scores import FaceScores, score_faces
from uncover.metrics.truth import TRUTH_COLUMNS
from uncover.parts.classes import CLASS_NAMES, WHOLE_FACE

RECORD = "left_out.json"
LOWEST, NMS_IOU = 0.001, 0.6
"""Confidence from which boxes count for average precision, and IoU that NMS leaves, as in stored predictions."""


@dataclass(frozen=True)
class Point:
    """What to learn from, and what to be scored on.

    Attributes:
        frames: All frames.
        fold: Which group is left out.
        names: Frames to learn from, none for the start weights as they are.
        count: As many as were asked for.
        start: Weights to start from.
        settings: Of the training, which keeps the weights of its last epoch: whatever chose an epoch would need frames
            of its own.
    """

    frames: GroupedImages
    fold: Fold
    names: tuple[str, ...]
    count: int
    start: Path
    settings: Detector


def read_point(
    data: Path, start: Path, count: int, left_out: str, changes: Mapping[str, object], pairs: Sequence[str]
) -> Point:
    """Read frames and draw those to learn from.

    Args:
        data: Data set of frames.
        start: Weights to start from.
        count: Frames to learn from, of all groups but one; fewer where there are fewer.
        left_out: Name of that group, or of one of its videos.
        changes: What fine-tuning changes in the settings of the start weights' own training; its seed also draws the
            frames.
        pairs: Settings of the user, as `key=value`.

    Raises:
        InputError: Weights, frames or settings are unusable, or the frames drawn show no face.
    """
    header = read_start(start)
    if CLASS_NAMES[WHOLE_FACE] not in header.class_names:
        raise InputError(f"{start}: does not know the whole face; it knows {', '.join(header.class_names)}")
    settings = finetuning_settings(header, changes, pairs).model_copy(update={"keep": "last", "patience": 0})
    frames = read_frames_to_learn(data, header, settings)
    fold = leave_out(frames.groups, frames.group_named(left_out))
    names = nested_subsets(fold.training, frames.groups, [count], settings.seed)[count]
    if len(names) < count:
        say(f"note: {len(names)} frames are there without {fold.left_out}, {count} were asked for: learning from these")
    if names and not frames.with_face(names):
        raise InputError(f"{data}: none of the {len(names)} frames drawn has a face; take another seed, or more frames")
    return Point(frames, fold, names, count, start, settings)


def run_point(
    point: Point, out: Path, processes: ProcessGroup, confidence: float, identity: Mapping[str, object]
) -> FaceScores:
    """Fine-tune, score, write `weights.pt` and last `left_out.json`.

    Args:
        point: What to learn from.
        out: Folder to write to; a training that was stopped goes on there.
        processes: The one process that trains.
        confidence: From which a box counts as a face.
        identity: Whatever else changes the result.

    Raises:
        InputError: An image is unusable.
        Diverged: The loss is no longer a number.
    """
    weights = out / WEIGHTS
    if point.names:
        # It is told of the frames that it trains on, and of no other: nothing of the infant left out can reach it.
        job = finetuning_job(
            point.frames, point.names, point.names, point.settings, point.start, read_start(point.start)
        )
        train(job, out, processes, identity=identity, replace=False)
    else:
        check_finished(out, {"epochs_run": 0}, out / RECORD)
        header, state, _ = read_any_weights(point.start)
        save_weights(weights, state, header)
    scores = score_left_out(point, weights, processes, confidence)
    record = {
        "count": point.count,
        "group": point.fold.left_out,
        "group_kind": point.frames.kind_of(point.fold.left_out),
        "freeze": point.settings.freeze,
        "seed": point.settings.seed,
        "trained_on": len(point.names),
        "trained_with_face": point.frames.with_face(point.names),
        "start": hashlib.sha256(point.start.read_bytes()).hexdigest(),
        **scores.as_json(),
        "names": sorted(point.names),
    }
    with new_file(out / RECORD) as path:
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return scores


def score_left_out(point: Point, weights: Path, processes: ProcessGroup, confidence: float) -> FaceScores:
    """Score weights on the frames of the group that was left out."""
    network, header = load_weights(weights)
    held, names = point.frames.take(point.fold.held_out), list(point.fold.held_out)
    network = network.to(processes.device)
    (found,) = predict(network, header, names, held.paths, held.sizes, LOWEST, [NMS_IOU], processes.device)
    return score_faces(found, _truth(held, names), confidence)


def _truth(held: LabelledImages, names: Sequence[str]) -> pd.DataFrame:
    """True boxes of frames, by class id of the label files."""
    boxes = [
        true_boxes(labels, int(width), int(height))
        for labels, (width, height) in zip(held.labels, held.sizes, strict=True)
    ]
    numbers, corners = np.split(np.concatenate(boxes), [1], axis=1)
    ids = np.asarray(held.class_ids, np.int64)[numbers[:, 0].astype(np.int64)]
    images = np.repeat(np.asarray(names, object), [len(own) for own in boxes])
    return pd.DataFrame(dict(zip(TRUTH_COLUMNS, (images, ids, *corners.T), strict=True)))
