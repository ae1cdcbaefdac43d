"""Weights that a training of another detector starts from."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from uncover.console import say
from uncover.errors import InputError
from uncover.rivals.weights import RivalWeights

LEAST = 0.5
"""Share of a network's tensors that start weights must fill, or they are those of another network."""


def start_from(network: nn.Module, start: RivalWeights, name: str) -> None:
    """Give a network what fits of third party's weights; layers for other classes stay as they are.

    Args:
        network: To fill, on the CPU.
        start: Whose tensors are taken where name and shape are those of the network's.
        name: Of the network, for messages.

    Raises:
        InputError: Fewer than half of the network's tensors are in it.
    """
    source = str(start.about.get("source", "start weights"))
    own = network.state_dict()
    fits = {key: value.to(own[key].dtype) for key, value in fitting(own, start.state).items()}
    if len(fits) < LEAST * len(own):
        raise InputError(
            f"{source}: fits {len(fits)} of the {len(own)} tensors of {name}; expected weights of this network"
        )
    with torch.no_grad():
        network.load_state_dict({**own, **fits})
    say(f"start weights {source}: {len(fits)} of the {len(own)} tensors of {name}; the others begin anew")


def fitting(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of the given tensors that have name and shape of one's own."""
    return {key: value for key, value in given.items() if key in own and own[key].shape == value.shape}
