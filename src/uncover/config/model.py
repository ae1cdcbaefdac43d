"""The whole config of a run. Schema, defaults and documentation are made from this model."""

from __future__ import annotations

import re
from typing import Self, get_args

from pydantic import Field, field_validator, model_validator

from uncover.config.baselines import BASELINES, Baselines
from uncover.config.catalogue import CATALOGUE, known_names
from uncover.config.cluster import Cluster
from uncover.config.datasets import DataSet, Labels, Splits
from uncover.config.detectors import (
    DRAWN_BOXES,
    OCCLUSION,
    UPSTREAM,
    Detectors,
    SecondDetector,
    SecondStep,
    Weights,
    second_detectors,
)
from uncover.config.evaluation import Prediction, Report, Rescue
from uncover.config.evolution import Evolution
from uncover.config.finetune import PACKAGED, Finetune
from uncover.config.heatmaps import Heatmaps
from uncover.config.packaged import Packaged
from uncover.config.raw import Raw, Synthetic
from uncover.config.values import Section


class Config(Section):
    """Everything that a run depends on."""

    run: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="name of the run: results go to results/<run>/"
    )
    raw: Raw = Field(Raw(), description="raw data")
    data_sets: dict[str, DataSet] = Field(
        {},
        description="data sets of your own by name, such as {my_ward: {path: clips, layout: yolo}}; docs/data_sets.md",
    )
    synthetic: Synthetic = Field(Synthetic(), description="synthetic raw data")
    labels: Labels = Field(Labels(), description="part boxes")
    splits: Splits = Field(Splits(), description="sets")
    weights: dict[str, Weights] = Field(
        {}, description="third parties' checkpoints, by name such as yolov5m or retinaface"
    )
    detectors: Detectors = Field(Detectors(), description="the six models")
    evolution: Evolution = Field(Evolution(), description="hyperparameter evolution")
    prediction: Prediction = Field(Prediction(), description="stored predictions")
    heatmaps: Heatmaps = Field(Heatmaps(), description="class-activation maps")
    rescue: Rescue = Field(Rescue(), description="the second step")
    baselines: Baselines = Field(Baselines(), description="baseline detectors")
    finetune: Finetune = Field(Finetune(), description="fine-tuning on a few frames of videos")
    packaged: Packaged = Field(Packaged(), description="the ready-made detectors of the package")
    report: Report = Field(Report(), description="tables, figures, page")
    cluster: Cluster = Field(Cluster(), description="what jobs ask a cluster for")

    @field_validator("data_sets")
    @classmethod
    def _names_of_sets(cls, data_sets: dict[str, DataSet]) -> dict[str, DataSet]:
        taken = known_names() | {"rgb10", "rgb1", *get_args(SecondDetector), *BASELINES}
        for name in data_sets:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(f"the name {name!r}: expected small letters, digits and _, a letter first")
            if name in taken:
                raise ValueError(f"the name {name!r} is that of a known data set, set or detector; choose another")
        return data_sets

    @model_validator(mode="after")
    def _faces_apart_need_the_released_split(self) -> Self:
        # Faces with a copy of the photo each would be split face by face, and put one photo into several sets.
        if self.splits.procedure == "by_photo" and not (self.labels.merge.wflw and self.labels.merge.merl_rav):
            raise ValueError("labels.merge: false needs splits.procedure: released, which is known to mix photos")
        return self

    @model_validator(mode="after")
    def _detectors_look_at_heatmaps_that_are_made(self) -> Self:
        made = {*self.heatmaps.named(), DRAWN_BOXES}
        steps = self.second_detectors()
        blind = {name: step.heatmaps for name, step in steps.items() if step.heatmaps and step.heatmaps not in made}
        if blind:
            told = [
                f"the detector {name} looks at heatmaps {kind!r}, which are not made" for name, kind in blind.items()
            ]
            # The thesis's four look at the heatmaps of a method, and cannot be left out.
            needed = sorted({str(kind) for name, kind in blind.items() if steps[name].role == "thesis"})
            if needed:
                told.append(f"add {' and '.join(needed)} to heatmaps.methods")
            else:
                nulls = ", ".join(f"{name}: null" for name in blind)
                told.append(
                    f"expected one of {', '.join(sorted(made))}; or take away what needs others:"
                    f" detectors: {{variants: {{{nulls}}}}}"
                )
            raise ValueError("; ".join(told))
        return self

    @model_validator(mode="after")
    def _one_suppression_for_all_that_is_compared(self) -> Self:
        own, other = self.prediction.nms_iou, self.rescue.missed_nms_iou
        if other is not None and other != own:
            raise ValueError(
                f"rescue.missed_nms_iou: {other} is not prediction.nms_iou, {own}; boxes are compared at one IoU only:"
                " leave rescue.missed_nms_iou out"
            )
        return self

    @model_validator(mode="after")
    def _multi_scales_at_photos(self) -> Self:
        of = self.scales_of
        photos = {"rgb1", *(name for name, step in self.second_detectors().items() if step.input == "photo")}
        if of not in photos:
            raise ValueError(
                f"rescue.scales_of: {of} is no detector of photos in this run; expected one of"
                f" {', '.join(sorted(photos))}; or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _fine_tunes_a_detector_of_whole_faces_in_photos(self) -> Self:
        second = self.second_detectors()
        settings = {"rgb1": self.detectors.rgb1} | {
            name: step.settings for name, step in second.items() if step.input == "photo"
        }
        able = sorted(name for name, own in settings.items() if own.classes == "whole_face")
        ready = [*PACKAGED, *UPSTREAM]
        for key, starts in {"start": (self.finetune.start,), "further": self.finetune.further}.items():
            wrong = [name for name in starts if name not in (*able, *ready)]
            if wrong and self.finetune.counts:
                raise ValueError(
                    f"finetune.{key}: {wrong[0]} is no detector of whole faces in photos in this run; expected one of"
                    f" {', '.join(able) or 'none'}, or of {', '.join(ready)}, which are ready-made; or do without"
                    " fine-tuning (finetune: {counts: []})"
                )
        if self.finetune.start in self.finetune.further:
            raise ValueError(f"finetune.further: {self.finetune.start} is the first start already")
        return self

    @model_validator(mode="after")
    def _fine_tunes_on_photos_with_known_blocks(self) -> Self:
        name = self.finetune.photos
        if name is None:
            if self.finetune.parts is not None:
                raise ValueError(
                    "finetune.parts: is for photos (finetune.photos); infants of videos are left out alone"
                )
            return self
        own = self.data_sets.get(name)
        blocks = own.blocks if own else self.raw.blocks.get(name)
        frames = not own.has_landmarks if own else name in CATALOGUE and not CATALOGUE[name].has_landmarks
        if not frames or (own is None and (self.raw.synthetic or getattr(self.raw, name) is None)):
            raise ValueError(f"finetune.photos: {name} is no data set of frames of this run (raw, data_sets)")
        if blocks is None:
            key = f"data_sets.{name}.blocks" if own else f"raw.blocks.{name}"
            raise ValueError(f"finetune.photos: nothing says which photos of {name} belong together; give {key}")
        return self

    @model_validator(mode="after")
    def _teachers_that_there_are(self) -> Self:
        known = [*(name for name, each in BASELINES.items() if not each.trained), *self.packaged.detectors]
        for name, source in self.packaged.sources.items():
            for teacher in source.teachers:
                if teacher not in known:
                    raise ValueError(
                        f"packaged.sources.{name}.teachers: {teacher} is no ready-made detector; expected some of"
                        f" {', '.join(known)}"
                    )
                key = None if teacher in self.packaged.detectors else self.baselines.weights_of(teacher)
                if key is not None and key not in self.weights:
                    raise ValueError(f"packaged.sources.{name}.teachers: {teacher} needs weights.{key}; name its file")
        taken = {"rgb10", "rgb1", *BASELINES, *self.second_detectors()}
        for name in self.packaged.detectors:
            if name in taken:
                raise ValueError(f"packaged.detectors: the name {name} is that of another detector; choose another")
        return self

    @property
    def scales_of(self) -> str:
        """Name of the detector of multi-scale inference."""
        return self.rescue.scales_of or (OCCLUSION if OCCLUSION in self.detectors.variants else "rgb1")

    def second_detectors(self) -> dict[str, SecondStep]:
        """All detectors of the second step by name: the thesis's four first, then their variants."""
        return second_detectors(self.detectors, self.heatmaps)
