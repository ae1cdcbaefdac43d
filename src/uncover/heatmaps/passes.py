"""Forward passes that keep what heatmaps need: the activations of some layers, and how the scores depend on them.

A score's derivative at a layer is what reaches it along every path to the head; with several layers, along the paths
that meet no other one of them. Where all those paths go through the head's own 1x1 convolutions, as they do for layer
-2 and for the three layers that feed the head, no graph is needed at all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from uncover.detector.network import Network
from uncover.errors import InputError


@dataclass(frozen=True)
class Pass:
    """What a network computed for a batch.

    Attributes:
        activations: By layer, (B, K, h, w).
        levels: The head's raw numbers, a tensor (B, A, h, w, 5 + C) per level; part of a graph that begins at the
            activations, unless the pass is a direct one.
        decoded: All candidates, (B, N, 5 + C): xc yc w h in pixels of the frame, objectness, classes; of no graph.
        raw: The same candidates before they are decoded, (B, N, 5 + C); of no graph.
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
    """What a direct pass computed for some of its images.

    Args:
        passed: Of a batch.
        images: int64 (n,), their places in it.
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
    """Numbers of layers as the network counts them, sorted; negative ones count from its end.

    Raises:
        InputError: There is no such layer, nothing of it reaches the head, or one is named twice.
    """
    head = len(network.model) - 1
    reaching = _ancestors(network, head)
    resolved = []
    for layer in layers:
        number = layer + head + 1 if layer < 0 else layer
        if number == head:
            raise InputError(f"layer {layer}: is the head, which has no map; expected one of 0 to {head - 1}")
        if not 0 <= number < head:
            raise InputError(
                f"layer {layer}: the network has none of this number; expected 0 to {head - 1}, or -{head + 1} to -2"
            )
        if number not in reaching:
            raise InputError(f"layer {layer}: nothing of it reaches the head, so no score depends on it")
        if number in resolved:
            raise InputError(f"layer {layer}: is named twice; expected different layers")
        resolved.append(number)
    if not resolved:
        raise InputError("layers: none is named; expected at least one, such as -2")
    return tuple(sorted(resolved))


def is_direct(network: Network, layers: Collection[int]) -> bool:
    """Whether scores depend on these layers through the head's own convolutions alone."""
    sources = network.sources[-1]
    others = [source for source in sources if source not in layers]
    return set(layers) <= set(sources) and not any(_ancestors(network, other) & set(layers) for other in others)


def run_direct(network: Network, images: Tensor, layers: Collection[int]) -> Pass:
    """Run a network without any graph.

    Args:
        network: In evaluation mode.
        images: (B, channels, H, W), shares of 255.
        layers: Those that feed the head.
    """
    head = len(network.model) - 1
    # Not inference_mode: what is kept may meet autograd later.
    with torch.no_grad():
        outputs = network.run({-1: images}, stop=head, keep=layers)
        decoded, levels = network.head(*(outputs[source] for source in network.sources[-1]))
    return _pass(network, {layer: outputs[layer] for layer in layers}, levels, decoded)


def run_cut(network: Network, images: Tensor, layers: Collection[int]) -> Pass:
    """Run a network whose graph begins anew at some layers; nothing before the first of them is ever differentiated.

    Args:
        network: In evaluation mode, with frozen weights.
        images: (B, channels, H, W), shares of 255.
        layers: Where to cut.
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
    """Layers that a layer depends on, at any distance."""
    found: set[int] = set()
    waiting = [layer]
    while waiting:
        for source in network.sources[waiting.pop()]:
            if source >= 0 and source not in found:
                found.add(source)
                waiting.append(source)
    return found
