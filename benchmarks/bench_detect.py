"""`uncover detect` on a video of 1920 x 1080 pixels, from file to tables: speed, what a rescue costs, start, memory.

    make bench-detect [RUN=results/demo] [SIZE=320] [FRAMES=1500] [ROUNDS=3]
    make bench-detect MODEL=yolov5m SIZE=640 DEVICE=cuda:0 PRECISION=float16

The confidence of a face is set such that the detector misses half of the frames; then the same command takes turns with
no rescue, the best one of the run, the thesis's heatmap detector and others. Ratios are medians of rounds, of the time
from the first frame wanted to the last one done; frames per second count the whole command, its start and what it
writes included. MODEL takes untrained networks of that size in the place of the run's. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from detect_run import make_run, make_video
from machine import describe_machine

from uncover.atomic import new_file

OUT = Path("results/bench/detect.json")
BEST, HEATMAP = "best", "heatmap:gradcampp_avg"
LEAST_FRAMES_PER_SECOND, MOST_COST, MOST_START = 40, 1.3, 1.6
"""What the project promises on two cores."""


@dataclass(frozen=True)
class Timed:
    """One command.

    Attributes:
        seconds: From its start to its end.
        summary: What it says of itself.
        memory: Peak resident memory, MiB.
    """

    seconds: float
    summary: dict[str, Any]
    memory: float


def main() -> None:
    """Measure all, print a line for each, write results/bench/detect.json."""
    args = read_arguments()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run = make_run(place / "run", args.model, args.size) if args.model else args.run
        video = make_video(OUT.parent, args.frames)
        bench = Bench(run, video, args, place)
        confidence = bench.middle_confidence()
        figures = measure(bench, confidence, args.rounds, fusion=not args.model)
        figures |= measure_start(bench, confidence, args.rounds)
        figures |= measure_memory(bench, confidence)
    for name, value in figures.items():
        print(f"{name:40} {value:.4g}")
    print(
        f"promised on two cores, yolov5n at 320 px: at least {LEAST_FRAMES_PER_SECOND} frames a second, at most"
        f" {MOST_COST} of RGB alone, start within {MOST_START} of 'import torch'"
    )
    settings = {"run": str(args.run), "model": args.model or "of the run", "size": args.size, "frames": args.frames}
    settings |= {"device": args.device, "precision": args.precision}
    machine = describe_machine("torch", "av", "numpy", "opencv-python-headless")
    result = figures | settings | {"machine": machine}
    with new_file(OUT) as path:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("results/demo"), help="a finished run (default: the demo)")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--frames", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", help="untrained networks of this size in the place of the run's")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="float32")
    args = parser.parse_args()
    if not args.model and not (args.run / "models/rgb10/weights.pt").is_file():
        sys.exit(f"{args.run}: no finished run; make the demo first (make demo), or name one with RUN=")
    return args


class Bench:
    """One command with other options each time."""

    def __init__(self, run: Path, video: Path, args: argparse.Namespace, place: Path) -> None:
        self._command = [sys.executable, "-m", "uncover", "detect", video, "--run", run, "--device", args.device]
        self._command += ["--precision", args.precision, "--image-size", str(args.size)]
        self._out = place / "out"

    def __call__(self, *options: object) -> Timed:
        """Run it and look at what it wrote."""
        words = [str(word) for word in (*self._command, "--out", self._out, *options)]
        began = time.perf_counter()
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        if status:
            sys.exit(f"{' '.join(words)}: failed; run it by hand to see why")
        summary = json.loads((self._out / "summary.json").read_text(encoding="utf-8"))
        return Timed(seconds, summary, usage.ru_maxrss / 1024)

    def middle_confidence(self) -> float:
        """The confidence that half of the frames reach."""
        self("--rescue", "none", "--confidence", "0.001")
        boxes = pq.read_table(self._out / "boxes.parquet", columns=["frame", "confidence"])
        frames = pq.read_table(self._out / "frames.parquet", columns=["frame"]).num_rows
        surest = np.zeros(frames)
        np.maximum.at(surest, boxes["frame"].to_numpy(), boxes["confidence"].to_numpy())
        return float(np.median(surest))


def measure(bench: Bench, confidence: float, rounds: int, fusion: bool) -> dict[str, float]:
    """Frames a second of the best rescue, and what each rescue costs; box fusion needs the faces of a training set."""
    ways = {
        "none": ("--rescue", "none"),
        BEST: ("--rescue", BEST),
        HEATMAP: ("--rescue", HEATMAP),
        **({"face_and_part_fusion": ("--rescue", "face_and_part_fusion")} if fusion else {}),
        "best, online": ("--rescue", BEST, "--temporal", "online"),
    }
    timed: dict[str, list[Timed]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, options in ways.items():
            timed[name].append(bench("--confidence", confidence, *options))
            print(f"round {number + 1} of {rounds}: {name}: {timed[name][-1].seconds:.1f} s", file=sys.stderr)
    (source,) = timed["none"][0].summary["sources"].values()
    frames = source["frames"]
    seconds = {name: [frames / each.summary["frames_per_second"] for each in own] for name, own in timed.items()}
    figures = {
        "frames_per_second": statistics.median(frames / each.seconds for each in timed[BEST]),
        "frames_per_second_rgb_alone": statistics.median(frames / each.seconds for each in timed["none"]),
        "frames_per_second_after_start": statistics.median(frames / each for each in seconds[BEST]),
        "missed_share": source["without"] / frames,
        "cost_over_rgb_alone": _ratio(seconds[BEST], seconds["none"]),
    }
    for name in list(ways)[2:]:
        figures[f"cost_over_rgb_alone ({name})"] = _ratio(seconds[name], seconds["none"])
    return figures


def measure_start(bench: Bench, confidence: float, rounds: int) -> dict[str, float]:
    """Seconds to the first box, beside those of importing torch alone."""
    starts, imports = [], []
    for _ in range(2 * rounds):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
        imports.append(time.perf_counter() - began)
        first = bench("--confidence", confidence, "--until", 1).summary["seconds_to_first_box"]
        if first is None:
            sys.exit("no box in the first second; take a video with a face in it")
        starts.append(first)
    return {
        "seconds_to_first_box": statistics.median(starts),
        "seconds_import_torch": statistics.median(imports),
        "start_over_import_torch": _ratio(starts, imports),
    }


def measure_memory(bench: Bench, confidence: float) -> dict[str, float]:
    """Peak memory of a part of the video, and of all of it."""
    part, whole = bench("--confidence", confidence, "--until", 5), bench("--confidence", confidence)
    return {"peak_mib_of_5_s": part.memory, "peak_mib": whole.memory, "peak_growth": whole.memory / part.memory}


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
