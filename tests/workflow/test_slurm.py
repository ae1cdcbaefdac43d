"""What SLURM's programs print, which jobs no node would ever take, and what our jobs ask for."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.workflow.programs import answer
from uncover.config.cluster import Cluster, JobResources
from uncover.workflow import slurm
from uncover.workflow.slurm import (
    ANYWHERE,
    UNLIMITED,
    Asked,
    Form,
    Limits,
    NoAnswer,
    Node,
    Site,
    asked_of,
    asks_elsewhere,
    demand,
)

CPU = Node("cpu", True, 64, 256_000, 2880, {})
GPU = Node("gpu", False, 32, 500_000, UNLIMITED, {"a100": 4})


def asked(**changes: object) -> Asked:
    usual = {
        "rule": "train",
        "cpus": 8,
        "mem_mb": 16000,
        "minutes": 60,
        "gpus": 0,
        "gpu_model": None,
        "partition": None,
    }
    return Asked(**(usual | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("infinite", UNLIMITED), ("30:00", 30), ("2:30:00", 150), ("1-00:00:00", 1440), ("7-12:00:00", 10800)],
)
def test_times(text: str, minutes: int) -> None:
    assert slurm.minutes_of(text) == minutes


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("(null)", {}),
        ("gpu:2", {"": 2}),
        ("gpu:a100:4(S:0-1)", {"a100": 4}),
        ("lustre:1,gpu:h100:8,gpu:a100:2(S:0)", {"h100": 8, "a100": 2}),
    ],
)
def test_generic_resources(text: str, gpus: dict[str, int]) -> None:
    assert slurm.gpus_of(text) == gpus


def test_nodes_as_sinfo_lists_them(programs: Path) -> None:
    answer(programs, "sinfo", "echo 'cpu*|64|256000|2-00:00:00|(null)'; echo 'gpu|32|500000+|infinite|gpu:a100:4'")
    assert slurm.nodes() == [CPU, GPU]


def test_what_a_partition_allows_of_its_nodes_is_all_that_they_have(programs: Path) -> None:
    answer(programs, "sinfo", "echo 'cpu*|64|256000|2-00:00:00|(null)'; echo 'gpu|32|500000|infinite|gpu:a100:4'")
    limited = "PartitionName=gpu AllowGroups=ALL MaxCPUsPerNode=16 MaxMemPerNode=90000 TotalCPUs=32"
    open_to_all = "PartitionName=cpu AllowGroups=ALL MaxCPUsPerNode=UNLIMITED MaxMemPerNode=UNLIMITED"
    answer(programs, "scontrol", f"echo '{limited}'; echo '{open_to_all}'")
    assert slurm.nodes() == [CPU, Node("gpu", False, 16, 90_000, UNLIMITED, {"a100": 4})]


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ({}, None),
        ({"partition": "gpu", "gpus": 4, "gpu_model": "a100", "minutes": 10**6}, None),
        ({"cpus": 65}, "65 processors"),
        ({"mem_mb": 256_001}, "256001 MB"),
        ({"minutes": 2881}, "2881 minutes"),
        ({"gpus": 1}, "1 GPUs; no node of the default partition offers that"),
        ({"partition": "gpu", "gpus": 5}, "5 GPUs"),
        ({"partition": "gpu", "gpus": 1, "gpu_model": "h100"}, "1 GPUs h100"),
        ({"partition": "gup"}, "there is no partition gup; existing partitions: cpu, gpu"),
        ({"partition": "cpu,gpu", "gpus": 4, "mem_mb": 400_000}, None),
        ({"partition": ANYWHERE, "gpus": 4}, None),
        ({"partition": ANYWHERE, "gpus": 5}, "no node of any partition offers that"),
    ],
)
def test_what_no_node_has_is_named(wish: dict[str, object], complaint: str | None) -> None:
    lines = slurm.misfits([asked(**wish), asked(**wish)], [CPU, GPU])
    if complaint is None:
        assert lines == []
    else:
        assert len(lines) == 1 and lines[0].startswith("train: ") and complaint in lines[0]


def test_accounting_and_memory_of_ended_jobs(programs: Path) -> None:
    answer(programs, "scontrol", "echo 'AccountingStorageType   = accounting_storage/none'; echo 'MinJobAge = 300 sec'")
    settings = slurm.configuration()
    assert not slurm.has_accounting(settings) and slurm.seconds_remembered(settings) == 300
    assert slurm.has_accounting({"AccountingStorageType": "accounting_storage/slurmdbd"})


def test_jobs_are_found_by_number_and_by_name_and_cancelled_for_good(programs: Path, tmp_path: Path) -> None:
    queue = tmp_path / "queue"
    queue.write_text("7|mine\n12|mine\n13|theirs\n")
    answer(programs, "squeue", f"cat {queue}")
    answer(programs, "scancel", f"printf '13|theirs\\n' > {queue}; echo $* > {tmp_path}/cancelled")
    assert slurm.in_queue() == []
    assert slurm.in_queue(names=["mine"]) == ["7", "12"]
    assert slurm.in_queue(ids=["13", "99"]) == ["13"]
    assert slurm.cancel(["7", "12"]) == []
    assert (tmp_path / "cancelled").read_text().split() == ["7", "12"]


def test_a_program_that_is_missing_or_fails_is_named(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(programs, "sinfo", "echo 'Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(NoAnswer, match=r"sinfo .*: Unable to contact slurm controller"):
        slurm.nodes()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoAnswer, match="squeue: not installed on this host"):
        slurm.in_queue(ids=["1"])


def demanded(cluster: Cluster, attempt: int = 1, gpu: int = 0) -> dict[str, object]:
    found = demand(cluster, "train", attempt, mem_mb=1000, runtime=60, gpu=gpu)
    return {name: value for name, value in found.items() if value is not None}


def test_a_rule_gets_what_it_thinks_right_and_a_gpu_only_if_it_can_use_one() -> None:
    assert demanded(Cluster()) == {"mem_mb": 1000, "runtime": 60}
    assert demanded(Cluster(), gpu=1) == {"mem_mb": 1000, "runtime": 60, "gpu": 1}


@pytest.mark.parametrize(
    ("attempt", "mem_mb", "runtime"), [(1, 1000, 60), (2, 2000, 120), (3, 4000, 150), (4, 5000, 150)]
)
def test_each_try_asks_for_more_up_to_what_there_is(attempt: int, mem_mb: int, runtime: int) -> None:
    found = demanded(Cluster(most_mem_mb=5000, longest=150), attempt)
    assert found == {"mem_mb": mem_mb, "runtime": runtime}


def test_the_config_knows_better_for_one_rule() -> None:
    train = JobResources(mem_mb=64000, gpu=4, partition="big")
    cluster = Cluster(rules={"train": train, "predict": JobResources(mem_mb=1)})
    assert demanded(cluster, gpu=1) == {"mem_mb": 64000, "runtime": 60, "gpu": 4, "nodes": 1, "slurm_partition": "big"}


def test_partition_model_and_processors_of_gpu_jobs() -> None:
    cluster = Cluster(account="faces", partition="cpu", gpu_partition="gpu", gpu_model="a100", cpus_per_gpu=12)
    assert demanded(cluster) == {"mem_mb": 1000, "runtime": 60, "slurm_partition": "cpu", "slurm_account": "faces"}
    found = demanded(cluster, gpu=1)
    assert (found["slurm_partition"], found["gpu_model"], found["cpus_per_gpu"]) == ("gpu", "a100", 12)


def test_a_cluster_without_gpus_is_asked_for_none_of_what_belongs_to_them() -> None:
    cluster = Cluster(gpu=False, gpu_partition="gpu", gpu_model="a100", cpus_per_gpu=12)
    assert demanded(cluster, gpu=2) == {"mem_mb": 1000, "runtime": 60}


def resumed(runtime: int, attempt: int, cluster: Cluster | None = None, limits: Limits | None = None) -> dict[str, Any]:
    given = {"resumes": True, "limits": limits or Limits()}
    return dict(demand(cluster or Cluster(), "train", attempt, 16000, runtime, 1, **given))  # type: ignore[arg-type]


def test_a_job_that_resumes_asks_for_the_same_time_again_and_for_no_more_than_is_allowed() -> None:
    three_days, one_day = Limits(40_000, 4320), Limits(40_000, 1440)
    assert [resumed(2880, attempt)["runtime"] for attempt in (1, 2, 3)] == [2880] * 3
    assert [resumed(2880, attempt, limits=three_days)["runtime"] for attempt in (1, 2, 3)] == [2880] * 3
    assert [resumed(2880, attempt, limits=one_day)["runtime"] for attempt in (1, 2, 3)] == [1440] * 3
    assert [resumed(2880, attempt, limits=one_day)["mem_mb"] for attempt in (1, 2, 3)] == [16000, 32000, 40000]
    own = Cluster(longest=600, most_mem_mb=20_000, rules={"train": JobResources(runtime=5000)})
    assert [resumed(2880, attempt, own, one_day)["runtime"] for attempt in (1, 2)] == [600, 600]
    assert [resumed(2880, attempt, own, one_day)["mem_mb"] for attempt in (1, 2)] == [16000, 20000]


def test_a_job_that_starts_anew_asks_for_more_up_to_what_is_allowed() -> None:
    def tries(limits: Limits) -> list[tuple[object, object]]:
        found = [demand(Cluster(), "predict", attempt, 8000, 240, limits=limits) for attempt in (1, 2, 3)]
        return [(each["mem_mb"], each["runtime"]) for each in found]

    assert tries(Limits(20_000, 600)) == [(8000, 240), (16_000, 480), (20_000, 600)]
    # Less time may do; a first try that no node has the memory for is an error that says so.
    assert tries(Limits(6000, 60)) == [(8000, 60)] * 3


@pytest.mark.parametrize(
    ("partition", "cpus", "gpus", "model", "group", "limits"),
    [
        (None, 8, 0, None, "", Limits(256_000, 2880)),
        ("gpu", 8, 1, "a100", "", Limits(500_000, UNLIMITED)),
        ("cpu,gpu", 8, 1, None, "", Limits(500_000, UNLIMITED)),
        (ANYWHERE, 64, 0, None, "", Limits(256_000, 2880)),
        ("elsewhere", 8, 0, None, "", Limits()),
        # Two side by side, as often one after the other as it takes.
        (None, 1, 0, None, "tables", Limits(128_000, 720)),
        (None, 1, 0, None, "scores", Limits(128_000, 1440)),
        (None, 1, 0, None, "alone", Limits(256_000, 2880)),
    ],
)
def test_limits_are_those_of_the_nodes_that_could_take_a_job(
    partition: str | None, cpus: int, gpus: int, model: str | None, group: str, limits: Limits
) -> None:
    site = Site((CPU, GPU), {"tables": 8, "scores": 3, "alone": 1}, 2)
    assert site.limits(partition, cpus, gpus, model, group) == limits


def test_of_several_partitions_the_strictest_counts_where_all_must_allow_a_job(programs: Path) -> None:
    answer(programs, "sinfo", "echo 'cpu*|64|256000|2-00:00:00|(null)'; echo 'long|32|90000|7-00:00:00|(null)'")
    for told, limits in (("ALL", Limits(90_000, 2880)), ("NO", Limits(256_000, 10_080))):
        answer(programs, "scontrol", f"echo 'EnforcePartLimits       = {told}'")
        assert Site.ask({}, 1).limits("cpu,long", 8) == limits
        # The executor picks a partition that takes the job.
        assert Site.ask({}, 1, picks=True).limits(None, 8) == Limits(256_000, 10_080)


def test_jobs_are_told_what_the_snakemake_that_submits_was_told(programs: Path) -> None:
    rows = ["cpu*|64|256000|2-00:00:00|(null)"] * 2 + ["gpu|1|1|1:00|gpu:2"]
    answer(programs, "sinfo", "; ".join(f"echo '{row}'" for row in rows))
    site = Site.ask({"tables": 8}, 2)
    assert len(site.nodes) == 2 and site.limits(None, 1, group="tables") == Limits(128_000, 720)
    assert Site.heard(site.told()) == site
    for script in ("exit 1", "echo main"):
        answer(programs, "sinfo", script)
        assert Site.ask({}, 1).limits(None, 8, 1) == Limits()


FORMS: dict[Form, list[str]] = {
    "gpus": ["--gpus=a100:2", "--cpus-per-gpu=6", "--nodes=1"],
    "gres": ["--gres=gpu:a100:2", "--cpus-per-task=12", "--nodes=1"],
    "gpus-per-task": ["--gpus-per-task=a100:2", "--cpus-per-task=12", "--nodes=1", "--ntasks=1"],
}


def sbatch_of(resources: dict[str, Any]) -> list[str]:
    """Words of the command by which the executor would submit such a job."""
    from snakemake_executor_plugin_slurm.submit_string import get_submit_command
    from snakemake_executor_plugin_slurm.utils import set_gres_string
    from snakemake_executor_plugin_slurm.validation import validate_slurm_extra

    class Given(dict[str, Any]):
        __getattr__ = dict.__getitem__

    job = SimpleNamespace(resources=Given({"slurm_extra": None} | resources), threads=8)
    validate_slurm_extra(job)
    about = {"run_uuid": "1", "slurm_logfile": "log", "comment_str": "", "account": "", "partition": "", "workdir": "."}
    return (get_submit_command(job, about) + set_gres_string(job)).split()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("typed", [True, False])
def test_gpus_are_asked_for_in_one_form(form: Form, typed: bool) -> None:
    cluster = Cluster(gpu_model="a100" if typed else None, cpus_per_gpu=6, gpu_as=form)
    words = sbatch_of(demand(cluster, "train", 1, 1000, 60, 2, form=form))
    expected = [word if typed else word.replace("a100:", "") for word in FORMS[form]]
    kinds = ("--gpus", "--gres", "--cpus-per", "--nodes", "--ntasks")
    assert sorted(word for word in words if word.startswith(kinds)) == sorted(expected)
    asked = asked_of("train", 8, demand(cluster, "train", 1, 1000, 60, 2, form=form))
    assert (asked.gpus, asked.gpu_model, asked.cpus) == (2, "a100" if typed else None, 12)
    none = sbatch_of(demand(cluster, "read_faces", 1, 1000, 60, form=form))
    assert not re.search("gpu|gres", " ".join(none))


@pytest.mark.parametrize(
    ("form", "others", "elsewhere"),
    [
        ("gpus", {"gres": "gpu:h100:2"}, True),
        ("gpus", {"gres": "lustre:1"}, False),
        ("gpus", {"slurm_extra": "--mail-type=END --gpus-per-node=1"}, True),
        ("gpus", {"slurm_extra": "--gpu-bind=none"}, False),
        ("gres", {"gpu": 2}, True),
        ("gres", {"gpu_model": "a100"}, True),
        ("gpus-per-task", {"gres": "gpu"}, True),
        ("gpus-per-task", {}, False),
    ],
)
def test_another_way_of_the_user_takes_the_place_of_ours(form: Form, others: dict[str, Any], elsewhere: bool) -> None:
    assert asks_elsewhere(form, others.get) == elsewhere


@pytest.mark.parametrize(
    ("resources", "changes"),
    [
        ({"mem_mb": 4000, "mem_mb_per_cpu": 3000}, {"mem_mb": 24000}),
        ({"mem_mb": 4000, "slurm_partition": "short,long"}, {"mem_mb": 4000, "partition": "short,long"}),
        ({"gres": "gpu:1g.5gb:2"}, {"gpus": 2, "gpu_model": "1g.5gb"}),
        ({"gres": "gpu"}, {"gpus": 1}),
        ({"gres": "gpu:a100"}, {"gpus": 1, "gpu_model": "a100"}),
        ({"gpu_model": "a100"}, {"gpus": 1, "gpu_model": "a100"}),
        ({"slurm_extra": "--gpus-per-node=a100:4 --x"}, {"gpus": 4, "gpu_model": "a100"}),
        ({"gpu": 2, "cpus_per_gpu": 3}, {"gpus": 2, "cpus": 6}),
        ({"cpus_per_task": 5}, {"cpus": 5}),
    ],
)
def test_what_is_compared_with_nodes_is_what_is_submitted(resources: dict[str, Any], changes: dict[str, Any]) -> None:
    assert asked_of("train", 8, resources) == asked(**{"mem_mb": 0, "minutes": 0} | changes)
    assert asked_of("train", 8, {}, picked=True).partition == ANYWHERE
