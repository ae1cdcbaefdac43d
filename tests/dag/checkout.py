"""Copies of the checkout that tests may change, and the tiny run in them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
NEEDED = ("Snakefile", "workflow", "config", "envs", "src")

TINY = """\
run: tiny
raw: {synthetic: true, grades: {"*": null, none: none, hard: hard}}
synthetic:
  seed: 3
  size: 96
  wflw: {train: 4, test: 6}
  merl_rav: {train: 6, test: 6}
  hof: 2
  slapi: {none: 1, easy: 1, medium: 1, hard: 1}
  preterm_web: 2
splits:
  wflw: {train: null, val: 1, test: null}
  merl_rav: {train: null, val: 1, test: null}
detectors:
  rgb10: &rgb {model: yolov5n, weights: scratch, epochs: 1, batch: 4, image_size: 64}
  rgb1: {<<: *rgb, classes: whole_face}
  gradcampp_avg: &whole {<<: *rgb, classes: whole_face}
  hirescam_avg: *whole
  gradcampp_10: *whole
  hirescam_10: *whole
  variants:
    "*": null
    of_the_mean: {heatmaps: hirescam, input: mean}
    of_drawn_boxes: {role: control, heatmaps: drawn_boxes}
baselines: {detectors: [mtcnn, viola_jones]}
evolution: {generations: 2, epochs: 1}
prediction: {bootstrap: 10}
heatmaps: {variants: null, target: T1, confidence: 0.001}
"""


def smaller() -> dict[str, Any]:
    """The config of fewer jobs, for who starts each of them on a cluster."""
    values = yaml.safe_load(TINY)
    values["raw"]["grades"] = {"*": None, "hard": "hard"}
    values["detectors"]["variants"] = None
    values["baselines"]["detectors"] = ["viola_jones"]
    values["evolution"]["generations"] = 0
    return values


def _left_out(folder: str, names: list[str]) -> list[str]:
    """What is no source; but what was read of the sources before (uncover.workflow.source) spares seconds."""
    compiled = Path(folder).name == "__pycache__"
    return [name for name in names if name.endswith(".egg-info") or (compiled and not name.startswith("sources-"))]


def copy_checkout(root: Path) -> None:
    """Copy all that a run is made from, and add the configs of the tests."""
    root.mkdir(parents=True, exist_ok=True)
    for name in NEEDED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=_left_out)
        else:
            shutil.copy(source, root / name)
    (root / "config" / "tiny.yaml").write_text(TINY, encoding="utf-8")
