"""Data sets of somebody's own join the DAG by config alone."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.conftest import RawData
from tests.dag.checkout import TINY
from tests.dag.conftest import Checkout
from tests.dag.dry_run import WORDS, DryRun
from uncover.config.load import check_config
from uncover.errors import InputError
from uncover.synthetic import layouts

DATA_SETS = {
    "my_ward2": {"path": "ward", "layout": "yolo"},
    "plain": {"path": "plain", "layout": "images"},
    "ibug": {"path": "300W", "layout": "300w", "use": "train", "split": {"train": None, "val": 2, "test": 2}},
    "helen": {"path": "300W", "layout": "300w", "blocks": {"kind": "person", "name": "w"}},
}
CURVES = {"photos": "my_ward2", "start": "general", "further": ["yolov5n"], "counts": [1, 2], "freeze": [0, 10]}
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


@pytest.mark.whole_run
def test_their_jobs_join_the_plan(own_data: Checkout, dry_run_of: Callable[[str], DryRun]) -> None:
    planned = DryRun("own", own_data.snakemake(*WORDS, config="config/own.yaml"))
    own, plain = (Counter(rule for rule, _ in dry_run.jobs) for dry_run in (planned, dry_run_of("tiny")))
    more = {rule: own[rule] - plain[rule] for rule in own if own[rule] != plain[rule]}
    # Four test sets; networks look at them, and are scored on them, in jobs that are there anyway.
    assert more == {
        **{"read_faces": 2, "split_photos": 2, "label_faces": 2, "label_frames": 2},
        "draw_boxes": 4,
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


@pytest.mark.whole_run
def test_another_layout_than_promised_is_one_line(own_data: Checkout, tmp_path: Path) -> None:
    config = own_data.root / "config" / "wrong.yaml"
    values = yaml.safe_load((own_data.root / "config" / "own.yaml").read_text())
    values["data_sets"]["my_ward2"]["layout"] = "coco"
    config.write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"ward: no image has a \.json file of layout coco; found \.txt"):
        own_data.snakemake(LABEL_STEPS[0], config="config/wrong.yaml")


@pytest.mark.whole_run
def test_learning_curves_on_photos_are_a_target(own_data: Checkout) -> None:
    values = yaml.safe_load((own_data.root / "config" / "own.yaml").read_text())
    (frame, *_) = sorted(path.stem for path in (own_data.root.parent / "raw" / "ward" / "images").iterdir())
    name = frame.rstrip("0123456789")
    values["data_sets"]["my_ward2"]["blocks"] = {"kind": "infant", "name": name, "every": 1}
    values["data_sets"]["my_ward2"]["smallest"] = 3
    values["finetune"] = CURVES | {"parts": 2, "image_size": 64}
    (own_data.root / "config" / "curves.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    output = own_data.snakemake("curves", *WORDS, config="config/curves.yaml")
    jobs = list(DryRun("own", output).jobs)
    # Of the first start also as it is, once for all numbers of frozen layers; two parts are left out in turn.
    counts = Counter(rule for rule, _ in jobs)
    assert (counts["fine_tune"], counts["fine_tune_further"]) == (2 * (2 * 2 + 1), 2 * 2 * 2)
    assert (counts["label_to_learn"], counts["learning_curve"], counts["learning_curve_further"]) == (1, 1, 1)
    assert "pick_frames" not in counts and "train" not in counts
    assert f"--blocks my_ward2 infant {name} 1" in output and "--smallest 3" in output
    assert f"--leave-out {name}" in output and "classes=whole_face image_size=64" in output


@pytest.mark.parametrize(
    ("finetune", "says"),
    [
        (
            {"photos": "my_ward2"},
            "my_ward2 has no blocks (photos that belong together); set data_sets",
        ),
        ({"photos": "nobody"}, "finetune.photos: nobody is not a data set of whole faces"),
        ({"photos": "helen"}, "finetune.photos: helen is not a data set of whole faces"),
        ({"parts": 3}, "finetune.parts: requires finetune.photos"),
        ({"further": ["nobody"]}, "finetune.further: nobody is not a detector of whole faces in photos in this run"),
        ({"start": "general", "further": ["general"]}, "finetune.further: general is already finetune.start"),
    ],
)
def test_learning_curves_that_cannot_be_are_one_line(finetune: dict[str, object], says: str) -> None:
    values = {"run": "own", "data_sets": DATA_SETS, "finetune": finetune}
    with pytest.raises(InputError) as error:
        check_config(values)
    assert says in str(error.value) and "\n" not in str(error.value)
