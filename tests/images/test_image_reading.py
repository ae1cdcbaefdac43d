"""Image files of 1, 3 and more channels, and what is wrong with some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from uncover.errors import InputError
from uncover.images.letterbox import fit
from uncover.images.maps import store_maps, write_maps
from uncover.images.reading import inspect_image, list_images, read_image

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 10)).astype(np.uint8)


def save(path: Path, mode: str = "RGB", **options: object) -> Path:
    Image.fromarray(PIXELS[..., :3]).convert(mode).save(path, **options)
    return path


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 10])
def test_tiffs_of_any_channels_are_read_in_either_layout(
    tmp_path: Path, channels: int, channels_first: bool, compression: str | None
) -> None:
    wanted = PIXELS[..., :channels]
    stored = np.ascontiguousarray(wanted.transpose(2, 0, 1)) if channels_first else wanted
    path = tmp_path / "map.tif"
    tifffile.imwrite(path, stored, compression=compression, photometric="minisblack")
    assert inspect_image(path, channels) == (30, 20)
    image = read_image(path, channels)
    assert image.dtype == np.uint8 and image.flags.c_contiguous and np.array_equal(image, wanted)


def test_channels_come_first_where_both_ends_could_be_they(tmp_path: Path) -> None:
    cube = PIXELS[:10, :10]
    tifffile.imwrite(tmp_path / "a.tif", cube, photometric="minisblack")
    assert np.array_equal(read_image(tmp_path / "a.tif", 10), cube.transpose(1, 2, 0))


@pytest.mark.parametrize("kind", ["png", "bmp", "tif", "webp"])
def test_photos_are_red_green_blue(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / f"a.{kind}", **({"lossless": True} if kind == "webp" else {}))
    assert inspect_image(path, 3) == (30, 20)
    assert np.array_equal(read_image(path, 3), PIXELS[..., :3])


def test_a_grey_photo_is_tripled_and_a_grey_map_is_not(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", "L")
    grey = np.asarray(Image.open(path))
    assert np.array_equal(read_image(path, 3), np.repeat(grey[..., None], 3, axis=2))
    assert np.array_equal(read_image(path, 1), grey[..., None])


def test_photos_are_upright_whatever_their_colour_mode(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    plain = save(tmp_path / "a.jpg", exif=exif)
    printed = save(tmp_path / "b.jpg", "CMYK", exif=exif)
    for path in (plain, printed):
        assert inspect_image(path, 3) == (20, 30)
        assert read_image(path, 3).shape == (30, 20, 3)
    deep = PIXELS[..., 0].astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "c.png")
    assert np.array_equal(read_image(tmp_path / "c.png", 3)[..., 1], PIXELS[..., 0])


@pytest.mark.parametrize(
    ("channels", "name", "mode", "expected"),
    [(1, "a.png", "RGB", "mode RGB; expected 1"), (10, "a.png", "L", "a TIFF"), (4, "a.png", "RGBA", "a TIFF")],
)
def test_a_picture_of_other_channels_is_refused(
    tmp_path: Path, channels: int, name: str, mode: str, expected: str
) -> None:
    path = save(tmp_path / name, mode)
    for read in (inspect_image, read_image):
        with pytest.raises(InputError, match=expected) as error:
            read(path, channels)
        assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (PIXELS.transpose(2, 0, 1)[:7], "7 x 20 x 30; expected 10 channels"),
        (PIXELS[..., 0], "20 x 30; expected 10 channels"),
        (PIXELS.astype(np.float32), "float32 values; expected 8-bit"),
    ],
)
def test_a_stack_of_other_channels_is_refused(tmp_path: Path, array: np.ndarray, expected: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ascontiguousarray(array), photometric="minisblack")
    for read in (inspect_image, read_image):
        with pytest.raises(InputError, match=expected):
            read(tmp_path / "a.tif", 10)


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.8])
@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "zlib"])
def test_a_file_that_is_cut_off_is_refused_by_name(tmp_path: Path, kind: str, kept: float) -> None:
    path = tmp_path / f"a.{'tif' if kind == 'zlib' else kind}"
    if kind in ("tif", "zlib"):
        stack = np.ascontiguousarray(PIXELS.transpose(2, 0, 1))
        tifffile.imwrite(path, stack, compression="zlib" if kind == "zlib" else None)
    else:
        save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="a\\.") as error:
        read_image(path, 10 if path.suffix == ".tif" else 3)
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("maps", [True, False])
def test_the_first_page_of_a_stack_does_not_pass_for_a_photo(tmp_path: Path, maps: bool) -> None:
    stack = np.ascontiguousarray(PIXELS[..., :3].transpose(2, 0, 1))
    path = tmp_path / "a.tif"
    if maps:
        write_maps(path, store_maps(stack.astype(np.float32), fit(60, 40, 64), {"class_names": list("abc")}))
        needed = path.stat().st_size
    else:
        tifffile.imwrite(path, stack, photometric="minisblack")
        with tifffile.TiffFile(path) as tiff:  # what follows the pixels repeats what the first page says
            needed = tiff.pages.first.dataoffsets[0] + stack.nbytes
    content = path.read_bytes()
    for length in (*range(0, needed, 29), needed - 1):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"a\.tif"):
            read_image(path, 3)


def test_a_png_with_a_spoilt_byte_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png:? cannot be decoded"):
        read_image(path, 3)


def test_missing_files_and_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no image at all")
    for name in ("missing.png", "missing.tif", "text.tif"):
        for channels in (3, 10):
            with pytest.raises(InputError, match=name.partition(".")[0]):
                inspect_image(tmp_path / name, channels)


def test_images_are_listed_by_path_at_any_depth(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/z.png", "a.png", ".hidden.png", "notes.txt", ".trash/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path)] == ["a.png", "a/z.png", "b.JPG"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no image in it"):
        list_images(tmp_path / "empty")
    with pytest.raises(InputError, match="no such folder"):
        list_images(tmp_path / "nowhere")
