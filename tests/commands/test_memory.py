"""Want of memory, in every command that computes on a device: one line, and what is whole is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from tests.baselines.trainings import make_faces
from tests.yolov5.picked_frames import make_picked, make_start
from tests.yolov5.squares import make_set
from uncover.baselines import predict, torchvision_detector
from uncover.cli import main
from uncover.yolov5.network import Network
from uncover.yolov5.train import _Loop

CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB of which 1 GiB is free"
CPU = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"
ERRORS = [torch.OutOfMemoryError(CUDA), RuntimeError(f"{CPU} 99 bytes. Error code 12"), MemoryError()]
QUICK = ("--device", "cpu", "--set", "model=yolov5n", "weights=scratch", "image_size=64", "batch=2", "epochs=2")

Lose = Callable[..., None]


@pytest.fixture
def place(one_thread: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sets, a folder of photos, and weights, in the working folder."""
    make_set(tmp_path / "sets/train", 4, seed=1)
    make_set(tmp_path / "sets/val", 2, seed=2)
    make_start(tmp_path / "run/models/rgb1/weights.pt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Lose:
    """Have no memory for the network, or for what is named, after some passes; None: have it again."""

    def begin(after: int | None = 0, error: Exception = ERRORS[0], what: Any = Network, name: str = "run") -> None:
        monkeypatch.undo()
        monkeypatch.chdir(folder)
        passes, run = iter(range(after or 0)), getattr(what, name)

        def fail(*given: object, **named: object) -> object:
            if next(passes, None) is None:
                raise error
            return run(*given, **named)

        if after is not None:
            monkeypatch.setattr(what, name, fail)

    folder = Path.cwd()
    return begin


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """The exit code of a command, and the one line in which it says what is wrong."""
    code = main([str(word) for word in words])
    lines = capsys.readouterr().err.splitlines()
    (line,) = (line for line in lines if "error: " in line)
    assert line == lines[-1] and "Traceback" not in " ".join(lines)
    return code, line


@pytest.mark.parametrize("error", ERRORS, ids=["CUDA", "CPU", "Python"])
def test_predict(place: Path, lose: Lose, error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    lose(error=error)
    words = ("predict", "sets/train", "found.parquet", "--weights", "run/models/rgb1/weights.pt", "--batch", 4)
    code, line = told(capsys, *words, "--device", "cpu")
    assert code == 2 and not (place / "found.parquet").exists()
    assert line.startswith("uncover predict: error: a batch of 4 images of 64 x 64 pixels on cpu: does not fit into")
    assert "; use a smaller batch or image size" in line and "total capacity" not in line


def test_predict_sets_keeps_the_tables_that_are_whole(
    place: Path, lose: Lose, capsys: pytest.CaptureFixture[str]
) -> None:
    lose(after=1)
    words = ("predict", "sets", "sets/train", "sets/val", "--out", "found", "--weights", "run/models/rgb1/weights.pt")
    code, line = told(capsys, *words, "--device", "cpu")
    assert code == 3 and "a batch of 2 images" in line
    assert [path.name for path in (place / "found").iterdir()] == ["train.parquet"]


def test_heatmaps_go_on_where_memory_ended(place: Path, lose: Lose, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["heatmaps", "sets/train", "maps", "--weights", "run/models/rgb1/weights.pt", "--method", "hirescam"]
    words += ["--device", "cpu", "--target", "T1", "--batch"]
    for batch, after, expected in (("4", 0, 2), ("2", 1, 3)):
        lose(after)
        code, line = told(capsys, *words, batch)
        assert code == expected and f"a batch of {batch} images of 64 x 64 pixels on cpu: does not fit" in line
    made = sorted((place / "maps/hirescam/images").iterdir())
    assert len(made) == 2
    lose(None)
    assert main([*words, "1"]) == 0 and "maps of 4 images, 2 of them new" in capsys.readouterr().err


def test_detect_goes_on_where_memory_ended(
    place: Path, lose: Lose, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["detect", "sets/train/images", "--out", "found", "--weights", "run/models/rgb1/weights.pt"]
    words += ["--rescue", "none", "--device", "cpu", "--confidence", "0.01", "--batch"]
    for batch, after, expected in (("2", 0, 2), ("2", 2, 3)):
        lose(after)
        code, line = told(capsys, *words, batch)
        assert code == expected and "images of 64 x 64 pixels on cpu: does not fit into memory" in line
        assert not (place / "found/boxes.parquet").exists()
    lose(None)
    seen, run = [], Network.run
    monkeypatch.setattr(Network, "run", lambda *given, **named: (seen.append(1), run(*given, **named))[1])
    assert main([*words, "1"]) == 0
    # The first picture comes alone, then two at a time.
    assert len(seen) == 1
    assert len(pd.read_parquet(place / "found/frames.parquet")) == 4


@pytest.mark.parametrize("error", ERRORS, ids=["CUDA", "CPU", "Python"])
def test_train(place: Path, lose: Lose, error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    lose(error=error)
    code, line = told(capsys, "train", "sets", "out", *QUICK)
    assert code == 2 and not (place / "out/weights.pt").exists()
    assert "error: epoch 1: a batch of 2 images of 64 x 64 pixels on cpu: does not fit into memory" in line
    assert line.endswith("; use a smaller batch (now 2) or image_size (now 64) with --set")


def test_a_training_says_that_its_epochs_are_kept(
    place: Path, lose: Lose, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch = _Loop._train_epoch

    def train_epoch(loop: _Loop) -> object:
        if loop.state.epoch == 1:
            lose()
        return epoch(loop)

    monkeypatch.setattr(_Loop, "_train_epoch", train_epoch)
    code, line = told(capsys, "train", "sets", "out", *QUICK)
    assert code == 3 and "error: epoch 2: a batch of 2 images" in line
    assert line.endswith("with --set; the state after epoch 1 is kept")
    assert list((place / "out/.resume").iterdir())


def test_fine_tuning(place: Path, lose: Lose, capsys: pytest.CaptureFixture[str]) -> None:
    make_picked(place / "my_frames")
    quick = ("--device", "cpu", "--set", "epochs=1", "least_images=4", "batch=4", "nominal_batch=4")
    assert main(["labels", "--layout", "graded", "my_frames", "set"]) == 0
    capsys.readouterr()
    lose()
    code, line = told(capsys, "train", "--from", "run", "--data", "set", "--leave-out", "infant_01", "out", *quick)
    assert code == 2 and "a batch of 4 images of 64 x 64 pixels" in line
    words = ("--from", "run", "--count", 4, "--leave-out", "infant_01", "--device", "cpu", "--finetune", "batch=4")
    code, line = told(capsys, "fine_tune", "set", "point", *words)
    assert code == 2 and "a batch of 4 images of 64 x 64 pixels" in line


def test_detectors_of_others(place: Path, lose: Lose, capsys: pytest.CaptureFixture[str]) -> None:
    make_faces(place / "faces/train", 8, seed=1)
    make_faces(place / "faces/val", 4, seed=2)
    lose(after=5, what=predict, name="find_faces")
    words = ("predict", "baseline", "viola_jones", "sets/train", "faces/val", "--out", "found", "--device", "cpu")
    code, line = told(capsys, *words)
    assert code == 3 and line.startswith("uncover predict baseline: error: ") and " pixels: does not fit into" in line
    assert [path.name for path in (place / "found").iterdir()] == ["train.parquet"]
    lose(what=torchvision_detector._Loop, name="_train_epoch")
    settings = ("--device", "cpu", "--set", "weights=scratch", "image_size=64", "batch=2", "epochs=1")
    code, line = told(capsys, "train", "baseline", "retinanet", "faces", "out", *settings, "network=resnet18")
    assert code == 2 and "retinanet: a batch of 2 photos of up to 64 x 64 pixels on cpu: does not fit" in line


def test_want_of_memory_anywhere_else_is_a_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from uncover.workflow import doctor

    def fail(*given: object) -> int:
        raise MemoryError("Unable to allocate 7.1 PiB for an array")

    monkeypatch.setattr(doctor, "examine", fail)
    code, line = told(capsys, "doctor")
    assert code == 2 and "out of memory (Unable to allocate 7.1 PiB for an array); provide more" in line
