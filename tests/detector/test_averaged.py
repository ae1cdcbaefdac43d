"""The moving average against its formula, computed number by number."""

import math

import pytest
import torch
from torch import nn

from uncover.detector.averaged import Averaged


def test_average_follows_the_ramp_and_takes_buffers_in():
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    with torch.no_grad():
        network[0].weight.fill_(1.0)
    averaged = Averaged(network)
    expected_weight, expected_mean = 1.0, 0.0
    for step in range(1, 6):
        with torch.no_grad():
            network[0].weight.fill_(float(step))
            network[1].running_mean.fill_(10.0 * step)
            network[1].num_batches_tracked.fill_(step)
        averaged.update(network)
        keep = 0.9999 * (1 - math.exp(-step / 2000))
        expected_weight = keep * expected_weight + (1 - keep) * step
        expected_mean = keep * expected_mean + (1 - keep) * 10 * step
        assert averaged.network[0].weight.item() == pytest.approx(expected_weight, rel=1e-5)
        assert averaged.network[1].running_mean.item() == pytest.approx(expected_mean, rel=1e-5)
    assert averaged.updates == 5
    assert averaged.network[1].num_batches_tracked == 0  # counts are no weights


def test_average_neither_trains_nor_follows_the_network_by_itself():
    network = nn.Sequential(nn.BatchNorm1d(2))
    averaged = Averaged(network)
    assert not averaged.network.training
    assert not any(parameter.requires_grad for parameter in averaged.network.parameters())
    with torch.no_grad():
        network[0].weight.fill_(7)
    assert averaged.network[0].weight.max() == 1
