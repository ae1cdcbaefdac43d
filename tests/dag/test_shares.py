"""Several jobs share the images of a detector; whoever reads its predictions does not notice."""

from __future__ import annotations

import numpy as np
import pytest

from tests.dag.conftest import Checkout
from uncover.metrics.predictions import read_predictions

pytestmark = pytest.mark.whole_run

PREDICTIONS = ("rgb1/hof", "hirescam_avg/val", "viola_jones/wflw")


def test_shares_of_every_kind_of_detector_are_joined(finished_checkout: Checkout, own_checkout: Checkout) -> None:
    own_checkout.edit("config/tiny.yaml", "{bootstrap: 10}", "{bootstrap: 10, shards: 2}")
    targets = [f"results/tiny/predictions/{name}.parquet" for name in PREDICTIONS]
    assert own_checkout.planned(*targets) == {
        **dict.fromkeys(["predict", "predict_second", "predict_baseline"], 2),
        **dict.fromkeys(["collect_predictions", "collect_second", "collect_baseline"], 1),
    }
    own_checkout.snakemake(*targets)
    for target in targets:
        ours, theirs = (read_predictions(root / target) for root in (own_checkout.root, finished_checkout.root))
        assert ours.images.equals(theirs.images) and ours.settings == theirs.settings
        assert ours.boxes["image"].tolist() == theirs.boxes["image"].tolist()
        columns = ["confidence", "x1", "y1", "x2", "y2"]
        # Beside other images, last bits may differ.
        assert np.allclose(ours.boxes[columns], theirs.boxes[columns], atol=1e-2)
    assert own_checkout.planned(*targets) == {}
