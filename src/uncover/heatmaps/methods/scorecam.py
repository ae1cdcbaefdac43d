"""ScoreCAM (Wang et al. 2020, equations 8 to 10)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from uncover.detector.network import Network
from uncover.heatmaps.methods.base import ForwardMethod

EPSILON = 1e-8
"""grad-cam's."""

BATCH = 16


class ScoreCAM(ForwardMethod):
    """Each channel weighs the score of the image seen through it: a forward pass per channel, for all classes."""

    def __call__(
        self, network: Network, image: Tensor, activations: Tensor, scores: Callable[[Tensor], Tensor]
    ) -> Tensor:
        with torch.no_grad():
            weights = torch.cat([self._scores(network, image, part, scores) for part in activations.split(BATCH)])
            return torch.einsum("ks,khw->shw", weights.softmax(0), activations)

    def _scores(
        self, network: Network, image: Tensor, activations: Tensor, scores: Callable[[Tensor], Tensor]
    ) -> Tensor:
        masks = nn.functional.interpolate(activations[None], image.shape[1:], mode="bilinear", align_corners=True)[0]
        low, high = masks.amin((1, 2), keepdim=True), masks.amax((1, 2), keepdim=True)
        masks = (masks - low) / (high - low + EPSILON)
        decoded, _ = network(image * masks[:, None])
        return torch.stack([scores(candidates) for candidates in decoded])
