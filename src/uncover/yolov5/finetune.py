"""Fine-tuning on labelled frames: initial weights, settings and frames; and points of a learning curve.

A point of a learning curve is a detector fine-tuned on some frames and evaluated on the infant that was left out.
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
"""Target share of frames of the infant that validates, if none is named."""
RECORD = "left_out.json"
AS_WHOLE_FACE = {"class_names": (CLASS_NAMES[WHOLE_FACE],), "class_ids": (WHOLE_FACE,)}
"""Class name of frames in a header."""
LOWEST, NMS_IOU = 0.001, 0.6
"""Lowest confidence for average precision, and IoU of NMS, as for stored predictions."""


def find_start(given: Path) -> Path:
    """Find the weights file that a path refers to.

    Args:
        given: A weights file, the folder of a training, or the folder of a run (its whole-face detector); or the name
            of pretrained weights if there is no such path.

    Raises:
        InputError: There are no such weights.
    """
    for place in (given, given / WEIGHTS, given / "models" / DEFAULT_MODEL / WEIGHTS):
        if place.is_file():
            return place
    if str(given) in ready_made.names():
        return ready_made.find_weights(given)
    trained = sorted(path.parent.name for path in given.glob(f"models/*/{WEIGHTS}"))
    hint = f"; its models: {', '.join(trained)}, such as {given / 'models' / trained[0]}" if trained else ""
    raise InputError(
        f"{given}: no weights; expected a weights file, a folder with {WEIGHTS}, or a run such as results/demo with"
        f" models/{DEFAULT_MODEL}/{WEIGHTS} (or pass its models/{OCCLUSION}){hint}"
    )


def finetuning_settings(header: Header, changes: Mapping[str, Any], pairs: Sequence[str] = ()) -> Detector:
    """Settings of the initial weights' own training, changed by the fine-tuning recipe and by the user.

    Args:
        header: Header of the initial weights.
        changes: Nested values, such as those of `Finetune.changes`.
        pairs: Settings of the user as `key=value`.

    Raises:
        InputError: A setting is unknown or invalid.
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
    """Whether the only class of a network is a face, whatever its name."""
    return len(header.class_names) == 1 and is_face(header.class_names[0])


def _own_settings(header: Header) -> dict[str, Any]:
    """Training settings in the weights, as far as this version supports them; imported weights have none."""
    own = header.training.get("settings")
    if not isinstance(own, Mapping):
        return {}
    kept = {name: value for name, value in own.items() if name in Detector.model_fields}
    gains = kept.get("hyperparameters")
    if isinstance(gains, Mapping):
        kept["hyperparameters"] = {key: each for key, each in gains.items() if key in Hyperparameters.model_fields}
    return kept


def read_start(start: Path) -> Header:
    """Header of initial weights; weights for heatmaps cannot be fine-tuned on frames alone.

    Raises:
        InputError: The file is not a weights file, or is of a detector that runs on heatmaps.
    """
    header, _, _ = read_any_weights(start, tell=False)
    if header.input in MAP_INPUTS:
        raise InputError(f"{start}: is a detector for heatmaps (input: {header.input}); expected a detector for photos")
    return header


def is_picked(data: Path) -> bool:
    """Whether a folder has picked and graded frames, which are not yet a YOLO data set."""
    grades = [data / grade for grade in find_grades(data)] if data.is_dir() else []
    return bool(grades) and not any(find_data_yaml(folder, above=False) for folder in (data, *grades))


def read_frames_to_learn(
    data: Path, header: Header | None, settings: Detector, chosen: Sequence[str] = ()
) -> GroupedImages:
    """Frames with their groups, and the classes of the network.

    Args:
        data: Data set of frames.
        header: Header of the initial weights; None for a training from scratch.
        settings: Settings of the training.
        chosen: Names of the classes to train on.

    Raises:
        InputError: The weights have ten parts but the frames have no part labels, or the data set is unusable.
    """
    whole_face = (CLASS_NAMES[WHOLE_FACE],)
    classes = whole_face if settings.classes == "whole_face" else None
    channels = channels_of_file(header.channels, header.input) if header else 3
    frames = read_grouped_images(data, classes, channels, chosen)
    found = {int(number) for labels in frames.labelled.labels for number in labels[:, 0]}
    if classes is None and {frames.labelled.class_names[number] for number in found} == set(whole_face):
        raise InputError(
            f"{data}: has boxes of whole faces only, so a detector of {len(frames.labelled.class_names)} parts would"
            f" unlearn the other parts; start from a whole-face detector such as models/{DEFAULT_MODEL}, or pass --set"
            " classes=whole_face, which trains a new head"
        )
    return frames


def choose_fold(frames: GroupedImages, name: str | None) -> Fold:
    """The group that validates: the named one, otherwise the one closest to a fifth of all frames.

    Raises:
        InputError: There are too few groups, no group of this name, or a side has no face.
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
                f"{frames.labelled.folder}: none of the {len(names)} frames {side} has a face; leave out another infant"
                " with --leave-out, or label more frames"
            )
    logger.info(
        f"validating on {fold.left_out} ({len(fold.held_out)} frames, {frames.with_face(fold.held_out)} with a face),"
        f" training on {len(fold.training)} frames of {', '.join(_groups_of(frames, fold.training))}"
        + ("" if name else "; choose another one with --leave-out")
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
        training: Names of the training frames.
        validation: Names of the validation frames.
        settings: Settings of the training.
        start: Initial weights.
        header: Header of the initial weights.
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
    """Read a training on frames. One infant validates unless sets are given.

    Args:
        data: Picked frames, a data set, or a folder with the sets `train` and `val`.
        val: Data set to validate on.
        made: Folder for the data set made of picked frames.
        start: Initial weights.
        pairs: Settings as `key=value`.
        left_out: Group that validates.
        fine_tuning: Use the settings and classes of the initial weights, and the fine-tuning recipe.
        processes: The processes that train together; the main one makes the data set.
        chosen: Names of the classes to train on; for a whole-face detector, of those that are faces.

    Raises:
        InputError: Weights, frames or settings are unusable, or options contradict each other.
    """
    header = None if start is None else read_start(start)
    if header is not None and fine_tuning:
        settings = finetuning_settings(header, Finetune().changes(), pairs)
    else:
        settings = check_section(Detector, read_pairs(pairs), "--set")
    if settings.freeze and start is None:
        raise InputError(f"freeze={settings.freeze}: frozen layers require initial weights; pass --from RUN")
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
    """Check that the data set of a trained model has the same frames: it must not be replaced before the model.

    Raises:
        InputError: The model was trained on other frames, or on other labels.
    """
    if made.is_dir():
        with TemporaryDirectory(dir=made.parent, prefix=".data.") as place:
            now = Path(place, "data")
            make_frame_set(data, now, data.resolve().name, classes=chosen, maker="train")
            if read_labelled_images(now).digest() == read_labelled_images(made).digest():
                return
    raise InputError(f"{made.parent}: has a trained model of other data; pass another name, or remove the folder first")


def _reviewed_of(data: Path) -> dict[str, int] | None:
    """Number of reviewed frames of a data set made of picked frames; None if it is unknown."""
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
    """A point of a learning curve.

    Attributes:
        frames: All frames.
        fold: The group that is left out.
        names: Training frames; none for the unchanged initial weights.
        count: Requested number of training frames.
        start: Initial weights.
        settings: Settings of the training, which keeps the weights of its last epoch: choosing an epoch would require
            further frames.
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
    """Read frames and draw the training frames.

    Args:
        data: Data set of frames.
        start: Initial weights.
        count: Number of training frames from all groups but one; fewer if there are fewer.
        left_out: Name of that group, or of one of its videos; or several names.
        changes: Changes of fine-tuning to the settings of the initial weights' own training; its seed also draws the
            frames.
        pairs: Settings of the user, as `key=value`.

    Raises:
        InputError: Weights, frames or settings are unusable, or the drawn frames have no face.
    """
    header = read_start(start)
    settings = finetuning_settings(header, changes, pairs).model_copy(update={"keep": "last", "patience": 0})
    knows_faces = CLASS_NAMES[WHOLE_FACE] in header.class_names or _knows_faces_alone(header)
    if not knows_faces and not (count and settings.classes == "whole_face"):
        known = f"{len(header.class_names)} classes, such as {', '.join(header.class_names[:3])}"
        raise InputError(
            f"{start}: has no class for the whole face, but {known}; pass --set classes=whole_face to train a new head"
            " (requires at least one frame)"
        )
    frames = read_frames_to_learn(data, header, settings)
    fold = leave_out(frames.groups, *map(frames.group_named, left_out))
    names = nested_subsets(fold.training, frames.groups, [count], settings.seed)[count]
    if len(names) < count:
        logger.info(
            f"note: only {len(names)} of {count} frames are available without {fold.left_out}; training on these"
        )
    if names and not frames.with_face(names):
        raise InputError(f"{data}: none of the {len(names)} frames drawn has a face; use another seed or more frames")
    return CurvePoint(frames, fold, names, count, start, settings)


def run_point(
    point: CurvePoint,
    out: Path,
    processes: ProcessGroup,
    confidence: float,
    identity: Mapping[str, object],
    true_iou: float = 0.5,
) -> FaceScores:
    """Fine-tune, evaluate, write `weights.pt` and finally `left_out.json`.

    Args:
        point: The point of the learning curve.
        out: Output folder; an interrupted training in it is resumed.
        processes: The process that trains.
        confidence: Confidence threshold of a face.
        identity: Further values that change the result.
        true_iou: Minimum IoU with a true face for a correct box.

    Raises:
        InputError: An image is unusable.
        Diverged: The loss is no longer finite.
    """
    weights = out / WEIGHTS
    if point.names:
        # The training gets its own frames only, so that nothing of the infant left out can influence it.
        job = finetuning_job(
            point.frames, point.names, point.names, point.settings, point.start, read_start(point.start)
        )
        train(job, out, processes, identity=identity, replace=False)
    else:
        check_finished(out, {"epochs_run": 0}, out / RECORD)
        header, state, _ = read_any_weights(point.start)
        if _knows_faces_alone(header):
            # Use the class name and number of the frames.
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
    """Evaluate weights on the frames of the group that was left out."""
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
