"""What is predicted and then scored is what validation in training found: for photos, heatmaps of 1 and 10 channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.yolov5.map_sets import scales_of
from uncover.images import cache
from uncover.images import reading as scaled
from uncover.images.loader import TrainingImages
from uncover.metrics.evaluation import evaluate
from uncover.metrics.predictions import read_predictions, write_predictions
from uncover.metrics.truth import read_truth
from uncover.yolov5 import train as training
from uncover.yolov5.distributed import ProcessGroup
from uncover.yolov5.inference import FramedImages, InferenceOptions, Predictor
from uncover.yolov5.job import Job, read_job

CHANGES = ("mosaic", "translate", "scale", "fliplr", "hsv_h", "hsv_s", "hsv_v")
UNCHANGED = [f"hyperparameters.{name}=0" for name in CHANGES]
LEARNS = (
    *("model=yolov5n", "weights=scratch", "image_size=64", "batch=2", "nominal_batch=2", "epochs=2"),
    *("optimizer=AdamW", "hyperparameters.lr0=0.003", "hyperparameters.obj=30", *UNCHANGED),
)
LOOKS = {"photo": 3, "grey": 1, "classes": 10, "joint": 1, "mean": 1, "whole_face": 1}
"""Channels that a network sees, by its input."""


def read(sets: Path, kind: str, *settings: str) -> Job:
    """The job of a detector of some input."""
    return read_job(sets / "photos", None, [*LEARNS, *settings], input=kind, heatmaps=scales_of(sets, kind))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["photo", "joint", "classes"])
def test_predicting_then_scoring_equals_validation(sets: Path, tmp_path: Path, kind: str) -> None:
    summary = training.train(read(sets, kind), tmp_path, ProcessGroup(0, 1, torch.device("cpu")))
    assert (summary["input"], summary["channels"]) == (kind, LOOKS[kind])
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


@pytest.mark.parametrize("kind", [*LOOKS])
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
            assert seen.shape[0] == LOOKS[kind] and seen.flags.c_contiguous and np.ptp(seen) > 200
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
