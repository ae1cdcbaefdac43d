"""Fine-tuning on a few labelled frames, and the learning curve (thesis section 5.2)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from uncover.config.detectors import LAYERS_BELOW_HEAD, Detector, PackagedNetwork
from uncover.config.values import Section

PACKAGED = ("general", "nicu")
"""Pretrained weights of the package."""
BACKBONE = 10
"""Layers of the backbone in every YOLOv5 network."""


class TunedDetector(Detector):
    """A detector that is fine-tuned from weights of any network, including the pretrained weights of the package."""

    model: PackagedNetwork = Field(  # type: ignore[assignment]
        "scrfd_2.5g", description="Network of the initial weights."
    )


class Finetune(Section):
    """Fine-tuning of a trained detector on a few frames, and the experiment that measures how many are required."""

    start: str = Field(
        "rgb1",
        description="Detector to fine-tune: `rgb1`, a variant with `input: photo`, pretrained weights of the "
        "package (`general`, `nicu`), or a YOLOv5 network with COCO weights, e.g. `yolov5n`.",
    )
    further: tuple[str, ...] = Field(
        (),
        description="Further detectors to fine-tune, one learning curve each, in `metrics/learning_curve_<start>.csv`.",
    )
    photos: str | None = Field(
        None,
        description="Labelled images to train and score on: a key of `raw` or `data_sets` whose photos have "
        "`blocks`. `null`: frames of `raw.videos`.",
    )
    parts: PositiveInt | None = Field(
        None,
        description="Number of folds of about equal size, each left out in turn; a block is never divided. "
        "`null`: leave out each block in turn.",
    )
    image_size: PositiveInt | None = Field(
        None, description="Longest side of the network input in pixels. `null`: that of the initial weights."
    )
    counts: tuple[PositiveInt, ...] = Field(
        (5, 10, 25, 50, 100),
        description="Numbers of images to fine-tune on, in increasing order. One training per number and "
        "infant left out. Empty: no fine-tuning.",
    )
    freeze: tuple[NonNegativeInt, ...] = Field(
        (0, BACKBONE),
        min_length=1,
        description="Numbers of layers to freeze, one learning curve each. `10` freezes the backbone.",
    )
    frames_per_video: PositiveInt = Field(
        60, description="Number of frames to select per video. Frames that differ most are selected."
    )
    gap: NonNegativeFloat = Field(1.0, description="Shortest time between two selected frames in seconds.")
    seed: NonNegativeInt = Field(0, description="Random seed of the selection of images and of the trainings.")
    epochs: PositiveInt = Field(15, description="Number of epochs.")
    least_images: PositiveInt = Field(64, description="Smallest number of images per epoch. Fewer images are repeated.")
    batch: PositiveInt = Field(8, description="Images per batch.")
    optimizer: Literal["SGD", "Adam", "AdamW"] = Field("AdamW", description="Optimiser.")
    lr0: PositiveFloat = Field(0.0002, description="Initial learning rate.")
    mosaic: float = Field(0.0, ge=0, le=1, description="Augmentation: probability of a mosaic of four images.")

    @field_validator("further")
    @classmethod
    def _each_once(cls, further: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(further)) < len(further):
            raise ValueError("expected each detector only once")
        return further

    @field_validator("counts")
    @classmethod
    def _rise(cls, counts: tuple[int, ...]) -> tuple[int, ...]:
        if list(counts) != sorted(set(counts)):
            raise ValueError("expected numbers of frames in increasing order")
        return counts

    @field_validator("freeze")
    @classmethod
    def _layers(cls, freeze: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(freeze)) < len(freeze) or max(freeze) > LAYERS_BELOW_HEAD:
            raise ValueError(f"expected different numbers of layers, each from 0 to {LAYERS_BELOW_HEAD}")
        return freeze

    def changes(self) -> dict[str, Any]:
        """Changes of fine-tuning to the settings of the initial weights, as nested values."""
        return {
            **{name: getattr(self, name) for name in ("epochs", "least_images", "batch", "optimizer", "seed")},
            # Settings for long trainings on many photos, which do not apply to few frames.
            **{"nominal_batch": self.batch, "least_warmup_steps": 0, "patience": 0, "processes": 1},
            **{"freeze": 0, "precision": "float32", "image_weights": False, "rectangular": False, "autoanchor": False},
            # The warm-up of upstream YOLOv5 lasts 100 steps, more than a whole fine-tuning on few frames.
            "hyperparameters": {
                **{"lr0": self.lr0, "lrf": 0.05, "mosaic": self.mosaic, "copy_paste": 0.0, "mixup": 0.0},
                **{"warmup_epochs": 1.0, "warmup_bias_lr": 0.0},
            },
        }
