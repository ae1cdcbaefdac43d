"""Compare heatmaps with plain inference and with grad-cam's public API: time, memory, agreement, storage.

    make bench-heatmaps [IMAGES=folder] [WEIGHTS=weights.pt] [SIZE=640] [ROUNDS=7]

Speed and memory are measured with a yolov5m of ten classes at SIZE, untrained but adjusted to find as many boxes as a
trained one (`heatmap_contenders`). Contenders run in turn within a round, and ratios are medians over rounds: plain
batched inference, both methods of the thesis with their joint maps from the same batch, the same written to disk, other
layers, and grad-cam called once per method and class. Agreement with grad-cam is measured with trained WEIGHTS
(default: the demo's), because GradCAM++ of an untrained network is ill-conditioned; a table lists, by method, the
difference of both from double precision (`python benchmarks/bench_heatmaps.py --agreement` measures only that). The
last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import cv2
import heatmap_contenders as contenders
import numpy as np
import torch
from machine import describe_machine
from numpy.typing import NDArray
from our_training import until_ready
from torch import Tensor

from uncover.atomic import new_file
from uncover.cam.engine import Explainer, detect
from uncover.images.reading import inspect_image, named_images
from uncover.yolov5.inference import FramedImages, to_network

CPU = torch.device("cpu")
BATCH = 4
DEFAULT = "layer_23"
LAYERS = {DEFAULT: (-2,), "multiscale": (17, 20, 23), "layer_20": (20,), "layer_17": (17,), "layer_9": (9,)}
DEMO = Path("results/demo")
OUT = Path("results/bench/heatmaps.json")
START = Path(__file__).with_name("start_heatmaps.py")
WEIGHED = ("plain", "heatmaps", "grad_cam")


def main() -> None:
    """Measure everything, print a line per value, and write results/bench/heatmaps.json."""
    args = read_arguments()
    if args.weigh:
        print(weigh(args.weigh, args))
        return
    figures: dict[str, float | str] = {}
    if not args.agreement:
        figures |= measure_speed(args)
        figures |= measure_memory(args)
    figures |= measure_agreement(args)
    if not args.agreement:
        figures |= measure_files(args)
        figures |= measure_start(args)
    for name, value in figures.items():
        print(f"{name:40} {value if isinstance(value, str) else format(value, '.4g')}")
    machine = describe_machine("torch", "torchvision", "grad-cam", "numpy", "opencv-python-headless", "tifffile")
    result = figures | {"images": str(args.images), "weights": str(args.weights), "size": args.size}
    with new_file(OUT) as path:
        path.write_text(json.dumps(result | {"machine": machine}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result | {"machine": machine}))


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=DEMO / "datasets/val", help="photos (default: the demo's val)")
    parser.add_argument("--weights", type=Path, default=DEMO / "models/rgb10/weights.pt", help="a trained detector")
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--photos", type=int, default=8, help="number of photos for agreement with grad-cam")
    parser.add_argument("--agreement", action="store_true", help="measure only the agreement with grad-cam")
    parser.add_argument("--weigh", choices=WEIGHED, help=argparse.SUPPRESS)
    parser.add_argument("--network", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    for path in (args.images, args.weights):
        if not path.exists():
            sys.exit(f"{path}: does not exist; run `make demo` first, or pass another path")
    return args


def read_batch(args: argparse.Namespace, size: int, count: int = BATCH) -> NDArray[np.uint8]:
    """The first photos of one shape, uint8 (B, 3, H, W)."""
    paths = list(named_images([args.images]).values())[: 16 * count]
    framed = FramedImages(paths, np.array([inspect_image(path, 3) for path in paths]), size, 3, 114)
    group = max(framed.batches(count), key=len)
    return np.stack([framed[index] for index in group])


def convert(images: NDArray[np.uint8]) -> Tensor:
    """Network input of photos."""
    return to_network(images, CPU)


def measure_speed(args: argparse.Namespace) -> dict[str, float]:
    """Seconds of all contenders, run in turn."""
    images = read_batch(args, args.size)
    network = contenders.full_size_network(convert(images))
    explainers = {name: Explainer(network, contenders.variants(layers)) for name, layers in LAYERS.items()}
    detections = explainers[DEFAULT](convert(images)).detections
    there = [sorted(set(boxes[:, 5].long().tolist())) for boxes in detections]
    print(f"{images.shape[0]} photos of {images.shape[3]} x {images.shape[2]} pixels; classes found: {there}")
    peer = contenders.OneClassAtATime(network)
    runs: dict[str, Callable[[], Any]] = {"plain": lambda: contenders.plain(network, images, convert)}
    runs |= {name: (lambda explain=explain: explain(convert(images))) for name, explain in explainers.items()}
    # One photo is enough for grad-cam, which processes them one by one.
    runs["grad_cam"] = lambda: peer(convert(images[:1]), range(contenders.CLASSES))
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(args.rounds):
        for name, run in runs.items():
            if name == "grad_cam" and number >= (args.rounds + 1) // 2:
                continue
            started = time.perf_counter()
            run()
            per_image = (time.perf_counter() - started) / (1 if name == "grad_cam" else len(images))
            seconds[name].append(per_image)
            print(f"round {number + 1}: {name} {per_image:.3f} s an image", flush=True)
            network.requires_grad_(False)
    figures = {f"seconds_{name}": statistics.median(own) for name, own in seconds.items()}
    figures["cost_over_inference"] = ratio(seconds[DEFAULT], seconds["plain"])
    figures["speedup_over_grad_cam"] = ratio(seconds["grad_cam"], seconds[DEFAULT])
    return figures | {
        f"cost_over_inference_{name}": ratio(seconds[name], seconds["plain"]) for name in LAYERS if name != DEFAULT
    }


def ratio(first: list[float], second: list[float]) -> float:
    """Median over rounds of the ratio within a round."""
    return statistics.median(one / other for one, other in zip(first, second, strict=False))


def measure_memory(args: argparse.Namespace) -> dict[str, float]:
    """Peak resident memory of each contender, each in a separate process."""
    words = [sys.executable, __file__, "--images", args.images, "--weights", args.weights, "--size", str(args.size)]
    mebibytes = {}
    with tempfile.TemporaryDirectory() as folder:
        # Building the network needs more memory than running it.
        file = Path(folder, "network.pt")
        torch.save(contenders.full_size_network(convert(read_batch(args, args.size))), file)
        for name in WEIGHED:
            done = subprocess.run(
                [*words, "--network", file, "--weigh", name], check=True, capture_output=True, text=True
            )
            mebibytes[name] = float(done.stdout.splitlines()[-1])
            print(f"memory: {name} {mebibytes[name]:.0f} MiB", flush=True)
    return {
        **{f"peak_mib_{name}": value for name, value in mebibytes.items()},
        "peak_memory_ratio": mebibytes["heatmaps"] / mebibytes["plain"],
        "peak_memory_ratio_grad_cam": mebibytes["grad_cam"] / mebibytes["plain"],
    }


def weigh(name: str, args: argparse.Namespace) -> float:
    """Peak resident memory of one contender over a few runs, in MiB; all contenders import the same modules."""
    images = read_batch(args, args.size)
    network = torch.load(args.network, weights_only=False)
    explain = Explainer(network, contenders.variants((-2,)))
    peer = contenders.OneClassAtATime(network)
    for _ in range(3):
        if name == "grad_cam":
            peer(convert(images[:1]), range(2))
        elif name == "heatmaps":
            explain(convert(images))
        else:
            # Include non-maximum suppression, as in our heatmaps.
            with torch.inference_mode():
                detect(network(convert(images))[0], images.shape[2:], 0.25, 0.45)
    # getrusage is not usable here: its maximum includes that of the parent process.
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def measure_agreement(args: argparse.Namespace) -> dict[str, float | str]:
    """Largest difference of native maps from grad-cam's, as a share of the largest value, over single photos.

    Also returns, for the method and target with the largest difference, the differences of both from double precision.
    """
    from heatmap_agreement import measure

    found = measure(args.weights, args.images, args.photos)
    heads = ("ours-theirs", "ours-formula", "theirs-formula", "ours-truth", "theirs-truth", "in double")
    print(f"{'largest differences':22}", *(f"{head:>15}" for head in heads))
    for name, own in found.items():
        print(f"{name:22}", *(f"{value:15.1e}" for value in astuple(own)))
    print(
        "formula: the method in double precision, on the same single-precision activations and gradients;"
        " truth: everything in double precision, including the network"
    )
    name = max(found, key=lambda each: found[each].between)
    worst = found[name]
    return {
        "max_relative_difference": worst.between,
        "max_relative_difference_of": name,
        "max_relative_difference_float64": max(own.in_double for own in found.values()),
        "off_formula_ours": worst.ours,
        "off_formula_grad_cam": worst.theirs,
        "off_truth_ours": worst.ours_from_truth,
        "off_truth_grad_cam": worst.theirs_from_truth,
    }


def measure_files(args: argparse.Namespace) -> dict[str, float]:
    """Time to write a set to disk, its size, and time to read a map."""
    import heatmap_files

    with tempfile.TemporaryDirectory() as folder:
        return heatmap_files.measure(args.images, args.size, Path(folder), args.rounds)


def measure_start(args: argparse.Namespace) -> dict[str, float]:
    """Time until `uncover heatmaps` has its first batch, relative to `import torch`."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["--weights", args.weights, "--method", "gradcampp", "--method", "hirescam", args.images, folder]
        commands = {
            "import_torch": [sys.executable, "-c", "import torch; print('ready', flush=True)"],
            "first_batch": [sys.executable, START, *words],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(args.rounds):
            for name, command in commands.items():
                seconds[name].append(until_ready([str(word) for word in command]))
    return {"start_ratio": ratio(seconds["first_batch"], seconds["import_torch"])}


if __name__ == "__main__":
    # Threads of OpenCV would compete with those of torch.
    cv2.setNumThreads(1)
    main()
