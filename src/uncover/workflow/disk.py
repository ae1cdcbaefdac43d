"""How much disk a run will take: what earlier runs took for a photo, times the photos."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

from uncover.config.detectors import Detector
from uncover.metrics.alike import MOST_BOXES
from uncover.parts.classes import CLASS_NAMES
from uncover.workflow.dag import PlannedJob
from uncover.workflow.work import Work

BLOCK = 4096
"""Bytes that the smallest file takes on most disks."""

SAMPLE = 200
"""Files that stand for all of a folder."""

MILLION_WEIGHTS = {"yolov5n": 1.9, "yolov5s": 7.2, "yolov5m": 21.2, "yolov5l": 46.5, "yolov5x": 86.7}
STATES = 5
"""Copies of the weights in the state of a training: its own, their average, the best, and an optimiser's two."""

MAP_BYTES = {"gradcampp": 8_500, "hirescam": 4_100, "gradcampp_multiscale": 100_000, "hirescam_multiscale": 7_000}
"""Maps of a photo at 640 pixels, as measured on real photos (docs/heatmaps.md), for who has made none yet."""

BOX_BYTES = 12
"""Of a compressed row of stored predictions."""


class Disk:
    """Foretells bytes."""

    def __init__(self, work: Work, results: Path) -> None:
        """
        Args:
            work: Sizes of the run.
            results: Folder of all runs.
        """
        self._work, self._results = work, results
        self._maps: dict[str, float] = {}

    def of(self, job: PlannedJob) -> int:
        """Bytes that a job leaves, without those that it removes at its end."""
        rule, wildcards = job.rule, job.wildcards
        photos = self._work.photos
        if rule in ("label_faces", "label_frames"):
            # A link and a label file a photo, which fill a block each at most.
            return 2 * BLOCK * photos.get(wildcards["set"], 0)
        if rule == "train":
            return self._weights(self._detector(wildcards["model"]))
        if rule == "make_heatmaps":
            each = sum(self._map(name) for name in self._work.config.heatmaps.named())
            return int(each * photos.get(wildcards["set"], 0) / self._work.config.heatmaps.shards_of(wildcards["set"]))
        shares = self._work.config.prediction.shards
        if rule in ("predict", "predict_rgb_tables", "collect_predictions", "collect_rgb_tables"):
            classes = 1 if self._detector(wildcards["model"]).classes == "whole_face" else len(CLASS_NAMES)
            tables = 2 if rule.endswith("rgb_tables") else 1
            boxes = tables * classes * MOST_BOXES * photos.get(wildcards["set"], 0)
            return boxes * BOX_BYTES // (1 if rule.startswith("collect") else shares)
        if rule in ("predict_second", "look_closer", "predict_rival", "collect_second", "collect_rival"):
            seen = sum(count for name, count in photos.items() if name != "train")
            return MOST_BOXES * BOX_BYTES * seen // (1 if rule.startswith("collect") else shares)
        if rule == "make_standin":
            return int(0.15 * self._work.config.standin.size**2) * int(self._work.of(rule, wildcards))
        return BLOCK * len(job.outputs)

    def while_running(self, job: PlannedJob) -> int:
        """Bytes that a job needs beyond that until it ends."""
        return STATES * self._weights(self._detector(job.wildcards["model"])) if job.rule == "train" else 0

    def _map(self, variant: str) -> float:
        """Bytes of both files of a photo."""
        if variant not in self._maps:
            config = self._work.config
            size = config.heatmaps.image_size or config.detectors.rgb10.image_size
            known = MAP_BYTES.get(variant, max(MAP_BYTES.values())) * (size / 640) ** 2
            self._maps[variant] = self._measured_map(variant) or max(known, 2.0 * BLOCK)
        return self._maps[variant]

    def _measured_map(self, variant: str) -> float | None:
        """From this very run, whose image size is the same."""
        sets = sorted(Path(self._results, self._work.config.run, "heatmaps", variant).glob("*"))
        kinds = [[*_sample(folder / kind for folder in sets)] for kind in ("images", "joint")]
        if not all(kinds):
            return None
        return sum(sum(map(_taken, files)) / len(files) for files in kinds)

    def _detector(self, model: str) -> Detector:
        second = self._work.config.second_detectors()
        return second[model].settings if model in second else getattr(self._work.config.detectors, model)

    def _weights(self, detector: Detector) -> int:
        return int(4e6 * MILLION_WEIGHTS[detector.model])


def _sample(folders: Iterable[Path]) -> Iterable[Path]:
    files = itertools.chain.from_iterable(folder.glob("*.tiff") for folder in folders if folder.is_dir())
    return itertools.islice(files, SAMPLE)


def _taken(path: Path) -> int:
    return path.stat().st_blocks * 512
