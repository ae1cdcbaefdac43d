"""Gradients of scores at a layer, and what all methods do with them.

A batch has many scores, one per image and class, and most gradients at the head's own layers are zero but at a few
cells. So a segment is one score, and gradients are a list of cells, each of one segment: a method's work does not grow
with the number of images or classes, and on a GPU neither does the number of its steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from uncover.detector.network import Detect
from uncover.heatmaps.passes import Pass
from uncover.heatmaps.targets import RowGradients


@dataclass(frozen=True)
class Segments:
    """Gradients of S scores at one layer.

    Attributes:
        image: int64 (S,), of the batch.
        channel: int64 (S,), a class, or the number of classes for the joint score.
        segment: int64 (U,), the score that each of the gradients is of.
        cell: int64 (U,), where it is: y times the layer's width, plus x.
        values: (U, K).
    """

    image: Tensor
    channel: Tensor
    segment: Tensor
    cell: Tensor
    values: Tensor

    def sum(self, values: Tensor) -> Tensor:
        """Sums over the cells of each segment: (U, K) as (S, K)."""
        return values.new_zeros(len(self.image), values.shape[1]).index_add_(0, self.segment, values)

    def spread(self, values: Tensor, cells: int) -> Tensor:
        """Values at cells (U,) as maps (S, P), zero elsewhere."""
        maps = values.new_zeros(len(self.image), cells)
        maps[self.segment, self.cell] = values
        return maps

    def activations(self, activations: Tensor) -> Tensor:
        """Activations (B, P, K) where the gradients are, (U, K)."""
        return activations[self.image[self.segment], self.cell]

    def weigh(self, activations: Tensor, weights: Tensor) -> Tensor:
        """Sums of the channels of activations (B, P, K), with weights (S, K), as maps (S, P)."""
        maps = weights.new_empty(len(self.image), activations.shape[1])
        for number, own in enumerate(activations):
            here = self.image == number
            maps[here] = weights[here] @ own.T
        return maps


def as_cells(activations: Tensor) -> Tensor:
    """Activations (B, K, h, w) as (B, P, K); where channels stand last in memory nothing is copied."""
    return activations.detach().flatten(2).transpose(1, 2)


def through_head(rows: RowGradients, passed: Pass, level: int, head: Detect) -> Segments:
    """Gradients at a layer that feeds the head, through its 1x1 convolution there.

    Args:
        rows: Derivatives to the head's raw numbers.
        passed: The pass that they are of.
        level: Which of the head's levels the layer feeds.
        head: The network's.
    """
    before = sum(part[0, ..., 0].numel() for part in passed.levels[:level])
    _, anchors, height, width, numbers = passed.levels[level].shape
    cells = height * width
    here = (rows.row >= before) & (rows.row < before + anchors * cells)
    anchor, cell = (rows.row[here] - before).div(cells, rounding_mode="floor"), (rows.row[here] - before) % cells
    image, channel, values = rows.image[here], rows.channel[here], rows.values[here]
    # A weight that is not finite has spoilt the scores that depend on it; others have zeros here, and keep them.
    weight = head.m[level].get_parameter("weight").detach().nan_to_num(0, 0, 0).view(anchors, numbers, -1)
    gradients = values.new_empty(len(values), weight.shape[2])
    for number in range(anchors):
        of_anchor = anchor == number
        gradients[of_anchor] = values[of_anchor] @ weight[number, rows.columns]
    channels = numbers - 4
    places, index = ((image * channels + channel) * cells + cell).unique(return_inverse=True)
    scores, segment = places.div(cells, rounding_mode="floor").unique_consecutive(return_inverse=True)
    return Segments(
        image=scores.div(channels, rounding_mode="floor"),
        channel=scores % channels,
        segment=segment,
        cell=places % cells,
        values=values.new_zeros(len(places), weight.shape[2]).index_add_(0, index, gradients),
    )


def through_graph(rows: RowGradients, passed: Pass) -> Iterator[dict[int, Segments]]:
    """Gradients at any layers, by autograd from the head back to them: one score of every image at a time.

    Args:
        rows: Derivatives to the head's raw numbers.
        passed: The pass that they are of, cut at the layers.

    Yields:
        Gradients by layer.
    """
    leaves = list(passed.activations.values())
    levels = [level for level in passed.levels if level.requires_grad]
    sizes = [level[0, ..., 0].numel() for level in passed.levels]
    for channel in rows.channel.unique():
        own = rows.channel == channel
        cotangent = torch.zeros_like(passed.raw)
        named = cotangent[..., rows.columns]
        named.index_put_((rows.image[own], rows.row[own]), rows.values[own], accumulate=True)
        parts = [part.view_as(level) for part, level in zip(cotangent.split(sizes, 1), passed.levels, strict=True)]
        parts = [part for part, level in zip(parts, passed.levels, strict=True) if level.requires_grad]
        gradients = torch.autograd.grad(levels, leaves, parts, retain_graph=True, materialize_grads=True)
        image = rows.image[own].unique()
        yield {
            layer: _everywhere(as_cells(gradient)[image], image, channel)
            for layer, gradient in zip(passed.activations, gradients, strict=True)
        }


def _everywhere(gradients: Tensor, image: Tensor, channel: Tensor) -> Segments:
    """Segments of gradients (S, P, K) at every cell."""
    count, cells, width = gradients.shape
    numbers = torch.arange(count, device=gradients.device)
    return Segments(
        image=image,
        channel=channel.expand(count),
        segment=numbers.repeat_interleave(cells),
        cell=torch.arange(cells, device=gradients.device).repeat(count),
        values=gradients.reshape(count * cells, width),
    )
