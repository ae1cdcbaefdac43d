"""How the part boxes of the thesis's released scripts differ from the corrected ones, cause by cause, on public labels.

    python benchmarks/part_boxes.py REAL docs/results/part_boxes.json

REAL holds merl_rav_labels.tar.xz (19 314 `.pts`) and wflw_rows_98pt_test.txt (rows of WFLW's test list). Photos are not
required. Overlaps are IoU with the corrected box, at the original size of the photo.
"""

from __future__ import annotations

import argparse
import json
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from machine import describe_machine, describe_source
from numpy.typing import NDArray

from uncover.data.faces import Face, Visibility
from uncover.data.merl_rav import read_merl_rav
from uncover.data.parts import CLASS_NAMES, CLASS_OF_PART, KEPT, PARTS, corrected_boxes, part_indices
from uncover.data.released_parts import SLICES, released_boxes
from uncover.data.wflw import parse_row

Boxes = NDArray[np.float64]
Summary = Callable[[NDArray[np.float64]], float]

POSES = ("frontal", "lefthalf", "righthalf")
"""Of the thesis."""


def main() -> None:
    """Read the labels, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path, help="folder of the labels")
    parser.add_argument("out", type=Path, help="JSON file to write")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tarfile.open(args.real / "merl_rav_labels.tar.xz") as archive:
        archive.extractall(folder, filter="data")
        faces = [each for each in read_merl_rav(Path(folder)) if isinstance(each, Face)]
    rows = [parse_row(line) for line in (args.real / "wflw_rows_98pt_test.txt").read_text().splitlines() if line]
    source, machine = describe_source(), describe_machine()
    record = {
        "command": "python benchmarks/part_boxes.py REAL docs/results/part_boxes.json",
        "commit": source["commit"],
        "date": str(source["date"])[:10],
        "machine": f"{machine['cores']} cores of {machine['processor']}",
        "about": "Overlap (IoU) of the part boxes of the released scripts with the corrected boxes, on public labels",
        "values": {"merl_rav": merl_rav(faces), "wflw": wflw(rows)},
    }
    args.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def merl_rav(faces: Sequence[Face]) -> dict[str, object]:
    """Of the poses of the thesis: counts of photos, and overlaps of each cause."""
    faces = [face for face in faces if face.attributes["pose"] in POSES]
    photos = {part: {face.photo for face in faces if face.part == part} for part in ("train", "test")}
    landmarks = np.stack([face.landmarks for face in faces])
    shifted = np.isnan(landmarks[..., 0]).any(axis=1)
    whole = landmarks[~shifted]
    corrected = corrected_boxes(whole).xyxy
    ranges = overlaps(corrected, np.stack([sliced(face) for face in whole]))
    integers = overlaps(corrected, np.stack([rectangle_of_integers(face) for face in whole]))
    boxes = corrected_boxes(landmarks[shifted])
    hidden = np.stack([face.visibility == Visibility.EXTERNALLY_OCCLUDED for face in faces])
    moved = overlaps(boxes.xyxy, released_boxes(landmarks[shifted], hidden[shifted]).xyxy)
    outside = beyond(landmarks)
    return {
        "faces": len(faces),
        "faces_without_self_occluded_points": len(whole),
        "faces_with_self_occluded_points": int(shifted.sum()),
        "share_with_self_occluded_points": rounded(shifted.mean()),
        "photos": len(photos["train"] | photos["test"]),
        "photos_train": len(photos["train"]),
        "photos_test": len(photos["test"]),
        "photos_in_both_parts": len(photos["train"] & photos["test"]),
        "index_ranges": {
            "median_iou": by_class(ranges, np.median),
            "share_below_0.75": by_class(ranges, lambda iou: (iou < 0.75).mean()),
        },
        "released_boxes_of_faces_with_self_occluded_points": {
            "share_below_0.5": by_class(moved, lambda iou: (iou < 0.5).mean(), boxes.status == KEPT),
        },
        "integer_coordinates": {"median_iou": by_class(integers, np.median)},
        "whole_face_without_an_inner_point": int((outside > 0).sum()),
        "whole_face_without_an_inner_point_by_2_percent": int((outside > 0.02).sum()),
    }


def wflw(rows: Sequence[tuple[NDArray[np.float64], object, str]]) -> dict[str, object]:
    """Of the test list: counts of rows and photos, and overlaps of the index ranges."""
    landmarks = np.stack([points for points, _, _ in rows])
    photos = Counter(name for _, _, name in rows)
    ranges = overlaps(corrected_boxes(landmarks).xyxy, np.stack([sliced(face) for face in landmarks]))
    return {
        "rows": len(rows),
        "photos": len(photos),
        "photos_with_several_rows": sum(count > 1 for count in photos.values()),
        "index_ranges": {"median_iou": by_class(ranges, np.median)},
    }


def sliced(points: NDArray[np.float64]) -> Boxes:
    """Tight boxes (11, 4) of the half-open slices of the released scripts; zeros if a slice is empty."""
    scheme = SLICES[98 if len(points) > 68 else 68]
    return np.stack([tight([points[first:last] for first, last in scheme[part]]) for part in PARTS])


def tight(pieces: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Box (4,) of points."""
    points = np.concatenate(pieces)
    return np.concatenate([points.min(axis=0), points.max(axis=0)]) if len(points) else np.zeros(4)


def rectangle_of_integers(points: NDArray[np.float64]) -> Boxes:
    """Boxes (11, 4) of the named points, cut to integers, a pixel wider and taller as OpenCV's boundingRect."""
    boxes = np.stack([tight([np.trunc(points[list(indices)])]) for indices in part_indices(len(points)).values()])
    boxes[:, 2:] += 1
    return boxes


def overlaps(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """IoU (F, 11), pair by pair."""
    size = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    shared = np.clip(size, 0, None).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (first, second)]
    return shared / (areas[0] + areas[1] - shared)


def by_class(iou: NDArray[np.float64], summary: Summary, kept: NDArray[np.bool_] | None = None) -> dict[str, float]:
    """A summary of overlaps for each class; both eyes are one."""
    found = {}
    for number, name in enumerate(CLASS_NAMES):
        columns = [column for column, owner in enumerate(CLASS_OF_PART) if owner == number]
        chosen = iou[:, columns] if kept is None else iou[:, columns][kept[:, columns]]
        found[name] = rounded(summary(chosen))
    return found


def beyond(landmarks: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much (F,) an inner point is outside the whole face's box, as a share of the longer side."""
    box = corrected_boxes(landmarks).xyxy[:, PARTS.index("whole face")]
    inner = landmarks[:, 27:]
    over = np.maximum(box[:, None, :2] - inner, inner - box[:, None, 2:])
    return np.nanmax(over, axis=(1, 2)) / (box[:, 2:] - box[:, :2]).max(axis=1)


def rounded(value: float) -> float:
    """Four decimals are more than a page prints."""
    return round(float(value), 4)


if __name__ == "__main__":
    main()
