"""Compare detectors on videos with some labelled frames: recall, false positives, AP50, gaps and flicker.

    make bench-clips VIDEOS=clips LABELS=frames [WEIGHTS=general] [SIZE=640]
        [OTHERS="scrfd_500m=scrfd_500m.onnx yunet=yunet.onnx blazeface_full="]

VIDEOS is a folder; LABELS is a folder with labels/<video>_<frame>.txt, as for `uncover evaluate videos`. Each detector
runs without tracking, online and offline, at its own confidence threshold; AP50 is computed from all of its boxes
without tracking. OTHERS are baseline detectors: NAME=FILE, or NAME= if the weights are included in a package. Scores
are written to results/bench/clips.csv; no images are written.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
from machine import describe_machine, describe_source

from uncover.atomic import new_file

OUT = Path("results/bench/clips.csv")
TEMPORAL = ("off", "online", "offline")
SHOWN = [
    *("faces", "found", "recall", "recall_low", "recall_high", "false_per_frame", "shown", "flicker", "gaps"),
    *("longest_gap", "jitter"),
]
EVERY = "every box"
LEAST = "0.01"
"""Minimum confidence of boxes for AP50."""


def main() -> None:
    """Run detectors, score them, print a table, and write results/bench/clips.csv."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--weights", nargs="+", default=["general"], help="pretrained weights or files")
    parser.add_argument("--others", nargs="+", default=[], metavar="NAME=FILE")
    parser.add_argument("--size", type=int, default=640, help="longest side of the input of our detectors, in pixels")
    args = parser.parse_args()
    detectors: dict[str, list[str]] = {
        Path(each).stem: ["--weights", each, "--image-size", str(args.size)] for each in args.weights
    }
    for word in args.others:
        name, _, file = word.partition("=")
        detectors[name] = ["--detector", name, *(["--detector-weights", file] if file else [])]
    with tempfile.TemporaryDirectory() as folder:
        ways = {}
        for name, chosen in detectors.items():
            words = ["detect", str(args.videos), "--rescue", "none", *chosen]
            for temporal in TEMPORAL:
                way = f"{name}, {temporal}"
                ways[way] = Path(folder) / way
                uncover(*words, "--tracking", temporal, "--out", str(ways[way]))
            way = f"{name}, {EVERY}"
            ways[way] = Path(folder) / way
            uncover(*words, "--confidence", LEAST, "--out", str(ways[way]))
            print(f"{name}: done", file=sys.stderr)
        OUT.parent.mkdir(parents=True, exist_ok=True)
        named = [f"{way}={path}" for way, path in ways.items()]
        uncover("evaluate", "videos", str(OUT), "--truth", str(args.labels), "--detections", *named)
    scores = pd.read_csv(OUT)
    scores = scores[scores["video"] == "all"].set_index("mode")
    whole, words = scores[scores["part"] == "all"], scores[scores["part"] != "all"]
    curves = whole.loc[[f"{name}, {EVERY}" for name in detectors], "ap50"]
    print("AP50 of all boxes:", ", ".join(f"{name} {ap:.3f}" for name, ap in zip(detectors, curves, strict=True)))
    ways_at_work = [f"{name}, {temporal}" for name in detectors for temporal in TEMPORAL]
    print(whole.loc[ways_at_work, SHOWN].to_string(float_format="{:.3f}".format))
    if len(words):
        print("\nfaces found by kind, without tracking")
        cells = words.assign(cell=words["found"].astype(str) + "/" + words["faces"].astype(str))
        table = cells.reset_index().pivot(index="mode", columns="part", values="cell")
        print(table.loc[[f"{name}, {TEMPORAL[0]}" for name in detectors]].to_string())
    machine = describe_machine("torch", "av", "numpy", "opencv-python-headless")
    with new_file(OUT.with_suffix(".json")) as path:
        path.write_text(json.dumps(describe_source() | {"machine": machine}, indent=1) + "\n", encoding="utf-8")


def uncover(*words: str) -> None:
    """Run a command of uncover; on failure, print its errors and exit."""
    process = subprocess.run([sys.executable, "-m", "uncover", *words], capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(f"uncover {' '.join(words)}: failed:\n{process.stderr[-2000:]}")


if __name__ == "__main__":
    main()
