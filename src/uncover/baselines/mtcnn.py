"""MTCNN (Zhang et al. 2016) of facenet-pytorch, which includes the weights.

Three networks filter candidates one after the other: the library's thresholds are 0.6, 0.7 and 0.7, so its faces have a
confidence above 0.7. Average precision needs boxes of lower confidence as well, so candidates pass at lower thresholds
(`DOUBTFUL`). Candidates that the library's first or second network would have rejected are marked: they never suppress
a box of the library, and their confidence is scaled to stay below 0.7. Boxes with at least 0.7 are therefore those of
the library; lower ones are those that it discards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from facenet_pytorch import MTCNN
from facenet_pytorch.models.utils.detect_face import (
    bbreg,
    fixed_batch_process,
    generateBoundingBox,
    imresample,
    nms_numpy,
    pad,
    rerec,
)
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import nms

from uncover.baselines.weights import BaselineWeights
from uncover.config.baselines import ReadyMade
from uncover.metrics.detections import Detections, Detector

CONFIDENCE = 0.05
NMS_IOU = 0.7

LIBRARY = (0.6, 0.7, 0.7)
"""Thresholds of the library's three networks."""

DOUBTFUL = (0.4, 0.3, CONFIDENCE)
"""Thresholds used here. On 140 real photos with 252 faces, many behind masks, the stored boxes cover 82 % of the faces
instead of 76 %, at 1.5 times the time; 0.3 and 0.1 would take three times as long, for 84 %."""

DISCOUNT = 0.69
"""Factor on the confidence of boxes that the library's first two networks would have rejected."""

SMALLEST_INPUT = 12
"""Side of the first network's input, in pixels."""


def load(settings: ReadyMade, weights: BaselineWeights | None, device: torch.device) -> Detector:
    """Load the networks; their weights are those of the package.

    Args:
        settings: Not used.
        weights: None.
        device: Device of the networks.
    """
    # The files of the package are state dicts, which torch opens without running code.
    return MtcnnDetector(MTCNN(keep_all=True, device=device).eval())


class MtcnnDetector:
    """The three networks, and the minimum face size."""

    def __init__(self, mtcnn: MTCNN) -> None:
        self._mtcnn = mtcnn

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """See `Detector.detect`."""
        return [_find_faces(self._mtcnn, image) for image in images]


@torch.no_grad()
def _find_faces(mtcnn: MTCNN, photo: NDArray[np.uint8]) -> Detections:
    pixels = torch.as_tensor(photo, device=mtcnn.device).permute(2, 0, 1)[None].float()
    boxes, sure = _propose(mtcnn, pixels)
    boxes, sure = _refine(mtcnn.rnet, pixels, boxes, sure)
    return _decide(mtcnn.onet, pixels, boxes, sure)


def _propose(mtcnn: MTCNN, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Candidates of any size as squares float32 (N, 4), and bool (N,) whether the library would keep them."""
    height, width = pixels.shape[2:]
    scale = SMALLEST_INPUT / mtcnn.min_face_size
    shorter = min(height, width) * scale
    found = [pixels.new_zeros(0, 9)]
    while shorter >= SMALLEST_INPUT:
        smaller = imresample(pixels, (int(height * scale + 1), int(width * scale + 1)))
        moves, chances = mtcnn.pnet(_centred(smaller))
        boxes, _ = generateBoundingBox(moves, chances[:, 1], scale, DOUBTFUL[0])
        found.append(boxes[nms(boxes[:, :4], boxes[:, 4], 0.5)])
        scale, shorter = scale * mtcnn.factor, shorter * mtcnn.factor
    boxes = torch.cat(found)
    boxes = boxes[nms(boxes[:, :4], boxes[:, 4], NMS_IOU)]
    size = (boxes[:, 2:4] - boxes[:, :2]).repeat(1, 2)
    return rerec(boxes[:, :4] + boxes[:, 5:] * size), boxes[:, 4] >= LIBRARY[0]


def _refine(network: nn.Module, pixels: Tensor, boxes: Tensor, sure: Tensor) -> tuple[Tensor, Tensor]:
    """Candidates after the second network."""
    boxes, sure, crops = _cut(pixels, boxes, sure, 24)
    if not len(boxes):
        return boxes, sure
    moves, chances = fixed_batch_process(crops, network)
    score = chances[:, 1]
    sure = sure & (score > LIBRARY[1])
    left = torch.nonzero(score > DOUBTFUL[1])[:, 0]
    left = left[nms(boxes[left], _rank(score, sure)[left], NMS_IOU)]
    return rerec(bbreg(boxes[left], moves[left])), sure[left]


def _decide(network: nn.Module, pixels: Tensor, boxes: Tensor, sure: Tensor) -> Detections:
    """Faces after the third network, which also gives the landmarks."""
    boxes, sure, crops = _cut(pixels, boxes, sure, 48)
    if not len(boxes):
        return replace(Detections.empty(), landmarks=np.zeros((0, 5, 2), np.float32))
    moves, points, chances = fixed_batch_process(crops, network)
    score = chances[:, 1]
    left = torch.nonzero(score > DOUBTFUL[2])[:, 0]
    boxes, sure, score = boxes[left], sure[left], score[left]
    # The network's order is that of `LANDMARKS`: the eye on the left of the photo, the subject's right one, is first.
    corner, size = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2] + 1)[:, None]
    landmarks = size * points[left].reshape(-1, 2, 5).permute(0, 2, 1) + corner - 1
    boxes = bbreg(boxes, moves[left])
    rank = _rank(score, sure).cpu().numpy()
    kept = nms_numpy(boxes.cpu().numpy(), rank, NMS_IOU, "Min").astype(np.int64) if len(rank) else []
    confidence = torch.where(sure, score, score * DISCOUNT)
    found = {"boxes": boxes, "confidence": confidence, "landmarks": landmarks}
    return Detections(**{name: values.cpu().numpy()[kept] for name, values in found.items()})


def _rank(score: Tensor, sure: Tensor) -> Tensor:
    """Rank for suppression: boxes of the library come first, in its order."""
    return torch.where(sure, score, score - 1)


def _cut(pixels: Tensor, boxes: Tensor, sure: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes with a pixel in the photo (the library fails on others), and their content, float32 (N, 3, side, side)."""
    tops, bottoms, lefts, rights = pad(boxes, pixels.shape[3], pixels.shape[2])
    inside = torch.as_tensor((bottoms >= tops) & (rights >= lefts), device=boxes.device)
    crops = [
        imresample(pixels[:, :, top - 1 : bottom, left - 1 : right], (side, side))
        for top, bottom, left, right in zip(tops, bottoms, lefts, rights, strict=True)
        if bottom >= top and right >= left
    ]
    return boxes[inside], sure[inside], _centred(torch.cat([pixels.new_zeros(0, 3, side, side), *crops]))


def _centred(pixels: Tensor) -> Tensor:
    return (pixels - 127.5) * 0.0078125
