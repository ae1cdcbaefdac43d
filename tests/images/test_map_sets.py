"""Heatmap sets as detectors find them: labels of the photos, files of the maps, and what does not fit together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.yolov5.map_sets import NAMES, make_map_set
from tests.yolov5.squares import make_set
from uncover.config.detectors import Input
from uncover.errors import InputError
from uncover.images.inputs import find_inputs
from uncover.images.labelled import read_labelled_images
from uncover.images.map_sets import check_alike, explain, is_map_set, read_map_set


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Three photos in `photos/`, one of them below a folder of its own, and their heatmaps in `maps/`."""
    make_set(tmp_path / "photos", 3, seed=1)
    for place, name in (("images", "2.png"), ("labels", "2.txt")):
        (tmp_path / "photos" / place / "b").mkdir()
        (tmp_path / "photos" / place / name).rename(tmp_path / "photos" / place / "b" / name)
    make_map_set(tmp_path / "photos", tmp_path / "maps")
    return tmp_path


@pytest.mark.parametrize(("kind", "place"), [("classes", "images"), ("mean", "images"), ("joint", "joint")])
def test_labels_are_those_of_the_photos_and_files_those_of_the_maps(sets: Path, kind: Input, place: str) -> None:
    photos = read_labelled_images(sets / "photos")
    seen = explain(photos, read_map_set(sets / "maps"), kind)
    assert seen.paths == [sets / "maps" / place / name for name in ("0.tif", "1.tif", "b/2.tif")]
    assert seen.labels is photos.labels and seen.sizes is photos.sizes and seen.class_names == photos.class_names


def test_a_detector_of_maps_knows_photos_by_their_names(sets: Path) -> None:
    assert is_map_set(sets / "maps") and not is_map_set(sets / "photos")
    recipe = {"class_names": NAMES, "method": "gradcampp"}
    found = find_inputs([sets / "maps"], "joint", 1, recipe)
    assert found.names == ["0.png", "1.png", "b/2.png"] and found.paths[2] == sets / "maps/joint/b/2.tif"
    assert found.sizes.tolist() == [[96, 72]] * 3 and found.sizes.dtype == np.int64
    plain = find_inputs([sets / "maps/images"], "mean", 1, recipe)
    assert plain.names == ["0.tif", "1.tif", "b/2.tif"] and plain.sizes.tolist() == found.sizes.tolist()
    assert find_inputs([sets / "photos"], "grey", 1).sizes.tolist() == found.sizes.tolist()


def test_maps_of_another_recipe_are_noted_and_those_of_other_classes_refused(sets: Path, capsys: Any) -> None:
    find_inputs([sets / "maps"], "joint", 1, {"class_names": NAMES, "method": "hirescam", "target": "T2"})
    assert "maps: its heatmaps differ in method from those of the detector's training" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"maps: has heatmaps of eyes, .*; expected those of dog, which the weights"):
        find_inputs([sets / "maps"], "joint", 1, {"class_names": ["dog"]})


def photo_of_another_size(sets: Path) -> None:
    Image.new("RGB", (96, 73)).save(sets / "photos/images/1.png")


def one_more_photo(sets: Path) -> None:
    Image.new("RGB", (96, 73)).save(sets / "photos/images/9.png")


def no_metadata(sets: Path) -> None:
    table = pd.read_parquet(sets / "maps/manifest.parquet")
    table.to_parquet(sets / "maps/manifest.parquet")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (one_more_photo, r"maps: contains no heatmaps of the image .*/9\.png; make them with 'uncover heatmaps'"),
        (
            photo_of_another_size,
            r"maps: its heatmaps of .*/1\.png are for an image of 96 x 72 pixels, but it has 96 x 73",
        ),
        (
            lambda sets: (sets / "maps/joint/b/2.tif").unlink(),
            r"joint/b/2\.tif: does not exist, though man",
        ),
        (lambda sets: (sets / "maps/manifest.parquet").unlink(), "make it with 'uncover heatmaps'"),
        (lambda sets: (sets / "maps/manifest.parquet").write_bytes(b"PAR1"), "is not a Parquet file"),
        (no_metadata, "has no settings of heatmaps; expected a table of 'uncover heatmaps'"),
    ],
)
def test_what_does_not_fit_together_is_named(sets: Path, spoil: Any, says: str) -> None:
    spoil(sets)
    with pytest.raises(InputError, match=says):
        explain(read_labelled_images(sets / "photos"), read_map_set(sets / "maps"), "joint")


def test_sets_of_one_detector_are_made_alike(sets: Path) -> None:
    make_map_set(sets / "photos", sets / "other", images=99, model="1" * 64)
    maps = [read_map_set(sets / name) for name in ("maps", "other")]
    check_alike([maps[0], maps[0]])
    with pytest.raises(InputError, match=r"other: its heatmaps differ in model from those of .*maps; make both"):
        check_alike(maps)
    assert maps[0].digest != maps[1].digest


@pytest.mark.parametrize(
    ("given", "kind", "channels", "says"),
    [
        ("maps", "photo", 3, "maps: is a heatmap set, but these weights require photos; give the data set"),
        ("maps", "grey", 1, "maps: is a heatmap set, but these weights require photos"),
        (
            "photos",
            "joint",
            1,
            r"0\.png: contains no heatmaps, which these weights require \(input: joint\); give a heat",
        ),
        ("maps/images", "joint", 1, r"images/0\.tif: contains heatmaps of 10 channels; expected 1"),
        ("maps/joint", "mean", 1, r"joint/0\.tif: contains heatmaps of 1 channels; expected 10"),
        ("nowhere", "joint", 1, "nowhere: no such folder"),
    ],
)
def test_weights_and_folders_of_different_kinds(sets: Path, given: str, kind: Input, channels: int, says: str) -> None:
    with pytest.raises(InputError, match=says):
        find_inputs([sets / given], kind, channels, {"class_names": NAMES})


def test_a_set_of_blank_heatmaps_is_no_set_to_learn_from(sets: Path, capsys: Any) -> None:
    labelled = read_labelled_images(sets / "photos")
    maps = read_map_set(sets / "maps")
    blank = [["no detection"] * (len(NAMES) + 1)] * len(maps.table)
    for kind in ("classes", "joint", "mean"):
        with pytest.raises(InputError, match=rf"all {len(blank)} heatmaps \({kind}\) are blank"):
            explain(labelled, replace(maps, table=maps.table.assign(status=blank)), kind)
    some = [["map", *row[1:]] if place else row for place, row in enumerate(blank)]
    kept = explain(labelled, replace(maps, table=maps.table.assign(status=some)), "classes")
    assert len(kept) == len(labelled) and f"1 of {len(blank)} heatmaps (classes) are blank" in capsys.readouterr().err
