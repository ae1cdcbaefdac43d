"""What is done before the first job on a cluster: demands, how jobs are followed, and those of a dead Snakemake."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import snakemake_executor_plugin_slurm as plugin

from tests.workflow.programs import answer
from uncover.config.load import check_config
from uncover.errors import InputError
from uncover.workflow.around import after_jobs, before_jobs
from uncover.workflow.frozen import PARTS, code_state
from uncover.workflow.run_record import begin_record


class Job(SimpleNamespace):
    """A job of the DAG, as Snakemake has it."""

    def __hash__(self) -> int:
        return id(self)

    def is_group(self) -> bool:
        return False


def workflow(executor: str = "slurm", mem_mb: int = 1000, submitted: tuple[str, ...] = ()) -> Any:
    """As much of a workflow as is asked for."""
    resources = {"_cores": 1, "mem_mb": mem_mb, "runtime": 10}
    job = Job(rule=SimpleNamespace(name="train"), resources=resources, is_local=False)
    return SimpleNamespace(
        executor_plugin=SimpleNamespace(name=executor),
        local_exec=executor == "local",
        logger_manager=SimpleNamespace(get_logfile=lambda: ["a.log"]),
        scheduler=SimpleNamespace(_executor=SimpleNamespace(run_uuid="this-run", snakefile="Snakefile")),
        dag=SimpleNamespace(needrun_jobs=lambda: [job], get_job_group=lambda job: None),
        persistence=SimpleNamespace(external_jobids=lambda job: list(submitted)),
        executor_settings=SimpleNamespace(status_command="sacct", init_seconds_before_status_checks=20),
        config_settings=SimpleNamespace(configfiles=[], config_args=["cluster={}"]),
    )


@pytest.fixture
def checkout(tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout on a cluster without accounting."""
    monkeypatch.chdir(tmp_path)
    for name in PARTS[1:]:
        (tmp_path / name).mkdir()
    (tmp_path / "Snakefile").write_text("rule all:\n")
    answer(programs, "sinfo", "echo 'main*|2|4000|1-00:00:00|(null)'")
    answer(programs, "scontrol", "echo 'AccountingStorageType = accounting_storage/none'; echo 'MinJobAge = 300 sec'")
    answer(programs, "squeue", "true")
    return tmp_path


def begin(flow: Any, checkout: Path, **cluster: object) -> Any:
    config = check_config({"run": "a", "cluster": cluster})
    return before_jobs(flow, config, Path("results/a"), checkout, code_state(checkout))


def test_jobs_run_from_a_frozen_copy_and_are_followed_by_the_queue(checkout: Path) -> None:
    flow = workflow()
    record = begin(flow, checkout)
    copy = Path(record.about["code_folder"])
    assert (copy / "Snakefile").read_text() == "rule all:\n" and copy.parent == Path("results/a/code")
    assert flow.scheduler._executor.snakefile == str(copy.absolute() / "Snakefile")
    assert flow.config_settings.configfiles == [(record.folder / "config.yaml").absolute()]
    assert flow.config_settings.config_args == []
    assert flow.executor_settings.status_command == "squeue" and record.about["queue_name"] == "this-run"


def test_accounting_that_answers_is_asked(checkout: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "query_job_status", plugin.query_job_status)
    answer(programs, "scontrol", "echo 'AccountingStorageType = accounting_storage/slurmdbd'; echo 'MinJobAge = 2 sec'")
    flow = workflow()
    begin(flow, checkout)
    assert flow.executor_settings.status_command == "sacct"
    answer(programs, "sacct", "echo '7|CANCELLED by 1000'; echo '8|RUNNING'")
    states, seconds = asyncio.run(plugin.query_job_status("sacct", logging.getLogger()))
    assert states == {"7": "CANCELLED", "8": "RUNNING"} and seconds > 0
    answer(programs, "sacct", "exit 1")
    assert asyncio.run(plugin.query_job_status("sacct", logging.getLogger())) == (None, None)


def test_a_queue_that_forgets_too_soon_is_an_error_that_says_what_to_give(checkout: Path, programs: Path) -> None:
    answer(programs, "scontrol", "echo 'AccountingStorageType = accounting_storage/none'; echo 'MinJobAge = 30 sec'")
    with pytest.raises(InputError, match=r"forgets a job 30 s after .*--slurm-init-seconds-before-status-checks 10 or"):
        begin(workflow(), checkout)


def test_what_no_node_has_is_an_error_and_leaves_no_record(checkout: Path) -> None:
    with pytest.raises(
        InputError, match=r"train: asks for 1 processors, 5000 MB, 10 minutes, and no node of the default"
    ):
        begin(workflow(mem_mb=5000), checkout)
    assert not list(checkout.glob("results/a/record/*"))


def test_jobs_of_a_dead_snakemake_are_cancelled(checkout: Path, programs: Path) -> None:
    dead = begin_record(Path("results/a"), check_config({"run": "a"}), checkout, {"queue_name": "dead-run"})
    answer(programs, "squeue", f"test -e {checkout}/gone || printf '5|dead-run\\n6|others\\n7|marked\\n8|this-run\\n'")
    answer(programs, "scancel", f"echo $* > {checkout}/gone")
    dead.about["process"] = dead.about["process"].replace(dead.about["process"].split("@")[0], "999999999")
    (dead.folder / "run.json").write_text(json.dumps(dead.about))
    begin(workflow(submitted=("7",)), checkout)
    assert (checkout / "gone").read_text().split() == ["5", "7"]


def test_code_that_is_edited_while_snakemake_starts_is_an_error(checkout: Path) -> None:
    state = code_state(checkout)
    (checkout / "src" / "new.py").write_text("")
    with pytest.raises(InputError, match="was edited while Snakemake was starting; start again"):
        before_jobs(workflow(), check_config({"run": "a"}), Path("results/a"), checkout, state)


def test_one_machine_freezes_only_if_asked(checkout: Path) -> None:
    assert begin(workflow("local"), checkout).about["code_folder"] == str(checkout)
    assert not Path("results/a/code").exists()
    assert begin(workflow(), checkout, freeze="never").about["code_folder"] == str(checkout)


def test_a_record_that_cannot_be_ended_is_said_and_nothing_else(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = begin(workflow("local"), checkout)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "run.json")

    monkeypatch.setattr("uncover.workflow.around.end_record", full)
    after_jobs(record, "complete", Path("results/a"))
    assert "warning: run.json: No space left on device; how the run ended is not written" in capsys.readouterr().err
