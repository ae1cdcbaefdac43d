"""Pictures on their way to the network: never more than are wanted, never two shapes at once."""

from __future__ import annotations

import itertools
import math
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from uncover import threads
from uncover.images.letterbox import fit, letterbox
from uncover.video import batches as batches_module
from uncover.video.batches import Picture, ahead, frames_of_images, in_batches, letterboxed
from uncover.video.decode import Frame

PATIENCE = 5.0


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "reading ahead"]


class Counted:
    """Numbers that know how many were asked for."""

    def __init__(self, error: Exception | None = None, after: int = 1000) -> None:
        self.asked, self._error, self._after = 0, error, after

    def __iter__(self) -> Iterator[int]:
        for number in range(self._after):
            self.asked += 1
            yield number
        if self._error is not None:
            raise self._error


def settle(numbers: Counted) -> int:
    """How many were asked for when no more are."""
    end = time.monotonic() + PATIENCE
    before = -1
    while before != numbers.asked and time.monotonic() < end:
        before = numbers.asked
        time.sleep(0.02)
    return numbers.asked


def test_it_reads_no_further_ahead_than_asked() -> None:
    numbers = Counted()
    coming = ahead(numbers, 3)
    for taken in range(1, 4):
        assert next(coming) == taken - 1
        # Three wait, and one is in hand.
        assert settle(numbers) <= taken + 4
    coming.close()
    assert not readers() and numbers.asked <= 7


def test_all_items_come_in_order() -> None:
    assert list(ahead(range(50), 2)) == list(range(50)) and list(ahead([], 2)) == [] and not readers()


def test_an_error_comes_where_the_item_would_have() -> None:
    coming = ahead(Counted(ZeroDivisionError("no more"), after=2), 5)
    assert [next(coming), next(coming)] == [0, 1]
    with pytest.raises(ZeroDivisionError, match="no more"):
        next(coming)
    assert not readers()


def test_its_thread_ends_with_an_error_of_who_listens() -> None:
    with pytest.raises(KeyboardInterrupt):
        for number in ahead(Counted(), 2):
            if number == 3:
                raise KeyboardInterrupt
    assert not readers()


def picture_of(number: int, width: int, height: int) -> Frame:
    return Frame(number, math.nan, np.full((height, width, 3), number, np.uint8))


SHAPES = st.lists(st.sampled_from([(64, 32), (32, 64), (64, 64)]), max_size=20)


@given(SHAPES, st.integers(1, 5))
def test_batches_have_one_shape_and_the_first_picture_comes_alone(shapes: list[tuple[int, int]], most: int) -> None:
    frames = [picture_of(number, *shape) for number, shape in enumerate(shapes)]
    batches = list(in_batches(letterboxed(frames, 64, 114), most))
    assert [picture.index for batch in batches for picture in batch] == list(range(len(shapes)))
    assert all(0 < len(batch) <= most for batch in batches) and len(batches[0] if batches else [0]) == 1
    assert all(len({picture.framed.shape for picture in batch}) == 1 for batch in batches)
    # As few as can be: two that follow each other either differ in shape, or the one before is full.
    for first, second in itertools.pairwise(batches[1:]):
        assert len(first) == most or first[0].framed.shape != second[0].framed.shape


def test_fewer_huge_pictures_come_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_module, "MOST_PIXELS", 3 * 64 * 48)
    frames = [picture_of(number, 64, 48) for number in range(8)] + [picture_of(8, 640, 480), picture_of(9, 640, 480)]
    batches = list(in_batches(letterboxed(frames, 64, 114), 16))
    assert [[picture.index for picture in batch] for batch in batches] == [[0], [1, 2, 3], [4, 5, 6], [7], [8], [9]]


def test_the_first_picture_is_given_before_the_second_is_asked_for() -> None:
    asked = Counted()
    framed = letterboxed((picture_of(number, 64, 64) for number in asked), 64, 114)
    (first,) = next(in_batches(framed, 8))
    assert first.index == 0 and asked.asked == 1


@pytest.mark.parametrize("cores", [2, 5])
def test_frames_and_images_are_made_by_as_many_threads_as_there_are_cores(
    cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    images = {}
    for number in range(2 * cores):
        images[f"{number}.png"] = tmp_path / f"{number}.png"
        Image.new("RGB", (64, 32), (number, 0, 0)).save(images[f"{number}.png"])
    images["1.png"].write_bytes(b"no picture")
    # Nobody passes before so many work at once.
    reading, framing = (threading.Barrier(cores, timeout=10) for _ in range(2))
    read, shrunk = batches_module.read_image, Frame.shrunk
    monkeypatch.setattr(batches_module, "read_image", lambda *given: (reading.wait(), read(*given))[1])
    skipped: dict[str, str] = {}
    frames = list(frames_of_images(images, set(), skipped))
    assert [frame.index for frame in frames] == [0, *range(2, 2 * cores)]
    assert [frame.pixels[0, 0, 0] for frame in frames] == [0, *range(2, 2 * cores)] and [*skipped] == ["1.png"]
    monkeypatch.setattr(Frame, "shrunk", lambda *given: (framing.wait(), shrunk(*given))[1])
    pictures = list(letterboxed(frames[:cores], 64, 114, threads.cores()))
    assert [picture.index for picture in pictures] == [frame.index for frame in frames[:cores]]


@pytest.mark.parametrize("workers", [0, 3])
def test_a_picture_stands_in_its_frame_as_elsewhere(workers: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 90, 3), np.uint8)
    (picture,) = letterboxed([Frame(7, 1.5, pixels)], 64, 114, workers)
    assert isinstance(picture, Picture) and (picture.index, picture.second) == (7, 1.5)
    assert picture.place == fit(90, 50, 64) and (picture.pixels == pixels).all()
    assert (picture.framed == letterbox(pixels, picture.place, 114).transpose(2, 0, 1)).all()
