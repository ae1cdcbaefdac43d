"""How tables and figures call detectors and what they look at."""

from __future__ import annotations

from uncover.config.baselines import BASELINES
from uncover.config.heatmaps import METHODS

METHOD_TITLES = {name: method.title for name, method in METHODS.items()}

FIRST_TITLES = {"rgb10": "RGB 10 classes", "rgb1": "RGB 1 class"}
"""The thesis's detectors of photos."""

BASELINE_TITLES = {name: baseline.title for name, baseline in BASELINES.items()}
"""Baseline detectors, in the order of the tables."""

THESIS_MODELS = {
    "gradcampp_avg": "GradCAM++ (avg)",
    "hirescam_avg": "HiResCAM (avg)",
    "gradcampp_10": "GradCAM++ (10 class)",
    "hirescam_10": "HiResCAM (10 class)",
}
"""The thesis's four heatmap detectors in its order, with their plain titles (those of table 9)."""

OTHER_TITLES = {
    "drawn_boxes": "Drawn boxes, no gradient",
    "grey_photo": "Grey photo",
    "feature_head": "Head on frozen features",
    "rgb1_occlusion": "RGB 1 class, occlusion augmentation",
}
"""What looks at no heatmaps: the controls, and our own detector."""

INPUT_TITLES = {"avg": "avg", "10": "10 class", "mean": "mean", "whole_face": "whole face"}
"""By last part of a detector's name: which of a photo's maps it looks at."""

MAP_TITLES = {"": "", "multiscale": " multi-scale", "t1": " T1"}
"""By middle part of a detector's name: what its maps have that the thesis's have not."""

MAPS_EXPLAINED = (
    "avg: the joint map of all detected classes; 10 class: a map per class; mean: of the classes' maps; whole face:"
    " that class's own. Multi-scale: maps of several layers; T1: maps of all candidates, not of the detections alone."
)


def model_title(name: str) -> str:
    """What a detector is called in print, such as "HiResCAM multi-scale (avg)" for "hirescam_multiscale_avg".

    Args:
        name: In the config. One that says neither a method nor a kind of map is its own title.
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
    """What a kind of heatmaps is called in print, such as "HiResCAM multi-scale"; empty for a name of other words."""
    method, _, rest = name.partition("_")
    return METHOD_TITLES[method] + MAP_TITLES[rest] if method in METHOD_TITLES and rest in MAP_TITLES else ""
