"""What a run leaves about itself, and what later runs can tell from it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from uncover.config.load import check_config, load_config
from uncover.process import this_process
from uncover.workflow.digest import code_digest, code_states, content_digest
from uncover.workflow.gpu_use import gpu_use, read_gpu_use
from uncover.workflow.run_record import begin_record, end_record, orphans_of, read_records

REPOSITORY = Path(__file__).parents[2]
CONFIG = check_config({"run": "a", "splits": {"seed": 4}, "raw": {"standin": True}})


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


@pytest.mark.parametrize("name", ["demo", "thesis", "as_released", "real_sample", "hundredfold"])
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
    code_digest("uncover.commands.label_faces")
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
    digest, other = code_digest("uncover.commands.label_faces"), code_digest("uncover.parts.boxes:FEWEST_POINTS")
    files = content_digest(Path(__file__).parent, "test_run_record.py")
    record = begin_record(tmp_path, CONFIG, tmp_path, {})
    code = record.code()
    assert "uncover.parts.boxes:FEWEST_POINTS" in code[digest] and "uncover.console:say" not in code[digest]
    assert code[other] == {"uncover.parts.boxes:FEWEST_POINTS": code[digest]["uncover.parts.boxes:FEWEST_POINTS"]}
    assert list(code[files]) == ["test_run_record.py"]
    assert code == {
        digest: {part: code_states()[1][part] for part in parts} for digest, parts in code_states()[0].items()
    }


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


def test_peak_memory_of_gpus_is_read_from_the_logs_of_this_run(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    for name, age in (("train/rgb10", 0), ("train/rgb1", 3600)):
        file = logs / f"{name}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("epoch 1/1\nGPU: NVIDIA H100 80GB HBM3, at most 12.25 GB of its memory\n")
        os.utime(file, (file.stat().st_mtime - age,) * 2)
    record = begin_record(tmp_path / "run", CONFIG, tmp_path, {})
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
