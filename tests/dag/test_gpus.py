"""Jobs that Snakemake starts on a workstation wait for a GPU of their own."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
import time
import uuid
from pathlib import Path

import pytest

from tests.dag.conftest import Checkout
from tests.dag.quick_python import server
from uncover.workflow.gpu_slots import LOCKS

TARGET = "results/tiny/predictions/rgb1/hof.parquet"


def test_a_job_waits_while_another_holds_the_only_gpu(
    own_checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"GPU-{uuid.uuid4()}"
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '0, {name}, A100, 40960 MiB, 550.1'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    for variable in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID"):
        monkeypatch.delenv(variable, raising=False)
    LOCKS.mkdir(exist_ok=True)
    LOCKS.chmod(0o1777)
    lock = LOCKS / f"{name}.lock"
    (own_checkout.root / TARGET).unlink()
    log = own_checkout.root / "results/tiny/logs/predict/rgb1/hof.log"
    log.unlink()
    with lock.open("w") as held, server(own_checkout.python, "uncover"):
        fcntl.flock(held, fcntl.LOCK_EX)
        run = threading.Thread(target=own_checkout.snakemake, args=(TARGET,))
        run.start()
        until = time.monotonic() + 30
        while not (log.exists() and "waiting for a free GPU" in log.read_text()):
            assert time.monotonic() < until
            time.sleep(0.1)
        assert not (own_checkout.root / TARGET).exists()
        fcntl.flock(held, fcntl.LOCK_UN)
        run.join(30)
    lock.unlink()
    assert (own_checkout.root / TARGET).exists()
