"""What the released scripts' part boxes change: boxes that lie elsewhere than the corrected ones, per class."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write the table of what the released part boxes change"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_parts.csv, .md and .tex")
    parser.add_argument("--faces", type=Path, nargs="+", required=True, help="tables of `uncover read_faces`")


def run(args: argparse.Namespace) -> int:
    import pandas as pd

    from uncover.datasets.faces_table import attribute, landmark_arrays, read_faces_table
    from uncover.faces.face import Visibility
    from uncover.parts.boxes import corrected_boxes, leave_out_small
    from uncover.parts.comparison import compare_boxes
    from uncover.parts.released import released_boxes
    from uncover.report.tables.table import Table

    rows = []
    for path in args.faces:
        faces = read_faces_table(path)
        faces = faces.assign(group=attribute(faces, "pose"))
        for group, table in faces.groupby("group"):
            landmarks, visibility = landmark_arrays(table)
            rows += compare_boxes(
                leave_out_small(corrected_boxes(landmarks)),
                released_boxes(landmarks, visibility == Visibility.EXTERNALLY_OCCLUDED),
                (visibility == Visibility.SELF_OCCLUDED).any(axis=1),
                f"{table['source'].iloc[0]} {group}".strip(),
            )
    notes = [
        "Elsewhere: IoU below 0.5 with the corrected box. Shifted faces: those with self-occluded points, whose later "
        "indices the released scripts shift. Added: boxes that only the released scripts make.",
        "Boxes are compared before they meet the border of the photo.",
    ]
    Table("table_parts", "What the released part boxes change", pd.DataFrame(rows), notes).write(args.out)
    return 0
