"""How far our native maps are from grad-cam's, with a trained network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytorch_grad_cam
import torch
from heatmap_contenders import Decoded
from numpy.typing import NDArray
from torch import Tensor

from uncover.config.heatmaps import Variant
from uncover.detector.inference import FramedImages, to_network
from uncover.detector.opening import open_weights
from uncover.heatmaps.engine import Explainer
from uncover.heatmaps.targets import TARGETS
from uncover.images.named import named_images
from uncover.images.reading import inspect_image

METHODS = {
    "gradcampp": pytorch_grad_cam.GradCAMPlusPlus,
    "hirescam": pytorch_grad_cam.HiResCAM,
    "gradcam": pytorch_grad_cam.GradCAM,
    "xgradcam": pytorch_grad_cam.XGradCAM,
    "layercam": pytorch_grad_cam.LayerCAM,
    "eigencam": pytorch_grad_cam.EigenCAM,
}
IMAGES = 8


def largest_differences(weights: Path, images: Path) -> dict[str, float]:
    """Compare all methods, classes and targets on a few photos.

    Args:
        weights: A trained detector.
        images: Photos.

    Returns:
        By method, the largest difference of two native maps, as a share of the largest value of grad-cam's.
    """
    network, header, _ = open_weights(weights)
    paths = list(named_images([images]).values())[:IMAGES]
    sizes = np.array([inspect_image(path, header.channels) for path in paths])
    framed = FramedImages(paths, sizes, header.image_size, header.channels, header.padding)
    variants = {
        f"{method} {target}": Variant(method=method, target=target)  # type: ignore[arg-type]
        for method in METHODS
        for target in TARGETS
    }
    explain = Explainer(network, variants)
    decoded = Decoded(network)
    worst = dict.fromkeys(METHODS, 0.0)
    for index in range(len(paths)):
        image = to_network(framed[index][None], torch.device("cpu")).contiguous()
        explanation = explain(image)
        (detections,) = explanation.detections
        for name, (heatmaps,) in explanation.maps.items():
            method, target = name.split()
            there = detections[:, 5].long().unique().tolist() if len(detections) else []
            for number in [*there, explain.classes] if there else []:
                theirs = _native(METHODS[method], decoded, image, target, detections, number)
                ours = heatmaps.raw[0][number].numpy()
                if method == "eigencam" and (ours * theirs).sum() < 0:
                    theirs = -theirs
                # Nothing may differ where grad-cam's map is nothing: layer -2 does not see every class.
                scale = max(float(np.abs(theirs).max()), float(np.finfo(np.float32).tiny))
                worst[method] = max(worst[method], float(np.abs(ours - theirs).max()) / scale)
    return worst


def _native(
    kind: type, decoded: torch.nn.Module, image: Tensor, target: str, detections: Tensor, number: int
) -> NDArray[np.float32]:
    """grad-cam's map of one class, or of the sum of all, before it is enlarged."""

    class Native(kind):  # type: ignore[misc]
        def get_cam_image(self, *args: object, **kwargs: object) -> NDArray[np.float32]:
            self.native = super().get_cam_image(*args, **kwargs)
            return self.native

    def score(candidates: Tensor) -> Tensor:
        scores = TARGETS[target].scores(candidates, detections)
        return scores[number] if number < len(scores) else scores.sum()

    scored: Callable[[Tensor], Tensor] = score
    decoded.requires_grad_(True)
    with Native(decoded, [decoded.network.model[-2]]) as method:
        method(image, [scored])
    decoded.requires_grad_(False)
    return method.native[0]
