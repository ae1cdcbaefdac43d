"""Table 2: train, validation and test photos of each original data set (thesis section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from uncover.config.catalogue import name_of_test_set, title_of
from uncover.report.tables.table import Table

COLUMN_OF_SET = {"train": "Train", "val": "Val", "test": "Test"}


def splits_table(
    manifests: Mapping[str, pd.DataFrame],
    splits: Sequence[Mapping[str, object]],
    published: Sequence[Mapping[str, object]],
) -> Table:
    """Count the photos that stand in each set.

    Args:
        manifests: Manifest of each set ("train", "val", "wflw", "merl"), by set.
        splits: Summaries of `uncover split_photos`: `source`, `wished` and `got` photos per set.
        published: Rows of the thesis's table 2.

    Returns:
        Columns "Original Datasets", "Train", "Val", "Test"; shortfalls and losses are footnotes.
    """
    printed = {str(row["Original Datasets"]): row for row in published}
    rows, notes = [], []
    for summary in splits:
        source = str(summary["source"])
        name = title_of(source)
        row: dict[str, object] = {"Original Datasets": name}
        for set_name, column in COLUMN_OF_SET.items():
            dataset = manifests.get(name_of_test_set(source) if set_name == "test" else set_name)
            # A data set of somebody's own may leave out a set.
            count = 0 if dataset is None else int((dataset["source"] == source).sum())
            row[column] = count
            wished, got = (summary[key][set_name] for key in ("wished", "got"))  # type: ignore[index]
            if wished is not None and got < wished:
                thesis = printed.get(name, {}).get(column)
                notes.append(f"{name}, {column}: {got} of {wished} photos wished for (the thesis prints {thesis}).")
            if count != got:
                notes.append(f"{name}, {column}: {got - count} of {got} photos have no usable box, see rejected.csv.")
        unused = {reason: count for reason, count in summary["unused"].items() if count}  # type: ignore[attr-defined]
        if unused:
            reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(unused.items()))
            notes.append(f"{name}: photos in no set: {reasons}.")
        rows.append(row)
    notes.append("Photos are counted, not faces; no photo stands in two sets unless the procedure is `released`.")
    frame = pd.DataFrame(rows, columns=["Original Datasets", *COLUMN_OF_SET.values()])
    return Table("table_02", "Table 2: train, validation and test photos", frame, notes)
