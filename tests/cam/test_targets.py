"""Scores are what their definition says, and their derivatives are autograd's."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from tests.cam.reference import Pair, error, joint_of, score_of
from uncover.cam import targets
from uncover.cam.passes import run_direct
from uncover.cam.targets import TARGETS
from uncover.yolov5.nms import suppress_as_upstream

NAMES = ("T1", "T2", "confidence")


def boxes_of(decoded: Tensor) -> list[Tensor]:
    return suppress_as_upstream(decoded, 0.25, 0.45, 1000, multi_label=False)


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_those_of_the_definition(nano: Pair, photos: Tensor, name: str) -> None:
    with torch.no_grad():
        decoded = copy.deepcopy(nano.ours).double()(photos[:4].double())[0]
    for candidates, boxes in zip(decoded, boxes_of(decoded), strict=True):
        scores = TARGETS[name].scores(candidates, boxes)
        expected = [score_of(name, candidates, boxes, number) for number in range(80)]
        torch.testing.assert_close(scores, torch.stack(expected), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_are_autograds_through_the_whole_network(learned: Pair, scenes: Tensor, name: str) -> None:
    network = copy.deepcopy(learned.ours).double()
    passed = run_direct(network, scenes[:3].double(), (23,))
    found = boxes_of(passed.decoded)
    filled = torch.zeros(3, 3, *passed.raw.shape[1:], dtype=torch.float64)
    for rows in TARGETS[name].gradients(passed, found):
        named = filled[..., rows.columns]
        named.index_put_((rows.image, rows.channel, rows.row), rows.values, accumulate=True)
    network.requires_grad_(True)
    for image, boxes in enumerate(found):
        for channel in range(3):
            decoded, levels = network(scenes[image : image + 1].double())
            score = joint_of(name, decoded[0], boxes) if channel == 2 else score_of(name, decoded[0], boxes, channel)
            expected = torch.cat(
                [gradient.flatten(1, 3)[0] for gradient in torch.autograd.grad(score, levels, materialize_grads=True)]
            )
            assert error(filled[image, channel], expected) < 1e-9


def test_a_crowd_is_compared_in_parts(nano: Pair, photos: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    passed = run_direct(copy.deepcopy(nano.ours).eval(), photos[:2], (23,))
    found = boxes_of(passed.decoded)
    (whole,) = TARGETS["T2"].gradients(passed, found)
    monkeypatch.setattr(targets, "MOST_PAIRS", 1)
    (parts,) = TARGETS["T2"].gradients(passed, found)
    assert len(found[1]) > 1 and torch.equal(whole.values, parts.values) and torch.equal(whole.row, parts.row)


def test_a_detection_none_of_whose_candidates_is_of_its_class_has_no_score() -> None:
    candidates = torch.rand(50, 7, dtype=torch.float64)
    candidates[:, 6] = candidates[:, 5] / 2
    candidates.requires_grad_()
    boxes = torch.tensor([[0.0, 0, 1, 1, 0.9, 1], [0, 0, 1, 1, 0.9, 0]], dtype=torch.float64)
    for name in ("T2", "confidence"):
        scores = TARGETS[name].scores(candidates, boxes)
        assert scores[1] == 0 and scores[0] > 0
        assert torch.autograd.grad(scores.sum(), candidates)[0].isfinite().all()
        assert torch.equal(TARGETS[name].scores(candidates, boxes[:0]), torch.zeros(2))
