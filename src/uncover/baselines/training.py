"""Common parts of all trainings of baseline detectors: data, outputs, and states of unfinished trainings."""

from __future__ import annotations

import contextlib
import csv
import importlib.metadata
import json
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from uncover.atomic import new_file
from uncover.baselines.weights import BaselineWeights, save_baseline
from uncover.config.baselines import BASELINES, Trained
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.errors import Diverged, InputError, needs_memory
from uncover.image_files import are_rendered
from uncover.images.labelled import LabelledImages, read_labelled_images
from uncover.yolov5.checkpoint import state_folder
from uncover.yolov5.results import check_finished
from uncover.yolov5.validate import true_boxes
from uncover.yolov5.weights import TRAINED_ON_RENDERED

logger = logging.getLogger(__name__)

Row = dict[str, float]
METRICS = ("metrics/precision", "metrics/recall", "metrics/mAP_0.5", "metrics/mAP_0.5:0.95")
"""Columns of the record besides `epoch` (from 0), the losses (`train/...`) and `seconds`, as in our own trainings."""


@dataclass(frozen=True)
class FaceSets:
    """Photos with boxes of whole faces, which are class 0; a photo may have none.

    Attributes:
        training: Training photos.
        validation: Photos that select the best epoch.
    """

    training: LabelledImages
    validation: LabelledImages


def read_faces(data: Path) -> FaceSets:
    """Read the labels of two data sets and the headers of their photos.

    Args:
        data: Folder with the data sets `train` and `val`.

    Raises:
        InputError: A set is missing or has no face, or a photo or a label file is unusable.
    """
    wanted = (CLASS_NAMES[WHOLE_FACE],)
    return FaceSets(*(read_labelled_images(data / name, wanted) for name in ("train", "val")))


def count_faces(faces: LabelledImages) -> int:
    """Number of faces in all photos."""
    return sum(map(len, faces.labels))


def face_boxes(faces: LabelledImages, index: int) -> NDArray[np.float64]:
    """Faces in one photo, float64 (n, 4) x1 y1 x2 y2 in its pixels, clipped to it."""
    width, height = faces.sizes[index].tolist()
    return true_boxes(faces.labels[index], width, height)[:, 1:]


@dataclass(frozen=True)
class Training:
    """A training of a baseline detector.

    Attributes:
        baseline: Name of the detector.
        network: Name of its network.
        settings: Its section of the config.
        start: Initial weights; None trains from scratch.
        faces: Data to train and to validate on.
    """

    baseline: str
    network: str
    settings: Trained
    start: BaselineWeights | None
    faces: FaceSets

    @property
    def package(self) -> str:
        """Package of the detector, with its version."""
        name = BASELINES[self.baseline].package
        return f"{name} {importlib.metadata.version(name)}"

    def identity(self) -> dict[str, object]:
        """Everything that changes the result; a training is resumed only from a state of the same identity."""
        # The confidence threshold is applied when the detector runs, so it is not part of it.
        settings = self.settings.model_dump(mode="json", exclude={"confidence"})
        start = dict(self.start.about) if self.start else None
        faces = [own.digest() for own in (self.faces.training, self.faces.validation)]
        versions = (self.package, f"torch {torch.__version__}")
        return {"settings": settings, "start": start, "faces": faces, "versions": versions}

    def about(self) -> dict[str, object]:
        """Entries of `summary.json` that are known before the training and identify it."""
        training, validation = self.faces.training, self.faces.validation
        return {
            "model": self.baseline,
            "network": self.network,
            "train_images": len(training),
            "val_images": len(validation),
            "settings": self.settings.model_dump(mode="json"),
            "digests": {"training": training.digest(), "validation": validation.digest()},
        }

    def announce(self, device: torch.device) -> None:
        """Log the start of the training."""
        training, validation = self.faces.training, self.faces.validation
        logger.info(
            f"{self.baseline} ({self.network}, {self.package}): training on {count_faces(training)} faces in"
            f" {len(training)} photos, validating on {len(validation)}, batch {self.settings.batch}, {device}"
        )

    def needs_memory(self, device: torch.device) -> AbstractContextManager[None]:
        """Context that converts an out-of-memory error of a batch into one line."""
        settings = self.settings
        what = f"a batch of {settings.batch} photos of up to {settings.image_size} x {settings.image_size} pixels"
        return needs_memory(f"{self.baseline}: {what} on {device}", "use a smaller batch or image_size with --set")

    def diverged(self, epoch: int) -> Diverged:
        """The error for a loss that is no longer finite in an epoch, counted from 0."""
        what = "lower learning_rate, or use other initial weights"
        return Diverged(f"epoch {epoch + 1}: the loss is no longer finite; {what}", epoch)


def check_start(settings: Trained, start: BaselineWeights | None, name: str) -> None:
    """Check that initial weights are given if, and only if, the settings ask for them.

    Raises:
        InputError: They are not.
    """
    if settings.weights == "coco" and start is None:
        raise InputError(f"{name}: weights=coco needs initial weights; pass --weights WEIGHTS or --set weights=scratch")
    if settings.weights == "scratch" and start is not None:
        raise InputError(f"{name}: weights=scratch has no initial weights; omit --weights or pass --set weights=coco")


@contextmanager
def unfinished(out: Path, identity: Mapping[str, object], about: Mapping[str, object] | None = None) -> Iterator[Path]:
    """Yield the folder of a training's state below `out`, which need not exist; it is removed at the end.

    Args:
        out: Folder of the training.
        identity: Everything that changes the result.
        about: Entries of `summary.json` that identify the training; None replaces any trained model.

    Raises:
        InputError: A model of another training is in `out`.
    """
    folder = state_folder(out, identity)
    if about is not None:
        check_finished(out, about, folder)
    if not folder.exists() and folder.parent.is_dir():
        logger.info(f"{folder.parent}: state of a training with other settings or data; starting from scratch")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # states of other settings remain
        folder.parent.rmdir()


def write_outcome(
    out: Path, training: Training, rows: Sequence[Row], best: int, state: Mapping[str, Tensor]
) -> dict[str, object]:
    """Write `weights.pt`, `results.csv`, and finally `summary.json`, which marks the training as finished.

    Args:
        out: Output folder.
        training: The training.
        rows: The record, one row per epoch.
        best: Number of the best epoch.
        state: Weights of the best epoch.

    Returns:
        Content of `summary.json`.
    """
    settings, faces = training.settings, training.faces
    start = training.start.about if training.start else None
    summary: dict[str, object] = {
        "model": training.baseline,
        "network": training.network,
        "package": training.package,
        "image_size": settings.image_size,
        "classes": {str(WHOLE_FACE): CLASS_NAMES[WHOLE_FACE]},
        "train_images": len(faces.training),
        "train_faces": count_faces(faces.training),
        "val_images": len(faces.validation),
        "val_faces": count_faces(faces.validation),
        "batch": settings.batch,
        "epochs_run": len(rows),
        "best_epoch": best,
        "best": {name: rows[best][name] for name in METRICS},
        "seconds": round(sum(row["seconds"] for row in rows), 1),
        "start": {name: start[name] for name in ("source", "sha256") if name in start} if start else None,
        "settings": settings.model_dump(mode="json"),
        "digests": training.about()["digests"],
    }
    if are_rendered(faces.training.paths):
        summary[TRAINED_ON_RENDERED] = True
    about = {name: summary[name] for name in ("model", "network", "image_size", "classes", "package")}
    # Leave out what differs between runs of the same training, so that equal weights are equal files.
    about["training"] = {name: value for name, value in summary.items() if name not in {*about, "seconds", "digests"}}
    save_baseline(out / "weights.pt", BaselineWeights(state, about))
    write_rows(out / "results.csv", rows)
    with new_file(out / "summary.json") as path:
        path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return summary


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write `results.csv`."""
    with new_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)


def epoch_line(rows: Sequence[Row], epochs: int) -> str:
    """Log line of an epoch."""
    row = rows[-1]
    left = (epochs - len(rows)) * sum(each["seconds"] for each in rows) / len(rows)
    losses = " ".join(f"{key.removeprefix('train/')} {row[key]:.4f}" for key in row if key.startswith("train/"))
    scores = " ".join(
        f"{word} {row[key]:.3f}" for word, key in zip(("P", "R", "mAP50", "mAP50-95"), METRICS, strict=True)
    )
    return f"epoch {len(rows)}/{epochs}: {losses} | {scores} | {row['seconds']:.1f} s, up to {left / 60:.1f} min left"


def check_weights(weights: BaselineWeights | None, baseline: str) -> BaselineWeights:
    """Check that weights are from a training of this detector.

    Raises:
        InputError: There are no weights, or they are of another detector.
    """
    if weights is None:
        raise InputError(
            f"{baseline}: requires weights; pass --weights OUT/weights.pt of 'uncover train baseline {baseline}'"
        )
    about = weights.about
    if about.get("model") != baseline or not isinstance(about.get("network"), str) or "image_size" not in about:
        of = about.get("model") or about.get("source") or "something else"
        raise InputError(
            f"{baseline}: these are weights of {of}; expected weights of 'uncover train baseline {baseline}'"
        )
    return weights
