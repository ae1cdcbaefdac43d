"""What is installed, what the machine has, and which raw data and weights of others are there."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from uncover.config.model import Config
from uncover.datasets.sources import RAW_DATA
from uncover.workflow import slurm
from uncover.workflow.gpus import NoAnswer, list_gpus
from uncover.workflow.targets import FRAME_SOURCES, LANDMARK_SOURCES, raw_folder, video_files

PACKAGES = (
    "snakemake",
    "torch",
    "torchvision",
    "yolov5",
    "grad-cam",
    "facenet-pytorch",
    "facexlib",
    "ultralytics",
    "opencv-python-headless",
    "tifffile",
    "pandas",
    "pyarrow",
    "matplotlib",
    "numpy",
    "pillow",
    "pydantic",
)
GIGABYTE = 10**9
ENOUGH_DISK = 5 * GIGABYTE


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: a topic, what was found, and what to think of it.

    A "problem" keeps every run from working; a "missing" raw data set only those runs that ask for it.
    """

    topic: str
    found: str
    verdict: Literal["ok", "missing", "problem"] = "ok"


def examine(config: Config, folder: Path) -> list[Finding]:
    """Look at packages, machine, disk, raw data and weights of others.

    Args:
        config: Says which raw data a run wants.
        folder: Where results go, whose disk counts.
    """
    return [*_packages(), *_machine(folder), *_raw_data(config), *_weights(config)]


def _packages() -> list[Finding]:
    findings = [Finding("python", platform.python_version())]
    for package in PACKAGES:
        try:
            findings.append(Finding(package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            findings.append(Finding(package, "not installed; run: make setup", "problem"))
    return findings


def _machine(folder: Path) -> list[Finding]:
    import psutil

    usage = shutil.disk_usage(folder)
    free = f"{usage.free / GIGABYTE:.0f} of {usage.total / GIGABYTE:.0f} GB free at {folder.resolve()}"
    memory = psutil.virtual_memory()
    return [
        Finding(
            "processor", f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores"
        ),
        Finding("memory", f"{memory.available / GIGABYTE:.0f} of {memory.total / GIGABYTE:.0f} GB free"),
        Finding("disk", free, "ok" if usage.free > ENOUGH_DISK else "problem"),
        Finding("GPU", _gpus()),
        Finding("SLURM", _slurm()),
    ]


def _gpus() -> str:
    try:
        gpus = list_gpus()
    except NoAnswer as error:
        return str(error)
    return "; ".join(map(str, gpus)) or "none found (nvidia-smi lists none); everything runs on the processor"


def _slurm() -> str:
    """What jobs may ask for, and how they are followed, where this is a cluster."""
    if shutil.which("sinfo") is None:
        return "none here (no sinfo)"
    try:
        partitions = {node.partition: str(node) for node in slurm.nodes()}
        accounting = slurm.has_accounting(slurm.configuration())
    except slurm.NoAnswer as error:
        return str(error)
    followed = "sacct" if accounting else "squeue, as there is no accounting"
    kinds = "; ".join(f"{name}: {most}" for name, most in sorted(partitions.items()))
    return f"jobs are followed by {followed}; {kinds}"


def _raw_data(config: Config) -> list[Finding]:
    if config.raw.standin:
        return [Finding("raw data", "the embedded stand-in; nothing to download")]
    findings = []
    for source in (*LANDMARK_SOURCES, "aflw", *FRAME_SOURCES, "videos"):
        path = raw_folder(config, source)
        if path is None:
            wanted = f"not asked for (raw.{source}); {RAW_DATA[source]}"
            findings.append(Finding(source, wanted))
        elif source == "videos" and path.is_dir() and not video_files(config):
            findings.append(Finding(source, f"none with a CSV of its true boxes beside it in {path}", "missing"))
        elif path.is_dir():
            findings.append(Finding(source, f"present at {path}"))
        else:
            findings.append(Finding(source, f"missing at {path}; ask for it: {RAW_DATA[source]}", "missing"))
    return findings


def _weights(config: Config) -> list[Finding]:
    findings = []
    for name, weights in config.weights.items():
        topic = f"weights.{name}"
        fetched = f"fetched from {weights.url} where needed" if weights.url else "and no url to fetch it from"
        if weights.path and Path(weights.path).is_file():
            finding = Finding(topic, f"present at {weights.path}")
        elif weights.path:
            finding = Finding(topic, f"missing at {weights.path}; {fetched}", "missing")
        else:
            finding = Finding(topic, fetched, "ok" if weights.url else "missing")
        if weights.sha256 is None:
            finding = Finding(topic, f"{finding.found}; no sha256 is stated, so it is not opened", "missing")
        findings.append(finding)
    return findings
