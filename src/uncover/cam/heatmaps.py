"""Heatmaps of one image: native maps of every class and of their sum, and the status of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.images.maps import MAP, NO_DETECTION

if TYPE_CHECKING:
    from torch import Tensor

NO_EVIDENCE, NOT_FINITE = "no positive evidence", "not finite"
"""Further values of the status, besides `MAP` and `NO_DETECTION`; all but `MAP` mean that the map is blank."""

EPSILON = 1e-7
"""Small constant of grad-cam, used to scale a map to the range from 0 to 1."""


ADVICE = {
    NO_DETECTION: "lower --confidence (such as 0.05), or use --target T1, which needs no detection",
    NO_EVIDENCE: "use more layers (--layer 17 --layer 20 --layer 23) or another --method",
    NOT_FINITE: "train the weights again",
}
"""Advice on blank maps, by status."""


def word_blank(statuses: Sequence[Sequence[str]], confidence: object) -> str:
    """Warning if most images have no map at all, with advice; empty otherwise.

    Args:
        statuses: For each image, the status of each of its maps: "map", or why it is blank.
        confidence: Confidence threshold of the explained detections; None if unknown.
    """
    # Maps that were expected but are blank are more informative than those of classes that were not detected.
    why = Counter(
        next((each for each in (NOT_FINITE, NO_EVIDENCE) if each in own), NO_DETECTION)
        for own in statuses
        if MAP not in own
    )
    if not why or 2 * why.total() < len(statuses):
        return ""
    from_on = f" of confidence {confidence} or more" if confidence is not None else ""
    named = ", ".join(f"{count} {name}{from_on * (name == NO_DETECTION)}" for name, count in why.most_common())
    tries = "; ".join(ADVICE[name] for name, _ in why.most_common())
    return f"all maps of {why.total()} of {len(statuses)} images are blank ({named}): {tries}"


@dataclass(frozen=True)
class Heatmaps:
    """Heatmaps of one image by one method.

    Attributes:
        values: float32 (C + 1, h, w): native maps after ReLU, finite; the last channel is the joint map, which explains
            the sum of all scores. Several layers are fused (see `fuse`).
        status: Status of each channel: "map", or why it is blank.
        raw: Per layer, (C + 1, h, w) before ReLU.
        degenerate: Number of detections left out because they have no area.
    """

    values: NDArray[np.float32]
    status: tuple[str, ...]
    raw: tuple[Tensor, ...]
    degenerate: int


def finish(raw: Sequence[Tensor], expected: Sequence[bool], degenerate: int) -> Heatmaps:
    """Make heatmaps from the raw maps of a method.

    Args:
        raw: Per layer, (C + 1, h, w) before ReLU, on the CPU.
        expected: For each channel, whether there is a score to explain.
        degenerate: Number of detections left out because they have no area.
    """
    layers = [layer.numpy() for layer in raw]
    finite = np.all([np.isfinite(layer).all((1, 2)) for layer in layers], axis=0)
    # Skip channels of absent classes, of which there may be many.
    wanted = finite & np.asarray(expected)
    values = np.zeros((len(wanted), *_finest(layers)), np.float32)
    values[wanted] = fuse([layer[wanted] for layer in layers])
    status = np.select([~finite, ~wanted, values.any((1, 2))], [NOT_FINITE, NO_DETECTION, MAP], NO_EVIDENCE)
    return Heatmaps(values, tuple(status.tolist()), tuple(raw), degenerate)


def fuse(layers: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
    """Combine the native maps of several layers into one.

    As in grad-cam, but at native size: the positive part of each layer is scaled to the range from 0 to 1 and enlarged
    to the cells of the finest layer; the result is the mean over layers. A single layer keeps its scale.

    Args:
        layers: Per layer, (C, h, w) before ReLU.

    Returns:
        float32 (C, h, w) of the finest layer.
    """
    positive = [np.maximum(layer, 0) for layer in layers]
    if len(positive) == 1:
        return positive[0].astype(np.float32)
    height, width = _finest(layers)
    return np.mean([_enlarge(_scale(layer), width, height) for layer in positive], axis=0, dtype=np.float32)


def _finest(layers: Sequence[NDArray[np.floating]]) -> tuple[int, int]:
    """Height and width of the layer with most cells."""
    height, width = max((layer.shape[1:] for layer in layers), key=np.prod)
    return height, width


def _scale(maps: NDArray[np.floating]) -> NDArray[np.float32]:
    low = maps.min((1, 2), keepdims=True)
    return ((maps - low) / (EPSILON + (maps - low).max((1, 2), keepdims=True))).astype(np.float32)


def _enlarge(maps: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    if maps.shape[1:] == (height, width):
        return maps
    enlarged = np.empty((len(maps), height, width), np.float32)
    # Channel by channel: OpenCV accepts at most 512 at a time, and there may be more classes.
    for number, channel in enumerate(maps):
        cv2.resize(channel, (width, height), dst=enlarged[number], interpolation=cv2.INTER_LINEAR)
    return enlarged
