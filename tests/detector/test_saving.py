"""Files of torch: the same bytes under any name, and the system's own words where the disk is full."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

import pytest
import torch

from uncover.detector.saving import save


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
