"""`evaluate`: scores of a detector on a labelled data set, or of stored predictions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from uncover.api.dataset import describe, find_splits, image_names
from uncover.config.values import check_number
from uncover.console import warn_each
from uncover.data.blocks import read_blocks
from uncover.errors import InputError, naming_arguments
from uncover.images.inputs import Inputs, check_inference_options
from uncover.images.labelled import label_path, read_labelled_images
from uncover.metrics.evaluation import Evaluation, scored_classes
from uncover.metrics.evaluation import evaluate as score_boxes
from uncover.metrics.predictions import Predictions, read_predictions
from uncover.metrics.truth import TRUTH_COLUMNS, find_labels, read_truth, truth_of_files
from uncover.weights import find_weights

if TYPE_CHECKING:
    from uncover.yolov5.device import Precision

PREDICTIONS = ".parquet"


def evaluate(
    detector: str | os.PathLike[str],
    data: str | os.PathLike[str],
    split: str | None = None,
    classes: str | Sequence[str] | None = None,
    *,
    blocks: str | os.PathLike[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.001,
    nms_iou: float = 0.6,
    image_size: int | None = None,
    batch: int = 16,
    device: str = "auto",
    precision: Precision = "float32",
) -> Evaluation:
    """Score a detector on a labelled data set: precision, recall, F1, AP50 and AP50-95 with 95 % intervals.

    The scores are those of `uncover predict` followed by `uncover evaluate`. Classes of the data set and of the
    detector are matched by name; one class that is named like a face matches the other.

    Examples:
        Weights on a data set, and stored predictions:

        >>> import uncover
        >>> scores = uncover.evaluate("best.pt", "my_set/data.yaml", split="val")
        >>> scores.to_pandas()[["class", "images", "labels"]]
                 class  images  labels
        0  all classes       4       8
        1         face       4       4
        2         mask       4       4
        >>> scores.rates["AP50"].low <= scores.rates["AP50"].value <= scores.rates["AP50"].high
        True
        >>> stored = uncover.evaluate("predictions.parquet", "my_set/labels/val", resamples=0)
        >>> abs(stored.rates["AP50"].value - scores.rates["AP50"].value) < 0.01
        True

    Args:
        detector: Name of pretrained weights, a weights file of `train`, a checkpoint of upstream YOLOv5, or a table of
            stored predictions (`.parquet`), as `uncover predict` writes it.
        data: YOLO data set: a folder with images/ and labels/, a folder with splits, or its YAML file. For stored
            predictions: the folder of the label files, or the data set that contains it.
        split: Split to score on, such as "val"; required if the data set has several.
        classes: Classes to score; None takes all that the detector has.
        blocks: CSV that assigns images to blocks (a column `image`, and `block`, `infant`, `person` or `video`). The
            bootstrap draws blocks, because images of one video or person are not independent. None looks for such a
            table in the data set, and without one draws images.
        resamples: Bootstrap resamples; 0 computes no intervals.
        seed: Seed of the bootstrap.
        confidence: Lowest confidence of a box; must be low for AP.
        nms_iou: IoU above which a box of lower confidence is dropped.
        image_size: Longest side of the network's input, in pixels, a multiple of 32; None takes that of the training.
        batch: Images in one pass.
        device: "auto" (a GPU if there is one), or a name that torch knows.
        precision: Arithmetic of the network: "float32", "float16" or "bfloat16".

    Returns:
        Scores with their intervals; `to_pandas` gives a table, `str` the text of the command.

    Raises:
        InputError: The weights, the predictions, an image or a label is not usable, or there is no such class or split.
        OutOfMemory: A batch does not fit into memory.
    """
    place, chosen = Path(data), [classes] if isinstance(classes, str) else classes
    with naming_arguments(bootstrap="resamples", **{"class": "classes"}):
        check_number("--bootstrap", resamples, 0)
        check_number("--seed", seed, 0)
        check_inference_options(confidence, nms_iou, batch, image_size)
        table = None if blocks is None else Path(blocks)
        if Path(detector).suffix == PREDICTIONS:
            if split is not None:
                raise InputError(f"split={split!r}: stored predictions are of one split; pass its labels as data")
            (scores,) = score_stored(read_predictions(Path(detector)), place, table, [chosen], resamples, seed)
            return scores
        if not place.exists():
            raise InputError(f"{place}: no such file or folder; expected a data set")
        from uncover.yolov5.inference import InferenceOptions, Predictor

        weights = find_weights(os.fspath(detector))
        predictor = Predictor(weights, device, InferenceOptions(confidence, nms_iou, batch, image_size, precision))
        splits = find_splits(place)
        if split is None and len(splits) == 1:
            (split,) = splits
        if split not in splits:
            named = f"has no split {split!r}" if split is not None else "has several splits; pass split="
            raise InputError(f"{place}: {named}; expected one of {', '.join(filter(None, splits)) or 'none'}")
        own = splits[split]
        if own.subset is None:
            predictions = predictor.predict(predictor.find([own.folder]))
            (scores,) = score_stored(predictions, own.folder, table, [chosen], resamples, seed)
            return scores
        labelled = read_labelled_images(own.folder, channels=predictor.header.channels, subset=own.subset)
        names = image_names(labelled, labelled.folder)
        predictions = predictor.predict(Inputs(names, labelled.paths, labelled.sizes))
        files = {name: label_path(path) for name, path in zip(names, labelled.paths, strict=True)}
        truth = truth_of_files(files, predictions.images, labelled.folder, predictions.class_names, describe(own))
        together = read_blocks(labelled.folder, names, table)
        return score_boxes(predictions, truth, chosen, resamples, seed, together)


def score_stored(
    predictions: Predictions,
    labels: Path,
    blocks: Path | None,
    scopes: Sequence[Sequence[str] | None],
    resamples: int,
    seed: int,
) -> list[Evaluation]:
    """Scores of predictions, one for each selection of classes.

    Args:
        predictions: To score.
        labels: Folder of label files, or the data set that contains it.
        blocks: Table of blocks; None looks for one in the data set.
        scopes: Selections of classes; None stands for all.
        resamples: Bootstrap resamples.
        seed: Seed of the bootstrap.

    Raises:
        InputError: A file is not valid, or the model has no such class.
    """
    if "classes" in predictions.settings:
        for classes in scopes:
            scored_classes(predictions, pd.DataFrame(columns=list(TRUTH_COLUMNS)), classes)
    files = find_labels(labels, predictions.images["image"])
    truth = read_truth(labels, predictions.images, predictions.class_names)
    together = read_blocks(labels, predictions.images["image"], blocks)
    warn_each([f"{path}: belongs to no image that was predicted on" for path in files.unpredicted], str(labels))
    evaluations = [score_boxes(predictions, truth, classes, resamples, seed, together) for classes in scopes]
    return [evaluation.with_unpredicted(len(files.unpredicted)) for evaluation in evaluations]
