"""Ultralytics' YOLO11, trained on whole faces by its own trainer and recipe.

Its own are the network, the augmentation, the loop, the choice of optimiser and the validation; ours is what it sees
(photos and boxes come from our readers, so nothing is written beside them) and what it leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from uncover.baselines.quiet_ultralytics import DetectionPredictor, same_threads
from uncover.baselines.training import Training, check_start, check_weights, read_faces, unfinished, write_outcome
from uncover.baselines.weights import BaselineWeights, load_baseline
from uncover.baselines.yolo11_trainer import FaceTrainer, State, build
from uncover.config.baselines import Yolo11
from uncover.errors import keeping
from uncover.metrics.detections import Detections, Detector

NAME = "yolo11"
CONFIDENCE, NMS_IOU, MOST_BOXES = 0.001, 0.6, 300
"""Of the finder: lowest confidence kept, IoU above which the weaker of two boxes is dropped, boxes in one photo."""


def train(
    settings: Yolo11,
    start: BaselineWeights | None,
    data: Path,
    out: Path,
    device: torch.device,
    identity: Mapping[str, object] | None = None,
) -> None:
    """Train until the epochs are over.

    A training that is stopped goes on from its last epoch when it is started again. It does so as ultralytics does,
    from averaged weights in half precision and with other chance: it ends with other weights than an undisturbed one.

    Args:
        settings: Network, epochs and so on.
        start: COCO weights of the network, where the settings ask for them.
        data: Folder with the data sets `train` and `val`.
        out: Folder that gets `weights.pt` (moving average of the best epoch), `results.csv` and `summary.json`; the
            state of an unfinished training waits in its `.resume/`.
        device: Where to train.
        identity: Whatever else changes the result, such as a digest of the code.

    Raises:
        InputError: A set or a photo is unusable, the start weights are missing or of another network, or the loss is
            no longer a number.
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
    """A trained detector, which sees photos in the size of its training.

    Args:
        settings: Unused: the weights say what they belong to.
        weights: Of `train`.
        device: Where to run it.
        nms_iou: IoU above which the weaker of two boxes is dropped.

    Raises:
        InputError: There are no weights, or they are those of another detector.
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
        """As `Detector.detect`."""
        found = []
        for image in images:
            # It takes arrays for what OpenCV reads: blue, green, red.
            boxes = self._predictor(np.ascontiguousarray(image[..., ::-1]))[0].boxes
            found.append(Detections(boxes.xyxy.float().cpu().numpy(), boxes.conf.float().cpu().numpy()))
        return found
