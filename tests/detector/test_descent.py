"""Our optimisers step for step beside torch's."""

import copy

import pytest
import torch
from torch import nn

from uncover.detector.descent import Descent

MAKERS = {
    "SGD": lambda groups: torch.optim.SGD(groups, lr=0.02, momentum=0.9, nesterov=True),
    "Adam": lambda groups: torch.optim.Adam(groups, lr=0.02, betas=(0.9, 0.999)),
    "AdamW": lambda groups: torch.optim.AdamW(groups, lr=0.02, betas=(0.9, 0.999)),
}


def networks() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    return network, copy.deepcopy(network)


def teach(network: nn.Module, optimizer, step: int) -> None:
    inputs = torch.sin(torch.arange(20.0, dtype=torch.float64).view(5, 4) + step)
    optimizer.zero_grad()
    network(inputs).pow(2).sum().backward()
    for group in optimizer.param_groups:
        group["lr"] = 0.02 / (1 + step)
    optimizer.step()


def descent(network: nn.Module, rule: str) -> Descent:
    return Descent(
        [
            ([p for p in network.parameters() if p.ndim == 1], 0.0),
            ([p for p in network.parameters() if p.ndim == 2], 0.01),
        ],
        rule,
        0.02,
        0.9,
    )


@pytest.mark.parametrize("rule", MAKERS)
def test_every_step_is_torchs(rule):
    ours, theirs = networks()
    reference = MAKERS[rule](
        [
            {"params": [p for p in theirs.parameters() if p.ndim == 1], "weight_decay": 0.0},
            {"params": [p for p in theirs.parameters() if p.ndim == 2], "weight_decay": 0.01},
        ]
    )
    optimizer = descent(ours, rule)
    for step in range(30):
        teach(ours, optimizer, step)
        teach(theirs, reference, step)
        for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(own, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rule", MAKERS)
def test_a_state_goes_on_bit_for_bit(rule):
    whole, parted = networks()
    optimizer, first_half = descent(whole, rule), descent(parted, rule)
    for step in range(6):
        teach(whole, optimizer, step)
    for step in range(3):
        teach(parted, first_half, step)
    second_half = descent(parted, rule)
    second_half.load_state_dict(copy.deepcopy(first_half.state_dict()))
    for step in range(3, 6):
        teach(parted, second_half, step)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parted.parameters(), strict=True))
