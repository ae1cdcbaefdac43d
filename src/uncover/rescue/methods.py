"""Methods that try to find the faces of missed photos, as a command line names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from uncover.config.detectors import MAP_INPUTS
from uncover.errors import InputError

GROUPS = ("heatmaps", "variant", "rival", "detector", "control", "ours")
EXPECTED = f"expected name=group or name=group:heatmaps:input, group one of {', '.join(GROUPS)}"


@dataclass(frozen=True)
class Method:
    """Whatever leaves predictions.

    Attributes:
        name: Of the folder of its predictions.
        group: One of `GROUPS`, for tables.
        maps: `<variant>:<input>`, the heatmaps that it looks at; None for what looks at photos or at boxes.
    """

    name: str
    group: str
    maps: str | None = None


def read_methods(words: Sequence[str]) -> list[Method]:
    """Read `gradcampp_avg=heatmaps:gradcampp:joint lower_threshold=rival ...`.

    Raises:
        InputError: A word is none such, or a method stands twice.
    """
    methods: dict[str, Method] = {}
    for word in words:
        name, _, rest = word.partition("=")
        group, *looks_at = rest.split(":")
        if not name or group not in GROUPS or len(looks_at) not in (0, 2) or not all(looks_at):
            raise InputError(f"--methods {word}: {EXPECTED}")
        if looks_at and looks_at[1] not in MAP_INPUTS:
            raise InputError(f"--methods {word}: input {looks_at[1]}; expected one of {', '.join(MAP_INPUTS)}")
        if name in methods:
            raise InputError(f"--methods {word}: {name} again; expected each method once")
        methods[name] = Method(name, group, ":".join(looks_at) or None)
    return list(methods.values())
