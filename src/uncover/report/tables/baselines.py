"""What the tables of all detectors have in common: sets, records by detector, and what is to be said of baselines."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from uncover.errors import InputError
from uncover.report.command_line import Option
from uncover.report.models import model_title
from uncover.report.tables.detectors import ALL_GRADES, SETS
from uncover.report.tables.not_run import DETECTORS
from uncover.rescue.methods import read_confidences

SCORED_SETS = {name: SETS[name] for name in ("merl", "wflw")} | ALL_GRADES
"""Title by set, in the order of the rows."""

Confidences = Annotated[
    Mapping[str, float],
    Option("NAME=NUMBER", "+", read=functools.partial(read_confidences, option="--confidences")),
]
"""An option that says from which confidence the boxes of several detectors count."""

ALL_SETS = "all"
"""What stands for the set in the row of a detector that was not run."""

WIDER = ("mtcnn", "retinaface")
READY_MADE = (*WIDER, "viola_jones")
"""Detectors that somebody else has trained; of these, on WIDER FACE."""


def conventions(names: Collection[str]) -> list[str]:
    """Footnotes on what sets ready-made detectors apart.

    Args:
        names: Detectors that a table tells of.
    """
    ready, wider = ([model_title(name) for name in group if name in names] for group in (READY_MADE, WIDER))
    notes = []
    if ready:
        notes.append(
            f"Trained by others: {_list(ready)}. Each draws faces by a convention of its own, so that a box on a"
            " face may miss IoU 0.5 and count as false; the others were trained on this run's faces."
        )
    if wider:
        notes.append(
            f"{_list(wider)}: trained on WIDER FACE, which has far more faces than this run's training set, boxed from"
            " the forehead to the chin. WFLW's photos come from there, so those may not be new here."
        )
    if ready:
        notes.append(
            "MERL-RAV and WFLW label not every face of a photo. A box on one that nobody labelled counts as false,"
            " which costs those most that find most faces."
        )
    return notes


def of_confidences(confidences: Mapping[str, float], names: Collection[str]) -> str:
    """Footnote on the confidences from which boxes count.

    Args:
        confidences: By detector.
        names: Detectors that a table tells of.
    """
    told = ", ".join(f"{model_title(name)} {confidences[name]:g}" for name in DETECTORS if name in names)
    return (
        f"A box counts from its detector's working confidence on: {told}. That of the RGB detectors is the thesis's"
        " (rescue.missed_confidence), the others are their libraries', and 0.5 where these have none (section baselines of"
        " the config). They are not tuned on these photos, and those of two detectors do not compare."
    )


def files_by_detector(
    predictions: Sequence[Path], sets: Collection[str], confidences: Mapping[str, float]
) -> dict[tuple[str, str], Path]:
    """Sort files of predictions by detector and set.

    Args:
        predictions: Files named `<detector>/<set>.parquet`.
        sets: Names to expect.
        confidences: By detector; all of the files' detectors must have one.

    Returns:
        In the order of the tables.

    Raises:
        InputError: A file is of another detector or set, stands twice, or has no confidence.
    """
    paths: dict[tuple[str, str], Path] = {}
    for path in predictions:
        # Links stay: whoever linked a folder named it so.
        key = path.absolute().parent.name, path.stem
        if key[0] not in DETECTORS or key[1] not in sets or key in paths:
            raise InputError(
                f"{path}: is {'/'.join(key)}; expected <detector>/<set>.parquet, each once, of the detectors"
                f" {', '.join(DETECTORS)} and the sets {', '.join(sets)}"
            )
        if key[0] not in confidences:
            raise InputError(f"{path}: --confidences has no word for {key[0]}; expected one, such as {key[0]}=0.5")
        paths[key] = path
    return {(name, own): paths[name, own] for name in DETECTORS for own in sets if (name, own) in paths}


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
