"""Parse methods that search the faces of missed photos, and files named after sets, from a command line."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from uncover.config.detectors import MAP_INPUTS
from uncover.errors import InputError

GROUPS = ("heatmaps", "variant", "baseline", "detector", "control", "ours")
EXPECTED = f"expected name=group or name=group:heatmaps:input with a group among {', '.join(GROUPS)}"

OF_SET, OF_VAL, FIXED = "set", "val", "fixed"
"""Origins of a threshold: the evaluated photos themselves (as in the thesis), val, or the config."""

NO_RESCUE = "none"
"""Name of the rescue in rows of a detector alone."""


@dataclass(frozen=True)
class Method:
    """A method with stored predictions.

    Attributes:
        name: Name of the folder with its predictions.
        group: One of `GROUPS`, for tables; may be empty.
        maps: Heatmaps that it runs on, `<variant>:<input>`; None for methods that run on photos or boxes.
    """

    name: str
    group: str = ""
    maps: str | None = None


@dataclass(frozen=True)
class TriedDetector:
    """A detector with its threshold.

    Attributes:
        name: Name of the folder with its predictions.
        confidence: Confidence threshold of a whole face.
    """

    name: str
    confidence: float


def read_methods(words: Sequence[str]) -> list[Method]:
    """Parse words such as `gradcampp_avg=heatmaps:gradcampp:joint lower_threshold=baseline`.

    Raises:
        InputError: A word has another form, or a method is given twice.
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
    """Parse words such as `gradcampp_avg:gradcampp:joint multi_scale`.

    Raises:
        InputError: A word has another form, or a rescue is given twice.
    """
    rescues: dict[str, Method] = {}
    for word in words:
        name, *looks_at = word.split(":")
        if not name or name == NO_RESCUE or not _may_look_at(looks_at):
            raise InputError(f"--rescues {word}: expected name or name:heatmaps:input, name not {NO_RESCUE}")
        _check_word("--rescues", word, name, rescues, "rescue", looks_at)
        rescues[name] = Method(name, maps=":".join(looks_at) or None)
    return list(rescues.values())


def read_confidences(words: Sequence[str], option: str) -> dict[str, float]:
    """Parse words such as `rgb10=0.4 mtcnn=0.7`: confidence thresholds of detectors.

    Args:
        words: Words of the option.
        option: Name of the option, for messages.

    Raises:
        InputError: A word has another form, or a detector is given twice.
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
    """Whether these are heatmaps and input, or empty."""
    return len(looks_at) in (0, 2) and all(looks_at)


def _check_word(
    option: str, word: str, name: str, known: Container[str], kind: str, looks_at: Sequence[str] = ()
) -> None:
    if looks_at and looks_at[1] not in MAP_INPUTS:
        raise InputError(f"{option} {word}: input {looks_at[1]}; expected one of {', '.join(MAP_INPUTS)}")
    if name in known:
        raise InputError(f"{option} {word}: {name} is given twice; pass each {kind} once")


def by_set(paths: Sequence[Path], option: str) -> dict[str, Path]:
    """Paths by the name of their set: that of a folder, or of a file without its suffix.

    Args:
        paths: Such as `predictions/rgb10/val.parquet`, `missed/val.csv` or `datasets/val`.
        option: Name of the option, for messages.

    Raises:
        InputError: A set is given twice.
    """
    named: dict[str, Path] = {}
    for path in paths:
        name = path.absolute().stem
        if name in named:
            raise InputError(f"{path}: set {name} is given twice; pass each set once to {option}")
        named[name] = path
    return named
