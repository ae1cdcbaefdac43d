"""Weights of others: fetched as tensors alone, or the reason why not."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from uncover.baselines.fetched import Fetched, attempt_of, fetched_file, read_fetched
from uncover.baselines.weights import (
    BaselineWeights,
    fetch_weights,
    load_baseline,
    model_file,
    packaged_model,
    read_state_dict,
    save_baseline,
)
from uncover.cli import main
from uncover.config.baselines import PackagedFile
from uncover.errors import InputError


@pytest.fixture
def layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda layer: layer.state_dict(),
        lambda layer: {"state_dict": layer.state_dict(), "epoch": 3},
        lambda layer: {f"module.{name}": value for name, value in layer.state_dict().items()},
        lambda layer: layer,
        lambda layer: {"ema": None, "model": layer},
    ],
    ids=["state dict", "under a key", "data parallel", "whole module", "checkpoint of a module"],
)
def test_tensors_are_found_in_every_form(tmp_path: Path, layer: nn.Linear, wrap: Callable) -> None:
    file = tmp_path / "third.pth"
    torch.save(wrap(layer), file)
    folder = tmp_path / "weights"
    assert fetch_weights(folder, str(file), None, hash_of(file)) == Fetched("", 1)
    loaded = load_baseline(fetched_file(folder))
    assert {name: value.tolist() for name, value in loaded.state.items()} == {
        name: value.tolist() for name, value in layer.state_dict().items()
    }
    assert loaded.about == {"source": "third.pth", "sha256": hash_of(file)}


def test_old_files_of_torch_are_read(tmp_path: Path, layer: nn.Linear) -> None:
    file = tmp_path / "old.pth"
    torch.save(layer.state_dict(), file, _use_new_zipfile_serialization=False)
    assert read_state_dict(file.read_bytes(), "old.pth").keys() == {"weight", "bias"}


def test_a_model_file_is_kept_as_it_is_and_one_that_is_cut_short_has_another_hash(tmp_path: Path) -> None:
    content = b"\x08\x07\x12\x07pytorch" + bytes(range(256))
    file, folder = tmp_path / "some.onnx", tmp_path / "weights"
    file.write_bytes(content)
    about = {"source": "some.onnx", "sha256": hash_of(file)}
    assert fetch_weights(folder, str(file), None, hash_of(file)) == Fetched("", 1)
    for path in (fetched_file(folder), file):
        weights = load_baseline(path)
        assert model_file(weights, "it").tobytes() == content and weights.about == about
    file.write_bytes(content[:-1])
    assert "not opened" in fetch_weights(folder, str(file), None, about["sha256"]).why


def test_a_model_in_a_package_is_the_one_that_is_stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("METADATA", "Name: some\nVersion: 1\n"), ("RECORD", "")):
        (tmp_path / "some-1.dist-info").mkdir(exist_ok=True)
        (tmp_path / "some-1.dist-info" / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "some" / "model.onnx"
    stated = PackagedFile("some", "some/model.onnx", hashlib.sha256(b"model").hexdigest())
    with pytest.raises(InputError, match=f"{file}: cannot be read .*; run: pip install --force-reinstall some==1"):
        packaged_model(stated, "some==1")
    file.parent.mkdir()
    file.write_bytes(b"model")
    assert model_file(packaged_model(stated, "some==1"), "it").tobytes() == b"model"
    file.write_bytes(b"another")
    with pytest.raises(
        InputError, match=f"{file}: has sha256 .*; expected {stated.sha256}; run: pip install --force-r"
    ):
        packaged_model(stated, "some==1")


class Burglar:
    """A pickle that would run code."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return Path.touch, (self.target,)


def test_nothing_in_a_file_comes_to_life(tmp_path: Path) -> None:
    file, trace = tmp_path / "evil.pth", tmp_path / "trace"
    torch.save({"model": Burglar(trace)}, file)
    fetched = fetch_weights(tmp_path / "weights", str(file), None, hash_of(file))
    assert "no named tensors" in fetched.why
    assert not trace.exists()


def test_a_missing_file_is_written_down_with_what_was_wanted(tmp_path: Path) -> None:
    folder, absent = tmp_path / "retinaface", tmp_path / "absent.pth"
    address, digest = "http://127.0.0.1:9/third.pth", "a" * 64
    fetched = fetch_weights(folder, str(absent), address, digest)
    for part in ("retinaface", str(absent), address, digest, "download failed"):
        assert part in fetched.why
    assert read_fetched(folder) == fetched
    with pytest.raises(InputError, match="download failed"):
        fetched_file(folder)


@pytest.mark.parametrize("digest", [None, "b" * 64])
def test_a_file_of_another_hash_is_not_opened(tmp_path: Path, layer: nn.Linear, digest: str | None) -> None:
    file = tmp_path / "third.pth"
    torch.save(layer.state_dict(), file)
    fetched = fetch_weights(tmp_path / "weights", str(file), None, digest)
    assert "not opened" in fetched.why
    assert not (tmp_path / "weights" / "weights.pt").exists()


def test_a_failed_attempt_asks_for_another_when_there_is_another_file(tmp_path: Path, layer: nn.Linear) -> None:
    folder, file = tmp_path / "weights", tmp_path / "third.pth"
    assert attempt_of(folder, str(file)) == 1
    fetch_weights(folder, str(file), None, "c" * 64, attempt=1)
    assert attempt_of(folder, str(file)) == 1
    file.write_bytes(b"not yet whole")
    assert attempt_of(folder, str(file)) == 2
    fetch_weights(folder, str(file), None, "c" * 64, attempt=2)
    assert attempt_of(folder, str(file)) == 2
    torch.save(layer.state_dict(), file)
    assert attempt_of(folder, str(file)) == 3
    fetch_weights(folder, str(file), None, hash_of(file), attempt=3)
    file.unlink()
    assert attempt_of(folder, str(file)) == 3


def test_an_address_is_not_tried_again_by_itself(tmp_path: Path) -> None:
    fetch_weights(tmp_path, "http://127.0.0.1:9/it.pth", None, "c" * 64)
    assert attempt_of(tmp_path, "http://127.0.0.1:9/it.pth") == 1


def test_what_was_there_before_goes_when_fetching_fails(tmp_path: Path, layer: nn.Linear) -> None:
    folder, file = tmp_path / "weights", tmp_path / "third.pth"
    torch.save(layer.state_dict(), file)
    fetch_weights(folder, str(file), None, hash_of(file))
    fetch_weights(folder, str(file), None, "d" * 64)
    assert not (folder / "weights.pt").exists()


def test_weights_files_are_equal_where_weights_are(tmp_path: Path, layer: nn.Linear) -> None:
    for name in ("first", "second"):
        save_baseline(tmp_path / name, BaselineWeights(layer.state_dict(), {"model": "layer"}))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize("content", [b"", b"no weights", b"root:x:0:0:root:/root:/bin/bash\n", None])
def test_a_file_of_something_else_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "weights.pt"
    if content is None:
        torch.save({"format": "another"}, file)
    else:
        file.write_bytes(content)
    with pytest.raises(InputError, match=f"{file}: no weights in it"):
        load_baseline(file)


def test_the_command_goes_on_without_weights(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = tmp_path / "weights"
    assert main(["fetch_weights", str(tmp_path / "absent.pth"), str(folder), "--sha256", "e" * 64]) == 0
    assert "absent.pth" in capsys.readouterr().err + str(read_fetched(folder))
    file = tmp_path / "third.pth"
    torch.save({"weight": torch.zeros(1)}, file)
    assert main(["fetch_weights", str(file), str(folder), "--sha256", hash_of(file).upper()]) == 0
    assert (folder / "weights.pt").exists()
