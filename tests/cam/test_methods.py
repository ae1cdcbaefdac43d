"""Each method by itself: on the same activations and gradients grad-cam's gives the same map."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import tqdm
from pytorch_grad_cam import ScoreCAM
from torch import Tensor, nn

from tests.cam.reference import KINDS, Candidates, Pair, detect, error, joint_of, score_of
from tests.yolov5.conftest import Upstream
from uncover.cam.engine import Explainer
from uncover.cam.methods import METHODS, EigenCAM, GradientMethod
from uncover.cam.passes import Segments
from uncover.config.heatmaps import Variant
from uncover.workflow.digest import ROOT

HEIGHT, WIDTH, CHANNELS = 5, 7, 6
FROM_GRADIENTS = [name for name, method in METHODS.items() if isinstance(method, GradientMethod)]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def as_segments(gradients: Tensor) -> Segments:
    """Gradients (S, K, h, w), score s of image s modulo 2, listed where they are not zero, the last cell first."""
    cells = gradients.flatten(2).transpose(1, 2)
    segment, cell = cells.any(2).nonzero(as_tuple=True)
    segment, cell = segment.flip(0), cell.flip(0)
    numbers = torch.arange(len(gradients))
    return Segments(numbers % 2, numbers, segment, cell, cells[segment, cell])


def their_map(name: str, activations: Tensor, gradients: Tensor) -> np.ndarray:
    kind = KINDS[name](nn.Linear(1, 1), [])
    return kind.get_cam_image(None, None, None, activations[None].numpy(), gradients[None].numpy(), False)[0]


def our_map(name: str, activations: Tensor, gradients: Tensor) -> Tensor:
    method = METHODS[name]
    assert isinstance(method, GradientMethod)
    maps = method(activations.flatten(2).transpose(1, 2), as_segments(gradients))
    return maps.view(len(gradients), *activations.shape[2:])


ONE_MORE = """
class NegCAM(GradientMethod):
    def __call__(self, activations: Tensor, segments: Segments) -> Tensor:
        return -METHODS["hirescam"](activations, segments)


METHODS = {"""
ASKED = """
from uncover.config.heatmaps import Heatmaps, parse_variants
from uncover.cam.methods import METHODS
from uncover.report.titles import model_title
assert type(METHODS["negcam"]).__name__ == "NegCAM"
assert Heatmaps(methods=["negcam"], variants={}).named() == parse_variants(["negcam"], [-2], "T2", [])
print(model_title("negcam_multiscale_avg"))
"""


@pytest.mark.whole_run
def test_one_more_method_is_a_class_and_a_row(tmp_path: Path) -> None:
    shutil.copytree(ROOT, tmp_path / "uncover", ignore=shutil.ignore_patterns("__pycache__"))
    row = '    "gradcam": CamMethod("GradCAM", "GradCAM"),\n'
    for name, old, new in (
        ("config", row, f'{row}    "negcam": CamMethod("NegCAM", "NegCAM"),\n'),
        ("cam", "\nMETHODS = {", ONE_MORE),
    ):
        path = tmp_path / "uncover" / name / ("heatmaps.py" if name == "config" else "methods.py")
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", ASKED], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "NegCAM multi-scale (avg)\n", "")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", FROM_GRADIENTS)
def test_a_method_is_grad_cams(name: str, dtype: torch.dtype) -> None:
    activations, gradients = random(2, CHANNELS, HEIGHT, WIDTH).to(dtype), random(3, CHANNELS, HEIGHT, WIDTH).to(dtype)
    # Of one score most gradients are zero, as they are at the head's own layers; of one channel all are.
    gradients[1, :, 1:] = 0
    gradients[2, 4] = 0
    maps = our_map(name, activations, gradients)
    assert maps.dtype == dtype
    for number, own in enumerate(maps):
        reference = their_map(name, activations[number % 2], gradients[number])
        assert error(own, reference) < (1e-5 if dtype == torch.float32 else 1e-12)


@pytest.mark.parametrize("name", FROM_GRADIENTS)
def test_constant_gradients_and_none_at_all_give_finite_maps(name: str) -> None:
    activations = random(2, CHANNELS, HEIGHT, WIDTH)
    gradients = torch.full((2, CHANNELS, HEIGHT, WIDTH), 0.5, dtype=torch.float64)
    for number, own in enumerate(our_map(name, activations, gradients)):
        assert error(own, their_map(name, activations[number], gradients[number])) < 1e-12
    nothing = Segments(
        *(torch.zeros(0, dtype=torch.int64) for _ in range(4)), torch.zeros(0, CHANNELS, dtype=torch.float64)
    )
    method = METHODS[name]
    assert isinstance(method, GradientMethod)
    assert method(activations.flatten(2).transpose(1, 2), nothing).shape == (0, HEIGHT * WIDTH)


def test_gradcampp_has_no_weight_where_its_share_is_not_defined() -> None:
    """Large enough negative activations make the denominator vanish; a gradient of zero never does."""
    activations = random(1, CHANNELS, HEIGHT, WIDTH).expand(2, -1, -1, -1)
    gradients = torch.zeros(2, CHANNELS, HEIGHT, WIDTH, dtype=torch.float64)
    gradients[1, :, 2, 3] = -1
    assert not our_map("gradcampp", activations, gradients).any()


@pytest.mark.parametrize(("cells", "channels"), [(35, 6), (12, 40), (6, 6)])
def test_eigencam_is_the_first_principal_component_and_goes_with_the_mean_activation(cells: int, channels: int) -> None:
    activations = random(20, cells, channels)
    for own, given in zip(EigenCAM()(activations), activations.numpy(), strict=True):
        centred = given - given.mean(0)
        expected = centred @ np.linalg.svd(centred)[2][0]
        mean = centred.mean(1)
        assert error(own, expected * np.sign(expected @ mean)) < 1e-9
        assert np.corrcoef(own, mean)[0, 1] > 0


@pytest.mark.parametrize("channels", [6, 60])
def test_eigencams_sign_is_no_chance(channels: int) -> None:
    activations = random(4, 35, channels)
    maps = EigenCAM()(activations)
    assert torch.equal(EigenCAM()(activations), maps)
    assert error(EigenCAM()(activations.flip(2)), maps) < 1e-9
    assert error(EigenCAM()(activations.flip(1)).flip(1), maps) < 1e-9
    assert error(EigenCAM()(-activations), -maps) < 1e-9
    # Activations whose mean is the same at all cells have no such direction.
    balanced = torch.cat((activations, -activations), 2)
    assert all(own.max() == own.abs().max() for own in EigenCAM()(balanced))


@pytest.mark.parametrize(("cells", "channels"), [(35, 6), (12, 40)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_eigencam_of_constant_activations_is_blank(cells: int, channels: int, dtype: torch.dtype) -> None:
    activations = random(1, 1, channels).to(dtype).expand(2, cells, channels)
    assert not EigenCAM()(activations).any()


@pytest.mark.parametrize("target", ["T1", "T2"])
def test_scorecam_is_grad_cams(
    upstream: Upstream, learned: Pair, scenes: Tensor, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At layer 2, which has few channels: there is a forward pass for each of them."""
    monkeypatch.setattr(tqdm, "tqdm", lambda steps: steps)
    # grad-cam would round scores to float32.
    monkeypatch.setattr(torch, "Tensor", torch.DoubleTensor)
    images = scenes[:2].double()
    variant = Variant(method="scorecam", layers=(2,), target=target)
    explained = Explainer(copy.deepcopy(learned.ours).double(), {"own": variant})(images)
    theirs = Candidates(copy.deepcopy(learned.theirs).double(), (2,))
    for image in range(2):
        boxes = detect(upstream.suppress, theirs(images[image : image + 1])[0], images.shape[3], images.shape[2])
        for number in (0, 2):

            def score(candidates: Tensor) -> Tensor:
                if number == 2:  # noqa: B023
                    return joint_of(target, candidates, boxes)  # noqa: B023
                return score_of(target, candidates, boxes, number)  # noqa: B023

            raw = {}

            class Raw(ScoreCAM):
                batch_size = 32

                def get_cam_image(self, *arguments: object) -> np.ndarray:
                    raw["map"] = super().get_cam_image(*arguments)  # noqa: B023
                    return raw["map"]  # noqa: B023

            Raw(theirs, [theirs.network.model[2]])(images[image : image + 1], [score])
            assert error(explained.maps["own"][image].raw[0][number], raw["map"][0]) < 1e-9
