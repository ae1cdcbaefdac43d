"""Tables of data sets: 1 (original data sets), 2 (splits), and how the released part boxes differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from uncover.config.catalogue import name_of_test_set, title_of
from uncover.data.faces import Visibility, attribute, landmark_arrays, read_faces_table
from uncover.data.labels import part_boxes
from uncover.data.parts import leave_out_small
from uncover.data.released_parts import compare_boxes
from uncover.data.sets import read_manifest
from uncover.report.published import load_published
from uncover.report.registry import table
from uncover.report.tables.table import Table
from uncover.tables import read_summary

THESIS_SOURCES = ("wflw", "merl_rav", "hof")
"""Rows of the thesis's table; further data sets follow them."""


@table(
    "table_01",
    "1: original data sets",
    caption="Original data sets: faces with landmarks, and frames without landmarks.",
    inputs=lambda run: {
        "faces": [run.paths.faces(source) for source in run.landmark_sources],
        "frames": [run.paths.dataset("hof").manifest] if "hof" in run.frame_sets else [],
    },
    keys=("Original Datasets",),
)
def originals(faces: Sequence[Path] = (), frames: Sequence[Path] = ()) -> Table:
    """Make table 1 from files.

    Args:
        faces: Tables of `uncover read_faces`.
        frames: Manifests of sets without landmarks.
    """
    return original_datasets([read_faces_table(path) for path in faces], [read_manifest(path) for path in frames])


def original_datasets(faces: Sequence[pd.DataFrame], frames: Sequence[pd.DataFrame]) -> Table:
    """Count the original data.

    Args:
        faces: Faces tables of the sets with landmarks; the total counts their faces, as in the thesis.
        frames: Manifests of the sets without landmarks; the total counts their frames.

    Returns:
        Columns "Original Datasets", "Type of Images", "Total Amount"; a set that the run lacks has no numbers.
    """
    rows: dict[str, tuple[str, int | None]] = {}
    notes = []
    for own in faces:
        source = str(own["source"].iloc[0])
        per_photo = own.groupby("photo").size()
        rows[source] = (_describe(per_photo), len(own))
        notes.append(f"{title_of(source)}: {len(own)} usable faces in {len(per_photo)} photos.")
    for own in frames:
        source = str(own["source"].iloc[0])
        rows[source] = ("One face" if not own["labelled"].any() else "Annotated frames", len(own))
        notes.append(f"{title_of(source)}: {len(own)} frames without annotation; one face per frame is assumed.")
    notes += [f"{title_of(source)}: not in this run." for source in THESIS_SOURCES if source not in rows]
    sources = [*THESIS_SOURCES, *(source for source in rows if source not in THESIS_SOURCES)]
    frame = pd.DataFrame(
        {
            "Original Datasets": [title_of(source) for source in sources],
            "Type of Images": [rows.get(source, (None, None))[0] for source in sources],
            "Total Amount": pd.array([rows.get(source, (None, None))[1] for source in sources], "Int64"),
        }
    )
    return Table("table_01", "Table 1: original data sets used for training and evaluation", frame, notes)


def _describe(faces_per_photo: pd.Series) -> str:
    most = int(faces_per_photo.max())
    if most == 1:
        return "One face"
    return f"One face in {100 * float((faces_per_photo == 1).mean()):.0f} %, up to {most}"


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
        manifests: Manifests, in folders named after their set.
        splits: Summaries of `uncover split_photos`.
        published: The thesis's numbers (config/published.yaml).

    Raises:
        InputError: A file is not valid.
    """
    by_set = {path.parent.name: read_manifest(path) for path in manifests}
    summaries = [read_summary(path, ("source", "requested", "got", "unused"), "split_photos") for path in splits]
    return splits_table(by_set, summaries, load_published(published)["table_02"].rows)


def splits_table(
    manifests: Mapping[str, pd.DataFrame],
    splits: Sequence[Mapping[str, object]],
    published: Sequence[Mapping[str, object]],
) -> Table:
    """Count the photos of each set.

    Args:
        manifests: Manifest by set ("train", "val", "wflw", "merl").
        splits: Summaries of `uncover split_photos`: `source`, `requested` and `got` photos per set.
        published: Rows of the thesis's table 2.

    Returns:
        Columns "Original Datasets", "Train", "Val", "Test"; footnotes list missing and rejected photos.
    """
    printed = {str(row["Original Datasets"]): row for row in published}
    rows, notes = [], []
    for summary in splits:
        source = str(summary["source"])
        name = title_of(source)
        row: dict[str, object] = {"Original Datasets": name}
        for set_name, column in COLUMN_OF_SET.items():
            dataset = manifests.get(name_of_test_set(source) if set_name == "test" else set_name)
            # A custom data set need not have photos in every set.
            count = 0 if dataset is None else int((dataset["source"] == source).sum())
            row[column] = count
            requested, got = (summary[key][set_name] for key in ("requested", "got"))  # type: ignore[index]
            if requested is not None and got < requested:
                thesis = printed.get(name, {}).get(column)
                notes.append(f"{name}, {column}: {got} of {requested} photos requested (the thesis prints {thesis}).")
            if count != got:
                notes.append(f"{name}, {column}: {got - count} of {got} photos have no usable box (see rejected.csv).")
        unused = {reason: count for reason, count in summary["unused"].items() if count}  # type: ignore[attr-defined]
        if unused:
            reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(unused.items()))
            notes.append(f"{name}: photos in no set: {reasons}.")
        rows.append(row)
    notes.append("Counts are photos, not faces. No photo is in two sets unless the split procedure is `released`.")
    frame = pd.DataFrame(rows, columns=["Original Datasets", *COLUMN_OF_SET.values()])
    return Table("table_02", "Table 2: train, validation and test photos", frame, notes)


NOTES = (
    "Elsewhere: IoU with the corrected box below 0.5. Shifted faces: faces with self-occluded points, whose later "
    "indices the released scripts shift. Added: boxes that only the released scripts make.",
    "Boxes are compared before they are clipped to the photo.",
)


@table(
    "table_parts",
    "released and corrected part boxes",
    caption="Differences between the part boxes of the released scripts and the corrected ones.",
    inputs=lambda run: {"faces": [run.paths.faces(source) for source in run.landmark_sources]},
    mem_mb=4000,
)
def released_parts(faces: Sequence[Path]) -> Table:
    """Compare released and corrected part boxes on all faces.

    Args:
        faces: Tables of `uncover read_faces`.
    """
    rows = []
    for own in map(read_faces_table, faces):
        for pose, group in own.groupby(attribute(own, "pose")):
            _, visibility = landmark_arrays(group)
            rows += compare_boxes(
                leave_out_small(part_boxes(group, "corrected")),
                part_boxes(group, "released"),
                (visibility == Visibility.SELF_OCCLUDED).any(axis=1),
                f"{group['source'].iloc[0]} {pose}".strip(),
            )
    return Table("table_parts", "Released and corrected part boxes", pd.DataFrame(rows), list(NOTES))
