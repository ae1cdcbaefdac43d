"""What `uncover predict` shows of its boxes besides the table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd
import pytest
from detector_commands import CPU, QUICK, run

from uncover.commands._predict_shown import above, write_pictures
from uncover.data.parts import CLASS_NAMES
from uncover.images.drawing import PALETTE
from uncover.images.inputs import Inputs
from uncover.metrics.predictions import CORNERS, Predictions, read_predictions
from uncover.yolov5.weights import read_weights

if TYPE_CHECKING:
    from detector_commands import Complaint, Good


def test_boxes_as_csv(good: Good, tmp_path: Path) -> None:
    words = ["--weights", good.weights, *CPU]
    run("predict", good.data / "val", tmp_path / "both.parquet", *words, "--format", "csv")
    run("predict", good.data / "val", tmp_path / "alone.csv", *words)
    assert not (tmp_path / "alone.parquet").exists()
    assert (tmp_path / "alone.csv").read_bytes() == (tmp_path / "both.csv").read_bytes()
    read, stored = pd.read_csv(tmp_path / "alone.csv"), read_predictions(tmp_path / "both.parquet").boxes
    assert list(read) == list(stored) and (read[["image", "class"]].values == stored[["image", "class"]].values).all()
    assert np.allclose(read.iloc[:, 3:], stored.iloc[:, 3:].astype(float), atol=0.006)


def test_weights_of_rendered_faces_say_so_on_other_pictures(
    good: Good, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "synthetic.json").write_text("{}")
    run("train", data, tmp_path / "out", *QUICK, "epochs=1")
    assert read_weights(tmp_path / "out" / "weights.pt")[0].training["rendered"] is True
    assert "rendered" not in read_weights(good.weights)[0].training
    line = "note: .*weights.pt: trained on rendered faces only; on images of people"
    for weights, images, said in (
        (tmp_path / "out" / "weights.pt", data / "val", False),
        (tmp_path / "out" / "weights.pt", good.data / "val", True),
        (good.weights, good.data / "val", False),
    ):
        capsys.readouterr()
        run("predict", images, tmp_path / "found.parquet", "--weights", weights, *CPU)
        assert bool(re.search(line, capsys.readouterr().err)) == said
        run("predict", "sets", images, "--out", tmp_path / "sets", "--weights", weights, *CPU)
        assert bool(re.search(line, capsys.readouterr().err)) == said


FOUND = [  # image, class, confidence, corners
    ("a/sure.png", "whole face", 0.9, (60, 40, 100, 80)),
    ("a/sure.png", "mouth", 0.01, (140, 90, 150, 95)),
    ("eyes.png", "eyes", 0.9, (60, 40, 100, 50)),
    ("unsure.png", "whole face", 0.2, (60, 40, 100, 80)),
]


@pytest.mark.parametrize("privacy", ["pixelate", "publish"])
def test_pictures_show_boxes_and_hide_what_may_be_a_face(tmp_path: Path, privacy: str) -> None:
    boxes = pd.DataFrame(
        [(image, name, CLASS_NAMES.index(name), score, *corners) for image, name, score, corners in FOUND],
        columns=["image", "class", "class_id", "confidence", *CORNERS],
    )
    names = ["a/sure.png", "eyes.png", "none.png", "unsure.png"]
    board = np.kron(np.indices((30, 40)).sum(axis=0) % 2 * 255, np.ones((4, 4)))
    photos = np.repeat(board[None, ..., None], 4, axis=0).repeat(3, axis=3).astype(np.uint8)
    for name, photo in zip(names, photos, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), photo)
    inputs = Inputs(names, [tmp_path / name for name in names], np.full((4, 2), (160, 120)))
    images = pd.DataFrame({"image": names, "width": 160, "height": 120})
    found = Predictions(boxes, images, {"classes": dict(enumerate(CLASS_NAMES))})
    assert write_pictures(tmp_path / "out", inputs, found, 0.25, privacy) == 2
    for name, photo in zip(names, photos, strict=True):
        shown = cv2.imread(str((tmp_path / "out" / name).with_suffix(".jpg"))).astype(int)
        assert shown.shape == photo.shape
        changed = np.abs(shown - photo).max(axis=2) > 80  # far more than JPEG does
        inside, beside, part = changed[50:75, 65:95], changed[:30, :50], changed[90:95, 140:150]
        whole = name != "a/sure.png"  # without a sure whole face nobody knows what else is one
        if privacy == "publish":
            assert beside.mean() < 0.05 and part.mean() < 0.05 and (name == "eyes.png" or inside.mean() < 0.05)
        else:
            assert min(inside.mean(), part.mean()) > 0.2 and (beside.mean() > 0.2) == whole
        colours = [PALETTE[CLASS_NAMES.index(part) % len(PALETTE)] for part in ("whole face", "eyes")]
        drawn = [(np.abs(shown[..., ::-1] - colour).max(axis=2) < 40).any() for colour in colours]
        assert drawn == [name == "a/sure.png", name == "eyes.png"]


def test_boxes_of_a_higher_confidence_are_those_asked_for_at_once(good: Good, tmp_path: Path) -> None:
    every = read_predictions(good.predictions)
    confidence = float(every.boxes["confidence"].sort_values().iloc[len(every.boxes) // 2])
    words = ["--weights", good.weights, *CPU, "--confidence", confidence]
    run("predict", good.data / "val", tmp_path / "p.parquet", *words)
    asked, kept = read_predictions(tmp_path / "p.parquet"), above(every, confidence)
    assert asked.settings == kept.settings
    pd.testing.assert_frame_equal(asked.boxes, kept.boxes.reset_index(drop=True))
    assert 0 < len(asked.boxes) < len(every.boxes)


def test_pictures_change_neither_table_nor_what_is_said(
    good: Good, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for name, more in (("plain", []), ("drawn", ["--annotate", tmp_path / "pictures"])):
        words = ["--weights", good.weights, *CPU, "--class", "light", "--confidence", "0.002", *more]
        also = ["--also", "0.3", tmp_path / f"{name}_also.parquet"]
        run("predict", good.data / "val", tmp_path / f"{name}.parquet", *words, *also)
        lines = [line for line in capsys.readouterr().err.splitlines() if ".parquet" in line]
        # Without names of files and seconds.
        said.append([line.partition(": ")[2].rpartition(", ")[0] for line in lines])
    assert said[0] == said[1] and len(said[0]) == 2
    for kind in ("", "_also"):
        plain, drawn = (read_predictions(tmp_path / f"{name}{kind}.parquet") for name in ("plain", "drawn"))
        pd.testing.assert_frame_equal(plain.boxes, drawn.boxes)
        assert plain.settings == drawn.settings and set(plain.boxes["class"]) == {"light"}


def test_pictures_of_one_name_keep_their_endings(good: Good, data: Path, tmp_path: Path) -> None:
    photo = cv2.imread(str(data / "val/images/0.png"))
    cv2.imwrite(str(data / "val/images/0.bmp"), photo)
    words = ["--weights", good.weights, *CPU, "--annotate", tmp_path / "shown"]
    run("predict", data / "val/images", tmp_path / "p.parquet", *words)
    names = {path.name for path in (tmp_path / "shown").glob("*.jpg")}
    assert names == {"0.bmp.jpg", "0.png.jpg", "1.jpg", "2.jpg", "3.jpg"}


def test_where_no_box_counts_it_is_said_how_near_one_came(
    good: Good, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [good.data / "val", tmp_path / "p.parquet", "--weights", good.weights, *CPU]
    best = read_predictions(good.predictions).boxes.nlargest(1, "confidence").iloc[0]
    run("predict", *words, "--confidence", 0.999)
    said = capsys.readouterr().err.splitlines()
    assert ": 0 boxes in 0 of 4 images, " in said[0]
    assert f"the highest is {best['confidence']:.3f} ({best['class']} in {best['image']}); try a lower" in said[1]
    assert "a lower --confidence (it was 0.999), --image-size (it was 64)" in said[1]


def test_what_would_overwrite_the_images_is_refused(
    good: Good, data: Path, tmp_path: Path, complaint: Complaint
) -> None:
    words = [data / "val", tmp_path / "p.parquet", "--weights", good.weights, *CPU, "--annotate"]
    assert "is among the images" in complaint("predict", *words, data / "val/images/shown")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").touch()
    assert "holds files that uncover did not make" in complaint("predict", *words, tmp_path / "mine")
