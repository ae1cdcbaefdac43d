"""Hyperparameter evolution as upstream does it (yolov5 7.0.14, train.py), as pure functions.

A generation is a function of its number, the settings and the generations it may see: it can be trained again, or
beside others, and comes out the same. What differs from upstream: the first generation trains with the settings as
they stand, hyperparameters of gain 0 are never touched, limits hold after rounding, and chance comes from the seed
instead of the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from uncover.errors import InputError

if TYPE_CHECKING:
    from uncover.config.evolution import Evolution, Reach, Space

Values = Mapping[str, float | None]

WEAKEST, STRONGEST = 0.3, 3.0
"""Limits of what a mutation multiplies a hyperparameter by."""
SMALLEST_WEIGHT = 1e-6
DIGITS = 5
TRIES = 1000
UNSET = {"anchors": 3.0}
"""What mutates where a hyperparameter has no value."""


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
    values: Values, space: Space, probability: float, sigma: float, rng: np.random.Generator
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


def _limited(value: float, reach: Reach) -> float:
    return min(max(float(f"{value:.{DIGITS}g}"), reach.low), reach.high)


def fittest(history: Sequence[Generation]) -> Generation:
    """The best of at least one generation; of equally fit ones the earliest."""
    return min(history, key=_rank)


def _rank(record: Generation) -> tuple[float, int]:
    return -record.fitness, record.generation
