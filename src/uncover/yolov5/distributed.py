"""Several processes that train one network, as `torchrun` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import nn

from uncover.yolov5.device import pick_device

Value = TypeVar("Value")

_ENVIRONMENT = (("WORLD_SIZE", "1"), ("RANK", "0"), ("LOCAL_RANK", "0"))

WAIT = timedelta(days=7)
"""Timeout of waiting for other processes, which are idle while the main one validates, writes, or reads.

Torch's default, 10 minutes on GPUs, ends a training with a longer validation. The timeout does not detect processes
that died: the launcher (`launch_processes`, torchrun) does, and ends the others. For one that hangs, use the job's own
time limit; a few minutes do not distinguish it from a long validation.
"""


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a training, as in `torch.distributed`; a single process is a group of one.

    Attributes:
        rank: Number of this process; 0 is the main process, which validates and writes.
        world_size: Number of processes.
        device: Device of this process.
    """

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process validates and writes."""
        return self.rank == 0

    def broadcast(self, value: Value) -> Value:
        """Return the main process's value in every process."""
        if self.world_size == 1:
            return value
        values = [value if self.is_main else None]
        torch.distributed.broadcast_object_list(values, src=0)
        return values[0]  # type: ignore[return-value]

    def data_parallel(self, network: nn.Module) -> nn.Module:
        """The network for training: its gradients are averaged over the processes."""
        if self.world_size == 1:
            return network
        devices = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(network, device_ids=devices, static_graph=True)


@contextmanager
def process_group(device: str) -> Iterator[ProcessGroup]:
    """Join the other processes if the environment names any, and leave them at the end.

    Args:
        device: "auto" is a GPU if there is one; otherwise a name of torch, such as "cpu" or "cuda:1".

    Raises:
        InputError: This machine has no such device.
    """
    world_size, rank, local = (int(os.environ.get(name, default)) for name, default in _ENVIRONMENT)
    own_gpu = device == "auto" and world_size > 1 and torch.cuda.is_available()
    chosen = pick_device(f"cuda:{local}" if own_gpu else device)
    if world_size == 1:
        yield ProcessGroup(0, 1, chosen)
        return
    torch.distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=WAIT)
    try:
        yield ProcessGroup(rank, world_size, chosen)
    finally:
        torch.distributed.destroy_process_group()
