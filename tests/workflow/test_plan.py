"""What a run will cost, of a plan made by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflow.planned import made, planned
from uncover.config.load import check_config
from uncover.workflow.costs import PROCESSOR, Costs, Disk, Measured
from uncover.workflow.engine import Plan
from uncover.workflow.plan import Outlook, Task, critical_path, look_ahead, outlook_text, simulate
from uncover.workflow.work import Work

CONFIG = check_config(
    {
        "run": "a",
        "raw": {"synthetic": True},
        "detectors": {"rgb10": {"model": "yolov5m", "image_size": 640, "epochs": 2}},
    }
)
WORK = Work(CONFIG)
JOBS = [
    planned("label_faces/train", number=0, set="train"),
    planned("train/rgb10", number=1, needs=(0,), gpus=1, model="rgb10"),
    planned("train/rgb1", number=2, needs=(0,), gpus=2, model="rgb1"),
    planned("table_04", number=3, needs=(1,)),
    planned("figure_99", number=4, needs=(3,)),
]


@pytest.fixture
def outlook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outlook:
    monkeypatch.chdir(tmp_path)
    measured = [
        Measured("a", job.name, job.rule, WORK.of(job.rule, job.wildcards), seconds, PROCESSOR)
        for job, seconds in zip(JOBS[:4], (100.0, 3600.0, 7200.0, 10.0), strict=True)
    ]
    return look_ahead(Plan(CONFIG, JOBS), WORK, Costs(measured), tmp_path, gpus=[1, 3], cores=8, overhead=0)


def test_hours_are_summed_by_what_holds_them(outlook: Outlook) -> None:
    assert outlook.gpu_seconds == 3600 + 2 * 7200 and outlook.core_seconds == 110
    assert [cost.job.name for cost in outlook.expensive] == ["train/rgb1", "train/rgb10"]
    assert [cost.job.name for cost in outlook.unknown] == ["figure_99"]


def test_machines_are_simulated_and_the_longest_path_is_known(outlook: Outlook) -> None:
    # One GPU: the longer training, the shorter one, its table; three: side by side.
    assert outlook.machines[1][0] == 100 + 7200 + 3600 + 10
    assert outlook.machines[3][0] == 100 + 7200
    assert [cost.job.name for cost in outlook.path] == ["label_faces/train", "train/rgb1"]


def test_the_text_says_what_matters(outlook: Outlook) -> None:
    text = outlook_text(outlook, Plan(CONFIG, JOBS), free=10**6)
    assert text.startswith("results/a: 5 jobs, 5.0 h of GPUs, 2 min of processors")
    for words in (
        "not counted, as no earlier run has done the like: 1 jobs (figure_99)",
        "no run here has used a GPU yet",
        "the disk is too small",
        "train 2 3.0 h 5.0 h",
        "tables and figures 2",
        "train/rgb1 2.0 h not made yet [the same job, processor]",
        "3 GPUs: 2.0 h",
        "never less than 2.0 h: train/rgb1",
    ):
        assert words in " ".join(text.split()), words


def test_programs_get_every_job(outlook: Outlook) -> None:
    values = outlook.to_dict()
    assert values["jobs"] == 5 and values["gpu_hours"] == 5 and values["never_measured"] == ["figure_99"]
    assert [job["job"] for job in values["by_job"]] == [job.name for job in JOBS]


def test_what_changed_comes_before_what_is_not_made_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    newer = dataclasses.replace(JOBS[1], missing=(), made=made(), newer=("labels.txt",))
    plan = Plan(CONFIG, [JOBS[0], newer, JOBS[2], JOBS[3]])
    found = look_ahead(plan, WORK, Costs([]), tmp_path, gpus=[0], cores=1, overhead=0)
    because = {cost.job.name: cost.because for cost in found.jobs}
    assert because["train/rgb10"] == because["table_04"] == "labels.txt is newer than what was made of it"
    assert because["train/rgb1"] == "not made yet"


def test_nothing_to_do_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = Plan(CONFIG, [dataclasses.replace(job, runs=False) for job in JOBS])
    found = look_ahead(plan, WORK, Costs([]), tmp_path, gpus=[1], cores=1, overhead=0)
    assert outlook_text(found, plan, free=1) == "results/a: nothing to do\n"


def test_disk_of_maps_is_what_this_run_took_for_a_photo(tmp_path: Path) -> None:
    job = planned("make_heatmaps/val/1-of-1", set="val")
    before = Disk(WORK, tmp_path).of(job)
    for kind in ("images", "joint"):
        folder = tmp_path / "a" / "heatmaps" / "hirescam" / "train" / kind
        folder.mkdir(parents=True)
        for number in range(3):
            (folder / f"{number}.tiff").write_bytes(b"x" * 50_000)
    after = Disk(WORK, tmp_path).of(job)
    # Two files of 13 blocks a photo, where 4.1 KB were foretold.
    grown = WORK.photos["val"] * (2 * 13 * 4096 - 2 * 4096)
    assert after - before == pytest.approx(grown, rel=0.1)


# Data sets, then two detectors, then maps of the first, then a second detector of them; a table of all.
THESIS = [
    Task("data", 10, 0, 1, ()),
    Task("rgb10", 100, 1, 4, (0,)),
    Task("rgb1", 60, 1, 4, (0,)),
    Task("maps", 30, 1, 4, (1,)),
    Task("second", 80, 1, 4, (3,)),
    Task("table", 5, 0, 1, (2, 4)),
]


def test_one_gpu_does_one_thing_after_the_other() -> None:
    schedule = simulate(THESIS, gpus=1, cores=8)
    assert schedule.seconds == 10 + 100 + 60 + 30 + 80 + 5
    assert schedule.busy == pytest.approx(270 / 285)


def test_two_gpus_are_as_quick_as_the_critical_path() -> None:
    schedule = simulate(THESIS, gpus=2, cores=8)
    assert schedule.seconds == 10 + 100 + 30 + 80 + 5
    assert [THESIS[place].name for place in critical_path(THESIS)] == ["data", "rgb10", "maps", "second", "table"]
    assert schedule.ends[THESIS.index(THESIS[2])] == 70


def test_processors_can_be_what_is_short() -> None:
    assert simulate(THESIS, gpus=2, cores=4).seconds == simulate(THESIS, gpus=1, cores=8).seconds


def test_a_wait_before_each_job_counts_along_the_path() -> None:
    assert simulate(THESIS, gpus=2, cores=8, overhead=7).seconds == 225 + 5 * 7


def test_a_task_that_asks_for_more_than_there_is_gets_all() -> None:
    assert simulate([Task("large", 9, 8, 64, ())], gpus=1, cores=2).seconds == 9


def test_nothing_takes_no_time() -> None:
    assert simulate([], 1, 1).seconds == 0 and critical_path([]) == []


@st.composite
def dags(draw: st.DrawFn) -> list[Task]:
    count = draw(st.integers(1, 14))
    tasks = []
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        gpus, cores = draw(st.integers(0, 2)), draw(st.integers(1, 4))
        tasks.append(Task(str(number), draw(st.integers(0, 50)), gpus, cores, tuple(sorted(needs))))
    return tasks


@given(dags(), st.integers(1, 4), st.integers(1, 8))
def test_no_schedule_beats_the_path_or_the_work_and_none_dawdles(tasks: list[Task], gpus: int, cores: int) -> None:
    schedule = simulate(tasks, gpus, cores)
    path = sum(tasks[place].seconds for place in critical_path(tasks))
    assert schedule.seconds >= path
    assert schedule.seconds * gpus >= sum(task.seconds * min(task.gpus, gpus) for task in tasks) - 1e-6
    assert schedule.seconds <= sum(task.seconds for task in tasks)
    for number, task in enumerate(tasks):
        begins = schedule.ends[number] - task.seconds
        assert all(schedule.ends[need] <= begins + 1e-9 for need in task.needs)
    assert simulate(tasks, 2 * len(tasks), 4 * len(tasks)).seconds == path
