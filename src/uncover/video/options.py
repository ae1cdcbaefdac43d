"""Options of `uncover detect`: which networks, how they are applied, and what is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from uncover.config.evaluation import LEAVE_OUT

if TYPE_CHECKING:
    from uncover.yolov5.device import Precision

Temporal = Literal["off", "online", "offline"]

CONFIDENCE = 0.4
"""From which a box of one of our detectors counts as a face where nobody says."""


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
        privacy: What of faces these show: "pixelate", "blur", "whole-frame" or "publish".
        sound: Whether annotated copies of video files keep their sound.
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


@dataclass(frozen=True)
class NetworkOptions:
    """Which detector, which rescue, and how they compute.

    Attributes:
        run: Folder of a run, such as results/demo; None for weights alone.
        weights: Of the detector; None takes the run's, or without a run the ready-made ones.
        rescue: "best", "none", "heatmap:<name>", or the name of a method.
        heatmap_weights: Of a detector of heatmaps, in the place of one of the run.
        confidence: From which a whole face counts.
        rescue_confidence: The same for the rescue; None takes that of the run's trial.
        nms_iou: IoU above which a box of lower confidence is dropped; None takes that of the run's predictions.
        image_size: Longest side of the detector's input, in pixels; None takes that of its training.
        device: "auto", or a name as torch has it.
        precision: Arithmetic of the networks.
        covered: Whether it is to be said where else faces may be, for who hides them.
        face: Name of the detector's class that is the whole face, where it is not plain.
    """

    run: Path | None
    weights: Path | None
    rescue: str = "best"
    heatmap_weights: Path | None = None
    confidence: float = CONFIDENCE
    rescue_confidence: float | None = None
    nms_iou: float | None = None
    image_size: int | None = None
    device: str = "auto"
    precision: Precision = "float32"
    covered: bool = False
    face: str | None = None


def find_privacy(run: Path) -> str | None:
    """What the run's last config shows of patients; None where no config stands in its record, or it does not say."""
    import yaml

    configs = sorted(run.glob("record/*/config.yaml"))
    values = yaml.safe_load(configs[-1].read_text(encoding="utf-8")) if configs else {}
    report = values.get("report") if isinstance(values, dict) else None
    said = str(report["privacy"]) if isinstance(report, dict) and "privacy" in report else None
    # A copy of a video shows something; what a figure leaves out, it hides.
    return "whole-frame" if said == LEAVE_OUT else said
