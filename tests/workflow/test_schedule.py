"""How long a DAG takes: by hand for small ones, within bounds that always hold for any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.workflow.schedule import Task, critical_path, simulate

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
