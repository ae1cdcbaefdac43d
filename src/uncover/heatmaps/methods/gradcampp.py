"""GradCAM++ (Chattopadhay et al. 2018, equations 7 and 19)."""

from __future__ import annotations

import torch
from torch import Tensor

from uncover.heatmaps.methods.base import GradientMethod
from uncover.heatmaps.segments import Segments

EPSILON = 1e-6
"""grad-cam's. It makes the map depend on the score's scale where gradients are small."""


class GradCAMPlusPlus(GradientMethod):
    """Each channel weighs its positive gradients, and those count more where few cells share the evidence."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        gradients = segments.values
        square = gradients * gradients
        total = activations.sum(1, dtype=torch.float64).to(activations.dtype)[segments.image][segments.segment]
        share = square / (2 * square + total * square * gradients + EPSILON)
        # Where the gradient is zero so is the numerator; only a vanishing denominator could say otherwise.
        share = torch.where(gradients != 0, share, 0)
        return segments.weigh(activations, segments.sum(gradients.clamp(min=0) * share))
