"""Fine-tuning on few labelled frames, and how much of them it takes (thesis section 5.2)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from uncover.config.detectors import LAYERS_BELOW_HEAD, Detector, PackagedNetwork
from uncover.config.values import Section

PACKAGED = ("general", "nicu")
"""Weights that come with the package."""
BACKBONE = 10
"""Layers of every YOLOv5 before the neck."""


class TunedDetector(Detector):
    """A detector that goes on from weights whose network no training of a run begins with: those of the package."""

    model: PackagedNetwork = Field(  # type: ignore[assignment]
        "scrfd_2.5g", description="as of a detector"
    )


class Finetune(Section):
    """How a trained detector learns from few frames; and the experiment that finds out how many it takes."""

    start: str = Field(
        "rgb1",
        description="detector to start from: rgb1, a variant that looks at photos, weights of the package (general,"
        " nicu), or upstream's COCO weights by their network, such as yolov5n",
    )
    further: tuple[str, ...] = Field(
        (), description="further starts, likewise, a curve each: metrics/learning_curve_<start>.csv"
    )
    photos: str | None = Field(
        None,
        description="frames with boxes to learn from and to be scored on, a key of raw or data_sets whose photos have"
        " blocks by their names; null takes frames of raw.videos",
    )
    parts: PositiveInt | None = Field(
        None, description="so many parts of the blocks, about equally large, are left out in turn; null: each block"
    )
    image_size: PositiveInt | None = Field(
        None, description="longest side of the network's input, in pixels; null takes that of the start weights"
    )
    counts: tuple[PositiveInt, ...] = Field(
        (5, 10, 25, 50, 100), description="frames to fine-tune on, one training each per infant left out; empty: none"
    )
    freeze: tuple[NonNegativeInt, ...] = Field(
        (0, BACKBONE), min_length=1, description="layers that keep their weights, a curve each; 10 is the backbone"
    )
    frames_per_video: PositiveInt = Field(60, description="frames to pick of each video, the most different ones")
    gap: NonNegativeFloat = Field(1.0, description="seconds between two picked frames at least")
    seed: NonNegativeInt = Field(0, description="which frames are drawn, and seed of the trainings")
    epochs: PositiveInt = Field(15, description="epochs")
    least_images: PositiveInt = Field(64, description="images of an epoch at least: few frames stand several times")
    batch: PositiveInt = Field(8, description="images per step")
    optimizer: Literal["SGD", "Adam", "AdamW"] = Field("AdamW", description="optimiser")
    lr0: PositiveFloat = Field(0.0002, description="learning rate at the start")
    mosaic: float = Field(0.0, ge=0, le=1, description="augmentation: probability of a mosaic of four frames")

    @field_validator("further")
    @classmethod
    def _each_once(cls, further: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(further)) < len(further):
            raise ValueError("expected different starts")
        return further

    @field_validator("counts")
    @classmethod
    def _rise(cls, counts: tuple[int, ...]) -> tuple[int, ...]:
        if list(counts) != sorted(set(counts)):
            raise ValueError("expected numbers of frames that rise")
        return counts

    @field_validator("freeze")
    @classmethod
    def _layers(cls, freeze: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(freeze)) < len(freeze) or max(freeze) > LAYERS_BELOW_HEAD:
            raise ValueError(f"expected different numbers of layers, 0 to {LAYERS_BELOW_HEAD}")
        return freeze

    def changes(self) -> dict[str, Any]:
        """What fine-tuning changes in the settings with which the start weights were trained, as nested values."""
        return {
            **{name: getattr(self, name) for name in ("epochs", "least_images", "batch", "optimizer", "seed")},
            # What a long training on many photos needed, and what few frames do without.
            **{"nominal_batch": self.batch, "least_warmup_steps": 0, "patience": 0, "processes": 1},
            **{"freeze": 0, "precision": "float32", "image_weights": False, "rectangular": False, "autoanchor": False},
            # Upstream's warm-up lasts for 100 steps, in which few frames have long been learnt.
            "hyperparameters": {
                **{"lr0": self.lr0, "lrf": 0.05, "mosaic": self.mosaic, "copy_paste": 0.0, "mixup": 0.0},
                **{"warmup_epochs": 1.0, "warmup_bias_lr": 0.0},
            },
        }
