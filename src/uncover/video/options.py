"""Options of `uncover detect`: networks, how they are applied, and outputs."""

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
"""Default confidence threshold of our detectors."""


BETWEEN_LINES = 2.0
"""Maximum seconds between two progress lines."""


@dataclass(frozen=True)
class DetectOptions:
    """Settings of detection and outputs.

    Attributes:
        batch: Maximum frames per batch.
        temporal: Tracking: "off", "online" (uses earlier frames only) or "offline" (also uses later frames); always
            off for images.
        bridge: Longest gap that tracking bridges, in seconds.
        until: Second of each video after which to stop; None for the whole video.
        csv: Whether to write boxes.csv.
        coco: Whether to write boxes.json.
        annotated: Whether to write annotated copies of videos and images.
        privacy: Privacy setting of annotated copies, as in `images.privacy.shown`.
        sound: Whether annotated copies of video files keep their sound.
        shape: Shape of hidden regions: "box" or "ellipse".
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
    """Choice of detector and rescue, and their settings.

    Attributes:
        run: Folder of a run, such as results/demo; None to use weights only.
        weights: Weights of the detector; None for those of the run, or the pretrained ones without a run.
        rescue: "best", "none", "heatmap:<name>", "turns", "larger", or the name of a method, model or baseline.
        heatmap_weights: Weights of a detector of heatmaps, instead of one of the run.
        confidence: Confidence threshold; None for `CONFIDENCE`, or that of the baseline.
        rescue_confidence: Confidence threshold of the rescue; None for that of the run's trial.
        nms_iou: IoU threshold of non-maximum suppression; None for that of the run's predictions.
        image_size: Longest side of the detector's input, in pixels; None for that of its training.
        device: "auto", or the name of a torch device.
        precision: Arithmetic precision of the networks.
        covered: Whether to compute covers (regions that may contain a face), which privacy settings need.
        face: Name of the detector's class for the whole face, if it is ambiguous.
        baseline: Name of the baseline to use as the detector, instead of weights.
        baseline_weights: Weights of baselines, by name; others use those of the run.
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
    """Privacy setting in the run's last config; None if there is no recorded config, or it has no such setting."""
    report = find_settings(run).get("report")
    said = str(report["privacy"]) if isinstance(report, dict) and "privacy" in report else None
    # An annotated copy cannot omit an image as a figure can: it hides the whole frame.
    return "whole-frame" if said == LEAVE_OUT else said


def find_settings(run: Path) -> dict[str, Any]:
    """The run's last config, from its record; empty if there is none."""
    import yaml

    configs = sorted(run.glob("record/*/config.yaml"))
    values = yaml.safe_load(configs[-1].read_text(encoding="utf-8")) if configs else {}
    return values if isinstance(values, dict) else {}
