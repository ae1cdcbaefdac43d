"""What a run leaves about itself, what later runs can tell from it, and what comes before a cluster's first job."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import platform
import subprocess
import sys
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import snakemake_executor_plugin_slurm as plugin
import yaml

from tests.workflow.programs import answer
from uncover.config.load import check_config, load_config
from uncover.errors import InputError
from uncover.process import this_process
from uncover.workflow.digest import code_digest, code_states, text_digest
from uncover.workflow.frozen import PARTS, code_state
from uncover.workflow.run_record import after_jobs, before_jobs, begin_record, end_record, orphans_of, read_records

REPOSITORY = Path(__file__).parents[2]
CONFIG = check_config({"run": "a", "splits": {"seed": 4}, "raw": {"synthetic": True}})


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a commit."""
    root = tmp_path / "checkout"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.py").write_text("a = 1\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "a")
    return root


@pytest.mark.parametrize("name", ["demo", "thesis", "as_released", "real_sample", "real", "hundredfold"])
def test_the_merged_config_reads_back_as_the_same_config(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    config = load_config(Path("config", f"{name}.yaml"))
    record = begin_record(tmp_path, config, tmp_path, {})
    assert record.config() == config
    # Snakemake reads it too, without our help.
    assert check_config(yaml.safe_load((record.folder / "config.yaml").read_text())) == config


def test_a_record_has_what_a_run_can_be_told_by(checkout: Path, tmp_path: Path) -> None:
    code_digest("uncover.commands.data_sets")
    record = begin_record(tmp_path / "run", CONFIG, checkout, {"executor": "local"})
    about = json.loads((record.folder / "run.json").read_text())
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True).stdout.strip()
    assert about["code"] == {"commit": head, "changed": False, "version": "0.1.0"}
    assert about["seeds"]["splits.seed"] == 4 and about["seeds"]["detectors.rgb10.seed"] == 0
    assert about["command"] == sys.argv and about["host"] == platform.node() and about["executor"] == "local"
    assert about["outcome"] is None and not (record.folder / "changes.patch").exists()
    packages = (record.folder / "environment.txt").read_text().splitlines()
    assert any(package.startswith("snakemake==") for package in packages)
    end_record(record, "complete", tmp_path / "logs")
    assert json.loads((record.folder / "run.json").read_text())["outcome"] == "complete"


def test_what_differs_from_the_commit_is_kept(checkout: Path, tmp_path: Path) -> None:
    (checkout / "src" / "a.py").write_text("a = 2\n")
    (checkout / "src" / "new.py").write_text("")
    record = begin_record(tmp_path / "run", CONFIG, checkout, {})
    patch = (record.folder / "changes.patch").read_text()
    assert record.about["code"]["changed"] and "+a = 2" in patch and "# not in git: src/new.py" in patch


def test_code_that_is_no_checkout_has_no_commit(tmp_path: Path) -> None:
    about = begin_record(tmp_path / "run", CONFIG, tmp_path, {}).about
    assert about["code"]["commit"] is None


def test_the_code_behind_each_digest_is_known(tmp_path: Path) -> None:
    digest, other = code_digest("uncover.commands.data_sets"), code_digest("uncover.data.parts:FEWEST_POINTS")
    files = text_digest({"test_run_record.py": Path(__file__).read_bytes()})
    record = begin_record(tmp_path, CONFIG, tmp_path, {})
    code = record.code()
    assert "uncover.data.parts:FEWEST_POINTS" in code[digest] and "uncover.console:say" not in code[digest]
    assert code[other] == {"uncover.data.parts:FEWEST_POINTS": code[digest]["uncover.data.parts:FEWEST_POINTS"]}
    assert list(code[files]) == ["test_run_record.py"]
    digests, states = code_states()
    assert code == {digest: {part: states[part] for part in parts} for digest, parts in digests.items()}


def test_starts_are_kept_apart_and_in_order_and_half_written_ones_do_not_matter(tmp_path: Path) -> None:
    folders = [begin_record(tmp_path, CONFIG, tmp_path, {}).folder for _ in range(3)]
    assert len(set(folders)) == 3
    (folders[1] / "run.json").write_text('{"started": ')
    assert {record.folder for record in read_records(tmp_path)} == {folders[0], folders[2]}


def test_orphans_are_those_of_a_snakemake_that_is_gone(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    for name, process, host in (
        ("dead", this_process().replace(str(os.getpid()), str(gone.pid), 1), platform.node()),
        ("alive", this_process(), platform.node()),
        ("elsewhere", "1@", "another host"),
    ):
        record = begin_record(tmp_path, CONFIG, tmp_path, {"queue_name": name})
        record.about.update(process=process, host=host)
        end_record(record, "failed", tmp_path)
    assert orphans_of(read_records(tmp_path)) == {"dead"}


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
        scheduler=SimpleNamespace(_executor=SimpleNamespace(run_uuid="this-run", snakefile="Snakefile")),
        dag=SimpleNamespace(needrun_jobs=lambda: [job], get_job_group=lambda job: None),
        persistence=SimpleNamespace(external_jobids=lambda job: list(submitted)),
        executor_settings=SimpleNamespace(status_command="sacct", init_seconds_before_status_checks=20),
        config_settings=SimpleNamespace(configfiles=[], config_args=["cluster={}"]),
    )


@pytest.fixture
def site(tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout on a cluster without accounting."""
    monkeypatch.chdir(tmp_path)
    for name in PARTS:
        (tmp_path / name).mkdir()
    (tmp_path / "workflow" / "Snakefile").write_text("rule all:\n")
    answer(programs, "sinfo", "echo 'main*|2|4000|1-00:00:00|(null)'")
    answer(programs, "scontrol", "echo 'AccountingStorageType = accounting_storage/none'; echo 'MinJobAge = 300 sec'")
    answer(programs, "squeue", "true")
    return tmp_path


def begin(flow: Any, site: Path, **cluster: object) -> Any:
    config = check_config({"run": "a", "cluster": cluster})
    return before_jobs(flow, config, Path("results/a"), site, code_state(site), ["a.log"])


def test_jobs_run_from_a_frozen_copy_and_are_followed_by_the_queue(site: Path) -> None:
    flow = workflow()
    record = begin(flow, site)
    copy = Path(record.about["code_folder"])
    assert (copy / "workflow" / "Snakefile").read_text() == "rule all:\n" and copy.parent == Path("results/a/code")
    assert flow.scheduler._executor.snakefile == str(copy.absolute() / "workflow" / "Snakefile")
    assert flow.config_settings.configfiles == [(record.folder / "config.yaml").absolute()]
    assert flow.config_settings.config_args == []
    assert flow.executor_settings.status_command == "squeue" and record.about["queue_name"] == "this-run"


@pytest.mark.parametrize(
    "name",
    [
        *("scheduler", "dag", "persistence", "executor_settings", "config_settings", "scheduler._executor"),
        *("scheduler._executor.snakefile", "executor_settings.status_command", "config_settings.configfiles"),
        *("dag.get_job_group", "persistence.external_jobids", "config_settings.config_args"),
    ],
)
def test_a_snakemake_with_another_inside_is_one_line(site: Path, name: str) -> None:
    flow = workflow()
    owner, _, last = name.rpartition(".")
    delattr(attrgetter(owner)(flow) if owner else flow, last)
    with pytest.raises(InputError) as told:
        begin(flow, site)
    assert "uses internals of Snakemake, which differ in snakemake 9." in str(told.value)
    assert f"no attribute '{last}'" in str(told.value) and "\n" not in str(told.value)


def test_other_executors_need_the_inside_only_for_a_frozen_copy(site: Path) -> None:
    flow = workflow("kubernetes")
    del flow.dag, flow.persistence, flow.executor_settings, flow.scheduler
    with pytest.raises(InputError, match=r"^a frozen copy of the code \(cluster\.freeze: never turns it off\): uses"):
        begin(flow, site)
    assert begin(flow, site, freeze="never").about["executor"] == "kubernetes"


def test_accounting_that_answers_is_asked(site: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "query_job_status", plugin.query_job_status)
    answer(programs, "scontrol", "echo 'AccountingStorageType = accounting_storage/slurmdbd'; echo 'MinJobAge = 2 sec'")
    flow = workflow()
    begin(flow, site)
    assert flow.executor_settings.status_command == "sacct"
    answer(programs, "sacct", "echo '7|CANCELLED by 1000'; echo '8|RUNNING'")
    states, seconds = asyncio.run(plugin.query_job_status("sacct", logging.getLogger()))
    assert states == {"7": "CANCELLED", "8": "RUNNING"} and seconds > 0
    answer(programs, "sacct", "exit 1")
    assert asyncio.run(plugin.query_job_status("sacct", logging.getLogger())) == (None, None)


def test_a_queue_that_forgets_too_soon_is_an_error_that_says_what_to_give(site: Path, programs: Path) -> None:
    answer(programs, "scontrol", "echo 'AccountingStorageType = accounting_storage/none'; echo 'MinJobAge = 30 sec'")
    with pytest.raises(InputError, match=r"forgets a job 30 s after .*--slurm-init-seconds-before-status-checks 10 or"):
        begin(workflow(), site)


def test_what_no_node_has_is_an_error_and_leaves_no_record(site: Path) -> None:
    with pytest.raises(InputError, match=r"train: requests 1 processors, 5000 MB, 10 minutes; no node of the default"):
        begin(workflow(mem_mb=5000), site)
    assert not list(site.glob("results/a/record/*"))


def test_jobs_of_a_dead_snakemake_are_cancelled(site: Path, programs: Path) -> None:
    dead = begin_record(Path("results/a"), check_config({"run": "a"}), site, {"queue_name": "dead-run"})
    answer(programs, "squeue", f"test -e {site}/gone || printf '5|dead-run\\n6|others\\n7|marked\\n8|this-run\\n'")
    answer(programs, "scancel", f"echo $* > {site}/gone")
    dead.about["process"] = dead.about["process"].replace(dead.about["process"].split("@")[0], "999999999")
    (dead.folder / "run.json").write_text(json.dumps(dead.about))
    begin(workflow(submitted=("7",)), site)
    assert (site / "gone").read_text().split() == ["5", "7"]


def test_code_that_is_edited_while_snakemake_starts_is_an_error(site: Path) -> None:
    state = code_state(site)
    (site / "src" / "new.py").write_text("")
    with pytest.raises(InputError, match="edited while Snakemake was starting; start Snakemake again"):
        before_jobs(workflow(), check_config({"run": "a"}), Path("results/a"), site, state)


def test_one_machine_freezes_only_if_asked(site: Path) -> None:
    about = begin(workflow("local"), site).about
    assert about["code_folder"] == str(site) and about["logs"] == ["a.log"]
    assert not Path("results/a/code").exists()
    assert begin(workflow(), site, freeze="never").about["code_folder"] == str(site)


def test_a_record_that_cannot_be_ended_is_said_and_nothing_else(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = begin(workflow("local"), site)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "run.json")

    monkeypatch.setattr("uncover.workflow.run_record.end_record", full)
    after_jobs(record, "complete", Path("results/a"))
    assert (
        "warning: run.json: No space left on device; the outcome of the run is not recorded" in capsys.readouterr().err
    )
