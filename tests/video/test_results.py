"""One truth in three formats."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.video.detected import ASIDE, FACE, HEIGHT, WIDTH, by_detector, by_rescue, faces
from uncover.video import results as results_module
from uncover.video.results import AT_ONCE, CORNERS, face_tables, write_coco, write_csv

ABOUT = {"detector": "rgb10"}


def write(folder: Path, frames: int = 3) -> Path:
    """A video, some of whose frames have no box, and two images."""
    with face_tables(folder, ABOUT) as tables:
        for number in range(frames):
            boxes = [by_detector(0.5 + number / 1e5), by_detector(0.75, ASIDE)][: number % 3]
            tables.add("a.mp4", number, faces(number, *boxes, second=number / 5))
        tables.add("b.png", 0, faces(0, by_rescue(0.3)))
        tables.add("c.png", 0, faces(1))
    return folder


def test_all_formats_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_module, "AT_ONCE", 4)
    write(tmp_path, frames=11)
    write_csv(tmp_path)
    write_coco(tmp_path)
    boxes, frames = pd.read_parquet(tmp_path / "boxes.parquet"), pd.read_parquet(tmp_path / "frames.parquet")
    assert len(frames) == 13 and len(boxes) == 4 * 1 + 3 * 2 + 1
    read = pd.read_csv(tmp_path / "boxes.csv")
    assert list(read) == list(boxes)
    pd.testing.assert_frame_equal(read, boxes, check_dtype=False, rtol=0, atol=1e-3)
    coco = json.loads((tmp_path / "boxes.json").read_text())
    assert [(each["source"], each["frame"]) for each in coco["images"]] == list(
        frames[["source", "frame"]].itertuples(index=False, name=None)
    )
    assert all((each["width"], each["height"]) == (WIDTH, HEIGHT) for each in coco["images"])
    images = {each["id"]: each for each in coco["images"]}
    assert len(images) == len(frames) and [each["id"] for each in coco["annotations"]] == list(range(len(boxes)))
    for told, row in zip(coco["annotations"], boxes.itertuples(), strict=True):
        image = images[told["image_id"]]
        assert (image["source"], image["frame"]) == (row.source, row.frame)
        assert told["bbox"] == [row.x1, row.y1, row.x2 - row.x1, row.y2 - row.y1]
        assert told["area"] == (row.x2 - row.x1) * (row.y2 - row.y1) and told["iscrowd"] == 0
        assert told["score"] == pytest.approx(row.confidence, abs=1e-4) and told["found_by"] == row.found_by


def test_the_columns_are_those_that_are_promised(tmp_path: Path) -> None:
    write(tmp_path)
    boxes, frames = pd.read_parquet(tmp_path / "boxes.parquet"), pd.read_parquet(tmp_path / "frames.parquet")
    single = dict.fromkeys([*CORNERS, "confidence"], np.float32)
    assert boxes.dtypes.drop(["source", "found_by", "method"]).to_dict() == {
        "frame": np.int64, "second": np.float64, **single,
    }  # fmt: skip
    assert list(boxes) == ["source", "frame", "second", *CORNERS, "confidence", "found_by", "method"]
    assert list(frames) == ["source", "frame", "second", "width", "height"]
    assert boxes.iloc[0].tolist() == ["a.mp4", 1, 0.2, *FACE, np.float32(0.50001), "rgb", "rgb10"]
    last = boxes.iloc[-1]
    assert (last["source"], last["frame"], last["found_by"], last["method"]) == ("b.png", 0, "heatmap", "gradcampp_avg")
    assert np.isnan(last["second"]) and frames["second"].isna().tolist() == [False] * 3 + [True] * 2


def test_rows_go_to_disk_as_they_come(tmp_path: Path) -> None:
    count = AT_ONCE + 3
    with face_tables(tmp_path, ABOUT) as tables:
        for number in range(count):
            tables.add("a.mp4", number, faces(number, by_detector(0.5), second=number / 5))
        assert len(tables._boxes._waiting) == 3, "rows gather in memory"
    for name in ("boxes", "frames"):
        assert pd.read_parquet(tmp_path / f"{name}.parquet")["frame"].tolist() == list(range(count))


def test_a_file_without_any_box_is_whole(tmp_path: Path) -> None:
    with face_tables(tmp_path, ABOUT) as tables:
        tables.add("a.mp4", 0, faces(0, second=0.0))
    write_csv(tmp_path)
    write_coco(tmp_path)
    assert len(pd.read_csv(tmp_path / "boxes.csv")) == 0 == len(pd.read_parquet(tmp_path / "boxes.parquet"))
    coco = json.loads((tmp_path / "boxes.json").read_text())
    assert len(coco["images"]) == 1 and coco["annotations"] == []


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), face_tables(tmp_path, ABOUT) as tables:
        tables.add("a.mp4", 0, faces(0, by_detector(0.5)))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_pycocotools_reads_it(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    write(tmp_path)
    write_coco(tmp_path)
    read = coco.COCO(str(tmp_path / "boxes.json"))
    (category,) = read.getCatIds()
    (image,) = (number for number, each in read.imgs.items() if (each["source"], each["frame"]) == ("a.mp4", 2))
    found = read.loadAnns(read.getAnnIds(imgIds=[image], catIds=[category]))
    assert [each["bbox"] for each in found] == [[40, 30, 40, 40], [10, 60, 20, 20]]
    assert len(read.getImgIds()) == 5 and len(read.getAnnIds()) == 4
