"""Heatmap sets of the squares, without a network that explains itself: a blob where a box is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from uncover.cam.store import Row, tabulate, write_manifest
from uncover.data.parts import CLASS_NAMES
from uncover.images.letterbox import fit
from uncover.images.map_sets import MANIFEST
from uncover.images.maps import store_maps, write_maps

NAMES = list(CLASS_NAMES)
CELL = 4


def make_map_set(data: Path, out: Path, size: int = 96, **settings: Any) -> None:
    """Write maps of ten classes, and their sum, for every image of a data set.

    Args:
        data: With `images/` and `labels/` of the classes 0 and 1, whose boxes get blobs; the other maps are noise.
        out: Folder of the heatmap set.
        size: Longest side of what the network saw, in pixels.
        settings: Of the manifest, instead of the usual ones.
    """
    chance, rows = np.random.default_rng(0), []
    for photo in sorted(path for path in (data / "images").rglob("*") if path.is_file()):
        name = photo.relative_to(data / "images")
        width, height = Image.open(photo).size
        frame = fit(width, height, size)
        y, x = (np.mgrid[: frame.out_height // CELL, : frame.out_width // CELL] + 0.5) * CELL
        maps = chance.random((len(NAMES), *x.shape)).astype(np.float32) / 9
        for line in (data / "labels" / name.with_suffix(".txt")).read_text().splitlines():
            number, *shares = map(float, line.split())
            centre = frame.to_network(np.array(shares) * np.tile([width, height], 2))[:2]
            side = shares[2] * frame.inner_width
            maps[int(number)] += np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / side**2)
        about = {"class_names": NAMES, "status": ["map"] * len(NAMES)}
        file = name.with_suffix(".tif")
        write_maps(out / "images" / file, store_maps(maps, frame, about))
        joint = {"class_names": ["joint"], "status": ["map"]}
        write_maps(out / "joint" / file, store_maps(maps[:2].sum(0, keepdims=True), frame, joint))
        nothing = [None] * (len(NAMES) + 1)
        status = ["map"] * (len(NAMES) + 1)
        names = (name.as_posix(), file.as_posix())
        rows.append(Row(*names, width, height, "0" * 64, [1] * len(NAMES), status, nothing, nothing, 0))
    usual = {"class_names": NAMES, "variant": "blobs", "method": "gradcampp", "layers": [-2], "target": "T2"}
    write_manifest(out / MANIFEST, tabulate(rows, {**usual, "model": "0" * 64, **settings}))


def make_map_sets(data: Path, out: Path) -> None:
    """The same for the sets train and val."""
    for name in ("train", "val"):
        make_map_set(data / name, out / name)


def scales_of(sets: Path, kind: str) -> Path | None:
    """What a detector of some input looks at beside `photos/`, in a folder of that and `maps/`."""
    return None if kind in ("photo", "grey") else sets / "maps"
