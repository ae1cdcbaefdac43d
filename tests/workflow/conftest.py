"""A machine with programs of our own making, and a memory of source files of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from uncover.workflow import source


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs come before all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A memory of its own, empty."""
    file = tmp_path / "memory" / "sources.json"
    monkeypatch.setattr(source, "_memory", lambda: file)
    for name in ("_new", "_used"):
        monkeypatch.setattr(source, name, set())
    source._known.cache_clear()
    yield file
    source._known.cache_clear()
