"""GradCAM (Selvaraju et al. 2017, equations 1 and 2)."""

from __future__ import annotations

from torch import Tensor

from uncover.heatmaps.methods.base import GradientMethod
from uncover.heatmaps.segments import Segments


class GradCAM(GradientMethod):
    """Each channel weighs its mean gradient."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        return segments.weigh(activations, segments.sum(segments.values) / activations.shape[1])
