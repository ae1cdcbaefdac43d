"""Images and networks that give no map: never an error, never a wrong one, and always the reason."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.cam.reference import Pair, error
from uncover.cam.engine import Explainer
from uncover.config.heatmaps import Method, Target, Variant
from uncover.yolov5.network import Network

DIRECT, CUT = (-2,), (17, 22)


@pytest.fixture
def network(learned: Pair) -> Network:
    """To spoil."""
    return copy.deepcopy(learned.ours).double()


def variant(method: Method, target: Target = "T2", layers: tuple[int, ...] = DIRECT) -> dict[str, Variant]:
    return {"own": Variant(method=method, target=target, layers=layers)}


@pytest.mark.parametrize("layers", [DIRECT, CUT])
@pytest.mark.parametrize("method", ["gradcampp", "hirescam", "eigengradcam", "scorecam"])
def test_without_detections_maps_are_blank(
    network: Network, scenes: Tensor, method: Method, layers: tuple[int, ...]
) -> None:
    if method == "scorecam":
        layers = (2,)
    explanation = Explainer(network, variant(method, layers=layers), confidence=0.99)(scenes[:2].double())
    assert [boxes.shape for boxes in explanation.detections] == [(0, 6), (0, 6)]
    for heatmaps in explanation.maps["own"]:
        assert heatmaps.status == ("no detection",) * 3
        assert not heatmaps.values.any() and heatmaps.degenerate == 0


@pytest.mark.parametrize(("method", "target"), [("hirescam", "T1"), ("eigencam", "T2")])
def test_methods_and_targets_that_need_no_detection(
    network: Network, scenes: Tensor, method: Method, target: Target
) -> None:
    explanation = Explainer(network, variant(method, target), confidence=0.99)(scenes[:2].double())
    assert all("no detection" not in heatmaps.status for heatmaps in explanation.maps["own"])
    assert explanation.maps["own"][0].values[-1].any()


def test_a_class_that_was_not_detected_is_blank_beside_one_that_was(network: Network, scenes: Tensor) -> None:
    images = scenes.double()
    explanation = Explainer(network, variant("hirescam", layers=CUT))(images)
    for boxes, heatmaps in zip(explanation.detections, explanation.maps["own"], strict=True):
        present = {*boxes[:, 5].int().tolist()}
        assert [status != "no detection" for status in heatmaps.status] == [0 in present, 1 in present, bool(present)]
        assert all(heatmaps.values[number].any() == (status == "map") for number, status in enumerate(heatmaps.status))


def test_negative_head_weights_are_no_positive_evidence(network: Network, scenes: Tensor) -> None:
    with torch.no_grad():
        rows = network.head.m[2].weight.view(3, 7, -1)
        rows[:, 5] = -rows[:, 5].abs()
        rows[:, 6] = rows[:, 6].abs()
    # All gradients of class 0 are negative.
    for method in ("gradcampp", "layercam", "gradcamelementwise"):
        (heatmaps,) = Explainer(network, variant(method, "T1"))(scenes[:1].double()).maps["own"]
        assert heatmaps.status[1:] == ("map", "map")
        if method != "gradcamelementwise":
            assert heatmaps.status[0] == "no positive evidence" and not heatmaps.values[0].any()


@pytest.mark.parametrize("method", ["gradcampp", "hirescam", "gradcam"])
def test_a_class_whose_weights_are_not_finite_leaves_the_others(
    network: Network, scenes: Tensor, method: Method
) -> None:
    images = scenes[:2].double()
    before = Explainer(copy.deepcopy(network), variant(method, "T1"))(images).maps["own"]
    with torch.no_grad():
        network.head.m[2].weight.view(3, 7, -1)[:, 6] = torch.nan
    for mine, other in zip(Explainer(network, variant(method, "T1"))(images).maps["own"], before, strict=True):
        assert mine.status == ("map", "not finite", "not finite")
        assert error(mine.values[0], other.values[0]) < 1e-9 and not mine.values[1:].any()


@pytest.mark.parametrize("layers", [DIRECT, CUT])
def test_an_image_that_is_not_finite_leaves_the_others(
    network: Network, scenes: Tensor, layers: tuple[int, ...]
) -> None:
    images = scenes[:3].double()
    methods: tuple[Method, ...] = ("gradcampp", "eigencam", "eigengradcam", "gradcamelementwise")
    explainer = Explainer(network, {name: Variant(method=name, target="T1", layers=layers) for name in methods})
    before = explainer(images).maps
    images[1, :, 20, 20] = torch.nan
    after = explainer(images).maps
    for name in before:
        assert after[name][1].status == ("not finite",) * 3 and not after[name][1].values.any()
        for number in (0, 2):
            assert after[name][number].status == before[name][number].status
            assert error(after[name][number].values, before[name][number].values) < 1e-9


@pytest.mark.parametrize("layers", [DIRECT, CUT])
def test_detections_without_area_are_left_out_and_counted(
    network: Network, scenes: Tensor, layers: tuple[int, ...]
) -> None:
    images = scenes[:2].double()
    clean = Explainer(copy.deepcopy(network), variant("hirescam", layers=layers))(images)
    with torch.no_grad():
        head = network.head.m[2]
        head.weight.view(3, 7, -1)[0] = 0
        # Width and height vanish, even in double precision; objectness and class 1 are certain.
        head.bias.view(3, 7)[0] = torch.tensor([0, 0, -1e4, -1e4, 50, -50, 50])
    explanation = Explainer(network, variant("hirescam", layers=layers))(images)
    for mine, other, boxes in zip(explanation.maps["own"], clean.maps["own"], explanation.detections, strict=True):
        assert mine.degenerate == 2 * 3 and other.degenerate == 0
        assert (boxes[:, 2:4] > boxes[:, :2]).all()
        assert "not finite" not in mine.status and all(layer.isfinite().all() for layer in mine.raw)


def test_constant_images_and_activations(network: Network) -> None:
    images = torch.full((2, 3, 64, 64), 0.5, dtype=torch.float64)
    with torch.no_grad():
        for parameter in network.model[23].parameters():
            parameter.zero_()
    methods: tuple[Method, ...] = ("gradcampp", "hirescam", "xgradcam", "eigencam", "eigengradcam")
    wanted = {name: Variant(method=name, target="T1") for name in methods}
    for own in Explainer(network, wanted)(images).maps.values():
        for heatmaps in own:
            assert heatmaps.status == ("no positive evidence",) * 3
            assert not heatmaps.values.any() and np.isfinite(heatmaps.values).all()
