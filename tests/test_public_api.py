"""The public Python API: names, examples in docstrings, pages and scripts, and the same results as the commands."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
import runpy
import shutil
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
import pandas as pd
import pytest

import uncover
from tests.yolov5.conftest import learned_squares, squares  # noqa: F401
from uncover.cam.store import read_manifest
from uncover.cli import main
from uncover.data.yolo import read_label_file
from uncover.errors import in_python
from uncover.images.maps import read_maps
from uncover.video.encode import VideoWriter
from uncover.yolov5.weights import load_weights, save_weights

ROOT = Path(__file__).parents[1]
MODULES = sorted({*uncover._HOMES.values()} - {"uncover.errors"})
NAMES = ("face", "mask")


@pytest.fixture(scope="module")
def example(
    learned_squares: Path,  # noqa: F811
    squares: Path,  # noqa: F811
    one_thread: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder with the files that examples name: weights, photos, a photo, a video, a data set, predictions."""
    folder = tmp_path_factory.mktemp("example")
    network, header = load_weights(learned_squares / "weights.pt")
    save_weights(folder / "best.pt", network.state_dict(), header.model_copy(update={"class_names": NAMES}))
    shutil.copytree(squares / "val" / "images", folder / "photos")
    pictures = [cv2.imread(str(path))[..., ::-1] for path in sorted((folder / "photos").iterdir())]
    cv2.imwrite(str(folder / "photo.jpg"), pictures[0])
    with VideoWriter(folder / "clip.mp4", 96, 72, 2.0) as writer:
        for picture in pictures[:4]:
            writer.write(np.ascontiguousarray(picture))
    for split, numbers in (("train", range(4)), ("val", range(4, 8))):
        for kind, ending in (("images", ".png"), ("labels", ".txt")):
            (folder / "my_set" / kind / split).mkdir(parents=True)
            for number in numbers:
                shutil.copy(squares / "val" / kind / f"{number}{ending}", folder / "my_set" / kind / split)
    (folder / "my_set" / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [face, mask]\n")
    words = ["predict", folder / "my_set" / "images" / "val", folder / "predictions.parquet", "--device", "cpu"]
    assert main([*map(str, words), "--weights", str(folder / "best.pt")]) == 0
    return folder


@pytest.fixture
def place(example: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same, as the working directory."""
    monkeypatch.chdir(example)
    monkeypatch.setitem(matplotlib.rcParams, "savefig.dpi", 20)
    yield example


def test_every_public_name_is_there_and_typed() -> None:
    assert {*uncover.__all__} == {*uncover._HOMES, "__version__"} <= set(dir(uncover))
    tree = ast.parse(Path(uncover.__file__).read_text(encoding="utf-8"))
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    homes = {alias.name: node.module for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert homes == uncover._HOMES
    for name, home in homes.items():
        value = getattr(uncover, name)
        assert value is getattr(importlib.import_module(home), name)
        assert inspect.getdoc(value), name


def test_the_api_needs_neither_snakemake_nor_the_config_of_a_run() -> None:
    code = (
        "import sys, uncover\n"
        "assert not {'torch', 'numpy', 'pandas', 'pydantic'} & set(sys.modules)\n"
        "uncover.read_dataset, uncover.evaluate, uncover.Detections\n"
        "assert 'torch' not in sys.modules\n"
        "for name in uncover.__all__: getattr(uncover, name)\n"
        "print(sorted({'snakemake', 'uncover.config.model', 'matplotlib', 'ultralytics'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module: str, place: Path) -> None:
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        result = doctest.testmod(importlib.import_module(module), optionflags=options)
    assert result.failed == 0
    assert result.attempted > 0 or module == "uncover.metrics.evaluation"


def test_examples_of_the_page_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    codes = [textwrap.dedent(code) for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for code in codes:
            exec(compile(code, "docs/python.md", "exec"), names)
    assert len(codes) > 8 and "method=hires" in capsys.readouterr().out


@pytest.mark.parametrize(
    "script", ["detect_video", "explain_yolo", pytest.param("train_and_evaluate", marks=pytest.mark.whole_run)]
)
def test_scripts_run_on_data_of_their_own(
    script: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    path = ROOT / "examples" / f"{script}.py"
    monkeypatch.setattr(sys, "argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    said = capsys.readouterr().out
    assert {"detect_video": "with_face", "explain_yolo": "4 heatmaps", "train_and_evaluate": "fine-tuned"}[
        script
    ] in said
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


def test_a_script_takes_files(place: Path, tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "examples" / "explain_yolo.py"))
    (tmp_path / "one").mkdir()
    shutil.copy("photos/3.png", tmp_path / "one")
    stored = script["main"]("best.pt", tmp_path / "one", tmp_path / "out")
    assert [each.method for each in stored] == ["gradcampp", "hirescam"]
    assert (tmp_path / "out" / "overlays" / "3.png").is_file() and (tmp_path / "out/maps/hirescam/lint.csv").is_file()


@pytest.mark.parametrize("tracking", [None, "online", "offline"])
def test_boxes_of_a_video_are_those_of_the_command(tracking: Any, place: Path, tmp_path: Path) -> None:
    words = ["detect", "clip.mp4", "--out", tmp_path / "out", "--weights", "best.pt", "--class", "face"]
    temporal = ["--confidence", "0.3", "--temporal", tracking or "off", "--device", "cpu"]
    assert main([*map(str, words), *temporal]) == 0
    detector = uncover.FaceDetector("best.pt", 0.3, "cpu", face="face")
    boxes = detector.detect_video("clip.mp4", tracking)
    assert len(boxes)
    pd.testing.assert_frame_equal(boxes, pd.read_parquet(tmp_path / "out" / "boxes.parquet"), check_exact=True)
    every = detector.detect_video("clip.mp4", tracking, all_frames=True)
    assert every["frame"].nunique() == 4 and len(every.dropna()) == len(boxes)


def test_frames_of_a_stream_have_their_pixels(place: Path) -> None:
    detector = uncover.FaceDetector("best.pt", 0.3, "cpu", face="face")
    kept = list(detector.stream("clip.mp4"))
    assert [frame.index for frame in kept] == [0, 1, 2, 3] and [frame.second for frame in kept] == [0, 0.5, 1, 1.5]
    later = {frame.index: frame.image for frame in reversed(kept)}
    for frame in detector.stream(Path("clip.mp4"), tracking="online"):
        np.testing.assert_array_equal(frame.image, later[frame.index])
        assert frame.image.shape == (frame.height, frame.width, 3) == (72, 96, 3)
        assert set(frame.faces.found_by) <= {"rgb", "temporal"} and len(frame.methods) == len(frame.faces)
    photos = list(detector.stream("photos", until=1))
    assert [photo.source for photo in photos] == [f"{number}.png" for number in range(8)]
    assert photos[2].second is None and photos[2].image.shape == (72, 96, 3)
    for alone in (detector("photos/2.png"), detector(photos[2].image)):
        # Another batch moves last bits.
        np.testing.assert_allclose(photos[2].faces.boxes, alone.boxes, atol=1e-3)
        assert photos[2].faces.found_by.tolist() == alone.found_by.tolist()


def test_what_cannot_be_read_of_a_source(place: Path, tmp_path: Path) -> None:
    detector = uncover.FaceDetector("best.pt", 0.3, "cpu", face="face")
    for name in ("clip.mp4", "photo.jpg"):
        shutil.copy(name, tmp_path)
    (tmp_path / "cut.mp4").write_bytes(Path("clip.mp4").read_bytes()[:300])
    (tmp_path / "cut.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match=r"cut\.(mp4|png).*skipped") as told:
        found = list(detector.stream(tmp_path))
    assert [frame.source for frame in found] == ["clip.mp4"] * 4 + ["photo.jpg"] and len(told) == 2
    for source, message in (
        (tmp_path / "cut.mp4", "cut.mp4"),
        (tmp_path / "absent.mp4", "no such file"),
    ):
        with pytest.raises(uncover.InputError, match=message):
            list(detector.stream(source))
    for arguments, message in (
        ({"tracking": "on"}, "tracking='on'; expected"),
        ({"max_gap": -1}, "max_gap=-1: expected"),
    ):
        with pytest.raises(uncover.InputError, match=re.escape(message)):
            detector.stream("clip.mp4", **arguments)
    with pytest.raises(uncover.InputError, match="a live stream has no end"):
        detector.stream("rtsp://camera/1", tracking="offline")
    with pytest.raises(uncover.InputError, match=r"image_size=30: expected"):
        uncover.FaceDetector("best.pt", image_size=30)
    with pytest.raises(uncover.InputError, match="no class 'nose'"):
        uncover.FaceDetector("best.pt", face="nose")


def test_heatmaps_are_those_of_the_command(place: Path, tmp_path: Path) -> None:
    words = ["heatmaps", "photos", str(tmp_path / "maps"), "--weights", "best.pt", "--device", "cpu"]
    layers = [word for number in (17, 20, 23) for word in ("--layer", str(number))]
    assert main([*words, *layers, "--method", "hirescam", "--method", "gradcampp"]) == 0
    methods = ("hirescam", "gradcampp")
    live = uncover.explain("best.pt", "photos", methods, (17, 20, 23), device="cpu", batch=3)
    files = uncover.explain("best.pt", "photos", methods, "head", out=tmp_path / "maps", device="cpu")
    assert len(live) == len(files) == 16 and live.methods == methods and files.class_names == NAMES
    table = read_manifest(tmp_path / "maps" / "hirescam" / "manifest.parquet").table.set_index("image")
    seen = 0
    for own, stored in zip(live, files, strict=True):
        assert (own.name, own.method, own.status) == (stored.name, stored.method, stored.status)
        path = tmp_path / "maps" / own.method / "images" / Path(own.name).with_suffix(".tif")
        expected = read_maps(path).native()
        np.testing.assert_array_equal(stored.values[:-1], expected)
        # Another batch moves last bits.
        np.testing.assert_allclose(own.values[:-1], expected, atol=1e-4 * max(1, expected.max()))
        np.testing.assert_allclose(own.detections.boxes, stored.detections.boxes, atol=0.02)
        assert own.status == tuple(table.loc[own.name, "status"])
        assert own.at_size().shape == (3, 72, 96) and own.overlay("face").shape == (72, 96, 3)
        seen += len(own.detections)
    assert seen > 8
    one, two = files[1], live[0:3][1]
    assert (one.name, one.method) == (two.name, two.method) == ("0.png", "gradcampp")
    assert set(one.detections.to_pandas()["class"]) <= set(NAMES) and len(one.plot(["face"]).axes) == 2


def test_heatmaps_of_arrays_are_those_of_files(place: Path) -> None:
    paths = [Path("photos/1.png"), "photo.jpg"]
    pixels = [cv2.imread(str(path))[..., ::-1] for path in paths]
    by_path = uncover.explain("best.pt", paths, layers="head", device="cpu")
    for one, other in zip(by_path, uncover.explain("best.pt", pixels, layers="head", device="cpu"), strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.overlay(), other.overlay())
    (alone,) = uncover.explain("best.pt", pixels[0], layers=[23, 20, 17], device="cpu")
    np.testing.assert_array_equal(alone.values, by_path[0].values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "hires"}, "method=hires: key method: expected 'gradcampp'"),
        ({"layers": 24}, "layer 24: is the head"),
        ({"method": ()}, "no method given"),
        ({"confidence": 2}, "confidence=2: expected"),
        ({"images": []}, "images is empty"),
        ({"images": "nowhere"}, "nowhere: no such folder"),
        ({"images": np.zeros((4, 4))}, r"image 0 is float64 \(4,\)"),
        ({"images": np.zeros((4, 4, 1), np.uint8)}, "1 channels; expected 3"),
        ({"images": [np.zeros((4, 4, 3), np.uint8)], "out": "maps"}, "save the arrays first"),
        ({"weights": "genral"}, "genral: no weights of this name"),
        ({"out": "photos"}, "photos"),
    ],
)
def test_what_cannot_be_explained(arguments: dict[str, Any], message: str, place: Path) -> None:
    given = {"weights": "best.pt", "images": "photos", "device": "cpu"} | arguments
    with pytest.raises(uncover.InputError, match=message):
        list(uncover.explain(**given))


def test_blank_maps_are_a_warning(place: Path) -> None:
    grey = np.full((64, 64, 3), 114, np.uint8)
    with pytest.warns(UserWarning, match=r"all maps of 1 of 1 images are blank .*lower confidence \(such as"):
        (maps,) = uncover.explain("best.pt", grey, confidence=0.99, device="cpu")
    assert set(maps.status) == {"no detection"} and not maps.values.any()


def test_scores_are_those_of_the_commands(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "predictions.parquet", "--labels", "my_set/labels/val", "--bootstrap", "50"]
    assert main(words) == 0
    said = capsys.readouterr().out
    stored = uncover.evaluate("predictions.parquet", "my_set/labels/val", resamples=50)
    live = uncover.evaluate("best.pt", "my_set", split="val", resamples=50, device="cpu")
    assert str(stored) == said.rstrip("\n")
    # Names of images differ, and with them the order of what has equal confidence.
    pd.testing.assert_frame_equal(live.to_pandas(), stored.to_pandas(), atol=0.02)
    only = uncover.evaluate("best.pt", "my_set/data.yaml", "val", "mask", resamples=0, device="cpu").to_pandas()
    assert only["class"].tolist() == ["all classes", "mask"] and only["AP50_low"].isna().all()
    for arguments, message in (
        ({"data": "my_set"}, "several splits; pass split="),
        ({"data": "my_set", "split": "tset"}, "no split 'tset'; expected one of train, val"),
        ({"data": "my_set", "split": "val", "classes": "cat"}, "class 'cat'"),
        ({"data": "my_set", "split": "val", "resamples": -1}, "resamples=-1: expected"),
        ({"detector": "predictions.parquet", "data": "my_set", "split": "val"}, "of one split"),
    ):
        with pytest.raises(uncover.InputError, match=message):
            uncover.evaluate(**({"detector": "best.pt", "device": "cpu"} | arguments))


def test_a_data_set_is_read_as_it_is_written(place: Path, raw: Any) -> None:
    dataset = uncover.read_dataset("my_set")
    assert dataset.splits == ("train", "val") and len(dataset) == 8 and dataset.class_names == {0: "face", 1: "mask"}
    for path, truth in dataset.split("val"):
        rows = read_label_file(Path(str(path).replace("images", "labels")).with_suffix(".txt")).boxes
        centres = (truth.boxes[:, :2] + truth.boxes[:, 2:]) / 2 / (96, 72)
        np.testing.assert_allclose(centres, rows[:, 1:3], atol=1e-5)
        np.testing.assert_array_equal(truth.class_ids, rows[:, 0])
    with pytest.raises(uncover.InputError, match="no split 'test'"):
        dataset.split("test")
    assert main(["labels", "--layout", "wflw", str(raw.root), "made"]) == 2
    raw.wflw(["a.jpg", "b.jpg", "b.jpg"])
    shutil.rmtree("made", ignore_errors=True)
    assert main(["labels", "--layout", "wflw", str(raw.root), "made"]) == 0
    first, made = uncover.read_dataset(raw.root), uncover.read_dataset("made")
    assert (first.layout, made.layout) == ("wflw", "yolo") and first.class_names == made.class_names
    assert len(first) == len(made) == 2 and len(first.boxes) == len(made.boxes) > 20
    ordered = ["class_id", "x1", "y1"]
    for own, other in ((first, made),):
        one, two = (each.boxes.sort_values(ordered)[["x1", "y1", "x2", "y2"]].to_numpy() for each in (own, other))
        np.testing.assert_allclose(one, two, atol=1e-3)
    for path, message in (("nowhere", "no such file or folder"), ("photo.jpg", "YAML file")):
        with pytest.raises(uncover.InputError, match=message):
            uncover.read_dataset(path)


def test_trainings_that_cannot_be(place: Path, tmp_path: Path) -> None:
    for arguments, message in (
        ({"modle": "yolov5n"}, "key modle is unknown; did you mean model"),
        ({"weights": "general", "fine_tune": "general"}, "omit one"),
        ({"processes": 2}, "one process"),
        ({"fine_tune": "general", "channels": 1}, "channels=1: has no effect"),
        ({"leave_out": "infant_01", "heatmaps": "maps"}, "heatmaps=maps: has no effect"),
        ({"padding": 300}, "padding=300: expected"),
        ({"data": "nowhere"}, "nowhere: no such folder"),
    ):
        with pytest.raises(uncover.InputError, match=message):
            uncover.train(**({"data": "my_set", "out": tmp_path / "out", "device": "cpu"} | arguments))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("said", "worded"),
    [
        ("--image-size 30: expected a multiple of 32", "image_size=30: expected a multiple of 32"),
        ("give --input joint or classes", "give input=joint or classes"),
        ("say which with --class NAME", "say which with face=NAME"),
        ("lower --confidence (such as 0.05)", "lower confidence (such as 0.05)"),
        ("a -- b, well-made", "a -- b, well-made"),
    ],
)
def test_messages_name_arguments(said: str, worded: str) -> None:
    assert in_python(said, **{"class": "face"}) == worded
