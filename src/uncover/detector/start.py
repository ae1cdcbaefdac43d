"""The network that a training starts from: new or imported weights, anchors that fit the boxes."""

from __future__ import annotations

from pathlib import Path

import torch

from uncover.config.detectors import Detector
from uncover.console import say
from uncover.detector.anchors import check_anchors
from uncover.detector.network import Network, build_network
from uncover.detector.opening import read_any_weights
from uncover.detector.weights import initialise
from uncover.errors import InputError
from uncover.images.labelled import LabelledImages


def build_start(settings: Detector, labelled: LabelledImages, channels: int, start: Path | None) -> Network:
    """Build a network and give it its start weights and anchors.

    Args:
        settings: Network, seed, whether to fit anchors.
        labelled: Training set: classes, and boxes to fit anchors to.
        channels: Channels of its images.
        start: Weights file, or checkpoint of upstream's YOLOv5; None starts anew.

    Raises:
        InputError: The file holds no weights of this network.
    """
    wished = settings.hyperparameters.anchors
    if start is None and settings.weights == "coco":
        say("note: no start weights were given; starting anew (settings: weights=scratch)")
    network = build_network(
        settings.model,
        channels,
        len(labelled.class_names),
        anchors=None if wished is None else round(wished),
        seed=settings.seed,
    )
    if start is not None:
        header, state, _ = read_any_weights(start)
        if header.model != settings.model:
            raise InputError(
                f"{start}: holds weights of {header.model}; expected those of {settings.model}, or model={header.model}"
            )
        if wished is not None:
            state = {name: value for name, value in state.items() if not name.endswith(".anchors")}
        left_out = initialise(network, state, str(start))
        say(f"start weights: {start}" + (f"; initialised anew: {', '.join(left_out)}" if left_out else ""))
    if settings.autoanchor:
        head = network.head
        strides = head.stride.view(-1, 1, 1)
        fitted = check_anchors(
            labelled,
            (head.anchors * strides).numpy(),
            settings.image_size,
            settings.hyperparameters.anchor_t,
            settings.seed,
        )
        if fitted is not None:
            head.anchors.copy_(torch.from_numpy(fitted) / strides)
    return network
