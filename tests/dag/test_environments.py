"""conda and containers: what is finished stays so; jobs run this checkout with the packages of the environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.dag.checkout import TINY, copy_checkout
from tests.dag.conftest import Checkout
from tests.once import once

TARGET = "results/tiny/raw/hof/synthetic.json"

# As much of conda as a dry run asks for.
CONDA = """\
#!/bin/sh
case "$1 $2" in
  "info --json") echo '{"conda_prefix": "/nowhere", "platform": "linux-64"}' ;;
  "--version ") echo "conda 25.1.1" ;;
  "config --get") echo '{"get": {"channel_priority": "strict"}}' ;;
  *) exit 9 ;;
esac
"""

# Runs a command on this machine as the program runs it in a container: with the PATH of the image, which is a folder,
# and the variables that are meant for it. What it was told is kept.
CONTAINERS = """\
#!{python} -IS
import json, os, sys

if sys.argv[1:] == ["--version"]:
    sys.exit(print("{name} version 4.1.3"))
*words, image, shell, option, command = sys.argv[1:]
name = "{name}".upper()
told = {{"words": words, "image": image, "command": command, "bound": os.environ.get(f"{{name}}_BIND", "").split(",")}}
with open("{record}", "a") as record:
    print(json.dumps(told), file=record)
environment = {{key: value for key, value in os.environ.items() if not key.startswith(("APPTAINER", "SINGULARITY"))}}
first = os.environ.get(f"{{name}}ENV_PREPEND_PATH", "")
environment["PATH"] = ":".join([first, os.path.join(image, "bin"), "/usr/bin", "/bin"])
os.execvpe(shell, [shell, option, command], environment)
"""

OUTER = """\
module faces:
    snakefile: {snakefile!r}
    config: {config!r}


use rule * from faces as faces_*


rule theirs:
    default_target: True
    output: "theirs.txt"
    conda: "theirs.yaml"
    shell: "touch {{output}}"
"""


def write_program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return file


@pytest.fixture(scope="module")
def made(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which one file is made, in a folder whose name has a space. Do not change it."""

    def make(folder: Path) -> None:
        copy_checkout(folder / "my checkout")
        Checkout(folder / "my checkout", python).snakemake(TARGET)

    return Checkout(once(tmp_path_factory, "made", make) / "my checkout", python)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the programs that stand for conda and the like, first on the PATH; and what containers were told."""
    folder = tmp_path / "programs"
    write_program(folder / "conda", CONDA)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def write_containers(programs: Path, python: Path, name: str) -> Path:
    text = CONTAINERS.format(python=shutil.which("python3") or python, name=name, record=programs / "told.jsonl")
    return write_program(programs / name, text)


@pytest.fixture
def image(programs: Path, python: Path, tmp_path: Path) -> Path:
    """A folder that stands for an image. Its python tells where the code of a job comes from."""
    folder = tmp_path / "image.sif"
    marks = programs / "code.txt"
    write_program(folder / "bin/python", f'#!/bin/sh\necho "${{PYTHONPATH%%:*}}" >> {marks}\nexec {python} "$@"\n')
    return folder


@pytest.mark.whole_run
def test_what_is_finished_stays_so_in_another_environment(made: Checkout, programs: Path, image: Path) -> None:
    write_containers(programs, made.python, "apptainer")
    for words in (["conda"], ["apptainer", "--config", f"cluster={{container: {image}}}"]):
        assert made.planned(TARGET, "--sdm", *words) == {}, words
    # Other changes count as before, and so does this one for who says so.
    assert made.planned(TARGET, "--config", "synthetic={seed: 4}", "--sdm", "conda") == {"make_synthetic": 1}
    assert made.planned(TARGET, "--sdm", "conda", "--rerun-triggers", "software-env") == {"make_synthetic": 1}


@pytest.mark.whole_run
@pytest.mark.parametrize(
    "words",
    [
        ("--workflow-profile", "none"),
        ("--workflow-profile", "workflow/profiles/workstation"),
        ("--workflow-profile", "none", "--executor", "slurm", "--jobs", "2"),
        ("-s", "workflow/Snakefile"),
    ],
)
def test_so_it_does_however_it_is_started(made: Checkout, programs: Path, words: tuple[str, ...]) -> None:
    assert made.planned(TARGET, *words, "--sdm", "conda") == {}


@pytest.mark.whole_run
def test_what_was_made_in_a_container_stays_so_without(
    plain_checkout: Checkout, programs: Path, image: Path, tmp_path: Path
) -> None:
    write_containers(programs, plain_checkout.python, "apptainer")
    folder = Checkout(tmp_path, plain_checkout.python)
    config = str(plain_checkout.root / "config/tiny.yaml")
    here = ("-s", str(plain_checkout.root / "workflow/Snakefile"))
    folder.snakemake(TARGET, *here, "--sdm", "apptainer", "--config", "cluster={container: image.sif}", config=config)
    assert (programs / "told.jsonl").exists()
    for words in ([], ["--sdm", "conda"]):
        assert folder.planned(TARGET, *here, *words, config=config) == {}


@pytest.mark.whole_run
def test_the_triggers_of_a_workflow_that_imports_this_one_stay(
    plain_checkout: Checkout, programs: Path, tmp_path: Path
) -> None:
    outer = Checkout(tmp_path / "outer", plain_checkout.python)
    outer.root.mkdir()
    (outer.root / "theirs.yaml").write_text("dependencies: [python]\n", encoding="utf-8")
    values = {**yaml.safe_load(TINY), "cluster": {"container": "ours.sif"}}
    text = OUTER.format(snakefile=str(plain_checkout.root / "workflow/Snakefile"), config=values)
    (outer.root / "Snakefile").write_text(text, encoding="utf-8")
    outer.snakemake("theirs", config=None)
    plan = outer.snakemake("--dry-run", "theirs", "--sdm", "conda", config=None)
    assert "rule theirs:" in plan and "oftware environment definition has changed" in plan


@pytest.mark.whole_run
@pytest.mark.parametrize("name", ["apptainer", "singularity"])
def test_a_job_in_a_container_runs_this_code_with_the_packages_of_the_image(
    plain_checkout: Checkout,
    programs: Path,
    image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    if name == "singularity" and shutil.which("apptainer"):
        pytest.skip("Snakemake takes the apptainer of this machine")
    write_containers(programs, plain_checkout.python, name)
    monkeypatch.setenv(f"{name.upper()}_BIND", "/data")
    monkeypatch.setenv(f"{name.upper()}ENV_PREPEND_PATH", "/opt/theirs")
    elsewhere = tmp_path / "else wö"
    elsewhere.mkdir()
    code = plain_checkout.root
    plain_checkout.snakemake(
        TARGET,
        *("--directory", str(elsewhere), "--sdm", "apptainer", "--apptainer-args", "--nv --bind /scratch"),
        *("--config", f"cluster={{container: {image}}}"),
        config=str(code / "config/tiny.yaml"),
    )
    assert json.loads((elsewhere / TARGET).read_text(encoding="utf-8"))
    (told,) = map(json.loads, (programs / "told.jsonl").read_text(encoding="utf-8").splitlines())
    assert told["image"] == str(image) and "uncover make_synthetic" in told["command"]
    assert {"--nv", "/scratch"} <= set(told["words"])
    # The checkout lies elsewhere, so the container sees it only where it is bound. What was set before stays.
    assert told["bound"] == [str(code), "/data"]
    assert set((programs / "code.txt").read_text(encoding="utf-8").split()) == {str(code / "src")}


@pytest.mark.whole_run
def test_a_job_in_a_container_runs_the_frozen_code(
    plain_checkout: Checkout, programs: Path, image: Path, tmp_path: Path
) -> None:
    write_containers(programs, plain_checkout.python, "apptainer")
    folder = Checkout(tmp_path / "run", plain_checkout.python)
    folder.root.mkdir()
    folder.snakemake(
        TARGET,
        *("-s", str(plain_checkout.root / "workflow/Snakefile"), "--sdm", "apptainer"),
        *("--config", f"cluster={{container: {image}, freeze: always}}"),
        config=str(plain_checkout.root / "config/tiny.yaml"),
    )
    (copy,) = (folder.root / "results/tiny/code").iterdir()
    assert set((programs / "code.txt").read_text(encoding="utf-8").split()) == {str(copy / "src")}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("run=tiny", "--sdm apptainer: no image is set in the config; set one"),
        pytest.param(
            "cluster={container: away.sif}",
            "key cluster.container: away.sif does not exist in ",
            marks=pytest.mark.whole_run,
        ),
        pytest.param(
            "cluster={container: my image.sif}",
            "key cluster.container: expected letters, digits",
            marks=pytest.mark.whole_run,
        ),
    ],
)
def test_without_an_image_nothing_runs_on_this_machine_instead(
    plain_checkout: Checkout, programs: Path, config: str, message: str
) -> None:
    write_containers(programs, plain_checkout.python, "apptainer")
    command = [str(plain_checkout.python), "-m", "snakemake", "-n", TARGET, "--sdm", "apptainer", "--config", config]
    done = subprocess.run(command, cwd=plain_checkout.root, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and message in said and "Traceback" not in said
