"""The rescue summary: what share of the missed faces each method finds, at equally many false boxes per photo.

The thesis has no such table. It sets the heatmap detectors beside methods that need no heatmap at all.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from uncover.config.evaluation import middle_rate
from uncover.errors import InputError
from uncover.report.csv_records import block_count, read_csv_record
from uncover.report.registry import table
from uncover.report.rescue_names import SET_TITLES, method_title, set_title
from uncover.report.tables.companions import interval_notes, with_interval
from uncover.report.tables.not_run import NOBODY, NOT_RUN, NotRun, check_not_run, why_not_run, with_rows
from uncover.report.tables.table import MISSING, Table, Tables, cell_text
from uncover.rescue.methods import GROUPS, OF_SET, OF_VAL
from uncover.rescue.strategies import STRATEGIES
from uncover.rescue.trial import BASELINE, COLUMNS

NAME = "rescue_summary"
DETECTOR = "detector"
"""Group of the face detectors of others."""

GROUP_TITLES = {
    "heatmaps": "thesis",
    "variant": "other heatmaps",
    "rival": "no heatmap",
    DETECTOR: "other detectors",
    "control": "control",
    "ours": "ours",
}

NOTES = (
    "Found: share of the true faces in the missed photos, with its interval in brackets (95 %, bootstrap), at so many"
    " false boxes per missed photo as the heading says. The threshold is taken on these very photos, so that all"
    " methods reach the same rate: this compares methods and promises nothing.",
    "From val: the same at the threshold that gives the rate on val, which is what a user would get; in round brackets"
    " the false boxes per photo that it really gives.",
    "Precision: correct boxes of all. Gain: share found less that of the first detector at a lower threshold, with a"
    " paired interval. Blank: share of the missed photos in which the method has nothing to look at.",
    "*: no threshold gives as few false boxes, so the method finds nothing. n/a: nothing to take a share of.",
)
NOTES_UNLABELLED = (
    "Nobody labelled this set: the table counts detections, not faces; a detection need not be a face.",
    "Detected: missed photos with a box, at the threshold that gives so many false boxes per photo on val. Blank: share"
    " of the missed photos in which the method has nothing to look at. *: no threshold gives as few on val.",
)

Row = Mapping[Hashable, Any]
Cuts = Mapping[tuple[str, float], Row]


@table(
    "rescue_summary",
    "what finds missed faces",
    caption="What share of the missed faces each method finds at equally many false boxes per photo: heatmap detectors"
    " beside methods that need no heatmap, and face detectors of others.\n"
    "The thesis has no such table.",
    inputs=lambda run: {"trial": run.paths.rescue_trial},
    options=lambda run: {"not_run": run.baselines_not_run()},
)
def summary_of_rescue(trial: Path, not_run: NotRun = NOBODY) -> Tables:
    """Make the table from the record of the trial.

    Args:
        trial: rescue_trial.csv of `uncover rescue_trial`.
        not_run: Detectors without results, and why: a row each, which says so.

    Raises:
        InputError: It is no such record, or tells of one of these detectors.
    """
    frame = read_csv_record(trial, COLUMNS, "rescue_trial")
    for column, known in (("group", GROUPS), ("threshold", (OF_SET, OF_VAL))):
        if strange := sorted(set(map(str, frame[column])) - set(known)):
            raise InputError(f"{trial}: {column} {strange[0]!r}, expected {', '.join(known)}")
    check_not_run(not_run, set(frame["method"]), f"{trial} tells")
    tables = rescue_summary(in_order(frame), not_run)
    return Tables(NAME, in_order(_with_not_run(frame, not_run)), tables)


def in_order(trial: pd.DataFrame) -> pd.DataFrame:
    """Rows by set, group, method, kind of threshold and rate; the first two in the order of the report."""
    sets = [*SET_TITLES, *sorted(set(trial["set"]) - SET_TITLES.keys())]
    # Methods stay in the order of the record, which is the config's.
    methods = list(trial["method"].unique())
    places = trial[["set", "group", "method", "threshold", "fp_per_photo"]].assign(
        set=trial["set"].map(sets.index),
        group=trial["group"].map(GROUPS.index),
        method=trial["method"].map(methods.index),
    )
    return trial.loc[places.sort_values(list(places.columns), kind="stable").index].reset_index(drop=True)


def rescue_summary(trial: pd.DataFrame, not_run: Mapping[str, str]) -> list[Table]:
    """A table per set in which photos were missed.

    Args:
        trial: The record, as `in_order` returns it.
        not_run: Detectors that the run does without, and why.
    """
    if trial.empty:
        return [Table(NAME, "Rescue summary", pd.DataFrame({"Method": []}), ["No set was tried in this run."])]
    missed = trial.groupby("set", sort=False)["photos"].max()
    found = [set_title(str(name)) for name, photos in missed.items() if not photos]
    nothing = [f"No photo was missed, so there is nothing to find: {', '.join(found)}."] if found else []
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
        # Once is enough: the tables stand below each other.
        notes = () if labelled in explained else (*NOTES, *drawn) if labelled else NOTES_UNLABELLED
        # What has no table, and what no table has, is said below the first.
        further = [] if tables else [*nothing, *why_not_run(not_run)]
        tables.append(_of_set(str(name), rows, labelled, not_run, [*notes, *further]))
        explained.add(labelled)
    return tables


def _with_not_run(trial: pd.DataFrame, not_run: Collection[str]) -> pd.DataFrame:
    """The record with a row per set and detector that was not run.

    Programs are told so in the column of words, `threshold`; the columns of numbers stay such, and are empty there.
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
    # Of the columns that stand for one rate alone.
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
    """Rows by group, in the order of the report; those of one group stay as they are."""
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
