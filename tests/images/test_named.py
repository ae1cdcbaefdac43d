"""Images by name: as a data set, a folder or files give them."""

from __future__ import annotations

from pathlib import Path

import pytest

from uncover.errors import InputError
from uncover.images.reading import check_apart, named_images


def touch(root: Path, *names: str) -> list[Path]:
    paths = [root / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def test_images_are_named_below_their_folder_or_by_their_bare_name(tmp_path: Path) -> None:
    touch(tmp_path, "set/images/b.png", "set/images/a/c.jpg", "set/labels/b.txt", "set/other.png", "plain/x/y.png")
    images = tmp_path / "set/images"
    assert named_images([tmp_path / "set"]) == {"a/c.jpg": images / "a/c.jpg", "b.png": images / "b.png"}
    assert named_images([images]) == named_images([tmp_path / "set"])
    assert list(named_images([tmp_path / "plain"])) == ["x/y.png"]
    files = [images / "b.png", tmp_path / "plain/x/y.png"]
    assert named_images(files) == {"b.png": files[0], "y.png": files[1]}


def test_what_has_no_name_of_its_own_is_refused(tmp_path: Path) -> None:
    first, second = touch(tmp_path, "a/1.png", "b/1.png")
    with pytest.raises(InputError, match=r"b/1\.png: has the name of .*a/1\.png"):
        named_images([first, second])
    with pytest.raises(InputError, match="a: is a folder among 2 images"):
        named_images([first, tmp_path / "a"])
    with pytest.raises(InputError, match="nowhere: no such folder"):
        named_images([tmp_path / "nowhere"])


def test_results_may_not_stand_among_the_images(tmp_path: Path) -> None:
    (file,) = touch(tmp_path, "set/images/a.png")
    for given, out in ((tmp_path / "set", "set/images/maps"), (tmp_path / "set/images", "set/images")):
        with pytest.raises(InputError, match=r"stands among the images in .*images; give a folder elsewhere"):
            check_apart([given], tmp_path / out)
    check_apart([tmp_path / "set"], tmp_path / "set/heatmaps")
    check_apart([file], tmp_path / "set/images/maps")
