"""The detectors of the second step: what each looks at, and how it is trained (thesis sections 3.2.3 and 4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from uncover.config.detectors import Detector, Detectors, Input, SecondDetector
from uncover.config.heatmaps import Heatmaps


@dataclass(frozen=True)
class SecondStep:
    """A detector of the second step.

    Attributes:
        role: "thesis" for its four detectors, "variant" for other kinds of heatmaps, "control" for what has none,
            "ours" for what is to beat them all.
        settings: Network and recipe.
        input: What it looks at.
        heatmaps: Name of the heatmaps that it looks at; None for photos.
        start: The trained detector whose weights it starts from; None starts anew.
    """

    role: Literal["thesis", "variant", "control", "ours"]
    settings: Detector
    input: Input
    heatmaps: str | None
    start: str | None


def second_detectors(detectors: Detectors, heatmaps: Heatmaps) -> dict[str, SecondStep]:
    """All of them by name, the thesis's four first."""
    steps = {}
    for name in get_args(SecondDetector):
        method, _, kind = name.rpartition("_")
        steps[name] = SecondStep(
            "thesis", getattr(detectors, name), "classes" if kind == "10" else heatmaps.average, method, None
        )
    for name, variant in detectors.variants.items():
        changed = {
            key: value
            for key in ("freeze", "occlusion", "epochs", "image_size")
            if (value := getattr(variant, key)) is not None
        }
        settings = getattr(detectors, variant.like).model_copy(update=changed)
        steps[name] = SecondStep(variant.role, settings, variant.input, variant.heatmaps, variant.start)
    return steps
