"""Validation of a network on labelled images: losses, and the metrics used for early stopping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from uncover.data.parts import to_xywh, to_xyxy
from uncover.images.labelled import LabelledImages
from uncover.images.letterbox import Letterbox
from uncover.metrics.average_precision import ap_per_class, fitness
from uncover.metrics.matching import IOUS, match_image
from uncover.yolov5.device import Precision
from uncover.yolov5.inference import FramedImages, infer
from uncover.yolov5.loss import DetectionLoss
from uncover.yolov5.network import Network
from uncover.yolov5.nms import non_max_suppression

CONFIDENCE, NMS_IOU = 0.001, 0.6
"""NMS settings of validation in upstream; the limit of boxes is that of stored predictions, so scores agree."""


@dataclass(frozen=True)
class Validation:
    """Result of a validation.

    Attributes:
        precision: At the confidence of the best mean F1, mean over classes with labels.
        recall: At the same confidence, mean over classes with labels.
        map50: Mean over classes of AP at IoU 0.5.
        map50_95: Mean over classes and over IoU 0.5, 0.55 ... 0.95.
        losses: Box, objectness and class loss, mean over batches.
        class_map: float64 (classes,), AP50-95 of each class; the mean for classes without labels.
    """

    precision: float
    recall: float
    map50: float
    map50_95: float
    losses: tuple[float, float, float]
    class_map: NDArray[np.float64]

    @property
    def fitness(self) -> float:
        """Fitness, which early stopping maximises."""
        return fitness(self.map50, self.map50_95)


def true_boxes(labels: NDArray[np.float32], width: int, height: int) -> NDArray[np.float64]:
    """Labels in pixels, clipped to the image: (n, 5) class, shares xc yc w h -> float64 (n, 5) class, x1 y1 x2 y2."""
    scale = np.array([width, height, width, height], np.float64)
    shares = to_xyxy(labels[:, 1:].astype(np.float64)).clip(0, 1)
    return np.column_stack([labels[:, 0].astype(np.float64), shares * scale])


def framed_targets(labels: list[NDArray[np.float32]], frames: list[Letterbox]) -> torch.Tensor:
    """Labels of a batch for the loss: float32 (M, 6) image in batch, class, shares of the frame."""
    rows = []
    for number, (own, frame) in enumerate(zip(labels, frames, strict=True)):
        true = true_boxes(own, frame.width, frame.height)
        xyxy = frame.to_network(true[:, 1:]) / np.tile([frame.out_width, frame.out_height], 2)
        rows.append(np.column_stack([np.full(len(own), number), true[:, 0], to_xywh(xyxy)]))
    return torch.from_numpy(np.concatenate(rows).astype(np.float32))


def validate(
    network: Network,
    labelled: LabelledImages,
    images: FramedImages,
    loss: DetectionLoss,
    batch: int,
    device: torch.device,
    precision: Precision = "float32",
) -> Validation:
    """Score a network in evaluation mode.

    Args:
        network: Network on `device`.
        labelled: Labels, and sizes of the photos.
        images: The same photos in their frames.
        loss: Loss to report as well.
        batch: Images at a time.
        device: Device of the network.
        precision: Precision of the network.
    """
    correct: list[NDArray[np.bool_]] = []
    found: list[NDArray[np.float64]] = []
    losses: list[torch.Tensor] = []
    for answer in infer(network, images, batch, device, precision):
        frames = [images.frames[index] for index in answer.indices]
        labels = [labelled.labels[index] for index in answer.indices]
        losses.append(loss(answer.raw, framed_targets(labels, frames).to(device))[1] * len(frames))
        for boxes, frame, own in zip(
            non_max_suppression(answer.decoded, CONFIDENCE, NMS_IOU), frames, labels, strict=True
        ):
            predicted = boxes.double().cpu().numpy()
            predicted[:, :4] = frame.to_original(predicted[:, :4])
            correct.append(match_image(predicted, true_boxes(own, frame.width, frame.height), IOUS))
            found.append(predicted[:, 4:])
    scores = np.concatenate(found)
    true_class = np.concatenate([own[:, 0] for own in labelled.labels]).astype(np.int64)
    metrics = ap_per_class(np.concatenate(correct), scores[:, 0], scores[:, 1], true_class)
    class_map = np.full(len(labelled.class_names), metrics.map50_95)
    class_map[np.asarray(metrics.class_ids, np.int64)] = metrics.ap.mean(axis=1)
    box, objectness, classes = (torch.stack(losses).sum(0) / len(images.frames)).tolist()
    return Validation(
        metrics.mean_precision,
        metrics.mean_recall,
        metrics.map50,
        metrics.map50_95,
        (box, objectness, classes),
        class_map,
    )
