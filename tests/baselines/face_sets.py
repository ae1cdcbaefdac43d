"""Data sets of "faces" that a detector learns in seconds: bright squares on noise, each with a darker part in it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.data.yolo import IMAGES, LABELS

WIDTH, HEIGHT = 96, 72
NOSE = CLASS_NAMES.index("nose")


def make_faces(folder: Path, photos: int, seed: int) -> None:
    """Write a data set; the last photo shows no face, and the one before it has no label file either."""
    chance = np.random.default_rng(seed)
    for name in (IMAGES, LABELS):
        (folder / name).mkdir(parents=True)
    for number in range(photos):
        picture = chance.integers(60, 110, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        if number < photos - 2:
            side = int(chance.integers(24, 40))
            x, y = int(chance.integers(0, WIDTH - side)), int(chance.integers(0, HEIGHT - side))
            picture[y : y + side, x : x + side] = (250, 200, 220)
            nose = side // 4
            picture[y + nose : y + 2 * nose, x + nose : x + 2 * nose] = 20
            rows = [box_row(NOSE, x + nose, y + nose, nose), box_row(WHOLE_FACE, x, y, side)]
            (folder / LABELS / f"{number}.txt").write_text("".join(rows))
        elif number == photos - 1:
            (folder / LABELS / f"{number}.txt").write_text(box_row(NOSE, 10, 10, 10))
        cv2.imwrite(str(folder / IMAGES / f"{number}.png"), picture)
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASS_NAMES))
    (folder / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{names}")


def box_row(class_id: int, x: float, y: float, side: float) -> str:
    """A line of a label file."""
    shares = ((x + side / 2) / WIDTH, (y + side / 2) / HEIGHT, side / WIDTH, side / HEIGHT)
    return " ".join(map(repr, (class_id, *shares))) + "\n"


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of every file below a folder: equal before and after where nobody wrote to it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
