"""The chapters of the report page: their tables and figures, a description, and the results from the comparison.

A chapter lists name prefixes; the longest matching prefix decides, so that table_08_variants follows table_08. A
declaration with `chapter=` overrides this. Tables and figures that match no chapter go into the last one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from uncover.report.charts import FRACTIONS, short

Found = Callable[["Numbers"], list[str]]

LAST = "further"
"""Key of the chapter for tables and figures that match no other chapter."""

GRADES = ("No Occl", "Easy", "Medium", "Hard")


class Numbers:
    """The comparison with the thesis, formatted for sentences.

    Attributes:
        rows: Published value, own value and interval by (table, row, column).
    """

    def __init__(self, comparison: pd.DataFrame | None) -> None:
        """
        Args:
            comparison: Result of `charts.read_numbers`, or None if the run has no comparison.
        """
        records = [] if comparison is None else comparison.to_dict("records")
        self.rows: Mapping[tuple[str, str, str], Mapping[str, float]] = {
            (str(row["table"]), str(row["row"]), str(row["column"])): {
                name: float(row[name]) for name in ("published", "ours", "low", "high")
            }
            for row in records
        }

    def ours(self, table: str, row: str, column: str) -> float:
        """This run's value; NaN if it has none."""
        return self.rows.get((table, row, column), {"ours": math.nan})["ours"]

    def told(self, table: str, row: str, column: str, unit: str = "") -> str:
        """Both values as text, such as "0.71 [0.61, 0.82] (thesis: 0.98)"; empty if this run has no value."""
        found = self.rows.get((table, row, column))
        if found is None or math.isnan(found["ours"]):
            return ""
        # Fractions are printed with two digits; counts and percentages are printed as they are.
        fraction = max(found["ours"], found["published"]) <= 1 and column in FRACTIONS
        published, ours, low, high = (f"{number:.2f}" if fraction else short(number) for number in found.values())
        interval = "" if math.isnan(found["low"]) else f" [{low}, {high}]"
        return f"{ours}{unit}{interval} (thesis: {published}{unit})"

    def text(self, name: str, unit: str = "") -> str:
        """Same as `told`, for a number of the thesis's running text."""
        return self.told("text", name, "value", unit)


@dataclass(frozen=True)
class Chapter:
    """A chapter of the page.

    Attributes:
        key: Anchor in the page.
        title: Full title.
        short: Title in the table of contents.
        names: Name prefixes of its tables and figures, in page order.
        text: What was done.
        found: Function that writes the results.
        beyond: Whether the chapter goes beyond the thesis.
    """

    key: str
    title: str
    short: str
    names: tuple[str, ...]
    text: str
    found: Found = lambda numbers: []
    beyond: bool = False


def _sentence(begin: str, parts: Sequence[tuple[str, str]], end: str = ".") -> list[str]:
    """One sentence that lists all parts with a number, or an empty list if there is none."""
    told = [f"{where} {number}".strip() for number, where in parts if number]
    return [f"{begin} {'; '.join(told)}{end}"] if told else []


def _data(numbers: Numbers) -> list[str]:
    return _sentence("Training photos:", [(numbers.text("train_images_kept"), "")])


def _detectors(numbers: Numbers) -> list[str]:
    sets = (("Val", "on val"), ("MERL", "on MERL-RAV"), ("WFLW", "on WFLW"))
    return [
        *_sentence(
            "Ten-part detector, mean F1 over all classes:",
            [(_of(numbers, "table_04", name, "F1"), where) for name, where in sets],
        ),
        *_sentence(
            "Ten-part detector, F1 of the whole face:",
            [(_of(numbers, "table_05", name, "F1"), where) for name, where in sets],
        ),
        *_sentence(
            "Whole-face detector, F1:",
            [(_of(numbers, "table_06", name, "F1"), where) for name, where in sets],
        ),
    ]


def _of(numbers: Numbers, table: str, row: str, column: str) -> str:
    """The value of the only row whose name starts with `row`; empty if there is no such row or more than one."""
    rows = [own for name, own, of in numbers.rows if name == table and of == column]
    named = [own for own in rows if own.casefold().startswith(row.casefold())]
    return numbers.told(table, named[0], column) if len(named) == 1 else ""


def _maps(numbers: Numbers) -> list[str]:
    return _sentence(
        "Missed photos with a non-blank heatmap for GradCAM++ (avg):",
        [(numbers.text(f"{name}_heatmaps"), title) for name, title in (("merl", "of MERL-RAV"), ("wflw", "of WFLW"),
                                                                       ("hof", "of Hand Over Face"))],
    )  # fmt: skip


def _second(numbers: Numbers) -> list[str]:
    models = {row.partition(" / ")[0]: row for table, row, _ in numbers.rows if table == "table_07" and "/ Val" in row}
    return _sentence(
        "F1 on the heatmaps of val:", [(numbers.told("table_07", row, "F1"), title) for title, row in models.items()]
    )


def _landmark_sets(numbers: Numbers) -> list[str]:
    sets = (("merl", "of MERL-RAV"), ("wflw", "of WFLW"))
    missed = _sentence("Missed photos:", [(numbers.text(f"{name}_missed"), where) for name, where in sets])
    return [*missed, *_coverage(numbers, "table_08")]


def _hof(numbers: Numbers) -> list[str]:
    found = [(numbers.text(f"hof_{model}_share", " %"), title) for model, title in (("rgb10", "with ten parts"),
                                                                                    ("rgb1", "with one"))]  # fmt: skip
    return [
        *_sentence("Frames with a detected face, by RGB detector:", found),
        *_sentence("Frames that the ten-part detector missed:", [(numbers.text("hof_missed"), "")]),
    ]


def _graded(numbers: Numbers) -> list[str]:
    f1 = [(numbers.told("table_10", grade, "F1"), _grade(grade)) for grade in GRADES]
    missed = [(numbers.told("table_11", grade, "Remaining"), _grade(grade)) for grade in GRADES]
    return [
        *_sentence("Ten-part detector, F1 of the whole face:", f1),
        *_sentence("Frames in which it found no face:", missed),
        *_coverage(numbers, "table_13"),
    ]


def _grade(grade: str) -> str:
    return "not covered" if grade == "No Occl" else grade.lower()


def _coverage(numbers: Numbers, table: str) -> list[str]:
    """Range of the coverage over the heatmap detectors: missed photos with a detection, of those with a heatmap."""
    column = "Coverage (Test Set)"
    shares = [(own["ours"], row) for (name, row, of), own in numbers.rows.items() if name == table and of == column]
    shares = sorted((share, row) for share, row in shares if not math.isnan(share))
    if not shares:
        return []
    (low, first), (high, last) = shares[0], shares[-1]
    if low == high:
        return [f"All evaluated heatmap detectors return a box for {short(high)} % of the heatmaps."]
    return [
        f"Heatmap detectors return a box for {short(low)} % ({first}) to {short(high)} % ({last}) of the heatmaps, at"
        " the confidence threshold with the best F1."
    ]


CHAPTERS = (
    Chapter(
        "data",
        "Data: faces with landmarks, frames of occluded faces",
        "Data",
        ("table_01", "table_02", "figure_15", "figure_16", "table_parts"),
        "The landmarks of WFLW and MERL-RAV are converted into boxes of nine facial parts and of the whole face; the"
        " detectors are trained on these boxes. Hand Over Face and the graded frames of infants in intensive care are"
        " used for testing only.",
        _data,
    ),
    Chapter(
        "detectors",
        "RGB detectors",
        "RGB detectors",
        (
            *("table_03", "figure_24", "figure_17", "table_04", "figure_18", "figure_19", "figure_20"),
            *("table_05", "table_06", "figure_25", "table_val_counts"),
        ),
        "One YOLOv5 is trained on ten classes: the whole face and nine facial parts. Table 3 lists its settings, which"
        " an evolutionary search chose. A second YOLOv5 is trained on the whole face alone. The following chapters"
        " evaluate the photos in which the ten-part detector finds no face.",
        _detectors,
    ),
    Chapter(
        "heatmaps",
        "Heatmaps: evidence of the ten-part detector",
        "Heatmaps",
        ("figure_26", "table_heatmaps"),
        "GradCAM++ and HiResCAM mark the image regions that raise the scores of the detections, low-confidence"
        " detections included. Each method gives one heatmap per class and one joint heatmap of all classes.",
        _maps,
    ),
    Chapter(
        "second_step",
        "Second step: detectors trained on heatmaps",
        "Heatmap detectors",
        ("table_07", "figure_27", "figure_28", "figure_29", "figure_30"),
        "Four detectors are trained to find the whole face in heatmaps instead of photos: for each method, one on the"
        " joint heatmaps and one on the heatmaps of the ten classes.",
        _second,
    ),
    Chapter(
        "missed_landmarks",
        "Missed faces: MERL-RAV and WFLW",
        "Missed: MERL-RAV, WFLW",
        ("table_08",),
        "The heatmap detectors run on the test photos in which the ten-part detector found no face.",
        _landmark_sets,
    ),
    Chapter(
        "missed_hof",
        "Missed faces: Hand Over Face",
        "Missed: Hand Over Face",
        ("table_hof", "figure_21", "table_09"),
        "The same test on faces behind hands. No detector was trained on frames of this data set.",
        _hof,
    ),
    Chapter(
        "missed_graded",
        "Missed faces: graded infants",
        "Missed: graded infants",
        ("table_10", "table_11", "table_12", "figure_31", "table_13"),
        "Frames of infants, graded by how much of the face is covered by tubes, masks and hands.",
        _graded,
    ),
    Chapter(
        "rescue",
        "Beyond the thesis: rescue methods compared",
        "Rescue trial",
        ("rescue_summary", "figure_rescue", "rescue"),
        "Are heatmaps needed to find the missed faces, or does any second pass find them? All methods run on the same"
        " missed photos; their thresholds are set to the same number of false positives per photo.",
        beyond=True,
    ),
    Chapter(
        "baselines",
        "Beyond the thesis: baseline detectors",
        "Baseline detectors",
        (
            *("table_10_baselines", "table_11_baselines", "rescue_summary_baselines"),
            *("table_web", "figure_22", "figure_23"),
        ),
        "Pretrained face detectors, and other architectures trained on the same photos, alone and with a rescue.",
        beyond=True,
    ),
    Chapter(
        "videos",
        "Beyond the thesis: videos",
        "Videos",
        ("table_video", "figure_video"),
        "Every detection mode runs on the same videos, frame by frame.",
        beyond=True,
    ),
    Chapter(
        "fine_tuning",
        "Beyond the thesis: fine-tuning on a few labelled frames",
        "Fine-tuning",
        ("table_learning", "figure_learning"),
        "The whole-face detector is fine-tuned on a few frames of all infants but one, and evaluated on that infant.",
        beyond=True,
    ),
    Chapter(
        LAST,
        "Further tables and figures",
        "Further",
        (),
        "Other tables and figures of this run.",
        beyond=True,
    ),
)


def chapter_of(name: str, declared: str = "") -> str:
    """Key of the chapter that a table or figure belongs to.

    Args:
        name: Stem of its files. Further tables of one file have the same name and a number.
        declared: Chapter named in its declaration; empty if it names none.
    """
    if declared in [chapter.key for chapter in CHAPTERS]:
        return declared
    fitting = [(len(start), chapter.key) for chapter in CHAPTERS for start in chapter.names if name.startswith(start)]
    return max(fitting)[1] if fitting else LAST


def place_in(chapter: Chapter, name: str) -> int:
    """Place of a table or figure among its chapter's: that of the longest beginning, else the last."""
    fitting = [(len(start), place) for place, start in enumerate(chapter.names) if name.startswith(start)]
    return max(fitting)[1] if fitting else len(chapter.names)
