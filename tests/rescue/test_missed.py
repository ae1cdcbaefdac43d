"""Which photos were missed, and what of them can be looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.metrics.conftest import random_set
from tests.rescue.sets import SIDE, manifest, predicted, true_faces, write_heatmaps, write_labels
from uncover.cam.heatmaps import MAP, NO_DETECTION, NO_EVIDENCE
from uncover.cli import main
from uncover.data.parts import WHOLE_FACE
from uncover.errors import InputError
from uncover.metrics.predictions import Predictions, write_predictions
from uncover.rescue.drawn import draw_set
from uncover.rescue.missed import find_missed, looked_at, read_missed, write_missed

IMAGES = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
BOX = (10.0, 10.0, 50.0, 50.0)
FACES = {"a.jpg": [BOX], "b.jpg": [BOX, (60.0, 60.0, 90.0, 90.0)], "c.jpg": []}
NAMES = ("nose", "whole face")
STATUSES = {
    "c.jpg": (NO_DETECTION, NO_DETECTION, NO_DETECTION),
    "d.jpg": (MAP, NO_EVIDENCE, MAP),
    "a.jpg": (MAP, MAP, MAP),
    "b.jpg": (MAP, NO_EVIDENCE, NO_EVIDENCE),
}
"""Classes nose and whole face, then the joint map; in another order than the photos."""


def first_detector(confidence_of_b: float = 0.3, **settings: object) -> Predictions:
    """a is found, d exactly from 0.4 on; c has nothing."""
    found = [("a.jpg", 0.9, BOX), ("a.jpg", 0.2, BOX), ("b.jpg", confidence_of_b, BOX), ("d.jpg", 0.4, BOX)]
    return predicted(IMAGES, found, **settings)


def test_a_photo_is_missed_without_a_whole_face_from_the_confidence_on() -> None:
    table = find_missed(first_detector(), {}, true_faces(FACES), 0.4)
    assert table["image"].tolist() == list(IMAGES)
    assert table["missed"].tolist() == [False, True, True, False]
    assert table["confidence"].tolist() == pytest.approx([0.9, 0.3, 0, 0.4])
    assert table["faces"].tolist() == [1, 2, 0, 0]
    assert set(table["width"]) == set(table["height"]) == {SIDE}


def test_boxes_of_parts_find_no_face() -> None:
    table = find_missed(predicted(IMAGES, [("a.jpg", 0.9, BOX)], class_id=1), {}, None, 0.4)
    assert table["missed"].all() and (table["confidence"] == 0).all() and table["faces"].isna().all()


def test_what_is_blank_is_said_of_every_input() -> None:
    table = find_missed(first_detector(), {"hirescam": manifest(STATUSES, NAMES)}, None, 0.4)
    drawn = {column: table[column].tolist() for column in table if ":" in column}
    assert drawn == {
        "hirescam:classes": [True, True, False, True],
        "hirescam:joint": [True, False, False, True],
        "hirescam:mean": [True, True, False, True],
        "hirescam:whole_face": [True, False, False, False],
    }
    assert looked_at(table, "hirescam:mean").tolist() == [False, True, False, False]
    assert looked_at(table, None).tolist() == [False, True, True, False]


def test_heatmaps_without_a_whole_face_have_no_such_input() -> None:
    statuses = {image: status[1:] for image, status in STATUSES.items()}
    table = find_missed(first_detector(), {"hirescam": manifest(statuses, ["nose"])}, None, 0.4)
    assert [column for column in table if ":" in column] == ["hirescam:classes", "hirescam:joint", "hirescam:mean"]


@pytest.mark.parametrize("seed", range(3))
def test_each_photo_of_a_random_set(seed: int) -> None:
    of_set = random_set(seed, images=8)
    table = find_missed(of_set.predictions, {}, of_set.truth, 0.4).set_index("image")
    boxes = of_set.predictions.boxes
    for image in of_set.predictions.images["image"]:
        own = boxes[(boxes["image"] == image) & (boxes["class_id"] == WHOLE_FACE)]["confidence"]
        assert table.loc[image, "missed"] == (not any(value >= np.float32(0.4) for value in own))
        faces = (of_set.truth["image"] == image) & (of_set.truth["class_id"] == WHOLE_FACE)
        assert table.loc[image, "faces"] == faces.sum()


@pytest.mark.parametrize("images", [IMAGES, ()])
@pytest.mark.parametrize("faces", [true_faces(FACES), None])
def test_the_list_comes_back_as_it_was(tmp_path: Path, images: tuple[str, ...], faces: pd.DataFrame | None) -> None:
    found = first_detector() if images else predicted((), [])
    statuses = {image: STATUSES[image] for image in images}
    table = find_missed(found, {"hirescam": manifest(statuses, NAMES)}, faces, 0.4)
    write_missed(tmp_path / "val.csv", table)
    again = read_missed(tmp_path / "val.csv", ["hirescam:whole_face"])
    pd.testing.assert_frame_equal(again, table, check_dtype=bool(images))
    assert (again.dtypes[4:] == [np.float32] + [bool] * 5).all() and again.dtypes["faces"] == "Int64"
    assert "nan" not in (tmp_path / "val.csv").read_text().lower()


def run(root: Path, *more: object, heatmaps: Path | None = None) -> int:
    words = [
        root / "val.csv",
        "--predictions",
        root / "val.parquet",
        "--heatmaps",
        heatmaps or root / "heatmaps/hirescam/val",
    ]
    return main(["missed", *map(str, [*words, *more])])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_predictions(tmp_path / "val.parquet", first_detector())
    write_labels(tmp_path / "datasets/val", FACES)
    write_heatmaps(tmp_path, "hirescam", "val", manifest(STATUSES, NAMES))
    return tmp_path


def test_the_command_writes_the_list(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(files, "--labels", files / "datasets/val/labels") == 0
    assert capsys.readouterr().err.startswith(f"wrote {files}/val.csv: 2 of 4 photos missed, 0.")
    lines = (files / "val.csv").read_text().splitlines()
    assert lines[0].startswith("image,width,height,faces,confidence,missed,hirescam:classes,hirescam:joint,")
    assert lines[2] == "b.jpg,100,100,2,0.3,True,True,False,True,False"
    assert run(files, "--confidence", 0.2) == 0
    assert (files / "val.csv").read_text().splitlines()[2] == "b.jpg,100,100,,0.3,False,True,False,True,False"


def test_lists_of_several_sets_are_those_of_one_after_the_other(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_predictions(files / "hof.parquet", first_detector())
    write_heatmaps(files, "hirescam", "hof", manifest(STATUSES, NAMES))
    given = ["missed", "sets", f"{files}/missed", "--predictions", f"{files}/val.parquet", f"{files}/hof.parquet"]
    given += ["--heatmaps", f"{files}/heatmaps/hirescam"]
    for folder in ("none", "datasets/merl"):
        assert main([*given, "--datasets", f"{files}/{folder}"]) == 2
        assert f"{folder}: no predictions; give {Path(folder).name}.parquet" in capsys.readouterr().err
    assert main([*given, "--datasets", f"{files}/datasets/val"]) == 0
    of_val = (files / "missed/val.csv").read_bytes()
    assert run(files, "--labels", files / "datasets/val/labels") == 0
    assert of_val == (files / "val.csv").read_bytes()
    assert run(files) == 0
    assert (files / "missed/hof.csv").read_bytes() == (files / "val.csv").read_bytes() != of_val
    (files / "heatmaps/hirescam/hof/manifest.parquet").unlink()
    capsys.readouterr()
    assert main([*given[:2], f"{files}/new", *given[3:]]) == 2 and not (files / "new").exists()
    assert "hof/manifest.parquet: does not exist" in capsys.readouterr().err


def test_boxes_that_were_drawn_of_other_predictions_are_refused(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = files / "heatmaps/drawn_boxes/val"
    for overlap, status in ((0.6, 0), (0.5, 2)):
        write_predictions(files / "drawn.parquet", first_detector(nms_iou=overlap))
        draw_set(files / "drawn.parquet", 0.1, drawn)
        assert run(files, heatmaps=drawn) == status
    error = capsys.readouterr().err
    assert f"{drawn}/manifest.parquet: nms_iou is 0.5, but 0.6 in {files}/val.parquet" in error


@pytest.mark.parametrize(
    ("spoil", "words", "says"),
    [
        (
            lambda root: (root / "val.parquet").unlink(),
            [],
            "val.parquet: does not exist; make it with 'uncover predict'",
        ),
        (
            lambda root: write_predictions(root / "val.parquet", predicted(IMAGES, [], confidence=0.5)),
            [],
            "val.parquet: was stored at confidence 0.5; expected 0.4 or less",
        ),
        (
            lambda root: write_predictions(root / "val.parquet", predicted(IMAGES[:3], [])),
            [],
            "val/manifest.parquet: names d.jpg, which {root}/val.parquet does not; expected records of the same set",
        ),
        (
            lambda root: write_predictions(root / "val.parquet", predicted((*IMAGES, "z.jpg"), [])),
            [],
            "val/manifest.parquet: does not name z.jpg, which {root}/val.parquet does;",
        ),
        (
            lambda root: (root / "heatmaps/hirescam/val/manifest.parquet").write_bytes(b"none"),
            [],
            "manifest.parquet: is not a Parquet file",
        ),
        (lambda root: None, ["--heatmaps", "{root}/none/val"], "none/val/manifest.parquet: does not exist"),
        (
            lambda root: None,
            ["--heatmaps", "{root}/heatmaps/hirescam/val", "{root}/heatmaps/hirescam/val"],
            "variant hirescam is given twice; pass one folder per variant",
        ),
        (lambda root: None, ["--labels", "{root}/none"], "none: is not a folder; expected the label files"),
        (lambda root: None, ["--confidence", "40"], "--confidence 40.0: expected 0 to 1"),
    ],
)
def test_bad_input_is_one_line(
    files: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], object], words: list[str], says: str
) -> None:
    spoil(files)
    assert run(files, *(word.format(root=files) for word in words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("uncover missed: error: ") and says.format(root=files) in line
    assert not (files / "val.csv").exists()


HEAD = "image,width,height,faces,confidence,missed,hirescam:joint"
GOOD = "a.jpg,100,100,1,0.5,False,True"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "does not exist; expected a table of 'uncover missed'"),
        ("", "is empty"),
        ("image,missed\na.jpg,True\n", "no column width; expected a table of 'uncover missed'"),
        (
            f"{HEAD[:-5]}classes\n{GOOD}\n",
            "no column hirescam:joint; it has columns for: hirescam:classes",
        ),
        (f"{HEAD}\n{GOOD}\n{GOOD}\n", "row 3: duplicate photo a.jpg; expected each photo once"),
        (f"{HEAD}\n,100,100,1,0.5,False,True\n", "row 2: image ''; expected text"),
        (f"{HEAD}\n{GOOD}\nb.jpg,100,100,1,0.5,0,True\n", "row 3: missed '0'; expected True or False"),
        (f"{HEAD}\n{GOOD}\nb.jpg,100,100,1,0.5,True\n", "row 3: 6 values; expected 7: image"),
        (f"{HEAD}\na.jpg,100,0,1,0.5,False,True\n", "row 2: height '0'; expected a whole number of 1 or more"),
        (f"{HEAD}\na.jpg,100,9,1.5,0.5,False,True\n", "row 2: faces '1.5'; expected a whole number of 0 or more"),
        (f"{HEAD}\na.jpg,100,9,1,1.5,False,True\n", "row 2: confidence '1.5'; expected a number from 0 to 1"),
        (f"{HEAD}\na.jpg,100,9,1,nan,False,True\n", "row 2: confidence 'nan'; expected a number from 0 to 1"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "val.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_missed(path, ["hirescam:joint"])
    assert str(caught.value).startswith(str(path)) and says in str(caught.value)
