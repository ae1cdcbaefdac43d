"""Measure the time to make part boxes from all MERL-RAV and many WFLW labels, on one core, without photos.

    make bench-labels [REAL=folder]

REAL contains merl_rav_labels.tar.xz (19 314 `.pts`) and wflw_rows_98pt_test.txt (rows of WFLW's test list). Without it,
the same number of random labels is written first. The comparison is a plain loop like that of the released scripts:
read the lines, truncate to integers, one OpenCV boundingRect per part; it writes nothing, which favours it. The last
line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tarfile
import tempfile
from pathlib import Path

# One core and no worker threads.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS"):
    os.environ[variable] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import cv2
import numpy as np
from machine import describe_machine, median_seconds

from uncover import cli
from uncover.data.released_parts import SLICES

MERL_FACES, WFLW_FACES = 19_314, 1_466
ROUNDS = 3


def main() -> None:
    """Prepare labels, time both methods in turn, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path, nargs="?", help="folder of the real labels (default: random ones)")
    real = parser.parse_args().real
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (prepare_real if real else prepare_random)(folder, real)
        ours, peer = median_seconds(lambda: label(folder), lambda: plain_loop(folder), rounds=ROUNDS)
    figures = {
        "labels": "real" if real else "random",
        "faces": MERL_FACES + WFLW_FACES,
        "seconds": round(ours, 2),
        "seconds_plain_loop": round(peer, 2),
        "ratio_to_plain_loop": round(ours / peer, 2),
        "rounds": ROUNDS,
    }
    print(json.dumps(figures | {"machine": describe_machine("numpy", "pandas", "pyarrow", "opencv-python-headless")}))


def label(folder: Path) -> None:
    """Convert both sets with `uncover labels`."""
    for layout in ("merl_rav", "wflw"):
        arguments = ["labels", "--layout", layout, "--no-photos", str(folder / layout), str(folder / f"{layout}_out")]
        if cli.main(arguments) != 0:
            raise SystemExit(f"uncover {' '.join(arguments)} failed")


def plain_loop(folder: Path) -> int:
    """Convert both sets face by face, like the released scripts."""
    boxes = 0
    for path in sorted((folder / "merl_rav").rglob("*.pts")):
        points = []
        for line in path.read_text().splitlines()[3:-1]:
            x, y = (int(float(value)) for value in line.split())
            if x != -1 and y != -1:
                points.append((abs(x), abs(y)))
        boxes += len(rectangles(np.array(points, np.int32), 68))
    for path in sorted((folder / "wflw").rglob("*.txt")):
        for line in path.read_text().splitlines():
            values = [int(float(value)) for value in line.split()[:196]]
            boxes += len(rectangles(np.array(values, np.int32).reshape(98, 2), 98))
    return boxes


def rectangles(points: np.ndarray, count: int) -> list[tuple[int, int, int, int]]:
    """One boundingRect per part."""
    return [
        cv2.boundingRect(np.concatenate([points[first:last] for first, last in slices]))
        for slices in SLICES[count].values()
    ]


def prepare_real(folder: Path, real: Path | None) -> None:
    """Unpack the real labels."""
    assert real is not None
    with tarfile.open(real / "merl_rav_labels.tar.xz") as archive:
        archive.extractall(folder / "merl_rav", filter="data")
    write_wflw(folder, (real / "wflw_rows_98pt_test.txt").read_text())


def prepare_random(folder: Path, real: Path | None) -> None:
    """Write as many random labels as there are real ones, with each of MERL-RAV's marks on a tenth of the points."""
    rng = np.random.default_rng(0)
    labels = folder / "merl_rav" / "frontal" / "trainset" / "labels"
    labels.mkdir(parents=True)
    for number in range(MERL_FACES):
        points = rng.uniform(20, 500, (68, 2))
        kind = rng.choice(3, 68, p=[0.8, 0.1, 0.1])
        points[kind == 1] *= -1
        points[kind == 2] = -1
        rows = "\n".join(f"{x} {y}" for x, y in points.tolist())
        (labels / f"image{number:05d}.pts").write_text(f"version: 1\nn_points:  68\n{{\n{rows}\n}}\n")
    rows = []
    for number in range(WFLW_FACES):
        coordinates = " ".join(f"{value:.6f}" for value in rng.uniform(20, 500, 196))
        rows.append(f"{coordinates} 10 10 500 500 0 0 0 0 0 0 0--Parade/{number}.jpg\n")
    write_wflw(folder, "".join(rows))


def write_wflw(folder: Path, rows: str) -> None:
    """Write rows to the path of WFLW's test list."""
    lists = folder / "wflw" / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
    lists.mkdir(parents=True)
    (lists / "list_98pt_rect_attr_test.txt").write_text(rows)


if __name__ == "__main__":
    main()
