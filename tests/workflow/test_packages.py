"""Packages of other versions than those that made results, on plans and records made by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.workflow.planned import made, planned
from uncover.config.load import check_config
from uncover.workflow import packages
from uncover.workflow.digest import code_digest
from uncover.workflow.engine import Plan, PlannedJob
from uncover.workflow.packages import OtherVersion, other_versions, read_lock
from uncover.workflow.run_record import ENVIRONMENT, begin_record

CONFIG = check_config({"run": "a", "raw": {"synthetic": True}})
LOCK = Path("envs/requirements.txt")
BEFORE = {"torch": "2.15.0+cpu", "Pillow": "12.0", "snakemake": "9.1"}


def done(name: str, verb: str, number: int = 0, inputs: tuple[str, ...] = (), started: float = 2e9) -> PlannedJob:
    """A job that is not done again, whose code is that of a module of verbs."""
    params = {"code": repr(code_digest(f"uncover.commands.{verb}"))}
    changes = {"missing": (), "unmade": (), "made": made(started=started), "runs": False, "params": params}
    return dataclasses.replace(planned(name, number=number), inputs=inputs, **changes)  # type: ignore[arg-type]


LABELLED = done("label_faces/train", "data_sets")
TRAINED = done("train/rgb10", "train", 1, LABELLED.outputs)
FOUND = done("predict/rgb10/val", "predict", 2, TRAINED.outputs)
JOBS = [LABELLED, TRAINED, FOUND]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that BEFORE has made, and the same packages installed and in the lock."""
    monkeypatch.chdir(tmp_path)
    record = begin_record(Path("results/a"), CONFIG, tmp_path, {})
    (record.folder / ENVIRONMENT).write_text("".join(f"{name}=={version}\n" for name, version in BEFORE.items()))
    lock(torch="2.15.0", pillow="12.0", snakemake="9.1")
    installed(monkeypatch, torch="2.15.0+cpu", pillow="12.0", snakemake="9.1")


def lock(**versions: str) -> None:
    LOCK.parent.mkdir(exist_ok=True)
    LOCK.write_text("".join(f"{name}=={version} \\\n    --hash=sha256:0123\n" for name, version in versions.items()))


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    monkeypatch.setattr(packages, "_installed", lambda: versions)


def found(*jobs: PlannedJob) -> list[OtherVersion]:
    return other_versions(Plan(CONFIG, list(jobs or JOBS)), LOCK)


def test_the_same_versions_are_not_told_and_a_lock_does_not_know_builds() -> None:
    assert found() == []


def test_a_new_torch_in_the_lock_is_told_with_what_computes_with_it() -> None:
    lock(torch="2.16.0", pillow="12.0")
    (torch,) = found()
    # Labels are made without torch, and predictions follow from what is trained.
    assert torch == OtherVersion("torch", "2.15.0+cpu", "2.16.0", None, 2, ("train", "predict"), ("train",))
    assert str(torch) == (
        "torch 2.15.0+cpu -> 2.16.0 (envs/requirements.txt) since 2 of the jobs ran (train, predict): not a reason to"
        " rerun them; to rerun them anyway: snakemake --forcerun train"
    )


def test_a_new_torch_that_is_installed_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, torch="2.15.0+cu130")
    assert [str(each).partition(" since")[0] for each in found()] == ["torch 2.15.0+cpu -> 2.15.0+cu130 (installed)"]
    installed(monkeypatch, torch="2.16.0")
    lock(torch="2.16.0")
    assert [str(each).partition(" since")[0] for each in found()] == ["torch 2.15.0+cpu -> 2.16.0"]


def test_names_of_packages_are_compared_as_pip_does(monkeypatch: pytest.MonkeyPatch) -> None:
    lock(pillow="13.0")
    (pillow,) = found(LABELLED)
    assert (pillow.package, pillow.rules) == ("pillow", ("label_faces",))


def test_a_package_that_no_job_computes_with_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lock(snakemake="10.0")
    installed(monkeypatch, snakemake="10.0")
    assert found() == []


def test_what_will_be_done_again_needs_no_word() -> None:
    lock(torch="2.16.0")
    again = [dataclasses.replace(job, runs=True) for job in (TRAINED, FOUND)]
    assert found(LABELLED, *again) == []


def test_the_run_that_made_a_result_counts_not_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    record = begin_record(Path("results/a"), CONFIG, Path("."), {})
    (record.folder / ENVIRONMENT).write_text("torch==2.16.0\n")
    lock(torch="2.16.0")
    installed(monkeypatch, torch="2.16.0")
    old = done("train/rgb10", "train", started=record.started - 1.5)
    assert found(TRAINED) == []
    # Both records begin within the second that clocks may differ by, so the first one is set back.
    first = sorted(Path("results/a/record").glob("*/run.json"))[0]
    first.write_text(first.read_text().replace('"started": "2', '"started": "1', 1))
    assert [each.before for each in found(old)] == ["2.15.0+cpu"]


def test_a_run_without_a_record_has_nothing_to_tell() -> None:
    lock(torch="2.16.0")
    for file in Path("results/a/record").rglob(ENVIRONMENT):
        file.unlink()
    assert found() == []


def test_of_a_lock_what_is_meant_for_this_machine_counts() -> None:
    LOCK.write_text(
        "# by uv\nnumpy==1.0 ; python_version < '3' \\\n    --hash=sha256:01\nnumpy==2.0 ; python_version >= '3'\n"
        "Some_Thing==4\nloose>=1\n"
    )
    assert read_lock(LOCK) == {"numpy": "2.0", "some-thing": "4"}
    assert read_lock(Path("nowhere.txt")) == {}
