"""Chapters of the page: where tables and figures stand, and what is said of the numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from uncover.report import registry
from uncover.report.chapters import CHAPTERS, LAST, Numbers, chapter_of, place_in
from uncover.report.charts import read_numbers
from uncover.report.page import FIGURES, TABLES


@pytest.mark.parametrize(
    ("name", "declared", "chapter"),
    [
        ("table_08", "", "missed_landmarks"),
        ("table_08_variants", "", "missed_landmarks"),
        ("table_10_baselines", "", "baselines"),
        ("rescue_summary_2", "", "rescue"),
        ("rescue_summary_baselines_2", "", "baselines"),
        ("rescue_of_mine", "", "rescue"),
        ("table_of_mine", "", LAST),
        ("table_of_mine", "videos", "videos"),
        ("table_of_mine", "no chapter", LAST),
        ("table_08", "rescue", "rescue"),
    ],
)
def test_each_name_has_a_chapter(name: str, declared: str, chapter: str) -> None:
    assert chapter_of(name, declared) == chapter


def test_all_that_is_declared_has_a_place_of_its_own() -> None:
    assert {name for name in [*registry.declared(), *TABLES, *FIGURES] if chapter_of(name) == LAST} == set()
    names = [name for chapter in CHAPTERS for name in chapter.names]
    assert len(names) == len(set(names)) and len({chapter.key for chapter in CHAPTERS}) == len(CHAPTERS)
    detectors = next(chapter for chapter in CHAPTERS if chapter.key == "detectors")
    assert place_in(detectors, "table_03") < place_in(detectors, "table_04") < place_in(detectors, "figure_18")


def test_what_came_out_is_told_with_the_thesiss_numbers_and_without_those_that_are_not_there() -> None:
    rows = [
        ("table_04", "Val", "F1", 0.912, 0.543, 0.496, 0.594),
        ("table_04", "MERL RAV", "F1", 0.906, None, None, None),
        ("table_11", "Hard", "Remaining", 142, 10, None, None),
        ("table_13", "Grad++ (avg) / Hard", "Coverage (Test Set)", 24, 40, 12, 77),
        ("table_13", "Hires (avg) / Hard", "Coverage (Test Set)", 0, 100, 50, 100),
        ("text", "hof_rgb10_share", "value", 90.9, 92.5, 77.3, 97.8),
    ]
    names = ("table", "row", "column", "published", "ours", "low", "high")
    numbers = Numbers(read_numbers(pd.DataFrame(rows, columns=names).assign(note="")))
    said = {chapter.key: chapter.found(numbers) for chapter in CHAPTERS}
    assert said["detectors"] == [
        "Ten-part detector, mean F1 over all classes: on val 0.54 [0.50, 0.59] (thesis: 0.91)."
    ]
    assert said["missed_graded"] == [
        "Frames in which it found no face: hard 10 (thesis: 142).",
        "Heatmap detectors return a box for 40 % (Grad++ (avg) / Hard) to 100 % (Hires (avg) / Hard) of the heatmaps,"
        " at the confidence threshold with the best F1.",
    ]
    assert said["missed_hof"] == [
        "Frames with a detected face, by RGB detector: with ten parts 92.5 % [77.3, 97.8] (thesis: 90.9 %)."
    ]
    assert not said["data"] and not any(chapter.found(Numbers(None)) for chapter in CHAPTERS)
