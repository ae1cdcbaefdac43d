"""Frames of videos as they are picked, with a bright square for a face, and weights to start from."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from tests.yolov5.squares import HEIGHT, WIDTH
from uncover.yolov5.network import build_network
from uncover.yolov5.weights import Header, save_weights

VIDEOS = {"infant_01": 5, "infant_02": 4, "infant_03": 3}
RECIPE = {"epochs": 2, "batch": 4, "nominal_batch": 4, "optimizer": "AdamW", "exclusive_candidates": True}


def make_picked(root: Path, videos: Mapping[str, int] = VIDEOS, listed: bool = True) -> None:
    """Write `ungraded/images`, `ungraded/labels` and `frames.csv`; the last frame of each video has no face."""
    chance = np.random.default_rng(1)
    rows = [("image", "video", "frame", "second", "grade", "reason", "change", "reviewed")]
    for name in ("images", "labels"):
        (root / "ungraded" / name).mkdir(parents=True)
    for video, frames in videos.items():
        for number in range(frames):
            picture = chance.integers(90, 140, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            x, y, side = (int(chance.integers(low, high)) for low, high in ((0, 60), (0, 40), (16, 32)))
            face = number < frames - 1
            if face:
                picture[y : y + side, x : x + side] = 250
            stem = f"{video}_{number * 10:06}"
            cv2.imwrite(str(root / "ungraded/images" / f"{stem}.png"), picture)
            box = ((x + side / 2) / WIDTH, (y + side / 2) / HEIGHT, side / WIDTH, side / HEIGHT)
            text = " ".join(map(str, (0, *box))) + "\n" if face else ""
            (root / "ungraded/labels" / f"{stem}.txt").write_text(text)
            rows.append(
                (f"ungraded/images/{stem}.png", video, str(number * 10), "0", "ungraded", "first", "0", "tasks.xml")
            )
    if listed:
        with (root / "frames.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)


def make_start(path: Path, classes: tuple[str, ...] = ("whole face",), **changes: object) -> Path:
    """Weights as a training would have left them."""
    ids = (2,) if len(classes) == 1 else tuple(range(len(classes)))
    about = {"model": "yolov5n", "channels": 3, "class_names": classes, "class_ids": ids, "image_size": 64}
    gains = {"obj": 7.0, "lr0": 0.02, "warmup_epochs": 3.0}
    settings = {"model": "yolov5n", "image_size": 64, "classes": "whole_face", "processes": 2, "hyperparameters": gains}
    header = Header(**(about | {"training": {"settings": settings | RECIPE}} | changes))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(path, build_network(header.model, header.channels, len(classes), seed=0).state_dict(), header)
    return path
