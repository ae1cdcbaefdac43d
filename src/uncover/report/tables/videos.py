"""Videos: recall and false positives per minute by detection mode, event, grade of occlusion and video.

The thesis has no such table.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from uncover.metrics.videos import ALL, STEPS
from uncover.report.registry import table
from uncover.report.tables.table import MISSING, Table, Tables, cell_text, with_interval
from uncover.report.videos import mode_title, overall, part_title, read_scores

NAME = "table_videos"
BY_TITLES = {"event": "event", "grade": "grade of occlusion"}
STEP_TITLES = {"rgb": "RGB detector", "heatmap": "Heatmaps", "rescue": "Rescue", "temporal": "Tracking"}

NOTES = (
    "Recall: share of the frames with a face in which a box matches it (IoU rescue.true_iou). All other boxes are false"
    " positives. Gain and More: differences to the first row. Longest gap: longest time in which a visible face was not"
    " found.",
    "Brackets: 95 %, bootstrap over blocks of consecutive seconds within each video, with the same draws for all rows,"
    " so differences are paired. Frames of one second are nearly identical and not independent. The intervals cover"
    " other seconds of these videos; other infants may differ more. If all blocks agree, an interval has no width and"
    " understates the uncertainty; a single block has no interval.",
    "Heatmaps and rescue run on frames in which the RGB detector found nothing. Tracking online uses boxes of earlier"
    " frames; offline also those of later ones. n/a: no frames or boxes to compute a share of.",
)


@table(
    "table_videos",
    "videos, step by step",
    caption="Videos with a true box in each frame: recall, false positives per minute and longest gap, step by step:"
    " the RGB detector alone, with the thesis's heatmaps, with the best rescue, and with tracking (online: uses earlier"
    " frames; offline: also later ones).\n"
    "The thesis has no such table.",
    inputs=lambda run: {"scores": run.paths.video_scores} if run.video_files else None,
)
def scores_of_videos(scores: Path) -> Tables:
    """Make the table from the record of `uncover evaluate videos`.

    Args:
        scores: Record of `uncover evaluate videos`.

    Raises:
        InputError: The file is not such a record.
    """
    frame = read_scores(scores)
    return Tables(NAME, frame, video_tables(frame))


def video_tables(scores: pd.DataFrame) -> list[Table]:
    """Tables of all videos together, of the step that found each face, and of recall and false positives by part.

    Args:
        scores: The record, as `read_scores` returns it.
    """
    tables = [_overall(scores), _found_by(scores)]
    for by, title in BY_TITLES.items():
        rows = scores[(scores["video"] == ALL) & (scores["by"] == by)]
        for what, name in (("Recall", "recall"), ("False positives per minute", "false_per_minute")):
            kept = rows[rows["faces"] > 0] if name == "recall" else rows
            if len(kept):
                tables.append(Table(NAME, f"Videos: {what.lower()} by {title}", rows, shown=_by_part(kept, name)))
    each = scores[(scores["video"] != ALL) & (scores["by"] == ALL)]
    tables.append(Table(NAME, "Videos: recall by video", each, shown=_by_video(each)))
    return tables


def _overall(scores: pd.DataFrame) -> Table:
    rows = overall(scores)
    first = rows.iloc[0]
    videos = scores.loc[scores["video"] != ALL, "video"].nunique()
    minutes = cell_text(float(first["minutes"]), 1)
    counted = f"{videos} videos, {minutes} minutes, {first['frames']} frames, {first['faces']} with a face"
    shown = pd.DataFrame(
        {
            "Mode": mode_title(str(row["mode"])),
            "Found": str(row["found"]),
            "Recall": _cell(row, "recall"),
            "Gain": _cell(row, "recall_gain", "+") if number else "–",
            "False positives per minute": _cell(row, "false_per_minute"),
            "More": _cell(row, "false_gain", "+") if number else "–",
            "Longest gap (s)": cell_text(float(row["longest_gap"]), 1),
        }
        for number, row in rows.iterrows()
    )
    return Table(NAME, f"Videos: results step by step ({counted})", rows, list(NOTES), shown=shown)


def _found_by(scores: pd.DataFrame) -> Table:
    rows = overall(scores)
    shown = pd.DataFrame({"Mode": rows["mode"].map(mode_title)})
    for step in STEPS:
        shown[STEP_TITLES[step]] = rows[f"found_by_{step}"]
    shown["Not found"] = rows["faces"] - rows["found"]
    return Table(NAME, "Videos: frames by the step that found the face", rows, shown=shown)


def _by_part(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """One row per mode, one column per event or grade with its number of faces or seconds."""
    parts = rows.drop_duplicates("part")
    titles = {
        row["part"]: f"{part_title(row['by'], row['part'])} "
        + (f"({row['faces']} faces)" if name == "recall" else f"({row['minutes'] * 60:.0f} s)")
        for row in parts.to_dict("records")
    }
    cells = {(row["mode"], row["part"]): _cell(row, name) for _, row in rows.iterrows()}
    return pd.DataFrame(
        {"Mode": mode_title(mode)}
        | {title[:1].upper() + title[1:]: cells.get((mode, part), MISSING) for part, title in titles.items()}
        for mode in rows["mode"].unique()
    )


def _by_video(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per video, one column per mode: recall and longest gap."""
    cells = {(row["video"], row["mode"]): _cell(row, "recall") for _, row in rows.iterrows()}
    faces = dict(zip(rows["video"], rows["faces"], strict=True))
    modes = rows["mode"].unique()
    return pd.DataFrame(
        {"Video": video, "Faces": faces[video]} | {mode_title(mode): cells[video, mode] for mode in modes}
        for video in rows["video"].unique()
    )


def _cell(row: pd.Series, name: str, sign: str = "") -> str:
    return with_interval(row[name], row[f"{name}_low"], row[f"{name}_high"], sign)
