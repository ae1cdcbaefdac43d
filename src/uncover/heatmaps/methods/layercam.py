"""LayerCAM (Jiang et al. 2021, equations 6 and 7)."""

from __future__ import annotations

from torch import Tensor

from uncover.heatmaps.methods.base import GradientMethod
from uncover.heatmaps.segments import Segments


class LayerCAM(GradientMethod):
    """HiResCAM with positive gradients only."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        positive = segments.values.clamp(min=0) * segments.activations(activations)
        return segments.spread(positive.sum(1), activations.shape[1])
