"""Several processes that share one training, as `processes` starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.yolov5.squares import make_set
from uncover.process import is_alive
from uncover.yolov5 import launch
from uncover.yolov5.launch import launch_processes

SETTINGS = ["model=yolov5n", "image_size=64", "batch=4", "nominal_batch=4", "epochs=2", "weights=scratch"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    make_set(folder / "train", 9, seed=1)
    make_set(folder / "val", 4, seed=2)
    return folder


def command(python: Path, data: Path, out: Path, *settings: str) -> list[str]:
    words = ["train", str(data), str(out), "--device", "cpu", "--set", *SETTINGS, *settings]
    return [str(python), "-m", "uncover", *words]


def test_bad_input_of_all_processes_is_one_line_and_exit_code_2(python: Path, data: Path, tmp_path: Path) -> None:
    words = command(python, data, tmp_path / "out", "processes=2", "--start", str(tmp_path / "absent.pt"))
    done = subprocess.run(words, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("absent.pt: no such file") == 1 and "Traceback" not in done.stderr


SCRIPT = """
import os, sys, time
from pathlib import Path
rank = os.environ["RANK"]
Path(sys.argv[-1], rank).write_text(str(os.getpid()))
if rank == "1" and "fail" in sys.argv:
    while not Path(sys.argv[-1], "0").exists():
        time.sleep(0.05)
    sys.exit("the second one cannot")
time.sleep(60)
"""


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module `uncover` for `python -m` whose processes write their numbers into this folder."""
    package = tmp_path / "path" / "uncover"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(SCRIPT)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    folder = tmp_path / "numbers"
    folder.mkdir()
    return folder


def test_one_that_fails_ends_the_others_and_is_heard(
    numbers: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "SECONDS_TO_SPEAK", 0.5)
    assert launch_processes(2, ["fail", str(numbers)], "NOBODY") == 1
    assert "the second one cannot" in capfd.readouterr().err
    assert not is_alive(int((numbers / "0").read_text()))


def test_whoever_ends_the_command_ends_them_all(numbers: Path) -> None:
    script = "import signal, sys; from uncover_launch import launch_processes;"
    script += "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); launch_processes(2, sys.argv[1:], 'NOBODY')"
    # Our own package is out of sight in there, so the module comes under another name.
    text = (
        Path(launch.__file__)
        .read_text()
        .replace("from uncover.process import this_process", "this_process = lambda: ''")
    )
    (numbers.parent / "path" / "uncover_launch.py").write_text(text)
    process = subprocess.Popen([sys.executable, "-c", script, "run", str(numbers)])
    until = time.monotonic() + 30
    while not all((numbers / rank).exists() and (numbers / rank).read_text() for rank in "01"):
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert not any(is_alive(int((numbers / rank).read_text())) for rank in "01")
