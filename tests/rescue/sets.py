"""Small sets with their predictions, labels and lists of missed photos, laid out as a run has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.cam.store import Manifest, Row, tabulate, write_manifest
from uncover.data.parts import CLASS_NAMES, CLASS_OF_PART, PARTS, WHOLE_FACE
from uncover.data.sets import BOX_COLUMNS, MANIFEST_COLUMNS
from uncover.images.letterbox import fit
from uncover.images.maps import store_maps, write_maps
from uncover.metrics.predictions import CORNERS, Predictions, write_predictions
from uncover.metrics.truth import TRUTH_COLUMNS

STATED = {"nms_iou": 0.6, "max_boxes_per_class": 300, "precision": "float32", "image_size": 160}
"""What all predictions say of how they were made."""

SIDE = 100
"""Width and height of every photo, in pixels."""

WIDTH, HEIGHT = 200, 100
"""Those of training sets."""

Found = tuple[str, float, tuple[float, float, float, float]]
"""A whole face that was predicted: photo, confidence, corners."""

Face = tuple[float, float, float, float]


def predicted(
    images: Sequence[str], found: Iterable[Found], class_id: int = WHOLE_FACE, **settings: object
) -> Predictions:
    """Predictions of one class on photos of 100 x 100 pixels."""
    rows = [(image, CLASS_NAMES[class_id], class_id, confidence, *corners) for image, confidence, corners in found]
    boxes = pd.DataFrame(rows, columns=["image", "class", "class_id", "confidence", *CORNERS])
    boxes = boxes.astype({"class_id": np.int64, **dict.fromkeys(("confidence", *CORNERS), np.float32)})
    sizes = pd.DataFrame({"image": pd.Series(images, dtype=str), "width": SIDE, "height": SIDE})
    known = {str(number): name for number, name in enumerate(CLASS_NAMES)}
    return Predictions(boxes, sizes, {"classes": known, "confidence": 0.001, **STATED, **settings})


def true_faces(faces: Mapping[str, Sequence[Face]]) -> pd.DataFrame:
    """True whole faces, by photo."""
    rows = [(image, WHOLE_FACE, *corners) for image, all_of in faces.items() for corners in all_of]
    return pd.DataFrame(rows, columns=list(TRUTH_COLUMNS)).astype(
        {"image": str, "class_id": np.int64, **dict.fromkeys(CORNERS, np.float64)}
    )


def write_labels(folder: Path, faces: Mapping[str, Sequence[Face]]) -> Path:
    """`labels/` of a data set; photos without faces have an empty file."""
    labels = folder / "labels"
    labels.mkdir(parents=True)
    for image, corners in faces.items():
        shares = [((a + c) / 2 / SIDE, (b + d) / 2 / SIDE, (c - a) / SIDE, (d - b) / SIDE) for a, b, c, d in corners]
        lines = [" ".join(map(str, (WHOLE_FACE, *share))) + "\n" for share in shares]
        (labels / image).with_suffix(".txt").write_text("".join(lines))
    return labels


def missed_list(images: Mapping[str, tuple[bool, bool]], maps: str = "hirescam:joint") -> pd.DataFrame:
    """A list of missed photos: for each whether it was missed, and whether it has a map."""
    missed, drawn = ([each[place] for each in images.values()] for place in (0, 1))
    table = pd.DataFrame({"image": list(images), "width": SIDE, "height": SIDE, "faces": 1, "confidence": 0.2})
    return table.assign(missed=missed, **{maps: drawn})


def manifest(statuses: Mapping[str, Sequence[str]], class_names: Sequence[str], **settings: Any) -> Manifest:
    """Manifest of heatmaps with these statuses, that of the joint map last."""
    rows = [
        Row(image, f"{image}.tif", SIDE, SIDE, "", [0] * len(class_names), list(status), [None], [None], 0)
        for image, status in statuses.items()
    ]
    return tabulate(rows, {"class_names": list(class_names), **settings})


def write_set(
    root: Path, name: str, found: Predictions, faces: Mapping[str, Sequence[Face]] | None, missed: pd.DataFrame | None
) -> None:
    """What `uncover evaluate second` reads of a set: predictions/, datasets/, missed/."""
    write_predictions(root / f"predictions/{name}.parquet", found)
    if faces is not None:
        write_labels(root / "datasets" / name, faces)
    if missed is not None:
        (root / "missed").mkdir(exist_ok=True)
        missed.to_csv(root / f"missed/{name}.csv", index=False)


def write_heatmaps(root: Path, variant: str, name: str, content: Manifest) -> Path:
    """A heatmap set of which only the manifest is there."""
    folder = root / "heatmaps" / variant / name
    folder.mkdir(parents=True)
    write_manifest(folder / "manifest.parquet", content)
    return folder


def write_joint_maps(folder: Path, maps: Mapping[str, NDArray[np.floating]], **settings: Any) -> Path:
    """A heatmap set with joint maps (h, w) of photos of 100 x 100 pixels, as a network of 160 pixels saw them."""
    frame = fit(SIDE, SIDE, 160)
    for image, cells in maps.items():
        joint = {"class_names": ["joint"], "status": ["map"]}
        write_maps(folder / f"joint/{image}.tif", store_maps(cells[None].astype(np.float32), frame, joint))
    write_manifest(folder / "manifest.parquet", manifest({image: ["map"] for image in maps}, [], **settings))
    return folder


def write_training_set(folder: Path, faces: Mapping[str, Mapping[str, tuple[float, ...]]]) -> Path:
    """`boxes.parquet` and `manifest.parquet` of photos of one face each, 200 x 100 pixels: boxes by photo and part."""
    folder.mkdir(parents=True)
    class_of = dict(zip(PARTS, CLASS_OF_PART, strict=True))
    rows = [
        ("hand", photo, photo, part, class_of[part], *map(float, box), "kept")
        for photo, parts in faces.items()
        for part, box in parts.items()
    ]
    pd.DataFrame(rows, columns=list(BOX_COLUMNS)).to_parquet(folder / "boxes.parquet")
    photos = [("hand", photo, f"images/{photo}.jpg", WIDTH, HEIGHT, 1, True) for photo in faces]
    pd.DataFrame(photos, columns=list(MANIFEST_COLUMNS)).to_parquet(folder / "manifest.parquet")
    return folder
