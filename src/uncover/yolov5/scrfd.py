"""Published weights of SCRFD-2.5G as initial weights for its layers with a head of YOLOv5.

SCRFD (Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", ICLR 2022) predicts, for each
of two square anchors at a cell's corner, a face score and the distances of the four sides. A YOLOv5 head predicts
centre and sides through sigmoids. The conversion is exact to the first order: for a face whose centre is half a cell
from the corner and whose sides are the anchor's, both give the same box.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from uncover.errors import InputError
from uncover.yolov5.network import SCRFD, Network, build_network
from uncover.yolov5.third_party import ONNX

LEVELS, ANCHORS = 3, 2
CERTAIN = 8.0
"""Logit of the only class; objectness already represents the face score."""


def state_of_onnx(content: bytes, name: str) -> dict[str, Tensor]:
    """Read the weights from the published graph.

    Args:
        content: The ONNX file of SCRFD-2.5G, with or without its five landmarks.
        name: Name of the file in messages.

    Returns:
        State dict of a `Network` of `SCRFD` with three channels and one class, float32. Its input is shares of 255; the
        input of the published graph is (RGB - 127.5) / 128.

    Raises:
        InputError: The file is not an ONNX file, or has another network.
    """
    other = f"{name}: {ONNX}; the only supported ONNX model is SCRFD-2.5G"
    try:
        graph = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
    except cv2.error:
        raise InputError(other) from None
    layers = [graph.getLayer(graph.getLayerId(each)) for each in graph.getLayerNames()]
    convolutions = iter([tuple(map(np.asarray, layer.blobs)) for layer in layers if layer.type == "Convolution"])
    # One factor for the distances of each level; the smaller networks of the family have none.
    constants = [np.asarray(layer.blobs[0]) for layer in layers if layer.type == "Const" and layer.blobs]
    factors = [float(value.item()) for value in constants if value.size == 1]
    network = build_network(SCRFD, 3, 1, seed=0)
    try:
        _fill(network, convolutions, factors)
    except (StopIteration, ValueError, IndexError):
        raise InputError(other) from None
    state = network.state_dict()
    weight, bias = state["model.0.0.weight"], state["model.0.0.bias"]
    bias -= weight.sum((1, 2, 3)) * (127.5 / 128)
    weight *= 255 / 128
    return state


def _fill(network: Network, blobs: Iterator[tuple[np.ndarray, ...]], factors: list[float]) -> None:
    towers = len(network.model) - 1 - 2 * LEVELS
    for layer in network.model[:towers]:
        for module in layer.modules():
            if isinstance(module, nn.Conv2d):
                _copy(next(blobs), module)
    for level in range(LEVELS):
        for layer in network.model[towers + 2 * level : towers + 2 * level + 2]:
            _copy(next(blobs), layer[0])  # type: ignore[index]
        scores, distances = next(blobs), next(blobs)
        anchors = network.head.anchors[level]
        _copy_head(network.head.m[level], scores, distances, factors[level], anchors)  # type: ignore[arg-type]
        next(blobs, None)  # its five landmarks
    if next(blobs, None) is not None:
        raise ValueError


def _copy(blobs: tuple[np.ndarray, ...], into: nn.Conv2d) -> None:
    weight, bias = (torch.from_numpy(np.array(blob)) for blob in blobs)
    if weight.shape != into.weight.shape:
        raise ValueError
    with torch.no_grad():
        into.weight.copy_(weight)
        into.bias.copy_(bias.flatten())  # type: ignore[union-attr]


@torch.no_grad()
def _copy_head(
    into: nn.Conv2d,
    scores: tuple[np.ndarray, ...],
    distances: tuple[np.ndarray, ...],
    factor: float,
    anchors: Tensor,
) -> None:
    """Scores become objectness; left, top, right and bottom distances become the logits of centre and sides."""
    weight, bias = (torch.from_numpy(np.array(blob)) for blob in scores)
    far, far_bias = (torch.from_numpy(np.array(blob)) * factor for blob in distances)
    if weight.shape != (ANCHORS, into.in_channels, 3, 3) or far.shape != (4 * ANCHORS, into.in_channels, 3, 3):
        raise ValueError
    own = into.weight.view(ANCHORS, 6, *into.weight.shape[1:])
    own_bias = into.bias.view(ANCHORS, 6)  # type: ignore[union-attr]
    far, far_bias = far.view(ANCHORS, 4, *far.shape[1:]), far_bias.view(ANCHORS, 4)
    for axis in (0, 1):
        low, high = axis, axis + 2
        # 2 sigmoid(x) - 0.5 is (high - low) / 2, and (2 sigmoid(x)) ** 2 of the anchor low + high, at x = 0.
        own[:, axis] = far[:, high] - far[:, low]
        own_bias[:, axis] = far_bias[:, high] - far_bias[:, low] - 1
        side = anchors[:, axis]
        own[:, 2 + axis] = (far[:, low] + far[:, high]) / side.view(-1, 1, 1, 1)
        own_bias[:, 2 + axis] = (far_bias[:, low] + far_bias[:, high]) / side - 1
    own[:, 4], own_bias[:, 4] = weight, bias.flatten()
    own[:, 5], own_bias[:, 5] = 0, CERTAIN
