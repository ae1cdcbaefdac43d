"""Several jobs that share the images of a set find what one job finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from detector_commands import CPU, run

from uncover.metrics.predictions import Predictions, read_predictions
from uncover.yolov5 import inference

if TYPE_CHECKING:
    from detector_commands import Complaint, Good


def found(predictions: Predictions) -> np.ndarray:
    return predictions.boxes[["confidence", "x1", "y1", "x2", "y2"]].to_numpy()


@pytest.mark.parametrize("count", [2, 5])
def test_joined_shares_are_what_one_job_finds(good: Good, tmp_path: Path, count: int) -> None:
    options = ["--weights", good.weights, *CPU, "--confidence", 0.001]
    # Five jobs share four images: one of them has none to look at.
    for number in range(1, count + 1):
        run("predict", "sets", good.data / "val", "--out", tmp_path, *options, "--shard", f"{number}/{count}")
    shares = sorted((tmp_path / "val" / "shards").iterdir())
    assert [path.name for path in shares] == [f"{number}-of-{count}.parquet" for number in range(1, count + 1)]
    run("predict", "collect", *shares)
    run("predict", good.data / "val", tmp_path / "whole.parquet", *options)
    joined, whole = (read_predictions(tmp_path / name) for name in ("val.parquet", "whole.parquet"))
    assert joined.settings == whole.settings and joined.images.equals(whole.images)
    assert joined.boxes["image"].tolist() == whole.boxes["image"].tolist() and len(whole.boxes) > 4
    # Beside other images, last bits may differ.
    assert np.abs(found(joined) - found(whole)).max() < 1e-3


def test_shares_of_another_split_are_forgotten(good: Good, tmp_path: Path) -> None:
    """Which shares a table was joined from shows by those that are there."""
    options = ["--weights", good.weights, *CPU]
    sets = ["predict", "sets", good.data / "val", "--out", tmp_path, *options]
    for shard in ("1/2", "2/2", "1/3"):
        run(*sets, "--shard", shard)
    assert [path.name for path in (tmp_path / "val" / "shards").iterdir()] == ["1-of-3.parquet"]
    run("predict", good.data / "val", tmp_path / "val/shards/2-of-2.parquet", *options, "--shard", "2/2")
    assert [path.name for path in (tmp_path / "val" / "shards").iterdir()] == ["2-of-2.parquet"]
    run(*sets)
    assert not list((tmp_path / "val" / "shards").iterdir())


def test_one_look_leaves_boxes_at_two_overlaps_as_two_looks_do(
    good: Good, tmp_path: Path, complaint: Complaint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those at the lower IoU come from the candidates, not from what the higher left."""
    options = ["--weights", good.weights, *CPU, "--confidence", 0.001]
    looks: list[int] = []
    infer = inference.infer
    monkeypatch.setattr(inference, "infer", lambda *given: (looks.append(1), infer(*given))[1])
    both = ["--nms-iou", 0.6, "--also", "0.3", tmp_path / "apart" / "low.parquet"]
    run("predict", good.data / "val", tmp_path / "both.parquet", *options, *both, "--shard", "1/2")
    assert len(looks) == 1
    for overlap, name in ((0.6, "both.parquet"), (0.3, "apart/low.parquet")):
        alone = ["--nms-iou", overlap, "--shard", "1/2"]
        run("predict", good.data / "val", tmp_path / "alone.parquet", *options, *alone)
        own, expected = (read_predictions(tmp_path / each) for each in (name, "alone.parquet"))
        assert own.boxes.equals(expected.boxes) and own.settings == expected.settings
        stated = {key: own.settings[key] for key in ("nms_iou", "max_boxes_per_class", "precision", "image_size")}
        assert stated == {"nms_iou": overlap, "max_boxes_per_class": 300, "precision": "float32", "image_size": 64}
    out = [good.data / "val", tmp_path / "p.parquet", *options, "--also"]
    for words in (["2", "q.parquet"], ["half", "q.parquet"], ["0.5", "q.csv"], ["0.5", tmp_path / "p.parquet"]):
        assert f"--second-nms {words[0]} {words[1]}: expected an IoU" in complaint("predict", *out, *words)
    assert not (tmp_path / "p.parquet").exists()


def test_some_of_several_sets_are_stored_at_a_second_overlap_too(
    good: Good, tmp_path: Path, complaint: Complaint
) -> None:
    options = ["--weights", good.weights, *CPU, "--confidence", 0.001]
    sets = [good.data / "train", good.data / "val"]
    also = ["--also", "0.3", tmp_path / "low", "val"]
    run("predict", "sets", *sets, "--out", tmp_path / "both", *options, *also)
    run("predict", "sets", *sets, "--out", tmp_path / "both", *options, *also, "--shard", "1/2")
    run("predict", good.data / "val", tmp_path / "alone.parquet", *options, "--nms-iou", "0.3")
    assert (tmp_path / "low/val.parquet").read_bytes() == (tmp_path / "alone.parquet").read_bytes()
    for name in ("train", "val"):
        run("predict", good.data / name, tmp_path / "alone.parquet", *options)
        assert (tmp_path / f"both/{name}.parquet").read_bytes() == (tmp_path / "alone.parquet").read_bytes()
    low = {path.relative_to(tmp_path / "low").as_posix() for path in (tmp_path / "low").rglob("*.parquet")}
    assert low == {"val.parquet", "val/shards/1-of-2.parquet"}
    out = tmp_path / "new"
    for words in (["2", "low", "val"], ["0.5", "low"], ["0.5", out, "val"], ["0.5", "low", "val", "merl"], ["0.5"]):
        line = complaint("predict sets", *sets, "--out", out, *options, "--second-nms", *words)
        assert f"--second-nms {' '.join(map(str, words))}: expected an IoU from 0 to 1, OTHER_DIR" in line
        assert line.endswith("some of train, val") and not out.exists()


def test_one_share_of_files_goes_where_it_is_told(good: Good, tmp_path: Path) -> None:
    out = tmp_path / "half.parquet"
    run("predict", good.data / "val", out, "--weights", good.weights, *CPU, "--shard", "2/2")
    assert read_predictions(out).images["image"].tolist() == ["1.png", "3.png"]


def test_a_face_detector_of_others_takes_shares_too(good: Good, tmp_path: Path) -> None:
    for number in (1, 2):
        run("predict", "baseline", "viola_jones", good.data / "val", "--out", tmp_path, "--shard", f"{number}/2")
    run("predict", "collect", *(tmp_path / "val" / "shards").iterdir())
    assert len(read_predictions(tmp_path / "val.parquet").images) == 4


def test_shares_that_are_none_or_lie_elsewhere_are_named(good: Good, tmp_path: Path, complaint: Complaint) -> None:
    images = [good.data / "val", tmp_path / "p.parquet", "--weights", good.weights, *CPU]
    assert "--shard 3/2: expected shard number and number of shards" in complaint("predict", *images, "--shard", "3/2")
    assert "is not in a folder shards/ of a set" in complaint("predict collect", good.predictions)
