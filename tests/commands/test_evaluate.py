"""`uncover evaluate` from end to end: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from uncover.cli import main
from uncover.metrics.predictions import CORNERS, Predictions, write_predictions

NAMES = {"0": "eyes", "2": "whole face"}
IMAGES = pd.DataFrame({"image": ["a.jpg", "b.png", "c.jpg"], "width": [200, 100, 100], "height": [100, 100, 100]})
FACE_OF_A, FACE_OF_B = (50.0, 40.0, 150.0, 60.0), (10.0, 10.0, 30.0, 30.0)


@pytest.fixture
def predicted(tmp_path: Path) -> Path:
    """Three images: both faces found, and a box in an image that shows none."""
    rows = [("a.jpg", 0.9, *FACE_OF_A), ("b.png", 0.8, *FACE_OF_B), ("c.jpg", 0.3, *FACE_OF_B)]
    boxes = pd.DataFrame(rows, columns=["image", "confidence", *CORNERS]).astype({"confidence": np.float32})
    path = tmp_path / "set.parquet"
    boxes = boxes.assign(**{"class": "whole face", "class_id": 2})
    write_predictions(path, Predictions(boxes, IMAGES, {"classes": NAMES, "confidence": 0.001}))
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Labels of two of the images; the third has no file."""
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "a.txt").write_text("2 0.5 0.5 0.5 0.2\n0 0.4 0.5 0.1 0.1\n")
    (folder / "b.txt").write_text("2 0.2 0.2 0.2 0.2\n")
    return folder


def evaluate(predicted: Path, labels: Path, *arguments: str) -> int:
    return main(["evaluate", "--labels", str(labels), str(predicted), "--bootstrap", "20", *arguments])


def test_a_table_and_a_record(
    predicted: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(predicted, labels, "--out", str(tmp_path / "record")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["class", "images", "labels", "P", "R", "F1", "AP50", "AP50-95"]
    table = {line[:15].strip(): line[15:].split() for line in lines[1:6]}
    # Precision is read on the way from 1 (down to confidence 0.8) to 2 of 3 (at 0.3), near 0.8.
    assert table["whole face"] == ["2", "2", "0.975", "1.000", "0.987", "0.995", "0.995"]
    assert table["eyes"] == ["1", "1", "0.000", "0.000", "0.000", "0.000", "0.000"]
    assert table["all"][:2] == ["2", "3"] and table["all"][5:] == ["0.497", "0.497"]
    assert len({len(line) for line in lines[:6]}) == 1
    assert "images with whole face at confidence 0.4: 2 of 3, 0.667 (0.208 to 0.939)" in lines
    assert any(line.startswith("boxes above confidence 0.25 in images without a matched box: 1;") for line in lines)
    names = sorted(path.name for path in (tmp_path / "record").iterdir() if not path.name.startswith("."))
    assert names == ["classes.csv", "confusion.csv", "curves.parquet", "summary.json"]
    summary = json.loads((tmp_path / "record/summary.json").read_text())
    assert (summary["images"], summary["images_without_labels"], summary["labels"]) == (3, 1, 3)


def test_images_of_one_infant_are_drawn_together_where_somebody_says_so(
    predicted: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "record"

    def score(*more: str) -> tuple[dict, str]:
        assert evaluate(predicted, labels, "--out", str(record), *more) == 0
        return json.loads((record / "summary.json").read_text()), capsys.readouterr().out

    plain, said = score()
    assert plain["blocks"] is None
    assert (
        "intervals: images are drawn independently, although images of one infant, person or video are similar" in said
    )
    rows = "image,infant,video\na.jpg,x,\nimages/b.png,,v\n"
    (tmp_path / "blocks.csv").write_text(rows + "c.jpg,,\n")
    single, said = score()
    assert single["blocks"] == {"kind": "infant or video", "blocks": 3, "alone": 1}
    assert (
        "intervals: images of one infant or video are drawn together: 3 blocks, including 1 images of no known" in said
    )
    # Blocks of one image each are images.
    assert {name: plain[name] for name in plain if name != "blocks"} == {
        name: single[name] for name in single if name != "blocks"
    }
    given = tmp_path / "given.csv"
    given.write_text("image,person\na.jpg,x\nb.png,x\nc.jpg,x\n")
    alone, _ = score("--blocks", str(given))
    assert alone["blocks"]["blocks"] == 1 and alone["R"] == {"value": plain["R"]["value"], "low": None, "high": None}
    assert alone["found"]["by_class"]["whole face"]["low"] is None
    given.write_text("image,person\nx.jpg,x\n")
    assert evaluate(predicted, labels, "--blocks", str(given)) == 2
    assert "given.csv: contains none of the 3 photos, such as a.jpg" in capsys.readouterr().err


def test_one_class(predicted: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(predicted, labels, "--class", "whole face", "--out", str(tmp_path / "record")) == 0
    summary = json.loads((tmp_path / "record/summary.json").read_text())
    assert summary["classes"] == ["whole face"] and summary["R"]["value"] == 1
    assert "left out 1 labels of other classes" in capsys.readouterr().out


def test_images_without_any_label_file_are_background(
    predicted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "labels").mkdir()
    assert evaluate(predicted, tmp_path / "labels", "--out", str(tmp_path / "record")) == 0
    assert "n/a" in capsys.readouterr().out
    assert json.loads((tmp_path / "record/summary.json").read_text())["AP50"]["value"] is None


def test_label_files_of_other_images_are_told_and_counted(
    predicted: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (labels / "z.txt").write_text("2 0.5 0.5 0.5 0.5\n")
    assert evaluate(predicted, labels, "--out", str(tmp_path / "record")) == 0
    told = capsys.readouterr()
    assert "z.txt: belongs to no image that was predicted on" in told.err
    assert "left out 1 label files of images without predictions" in told.out
    assert json.loads((tmp_path / "record/summary.json").read_text())["label_files_without_predictions"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--class", "nose"], "class 'nose': the detector has no such class; expected one of: eyes, whole face"),
        (["--bootstrap", "-1"], "--bootstrap -1: expected 0 or more"),
        (["--seed", "-1"], "--seed -1: expected 0 or more"),
    ],
)
def test_wrong_arguments(
    predicted: Path, labels: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert evaluate(predicted, labels, *arguments) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_wrong_files(predicted: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(tmp_path / "none.parquet", labels) == 2
    assert evaluate(predicted, tmp_path / "none") == 2
    (labels / "b.txt").write_text("2 0.2 0.2 0.2 0.2\n2 0.2 nan 0.2 0.2\n")
    assert evaluate(predicted, labels, "--out", str(tmp_path / "record")) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and "none.parquet: does not exist" in lines[0] and "none: is not a folder" in lines[1]
    assert "b.txt, row 2: '2 0.2 nan 0.2 0.2' has a value that is not a finite number" in lines[2]
    assert not (tmp_path / "record").exists()


def test_records_of_several_sets_are_those_of_one_after_the_other(
    predicted: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables, datasets = [], []
    for name in ("val", "hof"):
        tables.append(str(predicted.with_name(f"{name}.parquet")))
        Path(tables[-1]).write_bytes(predicted.read_bytes())
        datasets.append(str(tmp_path / "datasets" / name))
        (tmp_path / "datasets" / name).mkdir(parents=True)
        (tmp_path / "datasets" / name / "labels").symlink_to(labels)
    out = tmp_path / "scores"
    given = ["evaluate", "sets", str(out), "--predictions", *tables, "--bootstrap", "20"]
    assert main([*given, "--datasets", *datasets[::-1], "--parts", "val"]) == 0
    assert sorted(path.parent.relative_to(out).as_posix() for path in out.rglob("summary.json")) == [
        "hof/whole_face",
        "val/all",
        "val/whole_face",
    ]
    for scope, words in (("all", []), ("whole_face", ["--class", "whole face"])):
        assert evaluate(predicted, labels, "--out", str(tmp_path / scope), *words) == 0
        for path in (tmp_path / scope).glob("*.*"):
            assert (out / "val" / scope / path.name).read_bytes() == path.read_bytes()
    capsys.readouterr()
    for words, says in (
        (["--datasets", datasets[0]], "hof.parquet: no labels; give datasets/hof among --datasets"),
        (["--datasets", *datasets, "--parts", "merl"], "--parts merl: no predictions; give merl.parquet among"),
        (["--datasets", datasets[0], f"{tmp_path}/hof"], "hof: does not exist"),
        (["--datasets", *datasets, datasets[0]], "set val is given twice"),
    ):
        assert main([*given[:2], str(tmp_path / "new"), *given[3:], *words]) == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1 and not (tmp_path / "new").exists()


def test_a_folder_of_somebody_else_is_not_replaced(
    predicted: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(predicted, labels, "--out", str(labels)) == 2
    assert "holds files that uncover did not make" in capsys.readouterr().err
