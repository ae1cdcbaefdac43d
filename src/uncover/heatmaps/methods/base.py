"""What a method of class-activation mapping is: activations and gradients in, maps out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor

from uncover.detector.network import Network
from uncover.heatmaps.segments import Segments


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
