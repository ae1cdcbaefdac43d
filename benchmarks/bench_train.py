"""Compare training with train.py of upstream YOLOv5 (yolov5 7.0.14, in a separate environment): time, memory, accuracy.

    make bench-train [DATA=folder] [WEIGHTS=yolov5n.pt SHA256=...] [SEEDS=3] [EPOCHS=25] [SETTINGS="batch=8 ..."]

DATA contains the data sets train/ and val/ (default: the demo's). Each seed is trained by upstream, by ours with
upstream's rule for flips, and by ours with its own rule, in turn, so that drift of the machine affects all equally. A
training with the same inputs that has finished before is not repeated. The last line is JSON; ratios are ours to
upstream's.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import shutil
import statistics
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import our_training as ours
import upstream_training as upstream
from machine import describe_machine
from train_table import figures, print_table
from watch import Watched, watch

from uncover.atomic import new_file
from uncover.config.detectors import Detector
from uncover.config.values import check_section, read_pairs
from uncover.errors import InputError
from uncover.metrics.average_precision import fitness
from uncover.workflow.digest import code_digest

OUT = Path("results/bench")
DEMO = Path("results/demo/datasets")
DEFAULTS = ("model=yolov5n", "weights=scratch", "image_size=320", "batch=16", "patience=0", "autoanchor=true")
CONTENDERS = ("upstream", "ours", "ours_side_swap")
Record = dict[str, Any]


def main() -> None:
    """Run all trainings, print, and write results/bench/train.json."""
    args = read_arguments()
    environment = OUT / "upstream"
    python = upstream.make_environment(environment)
    machine: dict[str, Any] = describe_machine("torch", "torchvision", "numpy", "opencv-python-headless")
    machine |= {"upstream": upstream.versions(python)}
    start = None
    if args.weights:
        start = ours.import_weights(args.weights, args.sha256, OUT / "train" / "start.pt")
    records: dict[str, list[Record]] = {name: [] for name in CONTENDERS}
    for seed in range(args.seeds):
        for name in CONTENDERS[seed % 3 :] + CONTENDERS[: seed % 3]:
            if name == "ours_side_swap" and seed >= args.side_swap_seeds:
                continue
            settings = args.settings.model_copy(update={"seed": seed, "flip_swaps_sides": name == "ours_side_swap"})
            records[name].append(train(name, settings, args, start, python, machine))
    settings = args.settings.model_copy(update={"flip_swaps_sides": False})
    words = ours.arguments(args.data, settings, start, OUT / "train" / "start", args.cache, args.device)
    started = ours.start_seconds(words)
    print_table(records, started)
    result = figures(records, started)
    with new_file(OUT / "train.json") as path:
        whole = {"figures": result, "machine": machine, "start_seconds": started, "records": records}
        path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    inputs = {"data": str(args.data), "seeds": args.seeds, "epochs": args.settings.epochs, "cache": args.cache}
    print(json.dumps(result | inputs | {"machine": machine}))


def read_arguments() -> argparse.Namespace:
    """Parse and check the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEMO)
    parser.add_argument("--weights", type=Path, help="upstream checkpoint to start from (default: train from scratch)")
    parser.add_argument("--sha256", help="its hash: a checkpoint is a pickle, which may run code when opened")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--side-swap-seeds", type=int, help="number of seeds for our rule for flips (default: all)")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--settings", nargs="+", default=[], metavar="KEY=VALUE", help="settings of a detector")
    parser.add_argument(
        "--cache", choices=("ram", "disk", "none"), default="ram", help="cache of decoded images, for both"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    args = parser.parse_args()
    if args.side_swap_seeds is None:
        args.side_swap_seeds = args.seeds
    try:
        pairs = [*DEFAULTS, f"epochs={args.epochs}", *args.settings]
        args.settings = check_section(Detector, read_pairs(pairs), "--settings")
    except InputError as error:
        parser.error(str(error))
    if reason := upstream.refuse(args.settings):
        parser.error(f"--settings {reason}")
    if args.data == DEMO:
        ours.make_demo_sets(DEMO)
    for part in ("train", "val"):
        if not (args.data / part / "labels").is_dir():
            parser.error(f"{args.data}: contains no data set {part}/")
    if args.weights and ours.sha256_of(args.weights) != args.sha256:
        parser.error(f"{args.weights}: its sha256 differs from --sha256")
    return args


def train(
    name: str, settings: Detector, args: argparse.Namespace, start: Path | None, python: Path, machine: dict[str, Any]
) -> Record:
    """Run one training and score it, or return its stored record."""
    of_code = ours.sha256_of(upstream.RUNNER), ours.sha256_of(upstream.REQUIREMENTS)
    inputs = {
        "settings": settings.model_dump(mode="json"),
        "data": digest_of(args.data),
        "weights": args.sha256,
        "cache": args.cache,
        "device": args.device,
        "code": of_code if name == "upstream" else code_digest("uncover.commands.train"),
        "machine": machine,
    }
    key = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]
    folder = OUT / "train" / f"{name}-seed{settings.seed}-{key}"
    if (folder / "record.json").exists():
        print(f"{name}, seed {settings.seed}: using {folder}", flush=True)
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    else:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run = train_upstream if name == "upstream" else train_ours
        record = run(settings, args, start, python, folder, announce(f"{name}, seed {settings.seed}", settings.epochs))
        with new_file(folder / "record.json") as path:
            path.write_text(json.dumps(record | {"inputs": inputs}, indent=1) + "\n", encoding="utf-8")
    return record | {"scored": ours.score(folder, args.data, settings, args.device)}


def train_upstream(
    settings: Detector, args: argparse.Namespace, start: Path | None, python: Path, folder: Path, tell: Callable
) -> Record:
    """Train with upstream's train.py."""
    data = upstream.lay_out(args.data, settings, folder / "data")
    words = upstream.command(python, data, settings, args.weights, folder / "run", args.cache, args.device)
    results = folder / "run" / "run" / "results.csv"
    seen = watch(words, folder / "log.txt", lambda: results, tell, upstream.environment(python.parents[1]))
    shutil.copyfile(folder / "run" / "run" / "weights" / "best.pt", folder / "upstream.pt")
    record = describe(seen, results, upstream.first_batch_seconds(folder / "run", seen.started))
    # Upstream's non-maximum suppression has a time limit, after which boxes are missing from its own scores.
    cut = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").count("NMS time limit")
    return record | {"batches_cut_short": cut}


def train_ours(
    settings: Detector, args: argparse.Namespace, start: Path | None, python: Path, folder: Path, tell: Callable
) -> Record:
    """Train with `uncover train`."""
    out = folder / "run"
    words = ours.arguments(args.data, settings, start, out, args.cache, args.device)

    def record() -> Path | None:
        # During the training, the record is stored with its state.
        return next(out.glob(".resume/*/results.csv"), out / "results.csv")

    seen = watch([ours.BIN / "uncover", "train", *words], folder / "log.txt", record, tell, {})
    rows = read_rows(out / "results.csv")
    shutil.copyfile(out / "weights.pt", folder / "weights.pt")
    # The first epoch includes the wait for the first batch.
    first = seen.epoch_ends[0] - float(rows[0]["seconds/train"]) - float(rows[0]["seconds/val"])
    return describe(seen, out / "results.csv", first)


def describe(seen: Watched, results: Path, first_batch: float) -> Record:
    """Values of the table: times, memory, and the best epoch according to the program's own scores."""
    rows = [{name: float(value) for name, value in row.items() if value} for row in read_rows(results)]
    best = max(rows, key=lambda row: (fitness(row["metrics/mAP_0.5"], row["metrics/mAP_0.5:0.95"]), row["epoch"]))
    # Time from one row to the next, which includes training, validation and saving.
    epochs = [later - earlier for earlier, later in zip(seen.epoch_ends, seen.epoch_ends[1:], strict=False)]
    return asdict(seen) | {
        "epoch_seconds": statistics.median(epochs or [seen.epoch_ends[0] - first_batch]),
        "first_batch_seconds": first_batch,
        "best_epoch": int(best["epoch"]),
        "own": {"map50": best["metrics/mAP_0.5"], "map50_95": best["metrics/mAP_0.5:0.95"]},
        "whole_record": rows,
    }


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a results.csv; upstream pads its columns."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line.replace(" ", "") for line in file))


def announce(name: str, epochs: int) -> Callable[[int], None]:
    """A function that prints each finished epoch."""
    print(f"{name}: starting", flush=True)
    return lambda done: print(f"{name}: epoch {done}/{epochs}", flush=True)


def digest_of(data: Path) -> str:
    """Digest of the labels, and of the names and sizes of the photos."""
    digest = hashlib.sha256()
    for part in ("train", "val"):
        for photo in sorted((data / part / "images").iterdir()):
            digest.update(f"{part}/{photo.name} {photo.stat().st_size}\n".encode())
        for file in sorted((data / part / "labels").glob("*.txt")):
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    main()
