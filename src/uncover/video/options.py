"""Options of `uncover detect`: networks, their settings, and outputs."""

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
"""Default confidence threshold of our own detectors."""


BETWEEN_LINES = 2.0
"""Minimum interval between two progress lines, in seconds."""


@dataclass(frozen=True)
class DetectOptions:
    """Options of detection and of its outputs.

    Attributes:
        batch: Maximum number of frames at a time.
        temporal: Tracking: "off", "online" (uses earlier frames only) or "offline"; always off for images.
        bridge: Maximum gap of a track in seconds.
        until: Second at which to stop in each video; None processes all of it.
        csv: Also write boxes.csv.
        coco: Also write boxes.json.
        annotated: Also write videos and images with boxes.
        privacy: How these show faces, as for `images.privacy.shown`.
        sound: Whether annotated copies of video files keep their sound.
        shape: Shape of hidden areas: "box" or "ellipse".
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
    """Detector and rescue, and how they run.

    Attributes:
        run: Folder of a run, such as results/demo; None for weights alone.
        weights: Weights of the detector; None uses the run's, or without a run the pretrained ones.
        rescue: "best", "none", "heatmap:<name>", "turns", "larger", or the name of a method, model or baseline.
        heatmap_weights: Weights of a heatmap detector, instead of one of the run.
        confidence: Confidence threshold of a whole face; None uses `CONFIDENCE`, or that of the baseline.
        rescue_confidence: Confidence threshold of the rescue; None uses that of the run's trial.
        nms_iou: IoU above which a box of lower confidence is dropped; None uses that of the run's predictions.
        image_size: Longest side of the detector's input, in pixels; None uses that of its training.
        device: "auto", or a name of torch.
        precision: Precision of the networks.
        covered: Whether to compute further areas that may be faces, in order to hide them.
        face: Name of the detector's class for the whole face, if it is ambiguous.
        baseline: Name of a baseline detector to use instead of weights.
        baseline_weights: Weights of baseline detectors by name; others use those of the run.
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
    """How the run's last config shows patients; None if its record has no config or no such setting."""
    report = find_settings(run).get("report")
    said = str(report["privacy"]) if isinstance(report, dict) and "privacy" in report else None
    # In a copy of a video, hide faces whose photos are left out of figures.
    return "whole-frame" if said == LEAVE_OUT else said


def find_settings(run: Path) -> dict[str, Any]:
    """The run's last config from its record; empty if there is none."""
    import yaml

    configs = sorted(run.glob("record/*/config.yaml"))
    values = yaml.safe_load(configs[-1].read_text(encoding="utf-8")) if configs else {}
    return values if isinstance(values, dict) else {}
