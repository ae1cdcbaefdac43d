"""Learning rates against torch's own scheduler and the warm-up as upstream's loop states it."""

import numpy as np
import pytest
import torch
from torch import nn

from uncover.config.detectors import Detector, Hyperparameters
from uncover.detector.optimizer import Schedule, build_optimizer


def small_network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


def detector(**changes) -> Detector:
    return Detector(epochs=20, hyperparameters=Hyperparameters(lr0=0.02, lrf=0.1, warmup_epochs=4), **changes)


@pytest.mark.parametrize("course", ["linear", "cosine"])
def test_rates_after_warmup_are_those_of_torchs_scheduler(course):
    settings = detector(schedule=course)
    optimizer = build_optimizer(small_network(), settings, batch=16)
    shape = {
        "linear": lambda epoch: (1 - epoch / 20) * (1.0 - 0.1) + 0.1,
        "cosine": lambda epoch: ((1 - np.cos(epoch * np.pi / 20)) / 2) * (0.1 - 1) + 1,
    }[course]
    reference = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.02)
    scheduler = torch.optim.lr_scheduler.LambdaLR(reference, shape)
    schedule = Schedule(settings, batch=16, steps_per_epoch=40)
    for epoch in range(20):
        if epoch * 40 > schedule.warmup_steps:
            schedule.apply(optimizer, epoch * 40, epoch)
            expected = reference.param_groups[0]["lr"]
            assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([expected] * 3)
        reference.step()
        scheduler.step()


def test_warmup_lowers_the_rate_of_biases_and_raises_the_others():
    settings = detector()
    optimizer = build_optimizer(small_network(), settings, batch=16)
    schedule = Schedule(settings, batch=16, steps_per_epoch=40)
    assert schedule.warmup_steps == 160
    for step in (0, 40, 80, 160):
        schedule.apply(optimizer, step, step // 40)
        target = 0.02 * schedule.factor(step // 40)
        rates = [np.interp(step, [0, 160], [start, target]) for start in (0.1, 0.0, 0.0)]
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(rates)
        assert optimizer.param_groups[1]["momentum"] == pytest.approx(np.interp(step, [0, 160], [0.8, 0.937]))
        assert schedule.accumulate(step) == max(1, np.interp(step, [0, 160], [1, 64 / 16]).round())


def test_short_epochs_warm_up_for_a_hundred_steps():
    assert Schedule(detector(), batch=16, steps_per_epoch=5).warmup_steps == 100


def test_a_training_of_few_steps_may_warm_up_for_less_or_not_at_all():
    assert Schedule(detector(least_warmup_steps=8), batch=16, steps_per_epoch=1).warmup_steps == 8
    assert Schedule(detector(least_warmup_steps=0), batch=16, steps_per_epoch=5).warmup_steps == 20
    none = Detector(epochs=20, least_warmup_steps=0, hyperparameters=Hyperparameters(lr0=0.02, warmup_epochs=0))
    schedule = Schedule(none, batch=16, steps_per_epoch=5)
    optimizer = build_optimizer(small_network(), none, batch=16)
    schedule.apply(optimizer, 0, 0)
    assert schedule.accumulate(0) == 64 / 16
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.02] * 3)


@pytest.mark.parametrize(("batch", "expected"), [(16, 4), (64, 1), (128, 1), (24, 3)])
def test_small_batches_add_up_to_the_nominal_one(batch, expected):
    assert Schedule(detector(), batch, 10).accumulate(10_000) == expected


def test_only_weights_of_convolutions_decay():
    network = small_network()
    optimizer = build_optimizer(network, detector(), batch=24)
    biases, decayed, norms = optimizer.param_groups
    assert [id(p) for p in biases["params"]] == [id(network[1].bias), id(network[2].bias)]
    assert [id(p) for p in decayed["params"]] == [id(network[0].weight), id(network[2].weight)]
    assert [id(p) for p in norms["params"]] == [id(network[1].weight)]
    # 24 images three times are 72, a little more than the nominal 64 that the decay is meant for.
    assert decayed["weight_decay"] == pytest.approx(0.0005 * 72 / 64)
    assert biases["weight_decay"] == norms["weight_decay"] == 0


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_each_optimiser_lowers_a_loss(name):
    torch.manual_seed(0)
    network = small_network()
    optimizer = build_optimizer(network, detector(optimizer=name), batch=64)
    images = torch.rand(8, 3, 9, 9)
    losses = []
    for step in range(110):
        Schedule(detector(), 64, 100).apply(optimizer, step, 0)
        loss = ((network(images) - 1) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4
