"""Several jobs that share the images of a set find what one job finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from detector_commands import CPU, run

from uncover.metrics.predictions import Predictions, read_predictions

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


def test_one_share_of_files_goes_where_it_is_told(good: Good, tmp_path: Path) -> None:
    out = tmp_path / "half.parquet"
    run("predict", good.data / "val", out, "--weights", good.weights, *CPU, "--shard", "2/2")
    assert read_predictions(out).images["image"].tolist() == ["1.png", "3.png"]


def test_a_face_detector_of_others_takes_shares_too(good: Good, tmp_path: Path) -> None:
    for number in (1, 2):
        run("predict", "rival", "viola_jones", good.data / "val", "--out", tmp_path, "--shard", f"{number}/2")
    run("predict", "collect", *(tmp_path / "val" / "shards").iterdir())
    assert len(read_predictions(tmp_path / "val.parquet").images) == 4


def test_shares_that_are_none_or_lie_elsewhere_are_named(good: Good, tmp_path: Path, complaint: Complaint) -> None:
    images = [good.data / "val", tmp_path / "p.parquet", "--weights", good.weights, *CPU]
    assert "--shard 3/2: expected the number of the shard" in complaint("predict", *images, "--shard", "3/2")
    assert "stands in no folder shards/" in complaint("predict collect", good.predictions)
