"""What the released scripts' part boxes change, per pose and class (not in the thesis)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from uncover.datasets.faces_table import attribute, landmark_arrays
from uncover.datasets.labels import part_boxes
from uncover.faces.face import Visibility
from uncover.parts.boxes import leave_out_small
from uncover.parts.released import compare_boxes
from uncover.report.tables.table import Table

NOTES = (
    "Elsewhere: IoU below 0.5 with the corrected box. Shifted faces: those with self-occluded points, whose later "
    "indices the released scripts shift. Added: boxes that only the released scripts make.",
    "Boxes are compared before they meet the border of the photo.",
)


def released_parts_table(faces: Sequence[pd.DataFrame]) -> Table:
    """Compare both rules on all faces.

    Args:
        faces: Faces tables, one per raw data set.
    """
    rows = []
    for table in faces:
        for pose, group in table.groupby(attribute(table, "pose")):
            _, visibility = landmark_arrays(group)
            rows += compare_boxes(
                leave_out_small(part_boxes(group, "corrected")),
                part_boxes(group, "released"),
                (visibility == Visibility.SELF_OCCLUDED).any(axis=1),
                f"{group['source'].iloc[0]} {pose}".strip(),
            )
    return Table("table_parts", "What the released part boxes change", pd.DataFrame(rows), list(NOTES))
