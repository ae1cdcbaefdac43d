"""Our side of `make bench-train`, and the evaluator that scores both sides."""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from uncover.config.detectors import Detector
from uncover.config.values import as_pairs
from uncover.workflow.digest import code_digest

BIN = Path(sys.executable).parent
START = Path(__file__).with_name("start_ours.py")
NMS_IOU = "0.6"
EVALUATOR = ("uncover.commands.weights", "uncover.commands.predict", "uncover.commands.evaluate")
ROUNDS = 5


def make_demo_sets(folder: Path) -> None:
    """Make the demo's two sets with Snakemake, if they do not exist."""
    sets = [folder / name / "manifest.parquet" for name in ("train", "val")]
    if not all(path.exists() for path in sets):
        profile = ["--workflow-profile", "workflow/profiles/default"]
        subprocess.run([BIN / "snakemake", "--cores", "all", "--quiet", "all", *profile, *map(str, sets)], check=True)


def arguments(data: Path, settings: Detector, start: Path | None, out: Path, cache: str, device: str) -> list[str]:
    """Arguments of `uncover train`."""
    words = [str(data / "train"), str(out), "--val", str(data / "val"), "--cache", cache, "--device", device]
    words += ["--set", *(as_pairs(settings) or [f"epochs={settings.epochs}"])]
    return words + (["--start", str(start)] if start else [])


def import_weights(checkpoint: Path, sha256: str, out: Path) -> Path:
    """Convert an upstream checkpoint to a safe weights file."""
    uncover("import_weights", str(checkpoint), str(out), "--sha256", sha256)
    return out


def score(folder: Path, data: Path, settings: Detector, device: str) -> dict[str, float]:
    """Mean AP on the val photos of the weights in a folder, ours (weights.pt) or upstream's, by our evaluator.

    Stored in scored.json, and reused until the evaluator's code changes.
    """
    kept, code = folder / "scored.json", code_digest(*EVALUATOR)
    if kept.exists() and (scores := json.loads(kept.read_text(encoding="utf-8")))["code"] == code:
        return scores
    weights, foreign = folder / "weights.pt", folder / "upstream.pt"
    labels = data / "val" / "labels"
    if foreign.exists():
        import_weights(foreign, sha256_of(foreign), weights)
        # Upstream's labels: with whole faces only, they are class 0.
        labels = folder / "data" / "val" / "labels"
    predictions, record = folder / "predictions.parquet", folder / "evaluation"
    words = ["--image-size", str(settings.image_size), "--nms-iou", NMS_IOU, "--device", device]
    uncover("predict", "--weights", str(weights), *words, str(data / "val"), str(predictions))
    words = ["--labels", str(labels), "--bootstrap", "0", "--out", str(record)]
    words += ["--class", "whole face"] if settings.classes == "whole_face" else []
    uncover("evaluate", *words, str(predictions))
    summary = json.loads((record / "summary.json").read_text(encoding="utf-8"))
    scores = {"map50": _value(summary["AP50"]), "map50_95": _value(summary["AP50_95"]), "code": code}
    kept.write_text(json.dumps(scores) + "\n", encoding="utf-8")
    return scores


def start_seconds(words: list[str]) -> dict[str, float]:
    """Seconds until the first batch is ready, and of `import torch`, in separate processes, in turn.

    Anchors that do not fit the data are fitted before the first batch; the start without fitting is measured too.
    """
    bare = [sys.executable, "-c", "import torch; print('ready', flush=True)"]
    given = [*words, "--set", "autoanchor=false"]
    contenders = {
        "import_torch": bare,
        "first_batch": [sys.executable, str(START), *words],
        "first_batch_anchors_given": [sys.executable, str(START), *given],
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, command in contenders.items():
            seconds[name].append(until_ready(command))
    return {name: statistics.median(each) for name, each in seconds.items()}


def uncover(*words: str) -> None:
    """Run a command of uncover; exit if it fails."""
    done = subprocess.run([BIN / "uncover", *words], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"uncover {' '.join(words)}\nfailed: {done.stderr[-2000:]}")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def until_ready(command: list[str]) -> float:
    """Start a process, and return the seconds until it prints "ready"."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            if line.strip() == "ready":
                seconds = time.perf_counter() - start
                process.communicate()
                return seconds
        sys.exit(f"{' '.join(command)}\nended before the first batch: {process.stderr.read()[-2000:]}")


def _value(number: float | dict[str, float]) -> float:
    return float(number["value"] if isinstance(number, dict) else number)
