"""Measure time and memory of the steps that hold a whole set in memory, at two sizes, and extrapolate.

    make bench-scale

The data has WFLW's layout, with generated faces and one photo under many names, and predictions of 300 boxes per photo,
as stored at confidence 0.001. The last line is JSON: seconds and megabytes by step and size, and a linear extrapolation
to a hundred times the thesis.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from machine import describe_machine

from uncover.metrics.predictions import Predictions, write_predictions
from uncover.workflow.frozen import folder_fingerprint

BIN = Path(sys.executable).parent
WIDTH, HEIGHT = 200, 160
BOXES = 300
SIZES = (5_000, 20_000)
SCORED = 10
"""One in this many photos is scored: val is small compared with train."""

HUNDREDFOLD = {"evaluate": SCORED * 178_000, "read labels to train on": 1_460_000}
"""Photos of a hundred times the thesis's sets, by step; all other steps process `ALL` faces."""

ALL = 2_000_000


def main() -> None:
    """Run each step at each size, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs=2, default=SIZES, metavar="PHOTOS")
    sizes = parser.parse_args().sizes
    found: dict[str, dict[int, tuple[float, float]]] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            for step, figures in steps(Path(folder), size).items():
                found.setdefault(step, {})[size] = figures
                print(f"{size:>8} photos  {step:<28} {figures[0]:8.1f} s {figures[1]:8.0f} MB", flush=True)
    small, large = sizes
    foretold = {}
    for step, by_size in found.items():
        target = HUNDREDFOLD.get(step, ALL)
        values = []
        for before, after in zip(by_size[small], by_size[large], strict=True):
            values.append(round(max(after, after + (after - before) / (large - small) * (target - large)), 1))
        foretold[step] = {"photos": target, "seconds": values[0], "megabytes": values[1]}
    measured = {step: {str(size): figures for size, figures in by_size.items()} for step, by_size in found.items()}
    print(json.dumps({"measured": measured, "hundredfold": foretold, "machine": describe_machine("pandas", "pyarrow")}))


def steps(root: Path, photos: int) -> dict[str, tuple[float, float]]:
    """Seconds and peak memory (MB) of each step."""
    raw = make_raw(root, photos)
    faces, split = root / "faces.parquet", root / "split.parquet"
    found: dict[str, tuple[float, float]] = {}
    started = time.perf_counter()
    folder_fingerprint(raw)
    found["names and sizes of raw data"] = time.perf_counter() - started, 0.0
    started = time.perf_counter()
    folder_fingerprint(raw, sizes=False)
    found["names of raw data"] = time.perf_counter() - started, 0.0
    found["read_faces"] = run("read_faces", "--layout", "wflw", raw, faces, root / "rejected.csv")
    found["split_photos"] = run("split_photos", faces, split, root / "split.json", "--split", "train=all,val=0,test=0")
    words = ["--set", "train", "--faces", faces, "--splits", split, "--parts", "corrected", "--outside", "clip"]
    found["label_faces"] = run("label_faces", root / "train", *words)
    found["label_frames"] = run("label_frames", raw / "WFLW_images", root / "frames", "--source", "hof")
    found["evaluate"] = evaluate(root, photos)
    script = "from pathlib import Path; from uncover.images.labelled import read_labelled_images as read;"
    found["read labels to train on"] = timed(
        [sys.executable, "-c", f"{script} read(Path({str(root / 'train')!r}), None)"]
    )
    return found


def make_raw(root: Path, photos: int) -> Path:
    """A download with a number of photos, which are one photo under many names."""
    raw = root / "WFLW"
    chance = np.random.default_rng(0)
    lists = raw / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
    lists.mkdir(parents=True)
    (raw / "WFLW_images" / "a").mkdir(parents=True)
    photo = root / "photo.jpg"
    cv2.imwrite(str(photo), chance.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    with (lists / "list_98pt_rect_attr_train.txt").open("w") as file:
        for number in range(photos):
            points = chance.uniform((20, 20), (WIDTH - 20, HEIGHT - 20), (98, 2)).round(3)
            name = f"a/{number:08}.jpg"
            os.link(photo, raw / "WFLW_images" / name)
            file.write(" ".join(map(str, [*points.ravel(), 20, 20, 180, 140, *"000000", name])) + "\n")
    (lists / "list_98pt_rect_attr_test.txt").write_text("")
    return raw


def evaluate(root: Path, photos: int) -> tuple[float, float]:
    """Score 300 boxes per photo for a share of the photos."""
    names = [path.name for path in sorted((root / "train" / "images").iterdir())][: max(1, photos // SCORED)]
    chance = np.random.default_rng(1)
    corners = chance.uniform(0, 100, (len(names) * BOXES, 2)).astype(np.float32)
    boxes = pd.DataFrame(
        {
            "image": np.repeat(np.array(names, object), BOXES),
            "class": "whole face",
            "class_id": 2,
            "confidence": chance.uniform(0.001, 1, len(corners)).astype(np.float32),
            "x1": corners[:, 0],
            "y1": corners[:, 1],
            "x2": corners[:, 0] + 60,
            "y2": corners[:, 1] + 50,
        }
    )
    images = pd.DataFrame({"image": names, "width": WIDTH, "height": HEIGHT})
    table = root / "boxes.parquet"
    write_predictions(table, Predictions(boxes, images, {"confidence": 0.001}))
    labels = root / "few" / "labels"
    labels.mkdir(parents=True)
    for name in names:
        (labels / f"{Path(name).stem}.txt").symlink_to(root / "train" / "labels" / f"{Path(name).stem}.txt")
    return run("evaluate", "--labels", labels, table, "--out", root / "scores", "--class", "whole face")


def run(*words: object) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a command of uncover."""
    return timed([str(BIN / "uncover"), *map(str, words)])


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}\n{errors.decode()[-2000:]}")
    return round(time.perf_counter() - started, 2), round(usage.ru_maxrss / 1000, 1)


if __name__ == "__main__":
    main()
