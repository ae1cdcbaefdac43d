"""Real photos in small: their layouts are read, third parties' weights open, every stage takes what the last one made.

How well it learns from them, the whole `config/real_sample.yaml` shows.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.dag.checkout import copy_checkout
from tests.dag.conftest import Checkout
from uncover.metrics.predictions import read_predictions

pytestmark = pytest.mark.whole_run

HEATMAP_DETECTORS = ("gradcampp_avg", "hirescam_avg", "gradcampp_10", "hirescam_10")
GRADES = {"slapi_none": 30, "slapi_medium": 30, "slapi_hard": 90}
CONFIG = {
    "extends": "config/real_sample.yaml",
    "run": "real_photos",
    "splits": {"merl_rav": {"train": 48, "val": 16, "test": 24}},
    "detectors": {
        "rgb10": {"epochs": 2, "batch": 8, "nominal_batch": 8},
        "rgb1": {"epochs": 1},
        **{name: {"epochs": 1} for name in HEATMAP_DETECTORS},
        "variants": {"*": None, "drawn_boxes": {"role": "control", "heatmaps": "drawn_boxes"}},
    },
    # Maps of all candidates, and boxes however doubtful: what has hardly learnt still has something to explain.
    "heatmaps": {"target": "T1", "confidence": 0.001, "variants": None},
    "baselines": {"detectors": ["retinaface", "yolo11"], "yolo11": {"epochs": 1}},
}


@pytest.fixture(scope="module")
def finished(python: Path, real: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which the run is complete."""
    checkout = Checkout(tmp_path_factory.mktemp("real") / "checkout", python)
    copy_checkout(checkout.root)
    weights = {
        "yolov5n": {"path": str(real / "weights/yolov5n.pt")},
        "retinaface": {"path": str(real / "weights/retinaface_mobilenet0.25.pth")},
    }
    config = {**CONFIG, "raw": {"folder": str(real)}, "weights": weights}
    (checkout.root / "config/real_photos.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    checkout.snakemake(config="config/real_photos.yaml")
    return checkout


def test_every_table_and_figure_of_real_photos_is_made_once(finished: Checkout) -> None:
    run = finished.root / "results/real_photos"
    # Table 9 and figure 21 are about Hand Over Face, of which there are no real photos here.
    for number in set(range(1, 14)) - {9}:
        assert len(pd.read_csv(run / f"tables/table_{number:02}.csv")) > 0, number
    for number in set(range(15, 32)) - {21}:
        assert (run / f"figures/figure_{number}.png").stat().st_size > 0, number
    assert finished.planned(config="config/real_photos.yaml") == {}


def test_every_photo_was_looked_at_by_every_detector(finished: Checkout) -> None:
    run = finished.root / "results/real_photos"
    for model in ("rgb10", "rgb1", "retinaface", "yolo11", *HEATMAP_DETECTORS, "drawn_boxes"):
        for name, photos in GRADES.items():
            assert len(read_predictions(run / f"predictions/{model}/{name}.parquet").images) == photos, (model, name)


def test_retinaface_finds_what_it_is_known_to_find(finished: Checkout) -> None:
    table = pd.read_csv(finished.root / "results/real_photos/tables/table_10_baselines.csv", dtype=str)
    found = pd.to_numeric(table[table["Detector"] == "RetinaFace"].set_index("Set")["mAP50"], errors="coerce")
    assert (found[["No Occl", "Medium", "Hard"]] > 0.7).all(), found


def test_maps_of_real_photos_are_not_blank(finished: Checkout) -> None:
    lint = pd.read_csv(finished.root / "results/real_photos/heatmaps/hirescam/slapi_hard/lint.csv").set_index("class")
    assert lint.loc["joint", "blank"] < 0.5 and (lint["not_finite"] == 0).all()
