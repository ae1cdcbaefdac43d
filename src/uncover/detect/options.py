"""How `uncover detect` looks, and what it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Temporal = Literal["off", "online", "offline"]

PARTS, ANNOTATED, PER_SECOND, SUMMARY = ".parts", "annotated", "per_second.csv", "summary.json"
"""Below the folder that is written into."""

IMAGES = "images"
"""What all images together are called."""


@dataclass(frozen=True)
class Options:
    """How to look, and what to write.

    Attributes:
        batch: Frames at a time, at most.
        temporal: Whether frames follow each other: "off", or a track "online" (no frame knows a later one) or
            "offline"; of images always off.
        bridge: Seconds that a gap may last.
        until: Second of each video after which to stop; None looks at all of it.
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
