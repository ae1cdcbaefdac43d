"""Maps are made in single precision, bit for bit, whatever was chosen around them; torch is as it was afterwards."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from uncover.cam.engine import Explainer, Explanation
from uncover.cam.passes import Pass, run_direct, take
from uncover.config.heatmaps import Variant
from uncover.yolov5.network import Network, build_network

LAYERS = {"direct": (-2,), "several levels": (17, 20, 23), "by a graph": (13,)}
METHODS = {"hirescam": "T1", "gradcampp": "T2"}


@pytest.fixture(scope="module")
def network(one_thread: None) -> Network:
    """Untrained, and sure of much."""
    network = build_network("yolov5n", 3, 2, seed=0).eval()
    for convolution in network.head.m:
        convolution.get_parameter("bias").detach().view(3, -1)[:, 4:] += 6
    return network


@pytest.fixture(scope="module")
def images() -> Tensor:
    """float32 (2, 3, 64, 96)."""
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def switched_on() -> Iterator[None]:
    """TF32 on a GPU, and bfloat16 in the products of the CPU."""
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = True
    yield
    torch.set_float32_matmul_precision("highest")


def switches() -> tuple[Any, ...]:
    backends = torch.backends
    return (
        backends.cuda.matmul.allow_tf32,
        backends.cudnn.allow_tf32,
        torch.get_float32_matmul_precision(),
        # Torch before 2.9 has no switch for each operation.
        getattr(getattr(backends.cudnn, "conv", None), "fp32_precision", "ieee"),
        torch.is_autocast_enabled("cpu"),
    )


OFF = (False, False, "highest", "ieee", False)


def explainer(network: Network, layers: tuple[int, ...]) -> Explainer:
    variants = {name: Variant(method=name, target=target, layers=layers) for name, target in METHODS.items()}
    return Explainer(copy.deepcopy(network), variants)


def assert_same_bits(one: Explanation, other: Explanation) -> None:
    assert any(len(boxes) for boxes in one.detections)
    assert all(map(torch.equal, one.detections, other.detections))
    for name, maps in one.maps.items():
        assert any(own.values.any() for own in maps)
        for mine, theirs in zip(maps, other.maps[name], strict=True):
            assert mine.status == theirs.status and (mine.values == theirs.values).all()


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_maps_are_the_same_bits_within_mixed_precision(
    network: Network, images: Tensor, layers: tuple[int, ...]
) -> None:
    explain = explainer(network, layers)
    plain = explain(images)
    with torch.autocast("cpu", torch.bfloat16):
        assert_same_bits(explain(images), plain)
        assert torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_all_that_is_less_than_single_precision_is_off_while_maps_are_made(
    network: Network, images: Tensor, layers: tuple[int, ...], switched_on: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, ...]] = []
    explain = explainer(network, layers)
    for name in ("_explain", "_maps"):
        method = getattr(explain, name)
        monkeypatch.setattr(explain, name, lambda *given, method=method: (seen.append(switches()), method(*given))[1])
    for layer in explain.network.model:
        layer.register_forward_hook(lambda *_: seen.append(switches()))
    with torch.autocast("cpu", torch.bfloat16):
        before = switches()
        explain(images)
        assert switches() == before != OFF
    assert len(seen) > len(list(explain.network.model)) and set(seen) == {OFF}


def test_a_pass_that_is_given_is_explained_in_single_precision_too(
    network: Network, images: Tensor, switched_on: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    explain, seen = explainer(network, (-2,)), list[tuple[Any, ...]]()
    maps = explain._maps
    monkeypatch.setattr(explain, "_maps", lambda *given: (seen.append(switches()), maps(*given))[1])
    assert explain.layers == [23]
    explain.explain(run_direct(explain.network, images, [23]), images)
    assert seen == [OFF] and switches() != OFF


def test_a_pass_in_mixed_precision_would_have_other_maps(network: Network, images: Tensor) -> None:
    explain = explainer(network, (-2,))

    def passed(enabled: bool) -> Pass:
        with torch.autocast("cpu", torch.bfloat16, enabled):
            return take(run_direct(explain.network, images, [23]), torch.arange(len(images)))

    exact, mixed = (explain.explain(passed(enabled), images).maps["hirescam"] for enabled in (False, True))
    assert any((one.values != other.values).any() for one, other in zip(exact, mixed, strict=True))
