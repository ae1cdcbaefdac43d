"""Photos of every format, colour mode and orientation: each reader shows what a person sees, under any name.

The truth is turned by hand: Pillow maps uncompressed TIFFs that it opens by name, and scrambles those of orientations 5
to 8; opened as a stream, as here, they are right.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from uncover.data.frames import read_frames
from uncover.data.photos import PhotoError, PhotoInfo, inspect_photo, read_upright_rgb
from uncover.data.yolo import place_image
from uncover.errors import InputError
from uncover.image_files import ENDINGS
from uncover.images.cache import ImageCache
from uncover.images.inputs import find_inputs
from uncover.images.letterbox import fit
from uncover.images.reading import count_pictures, inspect_image, list_images, named_images, read_image, read_source
from uncover.video.batches import frames_of_images
from uncover.video.sources import find_sources

pillow_heif.register_heif_opener()
WIDTH, HEIGHT = 30, 20
COLOURS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 4)).astype(np.uint8)
ORIENTATIONS = range(1, 9)
TURNED: dict[int, Callable[[NDArray], NDArray]] = {
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.swapaxes(0, 1),
    6: lambda seen: np.rot90(seen, -1),
    7: lambda seen: np.rot90(seen, 2).swapaxes(0, 1),
    8: lambda seen: np.rot90(seen),
}
TIFF_MODES = ("L", "RGB", "RGBA", "LA", "P", "P with alpha", "CMYK", "1", "I;16", "YCbCr")


def picture(mode: str) -> Image.Image:
    """Noise, also in its alpha, so that no reader mixes that into the colours unnoticed."""
    if mode == "I;16":
        return Image.fromarray(COLOURS[..., 0].astype(np.uint16) * 257)
    if mode in ("RGBA", "LA"):
        bands = [Image.fromarray(COLOURS[..., band]) for band in ((0, 1, 2, 3) if mode == "RGBA" else (0, 3))]
        return Image.merge(mode, bands)
    colours = Image.fromarray(COLOURS[..., :3])
    return colours.quantize(64) if mode.startswith("P") else colours.convert(mode)


def seen_in(image: Image.Image) -> NDArray[np.uint8]:
    """What a person sees in a picture that is upright."""
    if image.mode == "I;16":
        return np.repeat(COLOURS[..., :1], 3, axis=2)
    return np.asarray(image.convert("RGB"))


def save(path: Path, image: Image.Image, orientation: int, kind: str | None = None, **options: object) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, kind, exif=exif, **options)
    return path


def assert_all_readers_see(path: Path, wanted: NDArray[np.uint8], folder: Path) -> None:
    """Everything that reads a photo sees these pixels, or their size."""
    height, width = wanted.shape[:2]
    frame = fit(width, height, max(width, height))
    info = inspect_photo(path)
    assert (info.width, info.height) == inspect_image(path, 3) == (width, height)
    assert find_inputs([path], "photo", 3).sizes.tolist() == [[width, height]]
    (of_detect,) = frames_of_images({"a": path}, set(), {})
    placed = folder / place_image(path, info, "placed", folder, folder)
    seen = {
        "read_image": read_image(path, 3),
        "read_upright_rgb": read_upright_rgb(path),
        "read_source": read_source(path, 3, frame),
        "ImageCache": ImageCache([path], [frame], 3, "ram", None, print)[0],
        "detect": of_detect.pixels,
        "data set": read_image(placed, 3),
    }
    for name, pixels in seen.items():
        assert pixels.dtype == np.uint8 and np.array_equal(pixels, wanted), name
    grey = Image.fromarray(np.ascontiguousarray(wanted)).convert("L")
    assert np.abs(read_source(path, 1, frame, "grey")[..., 0].astype(int) - np.asarray(grey)).max() <= 1
    placed.unlink()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", TIFF_MODES)
def test_tiffs_of_every_mode_are_upright(tmp_path: Path, mode: str, compression: str) -> None:
    image = picture(mode)
    options: dict[str, object] = {"transparency": 3} if mode == "P with alpha" else {}
    for orientation in ORIENTATIONS:
        path = save(tmp_path / "a.tif", image, orientation, compression=compression, **options)
        wanted = TURNED[orientation](seen_in(image))
        if mode == "YCbCr":  # stored so, and turned back into colours by the decoder
            wanted = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(path.read_bytes()))).convert("RGB"))
        assert_all_readers_see(path, wanted, tmp_path)


RGB = COLOURS[..., :3]
PLANES = np.ascontiguousarray(RGB.transpose(2, 0, 1))
OTHER_TIFFS: dict[str, tuple[NDArray, dict[str, object]]] = {
    "planes": (PLANES, {"planarconfig": "separate"}),
    "packed planes": (PLANES, {"planarconfig": "separate", "compression": "zlib"}),
    "tiles": (RGB, {"tile": (16, 16)}),
    "predicted tiles": (RGB, {"tile": (16, 16), "compression": "zlib", "predictor": True}),
    "16 bits": (RGB.astype(np.uint16) * 257, {}),
    "predicted 16 bits": (RGB.astype(np.uint16) * 257, {"compression": "zlib", "predictor": True}),
    "alpha": (COLOURS, {"extrasamples": ["unassalpha"]}),
    "BigTIFF": (RGB, {"bigtiff": True}),
    "big end first": (RGB, {"byteorder": ">"}),
}


@pytest.mark.parametrize("kind", OTHER_TIFFS)
def test_tiffs_of_every_layout_are_upright(tmp_path: Path, kind: str) -> None:
    array, options = OTHER_TIFFS[kind]
    for orientation in ORIENTATIONS:
        tag = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extratags=tag, **options)
        assert_all_readers_see(tmp_path / "a.tif", TURNED[orientation](RGB), tmp_path)


@pytest.mark.parametrize(("bits", "white"), [(8, False), (8, True), (16, False), (16, True)])
def test_grey_tiffs_are_upright_also_for_a_network_that_looks_at_grey(tmp_path: Path, bits: int, white: bool) -> None:
    grey = COLOURS[..., 0]
    stored = grey if bits == 8 else grey.astype(np.uint16) * 257
    photometric = "miniswhite" if white else "minisblack"
    for orientation in ORIENTATIONS:
        tag = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric, extratags=tag)
        wanted = TURNED[orientation](255 - grey if white else grey)
        assert_all_readers_see(tmp_path / "a.tif", np.repeat(wanted[..., None], 3, axis=2), tmp_path)
        if bits == 8:
            assert inspect_image(tmp_path / "a.tif", 1) == (wanted.shape[1], wanted.shape[0])
            assert np.array_equal(read_image(tmp_path / "a.tif", 1)[..., 0], wanted)


@pytest.mark.parametrize("channels", [2, 4, 10])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_stacks_of_channels_are_upright(tmp_path: Path, channels: int, orientation: int) -> None:
    stack = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, channels)).astype(np.uint8)
    for stored in (stack, np.ascontiguousarray(stack.transpose(2, 0, 1))):
        tag = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", extratags=tag)
        wanted = TURNED[orientation](stack)
        assert inspect_image(tmp_path / "a.tif", channels) == (wanted.shape[1], wanted.shape[0])
        assert np.array_equal(read_image(tmp_path / "a.tif", channels), wanted)


FORMATS: dict[str, tuple[str, tuple[str, ...], dict[str, object]]] = {
    "PNG": (".png", ("L", "RGB", "RGBA", "LA", "P", "1", "I;16"), {}),
    "JPEG": (".jpg", ("L", "RGB", "CMYK"), {}),
    "WEBP": (".webp", ("RGB", "RGBA"), {"lossless": True, "exact": True}),
    "AVIF": (".avif", ("RGB", "RGBA"), {}),
    "HEIF": (".heic", ("RGB", "RGBA"), {}),
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, (_, modes, _) in FORMATS.items() for mode in modes])
def test_photos_of_every_format_are_upright(tmp_path: Path, kind: str, mode: str) -> None:
    ending, _, options = FORMATS[kind]
    image = picture(mode)
    for orientation in ORIENTATIONS:
        path = save(tmp_path / f"a{ending}", image, orientation, kind, **options)
        wanted = TURNED[orientation](seen_in(image))
        if kind in ("JPEG", "AVIF", "HEIF"):
            shown = ImageOps.exif_transpose(Image.open(io.BytesIO(path.read_bytes())))
            # HEIC is turned by a box of its own; what its EXIF says of that is a copy that counts for nothing.
            assert kind == "HEIF" or shown.size == (wanted.shape[1], wanted.shape[0])
            wanted = np.asarray(shown.convert("RGB"))
        assert_all_readers_see(path, wanted, tmp_path)


@pytest.mark.parametrize(
    ("kind", "ending"),
    [("BMP", "bmp"), ("GIF", "gif"), ("PPM", "ppm"), ("JPEG2000", "jp2"), ("JPEG", "jfif"), ("JPEG", "JPE")],
)
def test_photos_without_an_orientation_are_read(tmp_path: Path, kind: str, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    picture("P" if kind == "GIF" else "RGB").save(path, kind)
    assert_all_readers_see(path, np.asarray(Image.open(path).convert("RGB")), tmp_path)
    assert [*named_images([tmp_path])] == [path.name]


def test_alpha_is_dropped_alike_whatever_the_format(tmp_path: Path) -> None:
    image = picture("RGBA")
    for name in ("a.png", "a.tif", "a.webp"):
        image.save(tmp_path / name, **({"lossless": True, "exact": True} if name.endswith("webp") else {}))
        assert np.array_equal(read_image(tmp_path / name, 3), RGB), name


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif", ".webp", ".heic", ".gif"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "HEIF", "GIF"])
def test_what_is_in_a_file_counts_and_not_its_ending(tmp_path: Path, kind: str, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    picture("RGB").save(path, kind)
    assert_all_readers_see(path, np.asarray(Image.open(path).convert("RGB")), tmp_path)
    assert inspect_photo(path).kind == kind


def test_sixteen_bit_colours_in_planes_are_refused_and_not_read_as_noise(tmp_path: Path) -> None:
    deep = PLANES.astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", planarconfig="separate")
    with pytest.raises(PhotoError, match="planar TIFF with 16 bits per colour; save it with 8 bits"):
        inspect_photo(tmp_path / "a.tif")


def frames(count: int, mode: str = "RGB") -> list[Image.Image]:
    return [Image.new("RGB", (WIDTH, HEIGHT), (60 * number, 10, 10)).convert(mode) for number in range(count)]


@pytest.mark.parametrize(("kind", "ending"), [("GIF", "gif"), ("WEBP", "webp"), ("PNG", "png"), ("TIFF", "tif")])
def test_the_first_of_several_pictures_is_read_and_a_line_says_so(
    tmp_path: Path, kind: str, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *others = frames(4)
    path = tmp_path / f"a.{ending}"
    first.save(path, kind, save_all=True, append_images=others, **({"lossless": True} if kind == "WEBP" else {}))
    first.save(tmp_path / "b.png")
    assert count_pictures(path) == inspect_photo(path).pictures == 4 and not inspect_photo(path).plain
    assert np.array_equal(read_image(path, 3), np.asarray(first))
    find_inputs([tmp_path], "photo", 3)
    assert f"1 image files contain several images (such as {path}: 4); only the first of" in capsys.readouterr().err
    find_inputs([tmp_path / "b.png"], "photo", 3)
    assert not capsys.readouterr().err


def test_the_second_picture_of_a_stereo_camera_is_not_missed(tmp_path: Path) -> None:
    first, second = frames(2)
    first.save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=[second])
    info = inspect_photo(tmp_path / "a.mpo")
    assert info == PhotoInfo(WIDTH, HEIGHT, "RGB", 1, "MPO", 1) and info.plain
    assert np.abs(read_image(tmp_path / "a.mpo", 3).astype(int) - np.asarray(first)).max() <= 3


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_files_of_a_common_brand_are_read(tmp_path: Path, kind: str) -> None:
    """Some programs name the format among the compatible brands alone."""
    path = tmp_path / "a.heic"
    picture("RGB").save(path, kind)
    wanted, content = read_image(path, 3), bytearray(path.read_bytes())
    content[8:12] = b"mif1"
    path.write_bytes(content)
    assert np.array_equal(read_image(path, 3), wanted)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_a_photo_of_a_phone_that_ends_early_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    Image.fromarray(np.tile(RGB, (8, 8, 1))).save(path, kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=f"a.{kind.lower()}"):
        read_image(path, 3)


def test_every_folder_is_searched_for_the_same_endings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = sorted(f"{number}{ending.upper() if number % 2 else ending}" for number, ending in enumerate(ENDINGS))
    others = ("notes.pdf", "raw.CR2", "c.cr2", "none", "labels.txt", "._0.jpg")
    for name in (*names, *others):
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == names
    said = capsys.readouterr().err
    assert "skipped 4 files that are not images: 2 .cr2, 1 without an ending, 1 .pdf" in said
    assert "convert images in unsupported formats to JPEG or PNG: 2 .cr2, 1 .pdf" in said
    assert sorted(find_sources([str(tmp_path)]).images) == names
    assert sorted(frame.photo for frame in read_frames(tmp_path)) == names
    assert capsys.readouterr().err.startswith(said)
    for name in names:
        (tmp_path / name).unlink()
    with pytest.raises(InputError, match=r"no image in it; .*; found 2 \.cr2"):
        list_images(tmp_path)
