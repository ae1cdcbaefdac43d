"""Compare an epoch of a heatmap detector with an RGB epoch of the same network and size.

    make bench-second [RUN=results/demo] [SETTINGS="model=yolov5m image_size=640 ..."] [ROUNDS=3]

Contenders run in turn within a round, each as a separate training: photos with YOLOv5's usual augmentation, photos
without augmentation, and heatmaps (which the thesis does not augment) of 1 and of 10 channels. The time of an epoch is
that of training and validation; the first epoch of a training, which decodes, is excluded. Ratios are medians over
rounds of the ratio within a round. Photos and heatmaps are generated, or taken from RUN. The last line is JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
import tempfile
from pathlib import Path

from machine import describe_machine
from our_training import uncover
from second_sets import make_sets

from uncover.atomic import new_file
from uncover.config.detectors import Detector
from uncover.config.values import check_section, read_pairs
from uncover.errors import InputError

OUT = Path("results/bench/second.json")
DEFAULTS = ("model=yolov5n", "weights=scratch", "classes=whole_face", "image_size=320", "batch=8", "patience=0")
CHANGES = ("mosaic", "scale", "translate", "fliplr", "hsv_h", "hsv_s", "hsv_v")
PLAIN = tuple(f"hyperparameters.{name}=0" for name in CHANGES)
CONTENDERS = {
    "rgb": ("photo", ()),
    "rgb_unaugmented": ("photo", PLAIN),
    "maps_1": ("joint", PLAIN),
    "maps_10": ("classes", PLAIN),
}
"""Input and settings of each contender."""


def main() -> None:
    """Train all contenders in turn, print, and write results/bench/second.json."""
    args = read_arguments()
    with tempfile.TemporaryDirectory() as folder:
        if args.data:
            photos, maps = args.data / "datasets", args.data / "heatmaps" / args.variant
        else:
            size = check_section(Detector, read_pairs(args.settings), "--settings").image_size
            photos, maps = make_sets(Path(folder), size, args.train, args.val)
        seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        for number in range(args.rounds):
            for name in CONTENDERS:
                epoch = measure(name, photos, maps, Path(folder) / f"{name}-{number}", args)
                seconds[name].append(epoch)
                print(f"round {number + 1}: {name} {epoch:.2f} s an epoch", flush=True)
    result = figures(seconds) | {"settings": list(args.settings), "data": str(args.data or "made for the purpose")}
    machine = describe_machine("torch", "torchvision", "numpy", "opencv-python-headless", "tifffile")
    with new_file(OUT) as path:
        path.write_text(json.dumps(result | {"machine": machine}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result | {"machine": machine}))


def read_arguments() -> argparse.Namespace:
    """Parse and check the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of a run, with datasets/ and heatmaps/ (default: generated)")
    parser.add_argument("--variant", default="gradcampp", help="heatmaps of the run to use")
    parser.add_argument("--train", type=int, default=48, help="number of generated training photos")
    parser.add_argument("--val", type=int, default=16, help="number of generated validation photos")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3, help="epochs of each training; the first is excluded")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--settings", nargs="+", default=[], metavar="KEY=VALUE", help="settings of all contenders")
    args = parser.parse_args()
    args.settings = [*DEFAULTS, *args.settings]
    if args.epochs < 2:
        parser.error("--epochs: expected at least 2, because the first is excluded")
    try:
        check_section(Detector, read_pairs(args.settings), "--settings")
    except InputError as error:
        parser.error(str(error))
    for part in ("train", "val") if args.data else ():
        for folder in (args.data / "datasets" / part, args.data / "heatmaps" / args.variant / part):
            if not folder.is_dir():
                sys.exit(f"{folder}: no such folder; run `make demo` first, or omit --data")
    return args


def measure(name: str, photos: Path, maps: Path, out: Path, args: argparse.Namespace) -> float:
    """Seconds per epoch of one contender."""
    kind, settings = CONTENDERS[name]
    words = ["--input", kind, *(["--heatmaps", str(maps)] if kind != "photo" else []), "--device", args.device]
    pairs = [*args.settings, *settings, f"epochs={args.epochs}"]
    uncover("train", str(photos), str(out), *words, "--set", *pairs)
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[1:]
    return statistics.median(float(row["seconds/train"]) + float(row["seconds/val"]) for row in rows)


def figures(seconds: dict[str, list[float]]) -> dict[str, float]:
    """Medians, and ratios to both kinds of RGB epochs."""
    result = {f"epoch_seconds_{name}": statistics.median(own) for name, own in seconds.items()}
    for baseline, ending in (("rgb", ""), ("rgb_unaugmented", "_unaugmented")):
        for channels in ("1", "10"):
            pairs = zip(seconds[f"maps_{channels}"], seconds[baseline], strict=True)
            result[f"epoch_time_ratio_{channels}{ending}"] = statistics.median(own / other for own, other in pairs)
    return result


if __name__ == "__main__":
    main()
