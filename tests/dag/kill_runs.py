"""Kill the tiny run again and again, resume it, and compare what it ends with to an undisturbed run, byte for byte.

Run by hand or by CI: python -m tests.dag.kill_runs [ROUNDS] [SEED] [small]. Each round starts Snakemake and, at a
random moment, sends SIGKILL to Snakemake itself or to one of its jobs; the next round begins at once, while what
Snakemake left behind may still be dying. After every kill all files that results hold must be whole. Fewer than ten
rounds have a run of fewer jobs, `small` one of fewer still.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import psutil
import pyarrow.parquet as pq
import yaml

from tests.contracts.compare_runs import files_of
from tests.dag.checkout import copy_checkout, smaller
from tests.quick_python import server, write_client

COMPARED = (
    *("tables/*", "figures/*.png", "metrics/**/*", "predictions/**/*.parquet", "rgb_tables/**/*", "missed/*"),
    "models/*/weights.pt",
)
CONFIG = "config/tiny.yaml"
SMALL_TABLES = ("table_01", "table_02", "table_parts", "table_04", "table_05", "table_06", "table_val_counts")
SMALL = (
    *(f"results/tiny/tables/{name}.csv" for name in SMALL_TABLES),
    *("results/tiny/figures/figure_18.png", "results/tiny/heatmaps/hirescam/hof/manifest.parquet"),
)
"""Targets of the tiny run that need one job at least of each stage up to heatmaps."""

SECONDS_PER_JOB = 1.0
"""More or less, on two processors; kills are spread over the whole run."""


def snakemake(*words: str, python: str = sys.executable) -> list[str]:
    return [python, "-m", "snakemake", "--configfile", CONFIG, "--cores", "2", *words]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}


def contents(run: Path) -> dict[str, bytes]:
    """All that must be equal, by name."""
    return {name: path.read_bytes() for name, path in files_of(run, COMPARED).items()}


def broken_files(run: Path) -> Iterator[str]:
    """Results that cannot be read. Temporary names begin with a dot; logs and benchmarks are Snakemake's own."""
    readers = {
        ".parquet": pq.read_table,
        ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
        ".pt": lambda path: zipfile.ZipFile(path).testzip(),
        ".png": lambda path: cv2.imread(str(path)).shape,
        ".tiff": lambda path: cv2.imreadmulti(str(path), flags=cv2.IMREAD_UNCHANGED)[1][0].shape,
        ".jpg": lambda path: cv2.imread(str(path)).shape,
    }
    for path in sorted(run.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(run).parts)
        if path.suffix not in readers or hidden or not path.is_file():
            continue
        try:
            readers[path.suffix](path)
        except FileNotFoundError:  # replaced or removed by whoever is still at work
            continue
        except Exception as error:
            yield f"{path}: {error!r}"


def run_to_the_end(root: Path, targets: Sequence[str], python: str = sys.executable) -> float:
    """Seconds that it took."""
    started = time.monotonic()
    words = snakemake(*targets, python=python)
    done = subprocess.run(words, cwd=root, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the run failed:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}")
    return time.monotonic() - started


def jobs_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Processes of `uncover` that Snakemake has started."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if "uncover" in child.cmdline()]
    except psutil.NoSuchProcess:
        return []


def kill_once(root: Path, targets: Sequence[str], longest: float, chance: random.Random) -> str:
    """Start Snakemake and kill it or a job of it; say what was hit, and after how long."""
    subprocess.run(snakemake("--unlock"), cwd=root, env=environment(), capture_output=True, check=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    words = snakemake("--rerun-incomplete", *targets)
    process = subprocess.Popen(words, cwd=root, env=environment(), **quiet)
    wait = chance.uniform(2.5, longest)
    try:
        process.wait(wait)
        return f"nothing: it ended within {wait:.1f} s"
    except subprocess.TimeoutExpired:
        pass
    jobs = jobs_of(process)
    if jobs and chance.random() < 0.5:
        victim = chance.choice(jobs)
        try:
            name = " ".join(victim.cmdline()[3:5])
            victim.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            name = "a job that had just ended"
        process.wait()
        return f"job ({name}) after {wait:.1f} s"
    process.send_signal(signal.SIGKILL)
    process.wait()
    return f"Snakemake after {wait:.1f} s, with {len(jobs)} jobs"


def main(rounds: int = 20, seed: int = 0, targets: Sequence[str] = ()) -> int:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder, "whole"), Path(folder, "killed")
        for root in (whole, killed):
            copy_checkout(root)
            if rounds < 10:
                (root / CONFIG).write_text(yaml.safe_dump(smaller()), encoding="utf-8")
        python = write_client(Path(folder))
        with server(python):
            seconds = run_to_the_end(whole, targets, str(python))
        expected = contents(whole / "results/tiny")
        jobs = len(list((whole / "results/tiny/benchmarks").rglob("*.tsv")))
        print(f"undisturbed, its imports spared: {seconds:.0f} s, {len(expected)} files to compare", flush=True)
        for number in range(rounds):
            hit = kill_once(killed, targets, 3 + 2 * SECONDS_PER_JOB * jobs / rounds, chance)
            broken = list(broken_files(killed / "results/tiny"))
            made = len(contents(killed / "results/tiny"))
            print(f"round {number + 1}: killed {hit}; {made} files there, {len(broken)} broken", flush=True)
            if broken:
                print(*broken, sep="\n")
                return 1
        subprocess.run(snakemake("--unlock"), cwd=killed, env=environment(), capture_output=True, check=True)
        seconds = run_to_the_end(killed, ("--rerun-incomplete", *targets))
        print(f"resumed to the end: {seconds:.0f} s", flush=True)
        plan = subprocess.run(
            snakemake("--dry-run", *targets), cwd=killed, env=environment(), capture_output=True, text=True
        )
        found = contents(killed / "results/tiny")
        different = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        nothing_to_do = "Nothing to be done" in plan.stdout + plan.stderr
        metadata = "missing" if "have missing" in plan.stdout + plan.stderr else "complete"
    print(
        f"{rounds} kills: {len(expected) - len(different)} of {len(expected)} files equal, {len(different)} DIFFERENT"
    )
    print(*different, sep="\n")
    print(f"a dry run finds {'nothing' if nothing_to_do else 'SOMETHING'} to do; records of jobs: {metadata}")
    return 0 if not different and nothing_to_do and metadata == "complete" else 1


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word != "small"]
    sys.exit(main(*numbers, targets=SMALL if "small" in sys.argv else ()))
