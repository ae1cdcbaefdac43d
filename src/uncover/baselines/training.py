"""What all trainings of baseline detectors share: the faces they see, what they leave, and where state waits."""

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
"""Columns of the record beside `epoch` (from 0), the losses (`train/...`) and `seconds`, as in our own trainings."""


@dataclass(frozen=True)
class FaceSets:
    """Photos with the boxes of the whole faces in them, which are class 0; a photo may have none.

    Attributes:
        training: To train on.
        validation: By which the best epoch is chosen.
    """

    training: LabelledImages
    validation: LabelledImages


def read_faces(data: Path) -> FaceSets:
    """Read the labels of two data sets and look at the headers of their photos.

    Args:
        data: Folder with the data sets `train` and `val`.

    Raises:
        InputError: A set is missing or has no face, or a photo or a label file is unusable.
    """
    wanted = (CLASS_NAMES[WHOLE_FACE],)
    return FaceSets(*(read_labelled_images(data / name, wanted) for name in ("train", "val")))


def count_faces(faces: LabelledImages) -> int:
    """Faces in all photos."""
    return sum(map(len, faces.labels))


def face_boxes(faces: LabelledImages, index: int) -> NDArray[np.float64]:
    """Faces in one photo, float64 (n, 4) x1 y1 x2 y2 in its pixels; they end at its edge."""
    width, height = faces.sizes[index].tolist()
    return true_boxes(faces.labels[index], width, height)[:, 1:]


@dataclass(frozen=True)
class Training:
    """A training of another detector.

    Attributes:
        baseline: Name of the detector.
        network: Name of its network.
        settings: Its section of the config.
        start: Weights to start from; None starts anew.
        faces: What to train and to validate on.
    """

    baseline: str
    network: str
    settings: Trained
    start: BaselineWeights | None
    faces: FaceSets

    @property
    def package(self) -> str:
        """The package that the detector comes from, with its version."""
        name = BASELINES[self.baseline].package
        return f"{name} {importlib.metadata.version(name)}"

    def identity(self) -> dict[str, object]:
        """All that changes the result; a training goes on only from the state of the very same one."""
        # From which confidence on a box counts is asked when the detector is used.
        settings = self.settings.model_dump(mode="json", exclude={"confidence"})
        start = dict(self.start.about) if self.start else None
        faces = [own.digest() for own in (self.faces.training, self.faces.validation)]
        versions = (self.package, f"torch {torch.__version__}")
        return {"settings": settings, "start": start, "faces": faces, "versions": versions}

    def about(self) -> dict[str, object]:
        """What `summary.json` says of it before it begins, which tells it from others."""
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
        """Say what is about to happen."""
        training, validation = self.faces.training, self.faces.validation
        logger.info(
            f"{self.baseline} ({self.network}, {self.package}): training on {count_faces(training)} faces in"
            f" {len(training)} photos, validating on {len(validation)}, batch {self.settings.batch}, {device}"
        )

    def needs_memory(self, device: torch.device) -> AbstractContextManager[None]:
        """The context of what holds a batch in memory: that it does not fit becomes one line."""
        settings = self.settings
        what = f"a batch of {settings.batch} photos of up to {settings.image_size} x {settings.image_size} pixels"
        return needs_memory(f"{self.baseline}: {what} on {device}", "take a smaller batch or image_size with --set")

    def diverged(self, epoch: int) -> Diverged:
        """The complaint about a loss that is no longer a number in an epoch, counted from 0."""
        what = "lower learning_rate, or start from other weights"
        return Diverged(f"epoch {epoch + 1}: the loss is no longer a number; {what}", epoch)


def check_start(settings: Trained, start: BaselineWeights | None, name: str) -> None:
    """Make sure that start weights are there where the settings ask for them, and only there.

    Raises:
        InputError: They are not.
    """
    if settings.weights == "coco" and start is None:
        raise InputError(f"{name}: weights=coco needs start weights; give --start WEIGHTS, or --set weights=scratch")
    if settings.weights == "scratch" and start is not None:
        raise InputError(f"{name}: weights=scratch starts anew; leave --start out, or give --set weights=coco")


@contextmanager
def unfinished(out: Path, identity: Mapping[str, object], about: Mapping[str, object] | None = None) -> Iterator[Path]:
    """Yield the folder of the state of a training below `out`, which need not exist; it goes when all is done.

    Args:
        out: Folder of the training.
        identity: All that changes the result.
        about: What `summary.json` is to say of it, which tells it from others; None replaces any trained model.

    Raises:
        InputError: A model of another training stands in `out`.
    """
    folder = state_folder(out, identity)
    if about is not None:
        check_finished(out, about, folder)
    if not folder.exists() and folder.parent.is_dir():
        logger.info(f"{folder.parent}: holds the state of a training with other settings or data; starting anew")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # the states of other settings stay
        folder.parent.rmdir()


def write_outcome(
    out: Path, training: Training, rows: Sequence[Row], best: int, state: Mapping[str, Tensor]
) -> dict[str, object]:
    """Write `weights.pt`, `results.csv`, and last `summary.json`, which says that all is well.

    Args:
        out: Folder to write to.
        training: What was trained.
        rows: The record, one row per epoch.
        best: Number of the best epoch.
        state: Its weights.

    Returns:
        The summary.
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
    # Without what differs between two runs of the same training: equal weights are equal files.
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
    """What the log says after an epoch."""
    row = rows[-1]
    left = (epochs - len(rows)) * sum(each["seconds"] for each in rows) / len(rows)
    losses = " ".join(f"{key.removeprefix('train/')} {row[key]:.4f}" for key in row if key.startswith("train/"))
    scores = " ".join(
        f"{word} {row[key]:.3f}" for word, key in zip(("P", "R", "mAP50", "mAP50-95"), METRICS, strict=True)
    )
    return f"epoch {len(rows)}/{epochs}: {losses} | {scores} | {row['seconds']:.1f} s, at most {left / 60:.1f} min left"


def check_weights(weights: BaselineWeights | None, baseline: str) -> BaselineWeights:
    """Make sure that weights are those of a training of this detector.

    Raises:
        InputError: There are none, or they are others.
    """
    if weights is None:
        raise InputError(
            f"{baseline}: needs weights; give --weights OUT/weights.pt of 'uncover train baseline {baseline}'"
        )
    about = weights.about
    if about.get("model") != baseline or not isinstance(about.get("network"), str) or "image_size" not in about:
        of = about.get("model") or about.get("source") or "something else"
        raise InputError(
            f"{baseline}: these are weights of {of}; expected those of 'uncover train baseline {baseline}'"
        )
    return weights
