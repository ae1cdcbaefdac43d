"""Table 1: what the original data sets hold (thesis section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from uncover.config.catalogue import title_of
from uncover.datasets.faces_table import read_faces_table
from uncover.datasets.manifest import read_manifest
from uncover.report.registry import table
from uncover.report.tables.table import Table

THESIS_SOURCES = ("wflw", "merl_rav", "hof")
"""Rows of the thesis's table; data sets of somebody's own follow."""


@table(
    "table_01",
    "1: original data sets",
    caption="Original data sets: faces with landmarks, frames without.",
    inputs=lambda run: {
        "faces": [run.paths.faces(source) for source in run.landmark_sources],
        "frames": [run.paths.dataset("hof").manifest] if "hof" in run.frame_sets else [],
    },
)
def originals(faces: Sequence[Path] = (), frames: Sequence[Path] = ()) -> Table:
    """Make table 1 from files.

    Args:
        faces: Tables of `uncover read_faces`.
        frames: Manifests of sets without landmarks.
    """
    return original_datasets([read_faces_table(path) for path in faces], [read_manifest(path) for path in frames])


def original_datasets(faces: Sequence[pd.DataFrame], frames: Sequence[pd.DataFrame]) -> Table:
    """Count what was read.

    Args:
        faces: Faces tables of the sets with landmarks; the total counts their faces, as the thesis does.
        frames: Manifests of the sets without; the total counts their frames.

    Returns:
        Columns "Original Datasets", "Type of Images", "Total Amount"; a set that is not at hand has no numbers.
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
        notes.append(f"{title_of(source)}: {len(own)} frames; without annotation, one face a frame is taken on trust.")
    notes += [f"{title_of(source)}: not at hand in this run." for source in THESIS_SOURCES if source not in rows]
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
