"""The same random numbers give the same images and boxes as upstream's functions (yolov5 7.0.14)."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from uncover.config.detectors import Hyperparameters
from uncover.images import augmentation
from uncover.images.letterbox import fit, letterbox
from uncover.images.loader import TrainingImages

SIZE = 96
SHAPES = [(96, 64), (50, 96), (96, 96), (72, 96), (96, 31)]
MODEST = Hyperparameters(degrees=10, shear=5, translate=0.2, scale=0.6)
STEEP = Hyperparameters(degrees=90, shear=20, translate=0.4, scale=0.9, perspective=0.001)


class FedChance:
    """Stands in for the module `random`: draws its numbers from a generator, in the order of the calls."""

    def __init__(self, chance: np.random.Generator) -> None:
        self._chance = chance

    def uniform(self, low: float, high: float) -> float:
        return self._chance.uniform(low, high)

    def choices(self, population: Any, k: int) -> list[int]:
        return np.asarray(population)[self._chance.integers(len(population), size=k)].tolist()

    def shuffle(self, items: list[int]) -> None:
        self._chance.shuffle(items)


@pytest.fixture(scope="module")
def upstream() -> Iterator[SimpleNamespace]:
    """Upstream's modules, whose import takes seconds and leaves numpy's printing and OpenCV's threads changed."""
    printing = np.get_printoptions()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YOLOv5_AUTOINSTALL", "false")
        augmentations = pytest.importorskip("yolov5.utils.augmentations")
        dataloaders = pytest.importorskip("yolov5.utils.dataloaders")
    yield SimpleNamespace(augmentations=augmentations, dataloaders=dataloaders)
    np.set_printoptions(**printing)


@pytest.fixture
def feed(upstream: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make upstream draw from a generator of this seed."""

    def feed_seed(seed: int) -> None:
        chance = FedChance(np.random.default_rng(seed))
        for module in (upstream.augmentations, upstream.dataloaders):
            assert isinstance(module, ModuleType)
            monkeypatch.setattr(module, "random", chance)

    return feed_seed


def photos() -> list[np.ndarray]:
    chance = np.random.default_rng(0)
    return [chance.integers(0, 256, (height, width, 3)).astype(np.uint8) for width, height in SHAPES]


def labels_of(count: int, seed: int) -> np.ndarray:
    """float32 (count, 5), shares; some boxes reach over the edge, as clipped labels never would."""
    chance = np.random.default_rng(seed)
    return np.column_stack(
        [chance.integers(0, 10, count), chance.uniform(0, 1, (count, 2)), chance.uniform(0.01, 0.6, (count, 2))]
    ).astype(np.float32)


def affine_settings(by: Hyperparameters) -> dict[str, float]:
    return {name: getattr(by, name) for name in ("degrees", "translate", "scale", "shear", "perspective")}


@pytest.mark.parametrize("by", [MODEST, STEEP])
@pytest.mark.parametrize("seed", range(5))
def test_warps_are_upstreams(upstream: SimpleNamespace, feed: Any, by: Hyperparameters, seed: int) -> None:
    image = photos()[2]
    boxes = augmentation.to_pixels(labels_of(40, seed), SIZE, SIZE)
    for border in (0, -SIZE // 4):
        feed(seed)
        theirs, their_boxes = upstream.augmentations.random_perspective(
            image.copy(), boxes.copy(), (), **affine_settings(by), border=(border, border)
        )
        out = SIZE + 2 * border
        warp = augmentation.draw_warp(SIZE, SIZE, out, out, np.random.default_rng(seed), by)
        ours, our_boxes = augmentation.warp_image(image, warp, 114), augmentation.warp_boxes(boxes, warp)
        assert np.array_equal(ours, theirs)
        assert our_boxes.shape == their_boxes.shape and np.allclose(our_boxes, their_boxes, atol=1e-9)
        assert len(our_boxes)


@pytest.mark.parametrize("seed", range(8))
def test_mosaics_are_upstreams(upstream: SimpleNamespace, feed: Any, seed: int) -> None:
    images, labels = photos(), [labels_of(6, number) for number in range(len(SHAPES))]
    loader = object.__new__(upstream.dataloaders.LoadImagesAndLabels)
    loader.img_size, loader.mosaic_border, loader.indices = SIZE, [-SIZE // 2, -SIZE // 2], range(len(SHAPES))
    loader.ims, loader.im_hw, loader.im_hw0 = images, [im.shape[:2] for im in images], [im.shape[:2] for im in images]
    loader.im_files, loader.npy_files = images, images
    loader.labels, loader.segments = labels, [[] for _ in SHAPES]
    loader.hyp = affine_settings(MODEST) | {"copy_paste": 0.0}
    feed(seed)
    theirs, their_boxes = loader.load_mosaic(seed % len(SHAPES))
    chance = np.random.default_rng(seed)
    chosen, centre = augmentation.draw_mosaic(seed % len(SHAPES), np.arange(len(SHAPES)), SIZE, chance)
    square, boxes = augmentation.lay_mosaic(
        [images[index] for index in chosen], [labels[index] for index in chosen], centre, SIZE, 114
    )
    warp = augmentation.draw_warp(2 * SIZE, 2 * SIZE, SIZE, SIZE, chance, MODEST)
    assert np.array_equal(augmentation.warp_image(square, warp, 114), theirs)
    assert np.allclose(augmentation.warp_boxes(boxes, warp), their_boxes, atol=1e-4)  # theirs are float32 on the way


@pytest.mark.parametrize("square", [True, False])
@pytest.mark.parametrize(("width", "height"), [(96, 64), (48, 33), (31, 48), (64, 64), (13, 96)])
def test_letterboxes_are_upstreams(upstream: SimpleNamespace, square: bool, width: int, height: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    theirs, (ratio, _), (left, top) = upstream.augmentations.letterbox(image, SIZE, auto=not square, stride=32)
    frame = fit(width, height, SIZE, square=square)
    assert np.array_equal(letterbox(image, frame), theirs)
    assert frame.scale == ratio and 0 <= left - frame.left < 1 and 0 <= top - frame.top < 1


@pytest.mark.parametrize("seed", range(5))
def test_colours_are_upstreams(upstream: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    image = photos()[0]
    theirs = np.ascontiguousarray(image[..., ::-1])
    monkeypatch.setattr(upstream.augmentations.np.random, "uniform", np.random.default_rng(seed).uniform)
    upstream.augmentations.augment_hsv(theirs, 0.2, 0.7, 0.4)
    by = MODEST.model_copy(update={"hsv_h": 0.2, "hsv_s": 0.7, "hsv_v": 0.4})
    assert np.array_equal(augmentation.change_colours(image, np.random.default_rng(seed), by), theirs[..., ::-1])


def test_mixtures_are_upstreams(upstream: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = photos()[2], photos()[2][::-1].copy()
    boxes, others = labels_of(3, 0), labels_of(2, 1)
    monkeypatch.setattr(upstream.augmentations.np.random, "beta", np.random.default_rng(4).beta)
    theirs, their_boxes = upstream.augmentations.mixup(one, boxes, other, others)
    ours, our_boxes = augmentation.mix(one, boxes, other, others, np.random.default_rng(4))
    assert np.array_equal(ours, theirs) and np.array_equal(our_boxes, their_boxes)


def upstream_loader(upstream: SimpleNamespace, folder: Any, batch: int, **options: Any) -> Any:
    """Upstream's loader of a data set, and the label caches that it leaves removed."""
    loader = upstream.dataloaders.LoadImagesAndLabels(
        str(folder / "images"), img_size=SIZE, batch_size=batch, workers=0, stride=32, **options
    )
    (folder / "labels.cache").unlink(missing_ok=True)
    return loader


def test_training_samples_without_chance_are_upstreams(upstream: SimpleNamespace, data_set: Any, labelled: Any) -> None:
    still = Hyperparameters(hsv_h=0, hsv_s=0, hsv_v=0, translate=0, scale=0, fliplr=0, mosaic=0)
    for rectangular in (False, True):
        loader = upstream_loader(upstream, data_set, 3, augment=True, hyp=still.model_dump(), rect=rectangular)
        images = TrainingImages(labelled, SIZE, still, rectangular=rectangular, batch=3)
        assert [path.name for path in labelled.paths] == sorted(name.rsplit("/")[-1] for name in loader.im_files)
        for place, index in enumerate(images.order.tolist()):
            theirs, their_labels, path, _ = loader[place]
            ours, our_labels = images.sample(index, 0)
            assert path == str(labelled.paths[index])
            assert np.array_equal(ours, theirs.numpy())
            # Theirs are half a pixel off where the padding is odd; ours stand where the image does.
            frame = fit(*labelled.sizes[index].tolist(), SIZE, square=True)
            sides = np.array([ours.shape[2], ours.shape[1]])
            odd = (sides - (frame.inner_width, frame.inner_height)) % 2 / 2
            off = (their_labels.numpy()[:, 1:] - our_labels)[:, 1:] * np.tile(sides, 2)
            assert np.allclose(off, [*odd, 0, 0], atol=2e-3)
