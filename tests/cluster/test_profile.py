"""The tiny run through the SLURM profile, while somebody edits code and config."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.guest import Guest, wait_for
from tests.dag.kill_runs import SMALL, contents

SMALL_RUN = os.environ.get("UNCOVER_CLUSTER") == "small"
TARGETS = SMALL if SMALL_RUN else ()

EDITS = (
    ("src/uncover/yolov5/loss.py", "FOCAL_ALPHA = 0.25", "FOCAL_ALPHA = 0.5"),
    ("src/uncover/report/tables/table.py", "from __future__", "raise SystemExit('edited')\nfrom __future__"),
    ("workflow/bin/uncover", "python -m uncover", "python -m uncoverd"),
    ("workflow/Snakefile", "rule all:", "rule everything:"),
    ("config/guest.yaml", "bootstrap: 10", "bootstrap: 11"),
    ("config/published.yaml", "value: 14601", "value: 1"),
)


@contextmanager
def edited(guest: Guest) -> Iterator[None]:
    """All the edits, taken back at the end."""
    before = {path: (guest.root / path).read_text() for path, _, _ in EDITS}
    for path, old, new in EDITS:
        assert old in before[path]
        (guest.root / path).write_text(before[path].replace(old, new, 1))
    yield
    for path, text in before.items():
        (guest.root / path).write_text(text)


@pytest.fixture(scope="module")
def finished(long_guest: Guest) -> Guest:
    """A run on the cluster, edited in its midst, beside one on this machine."""
    run = long_guest.run_folder
    with long_guest.quick() as guest:
        process = guest.start(*TARGETS)
        detector = run / "models/rgb10/weights.pt"
        wait_for(lambda: detector.exists() or process.poll() is not None, 300, "the first detector")
        assert process.poll() is None, guest.said()[-6000:]
        with edited(guest):
            assert process.wait(900) == 0, guest.said()[-6000:]
    run.rename(run.with_name("on_cluster"))
    # A second run needs records of its own.
    records = long_guest.root / ".snakemake"
    records.rename(records.with_name(".snakemake-cluster"))
    long_guest.run_here(*TARGETS)
    run.rename(run.with_name("on_machine"))
    records.rename(records.with_name(".snakemake-machine"))
    run.with_name("on_cluster").rename(run)
    records.with_name(".snakemake-cluster").rename(records)
    return long_guest


def test_edits_reach_no_job_and_results_are_those_of_one_machine(finished: Guest) -> None:
    on_cluster = contents(finished.run_folder)
    on_machine = contents(finished.run_folder.with_name("on_machine"))
    assert len(on_cluster) > (30 if SMALL_RUN else 300) and on_cluster.keys() == on_machine.keys()
    assert [name for name in on_cluster if on_cluster[name] != on_machine[name]] == []


def test_a_second_run_finds_nothing_to_do_and_every_job_has_its_record(finished: Guest) -> None:
    plan = finished.must_run("--dry-run", *TARGETS)
    assert "Nothing to be done" in plan and "missing provenance" not in plan


def test_jobs_ask_for_what_the_config_says(finished: Guest) -> None:
    jobs = finished.jobs()
    (train,) = (each for each in jobs if each["Comment"] == "rule_train_wildcards_rgb10")
    assert train["TimeLimit"] == "10:00:00"
    assert train["MinMemoryNode"] == "2000M" and train["NumCPUs"] == "1"
    assert "gres/gpu=1" in train["TRES"] or "gres:gpu:1" in train.get("TresPerJob", "")
    (faces,) = (each for each in jobs if each["Comment"] == "rule_read_faces_wildcards_wflw")
    assert "gpu" not in faces["TRES"] and faces["MinMemoryNode"] == "2000M"
    assert {each["JobState"] for each in jobs} == {"COMPLETED"}


def test_tables_and_figures_share_jobs(finished: Guest) -> None:
    of_reports = [each for each in finished.jobs() if each["Comment"].startswith(("rule_tables_", "rule_figures_"))]
    tables = len(list((finished.run_folder / "tables").glob("*.csv")))
    assert 0 < len(of_reports) < tables / 2
    assert {each["NumCPUs"] for each in of_reports} == {"1"}


def test_the_run_says_what_it_was(finished: Guest) -> None:
    (file,) = finished.run_folder.glob("record/*/run.json")
    about = json.loads(file.read_text())
    assert about["executor"] == "slurm" and about["outcome"] == "complete"
    assert {each["JobName"] for each in finished.jobs()} >= {about["queue_name"]}
    assert about["code_folder"].startswith("results/tiny/code/")
