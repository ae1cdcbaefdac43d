"""Causes of reruns, on plans and records made by hand; tests/dag/test_reruns.py has them on the whole DAG."""

from __future__ import annotations

import dataclasses
import fnmatch
import json
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.planned import made, planned
from uncover.config.load import check_config
from uncover.workflow import causes
from uncover.workflow.causes import Causes, causes_text, flatten
from uncover.workflow.digest import code_digest
from uncover.workflow.engine import Plan, PlannedJob
from uncover.workflow.run_record import begin_record

BEFORE = {"run": "a", "raw": {"synthetic": True}, "splits": {"seed": 0}, "detectors": {"rgb10": {"epochs": 25}}}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of a run with the config BEFORE."""
    monkeypatch.chdir(tmp_path)
    begin_record(Path("results/a"), check_config(BEFORE), tmp_path, {})
    return tmp_path


def causes_of(job: PlannedJob, changes: dict[str, Any] | None = None, *others: PlannedJob) -> list[str]:
    config = check_config({**BEFORE, **(changes or {})})
    return [str(cause) for cause in Causes(Plan(config, [job, *others])).roots(job)]


def existing(name: str = "train/rgb10", **changes: Any) -> PlannedJob:
    usual: dict[str, Any] = {"missing": (), "unmade": (), "made": made()}
    return dataclasses.replace(planned(name), **(usual | changes))


def test_a_new_job_is_not_made_yet() -> None:
    assert causes_of(planned("train/rgb10")) == ["train/rgb10 is not made yet"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"missing": ("results/a/x.csv",)}, "results/a/x.csv was removed"),
        ({"missing": ("a.csv", "b.csv"), "unmade": ("b.csv",)}, "a.csv was removed"),
        ({"missing": ("b.csv",), "unmade": ("b.csv",)}, "b.csv is not made yet"),
        ({"incomplete": True}, "results/a/train/rgb10.csv is incomplete: its job was killed"),
        ({"newer": ("data/raw/x.txt",)}, "data/raw/x.txt is newer than the outputs made from it"),
        ({"forced": True}, "train/rgb10 is forced"),
        ({"command": "uncover --other"}, "rule train has a different command"),
    ],
)
def test_what_happened_to_files_is_told(changes: dict[str, Any], expected: str) -> None:
    assert causes_of(existing(**changes)) == [expected]


def test_a_field_is_named_with_its_values_before_and_now() -> None:
    job = existing(
        params={"settings": "['epochs=30', 'seed=0']"}, made=made(params=frozenset({"['epochs=25', 'seed=0']"}))
    )
    changes = {"detectors": {"rgb10": {"epochs": 30}}, "splits": {"seed": 3}}
    assert causes_of(job, changes) == ["detectors.rgb10.epochs 25 -> 30"]


def test_an_option_is_traced_to_the_field_whose_values_it_shows() -> None:
    job = existing(params={"options": "'--seed 3 --strict'"}, made=made(params=frozenset({"'--seed 0 --strict'"})))
    changes = {"detectors": {"rgb10": {"epochs": 30}}, "splits": {"seed": 3}}
    assert causes_of(job, changes) == ["splits.seed 0 -> 3"]


def test_a_setting_that_no_field_explains_is_shown_as_it_is() -> None:
    job = existing(params={"options": "'--attempt 2'"}, made=made(params=frozenset({"'--attempt 1'"})))
    (cause,) = causes_of(job)
    assert cause.endswith("changed: 1 -> 2")


def test_raw_data_that_changed_is_named_by_its_source() -> None:
    params = {"params": {"raw_state": "'b'"}, "made": made(params=frozenset({"'a'"}))}
    assert causes_of(existing("read_faces/wflw", wildcards={"source": "wflw"}, **params)) == [
        "raw data of wflw changed"
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"uncover.data.parts:FEWEST_POINTS": "another"}, ["uncover.data.parts:FEWEST_POINTS changed"]),
        ({"uncover.new:f": "new", "uncover.new": "new"}, ["uncover.new is new"]),
        ({"uncover.data.parts:new": "new"}, ["uncover.data.parts:new is new"]),
        ({"uncover.data.parts": "loose"}, ["uncover.data.parts is new"]),
        ({"uncover.data.parts:FEWEST_POINTS": None}, ["uncover.data.parts:FEWEST_POINTS was removed"]),
        (
            {"uncover.data.parts:new": "new", "uncover.data.parts:FEWEST_POINTS": "another"},
            ["uncover.data.parts:FEWEST_POINTS changed"],
        ),
        ({"uncover.data.faces*": None}, ["uncover.data.faces was removed"]),
        ({"uncover.data.parts:*": "another"}, ["uncover.data.parts changed"]),
    ],
)
def test_code_of_another_state_is_named(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | None], expected: list[str]
) -> None:
    digest = code_digest("uncover.commands.data_sets")
    begin_record(Path("results/a"), check_config(BEFORE), Path("."), {})
    digests, states = causes.code_states()
    now: dict[str, str] = {part: states[part] for part in digests[digest]}
    for pattern, state in changes.items():
        for part in fnmatch.filter(now, pattern) or [pattern]:
            now.pop(part, None)
            if state is not None:
                now[part] = state
    monkeypatch.setattr(causes, "code_states", lambda: ({"0123456789abcdef": list(now)}, now))
    job = existing(params={"code": "'0123456789abcdef'"}, made=made(params=frozenset({f"'{digest}'"})))
    assert causes_of(job) == expected


def test_code_of_an_earlier_version_is_not_known_and_no_error() -> None:
    record = begin_record(Path("results/a"), check_config(BEFORE), Path("."), {})
    text = json.dumps({"digests": {"0123456789abcdef": ["uncover.a"]}, "modules": {"uncover.a": "0123"}})
    (record.folder / "modules.json").write_text(text)
    digest = code_digest("uncover.commands.data_sets")
    job = existing(params={"code": f"'{digest}'"}, made=made(params=frozenset({"'0123456789abcdef'"})))
    (cause,) = causes_of(job)
    assert cause.endswith("changed; the earlier run has no record of the details")


def test_causes_of_jobs_before_are_passed_on_and_told_once() -> None:
    first = existing("train/rgb10", number=1, newer=("labels.txt",))
    second = existing("train/rgb1", number=2, newer=("labels.txt",))
    table = existing("table_04", number=0, needs=(1, 2))
    plan = Plan(check_config(BEFORE), [table, first, second])
    text = causes_text(Causes(plan), table, "table_04.csv")
    assert text.splitlines() == [
        "table_04.csv: would be made again by table_04",
        "  which depends on train/rgb10",
        "  labels.txt is newer than the outputs made from it: train/rgb10, train/rgb1",
    ]


def test_a_file_that_is_up_to_date_has_no_cause() -> None:
    job = existing(runs=False)
    assert (
        causes_text(Causes(Plan(check_config(BEFORE), [job])), job, "x.csv") == "x.csv: is up to date (train/rgb10)\n"
    )


def test_records_of_other_versions_do_not_matter(here: Path) -> None:
    for file in here.glob("results/a/record/*/config.yaml"):
        file.write_text("run: a\nno_such_key: 1\n")
    job = existing(params={"options": "'2'"}, made=made(params=frozenset({"'1'"})))
    assert len(causes_of(job)) == 1


def test_nested_values_have_dotted_names() -> None:
    assert flatten({"a": {"b": 1, "c": {}}, "d": [2]}) == {"a.b": 1, "a.c": {}, "d": [2]}
