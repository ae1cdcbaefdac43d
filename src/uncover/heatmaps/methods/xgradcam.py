"""XGradCAM (Fu et al. 2020, equation 8)."""

from __future__ import annotations

import torch
from torch import Tensor

from uncover.heatmaps.methods.base import GradientMethod
from uncover.heatmaps.segments import Segments

EPSILON = 1e-7
"""grad-cam's."""


class XGradCAM(GradientMethod):
    """Each channel weighs the mean of its gradients, weighed by its activations."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        total = activations.sum(1, dtype=torch.float64)[segments.image].to(activations.dtype) + EPSILON
        weights = segments.sum(segments.values * segments.activations(activations)) / total
        return segments.weigh(activations, weights)
