"""What the released scripts' part boxes change, per pose and class (not in the thesis)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from uncover.datasets.faces_table import attribute, landmark_arrays, read_faces_table
from uncover.datasets.labels import part_boxes
from uncover.faces.face import Visibility
from uncover.parts.boxes import leave_out_small
from uncover.parts.released import compare_boxes
from uncover.report.registry import table
from uncover.report.tables.table import Table

NOTES = (
    "Elsewhere: IoU below 0.5 with the corrected box. Shifted faces: those with self-occluded points, whose later "
    "indices the released scripts shift. Added: boxes that only the released scripts make.",
    "Boxes are compared before they meet the border of the photo.",
)


@table(
    "table_parts",
    "what the released part boxes change",
    caption="How far the part boxes of the released scripts lie from the corrected ones.",
    inputs=lambda run: {"faces": [run.paths.faces(source) for source in run.landmark_sources]},
    mem_mb=4000,
)
def released_parts(faces: Sequence[Path]) -> Table:
    """Compare both rules on all faces.

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
    return Table("table_parts", "What the released part boxes change", pd.DataFrame(rows), list(NOTES))
