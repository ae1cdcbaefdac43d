"""Layers by number, and passes whose graph begins at them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from uncover.cam.engine import Explainer
from uncover.cam.passes import is_direct, resolve_layers, run_cut, run_direct
from uncover.config.heatmaps import Variant
from uncover.errors import InputError
from uncover.yolov5.network import Network, build_network


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network("yolov5n", 3, 4, seed=0).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("given", "resolved"), [((-2,), (23,)), ((23, 17, 20), (17, 20, 23)), ((0,), (0,)), ((-25, 9), (0, 9))]
)
def test_layers_count_from_either_end(network: Network, given: tuple[int, ...], resolved: tuple[int, ...]) -> None:
    assert resolve_layers(network, given) == resolved


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ((24,), r"^layer 24: is the head, which has no heatmap; expected 0 to 23$"),
        ((-1,), r"^layer -1: is the head, "),
        ((25,), r"^layer 25: no such layer in the network; expected 0 to 23, or -25 to -2$"),
        ((-26,), r"^layer -26: no such layer in the network"),
        ((17, -8), r"^layer -8: given twice; expected different layers$"),
        ((), r"^layers: empty; expected at least one, such as -2$"),
    ],
)
def test_layers_without_a_map_are_refused(network: Network, layers: tuple[int, ...], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        Explainer(network, {"one": Variant.model_construct(method="hirescam", layers=layers, target="T2")})
    assert "\n" not in str(caught.value)


def test_a_layer_that_feeds_nothing_is_refused() -> None:
    network = build_network("yolov5n", 3, 4, seed=0)
    # The head's last level now reads layer 20, so that nothing reads layers 21 to 23.
    network.sources[-1] = (17, 20, 20)
    with pytest.raises(InputError, match=r"^layer 22: has no effect on the scores; choose another layer$"):
        resolve_layers(network, (17, 22))


@pytest.mark.parametrize(
    ("layers", "direct"),
    [
        ((23,), True),
        ((20, 23), True),
        ((17, 20, 23), True),
        ((20,), False),
        ((17,), False),
        ((17, 23), False),
        ((22,), False),
        ((9, 23), False),
    ],
)
def test_only_paths_that_all_pass_the_head_alone_are_direct(
    network: Network, layers: tuple[int, ...], direct: bool
) -> None:
    assert is_direct(network, layers) == direct


def test_a_head_of_larger_convolutions_needs_a_graph(images: Tensor) -> None:
    """SCRFD's head has 3x3 convolutions."""
    network = build_network("scrfd_2.5g", 3, 1, seed=0).eval().requires_grad_(False)
    layers = tuple(network.sources[-1])
    assert not is_direct(network, layers)
    explainer = Explainer(network, {"hirescam": Variant(method="hirescam", layers=layers, target="T1")})
    (maps, *_) = explainer(images[:1]).maps["hirescam"]
    passed = run_cut(network, images[:1], layers)
    score = torch.stack([level[..., 5:].sigmoid().sum() for level in passed.levels]).sum()
    gradients = torch.autograd.grad(score, list(passed.activations.values()))
    for own, gradient, activations in zip(maps.raw, gradients, passed.activations.values(), strict=True):
        torch.testing.assert_close(own[0], (gradient * activations.detach()).sum(1)[0], atol=1e-6, rtol=1e-4)
        assert own.any()


@pytest.mark.parametrize("layers", [(23,), (17, 20, 23), (0, 9, 22)])
def test_passes_answer_as_the_network_and_keep_its_activations(
    network: Network, images: Tensor, layers: tuple[int, ...]
) -> None:
    kept: dict[int, Tensor] = {}

    def keep(number: int) -> None:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            kept[number] = output

        hooks.append(network.model[number].register_forward_hook(hook))

    hooks: list[torch.utils.hooks.RemovableHandle] = []
    for layer in layers:
        keep(layer)
    decoded, levels = network(images)
    for hook in hooks:
        hook.remove()
    expected = dict(kept)
    for run in (run_direct, run_cut):
        passed = run(network, images, layers)
        assert torch.equal(passed.decoded, decoded) and not passed.decoded.requires_grad
        assert all(torch.equal(mine, other) for mine, other in zip(passed.levels, levels, strict=True))
        assert list(passed.activations) == sorted(layers)
        assert all(torch.equal(passed.activations[layer], expected[layer]) for layer in layers)


def test_every_candidate_knows_its_anchor_and_its_stride(network: Network, images: Tensor) -> None:
    """By them and its raw numbers, each candidate is decoded anew."""
    passed = run_direct(network, images, (23,))
    sigmoid = passed.raw.sigmoid()
    torch.testing.assert_close((sigmoid[..., 2:4] * 2) ** 2 * passed.anchors, passed.decoded[..., 2:4])
    corner = passed.decoded[..., :2] / passed.strides[:, None] - sigmoid[..., :2] * 2 + 0.5
    torch.testing.assert_close(corner, corner.round(), rtol=0, atol=1e-4)
    torch.testing.assert_close(sigmoid[..., 4:], passed.decoded[..., 4:])


def test_nothing_before_a_cut_has_a_graph(network: Network, images: Tensor) -> None:
    passed = run_cut(network, images, (17,))
    assert passed.activations[17].is_leaf and passed.activations[17].requires_grad
    assert all(level.requires_grad for level in passed.levels)
    assert [level.requires_grad for level in run_cut(network, images, (23,)).levels] == [False, False, True]
    assert not any(level.requires_grad for level in run_direct(network, images, (23,)).levels)
