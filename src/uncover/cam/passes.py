"""Forward passes that keep what heatmaps need: activations of some layers, and how scores depend on them.

The derivative of a score at a layer sums over every path to the head; with several layers, over the paths that pass no
other one of them. If all those paths go only through the head's own 1x1 convolutions, as for layer -2 and for the three
layers that feed the head, no autograd graph is needed.

A batch has many scores, one per image and class, and most gradients at the layers before the head are zero except at a
few cells. So a segment is one score, and gradients are a list of cells that each belong to a segment: the work of a
method does not grow with the number of images or classes, and on a GPU neither does the number of kernels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from uncover.errors import InputError
from uncover.yolov5.network import Detect, Network


@dataclass(frozen=True)
class Pass:
    """Result of a forward pass on a batch.

    Attributes:
        activations: By layer, (B, K, h, w).
        levels: The head's raw output, a tensor (B, A, h, w, 5 + C) per level; connected to a graph that starts at the
            activations, unless the pass is direct.
        decoded: All candidates, (B, N, 5 + C): xc yc w h in pixels of the frame, objectness, classes; no graph.
        raw: The same candidates before decoding, (B, N, 5 + C); no graph.
        anchors: (N, 2), width and height of each candidate's anchor, in pixels.
        strides: (N,), pixels per cell of each candidate's level.
    """

    activations: dict[int, Tensor]
    levels: list[Tensor]
    decoded: Tensor
    raw: Tensor
    anchors: Tensor
    strides: Tensor


def take(passed: Pass, images: Tensor) -> Pass:
    """Result of a direct pass for some of its images.

    Args:
        passed: Direct pass of a batch.
        images: int64 (n,), their indices in the batch.
    """
    return Pass(
        {layer: each[images].float() for layer, each in passed.activations.items()},
        [level[images].float() for level in passed.levels],
        passed.decoded[images].float(),
        passed.raw[images].float(),
        passed.anchors.float(),
        passed.strides.float(),
    )


def resolve_layers(network: Network, layers: Sequence[int]) -> tuple[int, ...]:
    """Convert layer numbers (negative ones count from the end) into sorted, non-negative ones.

    Raises:
        InputError: There is no such layer, it does not affect the head, or it is given twice.
    """
    head = len(network.model) - 1
    reaching = _ancestors(network, head)
    resolved = []
    for layer in layers:
        number = layer + head + 1 if layer < 0 else layer
        if number == head:
            raise InputError(f"layer {layer}: is the head, which has no heatmap; expected 0 to {head - 1}")
        if not 0 <= number < head:
            raise InputError(
                f"layer {layer}: no such layer in the network; expected 0 to {head - 1}, or -{head + 1} to -2"
            )
        if number not in reaching:
            raise InputError(f"layer {layer}: has no effect on the scores; choose another layer")
        if number in resolved:
            raise InputError(f"layer {layer}: given twice; expected different layers")
        resolved.append(number)
    if not resolved:
        raise InputError("layers: empty; expected at least one, such as -2")
    return tuple(sorted(resolved))


def is_direct(network: Network, layers: Collection[int]) -> bool:
    """Whether scores depend on these layers through 1x1 convolutions of the head alone."""
    sources = network.sources[-1]
    if any(convolution.get_parameter("weight").shape[2:].numel() > 1 for convolution in network.head.m):
        return False  # SCRFD's are 3x3
    others = [source for source in sources if source not in layers]
    return set(layers) <= set(sources) and not any(_ancestors(network, other) & set(layers) for other in others)


def run_direct(network: Network, images: Tensor, layers: Collection[int]) -> Pass:
    """Run a network without an autograd graph.

    Args:
        network: Network in evaluation mode.
        images: (B, channels, H, W), shares of 255.
        layers: Layers that feed the head.
    """
    head = len(network.model) - 1
    # Not inference_mode: the activations may be used with autograd later.
    with torch.no_grad():
        outputs = network.run({-1: images}, stop=head, keep=layers)
        decoded, levels = network.head(*(outputs[source] for source in network.sources[-1]))
    return _pass(network, {layer: outputs[layer] for layer in layers}, levels, decoded)


def run_cut(network: Network, images: Tensor, layers: Collection[int]) -> Pass:
    """Run a network with a graph that starts at some layers; nothing before them is differentiated.

    Args:
        network: Network in evaluation mode, with frozen weights.
        images: (B, channels, H, W), shares of 255.
        layers: Layers at which the graph starts.
    """
    head, start = len(network.model) - 1, 0
    outputs, leaves = {-1: images}, {}
    with torch.enable_grad():
        for layer in sorted(layers):
            outputs = network.run(outputs, start, layer + 1)
            leaves[layer] = outputs[layer] = outputs[layer].detach().requires_grad_()
            start = layer + 1
        outputs = network.run(outputs, start, head)
        decoded, levels = network.head(*(outputs[source] for source in network.sources[-1]))
    return _pass(network, leaves, levels, decoded.detach())


def _pass(network: Network, activations: dict[int, Tensor], levels: list[Tensor], decoded: Tensor) -> Pass:
    head = network.head
    cells = [level[0, 0, ..., 0].numel() for level in levels]
    anchors = (head.anchors * head.stride.view(-1, 1, 1)).to(decoded.dtype)
    return Pass(
        activations,
        levels,
        decoded,
        raw=torch.cat([level.detach().flatten(1, 3) for level in levels], 1),
        anchors=torch.cat([own.repeat_interleave(count, 0) for own, count in zip(anchors, cells, strict=True)]),
        strides=torch.cat(
            [stride.expand(len(anchors[0]) * count) for stride, count in zip(head.stride, cells, strict=True)]
        ).to(decoded.dtype),
    )


def _ancestors(network: Network, layer: int) -> set[int]:
    """All layers that a layer depends on, directly or indirectly."""
    found: set[int] = set()
    waiting = [layer]
    while waiting:
        for source in network.sources[waiting.pop()]:
            if source >= 0 and source not in found:
                found.add(source)
                waiting.append(source)
    return found


@dataclass(frozen=True)
class RowGradients:
    """Derivatives of scores with respect to the head's raw output, row by row; all others are zero.

    Attributes:
        image: int64 (R,), index in the batch.
        channel: int64 (R,), the score: a class, or the number of classes for the joint score.
        row: int64 (R,), the candidate.
        values: (R, n), derivatives with respect to the raw numbers in `columns`.
        columns: Which n of the 5 + C raw numbers of a candidate.
    """

    image: Tensor
    channel: Tensor
    row: Tensor
    values: Tensor
    columns: slice


@dataclass(frozen=True)
class Segments:
    """Gradients of S scores at one layer.

    Attributes:
        image: int64 (S,), index in the batch.
        channel: int64 (S,), a class, or the number of classes for the joint score.
        segment: int64 (U,), the score of each gradient.
        cell: int64 (U,), the position of each gradient: y times the layer's width, plus x.
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
        """Values of cells (U,) as maps (S, P), zero elsewhere."""
        maps = values.new_zeros(len(self.image), cells)
        maps[self.segment, self.cell] = values
        return maps

    def activations(self, activations: Tensor) -> Tensor:
        """Activations (B, P, K) at the cells of the gradients, (U, K)."""
        return activations[self.image[self.segment], self.cell]

    def weigh(self, activations: Tensor, weights: Tensor) -> Tensor:
        """Channel sums of activations (B, P, K) with weights (S, K), as maps (S, P)."""
        maps = weights.new_empty(len(self.image), activations.shape[1])
        for number, own in enumerate(activations):
            here = self.image == number
            maps[here] = weights[here] @ own.T
        return maps


def as_cells(activations: Tensor) -> Tensor:
    """Activations (B, K, h, w) as (B, P, K); a view if channels are last in memory."""
    return activations.detach().flatten(2).transpose(1, 2)


def through_head(rows: RowGradients, passed: Pass, level: int, head: Detect) -> Segments:
    """Gradients at a layer that feeds the head, through its 1x1 convolution there.

    Args:
        rows: Derivatives with respect to the head's raw output.
        passed: The pass that they belong to.
        level: Level of the head that the layer feeds.
        head: The head of the network.
    """
    before = sum(part[0, ..., 0].numel() for part in passed.levels[:level])
    _, anchors, height, width, numbers = passed.levels[level].shape
    cells = height * width
    here = (rows.row >= before) & (rows.row < before + anchors * cells)
    anchor, cell = (rows.row[here] - before).div(cells, rounding_mode="floor"), (rows.row[here] - before) % cells
    image, channel, values = rows.image[here], rows.channel[here], rows.values[here]
    # A non-finite weight affects only the scores that depend on it; other scores have zeros here, which stay zero.
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
    """Gradients at any layers, by autograd from the head: one score of every image at a time.

    Args:
        rows: Derivatives with respect to the head's raw output.
        passed: The pass that they belong to, with a graph that starts at the layers.

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
