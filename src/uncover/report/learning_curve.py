"""Learning curve of fine-tuning on a few labelled frames: one row per fine-tuning and infant left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from uncover.atomic import new_file
from uncover.errors import InputError
from uncover.metrics.intervals import Rate, mean_of_few
from uncover.tables import read_summary, read_table

KEY = ("count", "freeze", "seed", "group")
SCORES = ("ap50", "ap50_95", "recall", "precision")
COLUMNS = {
    "count": "count",
    "freeze": "freeze",
    "seed": "seed",
    "group": "group",
    "group_kind": "group_kind",
    "trained_on": "trained_on",
    "frames": "frames_scored",
    "faces": "faces",
    **{score: score for score in SCORES},
    "confidence": "confidence",
    "true_iou": "true_iou",
    "false_boxes": "false_boxes",
    "frames_without_face": "frames_without_face",
    "false_boxes_without_face": "false_boxes_without_face",
    "frames_with_false_alarm": "frames_with_false_alarm",
}
"""Table columns by key of `left_out.json`."""


def collect_learning_curve(records: Sequence[Path], out: Path) -> pd.DataFrame:
    """Write the records of all fine-tunings as one CSV table.

    Args:
        records: `left_out.json` files of `uncover fine_tune`.
        out: CSV table to write: one row per record, sorted by freeze, count, seed and group; missing scores are empty.

    Returns:
        The same table.

    Raises:
        InputError: A record is not valid, two records are of the same fine-tuning, or records differ in confidence
            threshold or IoU.
    """
    rows = [read_summary(path, [*COLUMNS, "start"], "fine_tune") for path in records]
    table = pd.DataFrame(
        [{name: row[key] for key, name in COLUMNS.items()} for row in rows], columns=[*COLUMNS.values()]
    )
    twice = table.duplicated(list(KEY))
    if twice.any():
        row = table[twice].iloc[0]
        raise InputError(
            f"{records[int(twice.to_numpy().argmax())]}: {row['group']} with {row['count']} frames, freeze"
            f" {row['freeze']}, seed {row['seed']} is given twice; pass each fine-tuning once"
        )
    for column, what in (("confidence", "are counted at confidence"), ("true_iou", "are matched at IoU")):
        if table[column].nunique() > 1:
            raise InputError(
                f"{records[0]}: boxes {what} {rows[0][column]} here, but at another value in other records; score all"
                f" with the same --{column.replace('_', '-')}"
            )
    if len({row["start"] for row in rows}) > 1:
        raise InputError(
            f"{records[0]}: its initial weights differ from those of other records; pass fine-tunings of the same start"
        )
    table = table.sort_values(["freeze", "count", "seed", "group"], kind="stable", ignore_index=True)
    with new_file(out) as path:
        table.to_csv(path, index=False)
    return table


def read_learning_curve(path: Path) -> pd.DataFrame:
    """Load the table.

    Raises:
        InputError: The file is not such a table, or a score is not between 0 and 1.
    """
    table = read_table(path, [*COLUMNS.values()], "learning_curve")
    table["group"] = table["group"].astype(str)
    table["group_kind"] = table["group_kind"].astype(str)
    if table.empty:
        raise InputError(f"{path}: no rows; expected one row per fine-tuning")
    for column in ("count", "freeze", "trained_on", *SCORES):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = (numbers.isna() & table[column].notna()) | (numbers < 0)
        if column in SCORES:
            wrong |= numbers > 1
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise InputError(f"{path}: row {row + 1}: {column} is {table[column].iloc[row]}; expected a number >= 0")
        table[column] = numbers.astype("float64" if column in SCORES else "int64")
    return table


def curve_of(table: pd.DataFrame, score: str) -> pd.DataFrame:
    """One curve per infant: counts as rows, groups as columns, mean over seeds; NaN if there was no face to score.

    Args:
        table: Rows with the same `freeze`.
        score: One of `SCORES`.
    """
    return table.pivot_table(index="count", columns="group", values=score, aggfunc="mean", dropna=False).sort_index()


def mean_curve(curve: pd.DataFrame) -> dict[int, Rate]:
    """Mean over infants by count, with its interval."""
    return {
        int(count): mean_of_few(row)
        for count, row in zip(curve.index.to_numpy("int64"), curve.to_numpy("float64"), strict=True)
    }
