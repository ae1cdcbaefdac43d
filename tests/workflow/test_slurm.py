"""What SLURM's programs print, and which jobs no node would ever take."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.programs import answer
from uncover.workflow import slurm
from uncover.workflow.slurm import UNLIMITED, Asked, NoAnswer, Node

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
