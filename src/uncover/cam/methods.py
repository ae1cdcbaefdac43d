"""Methods of class-activation mapping: activations and gradients in, maps out.

The table of `uncover.config.heatmaps` names them and says which class each is.
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
    """A map per score, from activations and the score's gradients."""

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
    """One map per image, whatever the score."""

    @abstractmethod
    def __call__(self, activations: Tensor) -> Tensor:
        """The maps of all images: (B, P, K) as (B, P), before ReLU."""


class ForwardMethod(ABC):
    """A map per score, from forward passes over changed images."""

    @abstractmethod
    def __call__(
        self, network: Network, image: Tensor, activations: Tensor, scores: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The maps of one image.

        Args:
            network: In evaluation mode.
            image: (channels, H, W), shares of 255.
            activations: (K, h, w) of it.
            scores: The scores (S,) of candidates (N, 5 + C), classes first, their sum last.

        Returns:
            (S, h, w), before ReLU.
        """


class GradCAM(GradientMethod):
    """GradCAM (Selvaraju et al. 2017, equations 1 and 2): each channel weighs its mean gradient."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        return segments.weigh(activations, segments.sum(segments.values) / activations.shape[1])


class GradCAMPlusPlus(GradientMethod):
    """GradCAM++ (Chattopadhay et al. 2018, equations 7 and 19).

    Each channel weighs its positive gradients, and those count more where few cells share the evidence.
    """

    EPSILON = 1e-6
    """grad-cam's. It makes the map depend on the score's scale where gradients are small."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        gradients = segments.values
        square = gradients * gradients
        total = activations.sum(1, dtype=torch.float64).to(activations.dtype)[segments.image][segments.segment]
        share = square / (2 * square + total * square * gradients + self.EPSILON)
        # Where the gradient is zero so is the numerator; only a vanishing denominator could say otherwise.
        share = torch.where(gradients != 0, share, 0)
        return segments.weigh(activations, segments.sum(gradients.clamp(min=0) * share))


class HiResCAM(GradientMethod):
    """HiResCAM (Draelos and Carin 2020, equation 4): activation times gradient, cell by cell, summed over channels."""

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        return segments.spread((segments.values * segments.activations(activations)).sum(1), activations.shape[1])


class XGradCAM(GradientMethod):
    """XGradCAM (Fu et al. 2020, equation 8): each channel weighs the mean of its gradients, by its activations."""

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
    """EigenCAM (Muhammad and Yeasin 2020): activations on their first principal component; the same for every class.

    A principal component has no sign, and libraries choose one by chance, so that maps come out inverted. Here the map
    goes with the mean activation; where the two are not correlated, its largest value is positive.
    """

    ROUNDING = 1e-12
    """Share of the map's square up to which its product with the mean activation is rounding."""

    def __call__(self, activations: Tensor) -> Tensor:
        return torch.stack([self._project(own) for own in activations])

    def _project(self, activations: Tensor) -> Tensor:
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
        if alignment.abs() <= self.ROUNDING * (projection @ projection):
            alignment = projection[projection.abs().argmax()]
        return (projection if alignment >= 0 else -projection).to(activations.dtype)


class ScoreCAM(ForwardMethod):
    """ScoreCAM (Wang et al. 2020, equations 8 to 10).

    Each channel weighs the score of the image seen through it: a forward pass per channel, for all classes.
    """

    EPSILON = 1e-8
    """grad-cam's."""

    BATCH = 16
    """Channels in one pass."""

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
    """A method of the package grad-cam, which gets our activations and gradients, one score after the other."""

    def __init__(self, module: str, name: str) -> None:
        """
        Args:
            module: Of the package, in full.
            name: Of the class in it.
        """
        self._module, self._name = module, name

    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        # The package imports matplotlib, scikit-learn and more.
        kind = getattr(importlib.import_module(self._module), self._name)
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


def _of(row: CamMethod) -> GradientMethod | ActivationMethod | ForwardMethod:
    """The method that a row of the table names."""
    module, _, name = row.code.rpartition(".")
    return Packaged(module, name) if module else globals()[name]()


METHODS = {name: _of(row) for name, row in ROWS.items()}
"""Methods by name."""
