"""The loss is upstream's, for one batch and over many steps of training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from uncover.config.detectors import Detector, Hyperparameters
from uncover.yolov5.loss import DetectionLoss, complete_iou
from uncover.yolov5.network import Network, build_network
from uncover.yolov5.optimizer import Schedule, build_optimizer

if TYPE_CHECKING:
    from conftest import Upstream

SIZE = 64
STEPS = 50


def random_targets(count: int, images: int, classes: int, seed: int) -> torch.Tensor:
    """float32 (count, 6) of boxes anywhere, some over the edge, with sides of 1 % to 60 %."""
    generator = torch.Generator().manual_seed(seed)
    image, number = (torch.randint(most, (count, 1), generator=generator) for most in (images, classes))
    return torch.cat((image, number, torch.rand(count, 2, generator=generator), side(count, generator)), 1)


def side(count: int, generator: torch.Generator) -> torch.Tensor:
    return 0.01 * 60 ** torch.rand(count, 2, generator=generator)


def with_hyperparameters(network: Any, hyperparameters: Hyperparameters, size: int, classes: int) -> Any:
    """Upstream's network with its gains scaled as its `train.py` scales them (three levels)."""
    values = hyperparameters.model_dump()
    values["cls"] *= classes / 80
    values["obj"] *= (size / 640) ** 2
    network.hyp = values
    return network


def twins(upstream: Upstream, classes: int, hyperparameters: Hyperparameters) -> tuple[Network, Any]:
    ours, theirs = build_network("yolov5n", 3, classes, seed=0), upstream.build("yolov5n", 3, classes)
    theirs.load_state_dict(ours.state_dict())
    return ours, with_hyperparameters(theirs, hyperparameters, SIZE, classes)


@pytest.mark.parametrize(
    ("classes", "targets", "changes"),
    [
        (10, 60, {}),
        (10, 60, {"cls_pw": 0.7, "obj_pw": 1.2, "anchor_t": 3.4, "box": 0.1, "cls": 0.3, "obj": 0.7}),
        (10, 40, {"fl_gamma": 1.5, "obj_pw": 1.3}),
        (1, 20, {}),
        (2, 1, {}),
        (3, 0, {}),
        (3, 4, {"anchor_t": 1.0001}),
    ],
)
def test_one_batch_equals_upstream(upstream: Upstream, classes: int, targets: int, changes: dict[str, float]) -> None:
    hyperparameters = Hyperparameters(**changes)  # type: ignore[arg-type]
    ours, theirs = twins(upstream, classes, hyperparameters)
    generator = torch.Generator().manual_seed(2)
    shapes = [(4, 3, height, 2 * height, 5 + classes) for height in (8, 4, 2)]
    raw = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
    copied = [level.detach().clone().requires_grad_() for level in raw]
    rows = random_targets(targets, 4, classes, seed=3)
    loss, items = DetectionLoss(ours, hyperparameters, SIZE)(raw, rows)
    their_loss, their_items = upstream.loss(theirs)(copied, rows)
    torch.testing.assert_close(loss, their_loss[0], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(items, their_items, rtol=1e-6, atol=1e-6)
    assert loss.shape == () and not items.requires_grad
    loss.backward()
    their_loss.backward()
    for mine, other in zip(raw, copied, strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-7)


def test_fifty_steps_equal_upstream(upstream: Upstream) -> None:
    settings = Detector(image_size=SIZE, batch=2, nominal_batch=2)
    hyperparameters = settings.hyperparameters
    ours, theirs = twins(upstream, 10, hyperparameters)
    optimizer = build_optimizer(ours, settings, batch=2)
    their_optimizer = upstream.optimizer(
        theirs, "SGD", hyperparameters.lr0, hyperparameters.momentum, hyperparameters.weight_decay
    )
    # Without the warm-up, even a changed last bit of one weight would grow beyond the tolerance in 50 steps.
    schedule = Schedule(settings, batch=2, steps_per_epoch=STEPS)
    loss, their_loss = DetectionLoss(ours, hyperparameters, SIZE), upstream.loss(theirs)
    generator = torch.Generator().manual_seed(4)
    before = ours.model[0].conv.weight.detach().clone()
    for step in range(STEPS):
        batch = torch.rand(2, 3, SIZE, SIZE, generator=generator)
        rows = random_targets(8, 2, 10, seed=step)
        for each in (optimizer, their_optimizer):
            schedule.apply(each, step, epoch=0)
        items = train_step(ours, optimizer, loss, batch, rows)
        their_items = train_step(theirs, their_optimizer, their_loss, batch, rows)
        torch.testing.assert_close(items, their_items, rtol=0, atol=1e-4)
    assert not torch.equal(ours.model[0].conv.weight, before)
    torch.testing.assert_close(ours.state_dict(), dict(theirs.state_dict()), rtol=1e-3, atol=1e-4)


def train_step(
    network: Any, optimizer: torch.optim.Optimizer, loss: Any, batch: torch.Tensor, rows: torch.Tensor
) -> torch.Tensor:
    value, items = loss(network.train()(batch), rows)
    optimizer.zero_grad()
    value.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), max_norm=10.0)
    optimizer.step()
    return items


def test_loss_falls_to_nothing_on_a_perfect_answer() -> None:
    network = build_network("yolov5n", 3, 2, seed=0)
    loss = DetectionLoss(network, Hyperparameters(), 640)
    raw = [torch.full((1, 3, side, side, 7), -20.0) for side in (8, 4, 2)]
    anchor = network.head.anchors[1, 0]
    # In the middle of cell (2, 1) of the middle level, as large as its first anchor: only the cell itself learns it.
    target = torch.tensor([[0.0, 1.0, 2.5 / 4, 1.5 / 4, *(anchor / 4).tolist()]])
    raw[1][0, 0, 1, 2] = torch.tensor([0.0, 0.0, 0.0, 0.0, 20.0, -20.0, 20.0])
    strict = DetectionLoss(network, Hyperparameters(anchor_t=1.01), 640)
    assert float(strict(raw, target)[0]) < 1e-5
    raw[1][0, 0, 1, 2, 6] = -20.0
    assert float(strict(raw, target)[1][2]) == pytest.approx(20 / 2 * 0.5 * 2 / 80, rel=1e-3)
    assert float(loss(raw, target)[0]) > float(strict(raw, target)[0])


def test_gains_follow_size_and_classes() -> None:
    network = build_network("yolov5n", 3, 10, seed=0)
    generator = torch.Generator().manual_seed(0)
    raw = [torch.randn(2, 3, side, side, 15, generator=generator) for side in (8, 4, 2)]
    rows = random_targets(20, 2, 10, seed=0)
    (small, large) = (DetectionLoss(network, Hyperparameters(), size)(raw, rows)[1] for size in (320, 640))
    torch.testing.assert_close(large / small, torch.tensor([1.0, 4.0, 1.0]))
    half = DetectionLoss(network, Hyperparameters(box=0.025, cls=0.25, obj=0.5), 640)(raw, rows)[1]
    torch.testing.assert_close(half * 2, large)


def test_of_two_boxes_that_claim_one_candidate_the_better_fit_can_have_it_alone() -> None:
    network = build_network("yolov5n", 3, 2, seed=0)
    generator = torch.Generator().manual_seed(1)
    raw = [torch.randn(1, 3, side, side, 7, generator=generator) for side in (8, 4, 2)]
    sides = network.head.anchors[1, 0] / 4
    # In the middle of a cell, and of a size that only the first anchor of the middle level fits.
    exact, larger = (torch.tensor([[0.0, n, 0.625, 0.375, *(sides * factor)]]) for n, factor in ((0, 1), (1, 1.3)))
    both = torch.cat((larger, exact))

    def value(targets: torch.Tensor, exclusive: bool) -> torch.Tensor:
        return DetectionLoss(network, Hyperparameters(anchor_t=1.5), 640, exclusive)(raw, targets)[1]

    assert torch.equal(value(both, True), value(exact, True))
    assert torch.equal(value(exact, True), value(exact, False))
    assert not torch.equal(value(both, False), value(both, True))


def test_anchors_that_change_later_are_used() -> None:
    network = build_network("yolov5n", 3, 10, seed=0)
    loss = DetectionLoss(network, Hyperparameters(), 640)
    raw, rows = [torch.zeros(1, 3, side, side, 15) for side in (8, 4, 2)], random_targets(20, 1, 10, seed=0)
    before = loss(raw, rows)[0]
    network.head.anchors.mul_(0.5)
    assert not torch.equal(loss(raw, rows)[0], before)


numbers = st.floats(0.125, 50, width=32)
box = st.tuples(numbers, numbers, numbers, numbers)


@given(box, box)
def test_complete_iou_is_a_penalised_iou(first: tuple[float, ...], second: tuple[float, ...]) -> None:
    value, mirrored = (
        float(complete_iou(torch.tensor([a]), torch.tensor([b]))) for a, b in ((first, second), (second, first))
    )
    assert value == pytest.approx(mirrored, abs=1e-4)
    assert -1.5 < value <= plain_iou(first, second) + 1e-4
    assert float(complete_iou(torch.tensor([first]), torch.tensor([first]))) == pytest.approx(1, abs=1e-4)


def plain_iou(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    overlaps = [
        max(min(a + w / 2, b + v / 2) - max(a - w / 2, b - v / 2), 0)
        for a, b, w, v in zip(first[:2], second[:2], first[2:], second[2:], strict=True)
    ]
    common = math.prod(overlaps)
    return common / (math.prod(first[2:]) + math.prod(second[2:]) - common)


def test_a_box_met_to_the_last_bit_has_a_loss_that_is_a_number() -> None:
    box = torch.tensor([[1.0, 13.0, 5.0, 38.49966049194336]])
    met = box.clone().requires_grad_()
    value = complete_iou(met, box)
    value.sum().backward()
    assert float(value.detach()) == pytest.approx(1) and met.grad is not None and met.grad.isfinite().all()


def test_complete_iou_by_hand() -> None:
    # Two squares of 2, a step of 1 apart: IoU 2/6; centres 1 apart in a frame of 3 by 2; same proportions.
    value = complete_iou(torch.tensor([[1.0, 1.0, 2.0, 2.0]]), torch.tensor([[2.0, 1.0, 2.0, 2.0]]))
    assert float(value) == pytest.approx(2 / 6 - 1 / 13, abs=1e-6)
