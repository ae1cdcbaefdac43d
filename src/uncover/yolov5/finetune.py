"""Fine-tuning on frames: where to start, with which settings, on which frames; and points of a learning curve.

A point of a learning curve is a detector fine-tuned on some frames and scored on the infant that was left out.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from uncover import weights as ready_made
from uncover.atomic import new_file
from uncover.config.detectors import MAP_INPUTS, OCCLUSION, UPSTREAM, Detector, Hyperparameters
from uncover.config.finetune import Finetune, TunedDetector
from uncover.config.values import check_section, merged, read_pairs
from uncover.data.data_yaml import find_data_yaml, is_face
from uncover.data.folds import Fold, leave_one_out, leave_out, nested_subsets
from uncover.data.frame_sets import make_frame_set
from uncover.data.frames import find_grades
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.errors import InputError
from uncover.images.grouped import GroupedImages, read_grouped_images
from uncover.images.labelled import LabelledImages, read_labelled_images
from uncover.images.reading import channels_of_file
from uncover.metrics.counts import FaceScores, score_faces
from uncover.metrics.truth import TRUTH_COLUMNS
from uncover.yolov5.distributed import ProcessGroup
from uncover.yolov5.inference import predict
from uncover.yolov5.job import Job, find_inside, read_job
from uncover.yolov5.results import check_finished
from uncover.yolov5.train import train
from uncover.yolov5.validate import true_boxes
from uncover.yolov5.weights import Header, load_weights, read_any_weights, save_weights

logger = logging.getLogger(__name__)

WEIGHTS = "weights.pt"
DEFAULT_MODEL = "rgb1"
VALIDATING_SHARE = 0.2
"""Of the frames, about which one infant is to validate where nobody names it."""
RECORD = "left_out.json"
AS_WHOLE_FACE = {"class_names": (CLASS_NAMES[WHOLE_FACE],), "class_ids": (WHOLE_FACE,)}
"""Of a header, the one class that frames have."""
LOWEST, NMS_IOU = 0.001, 0.6
"""Confidence from which boxes count for average precision, and IoU that NMS leaves, as in stored predictions."""


def find_start(given: Path) -> Path:
    """The weights file that somebody means.

    Args:
        given: A weights file, the folder of a training, or the folder of a run, of which it is the whole-face detector;
            or, where there is none of this name, ready-made weights.

    Raises:
        InputError: There is none.
    """
    for place in (given, given / WEIGHTS, given / "models" / DEFAULT_MODEL / WEIGHTS):
        if place.is_file():
            return place
    if str(given) in ready_made.names():
        return ready_made.find_weights(given)
    trained = sorted(path.parent.name for path in given.glob(f"models/*/{WEIGHTS}"))
    hint = f"; models that it has: {', '.join(trained)}, such as {given / 'models' / trained[0]}" if trained else ""
    raise InputError(
        f"{given}: no weights; expected a weights file, a folder with {WEIGHTS}, or a run such as results/demo with"
        f" models/{DEFAULT_MODEL}/{WEIGHTS} (or give models/{OCCLUSION} of it){hint}"
    )


def finetuning_settings(header: Header, changes: Mapping[str, Any], pairs: Sequence[str] = ()) -> Detector:
    """Settings of the start weights' own training, with what fine-tuning and then the user change.

    Args:
        header: Of the start weights.
        changes: Nested values, such as those of `Finetune.changes`.
        pairs: Settings of the user as `key=value`.

    Raises:
        InputError: A setting is unknown or does not fit.
    """
    whole_face = _knows_faces_alone(header)
    known = {
        "model": header.model,
        "image_size": header.image_size,
        "classes": "whole_face" if whole_face else "parts",
    }
    values = merged(merged(_own_settings(header) | known, changes), read_pairs(pairs))
    return check_section(Detector if header.model in UPSTREAM else TunedDetector, values, "--set")


def _knows_faces_alone(header: Header) -> bool:
    """Whether the one class of a network is a face, whatever it is called."""
    return len(header.class_names) == 1 and is_face(header.class_names[0])


def _own_settings(header: Header) -> dict[str, Any]:
    """What the weights say of their training, as far as this version knows it; imported weights say nothing."""
    own = header.training.get("settings")
    if not isinstance(own, Mapping):
        return {}
    kept = {name: value for name, value in own.items() if name in Detector.model_fields}
    gains = kept.get("hyperparameters")
    if isinstance(gains, Mapping):
        kept["hyperparameters"] = {key: each for key, each in gains.items() if key in Hyperparameters.model_fields}
    return kept


def read_start(start: Path) -> Header:
    """What start weights are; those that look at heatmaps cannot learn from frames alone.

    Raises:
        InputError: The file is no weights file, or of a detector of heatmaps.
    """
    header, _, _ = read_any_weights(start, tell=False)
    if header.input in MAP_INPUTS:
        raise InputError(f"{start}: looks at heatmaps (input: {header.input}); expected a detector of photos")
    return header


def is_picked(data: Path) -> bool:
    """Whether a folder holds frames as they were picked and graded, which are no YOLO data set yet."""
    grades = [data / grade for grade in find_grades(data)] if data.is_dir() else []
    return bool(grades) and not any(find_data_yaml(folder, above=False) for folder in (data, *grades))


def read_frames_to_learn(
    data: Path, header: Header | None, settings: Detector, chosen: Sequence[str] = ()
) -> GroupedImages:
    """Frames with their groups, with the classes that the network is to know.

    Args:
        data: Data set of frames.
        header: Of the start weights; None for a training that starts anew.
        settings: Of the training.
        chosen: Names of the classes that are to be learnt.

    Raises:
        InputError: Ten-part weights meet frames of which nobody labelled the parts, or the data set is unusable.
    """
    whole_face = (CLASS_NAMES[WHOLE_FACE],)
    classes = whole_face if settings.classes == "whole_face" else None
    channels = channels_of_file(header.channels, header.input) if header else 3
    frames = read_grouped_images(data, classes, channels, chosen)
    found = {int(number) for labels in frames.labelled.labels for number in labels[:, 0]}
    if classes is None and {frames.labelled.class_names[number] for number in found} == set(whole_face):
        raise InputError(
            f"{data}: has boxes of whole faces only, from which a detector of {len(frames.labelled.class_names)} parts"
            f" would learn that there are no others; start from a whole-face detector such as models/{DEFAULT_MODEL},"
            " or give --set classes=whole_face, which learns a new head"
        )
    return frames


def choose_fold(frames: GroupedImages, name: str | None) -> Fold:
    """Which group validates: the one that somebody names, else the one that is nearest to a fifth of all frames.

    Raises:
        InputError: There are too few groups, or none of this name, or a side has no face.
    """
    if name is not None:
        fold = leave_out(frames.groups, frames.group_named(name))
    else:
        folds = leave_one_out(frames.groups)
        target = VALIDATING_SHARE * len(frames.groups)
        usable = [each for each in folds if _has_faces(frames, each)] or folds
        fold = min(usable, key=lambda each: abs(len(each.held_out) - target))
    for side, names in (("to train on", fold.training), (f"of {fold.left_out}", fold.held_out)):
        if not frames.with_face(names):
            raise InputError(
                f"{frames.labelled.folder}: none of the {len(names)} frames {side} has a face; leave another infant out"
                " with --leave-out, or label more frames"
            )
    logger.info(
        f"validating on {fold.left_out} ({len(fold.held_out)} frames, {frames.with_face(fold.held_out)} with a face),"
        f" training on {len(fold.training)} frames of {', '.join(_groups_of(frames, fold.training))}"
        + ("" if name else "; choose another with --leave-out")
    )
    return fold


def finetuning_job(
    frames: GroupedImages,
    training: Sequence[str],
    validation: Sequence[str],
    settings: Detector,
    start: Path | None,
    header: Header | None,
) -> Job:
    """The training on some frames.

    Args:
        frames: All frames.
        training: Names of those to train on.
        validation: Names of those to validate on.
        settings: Of the training.
        start: Weights to start from.
        header: What they are.
    """
    own = (frames.take(training), frames.take(validation), settings, start)
    return Job(*own) if header is None else Job(*own, header.channels, header.padding, input=header.input)


def read_frames_job(
    data: Path,
    val: Path | None,
    made: Path,
    start: Path | None,
    pairs: Sequence[str],
    left_out: str | None,
    fine_tuning: bool,
    processes: ProcessGroup,
    chosen: Sequence[str] = (),
) -> Job:
    """Read a training on frames, of which one infant validates unless sets are given.

    Args:
        data: Frames as they were picked, a data set, or a folder with the sets `train` and `val`.
        val: Data set to validate on.
        made: Where to make the data set of picked frames.
        start: Weights to start from.
        pairs: Settings as `key=value`.
        left_out: Group that validates.
        fine_tuning: Take settings and classes from the start weights, and fine-tuning's recipe.
        processes: The processes that train together, of which one makes the data set.
        chosen: Names of the classes to learn; for a detector of whole faces, of those that are faces.

    Raises:
        InputError: Weights, frames or settings are unusable, or options contradict each other.
    """
    header = None if start is None else read_start(start)
    if header is not None and fine_tuning:
        settings = finetuning_settings(header, Finetune().changes(), pairs)
    else:
        settings = check_section(Detector, read_pairs(pairs), "--set")
    if settings.freeze and start is None:
        raise InputError(f"freeze={settings.freeze}: keeps start weights as they are; give them with --from RUN")
    if val is not None or (left_out is None and find_inside(data) is not None):
        channels = header.channels if header else None
        job = read_job(data, val, (), start, channels=channels, chosen=chosen, settings=settings)
        return replace(job, padding=header.padding, input=header.input) if header else job
    if is_picked(data) or (data.is_dir() and find_data_yaml(data) is None):
        if processes.is_main and (made.parent / WEIGHTS).exists():
            _check_same_frames(data, made, chosen)
        elif processes.is_main:
            counts = make_frame_set(data, made, data.resolve().name, classes=chosen, maker="train")
            logger.info(f"{made}: {counts.kept} of {counts.read} frames of {data}")
        processes.broadcast("the data set is made")
        data, chosen = made, ()
    frames = read_frames_to_learn(data if data.is_dir() else data.parent, header, settings, chosen)
    fold = choose_fold(frames, left_out)
    job = finetuning_job(frames, fold.training, fold.held_out, settings, start, header)
    return replace(job, frames=_reviewed_of(data))


def _check_same_frames(data: Path, made: Path, chosen: Sequence[str]) -> None:
    """Make sure that the data set of a trained model is that of the frames: it is not replaced before the model is.

    Raises:
        InputError: The model learnt from other frames, or from other labels of them.
    """
    if made.is_dir():
        with TemporaryDirectory(dir=made.parent, prefix=".data.") as place:
            now = Path(place, "data")
            make_frame_set(data, now, data.resolve().name, classes=chosen, maker="train")
            if read_labelled_images(now).digest() == read_labelled_images(made).digest():
                return
    raise InputError(f"{made.parent}: holds a trained model of other data; give another name, or remove it first")


def _reviewed_of(data: Path) -> dict[str, int] | None:
    """How many of the picked frames that a data set was made of were reviewed; None where it does not say."""
    path = data / "summary.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found.get("frames") if isinstance(found, dict) else None


def _has_faces(frames: GroupedImages, fold: Fold) -> bool:
    return frames.with_face(fold.held_out) > 0 and frames.with_face(fold.training) > 0


def _groups_of(frames: GroupedImages, names: Iterable[str]) -> list[str]:
    return sorted({frames.groups[name] for name in names})


@dataclass(frozen=True)
class CurvePoint:
    """A point of a learning curve: what to learn from, and what to be scored on.

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
    data: Path, start: Path, count: int, left_out: Sequence[str], changes: Mapping[str, object], pairs: Sequence[str]
) -> CurvePoint:
    """Read frames and draw those to learn from.

    Args:
        data: Data set of frames.
        start: Weights to start from.
        count: Frames to learn from, of all groups but one; fewer where there are fewer.
        left_out: Name of that group, or of one of its videos; or of several groups.
        changes: What fine-tuning changes in the settings of the start weights' own training; its seed also draws the
            frames.
        pairs: Settings of the user, as `key=value`.

    Raises:
        InputError: Weights, frames or settings are unusable, or the frames drawn show no face.
    """
    header = read_start(start)
    settings = finetuning_settings(header, changes, pairs).model_copy(update={"keep": "last", "patience": 0})
    knows_faces = CLASS_NAMES[WHOLE_FACE] in header.class_names or _knows_faces_alone(header)
    if not knows_faces and not (count and settings.classes == "whole_face"):
        known = f"{len(header.class_names)} classes, such as {', '.join(header.class_names[:3])}"
        raise InputError(
            f"{start}: does not know the whole face; it knows {known}; --set classes=whole_face learns a new head, from"
            " one frame on"
        )
    frames = read_frames_to_learn(data, header, settings)
    fold = leave_out(frames.groups, *map(frames.group_named, left_out))
    names = nested_subsets(fold.training, frames.groups, [count], settings.seed)[count]
    if len(names) < count:
        logger.info(
            f"note: {len(names)} frames are there without {fold.left_out}, {count} were asked for: learning from these"
        )
    if names and not frames.with_face(names):
        raise InputError(f"{data}: none of the {len(names)} frames drawn has a face; take another seed, or more frames")
    return CurvePoint(frames, fold, names, count, start, settings)


def run_point(
    point: CurvePoint,
    out: Path,
    processes: ProcessGroup,
    confidence: float,
    identity: Mapping[str, object],
    true_iou: float = 0.5,
) -> FaceScores:
    """Fine-tune, score, write `weights.pt` and last `left_out.json`.

    Args:
        point: What to learn from.
        out: Folder to write to; a training that was stopped goes on there.
        processes: The one process that trains.
        confidence: From which a box counts as a face.
        identity: Whatever else changes the result.
        true_iou: IoU with a true face from which a box finds it.

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
        if _knows_faces_alone(header):
            # Under the name and number that frames have.
            header = header.model_copy(update=AS_WHOLE_FACE)
        save_weights(weights, state, header)
    scores = score_left_out(point, weights, processes, confidence, true_iou)
    record = {
        "count": point.count,
        "group": point.fold.left_out,
        "group_kind": point.frames.kind_of(point.frames.groups[point.fold.held_out[0]]),
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


def score_left_out(
    point: CurvePoint, weights: Path, processes: ProcessGroup, confidence: float, true_iou: float
) -> FaceScores:
    """Score weights on the frames of the group that was left out."""
    network, header = load_weights(weights)
    held, names = point.frames.take(point.fold.held_out), list(point.fold.held_out)
    network = network.to(processes.device)
    (found,) = predict(network, header, names, held.paths, held.sizes, LOWEST, [NMS_IOU], processes.device)
    return score_faces(found, _truth(held, names), confidence, true_iou)


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
