"""Checkpoints of upstream and other files of third parties: never brought to life, and named for what they are."""

from __future__ import annotations

import argparse
import collections
import datetime
import hashlib
import http
import http.server
import io
import os
import pickle
import sys
import threading
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from uncover import progress
from uncover.cli import main
from uncover.config.detectors import Detector
from uncover.errors import InputError
from uncover.images.labelled import LabelledImages
from uncover.yolov5.finetune import read_start
from uncover.yolov5.inference import InferenceOptions, Predictor
from uncover.yolov5.job import build_start
from uncover.yolov5.network import architecture, build_network
from uncover.yolov5.third_party import read_or_fetch
from uncover.yolov5.upstream_checkpoints import read_checkpoint
from uncover.yolov5.weights import load_weights, open_weights

SHA256 = "4f180cf23ba0717ada0badd6c685026d73d48f184d00fc159c2641284b2ac0a3"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Trap:
    """Leaves a folder behind when a pickle brings it to life."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write a checkpoint as upstream would, of a class of any name."""

    def write(
        kind: str = "models.yolo.DetectionModel", key: str = "model", legacy: bool = False, **changes: Any
    ) -> Path:
        module, _, name = kind.rpartition(".")
        network = type(name, (torch.nn.Module,), {"__module__": module})()
        network.model = build_network("yolov5n", 3, 4, seed=0).model.half()
        network.yaml = architecture("yolov5n") | {"nc": 4, "ch": 3}
        network.names = dict(enumerate("abcd"))
        for field, value in changes.items():
            setattr(network, field, value)
        path = tmp_path / "checkpoint.pt"
        with pytest.MonkeyPatch.context() as patch:
            parts = module.split(".")
            for end in range(1, len(parts) + 1):
                patch.setitem(sys.modules, ".".join(parts[:end]), types.ModuleType(parts[end - 1]))
            setattr(sys.modules[module], name, type(network))
            content = {"epoch": -1, "ema": None, "model": None, "optimizer": None} | {key: network}
            torch.save(content, path, _use_new_zipfile_serialization=not legacy)
        return path

    return write


def refuse(path: Path, words: str, digest: str = "own") -> None:
    content = path.read_bytes()
    with pytest.raises(InputError, match=words) as error:
        read_checkpoint(content, path.name, sha256(content) if digest == "own" else digest)
    assert "\n" not in str(error.value) and str(error.value).startswith(path.name)


@pytest.mark.parametrize("key", ["model", "ema"])
@pytest.mark.parametrize(
    "kind", ["models.yolo.Model", "models.yolo.DetectionModel", "yolov5.models.yolo.DetectionModel"]
)
def test_a_checkpoint_as_upstream_writes_it(save: Callable[..., Path], kind: str, key: str) -> None:
    content = save(kind, key).read_bytes()
    checkpoint = read_checkpoint(content, "x.pt", sha256(content))
    assert (checkpoint.model, checkpoint.channels, checkpoint.class_names) == ("yolov5n", 3, tuple("abcd"))
    network = build_network("yolov5n", 3, 4, seed=0).half().float()
    assert list(checkpoint.state) == list(network.state_dict())
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in checkpoint.state.items())


def test_names_as_a_list_and_parameters_of_the_average_are_read(save: Callable[..., Path]) -> None:
    content = save(names=["w", "x", "y", "z"], names_of_nothing=torch.zeros(0)).read_bytes()
    assert read_checkpoint(content, "x.pt", sha256(content)).class_names == tuple("wxyz")


def test_nothing_is_opened_that_has_another_hash_than_stated(save: Callable[..., Path], tmp_path: Path) -> None:
    path = save(trap=Trap(tmp_path / "sprung"))
    refuse(path, rf"not opened, because its sha256 is {sha256(path.read_bytes())}; expected 00ff", "00ff")
    path.write_bytes(b"rubbish")
    refuse(path, "not opened", "00ff")


def test_a_checkpoint_runs_no_code(save: Callable[..., Path], tmp_path: Path) -> None:
    others = [
        np.float64(0.5),
        np.ones(3),
        Path("runs"),
        argparse.Namespace(batch=16),
        datetime.datetime(2023, 4, 1),
        collections.defaultdict(list, {1: [2]}),
        collections.Counter("aab"),
        collections.deque([1, 2]),
        {1, 2},
        frozenset({3}),
        torch.float16,
        torch.Size([1, 2]),
        torch.device("cpu"),
        http.HTTPStatus.OK,
        range(3),
        torch.nn.Linear(2, 1),
    ]
    content = save(trap=Trap(tmp_path / "sprung"), others=others).read_bytes()
    assert read_checkpoint(content, "x.pt", sha256(content)).model == "yolov5n"
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("models.yolo.SegmentationModel", "models.yolo.SegmentationModel"),
        ("models.yolo.ClassificationModel", "models.yolo.ClassificationModel"),
        ("ultralytics.nn.tasks.DetectionModel", "ultralytics.nn.tasks.DetectionModel, .* YOLOv8 or YOLO11; train .*"),
    ],
)
def test_another_kind_of_network(save: Callable[..., Path], kind: str, found: str) -> None:
    refuse(save(kind), rf"not a YOLOv5 detector but {found}; expected one of yolov5n")


@pytest.mark.parametrize(
    "changes", [{"width_multiple": 0.33}, {"backbone": []}, {"activation": "nn.LeakyReLU(0.1)"}, {"head": None}]
)
def test_another_architecture(save: Callable[..., Path], changes: dict[str, Any]) -> None:
    refuse(
        save(yaml=architecture("yolov5n") | changes),
        r"unsupported architecture with depth .*; expected one of yolov5n, yolov5s",
    )


def test_fields_that_are_not_there(save: Callable[..., Path]) -> None:
    refuse(save(yaml=None), r"no network description \(yaml\) or class names")
    refuse(save(names=7), r"no network description \(yaml\) or class names")


@pytest.mark.parametrize("foreign", [{"state_dict": {}}, {"model": {"a": torch.zeros(1)}}, [1], torch.zeros(2), {}])
def test_a_file_of_torch_with_something_else(tmp_path: Path, foreign: Any) -> None:
    torch.save(foreign, tmp_path / "foreign.pt")
    refuse(tmp_path / "foreign.pt", "not a YOLOv5 detector")


@pytest.mark.parametrize("share", [0.4, 0.99])
def test_a_truncated_checkpoint_whose_hash_is_stated(save: Callable[..., Path], share: float) -> None:
    path = save()
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refuse(path, r"truncated, damaged, or not written by torch")


def test_a_damaged_checkpoint_whose_hash_is_stated(save: Callable[..., Path]) -> None:
    path = save()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    refuse(path, "truncated, damaged")


@pytest.mark.parametrize("legacy", [False, True])
def test_everything_that_takes_weights_opens_a_checkpoint_alike(
    save: Callable[..., Path], tmp_path: Path, legacy: bool
) -> None:
    """Also one that torch before 1.6 wrote; none demands a hash, and none runs anything."""
    path = save(legacy=legacy, trap=Trap(tmp_path / "sprung"))
    wanted = build_network("yolov5n", 3, 4, seed=0).half().float().state_dict()
    assert main(["import_weights", str(path), str(tmp_path / "safe.pt")]) == 0
    labelled = LabelledImages(tmp_path, [], np.empty((0, 2), np.int64), [], tuple("abcd"), (0, 1, 2, 3))
    settings = Detector(model="yolov5n", autoanchor=False)
    predictor = Predictor(path, "cpu", InferenceOptions(0.5, 0.6, 1, 64, "float32"))
    found = {
        "heatmaps, detect": open_weights(path)[0],
        "predict": predictor._network,
        "train --start": build_start(settings, labelled, 3, path),
        "import_weights": load_weights(tmp_path / "safe.pt")[0],
    }
    for name, network in found.items():
        own = network.state_dict()
        assert all(torch.equal(value, own[key]) for key, value in wanted.items()), name
    assert predictor._sha256 == sha256(path.read_bytes()) and read_start(path).class_names == tuple("abcd")
    assert not (tmp_path / "sprung").exists()


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return buffer.getvalue()


def saved(content: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


TENSORS = {"model.0.conv.weight": torch.zeros(2, 3)}
FOREIGN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is empty"),
    "LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n",
        "is a Git LFS pointer.*git lfs pull",
    ),
    "a web page": (b"\n<!DOCTYPE html><html><body>404</body></html>", "is a web page .*download the file again"),
    "an answer": (b'{"error": "Repository not found"}', "is text .*Repository not found.* download it again"),
    "TorchScript": (
        zipped("best/data.pkl", "best/constants.pkl", "best/code/x.py"),
        "is an exported TorchScript program.*best.pt",
    ),
    "torch.export": (zipped("m/archive_format", "m/models/model.json"), "is an exported program of torch.export"),
    "NumPy": (zipped("a.npy", "b.npy"), "is an archive of NumPy arrays"),
    "a ZIP": (
        zipped("runs/best.pt"),
        "is a ZIP archive not written by torch; unpack it first and pass runs/best.pt",
    ),
    "ONNX": (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:" + bytes(range(256)), "is an ONNX model"),
    "safetensors": ((32).to_bytes(8, "little") + b'{"a": {"dtype": "F32"}}' + bytes(40), "is a safetensors file"),
    "TFLite": (b"\x1c\0\0\0TFL3" + bytes(60), "is a TensorFlow Lite model"),
    "gzip": (b"\x1f\x8b\x08" + bytes(60), "is compressed with gzip; unpack it"),
    "a pickle": (pickle.dumps({"a": 1}), "is a Python pickle not written by torch"),
    "a state dict": (saved(TENSORS), "a plain state dict, .*best.pt"),
    "one in a dict": (saved({"epoch": 1, "state_dict": TENSORS}), "a plain state dict"),
    "an old one": (saved(TENSORS, _use_new_zipfile_serialization=False), "a plain state dict"),
    "a cut one": (saved(TENSORS, _use_new_zipfile_serialization=False)[:-20], "no readable torch pickle|truncated"),
    "a list": (saved([1]), "a list"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_holds_no_detector_is_named_for_what_it_is(tmp_path: Path, name: str) -> None:
    content, says = FOREIGN[name]
    path = tmp_path / "given.pt"
    path.write_bytes(content)
    for read in (open_weights, read_start, lambda path: read_checkpoint(path.read_bytes(), str(path))):
        with pytest.raises(InputError, match=f"given.pt: .*({says})") as error:
            read(path)
        said = str(error.value).replace(str(path), "")
        assert "\n" not in said and len(said) < 300 and ("damaged" not in said or name == "a cut one")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Address of a server of the files in `served/`."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def test_import_from_a_file_and_from_an_address(
    save: Callable[..., Path], server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save()
    content = path.read_bytes()
    out = tmp_path / "deep" / "safe.pt"
    assert main(["import_weights", str(path), str(out), "--sha256", sha256(content).upper(), "--model", "yolov5n"]) == 0
    network, header = load_weights(out)
    assert (header.class_names, header.class_ids, header.image_size) == (tuple("abcd"), (0, 1, 2, 3), 640)
    assert header.training == {"imported_from": "checkpoint.pt", "sha256": sha256(content)}
    assert torch.equal(network.head.anchors, build_network("yolov5n", 3, 4).head.anchors.half().float())

    path.rename(tmp_path / "served" / "checkpoint.pt")
    url = f"{server}/checkpoint.pt"
    for number, words in enumerate(([url], [str(path), "--url", url])):
        fetched = tmp_path / f"fetched{number}.pt"
        assert main(["import_weights", words[0], str(fetched), "--sha256", sha256(content), *words[1:]]) == 0
        assert fetched.read_bytes() == out.read_bytes()
    assert f"downloading {url}" in capsys.readouterr().err


def test_what_the_command_refuses(
    save: Callable[..., Path], server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = save(), tmp_path / "out.pt"
    digest = sha256(path.read_bytes())
    cases = [
        ([f"{server}/checkpoint.pt"], "expected sha256 is not stated"),
        ([path, "--sha256", "0" * 64], "not opened, because its sha256 is"),
        ([path, "--sha256", digest, "--model", "yolov5s"], "holds yolov5n; expected yolov5s"),
        (
            [tmp_path / "none.pt", "--sha256", digest],
            "does not exist; put the file there, or pass its address with --url",
        ),
        ([tmp_path, "--sha256", digest], "is a folder; expected a file"),
        (
            [f"{server}/none.pt", "--sha256", digest],
            "download failed (File not found); without a network, copy the file",
        ),
        (["http://127.0.0.1:9/x.pt", "--sha256", digest], "Connection refused); without a network"),
        ([tmp_path / "none.pt", "--sha256", digest, "--url", "file:///etc/hosts"], "not an address; expected one that"),
    ]
    for words, message in cases:
        checkpoint, *options = map(str, words)
        assert main(["import_weights", checkpoint, str(out), *options]) == 2
        said = capsys.readouterr().err.splitlines()
        assert message in said[-1] and not any("Traceback" in line for line in said)
    assert not out.exists()


def test_an_answer_that_ends_early() -> None:
    class Short(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"few")

        def log_message(self, *_: Any) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Short) as served:
        threading.Thread(target=served.handle_request, daemon=True).start()
        with pytest.raises(InputError, match="download failed"):
            read_or_fetch(f"http://127.0.0.1:{served.server_port}/x.pt")


def test_a_download_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Large(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2500000")
            self.end_headers()
            self.wfile.write(b"x" * 2_500_000)

        def log_message(self, *_: Any) -> None: ...

    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    with http.server.HTTPServer(("127.0.0.1", 0), Large) as served:
        threading.Thread(target=served.handle_request, daemon=True).start()
        content, _ = read_or_fetch(f"http://127.0.0.1:{served.server_port}/x.pt")
    assert content == b"x" * 2_500_000
    assert "downloading, MB: 2/3 (67%), " in capsys.readouterr().err


def test_the_published_nano(real: Path, tmp_path: Path) -> None:
    source = real / "weights" / "yolov5n.pt"
    assert main(["import_weights", str(source), str(tmp_path / "coco.pt"), "--sha256", SHA256]) == 0
    network, header = load_weights(tmp_path / "coco.pt")
    assert (header.model, header.channels, len(header.class_names)) == ("yolov5n", 3, 80)
    assert header.class_names[0] == "person"
    assert network.model[9].cv2.bn.running_var.min() > 0


def test_another_published_network(real: Path) -> None:
    source = real / "weights" / "retinaface_mobilenet0.25.pth"
    with pytest.raises(InputError, match="not a YOLOv5 detector but a plain state dict, which lacks"):
        read_checkpoint(source.read_bytes(), source.name, sha256(source.read_bytes()))
