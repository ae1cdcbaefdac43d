"""Bad input, end to end: what the detector's commands say, write and return for everything that can be wrong."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bad_detector_items import BAD_SETS, BAD_WEIGHTS, another_network
from detector_commands import QUICK

from tests.yolov5.squares import make_set
from uncover.cli import main
from uncover.yolov5 import inference, train

if TYPE_CHECKING:
    from detector_commands import Complaint, Good


@pytest.mark.parametrize("name", BAD_SETS)
def test_a_spoilt_set_is_named_and_nothing_is_written(data: Path, complaint: Complaint, name: str) -> None:
    spoil, words = BAD_SETS[name]
    spoil(data)
    line = complaint("train", data, data.parent / "out", *QUICK)
    assert re.search(words, line) and str(data) in line
    assert not (data.parent / "out").exists()


def test_an_image_that_vanishes_before_its_turn_is_named(
    good: Good, data: Path, tmp_path: Path, complaint: Complaint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def after_losing(image: Path, function: Callable) -> Callable:
        return lambda *arguments, **options: (image.unlink(), function(*arguments, **options))[1]

    lost = data / "train/images/3.png"
    monkeypatch.setattr(train, "epoch_order", after_losing(lost, train.epoch_order))
    assert f"{lost} does not exist" in complaint("train", data, tmp_path / "out", *QUICK)
    lost = data / "val/images/2.png"
    monkeypatch.setattr(inference, "FramedImages", after_losing(lost, inference.FramedImages))
    line = complaint("predict", data / "val", tmp_path / "p.parquet", "--weights", good.weights)
    assert f"{lost} does not exist" in line
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "epoch=3"], "--set: key epoch is unknown; did you mean epochs?"),
        (["--set", "epochs=0"], "--set: key epochs: expected a number greater than 0; found 0"),
        (["--set", "image_size=100"], "key image_size: expected a multiple of 32"),
        (["--set", "hyperparameters.anchors=0.2"], "key hyperparameters.anchors: expected a number greater"),
        (["--set", "hyperparameters=3"], "key hyperparameters: .*; found 3"),
        (["--set", "epochs"], "--set epochs: expected key=value"),
        (["--set", "precision=float16"], "precision float16: needs a GPU; expected float32 or bfloat16 on device cpu"),
        (["--workers", "0"], "--workers 0: expected 1 or more"),
        (["--channels", "0"], "--channels 0: expected 1 or more"),
        (["--channels", "10"], r"0\.png: is an image of mode RGB; expected 10 channels: a TIFF"),
        (["--padding", "300"], "--padding 300: expected 0 to 255"),
        (["--device", "cuda:97"], r"device cuda:97: torch finds \d+ GPUs; pass --device cpu"),
        (["--device", "tpu"], "device tpu: unknown; expected auto, cpu or cuda:0"),
        (["--device", "meta"], "device meta: unknown"),
        (["--val", "nowhere"], "nowhere: no such folder; expected a data set"),
        (["--start", "nowhere.pt"], r"nowhere\.pt: no such file; expected weights"),
        (["--start", "."], r"\.: no such file; expected weights"),
    ],
)
@pytest.mark.parametrize("verb", ["train", "evolve_generation"])
def test_an_impossible_wish_is_refused(
    good: Good, tmp_path: Path, complaint: Complaint, verb: str, words: list[str], says: str
) -> None:
    words = [*QUICK, *words, *(["--generation", "0"] if verb == "evolve_generation" else [])]
    assert re.search(says, complaint(verb, good.data, tmp_path / "out", *words))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epochs: 3", "is not JSON; expected a summary of 'uncover evolution_history'"),
        ("{}", "expected a summary of 'uncover evolution_history' with the keys hyperparameters"),
        ('{"hyperparameters": 3}', "expected keys with values; found 3"),
        ('{"hyperparameters": {"lr9": 3}}', "key lr9 is unknown; did you mean"),
    ],
)
def test_hyperparameters_that_are_none(good: Good, tmp_path: Path, complaint: Complaint, text: str, says: str) -> None:
    (tmp_path / "best.json").write_text(text)
    line = complaint("train", good.data, tmp_path / "out", *QUICK, "--hyperparameters", tmp_path / "best.json")
    assert f"best.json: {says}" in line and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", BAD_WEIGHTS)
@pytest.mark.parametrize("verb", ["train", "predict"])
def test_bad_weights_are_never_used(good: Good, tmp_path: Path, complaint: Complaint, verb: str, name: str) -> None:
    make, says = BAD_WEIGHTS[name]
    bad, out = tmp_path / "bad.pt", tmp_path / "out.parquet"
    make(good.weights, bad)
    words = ["--weights", bad] if verb == "predict" else [*QUICK, "--start", bad]
    line = complaint(verb, good.data / "val" if verb == "predict" else good.data, out, *words, "--device", "cpu")
    assert re.search(f"bad.pt: .*{says}", line) and len(line) < 400 + len(str(tmp_path)) and not out.exists()


def test_start_weights_of_another_network(good: Good, tmp_path: Path, complaint: Complaint) -> None:
    another_network(good.weights, tmp_path / "s.pt")
    line = complaint("train", good.data, tmp_path / "out", *QUICK, "--start", tmp_path / "s.pt", "--device", "cpu")
    assert "s.pt: has weights of yolov5s, not of yolov5n; pass other weights, or --set model=yolov5s" in line
    line = complaint("train", good.data, tmp_path / "out", *QUICK, "--weights", "general", "--device", "cpu")
    assert "general.pt: has weights of scrfd_2.5g, not of yolov5n" in line


@pytest.mark.parametrize(
    ("content", "stated", "says"),
    [
        (b"any", None, "truncated, damaged, or not written by torch"),
        (b"any", "0" * 64, "not opened, because its sha256 is .*; expected 000"),
        (b"any", "its own", "truncated, damaged, or not written by torch"),
        (None, "0" * 64, "does not exist; put the file there"),
        ("a folder", "0" * 64, "is a folder; expected a file"),
        ("weights", "its own", "not a YOLOv5 detector"),
    ],
)
def test_a_checkpoint_that_nobody_vouches_for(
    good: Good, tmp_path: Path, complaint: Complaint, content: bytes | str | None, stated: str | None, says: str
) -> None:
    path = tmp_path / "yolov5n.pt"
    if content == "a folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(good.weights.read_bytes() if content == "weights" else content)
    stated = hashlib.sha256(path.read_bytes()).hexdigest() if stated == "its own" else stated
    line = complaint("import_weights", path, tmp_path / "out.pt", *(["--sha256", stated] if stated else []))
    assert re.search(f"yolov5n.pt: {says}", line) and not (tmp_path / "out.pt").exists()


@pytest.mark.parametrize(
    ("images", "words", "says"),
    [
        ("val", ["--confidence", "2"], "--confidence 2.0: expected 0 to 1"),
        ("val", ["--nms-iou", "-1"], "--nms-iou -1.0: expected 0 to 1"),
        ("val", ["--nms-iou", "nan"], "--nms-iou nan: expected 0 to 1"),
        ("val", ["--batch", "0"], "--batch 0: expected 1 or more"),
        ("val", ["--image-size", "100"], "--image-size 100: expected a multiple of 32"),
        ("val", ["--image-size", "-32"], "--image-size -32: expected 32 or more"),
        ("val", ["--device", "cuda:97"], "device cuda:97: torch finds"),
        ("val", ["--precision", "float16"], "precision float16: needs a GPU"),
        ("empty", [], "empty: no image in it; expected files that end in"),
        ("nowhere", [], "nowhere: no such folder"),
        ("text.png", [], r"text\.png is not an image in a supported format"),
        ("ten", [], r"ten/0\.tiff: contains an array of 10 x 72 x 96; expected 3 channels"),
        ("val/images/0.png train/images/0.png", [], r"train/images/0\.png: has the name of .*val/images/0\.png"),
        ("val/images/0.png val", [], "val: is a folder among 2 images; expected one folder, or files only"),
    ],
)
def test_what_cannot_be_predicted(
    good: Good, data: Path, tmp_path: Path, complaint: Complaint, images: str, words: list[str], says: str
) -> None:
    (data / "empty").mkdir()
    (data / "text.png").write_text("a photo, honestly")
    if images == "ten":
        make_set(tmp_path / "many", 1, seed=1, channels=10)
        (tmp_path / "many/images").rename(data / "ten")
    given = [data / name for name in images.split()]
    line = complaint("predict", *given, tmp_path / "p.parquet", "--weights", good.weights, "--device", "cpu", *words)
    assert re.search(says, line) and not (tmp_path / "p.parquet").exists()


def test_a_detector_of_maps_refuses_photos(good: Good, tmp_path: Path, complaint: Complaint) -> None:
    for name, seed in (("train", 1), ("val", 2)):
        make_set(tmp_path / name, 2, seed, channels=10)
    words = [*QUICK, "epochs=1", "hyperparameters.mosaic=0", "--channels", "10", "--device", "cpu"]
    assert main(["train", str(tmp_path), str(tmp_path / "out"), *words]) == 0
    words = [tmp_path / "p.parquet", "--weights", tmp_path / "out/weights.pt"]
    line = complaint("predict", good.data / "val", *words)
    assert "0.png: is an image of mode RGB; expected 10 channels: a TIFF" in line


def test_a_forgotten_out_costs_nobody_a_file(good: Good, data: Path, complaint: Complaint) -> None:
    last, record = data / "val/images/1.png", data / "1.json"
    shutil.copy(good.record, record)
    before = last.read_bytes(), record.read_bytes()
    line = complaint("predict", data / "val/images/0.png", last, "--weights", good.weights)
    assert "1.png: expected OUT.parquet" in line
    assert "expected HISTORY.csv and BEST.json" in complaint("evolution_history", record, data / "b.json", record)
    assert "expected HISTORY.csv and BEST.json" in complaint("evolution_history", data / "h.csv", record, record)
    assert before == (last.read_bytes(), record.read_bytes()) and not (data / "h.csv").exists()


@pytest.mark.parametrize(
    ("spoil", "words", "says"),
    [
        (
            lambda path, labels: path.write_bytes(path.read_bytes()[:-100]),
            [],
            "is not a Parquet file, or is truncated",
        ),
        (lambda path, labels: path.write_bytes(b""), [], "is not a Parquet file, or is truncated"),
        (lambda path, labels: (path.unlink(), path.mkdir()), [], "is a folder; expected a table"),
        (
            lambda path, labels: [label.rename(labels / f"x{label.name}") for label in labels.iterdir()],
            [],
            "none of its",
        ),
        (lambda path, labels: (labels / "0.txt").write_text("0 .5 .5 .1"), [], r"0\.txt, row 1: 4 values"),
        (lambda path, labels: (labels / "0.txt").write_text("1e30 .5 .5 .1 .1"), [], "class 1e30 is unknown"),
        (
            lambda path, labels: None,
            ["--class", "nose"],
            "class 'nose': the detector has no such class; .*: light, dark",
        ),
    ],
)
def test_what_cannot_be_evaluated(
    good: Good, data: Path, complaint: Complaint, spoil: Callable, words: list[str], says: str
) -> None:
    path = Path(shutil.copy(good.predictions, data / "p.parquet"))
    spoil(path, data / "val/labels")
    line = complaint("evaluate", path, "--labels", data / "val", "--out", data / "record", *words)
    assert re.search(says, line) and not (data / "record").exists()
