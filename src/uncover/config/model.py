"""The config of a run. Schema, defaults and reference are generated from this model."""

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
    """All settings of a run."""

    run: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="Name of the run: letters, digits, `_`, `.` and `-`. Outputs are written to `results/<run>/`.",
    )
    raw: Raw = Field(
        Raw(),
        description="Raw data: folders of downloaded data sets, or synthetic data. A data set that is `null` "
        "is skipped, with the sets, tables and figures that require it.",
    )
    data_sets: dict[str, DataSet] = Field(
        {},
        description="Your own data sets by name, e.g. `{my_ward: {path: clips, layout: yolo}}`; see "
        "`docs/data_sets.md`.",
    )
    synthetic: Synthetic = Field(
        Synthetic(),
        description="Size and content of the synthetic raw data, which is generated if `raw.synthetic` is `true`.",
    )
    labels: Labels = Field(Labels(), description="How labels are computed from landmarks.")
    splits: Splits = Field(Splits(), description="Assignment of photos to the sets `train`, `val` and `test`.")
    weights: dict[str, Weights] = Field(
        {},
        description="Third-party weights by name, e.g. `yolov5m` or `retinaface`. A file is loaded only if "
        "its SHA-256 matches.",
    )
    detectors: Detectors = Field(
        Detectors(),
        description="The six detectors of the thesis and their variants: network, classes, training recipe.",
    )
    evolution: Evolution = Field(Evolution(), description="Hyperparameter evolution.")
    prediction: Prediction = Field(
        Prediction(), description="Stored predictions, from which scores, tables and figures are computed."
    )
    heatmaps: Heatmaps = Field(Heatmaps(), description="Class-activation maps (heatmaps) of the detector `rgb10`.")
    rescue: Rescue = Field(
        Rescue(), description="Second step: rescue methods, which run on photos in which the detector found no face."
    )
    baselines: Baselines = Field(Baselines(), description="Baseline detectors.")
    finetune: Finetune = Field(Finetune(), description="Fine-tuning on a few labelled frames, and the learning curve.")
    packaged: Packaged = Field(
        Packaged(),
        description="Training and scoring of the pretrained weights (`general`, `nicu`) that ship with the package.",
    )
    report: Report = Field(Report(), description="Tables, figures and the report page.")
    cluster: Cluster = Field(
        Cluster(),
        description="Resources that jobs request from SLURM or share on a workstation. Changes rerun nothing.",
    )

    @field_validator("data_sets")
    @classmethod
    def _names_of_sets(cls, data_sets: dict[str, DataSet]) -> dict[str, DataSet]:
        taken = known_names() | {"rgb10", "rgb1", *get_args(SecondDetector), *BASELINES}
        for name in data_sets:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(f"name {name!r}: expected lower-case letters, digits and _, beginning with a letter")
            if name in taken:
                raise ValueError(f"name {name!r} is used by a known data set, set or detector; choose another name")
        return data_sets

    @model_validator(mode="after")
    def _faces_apart_need_the_released_split(self) -> Self:
        # With one copy of the photo per face, faces would be split one by one, and one photo get into several sets.
        if self.splits.procedure == "by_photo" and not (self.labels.merge.wflw and self.labels.merge.merl_rav):
            raise ValueError(
                "key labels.merge: false requires splits.procedure: released; splits by photo would put a photo into"
                " several sets"
            )
        return self

    @model_validator(mode="after")
    def _heatmaps_of_detectors_exist(self) -> Self:
        made = {*self.heatmaps.named(), DRAWN_BOXES}
        steps = self.second_detectors()
        blind = {name: step.heatmaps for name, step in steps.items() if step.heatmaps and step.heatmaps not in made}
        if blind:
            messages = [
                f"detector {name} uses heatmaps {kind!r}, which are not in the run" for name, kind in blind.items()
            ]
            # The four of the thesis use the heatmaps of a method, and cannot be removed.
            needed = sorted({str(kind) for name, kind in blind.items() if steps[name].role == "thesis"})
            if needed:
                messages.append(f"add {' and '.join(needed)} to heatmaps.methods")
            else:
                nulls = ", ".join(f"{name}: null" for name in blind)
                messages.append(
                    f"expected one of {', '.join(sorted(made))}; or remove the detectors:"
                    f" detectors: {{variants: {{{nulls}}}}}"
                )
            raise ValueError("; ".join(messages))
        return self

    @model_validator(mode="after")
    def _one_suppression_for_all_that_is_compared(self) -> Self:
        own, other = self.prediction.nms_iou, self.rescue.missed_nms_iou
        if other is not None and other != own:
            raise ValueError(
                f"key rescue.missed_nms_iou: expected the value of prediction.nms_iou, {own}; found {other}; remove"
                " rescue.missed_nms_iou"
            )
        return self

    @model_validator(mode="after")
    def _multi_scales_at_photos(self) -> Self:
        of = self.scales_of
        photos = {"rgb1", *(name for name, step in self.second_detectors().items() if step.input == "photo")}
        if of not in photos:
            raise ValueError(
                f"key rescue.scales_of: {of} is not a detector with input: photo in this run; expected one of"
                f" {', '.join(sorted(photos))}; or remove it"
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
                    f"key finetune.{key}: {wrong[0]} is not a detector of whole faces in photos in this run; expected"
                    f" one of {', '.join([*able, *ready])}; or turn fine-tuning off (finetune: {{counts: []}})"
                )
        if self.finetune.start in self.finetune.further:
            raise ValueError(f"key finetune.further: {self.finetune.start} is already finetune.start; remove it")
        return self

    @model_validator(mode="after")
    def _fine_tunes_on_photos_with_known_blocks(self) -> Self:
        name = self.finetune.photos
        if name is None:
            if self.finetune.parts is not None:
                raise ValueError("key finetune.parts: requires finetune.photos; remove it, or set finetune.photos")
            return self
        own = self.data_sets.get(name)
        blocks = own.blocks if own else self.raw.blocks.get(name)
        frames = not own.has_landmarks if own else name in CATALOGUE and not CATALOGUE[name].has_landmarks
        if not frames or (own is None and (self.raw.synthetic or getattr(self.raw, name) is None)):
            raise ValueError(
                f"key finetune.photos: {name} is not a data set of whole faces in raw or data_sets of this run"
            )
        if blocks is None:
            key = f"data_sets.{name}.blocks" if own else f"raw.blocks.{name}"
            raise ValueError(f"key finetune.photos: {name} has no blocks (photos that belong together); set {key}")
        return self

    @model_validator(mode="after")
    def _teachers_that_there_are(self) -> Self:
        known = [*(name for name, each in BASELINES.items() if not each.trained), *self.packaged.detectors]
        for name, source in self.packaged.sources.items():
            for teacher in source.teachers:
                if teacher not in known:
                    raise ValueError(
                        f"key packaged.sources.{name}.teachers: unknown detector {teacher}; expected some of"
                        f" {', '.join(known)}"
                    )
                key = None if teacher in self.packaged.detectors else self.baselines.weights_of(teacher)
                if key is not None and key not in self.weights:
                    raise ValueError(
                        f"key packaged.sources.{name}.teachers: {teacher} requires weights.{key}; add its file"
                    )
        taken = {"rgb10", "rgb1", *BASELINES, *self.second_detectors()}
        for name in self.packaged.detectors:
            if name in taken:
                raise ValueError(
                    f"key packaged.detectors: name {name!r} is used by another detector; choose another name"
                )
        return self

    @property
    def scales_of(self) -> str:
        """Name of the detector used for multi-scale inference."""
        return self.rescue.scales_of or (OCCLUSION if OCCLUSION in self.detectors.variants else "rgb1")

    def second_detectors(self) -> dict[str, SecondStep]:
        """Detectors of the second step by name: the four of the thesis, then the variants."""
        return second_detectors(self.detectors, self.heatmaps)
