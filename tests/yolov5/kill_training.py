"""Kill a training ten times at random moments, and compare what it ends with to an undisturbed one.

Run by hand or by CI: python tests/yolov5/kill_training.py [KILLS] [SEED]. Half the kills are SIGKILL, half SIGTERM.
Weights must be equal bit for bit, records but for their seconds, and the metrics of stored predictions.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch

from tests.yolov5.squares import make_set

EPOCHS = 60
SETTINGS = [
    "model=yolov5n",
    f"epochs={EPOCHS}",
    "patience=0",
    "batch=4",
    "image_size=64",
    "nominal_batch=8",
    "optimizer=AdamW",
    "hyperparameters.lr0=0.003",
    "hyperparameters.obj=30",
    "hyperparameters.cls=10",
    "hyperparameters.mosaic=0.3",
    "image_weights=true",
    "multi_scale=true",
    "seed=3",
]


def command(data: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "uncover", "train", str(data), str(out), "--device", "cpu", "--set", *SETTINGS]


def run_to_the_end(data: Path, out: Path) -> tuple[float, float]:
    """Seconds until the first epoch was done, and until all were."""
    started = time.monotonic()
    process = subprocess.Popen(command(data, out), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = next(time.monotonic() for line in process.stderr if line.startswith("epoch "))
    process.stderr.read()
    if process.wait():
        raise SystemExit(f"training ended with {process.returncode}")
    return first - started, time.monotonic() - started


def run_with_kills(data: Path, out: Path, kills: int, first: float, whole: float, chance: random.Random) -> int:
    """Start again and again; every process but the last is killed at a random moment."""
    survived = 0
    for number in range(kills):
        process = subprocess.Popen(command(data, out), stderr=subprocess.DEVNULL)
        # From before the first epoch to some way into the training, so that all kills together do not end it.
        wait = chance.uniform(0.8 * first, first + 1.5 * (whole - first) / kills)
        how = chance.choice((signal.SIGKILL, signal.SIGTERM))
        try:
            process.wait(timeout=wait)
            survived += 1
        except subprocess.TimeoutExpired:
            process.send_signal(how)
            process.wait()
        print(f"kill {number + 1}: {how.name} after {wait:.1f} s, epochs kept: {epochs_kept(out)}", flush=True)
    run_to_the_end(data, out)
    return survived


def epochs_kept(out: Path) -> str:
    if (out / "summary.json").exists():
        return "all"
    records = list(out.glob(".resume/*/results.csv"))
    return str(len(pd.read_csv(records[0]))) if records else "0"


def outcome(data: Path, out: Path) -> tuple[dict[str, torch.Tensor], pd.DataFrame, str]:
    """Weights, record without seconds, and the metrics of the stored predictions."""
    weights = torch.load(out / "weights.pt", weights_only=True)["state"]
    record = pd.read_csv(out / "results.csv").filter(regex="^(?!seconds)")
    verbs = [sys.executable, "-m", "uncover"]
    predictions = out / "val.parquet"
    images = [str(data / "val"), str(predictions), "--weights", str(out / "weights.pt"), "--device", "cpu"]
    subprocess.run([*verbs, "predict", *images], check=True, stderr=subprocess.DEVNULL)
    table = subprocess.run(
        [*verbs, "evaluate", "--labels", str(data / "val" / "labels"), str(predictions), "--bootstrap", "50"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return weights, record, table


def main(kills: int = 10, seed: int = 0) -> int:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_set(root / "train", 24, 1)
        make_set(root / "val", 8, 2)
        first, whole = run_to_the_end(root, root / "undisturbed")
        print(f"undisturbed: {whole:.1f} s, {EPOCHS} epochs, the first after {first:.1f} s", flush=True)
        finished = run_with_kills(root, root / "killed", kills, first, whole, chance)
        (weights, record, table), (again, record_again, table_again) = (
            outcome(root, root / name) for name in ("undisturbed", "killed")
        )
        same_weights = weights.keys() == again.keys() and all(torch.equal(weights[key], again[key]) for key in weights)
        same_record, same_table = record.equals(record_again), table == table_again
        print(table)
    print(f"{kills} kills ({finished} came too late): weights {_equal(same_weights)}, record {_equal(same_record)},")
    print(f"metrics of stored predictions {_equal(same_table)}")
    return 0 if same_weights and same_record and same_table else 1


def _equal(same: bool) -> str:
    return "equal" if same else "DIFFERENT"


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
