"""Fingerprints of raw data."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from uncover.workflow.frozen import ABSENT, folder_fingerprint


def make(folder: Path) -> Path:
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "x.txt").write_text("12345")
    (folder / "y.txt").write_text("1")
    return folder


def test_a_copy_with_other_times_looks_the_same(tmp_path: Path) -> None:
    first = make(tmp_path / "first")
    second = shutil.copytree(first, tmp_path / "second")
    os.utime(second / "y.txt", (0, 0))
    assert folder_fingerprint(first) == folder_fingerprint(second)


def test_names_sizes_and_places_count(tmp_path: Path) -> None:
    folder = make(tmp_path / "folder")
    seen = {folder_fingerprint(folder)}
    (folder / "y.txt").write_text("12")
    seen.add(folder_fingerprint(folder))
    (folder / "y.txt").rename(folder / "z.txt")
    seen.add(folder_fingerprint(folder))
    (folder / "z.txt").rename(folder / "a" / "z.txt")
    seen.add(folder_fingerprint(folder))
    (folder / "a" / "z.txt").unlink()
    seen.add(folder_fingerprint(folder))
    assert len(seen) == 5


def test_names_alone_are_enough_where_sizes_are_not_asked_for(tmp_path: Path) -> None:
    folder = make(tmp_path / "folder")
    before = folder_fingerprint(folder, sizes=False)
    (folder / "y.txt").write_text("12")
    assert folder_fingerprint(folder, sizes=False) == before
    (folder / "y.txt").rename(folder / "z.txt")
    assert folder_fingerprint(folder, sizes=False) != before


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert folder_fingerprint(tmp_path / "nowhere") == ABSENT
