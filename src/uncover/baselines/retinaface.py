"""RetinaFace (Deng et al. 2020) with its small network, MobileNet 0.25, of facexlib.

There are two editions of this network by the same author. Names and shapes of their weights are equal, so that each
file loads into each network without an error; but with the other edition's activation and anchors a network finds next
to nothing (on real photos, an AP50 of 0.01 instead of 0.8). The editions are identified by hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from facexlib.detection.retinaface import RetinaFace
from facexlib.detection.retinaface_utils import decode, decode_landm
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import nms

from uncover.baselines.weights import BaselineWeights
from uncover.config import baselines as config
from uncover.errors import InputError
from uncover.metrics.detections import Detections, Detector

CONFIDENCE = 0.02
NMS_IOU = 0.4
"""Values of RetinaFace's own evaluation."""

NETWORK = "mobile0.25"


@dataclass(frozen=True)
class Edition:
    """Properties of the network that a weights file does not contain.

    Attributes:
        slope: Slope of the activations below zero.
        anchors: Sides of the anchors of each level, in pixels.
    """

    slope: float
    anchors: tuple[tuple[int, int], ...]


USUAL = Edition(0.1, ((16, 32), (64, 128), (256, 512)))
"""Edition of biubug6/Pytorch_Retinaface, which facexlib uses."""

SMALL = Edition(0.0, ((10, 20), (32, 64), (128, 256)))
"""Edition of biubug6/Face-Detector-1MB-with-landmark."""

BY_NAME = {"facexlib": USUAL, "small": SMALL}
BY_HASH = {"ed6fa7d45a5179f03cb5ce82c73b0c6711372968e53782e88395acee88d319e1": SMALL}
"""Editions by sha256 of the original weights file; other files are taken as `USUAL`."""


def load(settings: config.RetinaFace, weights: BaselineWeights | None, device: torch.device) -> Detector:
    """Build the network.

    Args:
        settings: Only the edition is used.
        weights: Weights of RetinaFace with MobileNet 0.25.
        device: Device of the network.

    Raises:
        InputError: There are no weights, or they are of another network.
    """
    if weights is None:
        raise InputError("retinaface: requires weights; pass --weights, a folder of 'uncover fetch_weights'")
    return RetinaFaceDetector(build(weights, device, settings.edition))


def build(weights: BaselineWeights, device: torch.device, name: str = "auto") -> RetinaFace:
    """The network with its weights, in evaluation mode, with the parameters of its edition.

    Args:
        weights: Weights of RetinaFace with MobileNet 0.25.
        device: Device of the network.
        name: Name of the edition in the config.

    Raises:
        InputError: The weights are of another network.
    """
    network = RetinaFace(network_name=NETWORK, device=device)
    state = weights.state
    _check_fit(state, network.state_dict(), str(weights.about.get("source", "weights")))
    network.load_state_dict(state)
    edition = BY_NAME.get(name) or BY_HASH.get(str(weights.about.get("sha256")), USUAL)
    network.cfg["min_sizes"] = [list(sides) for sides in edition.anchors]
    for module in network.modules():
        if isinstance(module, nn.LeakyReLU):
            module.negative_slope = edition.slope
    return network.eval()


class RetinaFaceDetector:
    """The network, in evaluation mode."""

    def __init__(self, network: RetinaFace) -> None:
        self._network = network

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """See `Detector.detect`."""
        return [find_faces(self._network, image) for image in images]


@torch.no_grad()
def find_faces(network: RetinaFace, photo: NDArray[np.uint8]) -> Detections:
    """Faces in a photo; same result as `network.detect_faces`.

    That method creates its anchors one by one in Python, which takes longer than the network, and keeps data of the
    photo.

    Args:
        network: Network in evaluation mode.
        photo: uint8 (height, width, 3) in RGB.
    """
    height, width = photo.shape[:2]
    blue_first = torch.as_tensor(photo, device=network.device).flip(2).permute(2, 0, 1)[None].float()
    moves, chances, points = (answer[0] for answer in network(blue_first - network.mean_tensor))
    left = torch.nonzero(chances[:, 1] > CONFIDENCE)[:, 0]
    anchors = anchors_of(network.cfg, height, width).to(network.device)[left]
    size = anchors.new_tensor([width, height])
    boxes = decode(moves[left], anchors, network.cfg["variance"]) * size.repeat(2)
    landmarks = decode_landm(points[left], anchors, network.cfg["variance"]) * size.repeat(5)
    confidence = chances[left, 1]
    kept = nms(boxes, confidence, NMS_IOU)
    # The network's order is that of `LANDMARKS`: the eye on the left of the photo, the subject's right one, is first.
    found = {"boxes": boxes, "confidence": confidence, "landmarks": landmarks.reshape(-1, 5, 2)}
    return Detections(**{name: values[kept].cpu().numpy() for name, values in found.items()})


def anchors_of(cfg: Mapping[str, Any], height: int, width: int) -> Tensor:
    """Anchors of a photo, float32 (N, 4): centre and size as shares of the photo; two per position and level."""
    levels = []
    for step, sides in zip(cfg["steps"], cfg["min_sizes"], strict=True):
        rows, columns, side = np.meshgrid(
            np.arange(-(-height // step)), np.arange(-(-width // step)), np.array(sides), indexing="ij"
        )
        anchors = ((columns + 0.5) * step / width, (rows + 0.5) * step / height, side / width, side / height)
        levels.append(np.stack(anchors, axis=-1).reshape(-1, 4))
    return torch.as_tensor(np.concatenate(levels), dtype=torch.float32)


def _check_fit(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str) -> None:
    missing = [name for name in expected if name not in state]
    unknown = [name for name in state if name not in expected]
    other = [name for name in expected if name in state and state[name].shape != expected[name].shape]
    for names, what in ((missing, "missing"), (unknown, "not of this network"), (other, "of another shape")):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise InputError(
                f"{source}: {names[0]}{more} {'are' if more else 'is'} {what}; expected weights of RetinaFace with"
                " MobileNet 0.25"
            )
