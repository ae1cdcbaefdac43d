"""Hyperparameter evolution as in upstream YOLOv5 (yolov5 7.0.14, train.py), as pure functions.

A generation is a function of its number, the settings and the generations before it, so it can be trained again, or in
parallel, with the same result. Differences to upstream: the first generation trains with the given settings,
hyperparameters of gain 0 never change, limits hold after rounding, and random numbers depend on the seed instead of the
clock.
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
"""Limits of the factor by which a mutation multiplies a hyperparameter."""
SMALLEST_WEIGHT = 1e-6
DIGITS = 5
TRIES = 1000
UNSET = {"anchors": 3.0}
"""Value that mutates if a hyperparameter has none."""
MADE_BY = "evolve_generation"
METRICS = ("precision", "recall", "mAP_0.5", "mAP_0.5:0.95")


@dataclass(frozen=True)
class Generation:
    """Hyperparameters and result of one generation.

    Attributes:
        generation: Number, from 0.
        parent: Number of the generation whose hyperparameters were mutated; None for the settings themselves.
        hyperparameters: Hyperparameters of the training.
        epochs: Epochs run.
        precision: Precision of the best epoch.
        recall: Recall of the best epoch.
        map50: Mean AP at IoU 0.5 of the best epoch.
        map50_95: Mean AP over IoU 0.5 to 0.95 of the best epoch.
        fitness: Value that evolution maximises.
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
        """The record as plain values."""
        return asdict(self)


def visible_generations(generation: int, parallel: int) -> range:
    """Numbers of the generations that a generation can descend from: those of earlier groups.

    Args:
        generation: Number, from 0.
        parallel: Generations per group; they train in parallel.
    """
    return range(generation // parallel * parallel)


def breed(
    generation: int, base: Values, history: Sequence[Generation], evolution: Evolution
) -> tuple[int | None, dict[str, float | None]]:
    """Hyperparameters of a generation.

    Args:
        generation: Number; 0 uses `base` unchanged.
        base: Hyperparameters of the settings.
        history: Earlier generations: all those visible to this one, and possibly others.
        evolution: Seed, parents, mutations.

    Returns:
        The parent's number (None if the parent is `base`) and the hyperparameters.

    Raises:
        InputError: A visible generation is missing, or no hyperparameter can change.
    """
    if generation == 0:
        return None, dict(base)
    known = {record.generation: record for record in history}
    visible = visible_generations(generation, evolution.parallel)
    missing = [number for number in visible if number not in known]
    if missing:
        raise InputError(
            f"generation {generation} descends from generations 0 to {visible[-1]};"
            f" pass the records of {', '.join(map(str, missing))} with --history"
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
    """Draw one of the fittest generations, weighted by its fitness above the lowest of them.

    Args:
        history: At least one generation.
        parents: Number of candidates; ties prefer earlier generations.
        rng: Random generator.
    """
    eligible = sorted(history, key=_rank)[:parents]
    fitness = np.array([record.fitness for record in eligible])
    weights = fitness - fitness.min() + SMALLEST_WEIGHT
    return eligible[int(rng.choice(len(eligible), p=weights / weights.sum()))]


def mutate(
    values: Values, space: SearchSpace, probability: float, sigma: float, rng: np.random.Generator
) -> dict[str, float | None]:
    """Multiply hyperparameters by random factors, until at least one changes.

    Args:
        values: Hyperparameters of the parent.
        space: Gain and limits of each hyperparameter; gain 0 excludes it.
        probability: Probability of each mutation.
        sigma: Spread of a mutation of gain 1; the share of it that a child gets is random, too.
        rng: Random generator.

    Returns:
        All of `values`; mutated ones are within their limits and have five significant digits.

    Raises:
        InputError: No value changes after many attempts.
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
    raise InputError("evolution.space: no hyperparameter can change; expected one with a gain and a value other than 0")


def _limited(value: float, reach: SearchRange) -> float:
    return min(max(float(f"{value:.{DIGITS}g}"), reach.low), reach.high)


def fittest(history: Sequence[Generation]) -> Generation:
    """The best of at least one generation; ties prefer the earliest one."""
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
        settings: Settings of the detector.
        generation: Number of the generation.
        history: Earlier generations, at least those that this one can descend from.
        evolution: Settings of the evolution.
        train: Trains with the given settings and returns the summary of the training, whose "best" has the metrics of
            the best epoch; an empty one in a process other than the main process.

    Returns:
        The record, or None in a process other than the main process. A diverged training has fitness 0.

    Raises:
        InputError: A generation that this one descends from is missing, or no hyperparameter can change.
    """
    if not settings.autoanchor:
        # As upstream: the number of anchors matters only if anchors are fitted.
        space = evolution.space.model_copy(update={"anchors": evolution.space.anchors._replace(gain=0)})
        evolution = evolution.model_copy(update={"space": space})
    parent, values = breed(generation, settings.hyperparameters.model_dump(), history, evolution)
    hyperparameters = check_section(Hyperparameters, values, f"generation {generation}")
    try:
        summary = train(settings.model_copy(update={"hyperparameters": hyperparameters, "epochs": evolution.epochs}))
    except Diverged as error:
        logger.info(f"generation {generation}: {error}; its fitness is 0")
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
    """Read records, sorted by generation.

    Raises:
        InputError: A file is not a record, or two are of the same generation.
    """
    found: dict[int, Path] = {}
    records = []
    for path in paths:
        record = read_generation(path)
        if record.generation in found:
            raise InputError(
                f"{path}: has generation {record.generation}, like {found[record.generation]}; pass each once"
            )
        found[record.generation] = path
        records.append(record)
    return sorted(records, key=lambda record: record.generation)


def read_generation(path: Path) -> Generation:
    """Read one record.

    Raises:
        InputError: The file is not a record, or has an invalid value.
    """
    from uncover.tables import read_summary

    values = read_summary(path, KEYS, MADE_BY)
    values["hyperparameters"] = check_section(Hyperparameters, values["hyperparameters"], str(path)).model_dump()
    for name, lowest in (("generation", 0), ("epochs", 1), ("parent", 0)):
        value = values[name]
        if not ((isinstance(value, int) and value >= lowest) or (value is None and name == "parent")):
            raise InputError(f"{path}: {name} is {value!r}; expected an integer >= {lowest}")
    for name in ("precision", "recall", "map50", "map50_95", "fitness"):
        value = values[name]
        if not (isinstance(value, int | float) and 0 <= value <= 1):
            raise InputError(f"{path}: {name} is {value!r}; expected a number from 0 to 1")
    return Generation(**{key: values[key] for key in KEYS})


def history_rows(records: Sequence[Generation]) -> list[dict[str, Any]]:
    """One row per generation; hyperparameters follow the other columns."""
    rows = []
    for record in records:
        row = record.to_dict()
        rows.append(row | row.pop("hyperparameters"))
    return rows
