"""Two processes that train one network, as torchrun starts them and as we do."""

import json
import os
import subprocess
import sys
from datetime import timedelta

import pandas as pd
import pytest
import torch

from tests.yolov5.squares import make_set
from uncover.errors import InputError
from uncover.yolov5.device import pick_device
from uncover.yolov5.distributed import WAIT, ProcessGroup, process_group
from uncover.yolov5.weights import load_weights

SETTINGS = ["model=yolov5n", "image_size=64", "batch=4", "nominal_batch=4", "epochs=2", "image_weights=true"]


@pytest.mark.whole_run
def test_two_processes_train_one_network_whoever_starts_them(tmp_path, python):
    make_set(tmp_path / "train", 9, seed=1)
    make_set(tmp_path / "val", 4, seed=2)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for out, start, setting in (("one", torchrun, []), ("two", [], ["processes=2"])):
        words = ["train", str(tmp_path), str(tmp_path / out), "--device", "cpu", "--set", *SETTINGS, *setting]
        command = [*start, python, "-m", "uncover", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        # Only one of the two speaks and writes.
        assert done.stderr.count("epoch 2/2: box") == 1 and "2 processes" in done.stderr
    one, two = (load_weights(tmp_path / out / "weights.pt")[0].state_dict() for out in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert json.loads((tmp_path / "one" / "summary.json").read_text())["epochs_run"] == 2
    assert pd.read_csv(tmp_path / "one" / "results.csv")["train/box_loss"].gt(0).all()


def test_a_single_process_is_a_group_of_one(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with process_group("cpu") as processes:
        assert processes == ProcessGroup(0, 1, torch.device("cpu"))
        assert processes.is_main and processes.broadcast("value") == "value"


def test_the_others_wait_longer_for_the_leader_than_any_validation_takes(monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    joined = []
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda *given, **named: joined.append((given, named)))
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: joined.append("left"))
    with process_group("cpu") as processes:
        assert processes == ProcessGroup(1, 2, torch.device("cpu"))
    # Torch's own limits are ten minutes on GPUs and half an hour elsewhere.
    assert joined == [(("gloo",), {"timeout": WAIT}), "left"] and timedelta(days=1) <= WAIT


def test_a_device_that_is_not_here_is_named():
    with pytest.raises(InputError, match="device tpu: unknown"):
        pick_device("tpu")
    with pytest.raises(InputError, match=r"device cuda:9: torch finds \d+ GPUs"):
        pick_device("cuda:9")
