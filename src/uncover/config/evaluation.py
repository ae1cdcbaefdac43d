"""Predictions, rescue and report: how models are read and what is shown (thesis sections 4.4 to 4.6)."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from uncover.config.catalogue import FigurePrivacy
from uncover.config.values import Section

Share = float


def middle_rate(rates: Collection[float]) -> float:
    """Of the rates at which methods are compared, the one by which they are ranked: the higher of two middle ones."""
    return sorted(rates)[len(rates) // 2]


class Prediction(Section):
    """Stored predictions."""

    confidence: Share = Field(0.001, ge=0, le=1, description="lowest confidence stored")
    nms_iou: Share = Field(
        0.6,
        ge=0,
        le=1,
        description="IoU above which non-maximum suppression drops a box, of all that is compared",
    )
    nms_iou_rgb_tables: Share = Field(
        0.5,
        ge=0,
        le=1,
        description="the same for tables 4 to 6 and figures 17 to 20, as the thesis has it; stored apart",
    )
    shards: PositiveInt = Field(1, description="jobs that share the images of a detector; what is made stays as it is")
    bootstrap: NonNegativeInt = Field(
        1000, description="resamples of images, or of blocks of them, behind each interval"
    )


class Rescue(Section):
    """The second step on missed photos (thesis sections 4.5.1 to 4.6.2)."""

    missed_confidence: Share = Field(0.4, ge=0, le=1, description="a photo without a whole-face box of this is missed")
    missed_nms_iou: Share | None = Field(
        None, ge=0, le=1, description="a former name of prediction.nms_iou, which it must equal; null takes that"
    )
    true_iou: Share = Field(
        0.5,
        ge=0,
        le=1,
        description="IoU with a true face from which a box is correct; F1 and average precision keep YOLOv5's 0.5",
    )
    false_positives_per_photo: tuple[float, ...] = Field(
        (0.1, 0.25, 0.5),
        min_length=1,
        description="rates at which rescue methods are compared; the middle one ranks them, and gives cascades and live"
        " detection their thresholds",
    )
    scales_of: str | None = Field(
        None,
        description="detector of multi-scale inference: rgb1, or a variant that looks at photos; null takes"
        " rgb1_occlusion where there is one, else rgb1",
    )
    inference_scales: tuple[PositiveFloat, ...] = Field(
        (1.5,),
        description="input sizes of multi-scale inference, in shares of that of the training: small faces grow with it;"
        " empty: none",
    )
    rescuers: tuple[str, ...] | None = Field(
        None,
        description="methods that look into the photos that other detectors missed; null takes gradcampp_avg and what"
        " needs no heatmaps: multi_scale, or box_fusion without inference_scales",
    )
    heatmap_boxes: str | None = Field(
        None,
        description="kind of heatmaps around whose highlighted regions boxes are drawn, checked against part boxes;"
        " null takes gradcampp_multiscale where it is made, else gradcampp",
    )

    @field_validator("false_positives_per_photo")
    @classmethod
    def _once_each(cls, rates: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(rates)) < len(rates) or min(rates, default=0) < 0:
            raise ValueError("expected rates that are not negative, each once")
        return rates

    @property
    def rate(self) -> float:
        """False boxes per photo by which methods are ranked, and that their thresholds keep on val."""
        return middle_rate(self.false_positives_per_photo)

    def boxed_heatmaps(self, made: Collection[str]) -> str:
        """Name of the variant of heatmaps that boxes are drawn in, of those that the run makes."""
        if self.heatmap_boxes is not None:
            return self.heatmap_boxes
        # On val of the synthetic data this finds nearly as many faces as the detector itself, HiResCAM T1 a fourth.
        return "gradcampp_multiscale" if "gradcampp_multiscale" in made else "gradcampp"


class Report(Section):
    """What is shown, and of whom."""

    privacy: FigurePrivacy = Field(
        "pixelate",
        description="frames of patients in figures: faces pixelated or blurred, whole frames, shown as they are, or"
        " leave-out: no pixel of them, and a figure without them says so; hide-all: the same, and photos of all other"
        " sets are pixelated from edge to edge, for pages that may show no photo at all",
    )
    released: str | None = Field(
        None, description="folder of the thesis's released training records, for figures 24, 28, 30"
    )
    figure_15_photo: str | None = Field(None, description="id of the WFLW photo to show; null takes a fitting one")
    figure_26_photo: str | None = Field(
        None, description="id of the training photo to show with its heatmaps; null takes a fitting one"
    )
