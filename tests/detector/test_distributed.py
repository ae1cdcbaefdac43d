"""Two processes that train one network, as torchrun starts them."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
import torch
from squares import make_set

from uncover.detector.distributed import Crew, join_crew, pick_device
from uncover.errors import InputError

SETTINGS = ["model=yolov5n", "image_size=64", "batch=4", "nominal_batch=4", "epochs=2", "image_weights=true"]


TWICE = """
import sys
from uncover.cli import main

for out in ("one", "two"):
    assert main(["train", ".", out, "--device", "cpu", "--set", *sys.argv[1:]]) == 0
"""


def test_two_processes_train_one_network_and_repeat_themselves(tmp_path):
    make_set(tmp_path / "train", 9, seed=1)
    make_set(tmp_path / "val", 4, seed=2)
    (tmp_path / "twice.py").write_text(TWICE)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [*torchrun, "twice.py", *SETTINGS]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # Only one of the two speaks and writes.
    assert done.stderr.count("epoch 2/2: box") == 2
    assert (tmp_path / "one" / "weights.pt").read_bytes() == (tmp_path / "two" / "weights.pt").read_bytes()
    assert json.loads((tmp_path / "one" / "summary.json").read_text())["epochs_run"] == 2
    assert pd.read_csv(tmp_path / "one" / "results.csv")["train/box_loss"].gt(0).all()


def test_a_single_process_is_a_crew_of_one(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_crew("cpu") as crew:
        assert crew == Crew(0, 1, torch.device("cpu"))
        assert crew.leads and crew.share("value") == "value"


def test_a_device_that_is_not_here_is_named():
    with pytest.raises(InputError, match="device tpu: unknown"):
        pick_device("tpu")
    with pytest.raises(InputError, match=r"device cuda:9: torch sees \d+ GPUs"):
        pick_device("cuda:9")
