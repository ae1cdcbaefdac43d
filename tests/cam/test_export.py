"""Full-size files hold the rendered maps, whatever they are opened with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from uncover.cam.export import MOST_OPAQUE, export, overlay
from uncover.cam.heatmaps import MAP, NO_EVIDENCE, Heatmaps
from uncover.cam.store import pack, write_files
from uncover.errors import InputError
from uncover.images.letterbox import fit
from uncover.images.maps import average, read_maps, render
from uncover.images.reading import read_image

NAMES = ["whole face", "left eye/brow"]
FILES = {"a.tif": fit(200, 130, 128), "sub/b.tif": fit(90, 120, 128)}


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A heatmap set of two images, one of them with a blank channel."""
    folder = tmp_path_factory.mktemp("set")
    chance = np.random.default_rng(0)
    for number, (file, frame) in enumerate(FILES.items()):
        values = chance.random((3, frame.out_height // 32, frame.out_width // 32), np.float32)
        status = [MAP] * 3
        if number == 1:
            values[1], status[1] = 0, NO_EVIDENCE
        pack_ = pack(Heatmaps(values, tuple(status), (), 0), np.zeros((0, 6), np.float32), frame, NAMES, {})
        write_files(folder, file, pack_)
    (folder / "images/.c.99.tmp.tif").write_bytes(b"left by a killed process")
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {".uncover"}


def opened(path: Path) -> NDArray[np.uint8]:
    """A TIFF as OpenCV, Pillow and tifffile have it, which must be the same: uint8 (C, H, W)."""
    found, pages = cv2.imreadmulti(str(path), flags=cv2.IMREAD_UNCHANGED)
    with Image.open(path) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.asarray(image))
    stack = tifffile.imread(path)
    stack = stack.reshape(-1, *stack.shape[-2:])
    assert found and np.array_equal(np.stack(pages), stack) and np.array_equal(np.stack(frames), stack)
    return stack


@pytest.mark.parametrize("frame", ["original", "letterbox"])
def test_a_tiff_has_a_channel_per_class(maps: Path, tmp_path: Path, frame: str) -> None:
    out = tmp_path / "out"
    assert len(export(maps, out, "tiff", frame)) == 2
    assert names(out) == set(FILES)
    for file, fitted in FILES.items():
        expected = render(read_maps(maps / "images" / file), frame)
        found = opened(out / file)
        assert found.dtype == np.uint8 and np.array_equal(found, expected)
        size = (fitted.width, fitted.height) if frame == "original" else (fitted.out_width, fitted.out_height)
        assert found.shape == (2, *size[::-1])
        # And as we read it ourselves, where a detector of two channels would.
        assert np.array_equal(read_image(out / file, 2), expected.transpose(1, 2, 0))
    assert not opened(out / "sub/b.tif")[1].any()


def test_png_has_a_folder_per_class(maps: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(maps, out, "png", "original")
    assert names(out) == {
        f"{folder}/{name}.png" for folder in ("0_whole_face", "1_left_eye_brow") for name in ("a", "sub/b")
    }
    for file in FILES:
        expected = render(read_maps(maps / "images" / file), "original")
        for folder, channel in zip(("0_whole_face", "1_left_eye_brow"), expected, strict=True):
            picture = (out / folder / file).with_suffix(".png")
            assert np.array_equal(cv2.imread(str(picture), cv2.IMREAD_UNCHANGED), channel)


@pytest.mark.parametrize("kind", ["tiff", "png"])
@pytest.mark.parametrize("averaged", ["joint", "mean", "whole_face"])
def test_an_average_is_one_channel(maps: Path, tmp_path: Path, kind: str, averaged: str) -> None:
    out = tmp_path / "out"
    export(maps, out, kind, "original", averaged)
    suffix = ".tif" if kind == "tiff" else ".png"
    assert names(out) == {str(Path(file).with_suffix(suffix)) for file in FILES}
    for file in FILES:
        if averaged == "joint":
            stored = read_maps(maps / "joint" / file)
        else:
            stored = average(read_maps(maps / "images" / file), averaged)
        path = (out / file).with_suffix(suffix)
        found = opened(path)[0] if kind == "tiff" else cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(found, render(stored, "original")[0])


def test_what_was_exported_before_is_replaced(maps: Path, tmp_path: Path) -> None:
    export(maps, tmp_path / "out", "png", "original")
    export(maps, tmp_path / "out", "tiff", "original", "joint")
    assert names(tmp_path / "out") == set(FILES)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.docx").write_text("all of it")
    with pytest.raises(InputError, match="holds files that uncover did not make"):
        export(maps, tmp_path / "mine", "tiff", "original")


def test_a_set_that_is_none(tmp_path: Path) -> None:
    for make in (lambda: None, (tmp_path / "set/images").mkdir):
        (tmp_path / "set").mkdir(exist_ok=True)
        make()
        with pytest.raises(InputError, match="set/images: no maps; expected a heatmap set"):
            export(tmp_path / "set", tmp_path / "out", "tiff", "original")
    (tmp_path / "set/images/a.tif").write_bytes(b"II*\0")
    with pytest.raises(InputError, match=r"images/a\.tif: "):
        export(tmp_path / "set", tmp_path / "out", "tiff", "original")
    assert not (tmp_path / "out").exists()


def test_no_whole_face_among_the_classes(tmp_path: Path) -> None:
    values = np.zeros((3, 2, 4), np.float32)
    blank = Heatmaps(values, (NO_EVIDENCE,) * 3, (), 0)
    write_files(tmp_path, "a.tif", pack(blank, np.zeros((0, 6), np.float32), fit(200, 100, 128), ["cat", "dog"], {}))
    with pytest.raises(InputError, match="no heatmap of the class 'whole face' among cat, dog"):
        export(tmp_path, tmp_path / "out", "tiff", "original", "whole_face")
    assert not (tmp_path / "out").exists()


def test_a_blank_map_leaves_the_grey_photo() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    # Rec. 601, as every program that makes photos grey has it.
    grey = np.rint(photo @ [0.299, 0.587, 0.114])
    left = overlay(photo, np.zeros((6, 5), np.uint8)).astype(int)
    assert np.abs(left - grey[..., None]).max() <= 1


def test_the_colour_is_matplotlibs_and_as_opaque_as_the_map_is_high() -> None:
    from matplotlib import colormaps

    heat = np.arange(256, dtype=np.uint8)[None]
    grey = 100
    colours = 255 * colormaps["inferno"](heat)[..., :3]
    opacity = heat[..., None] / 255 * MOST_OPAQUE
    expected = grey * (1 - opacity) + colours * opacity
    found = overlay(np.full((1, 256, 3), grey, np.uint8), heat)
    # OpenCV has its own, sparser table of the same colours.
    assert np.abs(found - expected).max() < 3
