"""From image files to batches to boxes: what is read when, and that prediction finds what validation found."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.yolov5.map_sets import scales_of
from tests.yolov5.squares import HEIGHT, WIDTH, make_set
from uncover.errors import InputError
from uncover.images import cache
from uncover.images import reading as scaled
from uncover.images.loader import TrainingImages
from uncover.images.reading import read_image
from uncover.metrics.evaluation import evaluate
from uncover.metrics.predictions import read_predictions, write_predictions
from uncover.metrics.truth import read_truth
from uncover.yolov5 import train as training
from uncover.yolov5.distributed import ProcessGroup
from uncover.yolov5.inference import FramedImages, InferenceOptions, Predictor, read_ahead
from uncover.yolov5.job import Job, read_job

CHANGES = ("mosaic", "translate", "scale", "fliplr", "hsv_h", "hsv_s", "hsv_v")
UNCHANGED = [f"hyperparameters.{name}=0" for name in CHANGES]
LEARNS = (
    *("model=yolov5n", "weights=scratch", "image_size=64", "batch=2", "nominal_batch=2", "epochs=2"),
    *("optimizer=AdamW", "hyperparameters.lr0=0.003", "hyperparameters.obj=30", *UNCHANGED),
)
CHANNELS_OF = {"photo": 3, "grey": 1, "classes": 10, "joint": 1, "mean": 1, "whole_face": 1}
"""Channels that a network sees, by its input."""


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


def read(sets: Path, kind: str, *settings: str) -> Job:
    """The job of a detector of some input."""
    return read_job(sets / "photos", None, [*LEARNS, *settings], input=kind, heatmaps=scales_of(sets, kind))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["photo", "joint", "classes"])
def test_predicting_then_scoring_equals_validation(sets: Path, tmp_path: Path, kind: str) -> None:
    summary = training.train(read(sets, kind), tmp_path, ProcessGroup(0, 1, torch.device("cpu")))
    assert (summary["input"], summary["channels"]) == (kind, CHANNELS_OF[kind])
    # Batches as in validation: beside other images, last bits of a confidence differ, and so may the order of two.
    predictor = Predictor(tmp_path / "weights.pt", "cpu", InferenceOptions(0.001, 0.6, 4, None, "float32"))
    looked_at = predictor.find([(scales_of(sets, kind) or sets / "photos") / "val"])
    write_predictions(tmp_path / "found.parquet", predictor.predict(looked_at))
    predictions = read_predictions(tmp_path / "found.parquet")
    assert predictions.images["image"].tolist() == [f"{number}.png" for number in range(4)]
    rates = evaluate(predictions, read_truth(sets / "photos/val", predictions.images), resamples=0).rates
    scored = [rates[name].value for name in ("P", "R", "AP50", "AP50_95")]
    best = summary["best"]
    assert isinstance(best, dict)
    validated = [best[f"metrics/{name}"] for name in ("precision", "recall", "mAP_0.5", "mAP_0.5:0.95")]
    assert scored == pytest.approx(validated, rel=1e-6)
    assert min(validated) > 0.0005, "a network that finds nothing proves nothing"


@pytest.mark.parametrize("kind", [*CHANNELS_OF])
def test_training_and_inference_show_the_network_the_same_bits(sets: Path, kind: str) -> None:
    job = read(sets, kind)
    labelled = job.validation
    # Photos are shrunk without smoothing in training alone, as upstream's: at their own size there is no difference.
    size = 96 if kind in ("photo", "grey") else 64
    shown = TrainingImages(
        labelled, size, job.settings.hyperparameters, padding=job.padding, channels=job.channels, kind=job.input,
        report=lambda _: None,
    )  # fmt: skip
    framed = FramedImages(
        labelled.paths, labelled.sizes, size, job.channels, job.padding, keep=kind != "mean", kind=job.input
    )
    for _ in range(2):
        for index in range(len(labelled)):
            trained, seen = shown.sample(index, epoch=0)[0], framed[index]
            assert seen.shape[0] == CHANNELS_OF[kind] and seen.flags.c_contiguous and np.ptp(seen) > 200
            # The training frame is a square.
            assert np.array_equal(trained[:, (size - seen.shape[1]) // 2 :][:, : seen.shape[1]], seen)
            assert job.padding == (114 if kind in ("photo", "grey") else 0)


def test_heatmaps_are_kept_where_their_pictures_have_no_room(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, reads = read(sets, "classes"), []
    decode = scaled.read_maps
    monkeypatch.setattr(scaled, "read_maps", lambda path, channels: (reads.append(path), decode(path, channels))[1])
    of_pictures = 6 * 640 * 480 * 10
    monkeypatch.setattr(cache, "free_memory", lambda: of_pictures // 10)
    images = TrainingImages(job.training, 640, job.settings.hyperparameters, channels=10, kind="classes", padding=0)
    for epoch in range(2):
        for index in range(len(images)):
            assert images.sample(index, epoch)[0].nbytes == 640 * 640 * 10
    # The first is also looked at to tell how much room they need.
    assert sorted(reads) == sorted([job.training.paths[0], *job.training.paths])
