"""The workflow from other folders, and as a module of other workflows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.dag.checkout import REPOSITORY, TINY
from tests.dag.conftest import Checkout
from tests.dag.dry_run import DryRun

TARGETS = ("results/tiny/tables/table_02.csv", "results/tiny/figures/figure_15.png")

OUTER = """\
configfile: "outer.yaml"


module faces:
    snakefile: {snakefile}
    config: config["faces"]


use rule * from faces as faces_*


use rule table_02 from faces as faces_table_02 with:
    threads: 2


rule count_rows:
    default_target: True
    input:
        "results/tiny/tables/table_02.csv",
    output:
        "rows.txt",
    shell:
        "wc -l < {{input}} > {{output}}; echo ${{{{PIP_NO_DEPS-unset}}}} >> {{output}}"
"""

# What snakedeploy writes, but for the place of the Snakefile.
DEPLOYED = """\
from snakemake.utils import min_version


min_version("6.10.0")


configfile: "config/config.yaml"


# declare https://github.com/... as a module
module uncover:
    snakefile:
        {snakefile}
    config:
        config


# use all rules from https://github.com/...
use rule * from uncover
"""


# As much of GitPython, which we leave out of the environment, as Snakemake needs to read a file of a repository.
GIT = """\
import os
import subprocess
from types import SimpleNamespace


class GitCommandError(Exception):
    pass


class exc:
    GitCommandError = NoSuchPathError = InvalidGitRepositoryError = GitCommandError


class Repo:
    def __init__(self, path, search_parent_directories=False):
        path = path if os.path.isdir(path) else os.path.dirname(path)

        def ask(verb):
            return lambda *words: subprocess.check_output(["git", verb, *words], cwd=path, text=True).strip("\\n")

        self.git = SimpleNamespace(show=ask("show"), rev_parse=ask("rev-parse"))
"""


@pytest.fixture
def folder(plain_checkout: Checkout, tmp_path: Path) -> Checkout:
    """A folder that is no checkout; its name has a space and an umlaut."""
    root = tmp_path / "else wö"
    root.mkdir()
    return Checkout(root, plain_checkout.python)


def outer_workflow(folder: Checkout, snakefile: str) -> None:
    (folder.root / "Snakefile").write_text(OUTER.format(snakefile=snakefile), encoding="utf-8")
    text = yaml.safe_dump({"faces": yaml.safe_load(TINY)})
    (folder.root / "outer.yaml").write_text(text, encoding="utf-8")


def local(checkout: Checkout) -> str:
    return repr(str(checkout.root / "workflow" / "Snakefile"))


def run(folder: Checkout, *words: str, python: Path | None = None, **variables: str) -> tuple[int, str]:
    command = [str(python or folder.python), "-m", "snakemake", "--cores", "2", *words]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | variables
    done = subprocess.run(command, cwd=folder.root, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def failure(folder: Checkout, *words: str, python: Path | None = None, **variables: str) -> str:
    code, said = run(folder, "--dry-run", *words, python=python, **variables)
    assert code == 1 and "Traceback" not in said
    return said


@pytest.mark.whole_run
@pytest.mark.parametrize("named", ["workflow/Snakefile", "Snakefile"])
def test_the_snakefile_can_be_named_from_any_folder(
    plain_checkout: Checkout, dry_run_of: Callable[[str], DryRun], folder: Checkout, named: str
) -> None:
    root = plain_checkout.root
    tiny = str(root / "config/tiny.yaml")
    there = Counter(rule for rule, _ in dry_run_of("tiny").jobs)
    assert folder.planned("-s", str(root / named), config=tiny) == there
    elsewhere = Checkout(root, plain_checkout.python)
    plan = elsewhere.snakemake("--dry-run", "-s", named, "--directory", str(folder.root), *TARGETS, config=tiny)
    assert f"Working directory: {folder.root}" in plan and "figure_15" in plan


def test_without_a_config_it_is_the_demo_of_the_checkout(plain_checkout: Checkout, folder: Checkout) -> None:
    made = "results/demo/raw/wflw/synthetic.json"
    plan = folder.snakemake("--dry-run", made, "-s", str(plain_checkout.root / "workflow/Snakefile"), config=None)
    assert f"output: {made}" in plan


@pytest.mark.whole_run
def test_another_workflow_imports_it_as_a_module(plain_checkout: Checkout, folder: Checkout) -> None:
    outer_workflow(folder, local(plain_checkout))
    said = folder.snakemake("--printshellcmds", config=None)
    assert "rule faces_read_faces:" in said and "rule count_rows:" in said
    assert re.search(r"rule faces_table_02:(\n    .*)*\n    threads: 2", said)
    rows = len((folder.root / TARGETS[0]).read_text(encoding="utf-8").splitlines())
    counted, variable = (folder.root / "rows.txt").read_text(encoding="utf-8").split()
    # What our environments need does not reach those of others.
    assert int(counted) == rows > 1 and variable == "unset"
    assert "Nothing to be done" in folder.snakemake("--dry-run", config=None)
    # All of it, checkpoints and functions of inputs among it.
    everything = folder.planned("faces_all", config="outer.yaml")
    whole = plain_checkout.planned()
    assert {f"faces_{rule}" for rule in whole} - everything.keys() <= {
        f"faces_{rule}" for rule in ("make_synthetic", "read_faces", "split_photos", "label_faces", "table_02")
    }
    assert everything["faces_train"] == whole["train"]


@pytest.mark.whole_run
def test_what_snakedeploy_makes_starts_from_the_config_that_it_copies(
    plain_checkout: Checkout, folder: Checkout
) -> None:
    shutil.copytree(REPOSITORY / "config", folder.root / "config")
    (folder.root / "workflow").mkdir()
    (folder.root / "workflow/Snakefile").write_text(DEPLOYED.format(snakefile=local(plain_checkout)), encoding="utf-8")
    demo = folder.planned(config="config/config.yaml")
    assert demo == plain_checkout.planned(config="config/demo.yaml")
    assert folder.snakemake("--dry-run", config=None).count("rule read_faces:") == 2


@pytest.mark.whole_run
def test_a_module_that_snakemake_fetches_from_git_uses_the_package_that_is_installed(
    plain_checkout: Checkout, folder: Checkout, tmp_path: Path
) -> None:
    root = tmp_path / "repository"
    shutil.copytree(plain_checkout.root, root)
    shutil.rmtree(root / "src")
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "all")):
        name = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        subprocess.run(["git", *name, *words], cwd=root, check=True)
    outer_workflow(folder, f'gitfile({str(root)!r}, path="workflow/Snakefile", ref="HEAD")')
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/git.py").write_text(GIT, encoding="utf-8")
    code, said = run(folder, python=Path(sys.executable), PYTHONPATH=str(tmp_path / "modules"))
    assert code == 0 and (folder.root / "rows.txt").exists(), said
    _, again = run(folder, "--dry-run", python=Path(sys.executable), PYTHONPATH=str(tmp_path / "modules"))
    assert "Nothing to be done" in again


def test_what_moves_outputs_but_not_commands_is_refused(plain_checkout: Checkout, folder: Checkout) -> None:
    outer_workflow(folder, f'{local(plain_checkout)}\n    prefix: "thesis"')
    said = failure(folder)
    assert (
        "results/tiny/report.html is moved to thesis/results/tiny/report.html" in said
        and "remove prefix and storage of the module" in said
    )


def test_a_module_needs_a_config(plain_checkout: Checkout, folder: Checkout) -> None:
    outer_workflow(folder, local(plain_checkout))
    (folder.root / "outer.yaml").write_text("faces: {}\n", encoding="utf-8")
    assert "config: key run is missing" in failure(folder)


@pytest.mark.whole_run
def test_a_workflow_without_its_package_is_one_line(plain_checkout: Checkout, folder: Checkout, tmp_path: Path) -> None:
    root = tmp_path / "without"
    shutil.copytree(plain_checkout.root / "workflow", root / "workflow")
    # The package is installed from a checkout here, whose folder this takes out of sight; a python that starts at once
    # has it already.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.path[:] = [path for path in sys.path if not path.endswith('/src')]\n", encoding="utf-8"
    )
    said = failure(
        folder, "-s", str(root / "workflow/Snakefile"), python=Path(sys.executable), PYTHONPATH=str(tmp_path)
    )
    assert "the package uncover is neither beside this workflow nor installed" in said
