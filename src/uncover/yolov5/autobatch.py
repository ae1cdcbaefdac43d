"""`batch: auto`: the largest batch that fits into the memory of the GPU."""

from __future__ import annotations

import copy
import logging

import numpy as np
import torch

from uncover.config.detectors import Detector
from uncover.errors import is_out_of_memory
from uncover.images.letterbox import STRIDE
from uncover.yolov5.device import autocast
from uncover.yolov5.distributed import ProcessGroup
from uncover.yolov5.network import Network

logger = logging.getLogger(__name__)

ON_CPU = 16
SHARE = 0.8
TRIED = (1, 2, 4, 8, 16)
MOST = 1024


def resolve_batch(settings: Detector, network: Network, channels: int, processes: ProcessGroup) -> int:
    """Images per step, over all processes.

    Args:
        settings: Batch and image size.
        network: On the device of this process.
        channels: Channels of an image.
        processes: The main process measures `auto`; the result is multiplied by the number of processes.
    """
    if settings.batch != "auto":
        return settings.batch
    if processes.device.type != "cuda":
        return ON_CPU
    each = processes.broadcast(_measure(settings, network, channels, processes.device) if processes.is_main else 0)
    if processes.is_main:
        logger.info(f"batch: auto uses {each} images of up to {largest_size(settings)} px per GPU")
    return each * processes.world_size


def largest_size(settings: Detector) -> int:
    """Longest side of the largest images of a training, in pixels; with `multi_scale` they grow by half."""
    size = settings.image_size
    return -(-(size + size // 2) // STRIDE) * STRIDE if settings.multi_scale else size


def _measure(settings: Detector, network: Network, channels: int, device: torch.device) -> int:
    """Fit a line to the memory of a few batches and solve it for most of the free memory, as upstream does.

    Measured with the largest images of the training, so that no later batch of an epoch runs out of memory.
    """
    size = largest_size(settings)
    free, _ = torch.cuda.mem_get_info(device)
    needed = []
    # Use a copy, because blank images would change the running statistics of batch norms.
    network = copy.deepcopy(network).train()
    for batch in TRIED:
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        try:
            images = torch.zeros(batch, channels, size, size, device=device)
            with autocast(device, settings.precision):
                raw = network(images.to(memory_format=torch.channels_last))
            sum(level.float().sum() for level in raw).backward()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            break
        finally:
            network.zero_grad(set_to_none=True)
        needed.append(torch.cuda.max_memory_allocated(device) - before)
    torch.cuda.empty_cache()
    if len(needed) < 2:
        return max(len(needed), 1)
    slope, offset = np.polyfit(TRIED[: len(needed)], needed, deg=1)
    return int(np.clip((free * SHARE - offset) / slope, 1, MOST))
