"""From image files to batches: what is read when, and what becomes of errors."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from tests.detector.squares import HEIGHT, WIDTH, make_set
from uncover.detector.inference import FramedImages, read_ahead
from uncover.errors import InputError
from uncover.images.reading import read_image


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


def test_the_next_batch_is_read_while_one_is_worked_on(images: FramedImages, monkeypatch: pytest.MonkeyPatch) -> None:
    read, fourth = [], threading.Event()
    get = FramedImages.__getitem__

    def note(self: FramedImages, index: int) -> np.ndarray:
        read.append(index)
        if len(read) == 4:
            fourth.set()
        return get(self, index)

    monkeypatch.setattr(FramedImages, "__getitem__", note)
    batches = read_ahead(images, images.batches(2))
    next(batches)
    assert fourth.wait(10) and sorted(read) == [0, 1, 2, 3]


def test_an_image_that_cannot_be_read_is_named_at_its_turn(images: FramedImages) -> None:
    images.paths[3].write_bytes(b"")
    batches = read_ahead(images, images.batches(2))
    next(batches)
    with pytest.raises(InputError, match=r"3\.png is empty"):
        next(batches)
