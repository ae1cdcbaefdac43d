"""Generated photos and heatmaps for measuring training time: noise with a face-like disk, and maps of ten classes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.images.letterbox import STRIDE, fit
from uncover.images.map_sets import JOINT, MANIFEST, METADATA_KEY
from uncover.images.maps import MAP, store_maps, write_maps

PHOTO = (800, 600)
"""Width and height, in pixels."""


def make_sets(folder: Path, size: int, train: int, val: int) -> tuple[Path, Path]:
    """Write `photos/` and `maps/`, each with train/ and val/.

    Args:
        folder: Empty output folder.
        size: Longest side of the input of the network behind the heatmaps, in pixels.
        train: Number of training photos.
        val: Number of validation photos.

    Returns:
        The two folders.
    """
    for name, count, seed in (("train", train, 0), ("val", val, 1)):
        _make_set(folder / "photos" / name, folder / "maps" / name, size, count, np.random.default_rng(seed))
    return folder / "photos", folder / "maps"


def _make_set(photos: Path, maps: Path, size: int, count: int, chance: np.random.Generator) -> None:
    frame, rows = fit(*PHOTO, size), []
    for place in ("images", "labels"):
        (photos / place).mkdir(parents=True)
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASS_NAMES))
    (photos / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{names}")
    for number in range(count):
        centre, radius = chance.uniform(0.3, 0.7, 2), chance.uniform(0.1, 0.25)
        _write_photo(photos / "images" / f"{number}.jpg", centre, radius, chance)
        x, y, width, height = *centre, 2 * radius, 2 * radius * PHOTO[0] / PHOTO[1]
        (photos / "labels" / f"{number}.txt").write_text(f"{WHOLE_FACE} {x} {y} {width} {height}\n")
        native = chance.gamma(0.5, 1, (len(CLASS_NAMES), frame.out_height // STRIDE, frame.out_width // STRIDE))
        about = {"class_names": list(CLASS_NAMES)}
        write_maps(maps / "images" / f"{number}.tif", store_maps(native.astype(np.float32), frame, about))
        joint = native.sum(0, keepdims=True).astype(np.float32)
        write_maps(maps / JOINT / f"{number}.tif", store_maps(joint, frame, {"class_names": [JOINT]}))
        about = {"image": f"{number}.jpg", "file": f"{number}.tif", "width": PHOTO[0], "height": PHOTO[1]}
        rows.append({**about, "status": [MAP] * (len(CLASS_NAMES) + 1)})
    _write_manifest(maps / MANIFEST, rows)


def _write_photo(path: Path, centre: np.ndarray, radius: float, chance: np.random.Generator) -> None:
    width, height = PHOTO
    coarse = chance.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8)
    photo = cv2.resize(coarse, PHOTO, interpolation=cv2.INTER_CUBIC)
    at = (int(centre[0] * width), int(centre[1] * height))
    cv2.circle(photo, at, int(radius * width), (150, 170, 220), -1)
    path.write_bytes(cv2.imencode(".jpg", photo)[1].tobytes())


def _write_manifest(path: Path, rows: list[dict[str, object]]) -> None:
    about = json.dumps({"class_names": list(CLASS_NAMES), "variant": "noise"}).encode()
    pq.write_table(pa.Table.from_pylist(rows).replace_schema_metadata({METADATA_KEY: about}), path)
