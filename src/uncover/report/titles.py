"""Display names of detectors and of their inputs, for tables and figures."""

from __future__ import annotations

from uncover.config.baselines import BASELINES
from uncover.config.heatmaps import METHODS

METHOD_TITLES = {name: method.title for name, method in METHODS.items()}

FIRST_TITLES = {"rgb10": "RGB 10 classes", "rgb1": "RGB 1 class"}
"""The thesis's detectors that run on photos."""

BASELINE_TITLES = {name: baseline.title for name, baseline in BASELINES.items()}
"""Baseline detectors, in table order."""

THESIS_MODELS = {
    "gradcampp_avg": "GradCAM++ (avg)",
    "hirescam_avg": "HiResCAM (avg)",
    "gradcampp_10": "GradCAM++ (10 class)",
    "hirescam_10": "HiResCAM (10 class)",
}
"""The thesis's four heatmap detectors in its order, with the titles of its table 9."""

OTHER_TITLES = {
    "drawn_boxes": "Drawn boxes, no gradient",
    "grey_photo": "Grey photo",
    "feature_head": "Head on frozen features",
    "rgb1_occlusion": "RGB 1 class, occlusion augmentation",
}
"""Detectors that do not use heatmaps: the controls, and our own detector."""

INPUT_TITLES = {"avg": "avg", "10": "10 class", "mean": "mean", "whole_face": "whole face"}
"""Which heatmaps of a photo a detector runs on, by the last part of its name."""

MAP_TITLES = {"": "", "multiscale": " multi-scale", "t1": " T1"}
"""How its heatmaps differ from the thesis's, by the middle part of its name."""

MAPS_EXPLAINED = (
    "avg: joint heatmap of all detected classes; 10 class: one heatmap per class; mean: mean of the class heatmaps;"
    " whole face: heatmap of that class. Multi-scale: heatmaps of several layers; T1: heatmaps of all candidates,"
    " not only of the detections."
)


def model_title(name: str) -> str:
    """Display name of a detector, such as "HiResCAM multi-scale (avg)" for "hirescam_multiscale_avg".

    Args:
        name: Name in the config. A name without a heatmap method or kind is returned unchanged.
    """
    for titles in (FIRST_TITLES, BASELINE_TITLES, OTHER_TITLES):
        if name in titles:
            return titles[name]
    for kind, kind_title in INPUT_TITLES.items():
        maps = maps_title(name.removesuffix(f"_{kind}"))
        if name.endswith(f"_{kind}") and maps:
            return f"{maps} ({kind_title})"
    return name


def maps_title(name: str) -> str:
    """Display name of a kind of heatmaps, such as "HiResCAM multi-scale"; empty for any other name."""
    method, _, rest = name.partition("_")
    return METHOD_TITLES[method] + MAP_TITLES[rest] if method in METHOD_TITLES and rest in MAP_TITLES else ""
