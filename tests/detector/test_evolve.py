"""Mutation and selection of hyperparameters."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.config.detectors import Hyperparameters
from uncover.config.evolution import Evolution, Reach, Space
from uncover.detector.evolve import Generation, breed, choose_parent, fittest, mutate, visible_generations
from uncover.errors import InputError

BASE = Hyperparameters().model_dump()
SPACE = Space()


def record(generation: int, fitness: float, **hyperparameters: float) -> Generation:
    """A generation of which only the fitness and a few hyperparameters matter."""
    return Generation(generation, None, BASE | hyperparameters, 2, 0.5, 0.5, fitness, fitness, fitness)


class Scripted:
    """A source of chance that says what it was told."""

    def __init__(self, *draws: object) -> None:
        self.draws = list(draws)

    def random(self, size: int | None = None) -> object:
        return self.draws.pop(0) if size is None else np.array(self.draws.pop(0))

    standard_normal = random


def test_by_hand() -> None:
    values = {"lr0": 0.01, "momentum": 0.9, "box": 0.05, "fliplr": 0.5, "degrees": 0.0, "warmup_epochs": 4.0}
    # `fliplr` has gain 0 and draws nothing. First try: nothing is chosen, so another follows.
    nothing = ([0.9, 0.8, 0.95, 0.8, 0.99], [1.0] * 5, 0.5)
    # In the order of the space: lr0, momentum, warmup_epochs, box, degrees.
    second = ([0.1, 0.79, 0.0, 0.8, 0.1], [1.5, -2.0, 40.0, 3.0, 1.0], 0.5)
    child = mutate(values, SPACE, 0.8, 0.2, Scripted(*nothing, *second))
    assert child == {
        "lr0": 0.0115,  # 1 + 1.5 * 0.5 * 0.2
        "momentum": 0.846,  # 1 - 0.3 * 2 * 0.5 * 0.2 = 0.94
        "warmup_epochs": 5.0,  # factor 5 is cut to 3; 12 is above the limit
        "box": 0.05,
        "fliplr": 0.5,
        "degrees": 0.0,
    }


def test_a_child_keeps_five_significant_digits() -> None:
    child = mutate({"weight_decay": 0.000123456}, SPACE, 0.8, 0.2, Scripted([0.1], [1.0], 0.5))
    assert child == {"weight_decay": 0.0001358}


@given(st.integers(0, 2**32), st.integers(1, 200), st.floats(0.01, 1), st.floats(0.01, 5))
def test_limits_and_gains_hold(seed: int, generation: int, probability: float, sigma: float) -> None:
    evolution = Evolution(seed=seed, mutation_probability=probability, mutation_sigma=sigma, parallel=generation + 1)
    parent, child = breed(generation, BASE, [], evolution)
    assert parent is None
    assert list(child) == list(BASE)
    assert child != BASE
    for name, reach in SPACE:
        if reach.gain == 0:
            assert child[name] == BASE[name]
        else:
            assert reach.low <= child[name] <= reach.high
            assert child[name] == float(f"{child[name]:.5g}")
    Hyperparameters.model_validate(child)


def test_the_first_generation_is_the_settings() -> None:
    odd = BASE | {"warmup_epochs": 7.123456789, "anchors": None}
    assert breed(0, odd, [], Evolution()) == (None, odd)


def test_same_seed_same_child_in_any_order() -> None:
    history = [record(number, 0.1 + 0.01 * number, lr0=0.01 + 0.001 * number) for number in range(4)]
    first = breed(4, BASE, history, Evolution(seed=3))
    assert breed(4, BASE, history[::-1], Evolution(seed=3)) == first
    assert breed(4, dict(reversed(BASE.items())), history, Evolution(seed=3)) == first
    # What comes later is not seen, what was seen counts.
    assert breed(4, BASE, [*history, record(4, 0.9), record(9, 0.9)], Evolution(seed=3)) == first
    assert breed(4, BASE, history, Evolution(seed=4)) != first
    assert breed(3, BASE, history, Evolution(seed=3)) != first


def test_about_four_fifths_mutate() -> None:
    names = ("hsv_s", "hsv_v", "translate", "mosaic", "mixup")
    base = dict.fromkeys(names, 0.3)
    wide = Space(**{name: (1, 0, 1) for name in names})
    rng = np.random.default_rng(0)
    children = [mutate(base, wide, 0.8, 0.2, rng) for _ in range(800)]
    factors = np.array([[child[name] / 0.3 for name in names] for child in children])
    changed = np.abs(factors - 1) > 1e-9
    assert changed.mean() == pytest.approx(0.8, abs=0.02)
    assert (factors[changed] > 1).mean() == pytest.approx(0.5, abs=0.04)
    # A normal number is 0.798 from 0 on average, and half of the spread is drawn.
    assert np.abs(factors[changed] - 1).mean() == pytest.approx(0.2 * 0.798 * 0.5, rel=0.1)


def test_fit_parents_are_drawn_more_often() -> None:
    history = [record(number, fitness) for number, fitness in enumerate((0.5, 0.1, 0.6, 0.2, 0.4, 0.3))]
    rng = np.random.default_rng(0)
    drawn = Counter(choose_parent(history, 5, rng).generation for _ in range(4000))
    # Of the five best, 0.2 is the least: the others lie 0.3, 0.4, 0.2 and 0.1 above it.
    for generation, share in {0: 0.3, 2: 0.4, 4: 0.2, 5: 0.1}.items():
        assert drawn[generation] / 4000 == pytest.approx(share, abs=0.03)
    assert drawn[1] == 0
    assert drawn[3] < 5


def test_equally_fit_parents_are_all_drawn() -> None:
    rng = np.random.default_rng(0)
    drawn = {choose_parent([record(number, 0.0) for number in range(7)], 5, rng).generation for _ in range(200)}
    assert drawn == {0, 1, 2, 3, 4}


def test_a_child_is_near_its_parent() -> None:
    history = [record(0, 0.0), record(1, 0.9, lr0=0.05, box=0.1, iou_t=0.35)]
    parent, child = breed(2, BASE, history, Evolution())
    assert parent == 1
    assert 0.025 < child["lr0"] < 0.1
    assert child["iou_t"] == 0.35


@pytest.mark.parametrize(
    ("generation", "parallel", "count"),
    [(0, 1, 0), (1, 1, 1), (7, 1, 7), (0, 4, 0), (3, 4, 0), (4, 4, 4), (7, 4, 4), (8, 4, 8), (9, 100, 0)],
)
def test_what_a_generation_sees(generation: int, parallel: int, count: int) -> None:
    assert visible_generations(generation, parallel) == range(count)


def test_a_missing_generation_is_named() -> None:
    with pytest.raises(InputError, match="generation 5 breeds from generations 0 to 3; no record of 1, 3 given"):
        breed(5, BASE, [record(0, 0.1), record(2, 0.1)], Evolution(parallel=4))


def test_a_space_without_room_is_an_error() -> None:
    still = Evolution(space=Space(**{name: Reach(0, reach.low, reach.high) for name, reach in SPACE}), parallel=9)
    with pytest.raises(InputError, match="no hyperparameter can change"):
        breed(1, BASE, [], still)
    with pytest.raises(InputError, match="no hyperparameter can change"):
        mutate({"degrees": 0.0}, SPACE, 0.8, 0.2, np.random.default_rng(0))


def test_anchors_without_a_number_start_from_three() -> None:
    counts = {mutate({"anchors": None}, SPACE, 0.8, 0.2, np.random.default_rng(seed))["anchors"] for seed in range(50)}
    assert None not in counts and 3.0 not in counts
    assert min(counts) >= 2.0
    assert 2.8 < np.median(list(counts)) < 3.2


def test_the_best_of_equals_is_the_earliest() -> None:
    assert fittest([record(4, 0.3), record(2, 0.5), record(1, 0.5), record(3, 0.4)]).generation == 1
