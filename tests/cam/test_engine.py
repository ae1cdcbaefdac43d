"""Maps are grad-cam's, of upstream's network and detections, on trained weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.cam.reference import Candidates, Pair, Recorder, detect, error, joint_of, score_of
from tests.yolov5.conftest import Upstream
from uncover.cam.engine import Explainer, Explanation
from uncover.config.heatmaps import Variant
from uncover.yolov5.network import Network

SINGLE = ("gradcampp", "hirescam", "gradcam", "layercam")
"""In single precision XGradCAM, which divides by sums that may vanish, is percents off itself."""
GRADIENTS = (*SINGLE, "xgradcam")
LIMITS = {torch.float64: 1e-9, torch.float32: 1e-4}
"""In single precision sums differ between processors; that the method is the same, double precision shows."""
QUICK_LIMITS = [torch.float64, pytest.param(torch.float32, marks=pytest.mark.whole_run)]


def variants(methods: Sequence[str], targets: Sequence[str], *layers: tuple[int, ...]) -> dict[str, Variant]:
    return {
        f"{method}_{target}_{'_'.join(str(each % 25) for each in own)}": Variant(
            method=method, target=target, layers=own
        )
        for method in methods
        for target in targets
        for own in layers
    }


def compare(
    suppress: Any,
    pair: Pair,
    images: Tensor,
    wanted: dict[str, Variant],
    numbers: Sequence[int] = (),
    cut: bool = False,
) -> Explanation:
    """Compare maps with grad-cam's: of the classes detected, of those named, and the joint ones."""
    dtype = images.dtype
    theirs = copy.deepcopy(pair.theirs).to(dtype).requires_grad_(True)
    explanation = Explainer(copy.deepcopy(pair.ours).to(dtype), wanted)(images)
    layers = sorted({layer % 25 for variant in wanted.values() for layer in variant.layers})
    network = Candidates(theirs, layers, cut)
    classes = explanation.maps[next(iter(wanted))][0].values.shape[0] - 1
    worst: dict[str, float] = {}
    for target in sorted({variant.target for variant in wanted.values()}):
        own = {name: variant for name, variant in wanted.items() if variant.target == target}
        recorder = Recorder(network, sorted({variant.method for variant in own.values()}))
        for image in range(len(images)):
            found = explanation.detections[image]
            for number in [*sorted({*found[:, 5].int().tolist(), *numbers}), classes]:

                def score(candidates: Tensor) -> Tensor:
                    boxes = detect(suppress, candidates, images.shape[3], images.shape[2])
                    torch.testing.assert_close(found, boxes, rtol=1e-4, atol=1e-3)  # noqa: B023
                    if number == classes:  # noqa: B023
                        return joint_of(target, candidates, boxes)  # noqa: B023
                    return score_of(target, candidates, boxes, number)  # noqa: B023

                recorder(images[image : image + 1], [score])
                for name, variant in own.items():
                    for position, layer in enumerate(sorted(each % 25 for each in variant.layers)):
                        mine = explanation.maps[name][image].raw[position][number].numpy()
                        reference = recorder.raw[variant.method, layer]
                        if variant.method == "eigencam" and (mine * reference).sum() < 0:
                            reference = -reference
                        worst[name] = max(worst.get(name, 0), error(mine, reference))
        recorder.activations_and_grads.release()
    # grad-cam rounds principal components to float32.
    limits = {name: max(LIMITS[dtype], 1e-6 if name.startswith("eigen") else 0) for name in worst}
    assert not {name: value for name, value in worst.items() if not value <= limits[name]}
    return explanation


@pytest.mark.parametrize(
    ("rectangular", "dtype"),
    [
        (False, torch.float64),
        (True, torch.float32),
        pytest.param(True, torch.float64, marks=pytest.mark.whole_run),
        pytest.param(False, torch.float32, marks=pytest.mark.whole_run),
    ],
)
def test_maps_of_the_published_network_are_grad_cams(
    upstream: Upstream, nano: Pair, photos: Tensor, rectangular: bool, dtype: torch.dtype
) -> None:
    images = photos[:4].to(dtype)
    if rectangular:
        images = images[..., 32:, :]
    wanted = variants(SINGLE, ("T2", "confidence"), (-2,), (20,), (17,))
    wanted |= variants(("eigencam", "eigengradcam", "gradcamelementwise"), ("T2",), (-2,), (17,))
    if dtype == torch.float64:
        # In single precision GradCAM++ is as far off itself there.
        wanted |= variants(GRADIENTS, ("T2",), (-2,), (20,), (17,), (9,))
    explanation = compare(upstream.suppress, nano, images, wanted)
    one, crowd, none, two_kinds = explanation.detections
    assert (len(one), len(none)) == (1, 0) and len(crowd) > 3
    assert len(two_kinds[:, 5].unique()) == 2


def test_all_candidates_of_the_published_network(upstream: Upstream, nano: Pair, photos: Tensor) -> None:
    wanted = variants(GRADIENTS, ("T1",), (-2,), (20,))
    compare(upstream.suppress, nano, photos[1:3].double(), wanted, numbers=(0, 57))


@pytest.mark.parametrize("dtype", QUICK_LIMITS)
def test_maps_of_a_network_trained_here_are_grad_cams(
    upstream: Upstream, learned: Pair, scenes: Tensor, dtype: torch.dtype
) -> None:
    wanted = variants(SINGLE, ("T1", "T2", "confidence"), (-2,), (20,), (17,))
    if dtype == torch.float64:
        wanted |= variants(GRADIENTS, ("T1", "T2"), (-2,), (20,), (17,), (9,))
    explanation = compare(upstream.suppress, learned, scenes[:3].to(dtype), wanted, numbers=(0, 1))
    assert all(map(len, explanation.detections))


@pytest.mark.parametrize("channels", [pytest.param(1, marks=pytest.mark.whole_run), 10])
def test_images_of_any_number_of_channels(
    upstream: Upstream, of_channels: dict[int, Pair], scenes: Tensor, channels: int
) -> None:
    images = scenes[:2].double().mean(1, keepdim=True).repeat(1, channels, 1, 1)
    wanted = variants(("gradcampp", "hirescam"), ("T1", "T2"), (-2,), (17,))
    explanation = compare(upstream.suppress, of_channels[channels], images, wanted, numbers=(0, 1))
    assert all(map(len, explanation.detections))


@pytest.mark.parametrize(
    "layers",
    [(17, 20, 23), *(pytest.param(each, marks=pytest.mark.whole_run) for each in [(20, 23), (17, 23)]), (9, 23)],
)
def test_gradients_of_several_layers_take_paths_that_meet_no_other_one(
    upstream: Upstream, nano: Pair, learned: Pair, photos: Tensor, scenes: Tensor, layers: tuple[int, ...]
) -> None:
    wanted = variants(("gradcampp", "hirescam", "xgradcam"), ("T2",), layers)
    compare(upstream.suppress, nano, photos[1:4].double(), wanted, cut=True)
    wanted = variants(("gradcampp", "hirescam"), ("T1",), layers)
    compare(upstream.suppress, learned, scenes[:2].double(), wanted, numbers=(0, 1), cut=True)


def test_a_layer_that_reaches_the_head_through_others_too(upstream: Upstream, nano: Pair, photos: Tensor) -> None:
    """The cuts above make a difference: alone, layer 9 has gradients along all paths."""
    images = photos[:2].double()
    alone, both = (
        Explainer(copy.deepcopy(nano.ours).double(), variants(("hirescam",), ("T2",), layers))(images)
        for layers in ((9,), (9, 23))
    )
    (first,), (second,) = ([own[0].raw[0][0] for own in explanation.maps.values()] for explanation in (alone, both))
    assert error(first, second) > 0.01


def same_alone(network: Network, images: Tensor, wanted: dict[str, Variant]) -> None:
    explainer = Explainer(copy.deepcopy(network).to(images.dtype), wanted)
    together = explainer(images)
    for number in range(len(images)):
        alone = explainer(images[number : number + 1])
        torch.testing.assert_close(alone.detections[0], together.detections[number], rtol=1e-4, atol=1e-3)
        for name in wanted:
            mine, other = alone.maps[name][0], together.maps[name][number]
            assert mine.status == other.status
            assert max(map(error, mine.raw, other.raw)) <= LIMITS[images.dtype], name


@pytest.mark.parametrize("dtype", QUICK_LIMITS)
def test_a_batch_of_eight_is_eight_batches_of_one(
    nano: Pair, learned: Pair, photos: Tensor, scenes: Tensor, dtype: torch.dtype
) -> None:
    wanted = variants(SINGLE, ("T2",), (-2,), (17,)) | variants(("gradcampp", "hirescam"), ("T2",), (17, 20, 23))
    same_alone(nano.ours, photos.to(dtype), wanted)
    # GradCAM++ of all candidates has gradients large enough for its denominator to vanish.
    wanted = variants(GRADIENTS if dtype == torch.float64 else ("hirescam",), ("T1",), (-2,), (17,))
    same_alone(learned.ours, scenes.to(dtype), wanted)


def test_variants_of_one_pass_are_what_each_is_alone(learned: Pair, scenes: Tensor) -> None:
    wanted = variants(("gradcampp", "eigencam"), ("T1", "T2"), (-2,), (17, 20, 23), (20,))
    network = copy.deepcopy(learned.ours).double()
    images = scenes[:2].double()
    together = Explainer(network, wanted)(images)
    assert list(together.maps) and together.maps.keys() == wanted.keys()
    for name, variant in wanted.items():
        for mine, other in zip(
            Explainer(network, {name: variant})(images).maps[name], together.maps[name], strict=True
        ):
            assert mine.status == other.status and error(mine.values, other.values) < 1e-6


def test_the_joint_map_explains_the_sum_of_all_scores(learned: Pair, scenes: Tensor) -> None:
    """HiResCAM is linear in the gradients, so its joint map is the sum of the others; GradCAM++'s is not."""
    wanted = variants(("hirescam", "gradcam"), ("T1", "T2"), (-2,), (17,)) | variants(("gradcampp",), ("T1",), (17,))
    maps = Explainer(copy.deepcopy(learned.ours).double(), wanted)(scenes.double()).maps
    for name, own in maps.items():
        off = max(error(heatmaps.raw[0][:-1].sum(0), heatmaps.raw[0][-1]) for heatmaps in own)
        assert (off > 1e-3) if name.startswith("gradcampp") else (off < 1e-12), name


def test_at_layer_23_hirescam_of_all_candidates_has_a_closed_form(learned: Pair, scenes: Tensor) -> None:
    network = copy.deepcopy(learned.ours).double()
    images = scenes[:2].double()
    maps = Explainer(network, variants(("hirescam",), ("T1",), (23,)))(images).maps["hirescam_T1_23"]
    with torch.no_grad():
        logits = network(images)[1][2][..., 5:]
    bias = network.head.m[2].bias.view(3, -1)[None, :, None, None, 5:]
    slope = logits.sigmoid() * (1 - logits.sigmoid())
    expected = (slope * (logits - bias)).sum(1).permute(0, 3, 1, 2)
    for own, reference in zip(maps, expected, strict=True):
        assert error(own.raw[0][:2], reference) < 1e-12


def test_the_network_keeps_its_weights_and_its_answers(learned: Pair, scenes: Tensor) -> None:
    network = copy.deepcopy(learned.ours)
    before = copy.deepcopy(network.state_dict())
    answers = network(scenes[:2])[0].detach()
    Explainer(network, variants(("gradcampp",), ("T1", "T2"), (-2,), (9,)))(scenes[:2])
    assert network.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(network(scenes[:2])[0], answers)
    assert not network.training
    # As documented: nobody needs the gradients of weights here, and they would cost memory.
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in network.parameters())


def test_folding_batch_norms_changes_no_map(learned: Pair, scenes: Tensor) -> None:
    wanted = variants(("gradcampp", "hirescam"), ("T1", "T2"), (-2,), (17, 20, 23), (9,))
    plain, fused = copy.deepcopy(learned.ours).double(), copy.deepcopy(learned.ours).double().fuse()
    first, second = (Explainer(network, wanted)(scenes[:2].double()).maps for network in (plain, fused))
    for name in wanted:
        for mine, other in zip(first[name], second[name], strict=True):
            assert all(map(lambda a, b: error(a, b) < 1e-9, mine.raw, other.raw)), name


def test_channels_last_in_memory_changes_no_map(learned: Pair, scenes: Tensor) -> None:
    wanted = variants(("gradcampp", "hirescam"), ("T1", "T2"), (-2,), (17, 20, 23))
    network = copy.deepcopy(learned.ours)
    first = Explainer(network, wanted)(scenes[:2]).maps
    network = network.to(memory_format=torch.channels_last)
    second = Explainer(network, wanted)(scenes[:2].to(memory_format=torch.channels_last)).maps
    for name in wanted:
        for mine, other in zip(first[name], second[name], strict=True):
            assert error(mine.values, other.values) < 1e-5, name
