"""`train`: training and fine-tuning of a YOLOv5, as `uncover train` does it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from uncover.atomic import check_writable
from uncover.config.detectors import Detector, Input
from uncover.config.values import check_number, check_section, read_pairs
from uncover.errors import InputError, naming_arguments
from uncover.owner import check_shared
from uncover.weights import find_weights
from uncover.workflow.digest import code_digest
from uncover.yolov5.distributed import process_group
from uncover.yolov5.finetune import find_start, is_picked, read_frames_job
from uncover.yolov5.job import read_job
from uncover.yolov5.train import CacheMode
from uncover.yolov5.train import train as run_training


@dataclass(frozen=True)
class TrainedDetector:
    """Outputs of a training.

    Attributes:
        folder: Folder with `weights.pt`, `results.csv` and `summary.json`.
        summary: Content of `summary.json`: settings, number of images, best epoch and its scores.
    """

    folder: Path
    summary: dict[str, Any]

    @property
    def weights(self) -> Path:
        """Weights of the best epoch; pass them to `FaceDetector`, `explain` or `evaluate`."""
        return self.folder / "weights.pt"

    @property
    def epochs(self) -> pd.DataFrame:
        """One row per epoch, in the columns of upstream YOLOv5: losses, precision, recall, mAP, learning rates."""
        return pd.read_csv(self.folder / "results.csv")


def train(
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    val: str | os.PathLike[str] | None = None,
    fine_tune: str | os.PathLike[str] | None = None,
    leave_out: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    classes: str | Sequence[str] = (),
    input: Input = "photo",
    heatmaps: str | os.PathLike[str] | None = None,
    channels: int | None = None,
    padding: int | None = None,
    device: str = "auto",
    cache: CacheMode = "auto",
    workers: int | None = None,
    **settings: Any,
) -> TrainedDetector:
    """Train a YOLOv5 detector on a data set, or fine-tune one.

    The same call resumes a stopped training and ends with the weights of an undisturbed one. A finished training is
    returned as it is; one of other settings or data is never replaced. Progress goes to the logger "uncover".

    Examples:
        >>> import uncover
        >>> trained = uncover.train("my_set", "my_detector", model="yolov5n", epochs=1, image_size=64, batch=4)
        >>> trained.weights.as_posix(), len(trained.epochs)
        ('my_detector/weights.pt', 1)
        >>> detector = uncover.FaceDetector(trained.weights, face="face")

    Fine-tune pretrained weights with `uncover.train("my_set", "my_detector", fine_tune="general")`.

    Args:
        data: YOLO data set: a folder with images/, labels/ and data.yaml, a folder with train/ and val/, or a YAML
            file. With `fine_tune`, also frames as `uncover frames` picks them.
        out: Folder to write to.
        val: Data set for early stopping and the choice of the best epoch; None takes `val` of `data`.
        fine_tune: Detector to fine-tune: name of pretrained weights, a weights file, the folder of a training or of a
            run. Network, classes, image size and recipe come from it.
        leave_out: With frames of several infants: infant, or one of its videos, whose frames validate.
        weights: Initial weights for a training with your own settings: name of pretrained weights, a weights file, or a
            checkpoint of upstream YOLOv5. Layers of another shape are trained from scratch.
        classes: Classes to train on; an empty sequence takes all.
        input: Input of the network: "photo", "grey", or heatmaps ("classes", "joint", "mean", "whole_face").
        heatmaps: For an input of heatmaps: heatmap set of the images, or a folder with the sets train/ and val/.
        channels: Channels of the images; None takes those of `input`.
        padding: Value around letterboxed images, 0 to 255; None takes 114, for heatmaps 0.
        device: "auto" (a GPU if there is one), or a name that torch knows.
        cache: Where decoded images are cached: "auto", "ram", "disk" or "none".
        workers: Threads that load images; None takes half the CPU cores, at most 8.
        **settings: Settings of a detector as in the config, such as `model="yolov5n"`, `epochs=30`, `image_size=320`,
            `batch=16`, `seed=1`, `freeze=10`, `hyperparameters={"lr0": 0.01}`.

    Returns:
        Weights, record of the epochs and summary.

    Raises:
        InputError: Data, weights or a setting are not usable, or `out` holds a training of other settings or data.
        Diverged: The loss is no longer a number (a kind of InputError).
        OutOfMemory: A batch does not fit into memory; the state after the last whole epoch is kept.
    """
    place, folder, chosen = Path(data), Path(out), [classes] if isinstance(classes, str) else classes
    pairs = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]
    with naming_arguments(set="settings", **{"from": "fine_tune", "class": "classes"}):
        check_number("--channels", channels, 1)
        check_number("--padding", padding, 0, 255)
        check_number("--workers", workers, 1)
        if fine_tune is None and check_section(Detector, read_pairs(pairs), "settings").processes > 1:
            raise InputError("processes: one call trains in one process; run `uncover train --set processes=N` instead")
        check_writable(folder)
        check_shared(folder, "train", ("weights.pt", "results.csv", "summary.json"))
        source = None if fine_tune is None else Path(fine_tune)
        validation, maps = (None if each is None else Path(each) for each in (val, heatmaps))
        initial = None if weights is None else find_weights(os.fspath(weights))
        run = device, cache, workers
        before = torch.are_deterministic_algorithms_enabled()
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        try:
            if source is not None or leave_out is not None or is_picked(place):
                check_fine_tuning(source, initial, validation, leave_out, None, channels, padding, maps, input)
                summary = train_on_frames(place, folder, validation, pairs, initial, source, leave_out, chosen, *run)
            else:
                of_input = channels, padding, maps, input
                summary = train_on_sets(place, folder, validation, pairs, initial, None, *of_input, chosen, *run)
        finally:
            torch.use_deterministic_algorithms(before, warn_only=warn_only)
    return TrainedDetector(folder, json.loads(json.dumps(summary)))


def train_on_sets(
    data: Path,
    out: Path,
    val: Path | None,
    pairs: Sequence[str],
    initial: Path | None,
    hyperparameters: Path | None,
    channels: int | None,
    padding: int | None,
    heatmaps: Path | None,
    input: Input,
    chosen: Sequence[str],
    device: str,
    cache: CacheMode,
    workers: int | None,
) -> dict[str, Any]:
    """Train on data sets; arguments as in `read_job` and `uncover.yolov5.train.train`. Returns the summary.

    Raises:
        InputError: A set, the weights or a setting is invalid.
    """
    job = read_job(data, val, pairs, initial, hyperparameters, channels, padding, heatmaps, input, chosen)
    with process_group(device) as group:
        return run_training(job, out, group, cache, workers, _identity(), replace=False)


def train_on_frames(
    data: Path,
    out: Path,
    val: Path | None,
    pairs: Sequence[str],
    initial: Path | None,
    source: Path | None,
    leave_out: str | None,
    chosen: Sequence[str],
    device: str,
    cache: CacheMode,
    workers: int | None,
) -> dict[str, Any]:
    """Fine-tune, or train with one infant as validation set; picked frames become a data set in `out` first.

    Args as in `read_frames_job`; `source` is the detector to fine-tune. Returns the summary.

    Raises:
        InputError: Frames, weights or a setting are invalid.
    """
    start = initial if source is None else find_start(source)
    with process_group(device) as group:
        job = read_frames_job(data, val, out / "data", start, pairs, leave_out, source is not None, group, chosen)
        return run_training(job, out, group, cache, workers, _identity(), replace=False)


def check_fine_tuning(
    source: Path | None,
    initial: Path | None,
    val: Path | None,
    leave_out: str | None,
    hyperparameters: Path | None,
    channels: int | None,
    padding: int | None,
    heatmaps: Path | None,
    input: Input,
) -> None:
    """Refuse arguments that exclude each other, or have no effect on a training on frames.

    Raises:
        InputError: There is one; the message names it as the option of `uncover train`.
    """
    if source and initial:
        raise InputError(f"--weights {initial}: --from {source} has the initial weights; omit one of the two")
    if val and leave_out:
        raise InputError(f"--leave-out {leave_out}: --val {val} is the validation set; omit one of the two")
    of_weights = {"--hyperparameters": hyperparameters, "--channels": channels, "--padding": padding}
    for option, value in {**of_weights, "--heatmaps": heatmaps}.items():
        if value is not None:
            raise InputError(f"{option} {value}: has no effect on fine-tuning; omit it")
    if input != "photo":
        raise InputError(f"--input {input}: the input is that of the initial weights; omit it")


def _identity() -> dict[str, str]:
    return {"code": code_digest("uncover.yolov5.train")}
