"""Optimiser and moving average against upstream's, learning rates against torch's scheduler and upstream's warm-up."""

from __future__ import annotations

import copy
import io
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from uncover.config.detectors import Detector, Hyperparameters
from uncover.config.packaged import ComposedDetector
from uncover.yolov5.network import build_network
from uncover.yolov5.optimizer import ModelEMA, Schedule, build_optimizer

if TYPE_CHECKING:
    from conftest import Upstream

OPTIMIZERS = ["SGD", "Adam", "AdamW"]


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


def take_step(network: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    images = torch.sin(torch.arange(2.0 * 3 * 9 * 9).view(2, 3, 9, 9) + step)
    Schedule(detector(), 64, 100).apply(optimizer, step, 0)
    optimizer.zero_grad()
    ((network(images) - 1) ** 2).mean().backward()
    optimizer.step()


def equal_weights(network: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_upstreams_to_the_last_bit(upstream: Upstream, name: str) -> None:
    torch.manual_seed(0)
    ours = small_network()
    theirs = copy.deepcopy(ours)
    optimizer = build_optimizer(ours, detector(optimizer=name), batch=64)
    reference = upstream.optimizer(theirs, name, 0.02, 0.937, 0.0005)
    for step in range(20):
        take_step(ours, optimizer, step)
        take_step(theirs, reference, step)
        assert equal_weights(ours, theirs)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_stored_state_goes_on_bit_for_bit(name: str) -> None:
    torch.manual_seed(0)
    whole = small_network()
    parted = copy.deepcopy(whole)
    settings = detector(optimizer=name)
    optimizer, first_half = (build_optimizer(network, settings, batch=64) for network in (whole, parted))
    for step in range(6):
        take_step(whole, optimizer, step)
    for step in range(3):
        take_step(parted, first_half, step)
    file = io.BytesIO()
    torch.save(first_half.state_dict(), file)
    file.seek(0)
    second_half = build_optimizer(parted, settings, batch=64)
    second_half.load_state_dict(torch.load(file, weights_only=True))
    for step in range(3, 6):
        take_step(parted, second_half, step)
    assert equal_weights(whole, parted)


@pytest.mark.parametrize("name", OPTIMIZERS)
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


def test_the_average_follows_the_ramp_and_takes_buffers_in() -> None:
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    with torch.no_grad():
        network[0].weight.fill_(1.0)
    average = ModelEMA(network)
    expected_weight, expected_mean = 1.0, 0.0
    for step in range(1, 6):
        with torch.no_grad():
            network[0].weight.fill_(float(step))
            network[1].running_mean.fill_(10.0 * step)
            network[1].num_batches_tracked.fill_(step)
        average.update(network)
        keep = 0.9999 * (1 - math.exp(-step / 2000))
        expected_weight = keep * expected_weight + (1 - keep) * step
        expected_mean = keep * expected_mean + (1 - keep) * 10 * step
        assert average.ema[0].weight.item() == pytest.approx(expected_weight, rel=1e-5)
        assert average.ema[1].running_mean.item() == pytest.approx(expected_mean, rel=1e-5)
    assert average.updates == 5
    assert average.ema[1].num_batches_tracked == 0  # counts are no weights


def test_the_average_neither_trains_nor_follows_the_network_by_itself() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2))
    average = ModelEMA(network)
    assert not average.ema.training
    assert not any(parameter.requires_grad for parameter in average.ema.parameters())
    with torch.no_grad():
        network[0].weight.fill_(7)
    assert average.ema[0].weight.max() == 1


def test_a_constant_rate_falls_at_the_end_and_slow_layers_have_a_share_of_it() -> None:
    settings = ComposedDetector(epochs=4, cool_down=0.5, least_warmup_steps=2, slow_layers=10, slow_rate=0.1)
    network = build_network("yolov5n", 3, 1)
    optimizer = build_optimizer(network, settings, settings.batch)
    schedule = Schedule(settings, settings.batch, steps_per_epoch=10)
    rates = []
    for step in range(40):
        schedule.apply(optimizer, step, step // 10)
        rates.append([group["lr"] for group in optimizer.param_groups])
    quick, slow = np.array(rates)[:, 1], np.array(rates)[:, 4]
    np.testing.assert_allclose(slow, 0.1 * quick)
    np.testing.assert_allclose(quick[[0, 1, 2, 20, 30, 39]], [0, 0.0005, 0.001, 0.001, 0.0005, 0.00005])
    own = [parameter.numel() for group in optimizer.param_groups for parameter in group["params"]]
    assert sum(own) == sum(parameter.numel() for parameter in network.parameters())
    first = {id(parameter) for parameter in network.model[:10].parameters()}
    assert {id(parameter) for group in optimizer.param_groups[3:] for parameter in group["params"]} == first


def test_the_moving_average_may_rise_faster() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = ModelEMA(network, decay=0.5, ramp=1e-9)
    before = float(network.weight.detach())
    with torch.no_grad():
        network.weight.add_(1.0)
    average.update(network)
    assert float(average.ema.weight) == pytest.approx(before + 0.5)
