"""Predictions, rescue and report (thesis sections 4.4 to 4.6)."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from uncover.config.catalogue import FigurePrivacy
from uncover.config.values import Section

Share = float


def middle_rate(rates: Collection[float]) -> float:
    """Middle one of the rates at which methods are compared, by which they are ranked; of two, the higher."""
    return sorted(rates)[len(rates) // 2]


class Prediction(Section):
    """Stored predictions."""

    confidence: Share = Field(0.001, ge=0, le=1, description="Lowest confidence of stored boxes.")
    nms_iou: Share = Field(
        0.6,
        ge=0,
        le=1,
        description="IoU threshold of non-maximum suppression. Used for all detectors, so that their results "
        "are comparable.",
    )
    nms_iou_rgb_tables: Share = Field(
        0.5,
        ge=0,
        le=1,
        description="IoU threshold of non-maximum suppression for tables 4 to 6 and figures 17 to 20, as in "
        "the thesis. These predictions are stored separately.",
    )
    shards: PositiveInt = Field(
        1, description="Number of jobs that share the images of a detector. Existing outputs are kept."
    )
    bootstrap: NonNegativeInt = Field(
        1000, description="Resamples of images (or of blocks of images) per confidence interval."
    )


class Rescue(Section):
    """The second step on missed photos (thesis sections 4.5.1 to 4.6.2)."""

    missed_confidence: Share = Field(
        0.4, ge=0, le=1, description="Confidence threshold: a photo counts as missed if no whole-face box reaches it."
    )
    missed_nms_iou: Share | None = Field(
        None,
        ge=0,
        le=1,
        description="Deprecated alias of `prediction.nms_iou`; must have the same value. `null`: use "
        "`prediction.nms_iou`.",
    )
    true_iou: Share = Field(
        0.5,
        ge=0,
        le=1,
        description="Smallest IoU with a true face for a box to be correct. F1 and average precision always "
        "use `0.5`, like upstream YOLOv5.",
    )
    false_positives_per_photo: tuple[float, ...] = Field(
        (0.1, 0.25, 0.5),
        min_length=1,
        description="False positives per photo at which rescue methods are compared. The middle value is "
        "used to rank them and to set the confidence thresholds of cascades and of live "
        "detection.",
    )
    scales_of: str | None = Field(
        None,
        description="Detector for multi-scale inference: `rgb1`, or a variant with `input: photo`. `null`: "
        "`rgb1_occlusion` if it exists, otherwise `rgb1`.",
    )
    inference_scales: tuple[PositiveFloat, ...] = Field(
        (1.5,),
        description="Input sizes of multi-scale inference, as multiples of the training size. Larger inputs "
        "find smaller faces. Empty: off.",
    )
    rescuers: tuple[str, ...] | None = Field(
        None,
        description="Rescue methods that run on photos missed by the other detectors. `null`: "
        "`gradcampp_avg` and one method without heatmaps: `multi_scale`, or `box_fusion` if "
        "`inference_scales` is empty.",
    )
    heatmap_boxes: str | None = Field(
        None,
        description="Heatmaps whose highlighted regions are turned into boxes and checked against part "
        "boxes. `null`: `gradcampp_multiscale` if it exists, otherwise `gradcampp`.",
    )

    @field_validator("false_positives_per_photo")
    @classmethod
    def _once_each(cls, rates: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(rates)) < len(rates) or min(rates, default=0) < 0:
            raise ValueError("expected rates of at least 0, each only once")
        return rates

    @property
    def rate(self) -> float:
        """False positives per photo at which methods are ranked, and at which thresholds are set on val."""
        return middle_rate(self.false_positives_per_photo)

    def boxed_heatmaps(self, made: Collection[str]) -> str:
        """Name of the heatmaps whose regions are turned into boxes, of those in the run."""
        if self.heatmap_boxes is not None:
            return self.heatmap_boxes
        # On val of the synthetic data these find nearly as many faces as the detector; HiResCAM T1 finds a quarter.
        return "gradcampp_multiscale" if "gradcampp_multiscale" in made else "gradcampp"


class Report(Section):
    """Content of figures, and privacy."""

    privacy: FigurePrivacy = Field(
        "pixelate",
        description="How figures show patients. `pixelate` and `blur`: faces hidden. `whole-frame`: whole "
        "images pixelated. `publish`: shown unchanged. `leave-out`: not shown; the figure states "
        "it. `hide-all`: like `leave-out`, and photos of all other sets are fully pixelated.",
    )
    released: str | None = Field(
        None, description="Folder of the training records released with the thesis, for figures 24, 28 and 30."
    )
    figure_15_photo: str | None = Field(
        None, description="Id of the WFLW photo in figure 15. `null`: selected automatically."
    )
    figure_26_photo: str | None = Field(
        None,
        description="Id of the training photo in figure 26, shown with its heatmaps. `null`: selected automatically.",
    )
