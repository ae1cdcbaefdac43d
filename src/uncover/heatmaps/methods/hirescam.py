"""HiResCAM (Draelos and Carin 2020, equation 4)."""

from __future__ import annotations

from torch import Tensor

from uncover.heatmaps.methods.base import GradientMethod
from uncover.heatmaps.segments import Segments


class HiResCAM(GradientMethod):
    """Activation times gradient, cell by cell, summed over channels."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        return segments.spread((segments.values * segments.activations(activations)).sum(1), activations.shape[1])
