"""Each job gets a GPU of its own, gives it back however it ends, and says how much of its memory it took."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from uncover.config.load import load_config
from uncover.workflow.gpus import gpu_use, read_gpu_use
from uncover.workflow.run_record import begin_record, end_record

HOLD = """
import sys, time
from pathlib import Path
from uncover.workflow.gpus import take_gpus
print(",".join(take_gpus(int(sys.argv[2]), Path(sys.argv[1]))), flush=True)
time.sleep(60)
"""


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a job on a machine with three GPUs."""
    file = tmp_path / "bin" / "nvidia-smi"
    file.parent.mkdir()
    rows = "".join(f"echo '{index}, GPU-{name}, A100, 40960 MiB, 550.1'\n" for index, name in enumerate("abc"))
    file.write_text(f"#!/bin/sh\n{rows}")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    kept = {name: value for name, value in os.environ.items() if name not in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID")}
    return kept | {"PATH": f"{file.parent}:{os.environ['PATH']}", "UNCOVER_GPU_SLOTS": "1"}


class Jobs:
    """Processes that take GPUs and keep them."""

    def __init__(self, locks: Path, environment: dict[str, str]) -> None:
        self.locks, self.environment = locks, environment
        self.running: list[subprocess.Popen[str]] = []

    def start(self, count: int = 1, **variables: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", HOLD, str(self.locks), str(count)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        job = subprocess.Popen(words, env=self.environment | variables, text=True, **pipes)
        self.running.append(job)
        return job

    def end(self, job: subprocess.Popen[str], how: signal.Signals = signal.SIGKILL) -> None:
        job.send_signal(how)
        job.communicate()


@pytest.fixture
def jobs(tmp_path: Path, machine: dict[str, str]) -> Iterator[Jobs]:
    started = Jobs(tmp_path / "locks", machine)
    yield started
    for job in started.running:
        if job.poll() is None:
            started.end(job)


def gpus_of(job: subprocess.Popen[str]) -> set[str]:
    assert job.stdout is not None
    return {word for word in job.stdout.readline().strip().split(",") if word}


def test_jobs_side_by_side_have_different_gpus_and_the_next_one_waits_for_a_crash(jobs: Jobs) -> None:
    first = [jobs.start() for _ in range(3)]
    taken = [gpus_of(job) for job in first]
    assert sorted(word for one in taken for word in one) == ["GPU-a", "GPU-b", "GPU-c"]
    late = jobs.start()
    time.sleep(0.5)
    assert late.poll() is None
    jobs.end(first[1], signal.SIGKILL)
    assert gpus_of(late) == taken[1]


def test_whoever_wants_several_gets_them_once_they_are_free(jobs: Jobs) -> None:
    small, large = jobs.start(), None
    mine = gpus_of(small)
    large = jobs.start(3)
    time.sleep(0.3)
    jobs.end(small, signal.SIGTERM)
    assert gpus_of(large) == {"GPU-a", "GPU-b", "GPU-c"} and len(mine) == 1


def test_only_gpus_that_the_user_allows_are_taken(jobs: Jobs) -> None:
    assert gpus_of(jobs.start(CUDA_VISIBLE_DEVICES="2")) == {"GPU-c"}
    assert gpus_of(jobs.start(2, CUDA_VISIBLE_DEVICES="GPU-b,0")) == {"GPU-a", "GPU-b"}


SCHEDULERS = [{"SLURM_JOB_ID": "7"}, {"PBS_JOBID": "7"}, {"LSB_JOBID": "7"}, {"KUBERNETES_SERVICE_HOST": "here"}]


@pytest.mark.parametrize("variables", SCHEDULERS)
def test_within_an_allocation_jobs_share_out_what_it_names(jobs: Jobs, variables: dict[str, str]) -> None:
    running = [jobs.start(CUDA_VISIBLE_DEVICES="0,2", **variables) for _ in range(2)]
    assert set.union(*map(gpus_of, running)) == {"GPU-a", "GPU-c"}
    late = jobs.start(CUDA_VISIBLE_DEVICES="0,2", **variables)
    time.sleep(0.5)
    assert late.poll() is None


@pytest.mark.parametrize(
    ("visible", "taken"),
    [
        ("", set()),
        ("-1", set()),
        ("NoDevFiles", set()),
        ("1,-1,2", {"GPU-b"}),
        ("GPU-c, GPU-c, 2", {"GPU-c"}),
        ("MIG-1f,MIG-2e", {"MIG-1f", "MIG-2e"}),
        ("MIG-GPU-a/1/0", {"MIG-GPU-a/1/0"}),
        ("0,MIG-2e", {"GPU-a", "MIG-2e"}),
        ("1,7", {"GPU-b"}),
        ("4,6", {"4", "6"}),
        ("GPU-x,GPU-y", {"GPU-x", "GPU-y"}),
    ],
)
def test_names_of_all_kinds_are_shared_out_one_by_one(jobs: Jobs, visible: str, taken: set[str]) -> None:
    running = [jobs.start(CUDA_VISIBLE_DEVICES=visible, SLURM_JOB_ID="7") for _ in range(max(1, len(taken)))]
    found = [gpus_of(job) for job in running]
    assert set.union(*found) == taken and all(len(each) == min(1, len(taken)) for each in found)


@pytest.mark.parametrize(("visible", "outcome"), [("4", "used as named"), ("1,4", "ignored")])
def test_names_that_the_driver_does_not_list_are_told(jobs: Jobs, visible: str, outcome: str) -> None:
    job = jobs.start(CUDA_VISIBLE_DEVICES=visible)
    gpus_of(job)
    job.kill()
    _, errors = job.communicate()
    assert f"CUDA_VISIBLE_DEVICES names 4, which nvidia-smi does not list: {outcome}" in errors


def test_a_shortened_identifier_is_the_same_gpu(jobs: Jobs) -> None:
    program = Path(jobs.environment["PATH"].split(":")[0]) / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho '0, GPU-12ab-77, A100, 40960 MiB, 550.1'\necho '1, GPU-34, A100, 1 MiB, 550.1'\n"
    )
    assert gpus_of(jobs.start(CUDA_VISIBLE_DEVICES="GPU-12ab")) == {"GPU-12ab-77"}


def test_without_a_driver_numbers_are_no_gpus_and_identifiers_are(jobs: Jobs) -> None:
    (Path(jobs.environment["PATH"].split(":")[0]) / "nvidia-smi").unlink()
    nowhere = {"PATH": os.path.dirname(sys.executable)}
    assert gpus_of(jobs.start(CUDA_VISIBLE_DEVICES="0,1", **nowhere)) == set()
    assert gpus_of(jobs.start(CUDA_VISIBLE_DEVICES="GPU-a,GPU-b", **nowhere)) == {"GPU-a"}


def test_nothing_is_taken_where_nobody_has_asked(jobs: Jobs) -> None:
    assert gpus_of(jobs.start(UNCOVER_GPU_SLOTS="")) == set()


def test_more_than_there_are_is_one_line(jobs: Jobs) -> None:
    job = jobs.start(4)
    _, errors = job.communicate(timeout=30)
    assert "4 processes need one GPU each, but only 3 GPUs are available: reduce `processes`" in errors


def test_peak_memory_of_gpus_is_read_from_the_logs_of_this_run(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    for name, age in (("train/rgb10", 0), ("train/rgb1", 3600)):
        file = logs / f"{name}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("epoch 1/1\nGPU: NVIDIA H100 80GB HBM3, at most 12.25 GB of its memory\n")
        os.utime(file, (file.stat().st_mtime - age,) * 2)
    record = begin_record(tmp_path / "run", load_config(Path("config/demo.yaml")), tmp_path, {})
    record.about["started"] = "2000-01-01T00:00:00+00:00"
    assert read_gpu_use(logs, os.stat(logs / "train/rgb10.log").st_mtime - 60) == {
        "train/rgb10": {"gpu": "NVIDIA H100 80GB HBM3", "gigabytes": 12.25}
    }
    end_record(record, "complete", logs)
    assert record.about["peak_gpu_memory"].keys() == {"train/rgb10", "train/rgb1"}


def test_the_line_of_a_command_is_the_line_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cuda:
        is_available = is_initialized = staticmethod(lambda: True)
        get_device_name = staticmethod(lambda: "NVIDIA A100-SXM4-40GB")
        max_memory_reserved = staticmethod(lambda: 3_456_000_000)

    monkeypatch.setitem(sys.modules, "torch", type("torch", (), {"cuda": Cuda}))
    line = gpu_use()
    (tmp_path / "train.log").write_text(f"before\n{line}\nafter\n")
    assert read_gpu_use(tmp_path) == {"train": {"gpu": "NVIDIA A100-SXM4-40GB", "gigabytes": 3.46}}


def test_a_command_without_torch_has_used_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert gpu_use() is None
