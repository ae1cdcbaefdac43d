"""Ultralytics' YOLO11, trained on whole faces with its own trainer and recipe.

Network, augmentation, loop, choice of optimiser and validation are those of ultralytics; the data (read by our readers,
so that no files are written next to them) and the outputs are ours.
"""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import nn

from uncover.atomic import new_file
from uncover.baselines.quiet_ultralytics import (
    ROOT,
    DetectionModel,
    DetectionPredictor,
    DetectionTrainer,
    YOLODataset,
    read_checkpoint,
    same_threads,
)
from uncover.baselines.training import (
    Row,
    Training,
    check_start,
    check_weights,
    epoch_line,
    read_faces,
    unfinished,
    write_outcome,
)
from uncover.baselines.weights import BaselineWeights, load_baseline, save_baseline, start_from
from uncover.config.baselines import Yolo11
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.errors import keeping
from uncover.images.labelled import LabelledImages
from uncover.images.letterbox import fit, resize
from uncover.images.reading import COLOURS, read_image
from uncover.metrics.detections import Detections, Detector

logger = logging.getLogger(__name__)

NAME = "yolo11"
CONFIDENCE, NMS_IOU, MOST_BOXES = 0.001, 0.6, 300
"""Of detection: lowest confidence, IoU above which the less confident of two boxes is dropped, boxes per photo."""

COLUMNS = {
    "train/box_loss": "train/box_loss",
    "train/cls_loss": "train/cls_loss",
    "train/dfl_loss": "train/dfl_loss",
    "metrics/precision(B)": "metrics/precision",
    "metrics/recall(B)": "metrics/recall",
    "metrics/mAP50(B)": "metrics/mAP_0.5",
    "metrics/mAP50-95(B)": "metrics/mAP_0.5:0.95",
    "val/box_loss": "val/box_loss",
    "val/cls_loss": "val/cls_loss",
    "val/dfl_loss": "val/dfl_loss",
}
"""Column names of the trainer's record, and ours."""


def train(
    settings: Yolo11,
    start: BaselineWeights | None,
    data: Path,
    out: Path,
    device: torch.device,
    identity: Mapping[str, object] | None = None,
) -> None:
    """Train until all epochs are done.

    An interrupted training is resumed after its last epoch, as ultralytics does: from averaged weights in half
    precision and with other random numbers. It ends with other weights than an uninterrupted one.

    Args:
        settings: Network, epochs and so on.
        start: COCO weights of the network, if the settings ask for them.
        data: Folder with the data sets `train` and `val`.
        out: Output folder for `weights.pt` (moving average of the best epoch), `results.csv` and `summary.json`; the
            state of an unfinished training is in its `.resume/`.
        device: Device of the training.
        identity: Further values that change the result, such as a digest of the code.

    Raises:
        InputError: A set or a photo is unusable, the initial weights are missing or of another network, or the loss is
            no longer finite.
    """
    check_start(settings, start, NAME)
    training = Training(NAME, settings.network, settings, start, read_faces(data))
    training.announce(device)
    about = {**training.identity(), "device": device.type, **(identity or {})}
    with unfinished(out, about, training.about()) as folder:
        rows = State(folder).rows()
        if len(rows) < settings.epochs:
            trainer = FaceTrainer(training, folder, rows, device)
            with keeping(lambda: bool(State(folder).rows())), training.needs_memory(device):
                trainer.train()
            rows = trainer.rows
        best = load_baseline(State(folder).best)
        write_outcome(out, training, rows, int(best.about["epoch"]), best.state)


def load(settings: Yolo11, weights: BaselineWeights | None, device: torch.device, nms_iou: float = NMS_IOU) -> Detector:
    """Load a trained detector; its input has the size of its training.

    Args:
        settings: Not used: the weights contain the settings.
        weights: Weights of `train`.
        device: Device to run on.
        nms_iou: IoU above which the less confident of two boxes is dropped.

    Raises:
        InputError: There are no weights, or they are of another detector.
    """
    about = (weights := check_weights(weights, NAME)).about
    network = build(str(about["network"]))
    network.load_state_dict(dict(weights.state))
    predictor = DetectionPredictor(
        overrides={
            "task": "detect",
            "mode": "predict",
            "rect": True,
            "imgsz": int(about["image_size"]),
            "conf": CONFIDENCE,
            "iou": nms_iou,
            "max_det": MOST_BOXES,
            "device": str(device),
            "save": False,
            "verbose": False,
            "save_dir": "unused",
        }
    )
    with same_threads():
        predictor.setup_model(network, verbose=False)
    return Yolo11Detector(predictor)


class Yolo11Detector:
    """The package's predictor with a trained network."""

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """See `Detector.detect`."""
        found = []
        for image in images:
            # It expects arrays in OpenCV's channel order: blue, green, red.
            boxes = self._predictor(np.ascontiguousarray(image[..., ::-1]))[0].boxes
            found.append(Detections(boxes.xyxy.float().cpu().numpy(), boxes.conf.float().cpu().numpy()))
        return found


def build(network: str) -> nn.Module:
    """A network for one class.

    Args:
        network: Name of the network, such as "yolo11n".
    """
    # Read here, because the package would search the working folder first.
    described = yaml.safe_load((ROOT / "cfg" / "models" / "11" / "yolo11.yaml").read_text(encoding="utf-8"))
    described |= {"scale": network[-1], "yaml_file": f"{network}.yaml"}
    model = DetectionModel(described, nc=1, verbose=False)
    model.names = {0: CLASS_NAMES[WHOLE_FACE]}
    return model


class State:
    """State of an unfinished training: ultralytics' last checkpoint, and our weights of the best epoch."""

    def __init__(self, folder: Path) -> None:
        self.last, self.best = folder / "last.pt", folder / "best.pt"

    def rows(self) -> list[Row]:
        """The record so far; empty if there is no state to resume."""
        if not (self.last.exists() and self.best.exists()):
            return []
        try:
            rows = list(read_checkpoint(str(self.last))[0]["train_results"])
        except (TypeError, KeyError, RuntimeError, OSError, pickle.UnpicklingError) as error:
            logger.warning(f"{self.last}: unreadable ({type(error).__name__}); starting from the first epoch")
            return []
        return rows


class FaceTrainer(DetectionTrainer):
    """Ultralytics' trainer with our data and our outputs."""

    def __init__(self, training: Training, folder: Path, rows: list[Row], device: torch.device) -> None:
        """
        Args:
            training: The training.
            folder: Folder of its state.
            rows: The record so far, if it is resumed.
            device: Device of the training.
        """
        self._training, self._state, self.rows, self._built = training, State(folder), rows, False
        settings = training.settings
        overrides: dict[str, Any] = {
            "task": "detect",
            "mode": "train",
            "model": f"{training.network}.yaml",
            "epochs": settings.epochs,
            "batch": settings.batch,
            "imgsz": settings.image_size,
            "seed": settings.seed,
            "device": str(device),
            "save_dir": str(folder),
            "patience": 0,
            "workers": 0,
            "single_cls": True,
            "pretrained": False,
            "deterministic": True,
            # In mixed precision it downloads a network to test whether that works.
            "amp": False,
            "plots": False,
            "cache": False,
            "verbose": False,
        }
        if rows:
            overrides["resume"] = str(self._state.last)
            logger.info(f"resuming after epoch {len(rows)} of {settings.epochs} ({folder})")
        with same_threads():
            super().__init__(overrides=overrides)
        self.wdir, self.last, self.best = folder, self._state.last, self._state.best
        self._started = time.monotonic()

    def get_dataset(self) -> dict[str, Any]:
        """Data set description, which it would read from a file, and download a font for."""
        return {"train": "train", "val": "val", "names": {0: CLASS_NAMES[WHOLE_FACE]}, "nc": 1, "channels": 3}

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> FaceImages:
        """Our photos and boxes, augmented and batched as it does with its own."""
        faces = self._training.faces
        return FaceImages(
            faces.training if mode == "train" else faces.validation,
            img_path=img_path,
            imgsz=self.args.imgsz,
            batch_size=batch,
            augment=mode == "train",
            hyp=self.args,
            rect=mode == "val",
            single_cls=True,
            pad=0.0 if mode == "train" else 0.5,
            data=self.data,
        )

    def get_model(self, cfg: Any = None, weights: nn.Module | None = None, verbose: bool = False) -> nn.Module:
        """The network with its initial weights, or with those of the checkpoint if the training is resumed."""
        network = build(self._training.network)
        if weights is not None:
            network.load_state_dict(weights.state_dict())
        elif self._training.start is not None:
            start_from(network, self._training.start, self._training.network)
        return network

    def save_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Add a row to the record, which is saved with the checkpoint."""
        row: Row = {"epoch": self.epoch}
        row |= {ours: float(metrics[theirs]) for theirs, ours in COLUMNS.items()}
        if not np.isfinite(list(row.values())).all():
            raise self._training.diverged(self.epoch)
        row["seconds"] = round(time.monotonic() - self._started, 3)
        self._started = time.monotonic()
        self.rows = [*self.rows[: self.epoch], row]

    def read_results_csv(self) -> list[Row]:
        """The record, which is stored in the checkpoint."""
        return self.rows

    def save_model(self) -> bool:
        """Save the checkpoint to resume from, and the weights of the best epoch in full precision."""
        state = self.ema.ema.state_dict()
        if self.best_fitness == self.fitness:
            save_baseline(self._state.best, BaselineWeights(state, {"epoch": self.epoch}))
        with new_file(self._state.last) as temporary:
            self.last = self.best = temporary
            super().save_model()
        self.last, self.best = self._state.last, self._state.best
        logger.info(epoch_line(self.rows, self.epochs))
        return True

    def _build_train_pipeline(self) -> None:
        # A second call means that memory ran out: it would silently continue with half of the batch.
        if self._built:
            raise MemoryError("out of memory on " + str(self.device))
        self._built = True
        super()._build_train_pipeline()

    def final_eval(self) -> None:
        """Disabled: every epoch was validated."""

    def _handle_nan_recovery(self, epoch: int) -> bool:
        try:
            return super()._handle_nan_recovery(epoch)
        except RuntimeError:  # after several attempts
            raise self._training.diverged(epoch) from None


class FaceImages(YOLODataset):
    """Photos and boxes of faces in the form of the package's data set, without reading our files its own way."""

    def __init__(self, faces: LabelledImages, **options: Any) -> None:
        self._faces = faces
        super().__init__(task="detect", **options)

    def get_img_files(self, img_path: str) -> list[str]:
        """Paths of all photos."""
        return [str(path) for path in self._faces.paths]

    def get_labels(self) -> list[dict[str, Any]]:
        """Boxes, as shares of the photo."""
        return [
            {
                "im_file": str(path),
                "shape": (height, width),
                "cls": labels[:, :1].copy(),
                "bboxes": labels[:, 1:].copy(),
                "segments": [],
                "keypoints": None,
                "normalized": True,
                "bbox_format": "xywh",
            }
            for path, (width, height), labels in zip(
                self._faces.paths, self._faces.sizes.tolist(), self._faces.labels, strict=True
            )
        ]

    def load_image(
        self, i: int, rect_mode: bool = True, resize_short: bool = False
    ) -> tuple[NDArray[np.uint8], tuple[int, int], tuple[int, int]]:
        """A photo in the size of the network's input, and its height and width before and now."""
        if self.ims[i] is not None:
            return self.ims[i], self.im_hw0[i], self.im_hw[i]
        photo = read_image(Path(self.im_files[i]), COLOURS)[..., ::-1]  # blue, green, red
        height, width = photo.shape[:2]
        frame = fit(width, height, self.imgsz)
        image = resize(np.ascontiguousarray(photo), frame.inner_width, frame.inner_height, smooth=False)
        if self.augment:  # mosaics use the most recent images
            self.ims[i], self.im_hw0[i], self.im_hw[i] = image, (height, width), image.shape[:2]
            self.buffer.append(i)
            if 1 < len(self.buffer) >= self.max_buffer_length:
                oldest = self.buffer.pop(0)
                self.ims[oldest] = self.im_hw0[oldest] = self.im_hw[oldest] = None
        return image, (height, width), image.shape[:2]
