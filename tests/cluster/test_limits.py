"""A partition that allows less than jobs would ask for, defaults of a site, and each way to ask for a GPU."""

from __future__ import annotations

import subprocess

import pytest

from tests.cluster.guest import Guest, kill, queue, wait_for

SYNTHETIC = "results/tiny/raw/wflw/synthetic.json"
WEIGHTS = "results/tiny/models/rgb1/weights.pt"
SETS = [f"results/tiny/datasets/{name}/manifest.parquet" for name in ("train", "val")]
OF_SITE = ("--default-resources", "slurm_partition=short", "slurm_account=me")


def log_of(guest: Guest) -> str:
    file = guest.run_folder / "logs/train/rgb1.log"
    return file.read_text() if file.exists() else ""


def test_defaults_of_the_site_are_what_jobs_are_submitted_with(guest: Guest) -> None:
    guest.must_run(SYNTHETIC, *OF_SITE)
    (job,) = guest.jobs()
    assert (job["Partition"], job["Account"]) == ("short", "me")
    assert (job["MinMemoryNode"], job["TimeLimit"], job["JobState"]) == ("1000M", "01:00:00", "COMPLETED")


def test_demands_are_compared_with_the_partition_of_the_defaults(guest: Guest) -> None:
    code, text = guest.run(SYNTHETIC, *OF_SITE, "--config", "cluster={rules: {make_synthetic: {mem_mb: 4000}}}")
    assert code == 2 and guest.jobs() == []
    (line,) = (line for line in text.splitlines() if "this cluster can never run some jobs" in line)
    assert "make_synthetic: requests 1 processors, 4000 MB" in line and "no node of partition short offers that" in line


def test_a_training_that_its_time_limit_cuts_off_asks_for_the_same_time_again_and_goes_on(guest: Guest) -> None:
    guest.run_here(*SETS)
    settings = "{most_mem_mb: null, longest: null, rules: {train: {mem_mb: 2000}}}"
    process = guest.start(
        WEIGHTS, *OF_SITE, "--config", f"cluster={settings}", "detectors={rgb1: {epochs: 5000, patience: 5000}}"
    )
    try:
        wait_for(lambda: "epoch 2/" in log_of(guest), 120, "the second epoch")
        (first,) = guest.jobs()
        subprocess.run(["scontrol", "update", f"JobId={first['JobId']}", "TimeLimit=1"], check=True)
        wait_for(lambda: "resuming after epoch" in log_of(guest), 240, "the training to go on")
        cut_off, again = guest.jobs()
        assert (first["TimeLimit"], first["MinMemoryNode"]) == ("02:00:00", "2000M")
        assert cut_off["JobState"] == "TIMEOUT"
        # Jobs are told what is allowed, and come to the same.
        logs = [file.read_text() for file in (guest.root / ".snakemake" / "slurm_logs").rglob("*.log")]
        assert logs and all("runtime=120" in text and "runtime=2880" not in text for text in logs)
        # The node has more memory, the partition has not.
        assert (again["TimeLimit"], again["MinMemoryNode"]) == ("02:00:00", "3000M")
    finally:
        kill(process)
        subprocess.run(["scancel", "--user=root"], check=True)
        wait_for(lambda: not queue(), 60, "the end of all jobs")


@pytest.mark.parametrize(
    ("form", "told"), [("gpus", "TresPerJob"), ("gres", "TresPerNode"), ("gpus-per-task", "TresPerTask")]
)
def test_a_gpu_is_asked_for_in_one_form_and_given(guest: Guest, form: str, told: str) -> None:
    settings = f"cluster={{gpu_as: {form}, gpu_model: a100, rules: {{make_synthetic: {{gpu: 1}}}}}}"
    guest.must_run(SYNTHETIC, "--config", settings)
    (job,) = guest.jobs()
    ways = {name: job[name] for name in ("TresPerJob", "TresPerNode", "TresPerTask") if name in job}
    assert list(ways) == [told] and "gpu:a100" in ways[told].replace("=", ":")
    details = subprocess.run(["scontrol", "show", "job", "--details", job["JobId"]], capture_output=True, text=True)
    assert "JOB_GRES=gpu:a100:1" in details.stdout and job["JobState"] == "COMPLETED", details
