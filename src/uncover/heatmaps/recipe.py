"""What heatmaps are made with: all that changes them but the image itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from uncover.config.heatmaps import Variant
from uncover.detector.weights import Header


@dataclass(frozen=True)
class Recipe:
    """What heatmaps are made with.

    Attributes:
        header: What the weights file says of the network.
        model: sha256 of the weights file.
        variants: The kinds of heatmap, by name.
        image_size: Longest side of the network's input, in pixels.
        confidence: Lowest confidence of a detection whose class has a map.
        nms_iou: IoU of the non-maximum suppression behind those detections.
        code: Digest of the program, so that maps of another version are made anew.
    """

    header: Header
    model: str
    variants: Mapping[str, Variant]
    image_size: int
    confidence: float
    nms_iou: float
    code: str = ""

    @property
    def class_names(self) -> list[str]:
        """By channel."""
        return list(self.header.class_names)

    def settings(self, variant: str) -> dict[str, Any]:
        """All that changes the maps of one variant, as JSON has it."""
        return {
            "variant": variant,
            **self.variants[variant].model_dump(mode="json"),
            "model": self.model,
            "network": self.header.model,
            "class_names": self.class_names,
            "image_size": self.image_size,
            "confidence": self.confidence,
            "nms_iou": self.nms_iou,
            "code": self.code,
        }

    def about(self, variant: str, image: str) -> dict[str, Any]:
        """What the files of an image say of how they were made; they are many, so it is no more than needed.

        Args:
            variant: Its name.
            image: sha256 of the image file.
        """
        settings = self.settings(variant)
        return {name: settings[name] for name in ("variant", "method", "layers", "target", "model")} | {
            "key": self.key(variant, image)
        }

    def key(self, variant: str, image: str) -> str:
        """Digest of all that the heatmaps of an image depend on: files of another key are made anew.

        Args:
            variant: Its name.
            image: sha256 of the image file.
        """
        content = json.dumps([self.settings(variant), image], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]
