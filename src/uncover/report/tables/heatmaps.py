"""Table of blank, saturated and inverted heatmaps by variant, set and class. The thesis has no such table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from uncover.errors import InputError
from uncover.report.registry import table
from uncover.report.tables.table import Table
from uncover.tables import read_table

ALL_CLASSES = "all classes"
"""Row of a lint table that covers the maps of all classes."""

ALL_SETS = "all sets"
KEYS = ("Variant", "Set", "Class")
COLUMNS = {
    "class": "Class",
    "images": "Images",
    "maps": "Maps",
    "detected": "Detected",
    "blank": "Blank",
    "blank_though_detected": "Blank though detected",
    "no_positive_evidence": "No positive evidence",
    "not_finite": "Not finite",
    "saturated": "Saturated",
    "inverted": "Inverted",
    "trained_on": "Trained on",
}
"""Our column name by column of a lint table."""

COUNTS = ("Images", "Maps", "Detected", "No positive evidence", "Not finite", "Trained on")
NOTES = (
    "Printed: all sets together by class, and all classes together by set. The CSV file has each class of each set.",
    "An image has one map per class. Detected and No positive evidence are numbers of maps, Trained on is a number of"
    " images; the other columns are shares of maps.",
    "Blank: of all maps; a class that is not detected has no map. Blank though detected: of the detected classes. No"
    " positive evidence: the map is nowhere above 0. Not finite, if there is such a column: the map overflowed.",
    "Saturated: of the maps that are not blank, those with more than half of the cells within 2 % of their maximum."
    " Inverted: of the maps of detected classes, those with lower values inside the detected boxes than outside.",
    "Maps of images that the detector was trained on are not representative of maps of new images.",
)


@table(
    "table_heatmaps",
    "blank and suspicious heatmaps",
    caption="Heatmaps that are blank, saturated or inverted, by variant, set and class.",
    inputs=lambda run: {
        "lints": [run.paths.heatmaps(kind, name).lint for kind in run.heatmap_kinds for name in run.sets]
    },
)
def doubtful_heatmaps(lints: Sequence[Path]) -> Table:
    """Make the table from files.

    Args:
        lints: lint.csv of `uncover heatmaps collect`, in folders named <variant>/<set>.

    Raises:
        InputError: A file is not a lint table, or a variant and set is given twice.
    """
    found = {}
    for path in lints:
        key = path.parent.parent.name, path.parent.name
        if key in found:
            raise InputError(f"{path}: second lint table of {'/'.join(key)}; pass one per variant and set")
        found[key] = read_table(path, COLUMNS, "heatmaps collect")
        if ALL_CLASSES not in found[key]["class"].values:
            raise InputError(f"{path}: no row '{ALL_CLASSES}'; run 'uncover heatmaps collect' again")
    return heatmaps_table(found)


def heatmaps_table(lints: Mapping[tuple[str, str], pd.DataFrame]) -> Table:
    """Table of the lint results of all heatmap sets.

    Args:
        lints: Lint tables by variant and set.
    """
    parts = [
        lint[list(COLUMNS)].rename(columns=COLUMNS).assign(Variant=variant, Set=name)
        for (variant, name), lint in lints.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[[*KEYS, *(column for column in frame if column not in KEYS)]]
    frame[list(COUNTS)] = frame[list(COUNTS)].astype("Int64")
    return Table(
        "table_heatmaps", "Blank and suspicious heatmaps", frame, list(NOTES), digits=2, shown=_for_people(frame)
    )


def _for_people(frame: pd.DataFrame) -> pd.DataFrame:
    """For each variant: all sets together by class, then all classes together by set."""
    by_class = _all_sets(frame)
    by_set = frame[frame["Class"] == ALL_CLASSES]
    both = pd.concat([by_class, by_set], ignore_index=True)
    order = {variant: place for place, variant in enumerate(frame["Variant"].unique())}
    both = both.sort_values("Variant", key=lambda column: column.map(order), kind="stable")
    # Drop columns to fit a page, and the one for overflow if there was none.
    return both.drop(columns=["Maps", *(["Not finite"] if (frame["Not finite"] == 0).all() else [])])


def _all_sets(frame: pd.DataFrame) -> pd.DataFrame:
    """Sums and weighted shares over the sets of a variant, by variant and class."""
    # Shares refer to different numbers of maps, so they are weighted with these.
    blank = (frame["Blank"] * frame["Maps"]).fillna(0)
    blank_though_detected = (frame["Blank though detected"] * frame["Detected"]).fillna(0)
    weights = {
        "Blank": frame["Maps"],
        "Blank though detected": frame["Detected"],
        "Saturated": frame["Maps"] - blank,
        "Inverted": frame["Detected"] - blank_though_detected,
    }
    parts = frame.copy()
    for column, weight in weights.items():
        parts[column] = (frame[column] * weight).fillna(0).astype(float)
        parts[f"of {column}"] = weight.astype(float)
    # min_count: what is unknown in all sets stays unknown.
    summed = parts.drop(columns="Set").groupby(["Variant", "Class"], sort=False).sum(min_count=1).reset_index()
    for column in weights:
        summed[column] = (summed[column] / summed[f"of {column}"]).where(summed[f"of {column}"] > 0)
    return summed.assign(Set=ALL_SETS)[list(frame.columns)]
