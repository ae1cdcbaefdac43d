"""Training images from end to end, and their batches: boxes, determinism, order, and what is said aloud."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.images.conftest import BRIGHT, DARK, write_data_set
from uncover.config.detectors import Hyperparameters
from uncover.errors import InputError
from uncover.images import augmentation
from uncover.images.labelled import LabelledImages, read_labelled_images
from uncover.images.loader import TrainingImages, epoch_order, iterate_batches

SIZE = 128
WILD = Hyperparameters(hsv_h=0, hsv_s=0, hsv_v=0, fliplr=0.5, flipud=0.5, translate=0.2, scale=0.7)
STILL = WILD.model_copy(update={"fliplr": 0, "flipud": 0, "translate": 0, "scale": 0, "mosaic": 0})


def quiet(labelled: LabelledImages, by: Hyperparameters, **options: object) -> TrainingImages:
    return TrainingImages(labelled, SIZE, by, report=lambda _: None, **options)  # type: ignore[arg-type]


@given(st.integers(0, 7), st.integers(0, 10**6), st.sampled_from([1, 3, 10]), st.sampled_from([0.0, 1.0]))
def test_what_is_bright_is_what_is_labelled(
    labelled_by_channels: dict[int, LabelledImages], index: int, epoch: int, channels: int, mosaic: float
) -> None:
    labelled = labelled_by_channels[channels]
    images = quiet(labelled, WILD.model_copy(update={"mosaic": mosaic}), channels=channels, padding=DARK)
    with pytest.MonkeyPatch.context() as patch:
        # Nothing is dropped, so that the boxes must account for all that is bright.
        patch.setattr(augmentation, "SMALLEST_AREA", 0)
        patch.setattr(augmentation, "SMALLEST_SIDE", 0)
        patch.setattr(augmentation, "LARGEST_ASPECT", np.inf)
        pixels, labels = images.sample(index, epoch)
    assert pixels.shape == (channels, SIZE, SIZE) and pixels.dtype == np.uint8 and pixels.flags.c_contiguous
    assert labels.dtype == np.float32 and labels.shape[1:] == (5,)
    assert (labels[:, 1:] >= 0).all() and (labels[:, 1:] <= 1).all()
    centres, halves = labels[:, 1:3] * SIZE, labels[:, 3:] * SIZE / 2
    boxes = np.concatenate([centres - halves, centres + halves], axis=1)
    bright = (pixels > (DARK + BRIGHT) // 2).all(axis=0)
    outside = bright.copy()
    for x1, y1, x2, y2 in boxes:
        inner = bright[round(y1) + 2 : max(round(y2) - 2, 0), round(x1) + 2 : max(round(x2) - 2, 0)]
        assert inner.all()
        outside[max(round(y1) - 2, 0) : round(y2) + 2, max(round(x1) - 2, 0) : round(x2) + 2] = False
    assert not outside.any()


def test_a_sample_depends_on_seed_epoch_image_and_draw_only(labelled: LabelledImages) -> None:
    by = WILD.model_copy(update={"hsv_h": 0.2, "hsv_v": 0.4, "mixup": 0.5})
    first, other = quiet(labelled, by, seed=3), quiet(labelled, by, seed=3, cache="none")
    wanted = [(index, epoch, draw) for index in range(8) for epoch in range(2) for draw in range(2)]
    one = {key: first.sample(*key) for key in wanted}
    two = {key: other.sample(*key) for key in reversed(wanted)}
    for key in wanted:
        assert all(np.array_equal(a, b) for a, b in zip(one[key], two[key], strict=True))
    assert len({pixels.tobytes() for pixels, _ in one.values()}) == len(wanted)
    changed = quiet(labelled, by, seed=4).sample(0, 0)[0]
    assert not np.array_equal(changed, one[0, 0, 0][0])


@pytest.mark.parametrize("swaps", [True, False])
def test_a_mirrored_photo_swaps_sides_unless_told_not_to(labelled: LabelledImages, swaps: bool) -> None:
    for flips, mirrored in (({"fliplr": 1}, True), ({"flipud": 1}, True), ({"fliplr": 1, "flipud": 1}, False)):
        images = quiet(labelled, STILL.model_copy(update=flips), flip_swaps_sides=swaps)
        plain = quiet(labelled, STILL)
        for index, own in enumerate((0, 1, 2)):
            pixels, labels = images.sample(index, 0)
            expected = {0: 0, 1: 2, 2: 1}[own] if swaps and mirrored else own
            assert labels[0, 0] == expected
            axes = tuple(axis for axis, name in ((1, "flipud"), (2, "fliplr")) if name in flips)
            assert np.array_equal(np.flip(plain.sample(index, 0)[0], axes), pixels)


def test_without_augmentation_an_image_stands_in_its_letterbox(labelled: LabelledImages) -> None:
    images = quiet(labelled, STILL, padding=114)
    for index, (width, height) in enumerate(labelled.sizes.tolist()):
        pixels, labels = images.sample(index, 0)
        inner_width, inner_height = (-(-side * SIZE // max(width, height)) for side in (width, height))
        left, top = (SIZE - inner_width) // 2, (SIZE - inner_height) // 2
        photo = cv2.imread(str(labelled.paths[index]))[..., ::-1]
        scaled = cv2.resize(photo, (inner_width, inner_height), interpolation=cv2.INTER_LINEAR)
        expected = np.full((SIZE, SIZE, 3), 114, np.uint8)
        expected[top : top + inner_height, left : left + inner_width] = scaled
        assert np.array_equal(pixels, expected.transpose(2, 0, 1))
        scale, shift = np.tile([inner_width, inner_height], 2) / SIZE, np.array([left, top, 0, 0]) / SIZE
        assert np.allclose(labels[0, 1:], labelled.labels[index][0, 1:] * scale + shift, atol=2e-5)


def test_rectangular_batches_go_from_wide_to_high_in_the_smallest_shapes(labelled: LabelledImages) -> None:
    said: list[str] = []
    images = TrainingImages(labelled, SIZE, WILD, rectangular=True, batch=3, report=said.append)
    assert len(said) == 1 and "rectangular" in said[0] and "mosaic: 1 has no effect" in said[0]
    aspects = (labelled.sizes[:, 1] / labelled.sizes[:, 0])[images.order]
    assert (np.diff(aspects) >= 0).all() and sorted(images.order.tolist()) == list(range(8))
    for start in (0, 3, 6):
        group = images.order[start : start + 3].tolist()
        ratios = (labelled.sizes[:, 1] / labelled.sizes[:, 0])[group]
        high, wide = min(ratios.max(), 1), min(1 / ratios.min(), 1)
        shape = (3, int(np.ceil(high * SIZE / 32)) * 32, int(np.ceil(wide * SIZE / 32)) * 32)
        assert {images.shape(index) for index in group} == {shape}
        assert {images.sample(index, 0)[0].shape for index in group} == {shape}


def test_settings_that_cannot_be_met_are_refused_or_said(labelled: LabelledImages) -> None:
    said: list[str] = []
    with pytest.raises(InputError, match=r"copy_paste: 0\.1 requires outlines"):
        quiet(labelled, WILD.model_copy(update={"copy_paste": 0.1}))
    with pytest.raises(InputError, match="image_size: 100 is not a multiple of 32"):
        TrainingImages(labelled, 100, WILD)
    coloured = WILD.model_copy(update={"hsv_s": 0.5})
    TrainingImages(labelled, SIZE, coloured, channels=10, report=said.append)
    assert len(said) == 1 and "images of 10 channels have no colours" in said[0]
    TrainingImages(labelled, SIZE, STILL, rectangular=True, report=said.append)
    TrainingImages(labelled, SIZE, coloured, report=said.append)
    assert len(said) == 1


def test_a_class_without_a_counterpart_forbids_flips_that_swap(labelled: LabelledImages) -> None:
    lopsided = LabelledImages(
        labelled.folder, labelled.paths, labelled.sizes, labelled.labels, ("a", "b", "left face"), (0, 1, 2)
    )
    with pytest.raises(InputError, match="'left face' becomes 'right face' when mirrored"):
        quiet(lopsided, WILD)
    quiet(lopsided, WILD, flip_swaps_sides=False)
    quiet(lopsided, STILL)


def test_mosaics_take_their_other_images_from_the_pool(labelled: LabelledImages) -> None:
    images = quiet(labelled, WILD.model_copy(update={"scale": 0.9}), padding=DARK)
    pool = np.array([1, 1, 4, 4])  # classes 1 and 1; image 7 itself is of class 1, or 2 in a mirror
    classes = {int(own) for epoch in range(50) for own in images.sample(7, epoch, pool=pool)[1][:, 0]}
    assert classes == {1, 2}
    assert 0 in {int(own) for epoch in range(50) for own in images.sample(7, epoch)[1][:, 0]}


SMALL = 64
BY = Hyperparameters(mixup=0.3)


def images_of(labelled: LabelledImages, **options: object) -> TrainingImages:
    return TrainingImages(labelled, SMALL, BY, report=lambda _: None, **options)  # type: ignore[arg-type]


def workers_alive() -> int:
    return sum(thread.name.startswith("images") for thread in threading.enumerate())


def test_batches_do_not_depend_on_workers(labelled: LabelledImages) -> None:
    images = images_of(labelled)
    order = epoch_order(images, 0, 5)
    runs = [list(iterate_batches(images, order, 3, 5, workers)) for workers in (1, 2, 5, None)]
    assert [len(pixels) for pixels, _ in runs[0]] == [3, 3, 2]
    for pixels, targets in runs[0]:
        assert pixels.shape[1:] == (3, SMALL, SMALL) and pixels.dtype == np.uint8 and pixels.flags.c_contiguous
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
    images = TrainingImages(read_labelled_images(folder), SMALL, still)
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
    with pytest.raises(ValueError, match="order and batch size"):
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
    images = TrainingImages(read_labelled_images(folder), SMALL, Hyperparameters(mosaic=0), cache="none")
    (folder / "images/007.png").write_bytes(b"no longer a photo")
    batches = iterate_batches(images, np.arange(12), 3, 0, workers=2)
    assert len(next(batches)[0]) == len(next(batches)[0]) == 3
    with pytest.raises(InputError, match=r"007\.png") as error:
        next(batches)
    assert "\n" not in str(error.value)
    assert workers_alive() == 0
