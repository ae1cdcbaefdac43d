"""Mutation and selection of hyperparameters."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.config.detectors import Detector, Hyperparameters
from uncover.config.evolution import Evolution, SearchRange, SearchSpace
from uncover.errors import Diverged, InputError
from uncover.yolov5.evolution import (
    Generation,
    breed,
    choose_parent,
    fittest,
    history_rows,
    mutate,
    read_generations,
    train_generation,
    visible_generations,
    write_generation,
)

BASE = Hyperparameters().model_dump()
SPACE = SearchSpace()


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
    wide = SearchSpace(**{name: (1, 0, 1) for name in names})
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
    with pytest.raises(InputError, match="generation 5 descends from generations 0 to 3; pass the records of 1, 3"):
        breed(5, BASE, [record(0, 0.1), record(2, 0.1)], Evolution(parallel=4))


def test_a_space_without_room_is_an_error() -> None:
    still = Evolution(
        space=SearchSpace(**{name: SearchRange(0, reach.low, reach.high) for name, reach in SPACE}), parallel=9
    )
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


BEST = {"metrics/precision": 0.7, "metrics/recall": 0.6, "metrics/mAP_0.5": 0.5, "metrics/mAP_0.5:0.95": 0.25}
RECORD = Generation(3, 1, Hyperparameters(lr0=0.02).model_dump(), 2, 0.7, 0.6, 0.5, 0.25, 0.275)


def test_a_generation_trains_with_its_own_hyperparameters() -> None:
    seen: list[Detector] = []

    def train(settings: Detector) -> Mapping[str, Any]:
        seen.append(settings)
        return {"best": BEST, "epochs_run": 4}

    settings = Detector(model="yolov5n", epochs=50, hyperparameters=Hyperparameters(lr0=0.02))
    evolution = Evolution(epochs=5, seed=1)
    first = train_generation(settings, 0, [], evolution, train)
    second = train_generation(settings, 1, [first], evolution, train)
    assert first == Generation(0, None, settings.hyperparameters.model_dump(), 4, 0.7, 0.6, 0.5, 0.25, 0.275)
    assert second is not None and second.parent == 0
    assert second.hyperparameters == seen[1].hyperparameters.model_dump() != first.hyperparameters
    assert [each.epochs for each in seen] == [5, 5]
    assert seen[0].model_copy(update={"epochs": 50}) == settings


def test_a_helping_process_has_no_record() -> None:
    assert train_generation(Detector(), 0, [], Evolution(), lambda settings: {}) is None


@pytest.mark.parametrize(("done", "epochs"), [(0, 1), (3, 3)])
def test_a_training_that_diverges_is_a_generation_of_fitness_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], done: int, epochs: int
) -> None:
    def train(settings: Detector) -> Mapping[str, Any]:
        raise Diverged("epoch 1, batch 2: the loss is no longer finite", done)

    record = train_generation(Detector(), 0, [], Evolution(), train)
    assert record == Generation(0, None, Hyperparameters().model_dump(), epochs, 0, 0, 0, 0, 0)
    assert capsys.readouterr().err.startswith("generation 0: epoch 1, batch 2: the loss is no longer finite; ")
    write_generation(tmp_path / "0.json", record)
    assert read_generations([tmp_path / "0.json"]) == [record]


def test_generations_do_without_torch() -> None:
    code = "import sys, uncover.yolov5.evolution; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_record_reads_back(tmp_path: Path) -> None:
    earlier = Generation(0, None, Hyperparameters().model_dump(), 2, 0.1, 0.1, 0.1, 0.1, 0.1)
    for record in (RECORD, earlier):
        write_generation(tmp_path / f"{record.generation}.json", record)
    assert read_generations([tmp_path / "3.json", tmp_path / "0.json"]) == [earlier, RECORD]


def test_a_row_has_hyperparameters_last() -> None:
    (row,) = history_rows([RECORD])
    names = list(row)
    assert names[:4] == ["generation", "parent", "epochs", "precision"]
    assert names[names.index("fitness") + 1 :] == list(Hyperparameters.model_fields)
    assert row["lr0"] == 0.02


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fitness": float("nan")}, "fitness is nan; expected a number from 0 to 1"),
        ({"map50": 1.5}, "map50 is 1.5; expected"),
        ({"hyperparameters": {"lr9": 1}}, "key lr9 is unknown"),
        ({"generation": None}, "generation is None; expected an integer >= 0"),
        ({"parent": -1}, "parent is -1; expected"),
    ],
)
def test_a_spoilt_record_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "3.json"
    path.write_text(json.dumps(RECORD.to_dict() | change))
    with pytest.raises(InputError, match=message):
        read_generations([path])


def test_two_of_one_generation_are_refused(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        write_generation(tmp_path / name, RECORD)
    with pytest.raises(InputError, match=r"b\.json: has generation 3, like .*a\.json"):
        read_generations([tmp_path / "a.json", tmp_path / "b.json"])


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match="with the keys generation, parent"):
        read_generations([tmp_path / "x.json"])
