"""Differences of our native maps from grad-cam's with a trained network, and of both from double precision."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_grad_cam
import torch
from heatmap_contenders import Decoded
from numpy.typing import NDArray
from torch import Tensor

from uncover.cam.engine import Explainer
from uncover.cam.targets import TARGETS
from uncover.config.heatmaps import Variant
from uncover.images.reading import inspect_image, named_images
from uncover.yolov5.inference import FramedImages, to_network
from uncover.yolov5.network import Network
from uncover.yolov5.weights import open_weights

METHODS = {
    "gradcampp": pytorch_grad_cam.GradCAMPlusPlus,
    "hirescam": pytorch_grad_cam.HiResCAM,
    "gradcam": pytorch_grad_cam.GradCAM,
    "xgradcam": pytorch_grad_cam.XGradCAM,
    "layercam": pytorch_grad_cam.LayerCAM,
    "eigencam": pytorch_grad_cam.EigenCAM,
}
IMAGES = 8


@dataclass(frozen=True)
class Agreement:
    """Differences of native maps in single precision, as shares of the largest value of the map in double precision.

    Attributes:
        between: Difference between ours and grad-cam's.
        ours: Difference between ours and the formula in double precision, on the same activations and gradients: the
            rounding of the method itself.
        theirs: The same for grad-cam.
        ours_from_truth: Difference between ours and the map computed in double precision, including the network.
        theirs_from_truth: The same for grad-cam.
        in_double: Difference between ours and grad-cam's, both in double precision.
    """

    between: float = 0.0
    ours: float = 0.0
    theirs: float = 0.0
    ours_from_truth: float = 0.0
    theirs_from_truth: float = 0.0
    in_double: float = 0.0

    def worst(self, other: Agreement) -> Agreement:
        """The larger value of each difference."""
        return Agreement(*map(max, zip(astuple(self), astuple(other), strict=True)))


def measure(weights: Path, images: Path, count: int = IMAGES) -> dict[str, Agreement]:
    """Compare all methods, classes and targets on a few photos.

    Args:
        weights: A trained detector.
        images: Folder of photos.
        count: Maximum number of photos.

    Returns:
        The largest of each difference, by method and target, such as "hirescam T2".
    """
    network, header, _ = open_weights(weights)
    paths = list(named_images([images]).values())[:count]
    sizes = np.array([inspect_image(path, header.channels) for path in paths])
    framed = FramedImages(paths, sizes, header.image_size, header.channels, header.padding)
    variants = {
        f"{method} {target}": Variant(method=method, target=target)  # type: ignore[arg-type]
        for method in METHODS
        for target in TARGETS
    }
    single, double = (_Both(each, variants) for each in (network, copy.deepcopy(network).double()))
    worst = dict.fromkeys(variants, Agreement())
    for index in range(len(paths)):
        image = to_network(framed[index][None], torch.device("cpu")).contiguous()
        found, exact = single.explain(image), double.explain(image.double())
        (detections,), (same,) = found.detections, exact.detections
        if len(detections) != len(same):
            print(f"{paths[index].name}: skipped, because a box is found in one precision only")
            continue
        there = detections[:, 5].long().unique().tolist()
        for name in variants:
            for number in [*there, single.explain.classes] if there else []:
                theirs, on_same = single.native(name, image, detections, number)
                truth, _ = double.native(name, image.double(), same, number)
                ours, in_double = (each.maps[name][0].raw[0][number].numpy() for each in (found, exact))
                if name.startswith("eigencam"):
                    theirs, on_same, truth = (each * np.sign((each * ours).sum()) for each in (theirs, on_same, truth))
                # If grad-cam's map is zero, ours must be zero too: layer -2 does not affect every class.
                scale = max(float(np.abs(truth).max()), float(np.finfo(np.float32).tiny))
                pairs = [(ours, theirs), (ours, on_same), (theirs, on_same)]
                pairs += [(ours, truth), (theirs, truth), (in_double, truth)]
                own = Agreement(*(float(np.abs(one - other).max()) / scale for one, other in pairs))
                worst[name] = worst[name].worst(own)
    return worst


class _Both:
    """A network in one precision, explained by ours and by grad-cam."""

    def __init__(self, network: Network, variants: Mapping[str, Variant]) -> None:
        self.explain = Explainer(network, variants)
        self._decoded = Decoded(network)

    def native(
        self, name: str, image: Tensor, detections: Tensor, number: int
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """grad-cam's map of one class, or of the sum of all classes, before upscaling.

        Returns:
            The map, and that computed by grad-cam in double precision from the same activations and gradients.
        """
        method, target = name.split()

        class Native(METHODS[method]):  # type: ignore[misc]
            def get_cam_image(self, *given: Any) -> NDArray[np.floating]:
                self.native = super().get_cam_image(*given)
                doubled = (each.astype(np.float64) if isinstance(each, np.ndarray) else each for each in given)
                self.on_same = super().get_cam_image(*doubled)
                return self.native

        def score(candidates: Tensor) -> Tensor:
            scores = TARGETS[target].scores(candidates, detections)
            return scores[number] if number < len(scores) else scores.sum()

        self._decoded.requires_grad_(True)
        with Native(self._decoded, [self._decoded.network.model[-2]]) as cam:
            cam(image, [score])
        self._decoded.requires_grad_(False)
        return cam.native[0], cam.on_same[0]
