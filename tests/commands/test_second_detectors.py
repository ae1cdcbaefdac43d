"""Detectors of heatmaps and of grey photos as a user trains and runs them, and wishes that do not fit."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from detector_commands import CPU, QUICK, run

from tests.yolov5.map_sets import NAMES, make_map_set, make_map_sets
from tests.yolov5.squares import make_set
from uncover.metrics.predictions import read_predictions
from uncover.yolov5.network import build_network
from uncover.yolov5.weights import Header, load_weights, save_weights

if TYPE_CHECKING:
    from detector_commands import Complaint

MAPS = {"class_names": NAMES, "variant": "blobs", "method": "gradcampp", "layers": [-2], "target": "T2"}


@pytest.fixture(scope="module")
def root(one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`photos/train`, `photos/val`, `maps/train`, `maps/val`, and untrained weights of three kinds."""
    folder = tmp_path_factory.mktemp("second")
    for name, count, seed in (("train", 3, 1), ("val", 2, 2)):
        make_set(folder / "photos" / name, count, seed)
    make_map_sets(folder / "photos", folder / "maps")
    for kind, channels in (("photo", 3), ("grey", 1), ("joint", 1), ("classes", 10)):
        header = Header(
            model="yolov5n", channels=channels, class_names=("light", "dark"), class_ids=(0, 1), image_size=64,
            input=kind, maps=MAPS | {"model": "0" * 64} if kind in ("joint", "classes") else None,
        )  # fmt: skip
        save_weights(folder / f"{kind}.pt", build_network("yolov5n", channels, 2, seed=0).state_dict(), header)
    return folder


def test_a_detector_of_heatmaps_says_what_it_looks_at(root: Path, tmp_path: Path) -> None:
    words = [*QUICK, "epochs=1", "hyperparameters.mosaic=0"]
    run("train", root / "photos", tmp_path, "--heatmaps", root / "maps", "--input", "mean", *words)
    header = load_weights(tmp_path / "weights.pt")[1]
    assert (header.input, header.channels, header.padding) == ("mean", 1, 0)
    assert header.maps is not None and header.maps["method"] == "gradcampp" and header.maps["class_names"] == NAMES
    assert json.loads((tmp_path / "summary.json").read_text())["input"] == "mean"


@pytest.mark.parametrize(("kind", "place"), [("grey", "photos"), ("joint", "maps"), ("classes", "maps")])
def test_many_sets_are_predicted_as_one_by_one(root: Path, tmp_path: Path, kind: str, place: str) -> None:
    weights = ["--weights", root / f"{kind}.pt", *CPU]
    sets = [root / place / name for name in ("train", "val")]
    run("predict", "sets", *weights, "--out", tmp_path / "all", *sets)
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["train.parquet", "val.parquet"]
    for folder in sets:
        run("predict", *weights, folder, tmp_path / "one.parquet")
        assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / f"all/{folder.name}.parquet").read_bytes()
        predictions = read_predictions(tmp_path / "one.parquet")
        photos = sorted(path.name for path in (root / "photos" / folder.name / "images").iterdir())
        assert predictions.images["image"].tolist() == photos and predictions.settings["input"] == kind
        assert predictions.images[["width", "height"]].to_numpy().tolist() == [[96, 72]] * len(photos)


def test_files_of_heatmaps_will_do(root: Path, tmp_path: Path) -> None:
    words = ["--weights", root / "classes.pt", *CPU]
    run("predict", *words, root / "maps/val", tmp_path / "set.parquet")
    run("predict", *words, root / "maps/val/images", tmp_path / "files.parquet")
    named, plain = (read_predictions(tmp_path / f"{name}.parquet") for name in ("set", "files"))
    assert plain.images["image"].tolist() == ["0.tif", "1.tif"]
    columns = ["confidence", "x1", "y1", "x2", "y2"]
    assert np.array_equal(named.boxes[columns], plain.boxes[columns])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--input", "joint"], "--input joint: requires heatmaps; pass --heatmaps DIR, a folder with the sets"),
        (["--heatmaps", "maps"], "--heatmaps .*maps: --input photo uses no heatmaps; pass --input joint or classes"),
        (["--heatmaps", "maps", "--input", "joint", "--channels", "3"], "--channels 3: --input joint has 1 channel"),
        (["--heatmaps", "maps", "--input", "classes", "--channels", "1"], "--channels 1: --input classes has 10"),
        (["--heatmaps", "maps/val", "--input", "joint"], "val/train/manifest.parquet: does not exist; make it"),
        (["--input", "hue"], "invalid choice: 'hue'"),
        (["--set", "freeze=24"], "freeze=24: frozen layers require initial weights; pass --weights WEIGHTS"),
        (["--set", "freeze=25"], "key freeze: expected a number less than or equal to 24; found 25"),
    ],
)  # fmt: skip
def test_wishes_that_contradict_each_other(
    root: Path, tmp_path: Path, complaint: Complaint, words: list[str], says: str
) -> None:
    words = [str(root / word) if word.startswith("maps") else word for word in words]
    line = complaint("train", root / "photos", tmp_path / "out", *QUICK, *words)
    assert re.search(says, line) and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda maps: (maps / "train/joint/2.tif").unlink(), r"joint/2\.tif: does not exist, though manifest\.parquet"),
        (lambda maps: (maps / "train/joint/2.tif").write_bytes(b"II"), r"joint/2\.tif: cannot be decoded"),
        (lambda maps: shutil.copy(maps / "train/images/2.tif", maps / "train/joint"), "10 channels; expected 1"),
    ],
)
def test_spoilt_heatmaps_are_named(root: Path, tmp_path: Path, complaint: Complaint, spoil, says: str) -> None:
    maps = Path(shutil.copytree(root / "maps", tmp_path / "maps"))
    spoil(maps)
    words = ["--heatmaps", maps, "--input", "joint", *QUICK]
    line = complaint("train", root / "photos", tmp_path / "out", *words)
    assert re.search(says, line) and not (tmp_path / "out/weights.pt").exists()


def test_heatmaps_of_other_photos(root: Path, tmp_path: Path, complaint: Complaint) -> None:
    make_set(tmp_path / "photos", 2, seed=1)
    make_map_set(tmp_path / "photos", tmp_path / "maps/train")
    shutil.copytree(root / "maps/val", tmp_path / "maps/val")
    words = ["--heatmaps", tmp_path / "maps", "--input", "classes", *QUICK]
    line = complaint("train", root / "photos", tmp_path / "out", *words)
    assert re.search(
        r"maps/train: contains no heatmaps of the image .*/photos/train/images/2\.png; make them with", line
    )


@pytest.mark.parametrize(
    ("kind", "sets", "says"),
    [
        ("photo", ["photos/val", "maps/train"], "maps/train: is a heatmap set, but these weights require photos"),
        ("grey", ["maps/train"], "maps/train: is a heatmap set, but these weights require photos; give the data set"),
        ("joint", ["maps/val", "photos/train"], r"0\.png: contains no heatmaps, which these weights require .input: j"),
        ("photo", ["photos/val", "maps/val"], "val: has the name of .*photos/val, and both would be .*val.parq"),
        ("photo", ["photos/val/images/0.png"], r"0\.png: is a file; expected the folder of a set"),
        ("photo", ["photos/val", "nowhere"], "nowhere: no such folder"),
    ],
)  # fmt: skip
def test_sets_that_cannot_be_predicted(
    root: Path, tmp_path: Path, complaint: Complaint, kind: str, sets: list[str], says: str
) -> None:
    words = ["--weights", root / f"{kind}.pt", "--out", tmp_path / "out", *CPU, *(root / name for name in sets)]
    assert re.search(says, complaint("predict sets", *words)) and not (tmp_path / "out").exists()
    if len(sets) == 1 and "images" not in sets[0]:
        line = complaint("predict", *words[:2], *CPU, root / sets[0], tmp_path / "p.parquet")
        assert re.search(says, line) and not (tmp_path / "p.parquet").exists()
