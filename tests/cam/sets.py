"""Small heatmap sets, made of squares that a network has learned to see."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from tests.yolov5.squares import make_set
from uncover.cam.shards import Recipe, ShardMaker, Summary
from uncover.cam.store import Collected, collect
from uncover.config.heatmaps import Variant
from uncover.images.inputs import Shard
from uncover.images.reading import named_images
from uncover.yolov5.network import Network
from uncover.yolov5.weights import Header

NAMES = ("whole face", "nose")
EMPTY = "grey/nothing.png"
"""An image on which nothing is found."""

VARIANTS = {
    "gradcampp": Variant(method="gradcampp"),
    "fine": Variant(method="hirescam", layers=(17, 20, 23)),
}
RECIPE = Recipe(
    Header(model="yolov5n", channels=3, class_names=NAMES, class_ids=(0, 1), image_size=64),
    model="0" * 64,
    variants=VARIANTS,
    image_size=64,
    confidence=0.1,
    nms_iou=0.45,
)


def pictures(folder: Path) -> dict[str, Path]:
    """Seven images of two shapes, one of them below a folder of its own, by name."""
    make_set(folder, 6, seed=3)
    empty = folder / "images" / EMPTY
    empty.parent.mkdir()
    cv2.imwrite(str(empty), np.full((90, 60, 3), 114, np.uint8))
    return named_images([folder])


def make(
    network: Network, images: dict[str, Path], out: Path, shard: Shard | None = None, batch: int = 4, **changes: Any
) -> Summary:
    """Make a shard in `out`, a folder per variant."""
    recipe = dataclasses.replace(RECIPE, **changes)
    folders = {name: out / name for name in recipe.variants}
    maker = ShardMaker(copy.deepcopy(network), recipe, torch.device("cpu"))
    return maker.make(maker.look(images, shard or Shard(), folders), batch)


def make_set_of_maps(network: Network, images: dict[str, Path], out: Path, **changes: Any) -> dict[str, Collected]:
    """Make all of it, and its manifests."""
    make(network, images, out, **changes)
    return {name: collect(out / name) for name in changes.get("variants", VARIANTS)}


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
