"""How the report calls the sets and methods of the rescue trial.

Apart from `titles`, as the digest of all tables would depend on the strategies otherwise.
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
"""By set, in the order in which the report speaks of them."""


def set_title(name: str) -> str:
    """What a set is called in a sentence."""
    return SET_TITLES.get(name, name)


def method_title(name: str) -> str:
    """What a method is called in a sentence: a detector by its title, another by its plain name."""
    if name in STRATEGIES:
        first, _, rest = STRATEGIES[name].title.partition(" ")
        return f"{first if len(first) > 1 and first.isupper() else first.lower()} {rest}"
    title = THESIS_MODELS.get(name) or model_title(name)
    return title if title != name else name.replace("_", " ")


def rescue_title(name: str) -> str:
    """What a table calls that which looks into the photos that a detector missed, or `NO_RESCUE`."""
    if name == NO_RESCUE:
        return name
    # The name of a detector of heatmaps begins with their method.
    return f"heatmaps: {method_title(name)}" if name.partition("_")[0] in METHOD_TITLES else method_title(name)
