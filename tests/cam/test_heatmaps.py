"""Several layers as one map, as grad-cam fuses them; and what becomes of channels without a map."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.cam.reference import Candidates, Pair, Recorder, detect, error, joint_of
from tests.yolov5.conftest import Upstream
from uncover.cam.heatmaps import finish, fuse


def min_max(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / np.ptp(values)


@pytest.mark.parametrize("layers", [(6, 20), (4, 17), (9, 23)])
def test_layers_of_one_size_are_fused_as_grad_cam_does(
    upstream: Upstream, learned: Pair, scenes: Tensor, layers: tuple[int, int]
) -> None:
    images = scenes[:1].double()

    class Native(Recorder):
        def get_target_width_height(self, images: Tensor) -> tuple[int, int]:
            height, width = self.activations_and_grads.activations[0].shape[2:]
            return width, height

    def score(candidates: Tensor) -> Tensor:
        return joint_of("T2", candidates, detect(upstream.suppress, candidates, images.shape[3], images.shape[2]))

    network = Candidates(copy.deepcopy(learned.theirs).double().requires_grad_(True), layers)
    recorder = Native(network, ["gradcampp"])
    theirs = recorder(images, [score])[0]
    ours = fuse([recorder.raw["gradcampp", layer][None] for layer in layers])[0]
    assert ours.dtype == np.float32
    assert error(min_max(ours), theirs) < 1e-5


def test_a_single_layer_keeps_its_scale() -> None:
    raw = np.random.default_rng(0).normal(size=(3, 4, 5))
    assert np.array_equal(fuse([raw]), np.maximum(raw, 0).astype(np.float32))


def test_layers_are_enlarged_to_the_finest_one() -> None:
    fine, coarse = np.zeros((1, 8, 12)), np.zeros((1, 4, 6))
    fine[0, 1, 1], coarse[0, 2, 3] = 7, 0.001
    fused = fuse([fine, coarse])[0]
    enlarged = torch.nn.functional.interpolate(
        torch.from_numpy(coarse)[None] / 0.0010001, size=(8, 12), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    expected = (fine[0] / (7 + 1e-7) + enlarged) / 2
    assert fused.shape == (8, 12) and error(fused, expected) < 1e-6
    assert np.array_equal(fuse([coarse, fine])[0], fused)


def test_more_classes_than_opencv_has_channels() -> None:
    maps = fuse([np.random.default_rng(0).random((600, 4, 4)), np.random.default_rng(1).random((600, 2, 2))])
    assert maps.shape == (600, 4, 4)


def test_what_is_no_map_is_blank_and_says_why() -> None:
    raw = torch.ones(6, 3, 4)
    raw[1] = -1
    raw[2, 0, 0] = torch.nan
    raw[3, 0, 0] = torch.inf
    raw[4] = 0
    heatmaps = finish([raw], [True, True, True, True, True, False], 2)
    assert heatmaps.status == (
        *("map", "no positive evidence", "not finite", "not finite", "no positive evidence", "no detection"),
    )
    assert heatmaps.values[0].all() and not heatmaps.values[1:].any()
    assert heatmaps.values.dtype == np.float32 and heatmaps.degenerate == 2
    assert torch.equal(heatmaps.raw[0][2].isfinite(), raw[2].isfinite())


def test_one_spoilt_layer_spoils_its_channel_alone() -> None:
    fine, coarse = torch.rand(3, 8, 8) + 0.1, torch.rand(3, 4, 4) + 0.1
    expected = finish([fine, coarse], [True] * 3, 0).values
    coarse[1, 2, 2] = torch.nan
    heatmaps = finish([fine, coarse], [True] * 3, 0)
    assert heatmaps.status == ("map", "not finite", "map")
    assert np.array_equal(heatmaps.values[[0, 2]], expected[[0, 2]]) and not heatmaps.values[1].any()


@pytest.mark.parametrize("blank", [0.0, -1.0])
def test_a_layer_without_evidence_leaves_the_others(blank: float) -> None:
    fine, coarse = torch.full((1, 8, 8), blank), torch.rand(1, 4, 4)
    heatmaps = finish([fine, coarse], [True], 0)
    assert heatmaps.status == ("map",) and heatmaps.values.max() > 0
    assert finish([fine, fine], [True], 0).status == ("no positive evidence",)
