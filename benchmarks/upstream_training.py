"""Upstream's side of `make bench-train`: environment, data folder, and command line for our settings."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from uncover.config.detectors import Detector
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE

HERE = Path(__file__).parent / "upstream"
REQUIREMENTS, RUNNER = HERE / "requirements.txt", HERE / "run_upstream.py"
BIN = Path(sys.executable).parent
VERSIONS = ("yolov5", "torch", "torchvision", "numpy", "opencv-python-headless")


def make_environment(folder: Path) -> Path:
    """Install the locked requirements, if not done yet; returns the environment's Python."""
    ready, wanted = folder / ".ready", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    python = folder / "bin" / "python"
    if ready.exists() and ready.read_text() == wanted:
        return python
    print(f"upstream: creating its environment in {folder}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    options = ["--quiet", "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS)]
    # uv is much faster than pip, but ignores an index that is configured for pip only.
    uv = [BIN / "uv", "pip", "install", "--compile-bytecode", "--python", python, *options]
    if subprocess.run(uv, check=False).returncode != 0:
        subprocess.run([python, "-m", "pip", "install", *options], check=True)
    _write_font(folder / "config" / "Arial.ttf")
    ready.write_text(wanted)
    return python


def environment(folder: Path) -> dict[str, str]:
    """Environment variables that upstream 7.0.14 needs to run with these packages and offline."""
    settings = str(folder / "config")
    return {
        # Checkpoints are pickles.
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
        "YOLOV5_CONFIG_DIR": settings,
        "YOLO_CONFIG_DIR": settings,
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        "HF_HUB_OFFLINE": "1",
        "MPLBACKEND": "agg",
        # torch warns about a deprecated name in every batch.
        "PYTHONWARNINGS": "ignore",
    }


def versions(python: Path) -> dict[str, str]:
    """Versions of the relevant packages in upstream's environment."""
    code = f"import json; from importlib.metadata import version; print(json.dumps([version(n) for n in {VERSIONS}]))"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout
    return dict(zip(VERSIONS, json.loads(found), strict=True))


def lay_out(data: Path, settings: Detector, folder: Path) -> Path:
    """Write links to the photos, and labels of the classes in the settings; returns the data.yaml.

    Upstream writes a cache beside the labels, so it gets a separate folder.
    """
    shutil.rmtree(folder, ignore_errors=True)
    whole_face_only = settings.classes == "whole_face"
    for part in ("train", "val"):
        images, labels = folder / part / "images", folder / part / "labels"
        images.mkdir(parents=True)
        labels.mkdir()
        for photo in sorted((data / part / "images").iterdir()):
            (images / photo.name).symlink_to(photo.resolve())
        for file in sorted((data / part / "labels").glob("*.txt")):
            text = file.read_text(encoding="utf-8")
            if whole_face_only:
                rows = (row.split(maxsplit=1) for row in text.splitlines() if row.strip())
                text = "".join(f"0 {box}\n" for label, box in rows if int(label) == WHOLE_FACE)
            (labels / file.name).write_text(text, encoding="utf-8")
    names = [CLASS_NAMES[WHOLE_FACE]] if whole_face_only else list(CLASS_NAMES)
    sets = {"path": str(folder.resolve()), "train": "train/images", "val": "val/images"}
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump(sets | {"names": dict(enumerate(names))}), encoding="utf-8")
    return path


def command(
    python: Path, data: Path, settings: Detector, weights: Path | None, out: Path, cache: str, device: str
) -> list[str | Path]:
    """Command of upstream's train.py with these settings; it writes the time of its first batch to out/events.jsonl."""
    hyperparameters = {name: value for name, value in settings.hyperparameters if value is not None}
    out.mkdir(parents=True)
    (out / "hyp.yaml").write_text(yaml.safe_dump(hyperparameters), encoding="utf-8")
    words: list[str | Path] = [python, RUNNER, out / "events.jsonl"]
    words += ["--data", data, "--hyp", out / "hyp.yaml", "--project", out, "--name", "run", "--noplots"]
    words += ["--weights", weights or "", *(() if weights else ("--cfg", f"{settings.model}.yaml"))]
    words += ["--epochs", str(settings.epochs), "--patience", str(settings.patience)]
    words += ["--batch-size", str(settings.batch), "--imgsz", str(settings.image_size), "--seed", str(settings.seed)]
    words += ["--optimizer", settings.optimizer, "--device", device.removeprefix("cuda:")]
    words += ["--cache", cache] if cache != "none" else []
    chosen = {
        "--rect": settings.rectangular,
        "--cos-lr": settings.schedule == "cosine",
        "--noautoanchor": not settings.autoanchor,
        "--multi-scale": settings.multi_scale,
        "--image-weights": settings.image_weights,
    }
    return words + [word for word, wanted in chosen.items() if wanted]


def refuse(settings: Detector) -> str | None:
    """Why upstream cannot train with these settings; None if it can."""
    if settings.nominal_batch != 64:
        return "nominal_batch: upstream's is always 64"
    if settings.precision != "float32":
        return "precision: upstream trains offline in float32 only"
    if settings.batch == "auto":
        return "batch: expected a number, because the two programs would choose different sizes"
    return None


def first_batch_seconds(out: Path, started: float) -> float:
    """Seconds from the start of the process to its first batch."""
    events = [json.loads(line) for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    return next(event["time"] for event in events if event["event"] == "first_batch") - started


def _write_font(path: Path) -> None:
    """Upstream downloads a font at its start, even without plots; provide any font instead."""
    import matplotlib

    path.parent.mkdir(parents=True)
    shutil.copyfile(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", path)
