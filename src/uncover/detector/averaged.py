"""The moving average of a network's weights, which is what is validated and kept."""

from __future__ import annotations

import copy
import math
from typing import Generic, TypeVar

import torch
from torch import nn

DECAY, RAMP = 0.9999, 2000.0

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


class Averaged(Generic[AnyNetwork]):
    """Exponential moving average of parameters and buffers, quick to forget at first (upstream's ramp).

    Attributes:
        network: The averaged network, in evaluation mode.
        updates: Steps averaged so far.
    """

    def __init__(self, network: AnyNetwork, updates: int = 0) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.updates = updates

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the weights after a step of the optimiser."""
        self.updates += 1
        keep = DECAY * (1 - math.exp(-self.updates / RAMP))
        latest = network.state_dict()
        pairs = [(own, latest[name]) for name, own in self.network.state_dict().items() if own.is_floating_point()]
        torch._foreach_lerp_([own for own, _ in pairs], [other for _, other in pairs], 1 - keep)
