"""Data sets of somebody's own join the DAG by config alone."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.conftest import RawData
from tests.dag.checkout import TINY
from tests.dag.conftest import Checkout
from tests.dag.dry_run import WORDS, DryRun
from uncover.synthetic import layouts

DATA_SETS = {
    "my_ward2": {"path": "ward", "layout": "yolo"},
    "plain": {"path": "plain", "layout": "images"},
    "ibug": {"path": "300W", "layout": "300w", "use": "train", "split": {"train": None, "val": 2, "test": 2}},
    "helen": {"path": "300W", "layout": "300w"},
}
LABEL_STEPS = [
    *(
        f"results/own/datasets/{name}/manifest.parquet"
        for name in ("my_ward2", "plain", "ibug", "helen", "train", "val")
    ),
    *(f"results/own/tables/{name}.csv" for name in ("table_01", "table_02")),
]


@pytest.fixture(scope="module")
def own_data(plain_checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout whose tiny run has data sets of somebody's own besides the synthetic data."""
    root = tmp_path_factory.mktemp("own_data")
    shutil.copytree(plain_checkout.root, root / "checkout")
    layouts.write_slapi(root / "slapi", none=0, easy=0, medium=0, hard=4, size=96, seed=9)
    shutil.copytree(root / "slapi" / "hard", root / "raw" / "ward")
    shutil.copytree(root / "raw" / "ward" / "images", root / "raw" / "plain")
    raw = RawData(root / "raw" / "300W")
    for name in ("trainset/w1", "trainset/w2", "testset/w3", *(f"w{number}" for number in range(4, 9))):
        raw.photo(f"{name}.jpg")
        raw.write(f"{name}.pts", raw.pts(raw.points(68)))
    values = yaml.safe_load(TINY)
    values |= {"run": "own", "data_sets": DATA_SETS}
    values["raw"]["folder"] = str(root / "raw")
    (root / "checkout" / "config" / "own.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return Checkout(root / "checkout", plain_checkout.python)


def test_their_jobs_join_the_plan(own_data: Checkout, plain_checkout: Checkout) -> None:
    own, plain = (
        Counter(rule for rule, _ in DryRun(run, checkout.snakemake(*WORDS, config=f"config/{run}.yaml")).jobs)
        for run, checkout in (("own", own_data), ("tiny", plain_checkout))
    )
    more = {rule: own[rule] - plain[rule] for rule in own if own[rule] != plain[rule]}
    # Four test sets, of which two have landmarks and three have labels, for two RGB models and two baseline detectors.
    assert more == {
        **{"read_faces": 2, "split_photos": 2, "label_faces": 2, "label_frames": 2},
        **{"predict": 2 * 4, "evaluate": 2 * 3 + 2, "make_heatmaps": 4, "collect_heatmaps": 4},
        **{"draw_boxes": 4, "find_missed": 4},
    }


@pytest.mark.whole_run
def test_their_labels_are_made_and_their_photos_train(own_data: Checkout) -> None:
    own_data.snakemake(*LABEL_STEPS, config="config/own.yaml")
    folder = own_data.root / "results" / "own"
    summaries = {
        name: json.loads((folder / "datasets" / name / "summary.json").read_text())
        for name in ("my_ward2", "plain", "ibug", "helen")
    }
    assert {name: each["photos"] for name, each in summaries.items()} == {
        "my_ward2": 4,
        "plain": 4,
        "ibug": 2,
        "helen": 8,
    }
    assert summaries["my_ward2"]["boxes"]["whole face"] == 4 and summaries["my_ward2"]["boxes"]["nose"] == 0
    assert summaries["helen"]["boxes"]["nose"] == 8 and sum(summaries["plain"]["boxes"].values()) == 0
    joined = {
        name: pd.read_parquet(folder / "datasets" / name / "manifest.parquet") for name in ("train", "val", "ibug")
    }
    counts = {name: int((table["source"] == "ibug").sum()) for name, table in joined.items()}
    assert counts == {"train": 4, "val": 2, "ibug": 2}
    splits = pd.read_csv(folder / "tables" / "table_02.csv").set_index("Original Datasets")
    assert splits.loc["ibug", ["Train", "Val", "Test"]].tolist() == [4, 2, 2]
    assert splits.loc["helen", ["Train", "Val", "Test"]].tolist() == [0, 0, 8]
    assert list(splits.index[:2]) == ["WFLW", "MERL RAV"]


def test_another_layout_than_promised_is_one_line(own_data: Checkout, tmp_path: Path) -> None:
    config = own_data.root / "config" / "wrong.yaml"
    values = yaml.safe_load((own_data.root / "config" / "own.yaml").read_text())
    values["data_sets"]["my_ward2"]["layout"] = "coco"
    config.write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"ward: no image has a \.json file of layout coco; there are \.txt"):
        own_data.snakemake(LABEL_STEPS[0], config="config/wrong.yaml")
