"""EigenCAM (Muhammad and Yeasin 2020), with a sign."""

from __future__ import annotations

import torch
from torch import Tensor

from uncover.heatmaps.methods.base import ActivationMethod

ROUNDING = 1e-12
"""Share of the map's square up to which its product with the mean activation is rounding."""


class EigenCAM(ActivationMethod):
    """Activations projected on their first principal component; the same for every class.

    A principal component has no sign, and libraries choose one by chance, so that maps come out inverted. Here the map
    goes with the mean activation; where the two are not correlated, its largest value is positive.
    """

    def __call__(self, activations: Tensor) -> Tensor:
        return torch.stack([_project(own) for own in activations])


def _project(activations: Tensor) -> Tensor:
    if not activations.isfinite().all():
        # A decomposition would raise, and take the batch's other images with it.
        return torch.full_like(activations[:, 0], torch.nan)
    centred = activations.double()
    # First the first cell: a channel that is the same everywhere is zero then, not what rounding makes of its mean.
    centred = centred - centred[0]
    centred = centred - centred.mean(0)
    cells, channels = centred.shape
    # The smaller of the two products has the same first component, for a fraction of a full decomposition.
    if cells <= channels:
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        projection = vectors[:, -1] * values[-1].clamp(min=0).sqrt()
    else:
        projection = centred @ torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -1]
    alignment = projection @ centred.mean(1)
    if alignment.abs() <= ROUNDING * (projection @ projection):
        alignment = projection[projection.abs().argmax()]
    return (projection if alignment >= 0 else -projection).to(activations.dtype)
