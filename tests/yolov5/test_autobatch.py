"""`batch: auto`: what is measured fits whatever a training shows its network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.yolov5.squares import make_set
from uncover.config.detectors import Detector
from uncover.yolov5 import train as training
from uncover.yolov5.autobatch import MOST, TRIED, largest_size, resolve_batch
from uncover.yolov5.distributed import ProcessGroup
from uncover.yolov5.job import read_job

GIGABYTE = 10**9


class Network(nn.Module):
    """Takes as much memory as it sees pixels, and no more than there is."""

    def __init__(self, each: int, free: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self._each, self._free = each, free
        self.peak, self.seen = [0], []

    def __deepcopy__(self, memo: object) -> Network:
        return self

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        needed = self._each * images.shape[0] * images.shape[2] * images.shape[3]
        self.seen.append(tuple(images.shape))
        self.peak[0] = needed
        if needed > self._free:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate much")
        return [self.weight * images[0, 0, 0, 0]]


def measured(settings: Detector, each: int, free: int, monkeypatch: pytest.MonkeyPatch, processes: int = 1) -> int:
    """The batch on a GPU that has `free` bytes, of which a pixel takes `each`."""
    network = Network(each, free)
    fake = {
        "mem_get_info": lambda device: (free, free),
        "reset_peak_memory_stats": lambda device: None,
        "memory_allocated": lambda device: 0,
        "max_memory_allocated": lambda device: network.peak[0],
        "empty_cache": lambda: None,
    }
    for name, function in fake.items():
        monkeypatch.setattr(torch.cuda, name, function)
    monkeypatch.setattr(torch, "zeros", lambda *shape, device: torch.ones(1).expand(shape))
    monkeypatch.setattr(ProcessGroup, "broadcast", lambda processes, value: value)
    found = resolve_batch(settings, network, 3, ProcessGroup(0, processes, torch.device("cuda", 0)))  # type: ignore[arg-type]
    assert {shape[2] for shape in network.seen} == {largest_size(settings)}
    return found


@pytest.mark.parametrize(("size", "largest"), [(64, 96), (320, 480), (352, 544), (640, 960)])
def test_the_measured_size_is_the_largest_that_a_step_ever_has(
    size: int, largest: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_set(tmp_path / "train", 2, seed=1)
    make_set(tmp_path / "val", 1, seed=2)
    settings = ["model=yolov5n", "weights=scratch", f"image_size={size}", "batch=2", "multi_scale=true", "epochs=1"]
    job = read_job(tmp_path, None, settings, None)
    assert largest_size(job.settings) == largest
    assert largest_size(job.settings.model_copy(update={"multi_scale": False})) == size
    loop = training._Loop(job, ProcessGroup(0, 1, torch.device("cpu")), tmp_path / "state", "none", 1)
    drawn = {loop._size(step) for step in range(400)}
    assert max(drawn) == largest and min(drawn) == size // 2 // 32 * 32  # type: ignore[type-var]


@pytest.mark.parametrize("multi_scale", [False, True])
def test_what_is_found_fits_at_the_largest_size(multi_scale: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Detector(batch="auto", image_size=64, multi_scale=multi_scale, precision="float32")
    largest, free, each = largest_size(settings), 16 * GIGABYTE, 25_000
    found = measured(settings, each, free, monkeypatch)
    assert 0.7 * free < found * largest**2 * each <= 0.8 * free
    assert measured(settings, each, free, monkeypatch, processes=4) == 4 * found


@pytest.mark.parametrize(("each", "expected"), [(10**8, 1), (2_000_000, 1), (1_200_000, 2), (1, MOST)])
def test_little_and_much_memory(each: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Detector(batch="auto", image_size=64, precision="float32")
    assert measured(settings, each, 16 * GIGABYTE, monkeypatch) == expected
    assert TRIED[0] == 1
