"""What SLURM's programs print, which jobs no node would ever take, and what our jobs ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.programs import answer
from uncover.config.cluster import Cluster, JobResources
from uncover.workflow import slurm
from uncover.workflow.slurm import UNLIMITED, Asked, NoAnswer, Node, demand

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


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ({}, None),
        ({"partition": "gpu", "gpus": 4, "gpu_model": "a100", "minutes": 10**6}, None),
        ({"cpus": 65}, "65 processors"),
        ({"mem_mb": 256_001}, "256001 MB"),
        ({"minutes": 2881}, "2881 minutes"),
        ({"gpus": 1}, "1 GPUs, and no node of the default partition has it"),
        ({"partition": "gpu", "gpus": 5}, "5 GPUs"),
        ({"partition": "gpu", "gpus": 1, "gpu_model": "h100"}, "1 GPUs h100"),
        ({"partition": "gup"}, "there is no partition gup; partitions: cpu, gpu"),
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
    with pytest.raises(NoAnswer, match="squeue: is not installed here"):
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
