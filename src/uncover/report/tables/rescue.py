"""Rescue summaries: methods compared on missed faces, and detectors alone and with a rescue."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from uncover.config.evaluation import middle_rate
from uncover.errors import InputError
from uncover.report.records import block_count
from uncover.report.registry import table
from uncover.report.rescue_names import SET_TITLES, method_title, rescue_title, set_title
from uncover.report.tables.baselines import conventions, of_confidences
from uncover.report.tables.table import (
    DETECTORS,
    MISSING,
    NOBODY,
    NOT_RUN,
    NotRun,
    Table,
    Tables,
    by_detector,
    cell_text,
    check_not_run,
    interval_notes,
    why_not_run,
    with_interval,
    with_rows,
)
from uncover.report.titles import model_title
from uncover.rescue.cascade import COLUMNS as CASCADE_COLUMNS
from uncover.rescue.methods import GROUPS, NO_RESCUE, OF_SET, OF_VAL
from uncover.rescue.strategies import STRATEGIES
from uncover.rescue.trial import BASELINE, COLUMNS
from uncover.tables import read_table

NAME = "rescue_summary"
DETECTOR = "detector"
"""Group of the baseline detectors."""

GROUP_TITLES = {
    "heatmaps": "thesis",
    "variant": "other heatmaps",
    "baseline": "no heatmap",
    DETECTOR: "baseline detectors",
    "control": "control",
    "ours": "ours",
}

NOTES = (
    "Found: share of the true faces in the missed photos, with its interval in brackets (95 %, bootstrap), at the"
    " false positives per missed photo in the heading. Thresholds are chosen on these photos, so that all methods"
    " have the same rate: the shares compare methods and do not predict results on new photos.",
    "From val: the same at the threshold that gives the rate on val, as in practice; in round brackets the actual false"
    " positives per photo.",
    "Precision: correct boxes of all boxes. Gain: share found minus that of the first detector at a lower threshold,"
    " with a paired interval. Blank: share of the missed photos for which the method has no input.",
    "*: no threshold reaches this rate, so the method finds nothing. n/a: no faces or boxes to compute a share of.",
)
NOTES_UNLABELLED = (
    "This set has no labels: the table counts detections, which may be wrong.",
    "Detected: missed photos with a box, at the threshold that gives this number of false positives per photo on val."
    " Blank: share of the missed photos for which the method has no input. *: no threshold reaches this rate on val.",
)

Row = Mapping[Hashable, Any]
Cuts = Mapping[tuple[str, float], Row]


@table(
    "rescue_summary",
    "missed faces found by each method",
    caption="Share of the missed faces that each method finds at equal false positives per photo: heatmap detectors,"
    " methods without heatmaps, and baseline detectors.\n"
    "The thesis has no such table.",
    inputs=lambda run: {"trial": run.paths.rescue_trial},
    options=lambda run: {"not_run": run.baselines_not_run()},
    keys=("set", "method", "fp_per_photo", "threshold"),
)
def summary_of_rescue(trial: Path, not_run: NotRun = NOBODY) -> Tables:
    """Make the table from the record of the trial.

    Args:
        trial: rescue_trial.csv of `uncover rescue_trial`.
        not_run: Detectors without results, and the reason; each gets a row.

    Raises:
        InputError: The file is not such a record, or has one of these detectors.
    """
    frame = read_table(trial, COLUMNS, "rescue_trial")
    for column, known in (("group", GROUPS), ("threshold", (OF_SET, OF_VAL))):
        if strange := sorted(set(map(str, frame[column])) - set(known)):
            raise InputError(f"{trial}: {column} {strange[0]!r}; expected {', '.join(known)}")
    check_not_run(not_run, set(frame["method"]), f"{trial} has results")
    tables = rescue_summary(in_order(frame), not_run)
    return Tables(NAME, in_order(_with_not_run(frame, not_run)), tables)


def in_order(trial: pd.DataFrame) -> pd.DataFrame:
    """Rows by set, group, method, kind of threshold and rate; sets and groups in report order."""
    sets = [*SET_TITLES, *sorted(set(trial["set"]) - SET_TITLES.keys())]
    # Methods keep the order of the record, which is that of the config.
    methods = list(trial["method"].unique())
    places = trial[["set", "group", "method", "threshold", "fp_per_photo"]].assign(
        set=trial["set"].map(sets.index),
        group=trial["group"].map(GROUPS.index),
        method=trial["method"].map(methods.index),
    )
    return trial.loc[places.sort_values(list(places.columns), kind="stable").index].reset_index(drop=True)


def rescue_summary(trial: pd.DataFrame, not_run: Mapping[str, str]) -> list[Table]:
    """One table per set with missed photos.

    Args:
        trial: The record, as `in_order` returns it.
        not_run: Detectors that were not run, and the reason.
    """
    if trial.empty:
        return [Table(NAME, "Rescue summary", pd.DataFrame({"Method": []}), ["The trial of this run has no set."])]
    missed = trial.groupby("set", sort=False)["photos"].max()
    found = [set_title(str(name)) for name, photos in missed.items() if not photos]
    nothing = [f"No missed photo, so no face to find: {', '.join(found)}."] if found else []
    trial = trial[trial["set"].map(missed) > 0]
    if trial.empty:
        return [Table(NAME, "Rescue summary", pd.DataFrame({"Method": []}), nothing)]
    tables: list[Table] = []
    explained: set[bool] = set()
    drawn = interval_notes(
        (set_title(str(row["set"])), block_count(row))
        for row in trial[trial["threshold"] == OF_SET].drop_duplicates("set").to_dict("records")
    )
    for name, rows in trial.groupby("set", sort=False):
        labelled = bool((rows["threshold"] == OF_SET).any())
        # The tables follow each other, so notes are printed below the first one only.
        notes = () if labelled in explained else (*NOTES, *drawn) if labelled else NOTES_UNLABELLED
        # Sets without a table, and notes on all tables, go below the first table.
        further = [] if tables else [*nothing, *why_not_run(not_run)]
        tables.append(_of_set(str(name), rows, labelled, not_run, [*notes, *further]))
        explained.add(labelled)
    return tables


def _with_not_run(trial: pd.DataFrame, not_run: Collection[str]) -> pd.DataFrame:
    """The record with a row per set and detector that was not run.

    These rows have `NOT_RUN` in the text column `threshold` and empty cells in the numeric columns.
    """
    empty = dict.fromkeys(trial.columns)
    sets = trial["set"].unique()
    rows = [
        empty | {"set": name, "method": method, "group": DETECTOR, "threshold": NOT_RUN}
        for name in sets
        for method in not_run
    ]
    return with_rows(trial, rows)


def _of_set(name: str, rows: pd.DataFrame, labelled: bool, not_run: Collection[str], notes: Sequence[str]) -> Table:
    rates = sorted(rows["fp_per_photo"].unique())
    # Columns that refer to a single rate.
    main = middle_rate(rates)
    photos, faces = rows["photos"].max(), rows["faces"].max()
    tried = []
    for (group, method), own in rows.groupby(["group", "method"], sort=False):
        cuts = {(row["threshold"], row["fp_per_photo"]): row for row in own.to_dict("records")}
        cells = {"Kind": GROUP_TITLES[str(group)], "Method": _title(str(method))}
        cells |= _judged(cuts, rates, main, str(method)) if labelled else _unjudged(cuts, rates)
        tried.append(cells | {"Blank": cell_text(own["blank"].iloc[0], 2)})
    absent = [{"Kind": GROUP_TITLES[DETECTOR], "Method": _title(method)} for method in not_run]
    shown = _by_kind(with_rows(pd.DataFrame(tried), absent))
    counted = f"{photos} missed photos" + (f", {faces:.0f} faces in them" if labelled else ", not labelled")
    return Table(NAME, f"Rescue summary: {set_title(name)} ({counted})", rows, list(notes), shown=shown)


def _by_kind(shown: pd.DataFrame) -> pd.DataFrame:
    """Rows by group, in report order; rows of one group keep their order."""
    titles = list(GROUP_TITLES.values())
    return shown.sort_values("Kind", key=lambda kinds: kinds.map(titles.index), kind="stable", ignore_index=True)


def _judged(cuts: Cuts, rates: list[float], main: float, method: str) -> dict[str, str]:
    cells = {f"Found at {rate:g}": _share(cuts.get((OF_SET, rate)), "share") for rate in rates}
    at_main, of_val = cuts.get((OF_SET, main)), cuts.get((OF_VAL, main))
    cells[f"From val at {main:g}"] = _share(of_val, "share")
    if of_val is not None and not pd.isna(of_val["false_per_photo"]):
        cells[f"From val at {main:g}"] += f" ({cell_text(of_val['false_per_photo'], 2)})"
    cells[f"Precision at {main:g}"] = _share(at_main, "precision")
    cells[f"Gain at {main:g}"] = "–" if method == BASELINE else _share(at_main, "difference", "+")
    return cells


def _unjudged(cuts: Cuts, rates: list[float]) -> dict[str, str]:
    return {f"Detected at {rate:g}": _count(cuts.get((OF_VAL, rate))) for rate in rates}


def _share(row: Row | None, name: str, sign: str = "") -> str:
    if row is None or pd.isna(row[name]):
        return MISSING
    return with_interval(row[name], row[f"{name}_low"], row[f"{name}_high"], sign) + ("" if row["attained"] else "*")


def _count(row: Row | None) -> str:
    if row is None or pd.isna(row["detected"]):
        return MISSING
    return f"{row['detected']:.0f}" + ("" if row["attained"] else "*")


def _title(method: str) -> str:
    return STRATEGIES[method].title if method in STRATEGIES else method_title(method)


CASCADE_NAME = "rescue_summary_baselines"
CASCADE_TITLE = "Detectors alone and with rescue"
UNKNOWN = "–"
"""Placeholder for values that a row does not have."""

CASCADE_NOTES = (
    "All photos of the set count. Missed photos: photos without a box of the detector. A rescue runs on these photos"
    " only. Its threshold keeps a rate of false positives per photo on val (the middle one of"
    " rescue.false_positives_per_photo); if no threshold does (n/a), the rescue returns no boxes.",
    "Found: share of all true faces that a box matches (IoU rescue.true_iou), each face once, with its interval in"
    " brackets (95 %, bootstrap). False positives: all other boxes.",
    "Alone at as many false positives: what the detector finds without a rescue if its threshold is lowered on these"
    " photos until it has as many false positives as with the rescue. Gain: Found minus that, with a paired interval;"
    " the rescue is worth it if the interval is above 0.",
)


@table(
    "rescue_summary_baselines",
    "detectors alone and with rescue",
    caption="Share of all faces that each detector finds alone and with a rescue that runs on the photos it missed,"
    " compared with the detector alone at as many false positives.\n"
    "The thesis has no such table.",
    inputs=lambda run: {"cascade": run.paths.rescue_cascade},
    options=lambda run: {"not_run": run.baselines_not_run()},
)
def detectors_with_rescue(cascade: Path, not_run: NotRun = NOBODY) -> Tables:
    """Make the table from files.

    Args:
        cascade: rescue_cascade.csv of `uncover rescue_cascade`.
        not_run: Detectors without results, and the reason; each gets a row.

    Raises:
        InputError: The file is not such a record, or has one of these detectors.
    """
    frame = read_table(cascade, CASCADE_COLUMNS, "rescue_cascade")
    for name in frame["detector"].unique():
        if name not in DETECTORS:
            raise InputError(f"{cascade}: detector {name!r}; expected one of {', '.join(DETECTORS)}")
    for name in set(CASCADE_COLUMNS) - {"set", "detector", "rescue", "block_kind"}:
        if len(frame) and not pd.api.types.is_numeric_dtype(frame[name]):
            raise InputError(f"{cascade}: column {name} has text; expected a record of 'uncover rescue_cascade'")
    check_not_run(not_run, set(frame["detector"]), f"{cascade} has results")
    frame = cascade_in_order(frame)
    rows = [{"set": name, "detector": detector} for name in frame["set"].unique() for detector in not_run]
    return Tables(CASCADE_NAME, cascade_in_order(with_rows(frame, rows)), rescued_baselines(frame, not_run))


def cascade_in_order(cascade: pd.DataFrame) -> pd.DataFrame:
    """Rows by set and detector, in report order; rows of one detector keep their order."""
    sets = [*SET_TITLES, *sorted(set(cascade["set"]) - SET_TITLES.keys())]
    places = pd.DataFrame(
        {"set": cascade["set"].map(sets.index), "detector": cascade["detector"].map(DETECTORS.index)}, cascade.index
    )
    return cascade.loc[places.sort_values(["set", "detector"], kind="stable").index].reset_index(drop=True)


def rescued_baselines(cascade: pd.DataFrame, not_run: Mapping[str, str]) -> list[Table]:
    """One table per set.

    Args:
        cascade: The record, as `cascade_in_order` returns it.
        not_run: Detectors that were not run, and the reason.
    """
    if cascade.empty:
        notes = ["This run has no results on a labelled set.", *why_not_run(not_run)]
        return [Table(CASCADE_NAME, CASCADE_TITLE, pd.DataFrame({"Detector": []}), notes)]
    tables: list[Table] = []
    for name, rows in cascade.groupby("set", sort=False):
        # The tables follow each other, so notes are printed below the first one only.
        notes = [] if tables else _cascade_notes(cascade, not_run)
        tables.append(_cascade_of_set(str(name), rows, list(not_run), notes))
    return tables


def _cascade_of_set(name: str, rows: pd.DataFrame, not_run: Sequence[str], notes: Sequence[str]) -> Table:
    shown = with_rows(
        pd.DataFrame([_cascade_cells(row) for row in rows.to_dict("records")]),
        [{"Detector": model_title(detector), "Rescue": UNKNOWN} for detector in not_run],
    )
    counted = f"photos: {rows['photos'].max()}, faces: {rows['faces'].max()}"
    title = f"{CASCADE_TITLE}: {set_title(name)} ({counted})"
    return Table(CASCADE_NAME, title, rows, list(notes), shown=by_detector(shown))


def _cascade_cells(row: Row) -> dict[str, str]:
    alone = row["rescue"] == NO_RESCUE
    return {
        "Detector": model_title(str(row["detector"])),
        "Rescue": rescue_title(str(row["rescue"])),
        "Missed photos": str(row["missed"]),
        "Found": with_interval(row["share"], row["share_low"], row["share_high"]),
        "False positives per photo": cell_text(row["false_per_photo"], 2),
        "Alone at as many false positives": UNKNOWN if alone else cell_text(row["same_share"], 2),
        "Gain": UNKNOWN if alone else with_interval(row["gain"], row["gain_low"], row["gain_high"], "+"),
    }


def _cascade_notes(cascade: pd.DataFrame, not_run: Mapping[str, str]) -> list[str]:
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
    notes = [*CASCADE_NOTES, *interval_notes(drawn), of_confidences(confidences, names)]
    if told:
        notes.append(f"Confidence thresholds of the rescues: {told}.")
    return [*notes, *conventions(names), *why_not_run(not_run)]
