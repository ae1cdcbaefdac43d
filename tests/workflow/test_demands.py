"""What jobs ask for: the rule's numbers, the config's in their place, and more at each try."""

from __future__ import annotations

import pytest

from uncover.config.cluster import Cluster, Demand
from uncover.workflow.demands import demand


def asked(cluster: Cluster, attempt: int = 1, gpu: int = 0) -> dict[str, object]:
    found = demand(cluster, "train", attempt, mem_mb=1000, runtime=60, gpu=gpu)
    return {name: value for name, value in found.items() if value is not None}


def test_a_rule_gets_what_it_thinks_right_and_a_gpu_only_if_it_can_use_one() -> None:
    assert asked(Cluster()) == {"mem_mb": 1000, "runtime": 60}
    assert asked(Cluster(), gpu=1) == {"mem_mb": 1000, "runtime": 60, "gpu": 1}


@pytest.mark.parametrize(
    ("attempt", "mem_mb", "runtime"), [(1, 1000, 60), (2, 2000, 120), (3, 4000, 150), (4, 5000, 150)]
)
def test_each_try_asks_for_more_up_to_what_there_is(attempt: int, mem_mb: int, runtime: int) -> None:
    found = asked(Cluster(most_mem_mb=5000, longest=150), attempt)
    assert found == {"mem_mb": mem_mb, "runtime": runtime}


def test_the_config_knows_better_for_one_rule() -> None:
    cluster = Cluster(rules={"train": Demand(mem_mb=64000, gpu=4, partition="big"), "predict": Demand(mem_mb=1)})
    assert asked(cluster, gpu=1) == {"mem_mb": 64000, "runtime": 60, "gpu": 4, "nodes": 1, "slurm_partition": "big"}


def test_partition_model_and_processors_of_gpu_jobs() -> None:
    cluster = Cluster(account="faces", partition="cpu", gpu_partition="gpu", gpu_model="a100", cpus_per_gpu=12)
    assert asked(cluster) == {"mem_mb": 1000, "runtime": 60, "slurm_partition": "cpu", "slurm_account": "faces"}
    found = asked(cluster, gpu=1)
    assert (found["slurm_partition"], found["gpu_model"], found["cpus_per_gpu"]) == ("gpu", "a100", 12)


def test_a_cluster_without_gpus_is_asked_for_none_of_what_belongs_to_them() -> None:
    cluster = Cluster(gpu=False, gpu_partition="gpu", gpu_model="a100", cpus_per_gpu=12)
    assert asked(cluster, gpu=2) == {"mem_mb": 1000, "runtime": 60}
