"""The chapters of the page: which tables and figures each holds, what was done, and what came out, from the comparison.

A table or figure stands where a chapter names it, or the longest beginning of its name: table_08_variants where
table_08 does. One whose declaration says `chapter=` stands in that chapter, and what nothing places in the last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from uncover.report.charts import FRACTIONS, short

Found = Callable[["Numbers"], list[str]]

LAST = "further"
"""Chapter of what no chapter names."""

GRADES = ("No Occl", "Easy", "Medium", "Hard")


class Numbers:
    """The comparison, asked number by number for a sentence.

    Attributes:
        rows: By table, row and column.
    """

    def __init__(self, comparison: pd.DataFrame | None) -> None:
        """
        Args:
            comparison: As `charts.read_numbers` returns it; None where the run has none.
        """
        records = [] if comparison is None else comparison.to_dict("records")
        self.rows: Mapping[tuple[str, str, str], Mapping[str, float]] = {
            (str(row["table"]), str(row["row"]), str(row["column"])): {
                name: float(row[name]) for name in ("published", "ours", "low", "high")
            }
            for row in records
        }

    def ours(self, table: str, row: str, column: str) -> float:
        """This run's number; NaN where it has none."""
        return self.rows.get((table, row, column), {"ours": math.nan})["ours"]

    def told(self, table: str, row: str, column: str, unit: str = "") -> str:
        """Both numbers in words, such as "0.71 [0.61, 0.82] (thesis: 0.98)"; empty where this run has none."""
        found = self.rows.get((table, row, column))
        if found is None or math.isnan(found["ours"]):
            return ""
        # Shares of one have two digits in a sentence; counts and percentages are as they are.
        fraction = max(found["ours"], found["published"]) <= 1 and column in FRACTIONS
        published, ours, low, high = (f"{number:.2f}" if fraction else short(number) for number in found.values())
        interval = "" if math.isnan(found["low"]) else f" [{low}, {high}]"
        return f"{ours}{unit}{interval} (thesis: {published}{unit})"

    def text(self, name: str, unit: str = "") -> str:
        """The same of a number of the running text."""
        return self.told("text", name, "value", unit)


@dataclass(frozen=True)
class Chapter:
    """A chapter.

    Attributes:
        key: Its place in the page, for links.
        title: In full.
        short: For the contents.
        names: Beginnings of the names of its tables and figures, in their order there.
        text: What was done.
        found: Writes what came out.
        beyond: Whether the thesis has no such chapter.
    """

    key: str
    title: str
    short: str
    names: tuple[str, ...]
    text: str
    found: Found = lambda numbers: []
    beyond: bool = False


def _sentence(begin: str, parts: Sequence[tuple[str, str]], end: str = ".") -> list[str]:
    """One sentence of those parts that have a number; none without any."""
    told = [f"{where} {number}".strip() for number, where in parts if number]
    return [f"{begin} {'; '.join(told)}{end}"] if told else []


def _data(numbers: Numbers) -> list[str]:
    return _sentence("Photos to learn from:", [(numbers.text("train_images_kept"), "")])


def _detectors(numbers: Numbers) -> list[str]:
    sets = (("Val", "on val"), ("MERL", "on MERL-RAV"), ("WFLW", "on WFLW"))
    return [
        *_sentence(
            "Mean F1 of the ten-part detector over its classes:",
            [(_of(numbers, "table_04", name, "F1"), where) for name, where in sets],
        ),
        *_sentence("Of its whole face alone:", [(_of(numbers, "table_05", name, "F1"), where) for name, where in sets]),
        *_sentence(
            "Of the detector that learnt nothing but whole faces:",
            [(_of(numbers, "table_06", name, "F1"), where) for name, where in sets],
        ),
    ]


def _of(numbers: Numbers, table: str, row: str, column: str) -> str:
    """A number of the one row whose name begins so, however the thesis goes on."""
    rows = [own for name, own, of in numbers.rows if name == table and of == column]
    named = [own for own in rows if own.casefold().startswith(row.casefold())]
    return numbers.told(table, named[0], column) if len(named) == 1 else ""


def _maps(numbers: Numbers) -> list[str]:
    return _sentence(
        "Missed photos whose map for GradCAM++ (avg) is not blank:",
        [(numbers.text(f"{name}_heatmaps"), title) for name, title in (("merl", "of MERL-RAV"), ("wflw", "of WFLW"),
                                                                       ("hof", "of Hand Over Face"))],
    )  # fmt: skip


def _second(numbers: Numbers) -> list[str]:
    models = {row.partition(" / ")[0]: row for table, row, _ in numbers.rows if table == "table_07" and "/ Val" in row}
    return _sentence(
        "F1 on heatmaps of val:", [(numbers.told("table_07", row, "F1"), title) for title, row in models.items()]
    )


def _landmark_sets(numbers: Numbers) -> list[str]:
    sets = (("merl", "of MERL-RAV"), ("wflw", "of WFLW"))
    missed = _sentence("Missed photos:", [(numbers.text(f"{name}_missed"), where) for name, where in sets])
    return [*missed, *_coverage(numbers, "table_08")]


def _hof(numbers: Numbers) -> list[str]:
    found = [(numbers.text(f"hof_{model}_share", " %"), title) for model, title in (("rgb10", "with ten parts"),
                                                                                    ("rgb1", "with one"))]  # fmt: skip
    return [
        *_sentence("Frames in which the RGB detectors find a face:", found),
        *_sentence("Frames that the ten-part detector misses:", [(numbers.text("hof_missed"), "")]),
    ]


def _graded(numbers: Numbers) -> list[str]:
    f1 = [(numbers.told("table_10", grade, "F1"), _grade(grade)) for grade in GRADES]
    missed = [(numbers.told("table_11", grade, "Remaining"), _grade(grade)) for grade in GRADES]
    return [
        *_sentence("F1 of the ten-part detector on the whole face:", f1),
        *_sentence("Frames in which it finds no face:", missed),
        *_coverage(numbers, "table_13"),
    ]


def _grade(grade: str) -> str:
    return "not covered" if grade == "No Occl" else grade.lower()


def _coverage(numbers: Numbers, table: str) -> list[str]:
    """Of the missed photos with a heatmap, the share in which each detector finds anything, from lowest to highest."""
    column = "Coverage (Test Set)"
    shares = [(own["ours"], row) for (name, row, of), own in numbers.rows.items() if name == table and of == column]
    shares = sorted((share, row) for share, row in shares if not math.isnan(share))
    if not shares:
        return []
    (low, first), (high, last) = shares[0], shares[-1]
    if low == high:
        return [f"All heatmap detectors with a number find something in {short(high)} % of the heatmaps."]
    return [
        f"From {short(low)} % ({first}) to {short(high)} % ({last}) of the heatmaps give a box at the confidence of the"
        " best F1."
    ]


CHAPTERS = (
    Chapter(
        "data",
        "Data: faces with landmarks, and frames of hidden faces",
        "Data",
        ("table_01", "table_02", "figure_15", "figure_16", "table_parts"),
        "Landmarks of WFLW and MERL-RAV become boxes of nine facial parts and of the whole face, which the detectors"
        " learn. Hand Over Face and graded frames of infants in intensive care are for tests alone.",
        _data,
    ),
    Chapter(
        "detectors",
        "Detectors of facial parts",
        "Detectors of parts",
        (
            *("table_03", "figure_24", "figure_17", "table_04", "figure_18", "figure_19", "figure_20"),
            *("table_05", "table_06", "figure_25", "table_val_counts"),
        ),
        "A YOLOv5 learns ten classes, the whole face and nine parts of it; table 3 has the settings that an"
        " evolutionary search chose. A second one learns the whole face alone. All the rest is about what the first"
        " one misses.",
        _detectors,
    ),
    Chapter(
        "heatmaps",
        "Heatmaps: what the detector looks at",
        "Heatmaps",
        ("figure_26", "table_heatmaps"),
        "GradCAM++ and HiResCAM show which places raise the scores of what the detector finds, weak detections"
        " included: one map per class, and a joint one of all classes.",
        _maps,
    ),
    Chapter(
        "second_step",
        "The second step: detectors that look at heatmaps",
        "Heatmap detectors",
        ("table_07", "figure_27", "figure_28", "figure_29", "figure_30"),
        "Four detectors learn to find the whole face in heatmaps instead of photos: in the joint maps or the maps of"
        " ten classes, of either method.",
        _second,
    ),
    Chapter(
        "missed_landmarks",
        "Missed faces: MERL-RAV and WFLW",
        "Missed: MERL-RAV, WFLW",
        ("table_08",),
        "The heatmap detectors look at the test photos in which the ten-part detector found no face.",
        _landmark_sets,
    ),
    Chapter(
        "missed_hof",
        "Missed faces: Hand Over Face",
        "Missed: Hand Over Face",
        ("table_hof", "figure_21", "table_09"),
        "The same with hands in front of faces: frames that no detector has learnt from.",
        _hof,
    ),
    Chapter(
        "missed_graded",
        "Missed faces: graded infants",
        "Missed: graded infants",
        ("table_10", "table_11", "table_12", "figure_31", "table_13"),
        "Frames of infants, graded by how much of the face tubes, masks and hands cover.",
        _graded,
    ),
    Chapter(
        "rescue",
        "Beyond the thesis: all methods side by side",
        "Rescue trial",
        ("rescue_summary", "figure_rescue", "rescue"),
        "Is it the heatmaps that find the missed faces, or would any second look? Every method meets the same missed"
        " photos and is cut at equally many false boxes per photo.",
        beyond=True,
    ),
    Chapter(
        "baselines",
        "Beyond the thesis: other face detectors",
        "Other detectors",
        (
            *("table_10_baselines", "table_11_baselines", "rescue_summary_baselines"),
            *("table_web", "figure_22", "figure_23"),
        ),
        "Ready-made face detectors, and other designs trained on the same photos, alone and with a rescue behind them.",
        beyond=True,
    ),
    Chapter(
        "videos",
        "Beyond the thesis: videos",
        "Videos",
        ("table_video", "figure_video"),
        "Each way to detect goes through the same videos, frame by frame.",
        beyond=True,
    ),
    Chapter(
        "fine_tuning",
        "Beyond the thesis: a few labelled frames",
        "Fine-tuning",
        ("table_learning", "figure_learning"),
        "The whole-face detector is fine-tuned on a few frames of all infants but one, and scored on that one.",
        beyond=True,
    ),
    Chapter(
        LAST,
        "Further tables and figures",
        "Further",
        (),
        "What this run makes beside the thesis's and ours.",
        beyond=True,
    ),
)


def chapter_of(name: str, declared: str = "") -> str:
    """Key of the chapter of a table or figure.

    Args:
        name: Of its files; further tables of one file have its name and a number.
        declared: What its declaration says, if anything.
    """
    if declared in [chapter.key for chapter in CHAPTERS]:
        return declared
    fitting = [(len(start), chapter.key) for chapter in CHAPTERS for start in chapter.names if name.startswith(start)]
    return max(fitting)[1] if fitting else LAST


def place_in(chapter: Chapter, name: str) -> int:
    """Place of a table or figure among its chapter's: that of the longest beginning, else the last."""
    fitting = [(len(start), place) for place, start in enumerate(chapter.names) if name.startswith(start)]
    return max(fitting)[1] if fitting else len(chapter.names)
