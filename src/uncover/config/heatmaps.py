"""Class-activation maps of the first model (thesis section 3.2.2)."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from uncover.config.section import Section

Share = float
Method = Literal[
    "gradcampp",
    "hirescam",
    "gradcam",
    "xgradcam",
    "layercam",
    "eigencam",
    "scorecam",
    "eigengradcam",
    "gradcamelementwise",
]
Target = Literal["T1", "T2", "confidence"]


class Variant(Section):
    """A kind of heatmap."""

    method: Method = Field(description="method")
    layers: tuple[int, ...] = Field((-2,), min_length=1, description="target layers; several are fused into one map")
    target: Target = Field("T2", description="score to differentiate, as `heatmaps.target` has it")


MULTISCALE = (17, 20, 23)
"""The three layers that feed the head of a YOLOv5."""


class Heatmaps(Section):
    """Class-activation maps of the first model (thesis section 3.2.2)."""

    methods: tuple[Method, ...] = Field(("gradcampp", "hirescam"), description="methods; each gives a heatmap set")
    layers: tuple[int, ...] = Field(
        (-2,), min_length=1, description="their target layers; several are fused into one map"
    )
    target: Target = Field(
        "T2",
        description="score to differentiate: T1 all candidates, T2 those of detections (what the thesis used),"
        " confidence: T2 with objectness",
    )
    variants: dict[str, Variant] = Field(
        {
            "gradcampp_multiscale": Variant(method="gradcampp", layers=MULTISCALE),
            "hirescam_multiscale": Variant(method="hirescam", layers=MULTISCALE),
        },
        description="further heatmap sets, by name: method, layers, target",
    )
    confidence: Share = Field(0.25, ge=0, le=1, description="T2: lowest confidence of a detection")
    nms_iou: Share = Field(0.45, ge=0, le=1, description="T2: IoU of its non-maximum suppression")
    image_size: PositiveInt | None = Field(
        None, multiple_of=32, description="longest side of the input, in pixels; null takes that of the training"
    )
    batch: PositiveInt = Field(8, description="images at a time")
    average: Literal["joint", "mean", "whole_face"] = Field("joint", description="what the 1-channel map is")
    padding: int = Field(0, ge=0, le=255, description="value around a letterboxed map (the thesis: 114)")
    shards: PositiveInt = Field(1, description="jobs that share one set")

    @model_validator(mode="after")
    def _names_are_folders_of_their_own(self) -> Self:
        for name in self.variants:
            if not re.fullmatch("[a-z0-9_]+", name):
                raise ValueError(f"variants: {name!r} is no name of a folder; expected letters a-z, digits and _")
            if name in self.methods:
                raise ValueError(f"variants: {name!r} is the name of a method in methods; give the variant another one")
        return self

    def named(self) -> dict[str, Variant]:
        """Every kind of heatmap, by name."""
        methods = {method: Variant(method=method, layers=self.layers, target=self.target) for method in self.methods}
        return methods | self.variants
