"""Methods of class-activation mapping: from activations and gradients to maps.

The table in `uncover.config.heatmaps` lists their names and classes.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from uncover.cam.passes import Segments
from uncover.config.heatmaps import METHODS as ROWS
from uncover.config.heatmaps import CamMethod
from uncover.yolov5.network import Network


class GradientMethod(ABC):
    """A map per score, from activations and gradients of the score."""

    @abstractmethod
    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        """The maps of all segments.

        Args:
            activations: (B, P, K): images, cells, channels.
            segments: Gradients of S scores.

        Returns:
            (S, P), before ReLU.
        """


class ActivationMethod(ABC):
    """One map per image, independent of the score."""

    @abstractmethod
    def __call__(self, activations: Tensor) -> Tensor:
        """The maps of all images: (B, P, K) as (B, P), before ReLU."""


class ForwardMethod(ABC):
    """A map per score, from forward passes on changed images."""

    @abstractmethod
    def __call__(
        self, network: Network, image: Tensor, activations: Tensor, scores: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The maps of one image.

        Args:
            network: Network in evaluation mode.
            image: (channels, H, W), shares of 255.
            activations: (K, h, w) of the image.
            scores: Function of candidates (N, 5 + C) that returns scores (S,): classes first, their sum last.

        Returns:
            (S, h, w), before ReLU.
        """


class GradCAM(GradientMethod):
    """GradCAM (Selvaraju et al. 2017, equations 1 and 2): channels weighted by their mean gradient."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        return segments.weigh(activations, segments.sum(segments.values) / activations.shape[1])


class GradCAMPlusPlus(GradientMethod):
    """GradCAM++ (Chattopadhay et al. 2018, equations 7 and 19).

    Channels are weighted by their positive gradients; a gradient counts more if few cells share the evidence.
    """

    EPSILON = 1e-6
    """Constant of grad-cam. It makes the map depend on the score's scale if gradients are small."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        gradients = segments.values
        square = gradients * gradients
        total = activations.sum(1, dtype=torch.float64).to(activations.dtype)[segments.image][segments.segment]
        share = square / (2 * square + total * square * gradients + self.EPSILON)
        # If the gradient is zero, so is the numerator; only a vanishing denominator would give another result.
        share = torch.where(gradients != 0, share, 0)
        return segments.weigh(activations, segments.sum(gradients.clamp(min=0) * share))


class HiResCAM(GradientMethod):
    """HiResCAM (Draelos and Carin 2020, equation 4): activation times gradient, cell by cell, summed over channels."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        return segments.spread((segments.values * segments.activations(activations)).sum(1), activations.shape[1])


class XGradCAM(GradientMethod):
    """XGradCAM (Fu et al. 2020, equation 8): channels weighted by the mean of gradients, weighted by activations."""

    EPSILON = 1e-7
    """grad-cam's."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        total = activations.sum(1, dtype=torch.float64)[segments.image].to(activations.dtype) + self.EPSILON
        weights = segments.sum(segments.values * segments.activations(activations)) / total
        return segments.weigh(activations, weights)


class LayerCAM(GradientMethod):
    """LayerCAM (Jiang et al. 2021, equations 6 and 7): HiResCAM with positive gradients only."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        positive = segments.values.clamp(min=0) * segments.activations(activations)
        return segments.spread(positive.sum(1), activations.shape[1])


class EigenCAM(ActivationMethod):
    """EigenCAM (Muhammad and Yeasin 2020): activations projected on their first principal component, for all classes.

    The sign of a principal component is arbitrary, so that libraries return some maps inverted. Here the map correlates
    positively with the mean activation; if they are uncorrelated, its largest value is positive.
    """

    ROUNDING = 1e-12
    """Threshold relative to the map's squared norm: a smaller product with the mean activation is rounding error."""

    def __call__(self, activations: Tensor) -> Tensor:
        return torch.stack([self._project(own) for own in activations])

    def _project(self, activations: Tensor) -> Tensor:
        if not activations.isfinite().all():
            # A decomposition would raise and fail the other images of the batch.
            return torch.full_like(activations[:, 0], torch.nan)
        centred = activations.double()
        # Subtract the first cell first, so that a constant channel is exactly zero.
        centred = centred - centred[0]
        centred = centred - centred.mean(0)
        cells, channels = centred.shape
        # The smaller Gram matrix has the same first component and is cheaper than a full decomposition.
        if cells <= channels:
            values, vectors = torch.linalg.eigh(centred @ centred.T)
            projection = vectors[:, -1] * values[-1].clamp(min=0).sqrt()
        else:
            projection = centred @ torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -1]
        alignment = projection @ centred.mean(1)
        if alignment.abs() <= self.ROUNDING * (projection @ projection):
            alignment = projection[projection.abs().argmax()]
        return (projection if alignment >= 0 else -projection).to(activations.dtype)


class ScoreCAM(ForwardMethod):
    """ScoreCAM (Wang et al. 2020, equations 8 to 10).

    Channels are weighted by the score of the image masked with them: one forward pass per channel, for all classes.
    """

    EPSILON = 1e-8
    """grad-cam's."""

    BATCH = 16
    """Channels per pass."""

    def __call__(
        self, network: Network, image: Tensor, activations: Tensor, scores: Callable[[Tensor], Tensor]
    ) -> Tensor:
        with torch.no_grad():
            weights = torch.cat([self._scores(network, image, part, scores) for part in activations.split(self.BATCH)])
            return torch.einsum("ks,khw->shw", weights.softmax(0), activations)

    def _scores(
        self, network: Network, image: Tensor, activations: Tensor, scores: Callable[[Tensor], Tensor]
    ) -> Tensor:
        masks = nn.functional.interpolate(activations[None], image.shape[1:], mode="bilinear", align_corners=True)[0]
        low, high = masks.amin((1, 2), keepdim=True), masks.amax((1, 2), keepdim=True)
        masks = (masks - low) / (high - low + self.EPSILON)
        decoded, _ = network(image * masks[:, None])
        return torch.stack([scores(candidates) for candidates in decoded])


class Packaged(GradientMethod):
    """A method of the package grad-cam, called with our activations and gradients, one score at a time."""

    def __init__(self, module: str, name: str) -> None:
        """
        Args:
            module: Full name of the module.
            name: Name of the class.
        """
        self._module, self._name = module, name

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        # Imported here: the package imports matplotlib, scikit-learn and more.
        kind = getattr(importlib.import_module(self._module), self._name)
        method = kind(nn.Linear(1, 1), [])
        cells = activations.shape[1]
        maps = activations.new_empty(len(segments.image), cells)
        for number, image in enumerate(segments.image.tolist()):
            own = segments.segment == number
            gradients = torch.zeros_like(activations[image])
            gradients[segments.cell[own]] = segments.values[own]
            if not (activations[image].isfinite().all() and gradients.isfinite().all()):
                # The package would treat them as zeros, or raise.
                maps[number] = torch.nan
                continue
            # A single row of cells is enough: none of these methods uses the position of cells.
            given = [values.T[None, :, None].cpu().numpy() for values in (activations[image], gradients)]
            answer = method.get_cam_image(None, None, None, *given, False)
            maps[number] = torch.from_numpy(answer[0, 0]).to(maps)
        return maps


def _of(row: CamMethod) -> GradientMethod | ActivationMethod | ForwardMethod:
    """The method of a row of the table."""
    module, _, name = row.code.rpartition(".")
    return Packaged(module, name) if module else globals()[name]()


METHODS = {name: _of(row) for name, row in ROWS.items()}
"""Methods by name."""
