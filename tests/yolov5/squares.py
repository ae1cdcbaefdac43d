"""A data set that a detector learns in seconds: bright and dark squares on noise."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 96, 72


def make_set(folder: Path, images: int, seed: int, channels: int = 3) -> None:
    """Write a data set with one bright square (class 0) and one dark one (class 1) on each image."""
    chance = np.random.default_rng(seed)
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number in range(images):
        picture = chance.integers(90, 140, (HEIGHT, WIDTH, channels), dtype=np.uint8)
        lines = []
        for value in range(2):
            x, y, side = (int(chance.integers(low, high)) for low, high in ((0, 60), (0, 40), (16, 32)))
            picture[y : y + side, x : x + side] = 250 if value == 0 else 5
            box = ((x + side / 2) / WIDTH, (y + side / 2) / HEIGHT, side / WIDTH, side / HEIGHT)
            lines.append(" ".join(map(str, (value, *box))))
        write_image(folder / "images" / str(number), picture)
        (folder / "labels" / f"{number}.txt").write_text("\n".join(lines) + "\n")
    (folder / "data.yaml").write_text("path: .\ntrain: images\nval: images\nnames:\n  0: light\n  1: dark\n")


def write_image(stem: Path, picture: np.ndarray) -> None:
    """A PNG of one or three channels, otherwise a TIFF with the channels first."""
    if picture.shape[2] in (1, 3):
        cv2.imwrite(f"{stem}.png", picture)
    else:
        import tifffile

        tifffile.imwrite(f"{stem}.tiff", picture.transpose(2, 0, 1), photometric="minisblack")
