"""Generations of an evolution: training one, its record on disk, and the table of all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from uncover.atomic import new_file
from uncover.config.detectors import Detector, Hyperparameters
from uncover.config.evolution import Evolution
from uncover.config.values import check_section
from uncover.console import say
from uncover.detector.diverged import Diverged
from uncover.detector.evolve import Generation, breed
from uncover.errors import InputError
from uncover.metrics.fitness import fitness

MADE_BY = "evolve_generation"
METRICS = ("precision", "recall", "mAP_0.5", "mAP_0.5:0.95")
KEYS = tuple(field.name for field in fields(Generation))


def train_generation(
    settings: Detector,
    generation: int,
    history: Sequence[Generation],
    evolution: Evolution,
    train: Callable[[Detector], Mapping[str, Any]],
) -> Generation | None:
    """Train one generation.

    Args:
        settings: The detector that evolves.
        generation: Number of the generation.
        history: Earlier generations, at least those that this one breeds from.
        evolution: Rule and budget.
        train: Trains with the settings given to it, and returns a training's summary, whose "best" holds the
            metrics of the best epoch; an empty one in a process that only helps.

    Returns:
        The record, or None in a process that only helps. That of a training that diverged has fitness 0.

    Raises:
        InputError: A generation that this one breeds from is missing, or nothing can mutate.
    """
    if not settings.autoanchor:
        # As upstream: how many anchors to fit means nothing where none are fitted.
        space = evolution.space.model_copy(update={"anchors": evolution.space.anchors._replace(gain=0)})
        evolution = evolution.model_copy(update={"space": space})
    parent, values = breed(generation, settings.hyperparameters.model_dump(), history, evolution)
    hyperparameters = check_section(Hyperparameters, values, f"generation {generation}")
    try:
        summary = train(settings.model_copy(update={"hyperparameters": hyperparameters, "epochs": evolution.epochs}))
    except Diverged as error:
        say(f"generation {generation}: {error}; it counts with fitness 0")
        summary = {"best": {f"metrics/{name}": 0.0 for name in METRICS}, "epochs_run": max(error.epochs, 1)}
    if not summary:
        return None
    best = {name: float(summary["best"][f"metrics/{name}"]) for name in METRICS}
    precision, recall, map50, map50_95 = best.values()
    return Generation(
        generation=generation,
        parent=parent,
        hyperparameters=hyperparameters.model_dump(),
        epochs=int(summary["epochs_run"]),
        precision=precision,
        recall=recall,
        map50=map50,
        map50_95=map50_95,
        fitness=float(fitness(map50, map50_95)),
    )


def write_generation(path: Path, record: Generation) -> None:
    """Write one record."""
    with new_file(path) as temporary:
        temporary.write_text(json.dumps(record.to_dict(), indent=1) + "\n", encoding="utf-8")


def read_generations(paths: Iterable[Path]) -> list[Generation]:
    """Read records, and sort them by generation.

    Raises:
        InputError: A file is no record, or two are of the same generation.
    """
    found: dict[int, Path] = {}
    records = []
    for path in paths:
        record = read_generation(path)
        if record.generation in found:
            raise InputError(
                f"{path}: is of generation {record.generation}, as {found[record.generation]}; give each once"
            )
        found[record.generation] = path
        records.append(record)
    return sorted(records, key=lambda record: record.generation)


def read_generation(path: Path) -> Generation:
    """Read one record.

    Raises:
        InputError: It is none, or its values are impossible.
    """
    from uncover.datasets.records import read_summary

    values = read_summary(path, KEYS, MADE_BY)
    values["hyperparameters"] = check_section(Hyperparameters, values["hyperparameters"], str(path)).model_dump()
    for name, lowest in (("generation", 0), ("epochs", 1), ("parent", 0)):
        value = values[name]
        if not ((isinstance(value, int) and value >= lowest) or (value is None and name == "parent")):
            raise InputError(f"{path}: {name} is {value!r}; expected a whole number from {lowest}")
    for name in ("precision", "recall", "map50", "map50_95", "fitness"):
        value = values[name]
        if not (isinstance(value, int | float) and 0 <= value <= 1):
            raise InputError(f"{path}: {name} is {value!r}; expected a number from 0 to 1")
    return Generation(**{key: values[key] for key in KEYS})


def history_rows(records: Sequence[Generation]) -> list[dict[str, Any]]:
    """A row per generation, its hyperparameters in columns of their own after the rest."""
    rows = []
    for record in records:
        row = record.to_dict()
        rows.append(row | row.pop("hyperparameters"))
    return rows
