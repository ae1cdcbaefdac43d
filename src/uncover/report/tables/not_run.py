"""Detectors that a run does without: their rows say so, and a footnote says why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated

import pandas as pd

from uncover.errors import InputError
from uncover.report.command_line import Option
from uncover.report.models import BASELINE_TITLES, FIRST_TITLES, model_title

NOT_RUN = "not run"
OPTION = "--not-run"

DETECTORS = (*FIRST_TITLES, *BASELINE_TITLES)
"""All that find faces in photos, in the order of the tables."""


def read_not_run(words: Sequence[str]) -> dict[str, str]:
    """Read `retinaface='its weights are not at hand' ...`.

    Returns:
        Reason by detector, in the order of the tables.

    Raises:
        InputError: A word is none such, or a detector stands twice.
    """
    reasons: dict[str, str] = {}
    for word in words:
        name, _, text = word.partition("=")
        # A reason that an error message gave may have several lines.
        reason = " ".join(text.split())
        if name not in BASELINE_TITLES or not reason:
            raise InputError(f"{OPTION} {word}: expected name=reason, name one of {', '.join(BASELINE_TITLES)}")
        if name in reasons:
            raise InputError(f"{OPTION} {word}: {name} again; expected each detector once")
        reasons[name] = reason
    return {name: reasons[name] for name in BASELINE_TITLES if name in reasons}


NotRun = Annotated[Mapping[str, str], Option("NAME=REASON", "+", extends=True, read=read_not_run)]
"""An option that names such detectors."""

NOBODY: Mapping[str, str] = {}


def check_not_run(not_run: Collection[str], found: Collection[str], where: str) -> None:
    """Make sure that nothing is at hand of the detectors that are said not to have been run.

    Args:
        not_run: Names.
        found: Names of those of which something is at hand.
        where: What was given, for the message.

    Raises:
        InputError: Something is.
    """
    for name in found:
        if name in not_run:
            raise InputError(f"{OPTION} {name}: {where} of it; expected either, not both")


def with_rows(frame: pd.DataFrame, rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """A table with further rows, in which numbers stay what they are, whole ones too, beside words.

    Args:
        frame: The table.
        rows: Cells by column; a column that is left out says `NOT_RUN`.
    """
    if not rows:
        return frame
    full = [{name: row.get(name, NOT_RUN) for name in frame.columns} for row in rows]
    further = pd.DataFrame(full, columns=frame.columns, dtype=object)
    return pd.concat([frame.astype(object), further], ignore_index=True)


def by_detector(frame: pd.DataFrame, column: str = "Detector") -> pd.DataFrame:
    """Rows in the order of the tables; those of one detector stay as they are.

    Args:
        frame: A table.
        column: Which one holds the detectors' titles.
    """
    titles = [model_title(name) for name in DETECTORS]
    return frame.sort_values(column, key=lambda cells: cells.map(titles.index), kind="stable", ignore_index=True)


def why_not_run(not_run: Mapping[str, str]) -> list[str]:
    """Footnote."""
    reasons = "; ".join(f"{model_title(name)}: {reason.rstrip('.')}" for name, reason in not_run.items())
    return [f"Not run: {reasons}."] if reasons else []
