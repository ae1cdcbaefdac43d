"""Batches: always the same, in order, and no thread outlives them."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from tests.images.conftest import write_data_set
from uncover.config.detectors import Hyperparameters
from uncover.errors import InputError
from uncover.images.labelled import LabelledImages, read_labelled_images
from uncover.images.loader import TrainingImages, epoch_order, iterate_batches

SIZE = 64
BY = Hyperparameters(mixup=0.3)


def images_of(labelled: LabelledImages, **options: object) -> TrainingImages:
    return TrainingImages(labelled, SIZE, BY, report=lambda _: None, **options)  # type: ignore[arg-type]


def workers_alive() -> int:
    return sum(thread.name.startswith("images") for thread in threading.enumerate())


def test_batches_do_not_depend_on_workers(labelled: LabelledImages) -> None:
    images = images_of(labelled)
    order = epoch_order(images, 0, 5)
    runs = [list(iterate_batches(images, order, 3, 5, workers)) for workers in (1, 2, 5, None)]
    assert [len(pixels) for pixels, _ in runs[0]] == [3, 3, 2]
    for pixels, targets in runs[0]:
        assert pixels.shape[1:] == (3, SIZE, SIZE) and pixels.dtype == np.uint8 and pixels.flags.c_contiguous
        assert targets.dtype == np.float32 and targets.shape[1:] == (6,)
    for run in runs[1:]:
        for (pixels, targets), (same_pixels, same_targets) in zip(runs[0], run, strict=True):
            assert np.array_equal(pixels, same_pixels) and np.array_equal(targets, same_targets)
    assert workers_alive() == 0


def test_an_image_is_the_same_wherever_it_stands_in_the_epoch(labelled: LabelledImages) -> None:
    images = images_of(labelled)
    seen = []
    for order in (np.arange(8), epoch_order(images, 0, 2)):
        pixels = np.concatenate([pixels for pixels, _ in iterate_batches(images, order, 3, 2)])
        seen.append({index: pixels[place].tobytes() for place, index in enumerate(order.tolist())})
    assert seen[0] == seen[1]


def test_targets_name_their_image_in_the_batch(labelled: LabelledImages) -> None:
    images = images_of(labelled)
    for pixels, targets in iterate_batches(images, np.arange(8), 4, 0):
        start = 0 if len(pixels) and np.array_equal(pixels[0], images.sample(0, 0)[0]) else 4
        for place in range(4):
            own = targets[targets[:, 0] == place, 1:]
            assert np.array_equal(own, images.sample(start + place, 0)[1])


def test_images_without_boxes_make_empty_targets(tmp_path: Path) -> None:
    folder = write_data_set(tmp_path / "set", count=4)
    for number in range(3):
        (folder / f"labels/{number:03}.txt").unlink()
    still = Hyperparameters(mosaic=0, translate=0, scale=0)
    images = TrainingImages(read_labelled_images(folder), SIZE, still)
    first, second = iterate_batches(images, np.arange(4), 3, 0)
    assert first[1].shape == (0, 6) and first[1].dtype == np.float32 and second[1].shape == (1, 6)


def test_an_order_is_a_permutation_of_its_epoch(labelled: LabelledImages) -> None:
    images = images_of(labelled)
    orders = [epoch_order(images, seed, epoch).tolist() for seed in range(3) for epoch in range(3)]
    assert all(sorted(order) == list(range(8)) for order in orders)
    assert len(set(map(tuple, orders))) > 5
    assert orders[4] == epoch_order(images, 1, 1).tolist()


def test_weights_draw_images_more_often_and_each_draw_differs(labelled: LabelledImages) -> None:
    images = images_of(labelled)
    weights = np.array([0, 0, 5, 0, 0, 1, 0, 0.0])
    drawn = np.concatenate([epoch_order(images, 0, epoch, weights) for epoch in range(100)])
    assert np.unique(drawn).tolist() == [2, 5] and 0.75 < (drawn == 2).mean() < 0.9
    assert np.unique(epoch_order(images, 0, 0, np.zeros(8))).size > 1
    ((pixels, targets),) = iterate_batches(images, np.full(8, 2), 8, 0)
    assert len({image.tobytes() for image in pixels}) == 8
    assert set(targets[:, 1]) <= {1, 2}  # mosaics are made of what was drawn: images of a face's sides
    with pytest.raises(InputError, match="image_weights"):
        epoch_order(images_of(labelled, rectangular=True), 0, 0, weights)


def test_rectangular_batches_keep_their_order_and_shapes(labelled: LabelledImages) -> None:
    images = images_of(labelled, rectangular=True, batch=3)
    order = epoch_order(images, 0, 0)
    assert np.array_equal(order, epoch_order(images, 1, 7))
    shapes = [pixels.shape[1:] for pixels, _ in iterate_batches(images, order, 3, 0)]
    assert shapes == [images.shape(order[start]) for start in (0, 3, 6)]
    with pytest.raises(ValueError, match="own order and size"):
        next(iterate_batches(images, order[::-1], 3, 0))


@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_each_step_evenly(labelled: LabelledImages, world_size: int) -> None:
    images = images_of(labelled)
    order = epoch_order(images, 0, 0)
    whole = list(iterate_batches(images, order, 5, 0))
    parts = [list(iterate_batches(images, order, 5, 0, rank=rank, world_size=world_size)) for rank in range(world_size)]
    for step, (pixels, _) in enumerate(whole):
        own = [part[step][0] for part in parts]
        assert {len(images_of_rank) for images_of_rank in own} == {-(-len(pixels) // world_size)}
        dealt = [own[place % world_size][place // world_size] for place in range(len(pixels))]
        assert np.array_equal(np.stack(dealt), pixels)
        spare = world_size * len(own[0]) - len(pixels)
        for place in range(spare):
            last = len(pixels) + place
            assert np.array_equal(own[last % world_size][last // world_size], pixels[place])


def test_a_consumer_that_stops_early_leaves_no_thread(labelled: LabelledImages) -> None:
    images = images_of(labelled)
    batches = iterate_batches(images, np.tile(np.arange(8), 50), 2, 0, workers=3)
    next(batches)
    assert workers_alive() > 0
    batches.close()
    assert workers_alive() == 0
    for _ in iterate_batches(images, np.arange(8), 2, 0, workers=3):
        break
    assert workers_alive() == 0

    def consume() -> None:
        for _ in iterate_batches(images, np.arange(8), 2, 0, workers=3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    assert workers_alive() == 0


def test_an_image_that_spoils_in_the_middle_is_named_and_leaves_no_thread(tmp_path: Path) -> None:
    folder = write_data_set(tmp_path / "set", count=12)
    images = TrainingImages(read_labelled_images(folder), SIZE, Hyperparameters(mosaic=0), cache="none")
    (folder / "images/007.png").write_bytes(b"no longer a photo")
    batches = iterate_batches(images, np.arange(12), 3, 0, workers=2)
    assert len(next(batches)[0]) == len(next(batches)[0]) == 3
    with pytest.raises(InputError, match=r"007\.png") as error:
        next(batches)
    assert "\n" not in str(error.value)
    assert workers_alive() == 0
