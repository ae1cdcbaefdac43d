"""Hyperparameter evolution as upstream does it (yolov5 7.0.14, train.py), as pure functions.

A generation is a function of its number, the settings and the generations it may see: it can be trained again, or
beside others, and comes out the same. What differs from upstream: the first generation trains with the settings as
they stand, hyperparameters of gain 0 are never touched, limits hold after rounding, and chance comes from the seed
instead of the clock.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from uncover.atomic import new_file
from uncover.config.detectors import Detector, Hyperparameters
from uncover.config.evolution import Evolution, SearchRange, SearchSpace
from uncover.config.values import check_section
from uncover.errors import Diverged, InputError
from uncover.metrics.average_precision import fitness

logger = logging.getLogger(__name__)

Values = Mapping[str, float | None]

WEAKEST, STRONGEST = 0.3, 3.0
"""Limits of what a mutation multiplies a hyperparameter by."""
SMALLEST_WEIGHT = 1e-6
DIGITS = 5
TRIES = 1000
UNSET = {"anchors": 3.0}
"""What mutates where a hyperparameter has no value."""
MADE_BY = "evolve_generation"
METRICS = ("precision", "recall", "mAP_0.5", "mAP_0.5:0.95")


@dataclass(frozen=True)
class Generation:
    """What one generation trained with, and how well it did.

    Attributes:
        generation: Its number, from 0.
        parent: Number of the generation whose hyperparameters mutated; None for the settings themselves.
        hyperparameters: What it trained with.
        epochs: How long.
        precision: Of its best epoch, as the three below.
        recall: As upstream's `metrics/recall`.
        map50: Mean AP at IoU 0.5.
        map50_95: Mean AP over IoU 0.5 to 0.95.
        fitness: What evolution maximises.
    """

    generation: int
    parent: int | None
    hyperparameters: dict[str, float | None]
    epochs: int
    precision: float
    recall: float
    map50: float
    map50_95: float
    fitness: float

    def to_dict(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)


def visible_generations(generation: int, parallel: int) -> range:
    """Generations whose records a generation breeds from: those of the groups before its own.

    Args:
        generation: Its number, from 0.
        parallel: Generations of a group, which train side by side.
    """
    return range(generation // parallel * parallel)


def breed(
    generation: int, base: Values, history: Sequence[Generation], evolution: Evolution
) -> tuple[int | None, dict[str, float | None]]:
    """The hyperparameters of a generation.

    Args:
        generation: Its number; 0 gets `base` as it is.
        base: Hyperparameters of the settings.
        history: Earlier generations; all that are visible to this one, and any others.
        evolution: Seed, parents, mutations.

    Returns:
        The parent's number, or None where `base` is the parent, and the hyperparameters.

    Raises:
        InputError: A visible generation is missing, or nothing can mutate.
    """
    if generation == 0:
        return None, dict(base)
    known = {record.generation: record for record in history}
    visible = visible_generations(generation, evolution.parallel)
    missing = [number for number in visible if number not in known]
    if missing:
        raise InputError(
            f"generation {generation} breeds from generations 0 to {visible[-1]};"
            f" no record of {', '.join(map(str, missing))} given with --history"
        )
    rng = np.random.default_rng([evolution.seed, generation])
    parent = choose_parent([known[number] for number in visible], evolution.parents, rng) if visible else None
    child = mutate(
        parent.hyperparameters if parent else base,
        evolution.space,
        evolution.mutation_probability,
        evolution.mutation_sigma,
        rng,
    )
    return parent.generation if parent else None, child


def choose_parent(history: Sequence[Generation], parents: int, rng: np.random.Generator) -> Generation:
    """Draw one of the fittest, weighted by how far its fitness is above the least of theirs.

    Args:
        history: At least one generation.
        parents: How many may be drawn; of equally fit ones the earlier come first.
        rng: Source of chance.
    """
    eligible = sorted(history, key=_rank)[:parents]
    fitness = np.array([record.fitness for record in eligible])
    weights = fitness - fitness.min() + SMALLEST_WEIGHT
    return eligible[int(rng.choice(len(eligible), p=weights / weights.sum()))]


def mutate(
    values: Values, space: SearchSpace, probability: float, sigma: float, rng: np.random.Generator
) -> dict[str, float | None]:
    """Multiply hyperparameters by chance, again and again until at least one is another.

    Args:
        values: Hyperparameters of the parent.
        space: Gain and limits of each; gain 0 leaves it alone.
        probability: Of each to mutate.
        sigma: Spread of a mutation of gain 1; how much of it a child gets is drawn, too.
        rng: Source of chance.

    Returns:
        All of `values`, the mutated ones within their limits and of five significant digits.

    Raises:
        InputError: Nothing changes, however often it is tried.
    """
    mutable = {name: reach for name, reach in space if name in values and reach.gain > 0}
    starts = {name: UNSET.get(name) if values[name] is None else values[name] for name in mutable}

    def child(factors: Iterable[float]) -> dict[str, float | None]:
        return dict(values) | {
            name: None if start is None else _limited(start * float(factor), mutable[name])
            for (name, start), factor in zip(starts.items(), factors, strict=True)
        }

    gains = np.array([reach.gain for reach in mutable.values()])
    unchanged = child(np.ones(len(gains)))
    for _ in range(TRIES):
        chosen = rng.random(len(gains)) < probability
        factors = gains * chosen * rng.standard_normal(len(gains)) * rng.random() * sigma + 1
        mutated = child(factors.clip(WEAKEST, STRONGEST))
        if mutated != unchanged:
            return mutated
    raise InputError("evolution.space: no hyperparameter can change: each has gain 0, value 0 or no room")


def _limited(value: float, reach: SearchRange) -> float:
    return min(max(float(f"{value:.{DIGITS}g}"), reach.low), reach.high)


def fittest(history: Sequence[Generation]) -> Generation:
    """The best of at least one generation; of equally fit ones the earliest."""
    return min(history, key=_rank)


def _rank(record: Generation) -> tuple[float, int]:
    return -record.fitness, record.generation


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
        logger.info(f"generation {generation}: {error}; it counts with fitness 0")
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
    from uncover.tables import read_summary

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
