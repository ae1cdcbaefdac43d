"""The rescue summary's sibling: every detector alone and with a rescue behind it, on all photos of a set.

The thesis has no such table. It rescues its own detector alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from uncover.errors import InputError
from uncover.report.csv_records import block_count, read_csv_record
from uncover.report.models import model_title
from uncover.report.registry import table
from uncover.report.rescue_names import SET_TITLES, rescue_title, set_title
from uncover.report.tables.companions import interval_notes, with_interval
from uncover.report.tables.not_run import DETECTORS, NOBODY, NotRun, by_detector, check_not_run, why_not_run, with_rows
from uncover.report.tables.rivals import conventions, of_confidences
from uncover.report.tables.table import MISSING, Table, Tables, cell_text
from uncover.rescue.cascade import COLUMNS
from uncover.rescue.methods import NO_RESCUE

NAME = "rescue_summary_rivals"
TITLE = "Detectors alone and with rescue"
UNKNOWN = "–"
"""Stands for what a row does not have."""

NOTES = (
    "All photos of the set count. Missed photos: those without a box of the detector. A rescue looks into these alone,"
    " and its boxes count from the confidence on that keeps a rate of false boxes per photo on val (the middle one of"
    " rescue.false_positives_per_photo); where none keeps it (n/a), the rescue proposes nothing.",
    "Found: share of all true faces that a box meets (IoU rescue.true_iou), each face once, with its interval in"
    " brackets (95 %, bootstrap). False boxes: all others.",
    "Alone at as many false boxes: what the detector finds by itself when its confidence is lowered, on these very"
    " photos, until it makes as many false boxes as with the rescue. Gain: Found less that, with a paired interval; a"
    " rescue is worth its while where the interval lies above 0.",
)

Row = Mapping[Hashable, Any]


@table(
    "rescue_summary_rivals",
    "detectors alone and with rescue",
    caption="What share of all faces each detector finds alone and with a rescue behind it that looks into the photos"
    " it missed, beside what it finds alone at as many false boxes.\n"
    "The thesis has no such table.",
    inputs=lambda run: {"cascade": run.paths.rescue_cascade},
    options=lambda run: {"not_run": run.baselines_not_run()},
)
def detectors_with_rescue(cascade: Path, not_run: NotRun = NOBODY) -> Tables:
    """Make the table from files.

    Args:
        cascade: rescue_cascade.csv of `uncover rescue_cascade`.
        not_run: Detectors without results, and why: a row each, which says so.

    Raises:
        InputError: It is no such record, or tells of one of these detectors.
    """
    frame = read_csv_record(cascade, COLUMNS, "rescue_cascade")
    for name in frame["detector"].unique():
        if name not in DETECTORS:
            raise InputError(f"{cascade}: detector {name!r}, expected one of {', '.join(DETECTORS)}")
    for name in set(COLUMNS) - {"set", "detector", "rescue", "block_kind"}:
        if len(frame) and not pd.api.types.is_numeric_dtype(frame[name]):
            raise InputError(f"{cascade}: column {name} holds words; expected a record of 'uncover rescue_cascade'")
    check_not_run(not_run, set(frame["detector"]), f"{cascade} tells")
    frame = in_order(frame)
    rows = [{"set": name, "detector": detector} for name in frame["set"].unique() for detector in not_run]
    return Tables(NAME, in_order(with_rows(frame, rows)), rescued_rivals(frame, not_run))


def in_order(cascade: pd.DataFrame) -> pd.DataFrame:
    """Rows by set and detector, in the order of the report; those of one detector stay as they are."""
    sets = [*SET_TITLES, *sorted(set(cascade["set"]) - SET_TITLES.keys())]
    places = pd.DataFrame(
        {"set": cascade["set"].map(sets.index), "detector": cascade["detector"].map(DETECTORS.index)}, cascade.index
    )
    return cascade.loc[places.sort_values(["set", "detector"], kind="stable").index].reset_index(drop=True)


def rescued_rivals(cascade: pd.DataFrame, not_run: Mapping[str, str]) -> list[Table]:
    """A table per set.

    Args:
        cascade: The record, as `in_order` returns it.
        not_run: Detectors that the run does without, and why.
    """
    if cascade.empty:
        notes = ["No set with labels was tried in this run.", *why_not_run(not_run)]
        return [Table(NAME, TITLE, pd.DataFrame({"Detector": []}), notes)]
    tables: list[Table] = []
    for name, rows in cascade.groupby("set", sort=False):
        # Once is enough: the tables stand below each other.
        notes = [] if tables else _notes(cascade, not_run)
        tables.append(_of_set(str(name), rows, list(not_run), notes))
    return tables


def _of_set(name: str, rows: pd.DataFrame, not_run: Sequence[str], notes: Sequence[str]) -> Table:
    shown = with_rows(
        pd.DataFrame([_cells(row) for row in rows.to_dict("records")]),
        [{"Detector": model_title(detector), "Rescue": UNKNOWN} for detector in not_run],
    )
    counted = f"photos: {rows['photos'].max()}, faces: {rows['faces'].max()}"
    return Table(NAME, f"{TITLE}: {set_title(name)} ({counted})", rows, list(notes), shown=by_detector(shown))


def _cells(row: Row) -> dict[str, str]:
    alone = row["rescue"] == NO_RESCUE
    return {
        "Detector": model_title(str(row["detector"])),
        "Rescue": rescue_title(str(row["rescue"])),
        "Missed photos": str(row["missed"]),
        "Found": with_interval(row["share"], row["share_low"], row["share_high"]),
        "False boxes per photo": cell_text(row["false_per_photo"], 2),
        "Alone at as many false boxes": UNKNOWN if alone else cell_text(row["same_share"], 2),
        "Gain": UNKNOWN if alone else with_interval(row["gain"], row["gain_low"], row["gain_high"], "+"),
    }


def _notes(cascade: pd.DataFrame, not_run: Mapping[str, str]) -> list[str]:
    names = set(cascade["detector"])
    confidences = {
        str(name): float(value) for name, value in zip(cascade["detector"], cascade["confidence"], strict=True)
    }
    tried = cascade[cascade["rescue"] != NO_RESCUE]
    thresholds = {
        str(name): MISSING if pd.isna(value) else f"{value:.2f}"
        for name, value in zip(tried["rescue"], tried["rescue_confidence"], strict=True)
    }
    told = "; ".join(f"{rescue_title(name)} {value}" for name, value in thresholds.items())
    drawn = [
        (set_title(str(row["set"])), block_count(row)) for row in cascade.drop_duplicates("set").to_dict("records")
    ]
    notes = [*NOTES, *interval_notes(drawn), of_confidences(confidences, names)]
    if told:
        notes.append(f"Confidences of the rescues: {told}.")
    return [*notes, *conventions(names), *why_not_run(not_run)]
