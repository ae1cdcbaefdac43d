"""Image files of 1, 3 and more channels, and their names; each kind of input shows what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch.nn import functional

from uncover.config.detectors import Input
from uncover.errors import InputError
from uncover.images.letterbox import fit
from uncover.images.maps import StoredMaps, read_maps, store_maps, write_maps
from uncover.images.reading import (
    OVERHEAD,
    bytes_of_maps,
    check_apart,
    inspect_image,
    list_images,
    named_images,
    read_image,
    read_source,
    scale,
)

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
        with pytest.raises(InputError, match=r"is among the images in .*images; give a folder elsewhere"):
            check_apart([given], tmp_path / out)
    check_apart([tmp_path / "set"], tmp_path / "set/heatmaps")
    check_apart([file], tmp_path / "set/images/maps")


FRAME = fit(4000, 3000, 64)
NAMES = ["eyes", "whole face", "mouth"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Maps of three classes of a large photo: all from 0 on, the last one blank."""
    maps = np.random.default_rng(0).random((3, 16, 16)).astype(np.float32) * [[[1]], [[9]], [[0]]]
    seen = fit(4000, 3000, 128, square=True)
    write_maps(tmp_path / "a.tif", store_maps(maps.astype(np.float32), seen, {"class_names": NAMES}))
    return tmp_path / "a.tif"


def enlarged(maps: np.ndarray) -> np.ndarray:
    """float64 (C, 48, 64): a grid of 16 cells over a square, of which the photo is the middle; each from 0 to 255."""
    whole = functional.interpolate(torch.from_numpy(maps)[None].double(), (64, 64), mode="bilinear")[0].numpy()
    inside = whole[:, 8:56]
    low, high = (edge(inside, (1, 2), keepdims=True) for edge in (np.min, np.max))
    return (inside - low) / np.maximum(high - low, 1e-9) * 255


@pytest.mark.parametrize("kind", ["classes", "mean", "whole_face"])
def test_heatmaps_are_shown_as_they_would_be_enlarged(path: Path, kind: Input) -> None:
    source = read_source(path, 3 if kind == "classes" else 1, FRAME, kind)
    assert isinstance(source, StoredMaps) and source.values.shape[1:] == (16, 16) and not source.about
    shares = read_maps(path).values / 65535
    spread = (shares - shares.min((1, 2), keepdims=True)) / np.maximum(np.ptp(shares, (1, 2), keepdims=True), 1e-9)
    wanted = {"classes": shares, "mean": spread.mean(0, keepdims=True), "whole_face": shares[1:2]}[kind]
    pixels = scale(source, FRAME)
    assert pixels.shape == (48, 64, len(wanted)) and pixels.dtype == np.uint8
    assert np.abs(pixels.transpose(2, 0, 1) - enlarged(wanted)).max() < 1.1


def test_grey_is_the_luminance_of_the_photo(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(colours).save(tmp_path / "a.png")
    grey = scale(read_source(tmp_path / "a.png", 1, fit(64, 48, 64), "grey"), fit(64, 48, 64))
    assert grey.shape == (48, 64, 1)
    assert np.abs(grey[..., 0] - colours @ [0.299, 0.587, 0.114]).max() < 1
    assert np.array_equal(read_source(tmp_path / "a.png", 3, fit(64, 48, 64), "photo"), colours)


def test_memory_of_maps_is_that_of_their_cells(path: Path) -> None:
    frames = [fit(4000, 3000, 640), fit(3000, 4000, 640), fit(50, 50, 640)]
    # 16 x 16 cells for 128 x 128 pixels: of 128 x 96, 96 x 128 and 128 x 128 pixels.
    cells = 16 * 12 + 12 * 16 + 16 * 16
    needed = bytes_of_maps([path] * 3, frames, 3, "classes")
    assert needed == cells * 2 * 3 + 3 * OVERHEAD
    assert bytes_of_maps([path] * 3, frames, 1, "mean") == cells * 2 + 3 * OVERHEAD


@pytest.mark.parametrize(
    ("kind", "channels", "frame", "says"),
    [
        ("classes", 10, FRAME, r"a\.tif: contains heatmaps of 3 channels; expected 10"),
        ("joint", 1, FRAME, r"a\.tif: contains heatmaps of 3 channels; expected 1"),
        ("classes", 3, fit(800, 600, 64), r"of an image of 4000 x 3000 pixels; expected 800 x 600; make them again"),
    ],
)
def test_other_maps_are_refused(path: Path, kind: Input, channels: int, frame: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_source(path, channels, frame, kind)  # type: ignore[arg-type]


def test_a_photo_is_no_heatmap_and_a_class_must_be_there(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif: contains no heatmaps"):
        read_source(tmp_path / "a.tif", 1, FRAME, "joint")
    write_maps(tmp_path / "b.tif", store_maps(np.ones((1, 2, 2), np.float32), FRAME, {"class_names": ["dog"]}))
    with pytest.raises(InputError, match=r"b\.tif: no heatmap of the class 'whole face' among dog"):
        read_source(tmp_path / "b.tif", 1, FRAME, "whole_face")
