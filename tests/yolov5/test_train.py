"""Training: it learns, repeats itself, goes on after a stop, keeps frozen layers, and says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.yolov5.squares import make_set
from uncover.data.parts import CLASS_NAMES
from uncover.errors import Diverged, InputError
from uncover.yolov5 import train as training
from uncover.yolov5.distributed import ProcessGroup
from uncover.yolov5.job import Job, read_job
from uncover.yolov5.network import build_network
from uncover.yolov5.optimizer import build_optimizer
from uncover.yolov5.weights import Header, load_weights, save_weights

PROCESSES = ProcessGroup(0, 1, torch.device("cpu"))
QUICK = ["model=yolov5n", "weights=scratch", "image_size=64", "batch=4", "nominal_batch=8", "epochs=3"]
WHOLE_FACES = ["model=yolov5n", "classes=whole_face", "image_size=64", "batch=2", "nominal_batch=2", "epochs=2"]


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Path:
    """Enough to train, not to learn: three batches, of which the last is smaller."""
    folder = tmp_path_factory.mktemp("few")
    make_set(folder / "train", 10, seed=1)
    make_set(folder / "val", 4, seed=2)
    return folder


@pytest.fixture(scope="module")
def plain(few, tmp_path_factory) -> Path:
    """What a training without further settings leaves; not to be changed."""
    out = tmp_path_factory.mktemp("plain")
    run(few, out, workers=1)
    return out


def run(data: Path, out: Path, *settings: str, **changes) -> dict:
    return training.train(read_job(data, None, [*QUICK, *settings], None), out, PROCESSES, **changes)


def weights_of(out: Path) -> dict[str, torch.Tensor]:
    return load_weights(out / "weights.pt")[0].state_dict()


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def record_of(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "results.csv").filter(regex="^(?!seconds)")


def test_a_detector_learns_squares(learned_squares):
    summary = json.loads((learned_squares / "summary.json").read_text())
    # Untrained it is next to nothing. How far it comes in so few steps differs by some tenths between processors.
    assert summary["best"]["metrics/mAP_0.5"] > 0.4
    record = record_of(learned_squares)
    assert record["train/box_loss"].iloc[-1] < record["train/box_loss"].iloc[0] / 1.5
    _, header = load_weights(learned_squares / "weights.pt")
    assert header.class_names == ("light", "dark") and header.channels == 3
    assert not (learned_squares / ".resume").exists()


def test_same_seed_same_weights_whatever_prepares_the_images(few, plain, tmp_path):
    run(few, tmp_path / "b", workers=3, cache="none")
    run(few, tmp_path / "c", "seed=1")
    assert same(weights_of(plain), weights_of(tmp_path / "b"))
    assert record_of(plain).equals(record_of(tmp_path / "b"))
    assert not same(weights_of(plain), weights_of(tmp_path / "c"))


DIFFICULT = ("image_weights=true", "multi_scale=true", "optimizer=AdamW")


@pytest.fixture(scope="module")
def whole(few, tmp_path_factory) -> Path:
    """What an undisturbed training leaves that asks for much; not to be changed."""
    out = tmp_path_factory.mktemp("whole")
    run(few, out, *DIFFICULT)
    return out


@pytest.mark.parametrize("stop_after", [1, pytest.param(2, marks=pytest.mark.whole_run)])
def test_a_stopped_training_ends_like_an_undisturbed_one(few, whole, tmp_path, monkeypatch, stop_after):
    with monkeypatch.context() as patch:
        keep = training.save_state

        def save_and_die(folder, state):
            keep(folder, state)
            if state.epoch == stop_after:
                raise KeyboardInterrupt

        patch.setattr(training, "save_state", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            run(few, tmp_path / "stopped", *DIFFICULT)
    assert not (tmp_path / "stopped" / "weights.pt").exists()
    run(few, tmp_path / "stopped", *DIFFICULT)
    assert same(weights_of(whole), weights_of(tmp_path / "stopped"))
    assert record_of(whole).equals(record_of(tmp_path / "stopped"))


def test_state_of_other_settings_is_left_alone(few, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(training, "write_record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(few, tmp_path)
    run(few, tmp_path, "hyperparameters.lr0=0.011")
    assert "going on" not in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_with_one_line(few, tmp_path):
    with pytest.raises(Diverged, match=r"epoch 1, batch \d+: the loss is no longer finite .* lower lr0"):
        run(few, tmp_path, "hyperparameters.box=1e38", "hyperparameters.obj=1e38")
    assert not (tmp_path / "weights.pt").exists()


def test_weights_that_the_last_step_spoils_are_not_kept(few, tmp_path):
    with pytest.raises(Diverged, match="epoch 1, batch 1: the weights are no longer finite; lower lr0"):
        run(few, tmp_path, "hyperparameters.lr0=.inf", "batch=32")
    assert list(tmp_path.rglob("*.pt")) == []


def test_a_precision_that_the_device_lacks_is_refused(few, tmp_path):
    with pytest.raises(InputError, match="precision float16: needs a GPU; expected float32 or bfloat16 on device cpu"):
        run(few, tmp_path, "precision=float16")


@pytest.mark.parametrize("channels", [pytest.param(1, marks=pytest.mark.whole_run), 10])
def test_other_numbers_of_channels_train(tmp_path, channels):
    for name, seed in (("train", 1), ("val", 2)):
        make_set(tmp_path / name, 6, seed, channels)
    job = read_job(tmp_path, None, [*QUICK, "epochs=1", "hyperparameters.mosaic=0"], None, channels=channels, padding=0)
    training.train(job, tmp_path / "out", PROCESSES)
    network, header = load_weights(tmp_path / "out" / "weights.pt")
    assert header.channels == channels and header.padding == 0
    assert network(torch.zeros(1, channels, 64, 64))[0].shape[2] == 7


def test_rectangular_batches_say_what_they_turn_off(few, tmp_path, capsys):
    run(few, tmp_path, "epochs=1", "rectangular=true")
    assert "mosaic" in capsys.readouterr().err


def test_start_weights_are_where_training_starts(few, plain, tmp_path):
    settings = [*QUICK, "epochs=1", "hyperparameters.lr0=1e-9", "hyperparameters.warmup_bias_lr=0"]
    training.train(read_job(few, None, settings, plain / "weights.pt"), tmp_path, PROCESSES)
    first, second = (weights_of(out)["model.2.cv1.conv.weight"] for out in (plain, tmp_path))
    assert torch.allclose(first, second, atol=1e-4)


def test_the_patience_ends_a_training_early(few, tmp_path, monkeypatch):
    results = iter([0.1, 0.5, 0.3, 0.2, 0.4, 0.3])
    validate = training.validate

    def scripted(*args):
        from dataclasses import replace

        value = next(results)
        return replace(validate(*args), map50=value, map50_95=value)

    monkeypatch.setattr(training, "validate", scripted)
    summary = run(few, tmp_path, "epochs=6", "patience=2")
    assert (summary["best_epoch"], summary["epochs_run"]) == (1, 4)


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of ten classes, with running statistics that no other network has."""
    network = build_network("yolov5n", 3, len(CLASS_NAMES), seed=5).train()
    network(torch.rand(2, 3, 64, 64))
    header = Header(
        model="yolov5n", channels=3, class_names=CLASS_NAMES, class_ids=tuple(range(len(CLASS_NAMES))), image_size=64
    )
    path = tmp_path_factory.mktemp("ten") / "weights.pt"
    save_weights(path, network.state_dict(), header)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Squares, of which the bright ones pass for faces."""
    folder = tmp_path_factory.mktemp("photos")
    for name, count, seed in (("train", 4, 1), ("val", 2, 2)):
        make_set(folder / name, count, seed)
        text = (folder / name / "data.yaml").read_text()
        (folder / name / "data.yaml").write_text(text.replace("light", "whole face"))
    return folder


def read(photos: Path, ten: Path, layers: int) -> Job:
    return read_job(photos, None, [*WHOLE_FACES, f"freeze={layers}"], ten)


def layer(name: str) -> int:
    return int(name.split(".")[1])


@pytest.mark.parametrize("layers", [pytest.param(24, marks=pytest.mark.whole_run), 10])
def test_frozen_layers_stay_as_they_were(photos: Path, ten: Path, tmp_path: Path, layers: int) -> None:
    training.train(read(photos, ten, layers), tmp_path, PROCESSES)
    before, after = (load_weights(path)[0].state_dict() for path in (ten, tmp_path / "weights.pt"))
    assert load_weights(tmp_path / "weights.pt")[1].class_names == ("whole face",)
    for name, value in after.items():
        if layer(name) < layers:
            assert torch.equal(value, before[name]), name
    body = [name for name in after if name.endswith("conv.weight")]
    learned = {layer(name) for name in body if not torch.equal(after[name], before[name])}
    assert learned == {layer(name) for name in body if layer(name) >= layers}
    assert after["model.24.m.0.weight"].shape[0] == 3 * 6 < before["model.24.m.0.weight"].shape[0]
    fresh = build_network("yolov5n", 3, 1, seed=0).state_dict()
    assert not torch.equal(after["model.24.m.0.weight"], fresh["model.24.m.0.weight"])


def test_a_stopped_training_of_the_head_ends_like_an_undisturbed_one(
    photos: Path, ten: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, keep = read(photos, ten, 24), training.save_state
    training.train(job, tmp_path / "whole", PROCESSES)

    def save_and_die(folder: Path, state: object) -> None:
        keep(folder, state)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "save_state", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            training.train(job, tmp_path / "stopped", PROCESSES)
    training.train(job, tmp_path / "stopped", PROCESSES)
    whole, stopped = (load_weights(tmp_path / name / "weights.pt")[0].state_dict() for name in ("whole", "stopped"))
    assert all(torch.equal(value, stopped[name]) for name, value in whole.items())


def test_frozen_layers_have_no_graph_no_momentum_and_no_statistics(photos: Path, ten: Path) -> None:
    network = build_network("yolov5n", 3, 1, seed=0).freeze(24).train()
    below = [module for layer in network.model[:24] for module in layer.modules()]
    assert not any(module.training for module in below) and network.head.training
    levels: list[torch.Tensor] = []
    network.head.register_forward_pre_hook(lambda _, given: levels.extend(given))
    raw = network(torch.rand(1, 3, 64, 64))
    assert (
        len(levels) == 3
        and not any(level.requires_grad for level in levels)
        and all(level.requires_grad for level in raw)
    )
    optimized = [each for group in build_optimizer(network, read(photos, ten, 24).settings, 2).param_groups
                 for each in group["params"]]  # fmt: skip
    assert {id(each) for each in optimized} == {id(each) for each in network.head.parameters()}
    # As answers, they are those of a network that learns everything.
    free = build_network("yolov5n", 3, 1, seed=0).eval()
    images = torch.rand(1, 3, 64, 64)
    assert torch.equal(network.eval()(images)[0], free(images)[0])


def test_there_must_be_weights_to_keep(photos: Path) -> None:
    with pytest.raises(InputError, match="freeze=24: frozen layers require initial weights; pass --weights WEIGHTS"):
        read_job(photos, None, [*WHOLE_FACES, "freeze=24"])
