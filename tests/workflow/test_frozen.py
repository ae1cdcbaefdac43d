"""A frozen copy is the code, whole, and stays as it is; raw data is known by its fingerprint."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from uncover.workflow.frozen import ABSENT, PARTS, code_state, folder_fingerprint, freeze


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for name in PARTS:
        (root / name / "deep").mkdir(parents=True)
        (root / name / "deep" / "file.txt").write_text(name)
    (root / "workflow" / "Snakefile").write_text("rule all:\n")
    program = root / "workflow" / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (root / "results").mkdir()
    (root / "results" / "large.bin").write_text("no part of the code")
    return root


def files_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_copy_has_all_that_a_run_is_made_from_and_nothing_else(checkout: Path, tmp_path: Path) -> None:
    copy = freeze(checkout, tmp_path / "code")
    expected = files_of(checkout)
    del expected["results/large.bin"]
    assert files_of(copy).keys() - {".uncover"} == expected.keys()
    assert {name: text for name, text in files_of(copy).items() if name != ".uncover"} == expected
    assert not any(path.stat().st_mode & 0o222 for path in copy.rglob("*.txt"))
    assert (copy / "workflow" / "program").stat().st_mode & 0o111
    shutil.rmtree(copy)


def test_the_same_code_is_copied_once_and_any_edit_makes_another_copy(checkout: Path, tmp_path: Path) -> None:
    copy = freeze(checkout, tmp_path / "code")
    marked = copy.stat().st_ino
    assert freeze(checkout, tmp_path / "code") == copy and copy.stat().st_ino == marked
    before = files_of(copy)
    (checkout / "src" / "deep" / "file.txt").write_text("edited")
    assert freeze(checkout, tmp_path / "code") != copy
    assert files_of(copy) == before


def test_compiled_files_are_no_code(checkout: Path) -> None:
    before = code_state(checkout)
    for name in ("src/__pycache__/a.pyc", "src/uncover.egg-info/PKG-INFO"):
        (checkout / name).parent.mkdir()
        (checkout / name).write_text("made by a machine")
    assert code_state(checkout) == before
    (checkout / "src" / "new.py").write_text("")
    assert code_state(checkout) != before


def test_a_copy_is_the_same_code_as_its_original(checkout: Path, tmp_path: Path) -> None:
    assert code_state(freeze(checkout, tmp_path / "code")) == code_state(checkout)


def raw_folder(folder: Path) -> Path:
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "x.txt").write_text("12345")
    (folder / "y.txt").write_text("1")
    return folder


def test_a_copy_with_other_times_looks_the_same(tmp_path: Path) -> None:
    first = raw_folder(tmp_path / "first")
    second = shutil.copytree(first, tmp_path / "second")
    os.utime(second / "y.txt", (0, 0))
    assert folder_fingerprint(first) == folder_fingerprint(second)


def test_names_sizes_and_places_count(tmp_path: Path) -> None:
    folder = raw_folder(tmp_path / "folder")
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
    folder = raw_folder(tmp_path / "folder")
    before = folder_fingerprint(folder, sizes=False)
    (folder / "y.txt").write_text("12")
    assert folder_fingerprint(folder, sizes=False) == before
    (folder / "y.txt").rename(folder / "z.txt")
    assert folder_fingerprint(folder, sizes=False) != before


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert folder_fingerprint(tmp_path / "nowhere") == ABSENT
