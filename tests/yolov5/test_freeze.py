"""Layers that do not learn: not a bit of them changes, and what is above them does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.yolov5.squares import make_set
from uncover.data.parts import CLASS_NAMES
from uncover.errors import InputError
from uncover.yolov5 import train as training
from uncover.yolov5.distributed import ProcessGroup
from uncover.yolov5.job import Job, read_job
from uncover.yolov5.network import build_network
from uncover.yolov5.optimizer import build_optimizer
from uncover.yolov5.weights import Header, load_weights, save_weights

PROCESSES = ProcessGroup(0, 1, torch.device("cpu"))
QUICK = ["model=yolov5n", "classes=whole_face", "image_size=64", "batch=2", "nominal_batch=2", "epochs=2"]


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
    return read_job(photos, None, [*QUICK, f"freeze={layers}"], ten)


def layer(name: str) -> int:
    return int(name.split(".")[1])


@pytest.mark.parametrize("layers", [24, 10])
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
    with pytest.raises(InputError, match="freeze=24: keeps start weights as they are; give them with --start WEIGHTS"):
        read_job(photos, None, [*QUICK, "freeze=24"])
