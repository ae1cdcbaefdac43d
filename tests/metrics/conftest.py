"""Random sets of boxes, as arrays and as predictions with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from uncover.data.parts import CLASS_NAMES
from uncover.metrics.predictions import CORNERS, Predictions

WIDTH, HEIGHT = 640, 480


@dataclass(frozen=True)
class RandomSet:
    """Predictions on a set of images, and what is true in them."""

    predictions: Predictions
    truth: pd.DataFrame

    def of_image(self, image: str) -> tuple[np.ndarray, np.ndarray]:
        """float32 (N, 6) x1 y1 x2 y2 confidence class by falling confidence, and (M, 5) class x1 y1 x2 y2."""
        boxes = self.predictions.boxes[self.predictions.boxes["image"] == image]
        boxes = boxes.sort_values("confidence", ascending=False, kind="stable")
        true = self.truth[self.truth["image"] == image]
        return (
            boxes[[*CORNERS, "confidence", "class_id"]].to_numpy(np.float32),
            true[["class_id", *CORNERS]].to_numpy(np.float32),
        )


def random_set(
    seed: int,
    images: int = 12,
    classes: int = 4,
    labels: int = 4,
    boxes: int = 15,
    digits: int = 9,
    grid: float = 0.0,
) -> RandomSet:
    """Labels anywhere; boxes near labels or anywhere, some of another class.

    Args:
        seed: Of everything.
        images: Number of images; every fourth has no label, every fifth no box.
        classes: Ids 0 to this; the last has no label, the last but one no box.
        labels: Most of an image.
        boxes: Most of an image.
        digits: Of confidences; few make ties.
        grid: Side of the grid that corners lie on, in pixels, which makes ties of overlap; 0 for none.
    """
    random = np.random.default_rng(seed)
    names = [f"{number:02}.jpg" for number in range(images)]
    true_rows: list[tuple[Any, ...]] = []
    found_rows: list[tuple[Any, ...]] = []
    for number, name in enumerate(names):
        own = [_box(random, grid) for _ in range(random.integers(1, labels + 1) if number % 4 else 0)]
        ids = random.integers(0, max(classes - 1, 1), len(own))
        true_rows += [(name, int(class_id), *box) for class_id, box in zip(ids, own, strict=True)]
        for _ in range(random.integers(1, boxes + 1) if number % 5 else 0):
            choice = int(random.integers(0, len(own) + 1))
            near = choice < len(own)
            box = np.array(own[choice]) + random.normal(0, 8, 4) if near else np.array(_box(random, grid))
            box[2:] = np.maximum(box[2:], box[:2] + 1)
            class_id = int(ids[choice]) if near and random.random() < 0.8 else int(random.integers(0, classes))
            if class_id != classes - 2 or classes < 3:
                confidence = round(float(random.random()), digits)
                found_rows.append((name, CLASS_NAMES[class_id], class_id, confidence, *(_snap(box, grid))))
    found = pd.DataFrame(found_rows, columns=["image", "class", "class_id", "confidence", *CORNERS])
    found = found.astype(dict.fromkeys(("confidence", *CORNERS), np.float32) | {"class_id": np.int64})
    truth = pd.DataFrame(true_rows, columns=["image", "class_id", *CORNERS]).astype({"class_id": np.int64})
    sizes = pd.DataFrame({"image": names, "width": WIDTH, "height": HEIGHT})
    known = {str(number): CLASS_NAMES[number] for number in range(classes)}
    return RandomSet(Predictions(found, sizes, {"classes": known, "confidence": 0.001}), truth)


def _box(random: np.random.Generator, grid: float) -> tuple[float, ...]:
    left, top = random.uniform(0, WIDTH - 120), random.uniform(0, HEIGHT - 120)
    return tuple(_snap(np.array([left, top, left + random.uniform(20, 110), top + random.uniform(20, 110)]), grid))


def _snap(box: np.ndarray, grid: float) -> np.ndarray:
    if not grid:
        return box
    box = np.round(box / grid) * grid
    box[2:] = np.maximum(box[2:], box[:2] + grid)
    return box


@pytest.fixture(scope="session")
def a_set() -> RandomSet:
    """One random set that many tests share and none changes."""
    return random_set(3, images=20)
