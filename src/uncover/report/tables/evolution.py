"""Table 3: the hyperparameters that evolution chose for the ten-part RGB detector (thesis section 4.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from uncover.errors import InputError
from uncover.report.published import Cell, load_published
from uncover.report.registry import table
from uncover.report.tables.table import MISSING, PUBLISHED, Table
from uncover.tables import read_summary, read_table

MADE_BY = "evolution_history"

NAME_IN_PRINT = {
    "Starting lr": "lr0",
    "Optimizer": "optimizer",
    "IoU threshold": "iou_t",
    "Hue": "hsv_h",
    "Value": "hsv_v",
    "Saturation": "hsv_s",
    "Translation": "translate",
    "Scale": "scale",
}
"""YOLOv5's name by name in the thesis's table."""

Values = Mapping[str, Any]


@table(
    "table_03",
    "3: evolved hyperparameters",
    caption="Hyperparameters of the best generation of the evolution, the thesis's, and those that rgb10 was trained"
    " with.",
    inputs=lambda run: {
        "training": run.paths.model("rgb10").summary,
        "history": [run.paths.evolution_history] if run.config.evolution.generations else [],
        "best": [run.paths.evolved] if run.config.evolution.generations else [],
    },
)
def evolved_hyperparameters(
    training: Path, published: Path, history: Path | None = None, best: Path | None = None
) -> Table:
    """Make table 3 from files.

    Args:
        training: summary.json of the detector's training.
        published: The thesis's numbers (config/published.yaml).
        history: history.csv of the evolution, if the run has one.
        best: best.json of the evolution.

    Raises:
        InputError: A file is not valid, or the two records of the evolution do not match.
    """
    if (history is None) != (best is None):
        raise InputError("--history and --best belong together; pass both or neither")
    settings = read_summary(training, ("settings",), "train")["settings"]
    if not isinstance(settings, dict) or not {"optimizer", "hyperparameters"} <= settings.keys():
        raise InputError(f"{training}: settings: expected optimizer and hyperparameters; train again")
    printed = load_published(published)["table_03"].rows
    if history is None or best is None:
        return evolution_table(settings, printed)
    chosen = read_summary(best, ("generation", "fitness", "hyperparameters"), MADE_BY)
    return evolution_table(settings, printed, chosen, _read_history(history, chosen))


def evolution_table(
    settings: Values,
    published: Sequence[Mapping[str, Cell]],
    best: Values | None = None,
    history: pd.DataFrame | None = None,
) -> Table:
    """Table of the best generation's hyperparameters, the thesis's, and those that the detector was trained with.

    Args:
        settings: Settings of the detector's training: `optimizer`, `hyperparameters`.
        published: Rows of the thesis's table 3.
        best: Record of the best generation; None without evolution.
        history: One row per generation, with YOLOv5's names of hyperparameters.

    Returns:
        Columns "Hyperparameter", "Value", "Value_published", "Used": the thesis's rows, then one row for each other
        hyperparameter that the evolution changed, under YOLOv5's name.
    """
    used = {"optimizer": settings["optimizer"], **settings["hyperparameters"]}
    evolved = {"optimizer": settings["optimizer"], **best["hyperparameters"]} if best else {}
    printed = {str(row["Hyperparameter"]): row["Value"] for row in published}
    names = {str(name): NAME_IN_PRINT[str(name)] for name in printed}
    changed = _changed(history, evolved) if history is not None else []
    names |= {name: name for name in changed if name not in names.values()}
    frame = pd.DataFrame(
        {
            "Hyperparameter": list(names),
            "Value": [evolved.get(name) for name in names.values()],
            f"Value{PUBLISHED}": [printed.get(title) for title in names],
            "Used": [used.get(name) for name in names.values()],
        },
        dtype=object,
    )
    shown = frame.map(_text).rename(columns={f"Value{PUBLISHED}": "Thesis", "Used": "rgb10 trained with"})
    notes = _notes(best, history, changed, evolved, used)
    return Table("table_03", "Table 3: hyperparameters chosen by evolution", frame, notes, shown=shown)


def _notes(
    best: Values | None, history: pd.DataFrame | None, changed: Sequence[str], evolved: Values, used: Values
) -> list[str]:
    if best is None or history is None:
        return ["This run has no evolution (evolution.generations: 0), so it has no evolved values."]
    still = [name for name in evolved if name not in changed and name != "optimizer"]
    others = [name for name, value in evolved.items() if used.get(name) != value]
    return [
        f"Best of {len(history)} generations, counted from 0: generation {best['generation']}, fitness"
        f" {best['fitness']:.4f} (0.1 mAP50 + 0.9 mAP50-95). The thesis ran 42; its table says 42, its text 12.",
        "rgb10 was trained with the values of the best generation."
        if not others
        else f"rgb10 was trained with the settings of the config, not with these values: {len(others)} values differ"
        " (detectors.rgb10.evolved: true uses the evolved ones).",
        f"Equal in all generations: {', '.join(f'{name} {_text(evolved[name])}' for name in still) or 'none'}.",
        "Rows below the thesis's have YOLOv5's names. The optimiser is not evolved.",
    ]


def _read_history(path: Path, best: Values) -> pd.DataFrame:
    history = read_table(path, ("generation", *best["hyperparameters"]), MADE_BY)
    if best["generation"] not in set(history["generation"]):
        raise InputError(f"{path}: no generation {best['generation']}, which best.json names; run the evolution again")
    return history


def _changed(history: pd.DataFrame, evolved: Values) -> list[str]:
    return [name for name in evolved if name in history.columns and history[name].nunique(dropna=False) > 1]


def _text(value: object) -> str:
    if value is None:
        return MISSING
    return f"{value:.5g}" if isinstance(value, float) else str(value)
