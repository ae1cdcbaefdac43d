"""Weights files: what comes back is what went in, and whatever else is offered is one clear error."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from uncover.errors import InputError
from uncover.yolov5.network import SCRFD, Network, build_network
from uncover.yolov5.weights import VERSION, Header, adapt_channels, initialise, load_weights, open_weights, save_weights

NAMES = ("eyes", "nose")
HEADER = Header(
    model="yolov5n",
    channels=10,
    class_names=NAMES,
    class_ids=(0, 2),
    image_size=320,
    padding=0,
    training={"epochs": 3, "settings": {"lr0": 0.01}},
)


class Trap:
    """Leaves a folder behind when a pickle brings it to life."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network("yolov5n", 10, 2, seed=0)


@pytest.fixture(scope="module")
def good(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good file; not to be changed."""
    path = tmp_path_factory.mktemp("weights") / "good.pt"
    save_weights(path, network.state_dict(), HEADER)
    return path


def content_of(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)


def test_what_comes_back_is_what_went_in(good: Path, network: Network) -> None:
    loaded, header = load_weights(good)
    assert header == HEADER and not loaded.training
    assert list(loaded.state_dict()) == list(network.state_dict())
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in loaded.state_dict().items())
    assert loaded.head.stride.tolist() == [8, 16, 32]


def test_same_weights_same_bytes(good: Path, network: Network, tmp_path: Path) -> None:
    again = tmp_path / "under another name.pt"
    laid_out_otherwise = copy.deepcopy(network).to(memory_format=torch.channels_last)
    save_weights(again, laid_out_otherwise.state_dict(), HEADER)
    assert again.read_bytes() == good.read_bytes()


def test_another_number_of_anchors_comes_back(tmp_path: Path) -> None:
    four = build_network("yolov5n", 3, 1, anchors=4, seed=0)
    header = Header(model="yolov5n", channels=3, class_names=("face",), class_ids=(2,), image_size=64)
    save_weights(tmp_path / "four.pt", four.state_dict(), header)
    loaded, _ = load_weights(tmp_path / "four.pt")
    assert torch.equal(loaded.head.anchors, four.head.anchors)


@pytest.mark.parametrize("model", ["yolov5n", SCRFD])
def test_weights_in_half_precision_fit_a_small_file(model: str, tmp_path: Path) -> None:
    network = build_network(model, 3, 1, seed=3).eval()
    path = tmp_path / "half.pt"
    header = Header(model=model, channels=3, class_names=("face",), class_ids=(0,), image_size=640)
    save_weights(path, {name: value.half() for name, value in network.state_dict().items()}, header)
    assert path.stat().st_size < 4_000_000
    opened, read = load_weights(path)
    assert read.model == model and all(value.dtype == torch.float32 for value in opened.parameters())
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(opened(image)[0], network(image)[0], atol=0.5, rtol=0.02)


@pytest.mark.parametrize("length", [1, 100, 0.3, 0.9, -1, -200])
def test_a_truncated_file(good: Path, tmp_path: Path, length: float) -> None:
    content = good.read_bytes()
    cut = int(len(content) * length) if isinstance(length, float) else length
    (tmp_path / "cut.pt").write_bytes(content[:cut])
    with pytest.raises(InputError, match=r"cut\.pt: truncated, damaged or not a weights file; expected weights of"):
        load_weights(tmp_path / "cut.pt")


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_file_with_wrong_bytes_in_the_middle(good: Path, tmp_path: Path, place: float) -> None:
    content = bytearray(good.read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    (tmp_path / "spoilt.pt").write_bytes(content)
    with pytest.raises(InputError, match="truncated, damaged"):
        load_weights(tmp_path / "spoilt.pt")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": VERSION + 1}, rf"format version {VERSION + 1}; this uncover reads version {VERSION}"),
        ({"format": "another's"}, "not a weights file of uncover"),
        ({"header": "{"}, "invalid header"),
        ({"header": '{"model": "yolov5n"}'}, "invalid header"),
        (
            {"header": HEADER.model_dump_json().replace("yolov5n", "yolov5s")},
            "does not match a yolov5s with 10 channels",
        ),
        ({"header": HEADER.model_dump_json().replace("yolov5n", "yolov9")}, "yolov9: unknown"),
        ({"header": HEADER.model_dump_json().replace('"channels":10', '"channels":3')}, "with 3 channels"),
        ({"state": {}}, "does not match a yolov5n"),
    ],
)
def test_a_file_that_says_something_else(good: Path, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    torch.save(content_of(good) | changes, tmp_path / "other.pt")
    with pytest.raises(InputError, match=words) as error:
        load_weights(tmp_path / "other.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("foreign", [{"a": 1}, [1, 2], torch.zeros(2), {"state_dict": {}}])
def test_a_harmless_file_that_is_not_ours(tmp_path: Path, foreign: Any) -> None:
    torch.save(foreign, tmp_path / "foreign.pt")
    with pytest.raises(InputError, match=r"foreign\.pt: not a weights file of uncover; expected weights of"):
        load_weights(tmp_path / "foreign.pt")


def test_a_foreign_pickle_never_runs(tmp_path: Path) -> None:
    torch.save({"model": Trap(tmp_path / "sprung")}, tmp_path / "trap.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(InputError, match="a pickle that may run code when opened"):
        load_weights(tmp_path / "trap.pt")
    with pytest.raises(InputError, match="a Python pickle not written by torch; not opened, because it may run code"):
        load_weights(tmp_path / "plain.pt")
    assert not (tmp_path / "sprung").exists()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; expected weights of 'uncover train'"):
        load_weights(tmp_path / "none.pt")
    with pytest.raises(InputError, match="is a folder"):
        load_weights(tmp_path)


def test_a_failed_write_leaves_the_file_before(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(shutil.copy(good, tmp_path / "kept.pt"))

    def full_disk(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space left") as error:
        save_weights(path, {}, HEADER)
    assert error.value.filename == str(path)
    assert path.read_bytes() == good.read_bytes() and list(tmp_path.iterdir()) == [path]


def test_start_weights_of_the_same_shape_are_taken_whole(network: Network) -> None:
    other = build_network("yolov5n", 10, 2, anchors=network.head.anchors.new_full((3, 3, 2), 50.0), seed=1)
    assert initialise(network=(fresh := build_network("yolov5n", 10, 2, seed=2)), state=other.state_dict()) == []
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in fresh.state_dict().items())


def test_start_weights_of_other_channels_and_classes(network: Network) -> None:
    given = build_network("yolov5n", 3, 80, seed=1)
    fresh = build_network("yolov5n", 10, 2, seed=0)
    assert initialise(fresh, given.state_dict()) == ["model.24.m.0", "model.24.m.1", "model.24.m.2"]
    assert torch.equal(fresh.model[23].cv3.conv.weight, given.model[23].cv3.conv.weight)
    assert torch.equal(fresh.head.m[0].weight, network.head.m[0].weight)
    assert not torch.equal(fresh.model[0].conv.weight, network.model[0].conv.weight)
    grey = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        ours, theirs = fresh.model[0].conv(grey.expand(-1, 10, -1, -1)), given.model[0].conv(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_start_weights_of_other_anchors() -> None:
    four = build_network("yolov5n", 3, 2, anchors=4, seed=0)
    left = initialise(four, build_network("yolov5n", 3, 2, seed=1).state_dict())
    assert left == ["model.24.anchors", "model.24.m.0", "model.24.m.1", "model.24.m.2"]
    assert four.head.anchors.shape == (3, 4, 2)


def test_start_weights_of_another_network(network: Network) -> None:
    small = build_network("yolov5s", 10, 2, seed=0)
    with pytest.raises(
        InputError, match=r"coco\.pt: weights of another network \(model\.0\.conv\.weight: \(16, 10, 6, 6\)"
    ):
        initialise(small, network.state_dict(), "coco.pt")
    with pytest.raises(InputError, match="no such layer there"):
        initialise(network, {"features.weight": torch.zeros(1)})


@given(st.integers(1, 12), st.integers(1, 12))
def test_a_grey_image_gives_the_same_response(inputs: int, channels: int) -> None:
    weight = torch.randn(4, inputs, 3, 3, generator=torch.Generator().manual_seed(inputs))
    adapted = adapt_channels(weight, channels)
    assert adapted.shape == (4, channels, 3, 3)
    torch.testing.assert_close(adapted.sum(1), weight.sum(1), rtol=1e-4, atol=1e-5)
    if inputs == channels:
        assert torch.equal(adapted, weight)


def test_a_file_of_before_there_were_heatmaps_is_one_of_photos(good: Path, tmp_path: Path) -> None:
    content = content_of(good)
    header = json.loads(content["header"])
    assert (header.pop("input"), header.pop("maps")) == ("photo", None)
    torch.save(content | {"header": json.dumps(header)}, tmp_path / "old.pt")
    assert load_weights(tmp_path / "old.pt")[1] == HEADER


@pytest.mark.parametrize("changes", [{"input": "joint"}, {"maps": {"class_names": []}}, {"input": "sound"}])
def test_heatmaps_and_how_they_were_made_belong_together(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"input|heatmaps"):
        Header.model_validate(HEADER.model_dump() | changes)


def test_weights_of_uncover_come_with_their_hash(tmp_path: Path) -> None:
    header = Header(model="yolov5n", channels=1, class_names=("face",), class_ids=(2,), image_size=64)
    network = build_network("yolov5n", 1, 1, seed=3)
    path = tmp_path / "weights.pt"
    save_weights(path, network.state_dict(), header)
    opened, said, digest = open_weights(path)
    assert said == header and digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in opened.state_dict().items())


def test_a_checkpoint_of_upstream_is_opened_as_it_is(real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = real / "weights" / "yolov5n.pt"
    network, header, digest = open_weights(path)
    assert (header.model, header.channels, len(header.class_names)) == ("yolov5n", 3, 80)
    assert header.class_names[0] == "person" and header.padding == 114 and not network.training
    assert digest == "4f180cf23ba0717ada0badd6c685026d73d48f184d00fc159c2641284b2ac0a3"
    assert "no code is run" in capsys.readouterr().err


class Touch:
    """What a pickle can do: make a file when it is opened."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (Path(self.path),)


def test_a_checkpoint_runs_nothing(tmp_path: Path) -> None:
    torch.save({"model": Touch(str(tmp_path / "ran"))}, tmp_path / "bad.pt", pickle_module=pickle)
    with pytest.raises(InputError, match=r"bad\.pt: not a YOLOv5 detector"):
        open_weights(tmp_path / "bad.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"no weights", None])
def test_other_files_are_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "other.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.pt"):
        open_weights(path)
