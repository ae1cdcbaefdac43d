"""Measure `uncover detect` on a video, alone and against other tools: speed, cost of a rescue, start, memory.

    make bench-detect [VIDEO=my.mp4] [WEIGHTS=general] [SIZE=640] [FRAMES=300] [ROUNDS=3] [SCRFD=scrfd_500m.onnx]
    make bench-detect RUN=results/demo [SIZE=320] [FRAMES=1500] [ROUNDS=3]
    make bench-detect MODEL=yolov5m SIZE=640 DEVICE=cuda:0 PRECISION=float16

Without a run: the pretrained detector against `deface` and MediaPipe on the same files, one of 1920 x 1080 and one of
640 x 480 pixels, or VIDEO; and milliseconds per photo on one thread against SCRFD-500M. deface and MediaPipe are
installed into separate environments. Contenders run in turn; ratios are medians over rounds, above 1 if ours is faster.

With a run, or a MODEL: the command on a video of 1920 x 1080 pixels, from file to tables. The confidence threshold is
set so that the detector misses half of the frames; then the command runs in turn without a rescue, with the best one of
the run, with the thesis's heatmap detector and others. Ratios are medians over rounds, of the time from the first to
the last processed frame; frames a second refer to the whole command, including start and writing. MODEL uses untrained
networks of that size instead of those of the run. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
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
from beside import install_others, measure_beside, measure_photos
from detect_run import HEIGHT, WIDTH, make_run, make_video
from machine import describe_machine, describe_source

from uncover.atomic import new_file

OUT = Path("results/bench/detect.json")
BEST, HEATMAP = "winner", "heatmap:gradcampp_avg"
LEAST_FRAMES_PER_SECOND, MOST_COST, MOST_START = 40, 1.3, 1.6
"""Targets of the project on two cores."""


@dataclass(frozen=True)
class Timed:
    """Measurements of one command.

    Attributes:
        seconds: Duration.
        summary: Content of its summary.json.
        memory: Peak resident memory, in MiB.
    """

    seconds: float
    summary: dict[str, Any]
    memory: float


def main() -> None:
    """Measure, print a line per value, and write results/bench/detect.json."""
    args = read_arguments()
    figures = measure_run(args) if args.run or args.model else measure_ready_made(args)
    for name, value in figures.items():
        print(f"{name:62} {'no face found' if value is None else f'{value:.4g}'}")
    settings = {name: None if value is None else str(value) for name, value in vars(args).items()}
    machine = describe_machine("torch", "av", "numpy", "opencv-python-headless")
    result = figures | {"settings": settings, "machine": machine} | describe_source()
    with new_file(OUT) as path:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


def measure_run(args: argparse.Namespace) -> dict[str, float | None]:
    """Measure a run's detector: speed, rescues, start and memory."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run = make_run(place / "run", args.model, args.size) if args.model else args.run
        video = make_video(OUT.parent, args.frames)
        bench = Bench(run, video, args, place)
        confidence = bench.middle_confidence()
        figures = measure(bench, confidence, args.rounds, fusion=not args.model)
        figures |= measure_start(bench, confidence, args.rounds)
        figures |= measure_memory(bench, confidence)
    print(
        f"targets on two cores, yolov5n at 320 px: at least {LEAST_FRAMES_PER_SECOND} frames a second, at most"
        f" {MOST_COST} times the time of RGB alone, start within {MOST_START} times that of 'import torch'"
    )
    return {**figures}


def measure_ready_made(args: argparse.Namespace) -> dict[str, float | None]:
    """Measure pretrained weights against other tools."""
    figures = measure_photos(args.weights, args.scrfd, args.size or 640, 10 * args.rounds, args.precision)
    ours = [sys.executable, "-m", "uncover", "detect", "--device", args.device]
    ours += ["--precision", args.precision, "--weights", args.weights]
    ours += ["--image-size", str(args.size)] if args.size else []
    pythons = install_others(OUT.parent)
    sizes = ((WIDTH, HEIGHT), (640, 480))
    videos = [args.video] if args.video else [make_video(OUT.parent, args.frames, *size) for size in sizes]
    for video in videos:
        beside = measure_beside(ours, video, pythons, args.rounds)
        figures |= {f"{video.stem}: {name}": value for name, value in beside.items()}
    return figures


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, help="video for the comparison (default: two with rendered infants)")
    parser.add_argument("--weights", default="general", help="pretrained weights or a file (default: general)")
    parser.add_argument("--scrfd", type=Path, help="ONNX file of SCRFD-500M, for the comparison on photos")
    parser.add_argument("--run", type=Path, help="finished run whose detector and rescues are measured")
    parser.add_argument(
        "--size", type=int, help="longest side of the input (default: 320 for a run, else that of the training)"
    )
    parser.add_argument("--frames", type=int, help="frames of the video (default: 1500 for a run, else 300)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", help="size of untrained networks to use instead of those of a run")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="float32")
    args = parser.parse_args()
    if args.run or args.model:
        args.size, args.frames = args.size or 320, args.frames or 1500
    args.frames = args.frames or 300
    if args.run and not args.model and not (args.run / "models/rgb10/weights.pt").is_file():
        sys.exit(f"{args.run}: not a finished run; run `make demo` first, or pass another run with RUN=")
    if args.video and not args.video.is_file():
        sys.exit(f"{args.video}: does not exist; pass a video with VIDEO=")
    return args


class Bench:
    """Runs `uncover detect` with different options."""

    def __init__(self, run: Path, video: Path, args: argparse.Namespace, place: Path) -> None:
        self._command = [sys.executable, "-m", "uncover", "detect", video, "--run", run, "--device", args.device]
        self._command += ["--precision", args.precision, "--image-size", str(args.size)]
        self._out = place / "out"

    def __call__(self, *options: object) -> Timed:
        """Run the command and read its summary."""
        words = [str(word) for word in (*self._command, "--out", self._out, *options)]
        # Otherwise outputs of an earlier round would be reused.
        shutil.rmtree(self._out, ignore_errors=True)
        began = time.perf_counter()
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        if status:
            sys.exit(f"{' '.join(words)}: failed; run the command manually to see the error")
        summary = json.loads((self._out / "summary.json").read_text(encoding="utf-8"))
        return Timed(seconds, summary, usage.ru_maxrss / 1024)

    def middle_confidence(self) -> float:
        """Median over frames of the highest confidence."""
        self("--rescue", "none", "--confidence", "0.001")
        boxes = pq.read_table(self._out / "boxes.parquet", columns=["frame", "confidence"])
        frames = pq.read_table(self._out / "frames.parquet", columns=["frame"]).num_rows
        surest = np.zeros(frames)
        np.maximum.at(surest, boxes["frame"].to_numpy(), boxes["confidence"].to_numpy())
        return float(np.median(surest))


def measure(bench: Bench, confidence: float, rounds: int, fusion: bool) -> dict[str, float]:
    """Frames a second with the best rescue, and cost of each rescue; box fusion needs the faces of a training set."""
    ways = {
        "none": ("--rescue", "none"),
        BEST: ("--rescue", BEST),
        HEATMAP: ("--rescue", HEATMAP),
        **({"face_and_part_fusion": ("--rescue", "face_and_part_fusion")} if fusion else {}),
        "best, online": ("--rescue", BEST, "--tracking", "online"),
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
    """Seconds to the first box, compared with importing torch."""
    starts, imports = [], []
    for _ in range(2 * rounds):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
        imports.append(time.perf_counter() - began)
        first = bench("--confidence", confidence, "--until", 1).summary["seconds_to_first_box"]
        if first is None:
            sys.exit("no box in the first second; use a video with a face at its beginning")
        starts.append(first)
    return {
        "seconds_to_first_box": statistics.median(starts),
        "seconds_import_torch": statistics.median(imports),
        "start_over_import_torch": _ratio(starts, imports),
    }


def measure_memory(bench: Bench, confidence: float) -> dict[str, float]:
    """Peak memory for a part of the video, and for all of it."""
    part, whole = bench("--confidence", confidence, "--until", 5), bench("--confidence", confidence)
    return {"peak_mib_of_5_s": part.memory, "peak_mib": whole.memory, "peak_growth": whole.memory / part.memory}


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
