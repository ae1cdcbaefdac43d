"""How far average precision lies from COCO's own, which differs by definition; see docs/differences.md."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from tests.metrics.conftest import RandomSet, random_set
from uncover.metrics.evaluation import evaluate
from uncover.metrics.predictions import CORNERS

coco = pytest.importorskip("pycocotools.coco")
cocoeval = pytest.importorskip("pycocotools.cocoeval")


def coco_scores(drawn: RandomSet) -> tuple[float, float]:
    """AP50-95 and AP50 of COCOeval on the same boxes, 300 an image at most."""
    names = {image: number for number, image in enumerate(drawn.predictions.images["image"], start=1)}

    def entries(frame, score: bool) -> list[dict]:  # type: ignore[no-untyped-def]
        rows = []
        for number, row in enumerate(frame.itertuples(index=False), start=1):
            left, top, right, bottom = (float(getattr(row, corner)) for corner in CORNERS)
            box = {"id": number, "image_id": names[row.image], "category_id": int(row.class_id) + 1, "iscrowd": 0}
            box |= {"bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)}
            rows.append(box | ({"score": float(row.confidence)} if score else {}))
        return rows

    truth = coco.COCO()
    truth.dataset = {
        "images": [{"id": number} for number in names.values()],
        "annotations": entries(drawn.truth, False),
        "categories": [{"id": number + 1} for number in range(10)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        found = truth.loadRes(entries(drawn.predictions.boxes, True))
        scores = cocoeval.COCOeval(truth, found, "bbox")
        scores.params.maxDets = [1, 10, 300]
        scores.evaluate()
        scores.accumulate()
    precision = scores.eval["precision"][:, :, :, 0, -1]
    known = precision[:, :, (precision > -1).any(axis=(0, 1))]
    return float(known.mean()), float(known[0].mean())


def test_average_precision_is_near_cocos() -> None:
    differences = []
    for seed in range(5):
        drawn = random_set(seed, images=60, boxes=25)
        ours = evaluate(drawn.predictions, drawn.truth, resamples=0).rates
        strict, loose = coco_scores(drawn)
        differences.append((ours["AP50_95"].value - strict, ours["AP50"].value - loose))
        assert strict > 0.02 and loose > 0.1
    # COCO gives each label its best free box in turn, and reads precision 1 at recall 0 and the hit's at recall 1.
    assert np.abs(differences).max() < 0.02
    stored = json.loads((Path(__file__).parents[2] / "docs/results/ap_coco.json").read_text(encoding="utf-8"))
    assert np.mean(differences, axis=0) == pytest.approx(stored["values"]["mean_difference"], abs=1e-3)
