"""What the detector's commands leave where they may not write, where the disk is full, and where they are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from detector_commands import CPU, EPOCHS, QUICK, run
from full_disk import full_disk

from uncover.yolov5 import checkpoint, train

if TYPE_CHECKING:
    from detector_commands import Complaint, Good


def commands(good: Good, out: Path) -> dict[str, list[object]]:
    """Commands that write to `out`."""
    return {
        "train": [good.data, out, *QUICK],
        "predict": [good.data / "val", out, "--weights", good.weights, *CPU],
        "evaluate": [good.predictions, "--labels", good.data / "val", "--out", out, "--bootstrap", "0"],
        "import_weights": [good.weights, out, "--sha256", "0" * 64],
        "evolve_generation": [good.data, out, "--generation", 0, *QUICK],
        "evolution_history": [out, out.with_suffix(".json"), good.record],
    }


VERBS = ("train", "predict", "evaluate", "import_weights", "evolve_generation", "evolution_history")
WRITE_A_FOLDER = ("train", "evaluate")


def name_of(verb: str) -> str:
    return {"predict": "p.parquet", "evolution_history": "h.csv"}.get(verb, "out")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("below", [False, True])
def test_what_stands_where_out_should_be_is_named_at_once(
    good: Good, tmp_path: Path, complaint: Complaint, verb: str, below: bool
) -> None:
    in_the_way = tmp_path / name_of(verb)
    if below or verb in WRITE_A_FOLDER:
        in_the_way.write_text("mine")
        expected = "is a file; give the path of a folder"
    else:
        in_the_way.mkdir()
        expected = "is a folder; give the path of a file"
    line = complaint(verb, *commands(good, in_the_way / name_of(verb) if below else in_the_way)[verb])
    assert f"{in_the_way}: {expected}" in line
    assert in_the_way.is_dir() or in_the_way.read_text() == "mine"
    assert list(tmp_path.rglob("*")) == [in_the_way]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named_at_once(good: Good, tmp_path: Path, complaint: Complaint, verb: str) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    line = complaint(verb, *commands(good, folder / name_of(verb))[verb])
    assert f"{folder}: is not writable" in line and list(folder.iterdir()) == []


def test_files_of_others_are_not_replaced(good: Good, tmp_path: Path, complaint: Complaint) -> None:
    """A trained model, a table of one's own: none goes because a command was given its name."""
    models = {name: tmp_path / f"{name}.pt" for name in ("trained", "own")}
    models["trained"].write_bytes(good.weights.read_bytes())
    models["own"].write_bytes(b"something else")
    for file in models.values():
        before = file.read_bytes()
        assert f"{file}: is not a file of imported weights" in complaint(
            "import_weights", good.weights, file, "--sha256", "0" * 64
        )
        assert file.read_bytes() == before
    folder = tmp_path / "my_model"
    folder.mkdir()
    for name in ("weights.pt", "results.csv", "summary.json"):
        (folder / name).write_bytes((good.out / name).read_bytes())
    line = complaint("fetch_weights", tmp_path / "absent.pth", folder, "--sha256", "e" * 64)
    assert f"{folder}: was made by 'uncover train'" in line
    line = complaint("train", good.data, folder, *QUICK, f"epochs={EPOCHS + 1}")
    assert f"{folder}: has a trained model of other settings (epochs: {EPOCHS} there, {EPOCHS + 1} here)" in line
    assert (folder / "weights.pt").read_bytes() == good.weights.read_bytes()
    table = tmp_path / "mine.parquet"
    pd.DataFrame({"infant": [1]}).to_parquet(table)
    images = ["--weights", good.weights, *CPU]
    for words in (("predict", good.data / "val", table), ("predict sets", tmp_path / "mine", "--out", tmp_path)):
        (tmp_path / "mine").mkdir(exist_ok=True)
        assert f"{table}: is not a table of 'uncover predict'" in complaint(*words, *images)
    assert pd.read_parquet(table)["infant"].tolist() == [1]
    for _ in range(2):
        run("predict", good.data / "val", tmp_path / "found.parquet", *images)


def kept_state(out: Path) -> Path:
    """The one file that an unfinished training leaves beside its record."""
    (state,) = (path for path in out.rglob("*") if path.is_file() and path.name != "results.csv")
    assert state.name == checkpoint.FILE
    return state


def test_a_disk_that_fills_up_costs_the_epoch_under_way_and_no_more(
    good: Good, tmp_path: Path, complaint: Complaint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = [good.data, tmp_path / "out", *QUICK, f"epochs={EPOCHS}"]
    save_state = train.save_state

    def save_to_full_disk(folder: Path, state: checkpoint.TrainingState) -> None:
        if state.epoch < 3:
            save_state(folder, state)
        else:
            with full_disk(1_000_000):
                save_state(folder, state)

    with monkeypatch.context() as patch:
        patch.setattr(train, "save_state", save_to_full_disk)
        line = complaint("train", *words)
    state = kept_state(tmp_path / "out")
    assert f"{state}: File too large" in line
    run("train", *words)
    assert f"resuming after epoch 2 of {EPOCHS}" in capsys.readouterr().err
    assert_same_training(good, tmp_path / "out")


def assert_same_training(good: Good, out: Path) -> None:
    """It ended like the undisturbed one, and left nothing but what a training leaves."""
    assert (out / "weights.pt").read_bytes() == good.weights.read_bytes()
    left, right = (pd.read_csv(folder / "results.csv").filter(regex="^(?!seconds)") for folder in (out, good.out))
    assert left.equals(right)
    assert sorted(path.name for path in out.iterdir()) == ["results.csv", "summary.json", "weights.pt"]


def test_a_full_disk_leaves_no_half_of_a_table(good: Good, tmp_path: Path, complaint: Complaint) -> None:
    out = tmp_path / "p.parquet"
    with full_disk(100):
        line = complaint("predict", *commands(good, out)["predict"])
    assert f"{out}: " in line and "File too large" in line and list(tmp_path.iterdir()) == []


@pytest.mark.whole_run
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_a_training_that_is_killed_goes_on(
    good: Good, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: signal.Signals
) -> None:
    out = tmp_path / "out"
    words = ["train", good.data, out, *QUICK, f"epochs={EPOCHS}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    process = subprocess.Popen(
        [sys.executable, "-m", "uncover", *map(str, words)], env=environment, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not list(out.glob(".resume/*/results.csv")):
        time.sleep(0.01)
    time.sleep(0.02)
    process.send_signal(kind)
    _, said = process.communicate()
    assert process.returncode == (128 + kind if kind == signal.SIGTERM else -kind), said
    assert "Traceback" not in said and "error" not in said
    if kind == signal.SIGTERM:
        kept_state(out)
    run(*words)
    assert "resuming after epoch" in capsys.readouterr().err
    assert_same_training(good, out)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--generation", "-1"], "--generation -1: expected 0 or more"),
        (["--generation", "1"], "generation 1 descends from generations 0 to 0; pass the records of 0 with --history"),
        (["--generation", "2", "--history", "RECORD"], "pass the records of 1 with --history"),
        (["--generation", "1", "--history", "nowhere.json"], "nowhere.json: does not exist; make it with"),
        (["--generation", "1", "--history", "RECORD", "RECORD"], "0.json: has generation 0, like "),
        (["--generation", "0", "--evolution", "parallel"], "--evolution parallel: expected key=value"),
        (
            ["--generation", "0", "--evolution", "parents=0"],
            "--evolution: key parents: expected a number greater than 0",
        ),
        (["--generation", "0", "--evolution", "space.lr0=[1, 5, 1]"], "key space: lr0: the lowest value 5.0 is above"),
    ],
)
def test_generations_that_cannot_be(
    good: Good, tmp_path: Path, complaint: Complaint, words: list[str], says: str
) -> None:
    given = [good.record if word == "RECORD" else word for word in words]
    assert says in complaint("evolve_generation", good.data, tmp_path / "1.json", *QUICK, *given)
    assert list(tmp_path.iterdir()) == []


def test_a_generation_that_diverges_is_recorded_with_fitness_0(
    good: Good, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*QUICK, "hyperparameters.box=1e38", "hyperparameters.obj=1e38", "--evolution", "epochs=2"]
    run("evolve_generation", good.data, tmp_path / "0.json", "--generation", 0, *words)
    assert "generation 0: epoch 1, batch 2: the loss is no longer finite" in capsys.readouterr().err
    record = json.loads((tmp_path / "0.json").read_text())
    assert [record[name] for name in ("epochs", "precision", "map50_95", "fitness")] == [1, 0, 0, 0]
    run("evolution_history", tmp_path / "h.csv", tmp_path / "best.json", tmp_path / "0.json")
