"""Several jobs share the images of a detector; whoever reads its predictions does not notice."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from tests.dag.conftest import Checkout
from uncover.metrics.predictions import read_predictions

pytestmark = pytest.mark.whole_run

PREDICTIONS = ("rgb1/hof", "hirescam_avg/val", "viola_jones/wflw")


def test_shares_of_every_kind_of_detector_are_joined(finished_checkout: Checkout, own_checkout: Checkout) -> None:
    predictions, heatmaps = "{bootstrap: 10", "confidence: 0.001"
    own_checkout.edit("config/tiny.yaml", predictions, f"{predictions}, shards: 2")
    own_checkout.edit("config/tiny.yaml", heatmaps, f"{heatmaps}, shards: {{slapi_hard: 2}}")
    assert own_checkout.planned() == {}
    results = own_checkout.root / "results/tiny"
    kinds = ("gradcampp", "hirescam")
    targets = [f"results/tiny/predictions/{name}.parquet" for name in PREDICTIONS]
    targets += [f"results/tiny/heatmaps/{kind}/slapi_hard/manifest.parquet" for kind in kinds]
    for table in results.glob("predictions/rgb1/*.parquet"):
        if table.stem not in ("val", "merl", "wflw"):
            table.unlink()
    for folder in ("predictions/hirescam_avg", "predictions/viola_jones", "heatmaps/*/slapi_hard"):
        for path in results.glob(folder):
            shutil.rmtree(path)
    rules = ("predict", "predict_second", "predict_baseline", "make_heatmaps")
    joining = ("collect_predictions", "collect_second", "collect_baseline", "collect_heatmaps")
    # A job has one set less to explain; what it has made stays.
    others = {"make_heatmaps_tested": 1}
    assert own_checkout.planned(*targets) == {**dict.fromkeys(rules, 2), **dict.fromkeys(joining, 1), **others}
    own_checkout.snakemake(*targets)
    assert "hof: maps of 2 images, 0 of them new" in (results / "logs/make_heatmaps_tested.log").read_text()
    for kind in kinds:
        own, others = (
            root / f"results/tiny/heatmaps/{kind}/slapi_hard" for root in (own_checkout.root, finished_checkout.root)
        )
        assert len(list((own / "shards").iterdir())) == 2
        assert (own / "manifest.parquet").read_bytes() == (others / "manifest.parquet").read_bytes()
    targets = targets[: len(PREDICTIONS)]
    for target in targets:
        ours, theirs = (read_predictions(root / target) for root in (own_checkout.root, finished_checkout.root))
        assert ours.images.equals(theirs.images) and ours.settings == theirs.settings
        assert ours.boxes["image"].tolist() == theirs.boxes["image"].tolist()
        columns = ["confidence", "x1", "y1", "x2", "y2"]
        # Beside other images, last bits may differ.
        assert np.allclose(ours.boxes[columns], theirs.boxes[columns], atol=1e-2)
    # Back to one, or to more: what is made stays, and is made again in as many shards when it must be.
    for count in (2, 1, 3):
        shards = ("--config", f"prediction={{shards: {count}}}", f"heatmaps={{shards: {count}}}")
        assert own_checkout.planned(*targets, *shards) == {}
    own_checkout.edit("config/tiny.yaml", f"{predictions}, shards: 2", f"{predictions}, confidence: 0.002")
    again = own_checkout.planned("results/tiny/predictions/rgb1/hof.parquet")
    assert again == {"predict_as_before": 2, "collect_predictions": 1}
