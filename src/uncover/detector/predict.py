"""Boxes that a detector finds in images, in pixels of each image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from uncover.detector.inference import FramedImages, Precision, check_precision, infer
from uncover.detector.network import Network
from uncover.detector.nms import non_max_suppression
from uncover.detector.weights import Header
from uncover.metrics.alike import MOST_BOXES
from uncover.metrics.predictions import Predictions
from uncover.progress import track


def predict(
    network: Network,
    header: Header,
    names: Sequence[str],
    paths: Sequence[Path],
    sizes: NDArray[np.int64],
    confidence: float,
    nms_ious: Sequence[float],
    device: torch.device,
    batch: int = 16,
    image_size: int | None = None,
    precision: Precision = "float32",
) -> list[Predictions]:
    """Run a detector over images, once, and keep its boxes at one or several IoUs of non-maximum suppression.

    Args:
        network: The detector, on `device`, in evaluation mode.
        header: What its weights file says of it.
        names: What to call each of N images.
        paths: Their files, or those of their heatmaps.
        sizes: int64 (N, 2), width and height of each, in pixels.
        confidence: Lowest confidence (objectness times class) kept.
        nms_ious: IoUs above which a box of the same class and lower confidence is dropped.
        device: Where the network is.
        batch: Images at a time, at most.
        image_size: Longest side of the network's input, in pixels; None takes that of the training.
        precision: Arithmetic of the network.

    Returns:
        Predictions at each of these IoUs, all from the same candidates.

    Raises:
        InputError: An image cannot be read, or has another number of channels, or the device does not compute in
            the precision.
    """
    check_precision(device, precision)
    size = image_size or header.image_size
    images = FramedImages(paths, sizes, size, header.channels, header.padding, kind=header.input)
    found: list[list[tuple[int, NDArray[np.float32]]]] = [[] for _ in nms_ious]
    steps = len(images.batches(batch))
    for answer in track(infer(network, images, batch, device, precision), "predicting", steps):
        for own, nms_iou in zip(found, nms_ious, strict=True):
            kept = non_max_suppression(answer.decoded, confidence, nms_iou)
            for index, boxes in zip(answer.indices, kept, strict=True):
                pixels = boxes.float().cpu().numpy()
                pixels[:, :4] = images.frames[index].to_original(pixels[:, :4])
                own.append((index, pixels))
    settings = {
        "model": header.model,
        "channels": header.channels,
        "input": header.input,
        "image_size": size,
        "confidence": confidence,
        "max_boxes_per_class": MOST_BOXES,
        "precision": precision,
        "classes": {str(number): name for number, name in zip(header.class_ids, header.class_names, strict=True)},
    }
    table = pd.DataFrame({"image": list(names), "width": sizes[:, 0], "height": sizes[:, 1]})
    return [
        Predictions(_as_table(own, names, header), table, {**settings, "nms_iou": nms_iou})
        for own, nms_iou in zip(found, nms_ious, strict=True)
    ]


def _as_table(found: Sequence[tuple[int, NDArray[np.float32]]], names: Sequence[str], header: Header) -> pd.DataFrame:
    boxes = np.concatenate([np.zeros((0, 6), np.float32), *(boxes for _, boxes in found)])
    image = np.repeat([index for index, _ in found], [len(boxes) for _, boxes in found]).astype(np.int64)
    number = boxes[:, 5].astype(np.int64)
    table = pd.DataFrame(
        {
            "image": np.asarray(names, object)[image],
            "class": np.asarray(header.class_names, object)[number],
            "class_id": np.asarray(header.class_ids, np.int64)[number],
            "confidence": boxes[:, 4],
            **{column: boxes[:, place] for place, column in enumerate(("x1", "y1", "x2", "y2"))},
        }
    )
    return table.sort_values(["image", "confidence"], ascending=[True, False], kind="stable", ignore_index=True)
