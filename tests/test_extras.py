"""Packages outside the core: everything else imports without them, and a line names the extra that brings them."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from uncover import extras

OUTSIDE = {
    "snakemake",
    "snakemake_executor_plugin_slurm",
    "snakemake_interface_executor_plugins",
    "jinja2",
    "markupsafe",
}
OUTSIDE |= {"markdown_it", "matplotlib", "packaging", "pytorch_grad_cam", "sklearn", "facenet_pytorch", "facexlib"}
OUTSIDE |= {"ultralytics", "onnxruntime", "yolov5", "torchvision"}

NEED = {
    "uncover.baselines.mtcnn": "facenet_pytorch",
    "uncover.baselines.retinaface": "facexlib",
    "uncover.baselines.quiet_ultralytics": "torchvision",
    "uncover.baselines.yolo11": "torchvision",
    "uncover.baselines.torchvision_detector": "torchvision",
    "uncover.baselines.retinanet": "torchvision",
    "uncover.baselines.faster_rcnn": "torchvision",
    "uncover.report.page": "markdown_it",
    "uncover.workflow.packages": "packaging",
    "uncover.workflow.plan": "packaging",
}
"""Modules that do not import without a package outside the core (torchvision is in it, and may not fit torch)."""

BLOCK = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {outside}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""

IMPORT_ALL = """
import importlib, json, pkgutil
import uncover

missing = {}
for module in pkgutil.walk_packages(uncover.__path__, "uncover."):
    if module.name == "uncover.__main__":
        continue
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        missing[module.name] = error.name
print(json.dumps(missing))
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    code = BLOCK.format(outside=sorted(OUTSIDE)) + script
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


@pytest.mark.whole_run
def test_modules_import_with_the_core_alone() -> None:
    done = run(IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    found = {module: name.partition(".")[0] for module, name in json.loads(done.stdout).items()}
    assert found == NEED


RUN_THEM = """
import contextlib, io, json
from uncover.cli import main

lines = []
for words in {commands}:
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        lines.append([main(words), errors.getvalue().splitlines()[-1]])
print(json.dumps(lines))
"""


def test_a_command_that_needs_an_extra_names_it(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "photos" / "a.png")
    commands = {
        "workflow": ["plan", "--configfile", "config/tiny.yaml"],
        "baselines": ["predict", "baseline", "mtcnn", str(tmp_path / "photos"), "--out", str(tmp_path / "boxes")],
    }
    done = run(RUN_THEM.format(commands=list(commands.values())))
    assert done.returncode == 0, done.stderr
    for (extra, words), (code, line) in zip(commands.items(), json.loads(done.stdout), strict=True):
        assert code == 2 and line.startswith(f"uncover {words[0]}"), line
        assert line.endswith(f"which is not installed; run: pip install 'uncover[{extra}]'"), line


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("snakemake.cli", "'uncover[workflow]'"),
        ("snakemake_interface_executor_plugins", "'uncover[workflow]'"),
        ("jinja2", "'uncover[workflow]'"),
        ("facenet_pytorch", "'uncover[baselines]'"),
        ("onnxruntime", "'uncover[baselines]'"),
        ("pytorch_grad_cam", "'uncover[grad-cam]'"),
        ("ultralytics", "--no-deps 'ultralytics>=8.4'"),
        ("cv2", "opencv-python-headless"),
        ("filterpy.kalman", "filterpy"),
    ],
)
def test_how_to_install_a_module(module: str, words: str) -> None:
    assert extras.describe_missing(module).endswith(f"which is not installed; run: pip install {words}")


def test_modules_have_the_distributions_of_the_table() -> None:
    found = importlib.metadata.packages_distributions()
    for module, distribution in extras.DISTRIBUTIONS.items():
        if module != "markupsafe":  # jinja2 brings it
            assert distribution in {each.lower() for each in found[module]}, module
