"""Options of `uncover detect`: which networks, how they are applied, and what is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from uncover.config.catalogue import LEAVE_OUT

if TYPE_CHECKING:
    from uncover.yolov5.device import Precision

Temporal = Literal["off", "online", "offline"]

CONFIDENCE = 0.4
"""From which a box of one of our detectors counts as a face where nobody says."""


BETWEEN_LINES = 2.0
"""Seconds between two lines that say how far it is, at most."""


@dataclass(frozen=True)
class DetectOptions:
    """How to detect, and what to write.

    Attributes:
        batch: Frames at a time, at most.
        temporal: Whether frames follow each other: "off", or a track "online" (no frame knows a later one) or
            "offline"; of images always off.
        bridge: Seconds that a gap may last.
        until: Second of each video after which to stop; None goes to its end.
        csv: Also write boxes.csv.
        coco: Also write boxes.json.
        annotated: Also write videos and images with the boxes drawn in.
        privacy: What of faces these show, as `images.privacy.shown` has it.
        sound: Whether annotated copies of video files keep their sound.
        shape: Of what is hidden around a box: "box" or "ellipse".
    """

    batch: int = 16
    temporal: Temporal = "off"
    bridge: float = 1.0
    until: float | None = None
    csv: bool = False
    coco: bool = False
    annotated: bool = False
    privacy: str = "pixelate"
    sound: bool = True
    shape: str = "box"


@dataclass(frozen=True)
class NetworkOptions:
    """Which detector, which rescue, and how they compute.

    Attributes:
        run: Folder of a run, such as results/demo; None for weights alone.
        weights: Of the detector; None takes the run's, or without a run the ready-made ones.
        rescue: "best", "none", "heatmap:<name>", "turns", "larger", or the name of a method, model or baseline.
        heatmap_weights: Of a detector of heatmaps, in the place of one of the run.
        confidence: From which a whole face counts; None takes `CONFIDENCE`, or that of the baseline.
        rescue_confidence: The same for the rescue; None takes that of the run's trial.
        nms_iou: IoU above which a box of lower confidence is dropped; None takes that of the run's predictions.
        image_size: Longest side of the detector's input, in pixels; None takes that of its training.
        device: "auto", or a name as torch has it.
        precision: Arithmetic of the networks.
        covered: Whether it is to be said where else faces may be, for who hides them.
        face: Name of the detector's class that is the whole face, where it is not plain.
        baseline: Name of a baseline that is the detector, instead of weights.
        baseline_weights: Of baselines by name; the others take those of the run.
    """

    run: Path | None
    weights: Path | None
    rescue: str = "best"
    heatmap_weights: Path | None = None
    confidence: float | None = None
    rescue_confidence: float | None = None
    nms_iou: float | None = None
    image_size: int | None = None
    device: str = "auto"
    precision: Precision = "float32"
    covered: bool = False
    face: str | None = None
    baseline: str | None = None
    baseline_weights: Mapping[str, Path] = field(default_factory=dict)


def find_privacy(run: Path) -> str | None:
    """What the run's last config shows of patients; None where no config stands in its record, or it does not say."""
    report = find_settings(run).get("report")
    said = str(report["privacy"]) if isinstance(report, dict) and "privacy" in report else None
    # A copy of a video shows something; what a figure leaves out, it hides.
    return "whole-frame" if said == LEAVE_OUT else said


def find_settings(run: Path) -> dict[str, Any]:
    """The run's last config, as it stands in its record; empty where none does."""
    import yaml

    configs = sorted(run.glob("record/*/config.yaml"))
    values = yaml.safe_load(configs[-1].read_text(encoding="utf-8")) if configs else {}
    return values if isinstance(values, dict) else {}
