"""Training a generation, and its record on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from uncover.config.detectors import Detector, Hyperparameters
from uncover.config.evolution import Evolution
from uncover.detector.diverged import Diverged
from uncover.detector.evolve import Generation
from uncover.detector.generations import history_rows, read_generations, train_generation, write_generation
from uncover.errors import InputError

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
        raise Diverged("epoch 1, batch 2: the loss is no longer a number", done)

    record = train_generation(Detector(), 0, [], Evolution(), train)
    assert record == Generation(0, None, Hyperparameters().model_dump(), epochs, 0, 0, 0, 0, 0)
    assert capsys.readouterr().err.startswith("generation 0: epoch 1, batch 2: the loss is no longer a number; ")
    write_generation(tmp_path / "0.json", record)
    assert read_generations([tmp_path / "0.json"]) == [record]


def test_generations_do_without_torch() -> None:
    code = "import sys, uncover.detector.generations; sys.exit('torch' in sys.modules)"
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
        ({"generation": None}, "generation is None; expected a whole number from 0"),
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
    with pytest.raises(InputError, match=r"b\.json: is of generation 3, as .*a\.json"):
        read_generations([tmp_path / "a.json", tmp_path / "b.json"])


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match="expected the keys generation, parent"):
        read_generations([tmp_path / "x.json"])
