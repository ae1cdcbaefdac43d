"""RetinaFace (Deng et al. 2020) with its small network, MobileNet 0.25, as facexlib has it.

The weights are those that the config names: `biubug6/Face-Detector-1MB-with-landmark` and `biubug6/Pytorch_Retinaface`
publish files that fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from facexlib.detection.retinaface import RetinaFace
from facexlib.detection.retinaface_utils import decode, decode_landm
from torch import Tensor
from torchvision.ops import nms

from uncover.config.rivals import ReadyMade
from uncover.errors import InputError
from uncover.rivals.base import FindFaces, Found
from uncover.rivals.weights import RivalWeights

CONFIDENCE = 0.02
NMS_IOU = 0.4
"""Both as RetinaFace's own evaluation has them."""

NETWORK = "mobile0.25"
WRAPPED = "module."
"""What training on several GPUs puts before every name."""


def load(settings: ReadyMade, weights: RivalWeights | None, device: torch.device) -> FindFaces:
    """Build the network.

    Args:
        settings: Nothing in them concerns the network.
        weights: Of RetinaFace with MobileNet 0.25.
        device: Where to compute.

    Raises:
        InputError: There are no weights, or those of another network.
    """
    if weights is None:
        raise InputError("retinaface: comes without weights; give --weights, a folder of 'uncover fetch weights'")
    network = RetinaFace(network_name=NETWORK, device=device)
    state = {name.removeprefix(WRAPPED): value for name, value in weights.state.items()}
    _check_fit(state, network.state_dict(), str(weights.about.get("source", "weights")))
    network.load_state_dict(state)
    return partial(find_faces, network.eval())


@torch.no_grad()
def find_faces(network: RetinaFace, photo: np.ndarray) -> Found:
    """Faces in a photo; `network.detect_faces` finds the same.

    That one makes its list of anchors one by one in Python, which takes longer than the network, and leaves traces of
    the photo in it.

    Args:
        network: In evaluation mode.
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
    # The network's order is that of `LANDMARKS`: first the eye at the left of the photo, which is the right one.
    found = (boxes[kept], confidence[kept], landmarks[kept].reshape(-1, 5, 2))
    return Found(*(values.cpu().numpy() for values in found))


def anchors_of(cfg: Mapping[str, list], height: int, width: int) -> Tensor:
    """Anchors of a photo, float32 (N, 4): centre and size as shares of the photo's; two at each place of each level."""
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
