"""From image files to batches: what is read when, and what becomes of errors."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.yolov5.squares import HEIGHT, WIDTH, make_set
from uncover.errors import InputError
from uncover.images.reading import read_image
from uncover.yolov5.inference import FramedImages, read_ahead


@pytest.fixture
def images(tmp_path: Path) -> FramedImages:
    """Five images in frames of their own size."""
    make_set(tmp_path, 5, seed=1)
    paths = [tmp_path / f"images/{number}.png" for number in range(5)]
    return FramedImages(paths, np.array([(WIDTH, HEIGHT)] * 5), WIDTH, channels=3, padding=114)


def test_batches_come_in_order_with_their_pixels(images: FramedImages) -> None:
    groups = images.batches(2)
    batches = list(read_ahead(images, groups))
    assert [group for group, _ in batches] == groups == [[0, 1], [2, 3], [4]]
    top = images.frames[0].top
    for group, pixels in batches:
        for index, own in zip(group, pixels, strict=True):
            assert np.array_equal(own[:, top : top + HEIGHT].transpose(1, 2, 0), read_image(images.paths[index], 3))
    assert list(read_ahead(images, [])) == []


@pytest.fixture
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many this process is bound to."""
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(request.param)), raising=False)
    return request.param


@pytest.mark.parametrize("cores", [1], indirect=True)
def test_the_next_batch_is_read_while_one_is_worked_on(
    images: FramedImages, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, fourth = [], threading.Event()
    get = FramedImages.__getitem__

    def note(self: FramedImages, index: int) -> np.ndarray:
        read.append(index)
        if len(read) == 4:
            fourth.set()
        return get(self, index)

    monkeypatch.setattr(FramedImages, "__getitem__", note)
    batches = read_ahead(images, [[0], [1], [2], [3], [4]])
    for number in (0, 1):
        next(batches)
        # Each batch has one image; with it come the next one, and one more for the only thread.
        assert number == 0 or fourth.wait(10)
    assert read == [0, 1, 2, 3]


@pytest.mark.parametrize("cores", [3, 5], indirect=True)
def test_as_many_images_are_read_at_once_as_there_are_cores(
    images: FramedImages, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most, lock = 0, 0, threading.Lock()
    # Nobody passes before so many read at once.
    all_read = threading.Barrier(cores, timeout=10)

    def wait(self: FramedImages, index: int) -> np.ndarray:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        all_read.wait()
        with lock:
            at_once -= 1
        return np.zeros((3, 32, 32), np.uint8)

    monkeypatch.setattr(FramedImages, "__getitem__", wait)
    groups = [[number % 5] for number in range(3 * cores)]
    assert [group for group, _ in read_ahead(images, groups)] == groups
    assert most == cores


def test_images_are_as_large_as_their_files_while_they_are_read(tmp_path: Path) -> None:
    sizes = np.array([(4000, 3000), (100, 6000)])
    photos, maps = (FramedImages([tmp_path] * 2, sizes, 64, 3, 114, kind=kind) for kind in ("photo", "joint"))
    assert photos.largest == 4000 * 3000 * 3
    # Heatmaps go from their cells to the network's size.
    assert maps.largest == 64 * 64 * 3


def test_an_image_that_cannot_be_read_is_named_at_its_turn(images: FramedImages) -> None:
    images.paths[3].write_bytes(b"")
    batches = read_ahead(images, images.batches(2))
    next(batches)
    with pytest.raises(InputError, match=r"3\.png is empty"):
        next(batches)
