"""Display names of the sets and methods of the rescue trial.

Separate from `titles`, because otherwise the code digest of all tables would depend on the strategies.
"""

from __future__ import annotations

from uncover.report.titles import METHOD_TITLES, THESIS_MODELS, model_title
from uncover.rescue.methods import NO_RESCUE
from uncover.rescue.strategies import STRATEGIES

SET_TITLES = {
    "merl": "MERL-RAV test photos",
    "wflw": "WFLW test photos",
    "hof": "Hand Over Face",
    "slapi_none": "Graded frames, none covered",
    "slapi_easy": "Graded frames, easy",
    "slapi_medium": "Graded frames, medium",
    "slapi_hard": "Graded frames, hard",
}
"""Display name by set, in report order."""


def set_title(name: str) -> str:
    """Display name of a set in a sentence."""
    return SET_TITLES.get(name, name)


def method_title(name: str) -> str:
    """Display name of a method in a sentence: the title of a detector, the plain name of any other method."""
    if name in STRATEGIES:
        first, _, rest = STRATEGIES[name].title.partition(" ")
        return f"{first if len(first) > 1 and first.isupper() else first.lower()} {rest}"
    title = THESIS_MODELS.get(name) or model_title(name)
    return title if title != name else name.replace("_", " ")


def rescue_title(name: str) -> str:
    """Display name of a rescue in a table; `NO_RESCUE` is returned unchanged."""
    if name == NO_RESCUE:
        return name
    # Names of heatmap detectors start with their heatmap method.
    return f"heatmaps: {method_title(name)}" if name.partition("_")[0] in METHOD_TITLES else method_title(name)
