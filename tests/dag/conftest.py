"""A copy of the checkout that tests may change, and a tiny run in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.dag.checkout import copy_checkout
from tests.dag.dry_run import WORDS, DryRun
from tests.once import once


@dataclass(frozen=True)
class Checkout:
    """A checkout in a temporary folder, and the python that runs Snakemake in it."""

    root: Path
    python: Path

    def snakemake(self, *arguments: str, config: str | None = "config/tiny.yaml") -> str:
        """Run Snakemake here and return all that it prints; fail the test if it fails. None names no config."""
        command = [str(self.python), "-m", "snakemake", "--cores", "2", *arguments]
        command += ["--configfile", config] if config is not None else []
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def planned(self, *arguments: str, config: str = "config/tiny.yaml") -> dict[str, int]:
        """Jobs by rule that a dry run would run, without the target rule `all`."""
        plan = self.snakemake("--dry-run", *arguments, config=config)
        table = re.search(r"^job +count\n[- ]+\n(.*?)^total", plan, re.MULTILINE | re.DOTALL)
        if table is None:
            assert "Nothing to be done" in plan, plan
            return {}
        rows = (line.split() for line in table.group(1).splitlines())
        return {rule: int(count) for rule, count in rows if rule != "all"}

    def plan(self, *words: str, config: str = "config/tiny.yaml") -> dict[str, Any]:
        """What `uncover plan` foretells, as it prints it for programs."""
        command = [str(self.python), "-m", "uncover.cli", "plan", *words, "--configfile", config, "--json"]
        environment = os.environ | {"PYTHONPATH": str(self.root / "src")}
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def foretold(self) -> tuple[dict[str, int], dict[str, set[str]]]:
        """By rule, jobs that would run and why, as `uncover plan` says it."""
        jobs: Counter[str] = Counter()
        causes: dict[str, set[str]] = {}
        for job in self.plan()["by_job"]:
            rule = job["job"].split("/")[0]
            jobs[rule] += 1
            causes.setdefault(rule, set()).add(job["because"])
        return dict(jobs), causes

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands exactly once in a file."""
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
        file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="session")
def plain_checkout(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout without results. Do not change it."""
    root = tmp_path_factory.mktemp("checkout")
    copy_checkout(root)
    return Checkout(root, python)


@pytest.fixture(scope="session")
def dry_run_of(plain_checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], DryRun]:
    """The dry run of all jobs of a config, without any raw data."""

    def dry_run_of(config: str) -> DryRun:
        def make(folder: Path) -> None:
            text = plain_checkout.snakemake(*WORDS, config=f"config/{config}.yaml")
            (folder / "plan.txt").write_text(text, encoding="utf-8")

        folder = once(tmp_path_factory, f"dry_run_{config}", make)
        return DryRun(config, (folder / "plan.txt").read_text(encoding="utf-8"))

    return dry_run_of


@pytest.fixture(scope="session")
def finished_checkout(plain_checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which the tiny run is complete. Do not change it."""

    def make(folder: Path) -> None:
        checkout = Checkout(folder / "checkout", plain_checkout.python)
        shutil.copytree(plain_checkout.root, checkout.root, symlinks=True)
        checkout.snakemake()

    return Checkout(once(tmp_path_factory, "finished", make) / "checkout", plain_checkout.python)


@pytest.fixture
def replanned(finished_checkout: Checkout, tmp_path: Path) -> Checkout:
    """The same for a test that changes code or config and removes results, but writes none: they are shared."""
    root = tmp_path / "checkout"
    whole = finished_checkout.root
    shutil.copytree(whole, root, symlinks=True, ignore=lambda folder, _: ["results"] if Path(folder) == whole else [])
    shutil.copytree(whole / "results", root / "results", symlinks=True, copy_function=os.link)
    return Checkout(root, finished_checkout.python)


@pytest.fixture
def own_checkout(finished_checkout: Checkout, tmp_path: Path) -> Checkout:
    """The same for one test, which may change it."""
    root = tmp_path / "checkout"
    shutil.copytree(finished_checkout.root, root, symlinks=True)
    return Checkout(root, finished_checkout.python)
