"""Decoded images are kept where there is room, and are never stale."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from uncover import process
from uncover.images import cache
from uncover.images.cache import ImageCache, Place, choose_place
from uncover.images.letterbox import fit
from uncover.images.reading import Source
from uncover.process import free_memory

GB = 10**9


def photo(path: Path, level: int = 50) -> Path:
    Image.fromarray(np.full((40, 60, 3), level, np.uint8)).save(path)
    return path


def cache_of(path: Path, place: Place, folder: Path | None, said: list[str] | None = None) -> ImageCache:
    return ImageCache([path], [fit(60, 40, 32)], 3, place, folder, ([] if said is None else said).append)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was decoded."""
    done: list[Path] = []
    decode = cache.read_source

    def counted(path: Path, *more: Any) -> Source:
        done.append(path)
        return decode(path, *more)

    monkeypatch.setattr(cache, "read_source", counted)
    return done


@pytest.mark.parametrize(("place", "decoded"), [("ram", 1), ("disk", 1), ("none", 3)])
def test_images_are_decoded_once_where_they_are_kept(
    tmp_path: Path, reads: list[Path], place: Place, decoded: int
) -> None:
    images = cache_of(photo(tmp_path / "a.png"), place, tmp_path / "kept")
    for _ in range(3):
        image = images[0]
        assert image.shape == (22, 32, 3) and (image == 50).all()
    assert len(reads) == decoded
    assert sum(1 for _ in tmp_path.glob("kept/*")) == (place == "disk")


def test_a_photo_that_changed_is_decoded_again(tmp_path: Path, reads: list[Path]) -> None:
    path = photo(tmp_path / "a.png")
    assert (cache_of(path, "disk", tmp_path / "kept")[0] == 50).all()
    assert (cache_of(path, "disk", tmp_path / "kept")[0] == 50).all() and len(reads) == 1
    photo(path, 90)
    os.utime(path, ns=(1, 1))
    assert (cache_of(path, "disk", tmp_path / "kept")[0] == 90).all() and len(reads) == 2


def test_a_spoilt_file_is_decoded_again(tmp_path: Path, reads: list[Path]) -> None:
    path = photo(tmp_path / "a.png")
    assert cache_of(path, "disk", tmp_path / "kept")[0].size
    (file,) = (tmp_path / "kept").iterdir()
    for content in (b"", file.read_bytes()[:200]):
        file.write_bytes(content)
        assert (cache_of(path, "disk", tmp_path / "kept")[0] == 50).all()
    assert len(reads) == 3


def test_a_full_disk_ends_keeping_and_not_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.np, "save", full)
    said: list[str] = []
    images = cache_of(photo(tmp_path / "a.png"), "disk", tmp_path / "kept", said)
    assert (images[0] == 50).all() and (images[0] == 50).all()
    assert len(said) == 1 and "No space left on device" in said[0]


@pytest.mark.parametrize(
    ("requested", "needed", "disk", "expected", "lines"),
    [
        ("auto", 4, 100, "ram", 0),
        ("auto", 6, 100, "disk", 1),
        ("ram", 6, 100, "disk", 1),
        ("auto", 6, 10, "none", 2),
        ("auto", 6, None, "none", 1),
        ("disk", 1, 100, "disk", 0),
        ("disk", 1, None, "none", 0),
        ("none", 1, 100, "none", 0),
    ],
)
def test_images_go_where_there_is_room(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    requested: str,
    needed: int,
    disk: int | None,
    expected: str,
    lines: int,
) -> None:
    monkeypatch.setattr(cache, "free_memory", lambda: 10 * GB)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=(disk or 0) * GB))
    said: list[str] = []
    folder = None if disk is None else tmp_path / "not/yet/there"
    assert choose_place(requested, needed * GB, folder, 1, said.append) == expected  # type: ignore[arg-type]
    assert len(said) == lines
    assert choose_place("auto", 4 * GB, None, 2, said.append) == "none"


def test_limits_of_a_container_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def group(name: str, limit: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file, content in (("max", limit), ("current", "700"), ("stat", "anon 1\ninactive_file 200\n")):
            (folder / f"memory.{file}").write_text(content)
        return folder

    groups = [group("free", "max"), group("job", "1000"), tmp_path / "missing"]
    monkeypatch.setattr(process, "_control_groups", lambda: groups)
    assert free_memory() == 500
    monkeypatch.setattr(process, "_control_groups", lambda: groups[:1])
    assert free_memory() > 10**6
