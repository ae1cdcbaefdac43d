"""Methods that grad-cam computes: it gets our activations and gradients, and is told of one score after the other."""

from __future__ import annotations

import importlib

import torch
from torch import Tensor, nn

from uncover.heatmaps.methods.base import GradientMethod
from uncover.heatmaps.segments import Segments


class Packaged(GradientMethod):
    """A method of the package grad-cam that maps gradients and activations to an image."""

    def __init__(self, module: str, name: str) -> None:
        """
        Args:
            module: Of `pytorch_grad_cam`.
            name: Of the class in it.
        """
        self._module, self._name = module, name

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        # The package imports matplotlib, scikit-learn and more.
        kind = getattr(importlib.import_module(f"pytorch_grad_cam.{self._module}"), self._name)
        method = kind(nn.Linear(1, 1), [])
        cells = activations.shape[1]
        maps = activations.new_empty(len(segments.image), cells)
        for number, image in enumerate(segments.image.tolist()):
            own = segments.segment == number
            gradients = torch.zeros_like(activations[image])
            gradients[segments.cell[own]] = segments.values[own]
            if not (activations[image].isfinite().all() and gradients.isfinite().all()):
                # The package would take zeros for them, or raise.
                maps[number] = torch.nan
                continue
            # As one row of cells: none of these methods looks at what is beside what.
            given = [values.T[None, :, None].cpu().numpy() for values in (activations[image], gradients)]
            answer = method.get_cam_image(None, None, None, *given, False)
            maps[number] = torch.from_numpy(answer[0, 0]).to(maps)
        return maps
