"""Two trained networks, each ours and upstream's: the published yolov5n, and one that learns squares in seconds."""

from __future__ import annotations

import copy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from tests.cam.reference import Pair
from tests.yolov5.conftest import Upstream, learned_squares, squares, upstream  # noqa: F401
from uncover.yolov5.network import build_network
from uncover.yolov5.upstream_checkpoints import read_checkpoint
from uncover.yolov5.weights import load_weights

SHA256 = "4f180cf23ba0717ada0badd6c685026d73d48f184d00fc159c2641284b2ac0a3"


@pytest.fixture(scope="session")
def nano(upstream: Upstream, real: Path) -> Pair:  # noqa: F811
    """The published yolov5n."""
    file = real / "weights" / "yolov5n.pt"
    checkpoint = read_checkpoint(file.read_bytes(), file.name, SHA256)
    ours = build_network(checkpoint.model, checkpoint.channels, len(checkpoint.class_names))
    ours.load_state_dict(checkpoint.state)
    return Pair(ours.eval(), upstream.load(file).eval())


@pytest.fixture(scope="session")
def photos(real: Path) -> Tensor:
    """Photos of people, float32 (8, 3, 128, 128): one, a crowd, nothing at all, several of two kinds, and others."""
    files = sorted((real / "face_mask" / "hard" / "images").glob("*.jpg"))
    pictures = [
        cv2.resize(cv2.imread(str(files[number]))[..., ::-1], (128, 128), interpolation=cv2.INTER_AREA)
        for number in (3, 58, 0, 30, 68, 35, 26, 7)
    ]
    pictures[2][:] = 114
    return torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).copy()).float() / 255


@pytest.fixture(scope="session")
def learned(upstream: Upstream, learned_squares: Path) -> Pair:  # noqa: F811
    """A yolov5n that has learned squares."""
    ours = load_weights(learned_squares / "weights.pt")[0].eval()
    theirs = upstream.build("yolov5n", 3, 2)
    theirs.load_state_dict(ours.state_dict())
    return Pair(ours, theirs.eval())


@pytest.fixture(scope="session")
def scenes(squares: Path) -> Tensor:  # noqa: F811
    """The squares of its validation, float32 (8, 3, 64, 96)."""
    canvas = np.full((8, 64, 96, 3), 114, np.uint8)
    for own, file in zip(canvas, sorted((squares / "val" / "images").iterdir()), strict=True):
        own[8:56, 16:80] = cv2.resize(cv2.imread(str(file)), (64, 48), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(canvas.transpose(0, 3, 1, 2).copy()).float() / 255


@pytest.fixture(scope="session")
def of_channels(upstream: Upstream, learned: Pair) -> dict[int, Pair]:  # noqa: F811
    """The same for images of 1 and 10 channels, all of them grey."""
    pairs = {}
    for channels in (1, 10):
        state = copy.deepcopy(learned.ours.state_dict())
        first = state["model.0.conv.weight"]
        state["model.0.conv.weight"] = first.sum(1, keepdim=True).expand(-1, channels, -1, -1) / channels
        ours, theirs = build_network("yolov5n", channels, 2), upstream.build("yolov5n", channels, 2)
        for network in (ours, theirs):
            network.load_state_dict(state)
        pairs[channels] = Pair(ours.eval(), theirs.eval())
    return pairs
