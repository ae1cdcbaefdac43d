"""Non-maximum suppression keeps the same boxes as upstream's, in the same order, whatever the time of day."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from uncover.yolov5 import nms
from uncover.yolov5.nms import non_max_suppression, suppress_as_upstream

if TYPE_CHECKING:
    from conftest import Upstream


def candidates(images: int, count: int, classes: int, seed: int = 0, power: float = 6.0) -> torch.Tensor:
    """Decoded boxes, many of which overlap; a higher power leaves fewer that are confident."""
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.rand(images, count, 4, generator=generator) * torch.tensor([200.0, 200.0, 80.0, 80.0])
    return torch.cat((boxes, torch.rand(images, count, 1 + classes, generator=generator) ** power), 2)


@pytest.mark.parametrize("iou", [0.3, 0.6])
@pytest.mark.parametrize("options", [{"multi_label": True}, {"multi_label": False}, {"agnostic": True}])
@pytest.mark.parametrize(("count", "classes", "most"), [(1500, 10, 300), (1500, 1, 20), (40, 3, 300), (1, 2, 5)])
def test_equal_to_upstream(
    upstream: Upstream, iou: float, options: dict[str, bool], count: int, classes: int, most: int
) -> None:
    decoded = candidates(3, count, classes)
    before = decoded.clone()
    options = {"multi_label": True, "agnostic": False} | options
    ours = suppress_as_upstream(decoded, 0.001, iou, max_detections=most, **options)
    theirs = upstream.suppress(decoded.clone(), 0.001, iou, max_det=most, **options)
    assert torch.equal(decoded, before)
    assert all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))


def test_a_look_at_the_best_gives_what_a_look_at_all_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = candidates(2, 2000, 5)
    quick = non_max_suppression(decoded, 0.001, 0.2, max_detections=100)
    for times in (1, 10_000):
        monkeypatch.setattr(nms, "AT_FIRST", times)
        assert all(
            torch.equal(mine, other)
            for mine, other in zip(quick, non_max_suppression(decoded, 0.001, 0.2, max_detections=100), strict=True)
        )


def test_no_limit_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = candidates(4, 200, 3)
    calm = non_max_suppression(decoded, 0.001, 0.5)
    hours = iter(range(0, 10**9, 3600))
    monkeypatch.setattr(time, "time", lambda: float(next(hours)))
    busy = non_max_suppression(decoded, 0.001, 0.5)
    assert all(len(mine) and torch.equal(mine, other) for mine, other in zip(busy, calm, strict=True))


def test_by_hand() -> None:
    decoded = torch.tensor(
        [
            [
                [50.0, 50.0, 20.0, 20.0, 0.9, 1.0, 0.5],
                [51.0, 50.0, 20.0, 20.0, 0.8, 1.0, 0.0],
                [10.0, 10.0, 4.0, 8.0, 0.5, 0.0, 0.4],
                [90.0, 90.0, 9.0, 9.0, 0.1, 1.0, 1.0],
            ]
        ]
    )
    (boxes,) = non_max_suppression(decoded, 0.15, 0.5)
    expected = torch.tensor(
        [
            [40.0, 40.0, 60.0, 60.0, 0.9, 0],
            [40.0, 40.0, 60.0, 60.0, 0.45, 1],
            [8.0, 6.0, 12.0, 14.0, 0.2, 1],
        ]
    )
    torch.testing.assert_close(boxes, expected)
    (few,) = non_max_suppression(decoded, 0.15, 0.5, max_detections=1)
    torch.testing.assert_close(few, expected[:2])
    (single,) = suppress_as_upstream(decoded, 0.15, 0.5, multi_label=False)
    torch.testing.assert_close(single, expected[[0, 2]])
    (agnostic,) = suppress_as_upstream(decoded, 0.15, 0.5, agnostic=True)
    torch.testing.assert_close(agnostic, expected[[0, 2]])
    (few,) = suppress_as_upstream(decoded, 0.15, 0.5, max_detections=1)
    torch.testing.assert_close(few, expected[:1])


@given(st.integers(0, 10_000), st.floats(0.1, 0.9), st.integers(1, 40))
def test_a_class_keeps_what_it_keeps_alone(seed: int, iou: float, most: int) -> None:
    """Whoever asks for one class only, as live detection does, finds what is stored of it; no class crowds one out."""
    decoded = candidates(2, 150, 6, seed, power=2.0)
    found = non_max_suppression(decoded, 0.001, iou, most)
    for number in range(6):
        alone = non_max_suppression(decoded[:, :, [0, 1, 2, 3, 4, 5 + number]], 0.001, iou, most)
        for every, own in zip(found, alone, strict=True):
            assert torch.equal(every[every[:, 5] == number, :5], own[:, :5]) and 0 < len(own) <= most


def test_upstream_keeps_the_same_of_one_class(upstream: Upstream) -> None:
    decoded = candidates(3, 1500, 1)
    theirs = upstream.suppress(decoded.clone(), 0.001, 0.6, max_det=300, multi_label=True, agnostic=False)
    ours = non_max_suppression(decoded, 0.001, 0.6)
    assert all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))


def test_images_without_boxes() -> None:
    decoded = candidates(3, 30, 2)
    decoded[1, :, 4] = 0
    decoded[2] = float("nan")
    found, none, spoilt = non_max_suppression(decoded, 0.001, 0.5)
    assert len(found) and none.shape == spoilt.shape == (0, 6)
    assert [len(boxes) for boxes in non_max_suppression(torch.zeros(2, 0, 7), 0.1, 0.5)] == [0, 0]


@given(st.integers(0, 10_000), st.floats(0.1, 0.9), st.integers(1, 4))
def test_what_is_left_neither_overlaps_nor_rises(seed: int, iou: float, classes: int) -> None:
    (boxes,) = non_max_suppression(candidates(1, 60, classes, seed, power=2.0), 0.05, iou)
    assert (boxes[:, 4].diff() <= 0).all() and (boxes[:, 4] > 0.05).all()
    for number in range(classes):
        corners = boxes[boxes[:, 5] == number, :4]
        low = torch.maximum(corners[:, None, :2], corners[None, :, :2])
        high = torch.minimum(corners[:, None, 2:], corners[None, :, 2:])
        common = (high - low).clamp(0).prod(2)
        area = (corners[:, 2:] - corners[:, :2]).prod(1)
        overlap = common / (area[:, None] + area[None] - common)
        assert (overlap.triu(1) <= iou + 1e-2).all()
