"""Snakemake as others have it: with other private names, or with a Python that lacks what the workflow takes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.dag.checkout import copy_checkout
from tests.workflow.test_engine import DOCUMENTED, ROOT, asked_of_the_workflow

SNAKEFILE = ROOT.parents[1] / "workflow" / "Snakefile"
SYNTHETIC = "results/tiny/raw/wflw/synthetic.json"


def run(checkout: Path, script: str, *words: str) -> tuple[int, str]:
    """Run Snakemake in a process of its own, after some code."""
    start = f"{script}\nimport sys\nfrom snakemake.cli import main\nsys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", start, *words, "--cores", "1", "--configfile", "config/tiny.yaml"],
        cwd=checkout,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    copy_checkout(folder)
    return folder


HIDING = """
import snakemake.cli
from snakemake.workflow import Workflow

class Public:
    def __init__(self, inner):
        self.__dict__["inner"] = inner

    def __getattr__(self, name):
        if name in {hidden}:
            raise AttributeError(name)
        return getattr(self.inner, name)

    def __setattr__(self, name, value):
        setattr(self.inner, name, value)

begin = Workflow.__post_init__

def begin_in_public(self, *words):
    begin(self, *words)
    self.globals["workflow"] = Public(self)

Workflow.__post_init__ = begin_in_public
"""


@pytest.mark.whole_run
def test_a_run_on_this_machine_needs_no_private_name(checkout: Path) -> None:
    own = (ROOT / "workflow" / "engine.py").read_text(encoding="utf-8")
    hidden = asked_of_the_workflow(ROOT / "workflow" / "engine.py") | set(re.findall(r'_asked\(workflow, "(\w+)', own))
    hidden -= DOCUMENTED
    assert {"executor_plugin", "config_settings", "scheduler", "dag", "rules", "touch", "is_main_process"} <= hidden
    script = HIDING.format(hidden=hidden)
    code, text = run(checkout, script, SYNTHETIC)
    assert code == 0 and (checkout / SYNTHETIC).is_file(), text
    (line,) = [line for line in text.splitlines() if "assuming that jobs run on this machine" in line]
    assert f"snakemake {version('snakemake')}" in line
    (record,) = checkout.glob("results/tiny/record/*/run.json")
    assert '"executor": "local"' in record.read_text() and ".snakemake.log" in record.read_text()
    code, text = run(checkout, "", SYNTHETIC, "--dry-run")
    assert code == 0 and "Nothing to be done" in text


BLOCKING = """
import sys
import snakemake.cli, snakemake.persistence

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in list(sys.modules):
    if name.partition(".")[0] in {blocked}:
        del sys.modules[name]
sys.meta_path.insert(0, Absent())
"""


def needed() -> dict[str, str]:
    (text,) = re.findall(r"^NEEDED = (\{.*?^\})", SNAKEFILE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return eval(text)


def test_what_snakemakes_own_python_lacks_is_one_line(checkout: Path) -> None:
    lacking = list(needed())
    code, text = run(checkout, BLOCKING.format(blocked=set(lacking)), "--dry-run", "--sdm", "conda")
    assert code == 1 and "Traceback" not in text
    assert f"Snakemake's Python has no {', '.join(lacking)}, which this workflow needs" in text
    assert f"{sys.executable} -m pip install {' '.join(needed()[name] for name in lacking)}\n" in text
    assert ".venv/bin/snakemake" in text


@pytest.mark.whole_run
def test_an_older_pydantic_is_said(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "pydantic.py").write_text("VERSION = '1.10.2'\n")
    script = BLOCKING.format(blocked={"pydantic"}).replace(
        "sys.meta_path.insert(0, Absent())", f"sys.path.insert(0, {str(tmp_path)!r})"
    )
    code, text = run(checkout, script, "--dry-run")
    assert code == 1 and "has no pydantic, which" in text and "-m pip install 'pydantic>=2'\n" in text


@pytest.mark.whole_run
def test_reading_the_workflow_takes_nothing_else(checkout: Path) -> None:
    others = {"av", "filterpy", "markdown_it", "matplotlib", "pillow_heif", "rich", "scipy", "torch"}
    others |= {"facenet_pytorch", "facexlib", "pytorch_grad_cam", "torchvision", "ultralytics", "yolov5"}
    code, text = run(checkout, BLOCKING.format(blocked=others), SYNTHETIC, "--dry-run")
    assert code == 0, text


def test_reading_the_workflow_takes_all_that_is_asked_for() -> None:
    lines = [line for line in SNAKEFILE.read_text(encoding="utf-8").splitlines() if line.startswith("from uncover")]
    found = f"print(*sorted(set({sorted(needed())}) & set(sys.modules)))"
    script = "\n".join(["import sys", *lines, "registry.load()", found])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(needed())
