"""The network is upstream's: same names, same weights of one seed, same answers."""

from __future__ import annotations

import copy
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import yaml

from uncover.config.detectors import UPSTREAM
from uncover.errors import InputError
from uncover.yolov5.network import Network, architecture, build_network
from uncover.yolov5.upstream_checkpoints import read_checkpoint

if TYPE_CHECKING:
    from conftest import Upstream

SHA256 = "4f180cf23ba0717ada0badd6c685026d73d48f184d00fc159c2641284b2ac0a3"
TRAINING = """
import sys
import uncover.yolov5.train
from uncover.yolov5.network import build_network

build_network("yolov5n", 3, 1)
print("yolov5" in sys.modules)
"""


def images(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def shaken(network: Network) -> Network:
    """Batch norms as after a training, so that their place and their numbers show."""
    generator = torch.Generator().manual_seed(1)
    for name, value in network.state_dict().items():
        if ".bn." in name and value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return network


@pytest.fixture(scope="module")
def nano() -> Network:
    """A network with batch norms of some use; not to be changed."""
    return shaken(build_network("yolov5n", 3, 4, seed=0)).eval()


@pytest.mark.parametrize("model", UPSTREAM)
def test_a_network_is_described_as_in_upstreams_file(model: str) -> None:
    package = importlib.util.find_spec("yolov5")  # found, and not imported, which takes seconds
    if package is None or package.origin is None:
        pytest.skip("the package yolov5 is not installed")
    file = Path(package.origin).parent / "models" / f"{model}.yaml"
    assert architecture(model) == yaml.safe_load(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("model", "channels", "classes"), [("yolov5n", 10, 10), ("yolov5s", 1, 1)])
def test_one_seed_gives_upstreams_weights_and_answers(
    upstream: Upstream, model: str, channels: int, classes: int
) -> None:
    torch.manual_seed(5)
    theirs = upstream.build(model, channels, classes)
    ours = build_network(model, channels, classes, seed=5)
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    # Upstream measures its strides with a pass that leaves a trace in its batch norms.
    traces = ("running_var", "num_batches_tracked")
    assert all(
        torch.equal(value, state[name]) for name, value in ours.state_dict().items() if not name.endswith(traces)
    )
    assert torch.equal(ours.head.stride, theirs.stride)

    shaken(ours)
    theirs.load_state_dict(ours.state_dict())
    batch = images(2, channels, 64, 96)
    with torch.no_grad():
        for mine, other in zip(ours.train()(batch), theirs.train()(batch), strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)
        (decoded, raw), (their_decoded, their_raw) = ours.eval()(batch), theirs.eval()(batch)
    torch.testing.assert_close(decoded, their_decoded, rtol=1e-5, atol=1e-5)
    assert all(torch.equal(mine, other) for mine, other in zip(raw, their_raw, strict=True))
    assert decoded.shape == (2, 3 * (8 * 12 + 4 * 6 + 2 * 3), 5 + classes)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("yolov5n", 1_872_157),
        ("yolov5s", 7_235_389),
        ("yolov5m", 21_190_557),
        ("yolov5l", 46_563_709),
        ("yolov5x", 86_749_405),
    ],
)
def test_sizes_are_those_that_upstreams_logs_print(model: str, parameters: int) -> None:
    with torch.device("meta"):
        network = build_network(model, 3, 80)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_the_published_nano_answers_as_upstream(upstream: Upstream, real: Path) -> None:
    file = real / "weights" / "yolov5n.pt"
    checkpoint = read_checkpoint(file.read_bytes(), "yolov5n.pt", SHA256)
    theirs = upstream.load(file).eval()
    assert all(torch.equal(checkpoint.state[name], value) for name, value in theirs.state_dict().items())
    ours = build_network(checkpoint.model, checkpoint.channels, len(checkpoint.class_names)).eval()
    ours.load_state_dict(checkpoint.state)
    batch = images(2, 3, 128, 160)
    with torch.no_grad():
        torch.testing.assert_close(ours(batch)[0], theirs(batch)[0], rtol=1e-5, atol=1e-5)


def test_a_seed_leaves_torchs_own_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again = build_network("yolov5n", 3, 2, seed=7), build_network("yolov5n", 3, 2, seed=7)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    other = build_network("yolov5n", 3, 2, seed=8)
    assert not torch.equal(first.model[0].conv.weight, other.model[0].conv.weight)
    unseeded = build_network("yolov5n", 3, 2)
    assert not torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(unseeded.model[0].conv.weight, first.model[0].conv.weight)


def test_fusing_keeps_the_answers(nano: Network) -> None:
    fused = copy.deepcopy(nano).fuse()
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in fused.modules())
    with torch.no_grad():
        torch.testing.assert_close(fused(images(1, 3, 64, 64))[0], nano(images(1, 3, 64, 64))[0], rtol=1e-4, atol=1e-4)


def test_batch_norms_are_upstreams(nano: Network) -> None:
    norms = {(module.eps, module.momentum) for module in nano.modules() if isinstance(module, torch.nn.BatchNorm2d)}
    assert norms == {(1e-3, 0.03)}


@pytest.mark.parametrize("layer", [0, 4, 9, 17, 20, 23])
def test_a_pass_can_stop_at_any_layer_and_go_on(nano: Network, layer: int) -> None:
    batch = images(1, 3, 64, 64)
    with torch.no_grad():
        whole = nano(batch)
        outputs = nano.run({-1: batch}, stop=layer + 1)
    assert layer in outputs and -1 not in outputs
    leaf = outputs[layer].requires_grad_()
    decoded, raw = nano.run(outputs, start=layer + 1)[24]
    assert torch.equal(decoded, whole[0]) and len(raw) == 3
    decoded[..., 5:].sum().backward()
    assert leaf.grad is not None and leaf.grad.abs().sum() > 0
    assert nano.model[0].conv.weight.grad is None or layer == 0


def test_outputs_are_let_go_unless_they_are_asked_for(nano: Network) -> None:
    with torch.no_grad():
        assert set(nano.run({-1: images(1, 3, 64, 64)}, stop=21)) == {10, 17, 20}
        assert set(nano.run({-1: images(1, 3, 64, 64)}, keep=(2, 9))) == {2, 9, 24}


def test_mixed_precision_still_gives_boxes_of_float32(nano: Network) -> None:
    raw = [torch.randn(1, 3, side, side, 9) for side in (8, 4, 2)]
    coarse = nano.head.decode([level.bfloat16() for level in raw])
    assert coarse.dtype == torch.float32
    torch.testing.assert_close(coarse, nano.head.decode([level.bfloat16().float() for level in raw]))
    assert nano.head.decode([level.double() for level in raw]).dtype == torch.float64


def test_decoding_by_hand() -> None:
    network = build_network("yolov5n", 3, 2, seed=0).eval()
    raw = [torch.zeros(1, 3, side, side, 7) for side in (4, 2, 1)]
    raw[1][0, 2, 1, 0] = torch.tensor([np.log(3), 0.0, np.log(3), 0.0, np.log(3), 0.0, -np.log(3)])
    decoded = network.head.decode(raw)[0]
    # Level 1 has cells of 16 pixels; its third anchor is 59 by 119; sigmoid(log 3) is 0.75.
    row = 3 * 16 + 2 * 4 + 1 * 2 + 0
    expected = [(0.75 * 2 - 0.5 + 0) * 16, (0.5 * 2 - 0.5 + 1) * 16, 1.5**2 * 59, 119, 0.75, 0.5, 0.25]
    torch.testing.assert_close(decoded[row], torch.tensor(expected))
    torch.testing.assert_close(decoded[0], torch.tensor([4.0, 4.0, 10.0, 13.0, 0.5, 0.5, 0.5]))


def test_anchors_can_be_given_or_counted() -> None:
    design = torch.tensor(architecture("yolov5n")["anchors"]).view(3, 3, 2)
    given = design.float() * 2

    def pixels(**options: object) -> torch.Tensor:
        head = build_network("yolov5n", 3, 1, **options).head  # type: ignore[arg-type]
        assert head.m[0].out_channels == head.anchors.shape[1] * 6
        return head.anchors * head.stride.view(-1, 1, 1)

    torch.testing.assert_close(pixels(), design.float())
    torch.testing.assert_close(pixels(anchors=3), design.float())
    torch.testing.assert_close(pixels(anchors=given), given)
    four = pixels(anchors=4)
    assert four.shape == (3, 4, 2)
    assert (four.prod(2).flatten().diff() > 0).all()
    torch.testing.assert_close(four[0, 0], design[0, 0].float())
    torch.testing.assert_close(four[2, 3], design[2, 2].float())


def test_a_network_that_does_not_exist() -> None:
    with pytest.raises(InputError, match=r"yolov5q: unknown; expected one of yolov5n"):
        build_network("yolov5q", 3, 1)


@pytest.mark.whole_run
def test_upstreams_package_is_not_imported():
    done = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
