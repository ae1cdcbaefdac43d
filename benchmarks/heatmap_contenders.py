"""Networks and contenders of `bench_heatmaps`: plain inference, our heatmaps, and grad-cam called class by class."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from uncover.cam.engine import detect
from uncover.cam.targets import TARGETS
from uncover.config.heatmaps import Variant
from uncover.yolov5.network import Network, build_network

METHODS = ("gradcampp", "hirescam")
CLASSES = 10
CANDIDATES = 2
"""Mean number of candidates per class and photo that the untrained network is adjusted to find. After non-maximum
suppression, there are about as many boxes as for a face with all its parts."""

SPREAD = 2.0
"""Standard deviation of class logits between candidates."""
THRESHOLD = -1.0
"""Logit at which a class passes a confidence of 0.25, with a small margin."""


def full_size_network(images: Tensor, model: str = "yolov5m") -> Network:
    """The network of `lively_network`, optimised for speed."""
    return lively_network(images, model).fuse().to(memory_format=torch.channels_last)


def lively_network(images: Tensor, model: str) -> Network:
    """An untrained network of ten classes that finds about as many boxes as a trained one.

    The cost of heatmaps depends on the number of detections. So the biases of the head are set such that a few
    candidates of every class pass the threshold in every photo.

    Args:
        images: float (B, 3, H, W), photos on which the biases are set.
        model: Model size.
    """
    network = build_network(model, 3, CLASSES, seed=0).requires_grad_(False)
    # Without batch norm statistics of real photos, activations of the last layers vanish.
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()(images)
    network.eval()
    rows = [
        (convolution.get_parameter("weight").unflatten(0, (-1, 5 + CLASSES)), convolution.get_parameter("bias"))
        for convolution in network.head.m
    ]
    rows = [(weight, bias.view(-1, 5 + CLASSES)) for weight, bias in rows]
    with torch.no_grad():
        raw = _raw(network, images)
        for weight, bias in rows:
            bias[:, 4] = 8
            # With random weights, scores hardly differ between positions, unlike with trained ones.
            weight[:, 5:] *= (SPREAD / raw.std((0, 1)))[None, 5:, None, None, None]
        raw = _raw(network, images)
        for number in range(CLASSES):
            passing = raw[..., 5 + number].flatten().topk(CANDIDATES * len(images)).values[-1]
            for _, bias in rows:
                bias[:, 5 + number] += THRESHOLD - passing
    return network


def _raw(network: Network, images: Tensor) -> Tensor:
    return torch.cat([level.flatten(1, 3) for level in network(images)[1]], 1)


def plain(network: Network, images: NDArray[np.uint8], convert: Callable[[NDArray[np.uint8]], Tensor]) -> None:
    """Inference only, without the non-maximum suppression that our heatmaps include."""
    with torch.inference_mode():
        network(convert(images))


class OneClassAtATime:
    """grad-cam's public API, called once per method and class, and once per method for all classes together."""

    def __init__(self, network: Network) -> None:
        """
        Args:
            network: Network whose weights can be differentiated.
        """
        import pytorch_grad_cam

        self._network = network
        self._decoded = Decoded(network)
        kinds = {"gradcampp": pytorch_grad_cam.GradCAMPlusPlus, "hirescam": pytorch_grad_cam.HiResCAM}
        self._methods = {name: kinds[name](self._decoded, [network.model[-2]]) for name in METHODS}

    def __call__(self, image: Tensor, classes: Sequence[int]) -> dict[str, list[NDArray[np.float32]]]:
        """Full-size maps of one image (1, 3, H, W): per method, one of each class, then the joint one."""
        with torch.no_grad():
            (detections,), _ = detect(self._network(image)[0], image.shape[2:], 0.25, 0.45)

        def target(*chosen: int) -> Callable[[Tensor], Tensor]:
            return lambda candidates: TARGETS["T2"].scores(candidates, detections)[list(chosen)].sum()

        self._network.requires_grad_(True)
        return {
            name: [method(image, [target(*own)])[0] for own in [*((each,) for each in classes), tuple(classes)]]
            for name, method in self._methods.items()
        }


class Decoded(nn.Module):
    """A network that returns only the decoded candidates, for grad-cam."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)[0]


def variants(layers: tuple[int, ...]) -> dict[str, Variant]:
    """Both methods of the thesis at some layers."""
    return {method: Variant(method=method, layers=layers) for method in METHODS}
