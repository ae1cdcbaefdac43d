"""Other rates of false boxes and another overlap than usual, from the trial to live detection."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.dag.checkout import TINY
from tests.dag.conftest import Checkout
from uncover.rescue.trial_record import read_method_scores

pytestmark = pytest.mark.whole_run

RUN = "results/others"
TARGETS = (
    *(f"tables/{name}.csv" for name in ("rescue_summary", "rescue_summary_baselines", "table_11", "table_videos")),
    *("figures/figure_rescue.png", "figures/figure_learning_curve.png", "metrics/gradcampp_avg/rescue.csv"),
)
RATES, OVERLAP = [0.1, 1.0], 0.4


@pytest.fixture(scope="module")
def finished(plain_checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with the parts of a tiny run that hang on the rates and the overlap."""
    checkout = Checkout(tmp_path_factory.mktemp("others") / "checkout", plain_checkout.python)
    shutil.copytree(plain_checkout.root, checkout.root, symlinks=True)
    values = yaml.safe_load(TINY) | {"run": "others", "finetune": {"counts": [2], "freeze": [10], "epochs": 1}}
    values["synthetic"]["videos"] = {"infants": 2, "seconds": 2, "rate": 2}
    values["evolution"]["generations"] = 0
    values["rescue"] = {"false_positives_per_photo": RATES, "true_iou": OVERLAP}
    (checkout.root / "config/others.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    checkout.snakemake(*(f"{RUN}/{target}" for target in TARGETS), config="config/others.yaml")
    return checkout


def test_tables_and_the_figure_have_the_rates_of_the_config(finished: Checkout) -> None:
    run = finished.root / RUN
    trial = pd.read_csv(run / "metrics/rescue_trial.csv")
    assert sorted(trial["fp_per_photo"].unique()) == RATES
    text = (run / "tables/rescue_summary.md").read_text(encoding="utf-8")
    assert "Found at 0.1" in text and "From val at 1 " in text and "0.25" not in text
    assert (run / "figures/figure_rescue.png").stat().st_size > 0
    assert f"at IoU {OVERLAP}" in (run / "tables/table_11.md").read_text(encoding="utf-8")


def test_live_detection_takes_the_threshold_of_the_rate_that_ranks(finished: Checkout) -> None:
    run = finished.root / RUN
    scores = read_method_scores(run / "metrics/rescue_trial.csv")
    trial = pd.read_csv(run / "metrics/rescue_trial.csv")
    of_val = trial[(trial["threshold"] == "val") & (trial["fp_per_photo"] == RATES[-1])]
    for name, score in scores.items():
        assert score.confidence == of_val.loc[of_val["method"] == name, "confidence"].iloc[-1]
    assert (Path(run) / "videos/rescue/boxes.parquet").stat().st_size > 0


def test_fine_tuning_counts_with_the_overlap_too(finished: Checkout) -> None:
    curve = pd.read_csv(finished.root / RUN / "metrics/learning_curve.csv")
    assert set(curve["true_iou"]) == {OVERLAP}
