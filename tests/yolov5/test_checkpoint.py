"""State of a training: round trip, another training's state, a spoilt file, a full disk."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

import pytest
import torch

from uncover.yolov5.checkpoint import TrainingState, load_state, save, save_state, state_folder


def test_state_comes_back_as_it_was(tmp_path):
    state = TrainingState(
        epoch=3,
        network={"a": torch.arange(3.0)},
        optimizer={"state": {0: {"momentum_buffer": torch.ones(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        rows=[{"epoch": 0, "x/lr0": 0.1}],
        best={"a": torch.zeros(3)},
        best_epoch=1,
        last_step=17,
    )
    save_state(tmp_path, state)
    again = load_state(tmp_path)
    assert again is not None
    assert torch.equal(again.network["a"], state.network["a"])
    assert torch.equal(again.optimizer["state"][0]["momentum_buffer"], torch.ones(2))
    assert (again.epoch, again.rows, again.best_epoch, again.last_step) == (3, state.rows, 1, 17)


def test_no_state_is_no_error(tmp_path):
    assert load_state(tmp_path / "nowhere") is None


def test_a_truncated_state_is_never_used(tmp_path, capsys):
    save_state(tmp_path, TrainingState(epoch=2, network={"a": torch.rand(500)}))
    file = tmp_path / "state.pt"
    whole = file.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert load_state(tmp_path) is None, length
        assert "starting from the first epoch" in capsys.readouterr().err


def test_a_foreign_pickle_is_never_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",))

    torch.save({"epoch": Trap()}, tmp_path / "state.pt")
    assert load_state(tmp_path) is None
    assert not (tmp_path / "sprung").exists()


def test_whatever_changes_the_result_changes_the_folder(tmp_path):
    base = {"settings": {"seed": 0, "epochs": 3}, "start": None}
    folders = {
        state_folder(tmp_path, identity)
        for identity in (base, base | {"start": "abc"}, base | {"settings": {"seed": 1, "epochs": 3}})
    }
    assert len(folders) == 3
    assert state_folder(tmp_path, dict(reversed(base.items()))) == state_folder(tmp_path, base)


def test_the_name_of_a_file_is_not_in_it(tmp_path: Path) -> None:
    content = {"weights": torch.arange(6.0), "epoch": 3}
    for name in ("a.pt", "longer.pt"):
        save(content, tmp_path / name)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "longer.pt").read_bytes()
    loaded = torch.load(tmp_path / "a.pt", weights_only=True)
    assert loaded["epoch"] == 3 and torch.equal(loaded["weights"], content["weights"])


def test_what_the_system_says_is_what_is_raised(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            save({"weights": torch.zeros(100_000)}, tmp_path / "a.pt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG


def test_a_signal_that_ends_the_process_is_no_defect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped:
        def write(self, content: bytes) -> int:
            raise SystemExit(143)

        def __enter__(self) -> Stopped:
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(Path, "open", lambda *_: Stopped())
    with pytest.raises(SystemExit):
        save({"weights": torch.zeros(100)}, tmp_path / "a.pt")
