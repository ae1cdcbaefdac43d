"""Weights of uncover and checkpoints of upstream are opened alike, and nothing else is."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest
import torch

from uncover.detector.network import build_network
from uncover.detector.opening import open_weights
from uncover.detector.weights import Header, save_weights
from uncover.errors import InputError


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
    assert "nothing in it is run" in capsys.readouterr().err


class Touch:
    """What a pickle can do: make a file when it is opened."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (Path(self.path),)


def test_a_checkpoint_runs_nothing(tmp_path: Path) -> None:
    torch.save({"model": Touch(str(tmp_path / "ran"))}, tmp_path / "bad.pt", pickle_module=pickle)
    with pytest.raises(InputError, match=r"bad\.pt: holds no detector of YOLOv5"):
        open_weights(tmp_path / "bad.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"no weights", None])
def test_other_files_are_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "other.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.pt"):
        open_weights(path)
