"""Nobody ever meets a half-written file or folder."""

import os
import platform
import stat
import subprocess
from pathlib import Path

import pytest

from uncover.atomic import check_new_file, check_writable, new_file, new_folder
from uncover.errors import InputError


class Failure(Exception):
    pass


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Files


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new/deep/table.csv"
    with new_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists() and temporary.parent == path.parent and temporary.suffix == ".csv"
        temporary.write_text("whole")
    assert path.read_text() == "whole" and names(path.parent) == ["table.csv"]


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path: Path) -> None:
    path = tmp_path / ("\U0001f476" * 62 + ".mp4")
    with new_file(path) as temporary:
        temporary.write_text("whole")
        assert temporary.suffix == ".mp4"
    assert path.read_text() == "whole" and names(tmp_path) == [path.name]


@pytest.mark.parametrize("old", [None, "old"])
@pytest.mark.parametrize("written", [True, False])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, old: str | None, written: bool) -> None:
    path = tmp_path / "table.csv"
    if old is not None:
        path.write_text(old)
    before = names(tmp_path)
    with pytest.raises(Failure), new_file(path) as temporary:
        if written:
            temporary.write_text("half")
        raise Failure
    assert names(tmp_path) == before and (old is None or path.read_text() == old)


def test_a_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with new_file(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_a_folder_is_not_taken_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; give the path of a file"), new_file(tmp_path):
        raise AssertionError
    with pytest.raises(InputError, match="is a folder; give the path of a file"):
        check_new_file(tmp_path)


def test_what_stands_in_the_way_is_found_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for good in (tmp_path, tmp_path / "new", tmp_path / "new/deep"):
        check_writable(good)
        check_new_file(good / "table.csv")
    (tmp_path / "file").touch()
    for bad in (tmp_path / "file", tmp_path / "file/new/deep"):
        with pytest.raises(InputError, match="/file: is a file; give the path of a folder"):
            check_writable(bad)
    monkeypatch.setattr(os, "access", lambda folder, mode: folder != tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path}: is not writable"):
        check_new_file(tmp_path / "new/table.csv")
    assert names(tmp_path) == ["file"]


# Folders


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "new/deep/out"
    with new_folder(out) as folder:
        (folder / "a.txt").write_text("a")
        assert not out.exists()
    assert names(out) == [".uncover", "a.txt"] and names(out.parent) == ["out"]


def make(out: Path, content: str) -> None:
    with new_folder(out) as folder:
        (folder / f"{content}.txt").write_text(content)


def test_our_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    make(tmp_path / "out", "new")
    assert names(tmp_path / "out") == [".uncover", "new.txt"] and names(tmp_path) == ["out"]


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    make(tmp_path / "out", "new")
    assert names(tmp_path / "out") == [".uncover", "new.txt"]


@pytest.mark.parametrize("old", [True, False])
def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path: Path, old: bool) -> None:
    out = tmp_path / "out"
    if old:
        make(out, "old")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Failure), new_folder(out) as folder:
        (folder / "sub").mkdir()
        (folder / "sub/half.txt").write_text("half")
        raise Failure
    assert sorted(tmp_path.rglob("*")) == before


def test_an_interruption_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "out"):
        raise KeyboardInterrupt
    assert names(tmp_path) == ["out"] and names(tmp_path / "out") == [".uncover", "old.txt"]


def test_a_folder_that_somebody_else_filled_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="holds files that uncover did not make"), new_folder(tmp_path / "out"):
        raise AssertionError("never entered")
    assert names(tmp_path / "out") == ["thesis.tex"] and names(tmp_path) == ["out"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="is a file"), new_folder(tmp_path / "out"):
        raise AssertionError("never entered")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_link_to_our_folder_stays_a_link(tmp_path: Path) -> None:
    """Somebody keeps results on another disk."""
    make(tmp_path / "disk/out", "old")
    (tmp_path / "out").symlink_to(tmp_path / "disk/out")
    make(tmp_path / "out", "new")
    assert (tmp_path / "out").is_symlink()
    assert names(tmp_path / "disk/out") == [".uncover", "new.txt"]
    assert names(tmp_path) == ["disk", "out"] and names(tmp_path / "disk") == ["out"]


@pytest.mark.parametrize(("mask", "folder_mode", "file_mode"), [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600)])
def test_permissions_follow_the_users_mask(tmp_path: Path, mask: int, folder_mode: int, file_mode: int) -> None:
    old = os.umask(mask)
    try:
        make(tmp_path / "out", "new")
        with new_file(tmp_path / "table.csv") as temporary:
            temporary.write_text("new")
        assert os.umask(mask) == mask, "the mask itself is left alone"
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == folder_mode
    assert stat.S_IMODE((tmp_path / "out/new.txt").stat().st_mode) == file_mode
    assert stat.S_IMODE((tmp_path / "table.csv").stat().st_mode) == file_mode


@pytest.mark.parametrize("name", ["out", "out [1] ü%d"])
def test_what_a_kill_between_two_renames_left_comes_back(tmp_path: Path, name: str) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    retired = tmp_path / f".{name}.{platform.node()}-{dead.pid}.old"
    retired.mkdir()
    (retired / "content").write_text("all that there is")
    with pytest.raises(Failure), new_folder(tmp_path / name):
        raise Failure
    assert (tmp_path / name / "content").read_text() == "all that there is"
    assert not retired.exists()
