"""envs/: the image holds what it is meant to hold and nothing of anybody's; conda's environment gets the whole lock."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ENVS = ROOT / "envs"
PRIVATE = (
    "data/raw/x.jpg",
    "data/raw/hof/frame 0001.PNG",
    "results/demo/report.html",
    "results/demo/code/abc/src/uncover/cli.py",
    "shared/real/a.jpg",
    "my_frames/clip.mp4",
    "meine Bilder/ü.jpeg",
    "weights.pt",
    "uncover.sif",
    "notes.txt",
    ".env",
    ".git/config",
    ".venv/lib/python3.11/site-packages/numpy/__init__.py",
    ".snakemake/log/run.log",
    ".mypy_cache/x.json",
    "benchmarks/out/times.csv",
    "envs/photo.jpg",
    "src/photo.jpg",
    "src/uncover/data/frame.png",
    "src/uncover/data/raw/infant.jpg",
    "src/uncover/data/infants.csv",
    "src/uncover/.DS_Store",
    "src/uncover/__pycache__/cli.cpython-311.pyc",
    "src/uncover.egg-info/PKG-INFO",
    "config/mine.yaml",
    "tests/test_envs.py",
    "docs/cluster.md",
    "README.md.bak",
)
"""Files that somebody may have in a checkout."""


def goes_along(path: str, patterns: list[str]) -> bool:
    """Whether Docker sends a file to a build: the last pattern that matches it, or a folder of it, decides."""
    sent = True
    parts = path.split("/")
    parents = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    for pattern in patterns:
        words = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("!").strip("/"))
        meanings = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        expression = "".join(meanings.get(word, re.escape(word)) for word in words)
        if any(re.fullmatch(expression, parent) for parent in parents):
            sent = pattern.startswith("!")
    return sent


def patterns() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def instructions() -> list[tuple[str, list[str]]]:
    """Of the Dockerfile: name and words."""
    text = (ENVS / "Dockerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ").splitlines()
    return [(line.split()[0], shlex.split(line)[1:]) for line in lines if line.strip()]


def copied() -> list[str]:
    """What the Dockerfile copies from the checkout."""
    return [
        source
        for name, words in instructions()
        if name in ("COPY", "ADD") and not any(word.startswith("--from=") for word in words)
        for source in words[:-1]
        if not source.startswith("--")
    ]


def sections_of_definition() -> dict[str, list[str]]:
    """Lines of envs/uncover.def by section; those before the first are under ""."""
    sections: dict[str, list[str]] = {"": []}
    name = ""
    for line in (ENVS / "uncover.def").read_text(encoding="utf-8").splitlines():
        if line.startswith("%"):
            name = line[1:].strip()
            sections[name] = []
        elif line.strip() and not line.strip().startswith("#"):
            sections[name].append(line.strip())
    return sections


def tracked() -> list[str]:
    """Files of the project, as git has them; where it does not answer, all that are of the package."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode == 0:
        return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.py")]


@pytest.mark.parametrize("path", PRIVATE)
def test_nothing_of_anybody_gets_into_an_image(path: str) -> None:
    assert not goes_along(path, patterns())


def test_the_image_gets_the_whole_package_and_nothing_that_it_does_not_copy() -> None:
    sent = {path for path in tracked() if goes_along(path, patterns())}
    assert {path for path in tracked() if path.startswith("src/")} <= sent
    for source in copied():
        assert (ROOT / source).exists()
        assert any(path == source or path.startswith(f"{source}/") for path in sent), source
    assert [path for path in sent if not any(path == each or path.startswith(f"{each}/") for each in copied())] == []


def test_the_image_agrees_with_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (python,) = {words[0] for name, words in instructions() if name == "FROM"}
    assert re.match(r"python:(\d+\.\d+)-", python).group(1) == project["requires-python"].removeprefix(">=")  # type: ignore[union-attr]
    assert f"--python-version {project['requires-python'].removeprefix('>=')} " in (ROOT / "Makefile").read_text()
    (entry,) = (words for name, words in instructions() if name == "ENTRYPOINT")
    assert entry == ["[uncover]"] and "uncover" in project["scripts"]
    # Setuptools reads these when it installs the package.
    assert {project["readme"], *project["license-files"], "pyproject.toml", "src"} <= set(copied())
    runs = [" ".join(words) for name, words in instructions() if name == "RUN"]
    assert [run for run in runs if "pip install" in run and "--no-cache-dir" not in run] == []
    # What builds stays in the first stage: the image gets the environment alone.
    last = [name for name, _ in instructions()][::-1].index("FROM")
    assert [words[-2:] for name, words in instructions()[-last:] if name in ("COPY", "RUN")] == [["/opt/uncover"] * 2]


def test_apptainer_builds_the_image_that_docker_does() -> None:
    sections = sections_of_definition()
    (base,) = {words[0] for name, words in instructions() if name == "FROM"}
    assert sections[""] == ["Bootstrap: docker", f"From: {base}"]
    moved = dict(line.split() for line in sections["files"])
    assert set(moved) == set(copied()) and all(place == f"/build/{source}" for source, place in moved.items())
    commands = [each for name, words in instructions() if name == "RUN" for each in " ".join(words).split(" && ")]
    assert [line for line in sections["post"] if line in commands] == [command.strip() for command in commands]
    assert sections["post"][-1] == "rm -rf /build"
    ((variables, _),) = [(words, name) for name, words in instructions() if name == "ENV"]
    assert sections["environment"] == [f"export {' '.join(variables)}"]
    assert sections["runscript"] == ['exec uncover "$@"']


@pytest.fixture(scope="module")
def make_conda() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_conda", ENVS / "make_conda.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_conda_gets_the_lock_as_it_is(make_conda: ModuleType) -> None:
    lock = (ENVS / "requirements.txt").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert (ENVS / "uncover.post-deploy.sh").read_text(encoding="utf-8") == make_conda.script(lock)
    assert lock in make_conda.script(lock) and "\nPINS\n" not in lock
    environment = yaml.safe_load((ENVS / "uncover.yaml").read_text(encoding="utf-8"))
    assert environment == yaml.safe_load(make_conda.environment(project))
    version = tomllib.loads(project)["project"]["requires-python"].removeprefix(">=")
    assert environment["dependencies"] == [f"python={version}", "pip"]


def wheel(folder: Path, name: str, demands: str = "") -> str:
    """Write a wheel of one module, and return its pin."""
    file = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{demands}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment with pip, in a folder that has a space."""
    folder = tmp_path / "my run" / "0ab1_"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    pip = importlib.util.find_spec("pip")
    assert pip is not None and pip.origin is not None
    (site / "pip").symlink_to(Path(pip.origin).parent, target_is_directory=True)
    return folder


def deploy(script: str, prefix: Path, wheels: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script in an environment as Snakemake does: behind the interpreter of its first line, without quotes."""
    file = Path(f"{prefix}.post-deploy.sh")
    file.write_text(script, encoding="utf-8")
    interpreter = script.splitlines()[0].removeprefix("#!").strip()
    environment = {"CONDA_PREFIX": str(prefix), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), **variables}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{interpreter} {file}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_the_script_installs_pins_alone_whatever_is_set_around_it(
    make_conda: ModuleType, prefix: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "second-1.0.dist-info").mkdir(parents=True)
    (elsewhere / "second-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: second\nVersion: 1.0\n")
    lock = wheel(tmp_path, "first", "Requires-Dist: a-package-that-is-not-there\n") + wheel(tmp_path, "second")
    lock += "third==1.0 ; python_full_version < '3' \\\n    --hash=sha256:" + "0" * 64 + "\n"
    around = {"PYTHONPATH": str(elsewhere), "PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1"}
    done = deploy(make_conda.script(lock), prefix, tmp_path, **around)
    assert done.returncode == 0, done.stdout + done.stderr
    (site,) = prefix.glob("lib/python*/site-packages")
    assert {path.name for path in site.glob("*.py")} == {"first.py", "second.py"}


@pytest.mark.parametrize("change", [("--hash=sha256:", "--hash=sha256:0"), (" \\\n    --hash", " #")])
def test_the_script_fails_with_a_package_that_is_not_that_of_the_lock(
    make_conda: ModuleType, prefix: Path, tmp_path: Path, change: tuple[str, str]
) -> None:
    lock = wheel(tmp_path, "first").replace(*change)
    done = deploy(make_conda.script(re.sub("(?<=sha256:)0(.{63}).", r"0\1", lock)), prefix, tmp_path)
    assert done.returncode != 0 and "hash" in (done.stdout + done.stderr).lower()
    assert list(prefix.glob("lib/python*/site-packages/first.py")) == []
