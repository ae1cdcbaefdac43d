"""Table 2: train, validation and test photos of each original data set (thesis section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from uncover.config.catalogue import name_of_test_set, title_of
from uncover.datasets.manifest import read_manifest
from uncover.datasets.records import read_summary
from uncover.report.published import load_published
from uncover.report.registry import table
from uncover.report.tables.table import Table

COLUMN_OF_SET = {"train": "Train", "val": "Val", "test": "Test"}


@table(
    "table_02",
    "2: train, val and test",
    caption="Photos in train, validation and test, by original data set.",
    inputs=lambda run: {
        "manifests": run.manifests(run.landmark_sets),
        "splits": [run.paths.split_summary(source) for source in run.landmark_sources],
    },
)
def photos_by_split(manifests: Sequence[Path], splits: Sequence[Path], published: Path) -> Table:
    """Make table 2 from files.

    Args:
        manifests: Manifests, in folders named as their set.
        splits: Summaries of `uncover split_photos`.
        published: The thesis's numbers (config/published.yaml).

    Raises:
        InputError: A file is not what it should be.
    """
    by_set = {path.parent.name: read_manifest(path) for path in manifests}
    summaries = [read_summary(path, ("source", "wished", "got", "unused"), "split_photos") for path in splits]
    return splits_table(by_set, summaries, load_published(published)["table_02"].rows)


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
