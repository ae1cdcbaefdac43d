"""Faces that a detector of others finds in images, in the form of every detector's predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torchvision.ops import nms

from uncover.errors import needs_memory
from uncover.images.cache import readers
from uncover.images.inputs import Inputs
from uncover.images.reading import COLOURS, read_image
from uncover.metrics.alike import CAP, IMAGE_SIZE, MOST_BOXES, NMS_IOU
from uncover.metrics.predictions import CORNERS, LANDMARK_COLUMNS, Predictions
from uncover.parts.classes import CLASS_NAMES, WHOLE_FACE
from uncover.progress import track
from uncover.rivals.base import FindFaces, Found
from uncover.threads import in_background


def predict_rival(
    find: FindFaces, inputs: Inputs, settings: Mapping[str, Any], longest: int | None, nms_iou: float = 0.6
) -> Predictions:
    """Look at images one by one; while one is looked at, the next ones are read.

    Whatever rule a library has for boxes that overlap, of the boxes that it leaves no two overlap by more than those of
    our own detectors do, and a photo has no more of them.

    Args:
        find: The detector.
        inputs: Photos.
        settings: What else the predictions say of how they were made.
        longest: Longest side of a photo as the detector sees it, in pixels: larger ones are made smaller. None shows
            them as they are.
        nms_iou: IoU above which a box of lower confidence is dropped, after the detector's own rule.

    Returns:
        Whole faces in pixels of the original images, clipped to them; landmarks where the detector knows them.

    Raises:
        InputError: An image cannot be read.
    """
    threads = readers(int(np.prod(inputs.sizes, axis=1).max(initial=0)) * COLOURS)
    photos = in_background((partial(read_image, path, COLOURS) for path in inputs.paths), threads, threads)
    found = []
    for name, photo in zip(inputs.names, track(photos, "finding faces", len(inputs.paths)), strict=True):
        with needs_memory(f"{name}, {photo.shape[1]} x {photo.shape[0]} pixels", "take smaller photos or --device cpu"):
            found.append(_suppressed(_in_original(find, photo, longest), nms_iou))
    images = pd.DataFrame({"image": inputs.names, "width": inputs.sizes[:, 0], "height": inputs.sizes[:, 1]})
    classes = {"classes": {str(WHOLE_FACE): CLASS_NAMES[WHOLE_FACE]}}
    stated = {NMS_IOU: nms_iou, CAP: MOST_BOXES, **classes, IMAGE_SIZE: settings.get(IMAGE_SIZE, longest)}
    return Predictions(_as_table(inputs.names, found), images, {**settings, **stated})


def _in_original(find: FindFaces, photo: NDArray[np.uint8], longest: int | None) -> Found:
    height, width = photo.shape[:2]
    if longest is None or max(height, width) <= longest:
        return _clipped(find(photo), width, height)
    size = tuple(max(1, round(side * longest / max(height, width))) for side in (width, height))
    found = find(np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8))
    grown = np.array([width / size[0], height / size[1]], np.float32)
    landmarks = None if found.landmarks is None else found.landmarks * grown
    return _clipped(Found(found.boxes * np.tile(grown, 2), found.confidence, landmarks), width, height)


def _suppressed(found: Found, nms_iou: float) -> Found:
    """The same by falling confidence, without boxes that a surer one covers."""
    order = np.argsort(-found.confidence, kind="stable")
    corners, confidence = (torch.from_numpy(each[order]) for each in (found.boxes, found.confidence))
    kept = order[nms(corners, confidence, nms_iou)[:MOST_BOXES].numpy()]
    landmarks = None if found.landmarks is None else found.landmarks[kept]
    return Found(found.boxes[kept], found.confidence[kept], landmarks)


def _clipped(found: Found, width: int, height: int) -> Found:
    """The same, without what lies beyond the photo; a box that lies wholly beyond it goes."""
    most = np.array([width, height, width, height], np.float32)
    boxes = np.clip(found.boxes, 0, most)
    inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    landmarks = None if found.landmarks is None else found.landmarks[inside]
    return Found(boxes[inside], np.clip(found.confidence[inside], 0, 1), landmarks)


def _as_table(names: Sequence[str], found: Sequence[Found]) -> pd.DataFrame:
    image = np.repeat(np.arange(len(names)), [len(each.boxes) for each in found])
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(each.boxes for each in found)])
    columns = {
        "image": np.asarray(names, object)[image],
        "class": CLASS_NAMES[WHOLE_FACE],
        "class_id": WHOLE_FACE,
        "confidence": np.concatenate([np.zeros(0, np.float32), *(each.confidence for each in found)]),
        **dict(zip(CORNERS, boxes.T, strict=True)),
    }
    if all(each.landmarks is not None for each in found):
        points = [each.landmarks.reshape(-1, 10) for each in found if each.landmarks is not None]
        columns |= dict(zip(LANDMARK_COLUMNS, np.concatenate([np.zeros((0, 10)), *points]).T, strict=True))
    table = pd.DataFrame(columns)
    return table.sort_values(["image", "confidence"], ascending=[True, False], kind="stable", ignore_index=True)
