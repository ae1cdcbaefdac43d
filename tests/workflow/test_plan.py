"""What a run will cost, of a plan made by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflow.planned import made, planned
from uncover.config.load import check_config
from uncover.workflow.costs import PROCESSOR, Costs, Disk, Measured, Speed
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


SECONDS = {"label_faces/train": 100.0, "train/rgb10": 3600.0, "train/rgb1": 7200.0, "table_04": 10.0, "figure_99": 1.0}


def foretold(folder: Path, names: Sequence[str], gpu: str = "H200", wait: float = 0) -> Outlook:
    """The outlook where jobs of these names were measured before, those that want a GPU on one of a kind."""
    measured = [
        Measured(
            "a", job.name, job.rule, WORK.of(job.rule, job.wildcards), SECONDS[job.name], gpu if job.gpus else PROCESSOR
        )
        for job in JOBS
        if job.name in names
    ]
    return look_ahead(Plan(CONFIG, JOBS), WORK, Costs(measured), folder, gpus=[1, 3], cores=8, overhead=wait)


@pytest.fixture
def outlook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outlook:
    monkeypatch.chdir(tmp_path)
    return foretold(tmp_path, list(SECONDS))


@pytest.fixture
def partly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outlook:
    """The same where nobody has made the figure."""
    monkeypatch.chdir(tmp_path)
    return foretold(tmp_path, list(SECONDS)[:4])


def test_hours_are_summed_by_what_holds_them(outlook: Outlook) -> None:
    assert outlook.gpu_seconds.whole == 3600 + 2 * 7200 and outlook.core_seconds.whole == 111
    assert [cost.job.name for cost in outlook.expensive] == ["train/rgb1", "train/rgb10"]
    assert outlook.unknown == []


def test_machines_are_simulated_and_the_longest_path_is_known(outlook: Outlook) -> None:
    # One GPU: the longer training, the shorter one, its table and figure; three: side by side.
    assert outlook.machines[1] == (100 + 7200 + 3600 + 10 + 1, pytest.approx(0.99, abs=0.01))
    assert outlook.machines[3] == (100 + 7200, pytest.approx(0.82, abs=0.01))
    assert [cost.job.name for cost in outlook.path] == ["label_faces/train", "train/rgb1"]


def test_the_text_says_what_matters(outlook: Outlook) -> None:
    text = outlook_text(outlook, Plan(CONFIG, JOBS), free=10**6)
    assert text.startswith("results/a: 5 jobs, 5.0 h of GPU time, 2 min of processor time")
    assert "known" not in text and "at least" not in text
    for words in (
        "warning: not enough free disk space",
        "train 2 3.0 h 5.0 h",
        "tables and figures 2",
        "train/rgb1 2.0 h not made yet [the same job, H200]",
        "3 GPUs: 2.0 h",
        "lower bound: 2.0 h: train/rgb1",
    ):
        assert words in " ".join(text.split()), words


def test_programs_get_every_job(outlook: Outlook) -> None:
    values = outlook.to_dict()
    assert values["jobs"] == values["at_least"]["jobs"] == 5 and values["gpu_hours"] == 5
    assert values["never_measured"] == values["not_known"] == values["warnings"] == values["other_versions"] == []
    assert [job["job"] for job in values["by_job"]] == [job.name for job in JOBS]


def test_a_sum_with_an_unknown_time_is_not_told_as_one(partly: Outlook) -> None:
    text = " ".join(outlook_text(partly, Plan(CONFIG, JOBS), free=10**12).split())
    assert text.startswith("results/a: 5 jobs, 5.0 h of GPU time, at least 2 min of processor time (2 of 3 jobs)")
    for words in (
        "unknown durations figure_99 (1): never measured for an estimate: pass --speeds FILE, or run one job of each",
        "each rule on the target machine, e.g. results/a/figure_99.csv",
        "tables and figures 2 >10 s",
        "from start to end 1 GPU: unknown 3 GPUs: unknown lower bound (known durations): 2.0 h",
    ):
        assert words in text, words
    values = partly.to_dict()
    assert values["core_hours"] is None and values["critical_path_hours"] is None
    assert values["hours_by_gpus"] == {"1": None, "3": None} and values["gpu_hours"] == 5
    assert values["at_least"]["jobs"] == 4 and values["at_least"]["core_hours"] == round(110 / 3600, 3)
    assert values["never_measured"] == ["figure_99"]
    (unknown,) = values["not_known"]
    assert (unknown["rule"], unknown["jobs"], unknown["why"]) == ("figure_99", 1, "never measured")


def test_where_nothing_was_measured_no_hours_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # What jobs wait for is no time that they take.
    text = outlook_text(foretold(tmp_path, [], wait=500), Plan(CONFIG, JOBS), free=10**12)
    assert text.startswith(
        "results/a: 5 jobs, unknown amount of GPU time (2 jobs), unknown amount of processor time (3"
    )
    assert "min" not in text and "take most of the time" not in text and "at least" not in text


def test_hours_of_gpus_are_not_those_of_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = foretold(tmp_path, list(SECONDS), gpu=PROCESSOR)
    text = " ".join(outlook_text(found, Plan(CONFIG, JOBS), free=10**12).split())
    assert text.startswith(
        "results/a: 5 jobs, unknown amount of GPU time (2 jobs), 3.0 h if these run without a GPU, 2 min of processor"
    )
    assert "train (2): measured on processors only, not on a GPU" in text and "one job of each rule on a GPU" in text
    # Both trainings side by side on eight processors, as they would run here.
    assert "1 GPU: unknown 3 GPUs: unknown no GPU: 2.0 h" in text
    assert found.to_dict()["gpu_jobs_on_processors_hours"] == 3
    assert found.to_dict()["gpu_hours"] is None and found.to_dict()["hours_by_gpus"]["0"] == pytest.approx(
        2.028, abs=0.01
    )


def test_a_job_far_beyond_what_was_measured_has_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = Plan(CONFIG, [planned("train/rgb10", gpus=1, model="rgb10")])
    own = WORK.of("train", plan.jobs[0].wildcards)
    for share, known in ((1 / 15, True), (1 / 25, False)):
        costs = Costs([Measured("small", "train/x", "train", own * share, 60.0, "H200")])
        found = look_ahead(plan, WORK, costs, tmp_path, gpus=[1], cores=8, overhead=0)
        assert (found.gpu_seconds.whole is not None) == known
    assert "train (1): far larger than 1 job of small, H200" in outlook_text(found, plan, free=10**12)
    stated = Costs([], {"train": Speed(10, 60 / own)})
    found = look_ahead(plan, WORK, stated, tmp_path, gpus=[1], cores=8, overhead=0)
    assert found.gpu_seconds.whole == pytest.approx(70) and found.machines[1] is not None


def test_a_set_of_unknown_size_is_no_set_of_one_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    own = {"mine": {"path": "mine", "layout": "images", "use": "test"}}
    config = check_config({"run": "a", "raw": {"synthetic": True}, "data_sets": own})
    jobs = [planned("label_frames/mine", set="mine"), planned("rescue_trial")]
    costs = Costs([], {"label_frames": Speed(1, 1), "rescue_trial": Speed(1, 1)})
    plan = Plan(config, jobs)
    found = look_ahead(plan, Work(config), costs, tmp_path, gpus=[1], cores=1, overhead=0)
    text = outlook_text(found, plan, free=10**12)
    assert "label_frames (1), rescue_trial (1): unknown number of images in mine" in text
    assert (
        "for an estimate: pass --photos SET=N" in text
        and found.disk.known == 1
        and found.to_dict()["disk_gigabytes"] is None
    )
    counted = look_ahead(plan, Work(config, {"mine": 50}), costs, tmp_path, gpus=[1], cores=1, overhead=0)
    assert counted.jobs[0].seconds == 51 and counted.disk.known == 2


def test_warnings_and_other_versions_are_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = Plan(CONFIG, JOBS, ("missing provenance: of one",))
    found = look_ahead(plan, WORK, Costs([]), tmp_path, gpus=[1], cores=1, overhead=0)
    assert found.to_dict()["warnings"] == ["missing provenance: of one"]


def test_what_changed_comes_before_what_is_not_made_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    newer = dataclasses.replace(JOBS[1], missing=(), made=made(), newer=("labels.txt",))
    plan = Plan(CONFIG, [JOBS[0], newer, JOBS[2], JOBS[3]])
    found = look_ahead(plan, WORK, Costs([]), tmp_path, gpus=[0], cores=1, overhead=0)
    because = {cost.job.name: cost.because for cost in found.jobs}
    assert because["train/rgb10"] == because["table_04"] == "labels.txt is newer than the outputs made from it"
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
