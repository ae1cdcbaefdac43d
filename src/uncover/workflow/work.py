"""Amount of work of a job, computed from the config: the time of one job is estimated from that of others by it.

The unit of jobs that run a network is one image of 640 pixels through yolov5m; that of other rules is one image or
face. Floating-point operations at 640 pixels are as published by the authors of the networks (README of yolov5 7.0,
documentation of ultralytics and torchvision; those of small backbones are our estimates).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from uncover.config.catalogue import CATALOGUE
from uncover.config.detectors import Detector
from uncover.config.model import Config
from uncover.errors import InputError
from uncover.workflow.sources import is_rendered
from uncover.workflow.targets import Run

GIGAFLOPS = {
    **{"yolov5n": 4.5, "yolov5s": 16.5, "yolov5m": 49.0, "yolov5l": 109.1, "yolov5x": 205.7, "scrfd_2.5g": 5.0},
    **{"yolo11n": 6.5, "yolo11s": 21.5, "yolo11m": 68.0, "yolo11l": 86.9, "yolo11x": 194.9},
    **{"resnet50": 90.0, "resnet18": 60.0, "mobilenet_v3_large": 4.5},
}
UNIT = GIGAFLOPS["yolov5m"] * 640**2

TRAINING = 3.0
"""Work of a training step relative to inference: forward, and backward through activations and weights."""

SHARE = "share"
"""Represents both wildcards of a name such as "1-of-4"."""

WILDCARDS: Mapping[str, tuple[str, ...]] = {
    "train": ("model",),
    "evolve_generation": ("generation",),
    **dict.fromkeys(("predict", "predict_rgb_tables", "predict_train"), ("model", SHARE)),
    "make_heatmaps": ("set", SHARE),
    **dict.fromkeys(("make_heatmaps_learned", "make_heatmaps_tested", "find_missed"), ()),
    "predict_second": ("second", SHARE),
    "predict_at_scales": ("scale", SHARE),
    "train_baseline": ("trained_baseline",),
    "predict_baseline": ("baseline", SHARE),
    **dict.fromkeys(("evaluate", "evaluate_rgb1", "evaluate_rgb_tables", "evaluate_rgb1_tables"), ("model",)),
    "read_faces": ("source",),
    "split_photos": ("source",),
    "make_synthetic": ("source",),
    "detect_videos": ("steps",),
    "fine_tune": ("left_out", "freeze", "amount"),
    "face_photos": ("photos",),
    **dict.fromkeys(("train_composed", "score_packaged", "package_weights"), ("packaged",)),
    "fine_tune_further": ("further", "left_out", "freeze", "amount"),
}
"""Wildcards after the rule in the names of its jobs; for rules not listed, the set."""

OF_TRIED_PHOTOS = frozenset(
    {"find_missed", "propose_faces", "evaluate_second", "evaluate_baseline", "rescue_trial", "rescue_cascade"}
    | {"rescue_summary", "rescue_summary_baselines"}
)
"""Rules whose jobs process the images of all sets of the second step."""

OF_FRAMES = frozenset({"pick_frames", "label_picked", "evaluate_videos"})
"""Rules whose jobs process the frames of all videos."""


@dataclass(frozen=True)
class Work:
    """Sizes of a run.

    Attributes:
        config: Config of the run.
        stated: Number of images of sets for which neither the config nor a file has it.
    """

    config: Config
    stated: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def run(self) -> Run:
        """Models and sets of the config."""
        return Run(self.config)

    @cached_property
    def photos(self) -> dict[str, float]:
        """Number of images by set: as counted if the set exists, else as stated, else as in the config.

        NaN if unknown.
        """
        return {name: self._counted(name) or self.stated.get(name) or self._requested(name) for name in self.run.sets}

    @property
    def unsized(self) -> list[str]:
        """Sets with an unknown number of images."""
        return [name for name, count in self.photos.items() if math.isnan(count)]

    def sets_of(self, rule: str) -> list[str]:
        """Sets that a job of a rule without the wildcard `set` processes."""
        if rule.startswith("make_heatmaps"):
            return self.run.joint_heatmap_sets(self.run.kept_heatmaps(), learned=rule.endswith("learned"))
        if rule.endswith("train"):
            return ["train"]
        return self.run.scored_sets if rule.endswith("rgb_tables") else self.run.unscored_sets

    def of_name(self, name: str) -> float:
        """Work of a job of which only the name is known, such as "train/rgb10".

        NaN for a job of an earlier version, whose name has other wildcards.
        """
        rule, *values = name.split("/")
        names = WILDCARDS.get(rule, ("set",))
        wildcards = dict(zip(names, values, strict=False))
        if len(values) > len(names) or not re.fullmatch(r"(\d+-of-\d+)?", wildcards.get(SHARE, "")):
            return math.nan
        try:
            return self.of(rule, wildcards)
        except (KeyError, AttributeError):  # a detector that this config does not have
            return 1.0

    def of(self, rule: str, wildcards: Mapping[str, str]) -> float:
        """Work of a job; 1 if it does not depend on sizes, NaN if it depends on an unknown one."""
        if rule == "train":
            return self._training(self.run.detector(wildcards["model"]))
        if rule == "train_composed":
            recipe = self.config.packaged.detectors[wildcards["packaged"]]
            # All sizes are equally frequent, and a batch has the same number of pixels at each size.
            sizes = recipe.composed.sizes
            full = len(sizes) / sum((recipe.image_size / size) ** 2 for size in sizes)
            images = recipe.epochs * recipe.composed.images * full
            return _one_or_more(TRAINING * images * _cost(recipe) / UNIT)
        if rule == "evolve_generation":
            epochs = self.config.evolution.epochs
            return self._training(self.config.detectors.rgb10.model_copy(update={"epochs": epochs}))
        if rule in ("predict", "predict_rgb_tables", "predict_train"):
            return self._inference(self.run.detector(wildcards["model"]), self.sets_of(rule)) / shards_of(wildcards)
        if rule == "make_heatmaps":
            return self._inference(self.config.detectors.rgb10, [wildcards["set"]]) / shards_of(wildcards)
        if rule in ("make_heatmaps_learned", "make_heatmaps_tested"):
            return self._inference(self.config.detectors.rgb10, self.sets_of(rule))
        if rule in ("predict_second", "predict_at_scales"):
            model = wildcards.get("second", self.config.scales_of)
            return self._inference(self.run.detector(model), self.run.tried_sets) / shards_of(wildcards)
        if rule in ("evaluate", "evaluate_rgb1", "evaluate_rgb_tables", "evaluate_rgb1_tables"):
            sets = self.run.scored_sets if rule.endswith("tables") else self.run.labelled_sets
            model = wildcards["model"]
            return _one_or_more(sum(self.photos.get(name, 0) * len(self.run.scopes(model, name)) for name in sets))
        if rule == "train_baseline":
            baseline = getattr(self.config.baselines, wildcards["trained_baseline"])
            cost = GIGAFLOPS[baseline.network] * baseline.image_size**2 / UNIT
            return _one_or_more(baseline.epochs * TRAINING * self.photos.get("train", 0) * cost)
        if rule == "predict_baseline":
            return _one_or_more(sum(self.photos.values())) / shards_of(wildcards)
        if rule == "detect_videos":
            return _one_or_more(self._video_frames() * _cost(self.config.detectors.rgb10) / UNIT)
        if rule in OF_TRIED_PHOTOS:
            return _one_or_more(sum(self.photos.get(name, 0) for name in self.run.tried_sets))
        if rule in OF_FRAMES:
            return _one_or_more(self._video_frames())
        if rule.startswith("fine_tune"):
            start = wildcards.get("further", self.config.finetune.start)
            return self._fine_tuning(start, int(wildcards["amount"]))
        if "set" in wildcards:
            return _one_or_more(self.photos.get(wildcards["set"], 1))
        if "source" in wildcards:
            return _one_or_more(self._of_source(wildcards["source"]))
        return 1.0

    def _training(self, detector: Detector) -> float:
        """Work of each of the processes that share a training."""
        steps = TRAINING * self.photos.get("train", 0) / detector.processes + self.photos.get("val", 0)
        return _one_or_more(detector.epochs * steps * _cost(detector) / UNIT)

    def _fine_tuning(self, start: str, frames: int) -> float:
        """Work of a training on a number of frames, scored on them after each epoch, and of scores on one video."""
        ours = self.config.finetune
        shown = -(-ours.least_images // frames) * frames if frames else 0
        passes = ours.epochs * (TRAINING * max(shown, frames) + frames) + ours.frames_per_video
        return max(1.0, passes * _cost(self.run.finetune_detector(start)) / UNIT)

    def _inference(self, detector: Detector, sets: Iterable[str]) -> float:
        return _one_or_more(sum(self.photos.get(name, 0) for name in sets) * _cost(detector) / UNIT)

    def _counted(self, name: str) -> int | None:
        path = Path(self.run.paths.dataset(name).summary)
        try:
            return int(json.loads(path.read_text(encoding="utf-8"))["photos"])
        except (OSError, ValueError, KeyError):
            return None

    def _requested(self, name: str) -> float:
        config = self.config
        if name in self.run.landmark_sets:
            split, sources = self.run.landmark_sets[name]
            return sum(self._requested_of(source, split) for source in sources)
        source, _ = self.run.frame_sets[name]
        if not is_rendered(config, source):
            return CATALOGUE[source].size.get(name, math.nan) if source in CATALOGUE else math.nan
        sizes = getattr(config.synthetic, source)
        return int(sizes) if isinstance(sizes, int) else int(getattr(sizes, name.removeprefix(f"{source}_")))

    def _requested_of(self, source: str, split: str) -> float:
        sizes = self.run.sources[source].split
        size = None if sizes is None else getattr(sizes, split)
        if size is not None:
            return int(size)
        if is_rendered(self.config, source):
            sizes = getattr(self.config.synthetic, source)
            return int(sizes.train if split == "train" else sizes.test)
        return _faces_of(source) // (1 if split == "train" else 2)

    def _video_frames(self) -> int:
        """Frames of the videos with true boxes: each CSV file has one row per frame, below the header."""
        videos = self.config.synthetic.videos
        if self.config.raw.synthetic:
            return videos.infants * videos.seconds * videos.rate
        truths = (path.with_suffix(".csv") for path in self.run.video_files.values())
        return sum(max(0, len(path.read_bytes().splitlines()) - 1) for path in truths)

    def _of_source(self, source: str) -> float:
        if source == "videos":
            return self._video_frames()
        if is_rendered(self.config, source):
            sizes = getattr(self.config.synthetic, source)
            values: Mapping[str, int] = {"all": sizes} if isinstance(sizes, int) else sizes.model_dump()
            return sum(values.values())
        known = self.run.sources.get(source)
        sizes = {} if known is None or known.split is None else known.split.model_dump()
        stated = sum(count for count in sizes.values() if count is not None)
        # The result is NaN only if nothing is stated.
        return max(stated, _faces_of(source)) if stated else _faces_of(source)


def _faces_of(source: str) -> float:
    """Faces of a known download with landmarks; NaN of anything else."""
    return CATALOGUE[source].size.get("", math.nan) if source in CATALOGUE else math.nan


def _one_or_more(work: float) -> float:
    """Work of a job, at least 1; NaN is kept."""
    return work if math.isnan(work) else max(1.0, float(work))


def read_photos(pairs: Sequence[str]) -> dict[str, int]:
    """Parse numbers of images by set, such as "hof=4384".

    Raises:
        InputError: An argument has another format.
    """
    photos = {}
    for pair in pairs:
        name, _, count = pair.partition("=")
        if not (name and count.isdecimal()):
            raise InputError(f"--photos {pair}: expected SET=N, e.g. hof=4384")
        photos[name] = int(count)
    return photos


def shards_of(wildcards: Mapping[str, str]) -> int:
    """Number of jobs that share the images of the job with these wildcards."""
    return int(wildcards.get("shards") or wildcards.get(SHARE, "").rpartition("-of-")[2] or 1)


def _cost(detector: Detector) -> float:
    """Cost of one image."""
    return GIGAFLOPS[detector.model] * detector.image_size**2
