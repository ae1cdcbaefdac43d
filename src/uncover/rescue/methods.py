"""Methods that try to find the faces of missed photos, and files named after sets, as a command line names them."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from uncover.config.detectors import MAP_INPUTS
from uncover.errors import InputError

GROUPS = ("heatmaps", "variant", "baseline", "detector", "control", "ours")
EXPECTED = f"expected name=group or name=group:heatmaps:input, group one of {', '.join(GROUPS)}"

OF_SET, OF_VAL, FIXED = "set", "val", "fixed"
"""Where a threshold comes from: the scored photos themselves (as in the thesis), val, or the config."""

NO_RESCUE = "none"
"""Stands where a rescue's name would, for a detector alone."""


@dataclass(frozen=True)
class Method:
    """Whatever leaves predictions.

    Attributes:
        name: Of the folder of its predictions.
        group: One of `GROUPS`, for tables; empty where none asks for it.
        maps: `<variant>:<input>`, the heatmaps that it looks at; None for what looks at photos or at boxes.
    """

    name: str
    group: str = ""
    maps: str | None = None


@dataclass(frozen=True)
class TriedDetector:
    """A detector at work.

    Attributes:
        name: Of the folder of its predictions.
        confidence: Lowest of a whole face that counts.
    """

    name: str
    confidence: float


def read_methods(words: Sequence[str]) -> list[Method]:
    """Read `gradcampp_avg=heatmaps:gradcampp:joint lower_threshold=baseline ...`.

    Raises:
        InputError: A word is none such, or a method stands twice.
    """
    methods: dict[str, Method] = {}
    for word in words:
        name, _, rest = word.partition("=")
        group, *looks_at = rest.split(":")
        if not name or group not in GROUPS or not _may_look_at(looks_at):
            raise InputError(f"--methods {word}: {EXPECTED}")
        _check_word("--methods", word, name, methods, "method", looks_at)
        methods[name] = Method(name, group, ":".join(looks_at) or None)
    return list(methods.values())


def read_rescues(words: Sequence[str]) -> list[Method]:
    """Read `gradcampp_avg:gradcampp:joint multi_scale ...`.

    Raises:
        InputError: A word is none such, or a rescue stands twice.
    """
    rescues: dict[str, Method] = {}
    for word in words:
        name, *looks_at = word.split(":")
        if not name or name == NO_RESCUE or not _may_look_at(looks_at):
            raise InputError(f"--rescues {word}: expected name or name:heatmaps:input, and no name {NO_RESCUE}")
        _check_word("--rescues", word, name, rescues, "rescue", looks_at)
        rescues[name] = Method(name, maps=":".join(looks_at) or None)
    return list(rescues.values())


def read_confidences(words: Sequence[str], option: str) -> dict[str, float]:
    """Read `rgb10=0.4 mtcnn=0.7 ...`: from which confidence a detector's box counts as a face.

    Args:
        words: The words.
        option: Where they stood, for messages.

    Raises:
        InputError: A word is none such, or a detector stands twice.
    """
    confidences: dict[str, float] = {}
    for word in words:
        name, _, number = word.partition("=")
        try:
            confidence = float(number)
        except ValueError:
            confidence = math.nan
        if not name or not 0 <= confidence <= 1:
            raise InputError(f"{option} {word}: expected name=confidence, from 0 to 1, such as mtcnn=0.7")
        _check_word(option, word, name, confidences, "detector")
        confidences[name] = confidence
    return confidences


def _may_look_at(looks_at: Sequence[str]) -> bool:
    """Whether these may be heatmaps and input, or nothing."""
    return len(looks_at) in (0, 2) and all(looks_at)


def _check_word(
    option: str, word: str, name: str, known: Container[str], kind: str, looks_at: Sequence[str] = ()
) -> None:
    if looks_at and looks_at[1] not in MAP_INPUTS:
        raise InputError(f"{option} {word}: input {looks_at[1]}; expected one of {', '.join(MAP_INPUTS)}")
    if name in known:
        raise InputError(f"{option} {word}: {name} again; expected each {kind} once")


def by_set(paths: Sequence[Path], option: str) -> dict[str, Path]:
    """Paths by the name of their set: that of a folder, or of a file without its suffix.

    Args:
        paths: Such as `predictions/rgb10/val.parquet`, `missed/val.csv` or `datasets/val`.
        option: That gave them, for a message.

    Raises:
        InputError: A set stands twice.
    """
    named: dict[str, Path] = {}
    for path in paths:
        name = path.absolute().stem
        if name in named:
            raise InputError(f"{path}: {option} has the set {name} twice; expected each set once")
        named[name] = path
    return named
