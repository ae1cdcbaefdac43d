"""Rows of tables 7, 8, 9, 12 and 13: heatmap detectors and sets with their display names.

Each table has a variant of the same form for other kinds of heatmaps, such as "table_07_variants". The thesis's rows
and those of the variants are never in one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from uncover.errors import InputError
from uncover.report.command_line import Option
from uncover.report.published import Cell, load_published
from uncover.report.titles import MAPS_EXPLAINED, THESIS_MODELS, model_title

Names = Mapping[str, str]
Variants = Annotated[Sequence[str], Option(metavar="NAME", nargs="+")]


@dataclass(frozen=True)
class Layout:
    """Rows of a table.

    Attributes:
        table: The thesis's table, such as "table_07".
        name: Stem of its files.
        title: Title, one line.
        models: Display name by detector.
        sets: Display name by set.
        published: The thesis's row by display names of detector and set (no set in a table of one set).
        notes: Footnotes that explain the names.
    """

    table: str
    name: str
    title: str
    models: Names
    sets: Names
    published: Mapping[tuple[str, str], Mapping[str, Cell]]
    notes: tuple[str, ...] = ()

    def rows(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Detector, set and the cells that identify the row, in the thesis's order."""
        for model, title in self.models.items():
            for name, set_title in self.sets.items():
                yield model, name, {"CAM Model": title} | ({"Set": set_title} if len(self.sets) > 1 else {})

    def printed(self, row: Names) -> Mapping[str, Cell]:
        """The thesis's row; empty if it has none."""
        return self.published.get((row["CAM Model"], row.get("Set", "")), {})

    def check_model(self, path: Path, model: str) -> None:
        """Check that the detector of a record belongs into the table.

        Raises:
            InputError: It does not.
        """
        if model not in self.models:
            expected = ", ".join(self.models)
            raise InputError(f"{path}: is in folder {model}; expected one file in each of {expected}")


def _titles(*titles: str) -> Names:
    return dict(zip(THESIS_MODELS, titles, strict=True))


LANDMARK_TESTS = {"merl": "MERL", "wflw": "WFLW"}
GRADES = {"slapi_easy": "Easy", "slapi_medium": "Medium", "slapi_hard": "Hard"}
_LAYOUTS: Mapping[str, tuple[str, Names, Names]] = {
    "table_07": (
        "Table 7: the heatmap detectors on val and both test sets",
        _titles("Grad++ (avg)", "Hires (avg)", "Grad++ (10 class)", "Hires (10 class)"),
        {"val": "Val"} | LANDMARK_TESTS,
    ),
    "table_08": (
        "Table 8: the heatmap detectors on test photos in which rgb10 found no face",
        _titles("Grad++ (avg)", "HiresCAM (avg)", "Grad++ (10class)", "HiresCAM (10class)"),
        LANDMARK_TESTS,
    ),
    "table_09": (
        "Table 9: the heatmap detectors on frames of Hand Over Face in which rgb10 found no face",
        _titles("GradCAM++ (avg)", "HiresCAM (avg)", "GradCAM++ (10 class)", "HiresCAM (10 class)"),
        {"hof": "Hand Over Face"},
    ),
    "table_12": (
        "Table 12: the heatmap detectors scored on graded frames in which rgb10 found no face",
        _titles("Grad++ (avg)", "Hires (avg)", "Grad ++ (10 class)", "Hires (10 class)"),
        GRADES,
    ),
    "table_13": (
        "Table 13: the heatmap detectors on graded frames in which rgb10 found no face",
        _titles("Grad++ (avg)", "Hires (avg)", "Grad++ (10class)", "Hires (10class)"),
        GRADES,
    ),
}
"""By table: its title, the detectors' names as the thesis prints them there, and its sets."""


def thesis_layout(name: str, published: Path) -> Layout:
    """Rows of one of the thesis's tables.

    Args:
        name: Name of the table, such as "table_07".
        published: The thesis's numbers.

    Raises:
        InputError: The file is not valid.
    """
    rows = load_published(published)[name].rows
    printed = {(str(row["CAM Model"]), str(row.get("Set", ""))): row for row in rows}
    return Layout(name, name, *_LAYOUTS[name], printed)


def variants_layout(name: str, models: Sequence[str]) -> Layout:
    """The same rows for other kinds of heatmaps.

    Args:
        name: Name of the thesis's table.
        models: Names of the detectors.
    """
    title, _, sets = _LAYOUTS[name]
    titles = {model: model_title(model) for model in models}
    full = f"{title}; other kinds of heatmaps"
    return Layout(name, f"{name}_variants", full, titles, sets, {}, (MAPS_EXPLAINED,))


def choose_layout(name: str, published: Path | None, models: Sequence[str]) -> Layout:
    """Rows of the variants if there are any, otherwise those of the thesis.

    Raises:
        InputError: Neither variants nor the thesis's numbers are given.
    """
    if models:
        return variants_layout(name, models)
    if published is None:
        raise InputError(f"{name}: no rows; pass --published or --variants")
    return thesis_layout(name, published)


def absent(layout: Layout, found: Iterable[tuple[str, str]]) -> list[str]:
    """Footnotes on detectors and sets that the run does not have.

    Args:
        layout: Rows of the table.
        found: Detector and set of existing records.
    """
    there = set(found)
    no_model = [model for model in layout.models if not any((model, name) in there for name in layout.sets)]
    no_set = [name for name in layout.sets if not any((model, name) in there for model in layout.models)]
    single = [
        f"{layout.models[model]} on {layout.sets[name]}"
        for model, name, _ in layout.rows()
        if (model, name) not in there and model not in no_model and name not in no_set
    ]
    names = [layout.models[model] for model in no_model] + [layout.sets[name] for name in no_set] + single
    return [f"Not in this run: {', '.join(names)}."] if names else []
