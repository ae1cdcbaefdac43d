"""Tables 8, 9 and 13: detections of the heatmap detectors in missed photos (thesis sections 4.5.1, 4.5.2 and 4.6.2)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from uncover.metrics.intervals import Rate
from uncover.report.registry import table
from uncover.report.rescue_records import Counts, RescueCount, read_rescues
from uncover.report.tables.detectors import number
from uncover.report.tables.second_step import Layout, Variants, absent, choose_layout
from uncover.report.tables.table import HIGH, LOW, PUBLISHED, Table, companion_rows, interval_notes
from uncover.rescue.methods import FIXED, OF_SET, OF_VAL

if TYPE_CHECKING:
    from uncover.workflow.targets import Run

THRESHOLDS = {"table_08": OF_SET, "table_09": FIXED, "table_13": OF_SET}
"""By table: origin of the thesis's confidence threshold."""

PRECISION, COVERAGE, COVERAGE_ALONE = "Precision (Test Set)", "Coverage (Test Set)", "Coverage"
BOXES = ("Boxes", "Correct boxes")
COLUMNS = {
    "table_08": ("Conf", "F1", "Total Preds", PRECISION, COVERAGE, "Correct", "Heatmaps", "Missed", *BOXES),
    "table_09": ("Initial Heatmaps", "Total Detections", "Remaining", "Conf", COVERAGE_ALONE, "Missed", "Boxes"),
    "table_13": ("Conf", "F1", "Total Preds", "Heatmaps", PRECISION, COVERAGE, "Correct", "Missed", *BOXES),
}
"""By table: the thesis's columns, then ours. The thesis counts photos with a detection, not boxes: in tables 8 and 13
its predictions are coverage times heatmaps, and in table 9 detections plus remaining are 215."""

OF_THE_SET = ("F1", "Heatmaps", "Initial Heatmaps", "Missed")
"""Columns that do not depend on the threshold."""

SHARES = (PRECISION, COVERAGE, COVERAGE_ALONE)
REAL = ("Conf", "F1", *SHARES)
"""Columns of numbers that may be fractions."""

VAL = " (val)"
"""Suffix of the columns at the threshold from val."""


def _counts(run: Run, models: Sequence[str], sets: Sequence[str]) -> dict[str, list[str]] | None:
    return {"records": run.rescue_counts(models)} if models and sets else None


@table(
    "table_08",
    "8: missed in MERL-RAV and WFLW",
    caption="Detections of the four heatmap detectors in test photos in which the ten-part detector found no face.\n"
    "The first threshold is chosen on the evaluated photos, as in the thesis; the second one on val.",
    inputs=lambda run: _counts(run, run.thesis_models, run.scored_sets),
    fixed={"name": "table_08"},
)
@table(
    "table_08_variants",
    "8: missed in MERL-RAV and WFLW, variants",
    caption="Detections of the detectors on other kinds of heatmaps in missed test photos; the thesis has none.",
    inputs=lambda run: _counts(run, run.variant_models, run.scored_sets),
    options=lambda run: {"variants": run.variant_models},
    fixed={"name": "table_08", "published": None},
    command="table_08",
)
@table(
    "table_09",
    "9: missed in Hand Over Face",
    caption="Detections of the four heatmap detectors in missed frames of Hand Over Face. These have no annotations, so"
    " correctness is unknown.",
    inputs=lambda run: _counts(run, run.thesis_models, run.unlabelled_table_sets),
    fixed={"name": "table_09"},
)
@table(
    "table_09_variants",
    "9: missed in Hand Over Face, variants",
    caption="Detections of the detectors on other kinds of heatmaps in missed frames of Hand Over Face; the thesis has"
    " none of these.",
    inputs=lambda run: _counts(run, run.variant_models, run.unlabelled_table_sets),
    options=lambda run: {"variants": run.variant_models},
    fixed={"name": "table_09", "published": None},
    command="table_09",
)
@table(
    "table_13",
    "13: detections by grade",
    caption="Detections of the four heatmap detectors in missed frames, by grade of occlusion.\n"
    "The first threshold is chosen on the evaluated frames, as in the thesis; the second one on val.",
    inputs=lambda run: _counts(run, run.thesis_models, run.occluded_sets),
    fixed={"name": "table_13"},
)
@table(
    "table_13_variants",
    "13: detections by grade, variants",
    caption="Detections of the detectors on other kinds of heatmaps in missed frames, by grade of occlusion; the thesis"
    " has none of these.",
    inputs=lambda run: _counts(run, run.variant_models, run.occluded_sets),
    options=lambda run: {"variants": run.variant_models},
    fixed={"name": "table_13", "published": None},
    command="table_13",
)
def found_by_heatmap_detectors(
    records: Sequence[Path], published: Path | None = None, variants: Variants = (), *, name: str
) -> Table:
    """Make table 8, 9 or 13 from files.

    Args:
        records: rescue.csv of `uncover evaluate second`, in folders named after their detector.
        published: The thesis's numbers (config/published.yaml), for its four detectors.
        variants: Detectors on other kinds of heatmaps; writes their table instead.
        name: One of `THRESHOLDS`.

    Raises:
        InputError: A file is not valid, or is of another detector.
    """
    layout = choose_layout(name, published, variants)
    for path in records:
        layout.check_model(path, path.absolute().parent.name)
    return rescued(layout, read_rescues(records))


def rescued(layout: Layout, counts: Mapping[str, Counts]) -> Table:
    """Table of the detections of several detectors in the missed photos of several sets, and the thesis's.

    Args:
        layout: Rows of the table; rows without counts have no numbers.
        counts: By detector, then by set and threshold.

    Returns:
        The thesis's columns, ours, the same at the threshold from val, then the intervals of shares and the thesis's
        values. Shares are in percent.
    """
    columns = COLUMNS[layout.table]
    of_set = [column for column in columns if column in OF_THE_SET]
    changing = [column for column in columns if column not in OF_THE_SET]
    rows = []
    for model, name, names in layout.rows():
        main, val = (counts.get(model, {}).get((name, kind)) for kind in (THRESHOLDS[layout.table], OF_VAL))
        values: dict[str, float | int | None] = dict.fromkeys(columns)
        values |= _values(main or val, of_set) | _values(main, changing)
        values |= _values(val, changing, VAL) | _ends(main, changing) | _ends(val, changing, VAL)
        printed = {f"{column}{PUBLISHED}": number(cell) for column, cell in layout.printed(names).items()}
        rows.append(names | values | {name: cell for name, cell in printed.items() if cell == cell})
    keys = [column for column in ("CAM Model", "Set") if column in rows[0]]
    frame = _typed(pd.DataFrame(rows), keys)
    rounded = {column: 2 for column in columns if column in SHARES}
    shown = companion_rows(frame, keys=len(keys), digits_of=rounded, others={VAL: "at val's threshold"})
    return Table(layout.name, layout.title, frame, _notes(layout, counts), shown=shown)


def _values(count: RescueCount | None, columns: Iterable[str], ending: str = "") -> dict[str, float | int | None]:
    if count is None:
        return {f"{column}{ending}": None for column in columns}
    values = {
        "Conf": count.confidence,
        "F1": count.f1,
        "Total Preds": count.images_with_boxes,
        "Total Detections": count.images_with_boxes,
        "Heatmaps": count.heatmaps,
        "Initial Heatmaps": count.heatmaps,
        "Remaining": None if count.images_with_boxes is None else count.heatmaps - count.images_with_boxes,
        PRECISION: 100 * count.image_precision.value,
        COVERAGE: 100 * count.coverage.value,
        COVERAGE_ALONE: 100 * count.coverage.value,
        "Correct": count.images_correct,
        "Missed": count.missed,
        "Boxes": count.predictions,
        "Correct boxes": count.correct,
    }
    return {f"{column}{ending}": values[column] for column in columns}


def _ends(count: RescueCount | None, columns: Collection[str], ending: str = "") -> dict[str, float]:
    """Both ends of the intervals of columns that are shares."""
    missing = Rate(math.nan)
    precision, coverage = (count.image_precision, count.coverage) if count else (missing, missing)
    ends: dict[str, float] = {}
    for column in (column for column in columns if column in SHARES):
        rate = precision if column == PRECISION else coverage
        ends |= {f"{column}{ending}{LOW}": 100 * rate.low, f"{column}{ending}{HIGH}": 100 * rate.high}
    return ends


def _typed(frame: pd.DataFrame, keys: Collection[str]) -> pd.DataFrame:
    """Counts as nullable integers, other columns unchanged."""
    types = {}
    for column in (name for name in frame.columns if name not in keys):
        plain = str(column)
        for ending in (LOW, HIGH, PUBLISHED, VAL):
            plain = plain.removesuffix(ending)
        types[column] = "float64" if plain in REAL else "Int64"
    return frame.astype(types)


def _notes(layout: Layout, counts: Mapping[str, Counts]) -> list[str]:
    threshold = THRESHOLDS[layout.table]
    found = {
        (model, name): own[key]
        for model, name, _ in layout.rows()
        for key in ((name, OF_VAL), (name, threshold))
        if key in (own := counts.get(model, {}))
    }
    notes = _judged_notes(layout, found) if threshold == OF_SET else _unjudged_notes(layout, found)
    if set_aside := _set_aside(layout, found):
        notes.append(f"Excluded because the detector's heatmap is blank (Missed minus heatmaps): {set_aside}.")
    notes += [*layout.notes, *absent(layout, found)]
    return notes


def _judged_notes(layout: Layout, found: Mapping[tuple[str, str], RescueCount]) -> list[str]:
    without = {name for (_, name), count in found.items() if count.faces is None}
    unlabelled = [title for name, title in layout.sets.items() if name in without]
    notes = [
        "Conf is the confidence of the best F1 on the evaluated photos, as in the thesis: it is chosen with the labels"
        " of these photos. At val's threshold: the confidence of the best F1 on val, as in practice.",
        "Total Preds: photos with a box, as in the thesis (there Total Preds is Coverage times the heatmaps). Correct:"
        " photos whose most confident box matches a true face (IoU rescue.true_iou). Precision: Correct of Total Preds."
        " Coverage: Total Preds of Heatmaps. Both in percent, with Wilson's intervals. Boxes, Correct boxes: counts of"
        " boxes; a photo may have several.",
        *_interval_notes(layout, found),
        "n/a: no photo or no box to compute a share of, or no box is correct at any confidence, so that no F1 is best;"
        " the thesis prints a precision of 0 if there is no box.",
    ]
    if unlabelled:
        notes.append(f"Without labels, so correctness is unknown: {', '.join(unlabelled)}.")
    return notes


def _unjudged_notes(layout: Layout, found: Mapping[tuple[str, str], RescueCount]) -> list[str]:
    notes = [
        "These frames have no annotations: a detection may be wrong.",
        "Total Detections: frames with a box at or above Conf, which is set in the config; at val's threshold: the"
        " confidence of the best F1 on val. Remaining: heatmaps without a box; Total Detections plus Remaining is"
        " Initial Heatmaps, as in the thesis. Coverage: Total Detections of Initial Heatmaps, in percent, with Wilson's"
        " interval. Boxes: number of boxes; a frame may have several.",
        *_interval_notes(layout, found),
        "Initial Heatmaps: missed frames whose heatmap is not blank, by detector; 215 for all four in the thesis.",
    ]
    return notes


def _interval_notes(layout: Layout, found: Mapping[tuple[str, str], RescueCount]) -> list[str]:
    return interval_notes((layout.sets[name], count.blocks) for (_, name), count in found.items())


def _set_aside(layout: Layout, found: Mapping[tuple[str, str], RescueCount]) -> str:
    parts = []
    for model, title in layout.models.items():
        own = [
            f"{set_title} {found[model, name].missed - found[model, name].heatmaps} of {found[model, name].missed}"
            for name, set_title in layout.sets.items()
            if (model, name) in found
        ]
        parts += [f"{title}: {', '.join(own)}"] if own else []
    return "; ".join(parts)
