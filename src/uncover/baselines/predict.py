"""Run baseline detectors on images; the predictions have the same form as those of our own detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.errors import needs_memory
from uncover.images.cache import readers
from uncover.images.inputs import Inputs
from uncover.images.reading import COLOURS, read_image
from uncover.metrics.detections import Detections, Detector
from uncover.metrics.predictions import CAP, IMAGE_SIZE, MOST_BOXES, NMS_IOU, Predictions
from uncover.progress import track
from uncover.threads import in_background


def predict_baseline(
    detector: Detector, inputs: Inputs, settings: Mapping[str, Any], longest: int | None, nms_iou: float = 0.6
) -> Predictions:
    """Run a detector on images one by one; the next images are read in the background.

    After the library's own suppression, boxes are suppressed as for our own detectors, with the same limits on overlap
    and number.

    Args:
        detector: Detector of whole faces.
        inputs: Photos.
        settings: Further settings to store with the predictions.
        longest: Longest side of the detector's input in pixels; larger photos are scaled down. None keeps their size.
        nms_iou: IoU above which a box of lower confidence is dropped, after the detector's own suppression.

    Returns:
        Whole faces in pixels of the original images, clipped to them; landmarks if the detector has them.

    Raises:
        InputError: An image cannot be read.
    """
    threads = readers(int(np.prod(inputs.sizes, axis=1).max(initial=0)) * COLOURS)
    photos = in_background((partial(read_image, path, COLOURS) for path in inputs.paths), threads, threads)
    found = []
    for name, photo in zip(inputs.names, track(photos, "finding faces", len(inputs.paths)), strict=True):
        with needs_memory(f"{name}, {photo.shape[1]} x {photo.shape[0]} pixels", "use smaller photos or --device cpu"):
            found.append(find_faces(detector, photo, longest, nms_iou))
    images = pd.DataFrame({"image": inputs.names, "width": inputs.sizes[:, 0], "height": inputs.sizes[:, 1]})
    classes = {"classes": {str(WHOLE_FACE): CLASS_NAMES[WHOLE_FACE]}}
    stated = {NMS_IOU: nms_iou, CAP: MOST_BOXES, **classes, IMAGE_SIZE: settings.get(IMAGE_SIZE, longest)}
    return Predictions(_as_table(inputs.names, found), images, {**settings, **stated})


def find_faces(detector: Detector, photo: NDArray[np.uint8], longest: int | None, nms_iou: float) -> Detections:
    """Faces in pixels of a photo, clipped to it, by falling confidence; arguments as for `predict_baseline`."""
    height, width = photo.shape[:2]
    if longest is None or max(height, width) <= longest:
        (found,) = detector.detect([photo])
    else:
        size = tuple(max(1, round(side * longest / max(height, width))) for side in (width, height))
        smaller = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
        (found,) = detector.detect([smaller])
        found = found.scaled(width / size[0], height / size[1])
    within = replace(found, confidence=np.clip(found.confidence, 0, 1)).clipped(width, height)
    return within.nms(nms_iou)[:MOST_BOXES]


def _as_table(names: Sequence[str], found: Sequence[Detections]) -> pd.DataFrame:
    of_images = [replace(each, image=np.full(len(each), row, np.int64)) for row, each in enumerate(found)]
    table = Detections.concatenate(of_images).to_pandas(names)
    return table.sort_values(["image", "confidence"], ascending=[True, False], kind="stable", ignore_index=True)
