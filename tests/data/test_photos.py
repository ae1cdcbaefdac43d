"""What a photo is, against Pillow's own decoding of every pixel."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from uncover.data import photos
from uncover.data.photos import PhotoError, PhotoInfo, inspect_photo, read_upright_rgb

if TYPE_CHECKING:
    from conftest import RawData


def with_orientation(image: Image.Image, orientation: int, kind: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, kind, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_and_pixels_are_those_of_the_upright_photo(raw: RawData, orientation: int, kind: str) -> None:
    path = raw.write(f"a.{kind.lower()}", with_orientation(raw.picture(60, 40), orientation, kind))
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
    info = inspect_photo(path)
    assert (info.width, info.height) == upright.size == ((60, 40) if orientation < 5 else (40, 60))
    assert info.orientation == orientation and info.plain == (orientation == 1)
    assert np.array_equal(read_upright_rgb(path), np.asarray(upright))


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_means_nothing_is_upright(raw: RawData, orientation: int) -> None:
    path = raw.write("a.jpg", with_orientation(raw.picture(60, 40), orientation))
    assert inspect_photo(path) == PhotoInfo(60, 40, "RGB", 1, "JPEG", 1)


@pytest.mark.parametrize(
    ("mode", "kind", "plain"),
    [
        ("RGB", "JPEG", True),
        ("L", "JPEG", True),
        ("CMYK", "JPEG", False),
        ("L", "PNG", True),
        ("LA", "PNG", True),
        ("RGBA", "PNG", True),
        ("P", "PNG", True),
        ("1", "PNG", True),
        ("I;16", "PNG", False),
        ("RGB", "BMP", True),
        ("RGB", "WEBP", True),
        ("RGB", "TIFF", True),
        ("L", "TIFF", True),
        ("RGBA", "TIFF", False),
        ("P", "TIFF", False),
        ("RGB", "GIF", False),
        ("RGB", "AVIF", False),
        ("RGB", "JPEG2000", False),
        ("L", "PPM", False),
        ("I;16", "TIFF", False),
        ("F", "TIFF", False),
    ],
)
def test_every_kind_of_image_is_accepted_with_its_size(raw: RawData, mode: str, kind: str, plain: bool) -> None:
    path = raw.write(f"a.{kind.lower()}", raw.encoded(raw.picture(50, 30, mode), kind))
    info = inspect_photo(path)
    assert (info.width, info.height, info.plain) == (50, 30, plain)
    assert info.mode == ("P" if kind == "GIF" else mode) and info.kind == kind
    assert read_upright_rgb(path).shape == (30, 50, 3)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGB", "JPEG"), ("L", "JPEG"), ("L", "PNG"), ("LA", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("1", "PNG")],
)
def test_another_library_sees_the_same_pixels_in_a_plain_file(raw: RawData, mode: str, kind: str) -> None:
    """Which is what `plain` promises: a link to the file serves."""
    path = raw.write(f"a.{kind.lower()}", raw.encoded(raw.picture(50, 30, mode), kind))
    read = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert read is not None
    seen = cv2.cvtColor(read, cv2.COLOR_BGR2RGB)
    assert np.abs(seen.astype(int) - read_upright_rgb(path)).max() <= (2 if kind == "JPEG" else 0)


def test_sixteen_bit_greys_are_scaled_not_cut_off(raw: RawData) -> None:
    values = np.linspace(0, 65535, 50 * 30).reshape(30, 50).astype(np.uint16)
    path = raw.write("a.png", raw.encoded(Image.fromarray(values), "PNG"))
    rgb = read_upright_rgb(path)
    assert np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 0], rgb[..., 2])
    assert np.abs(rgb[..., 0] - values / 257).max() <= 0.5


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "missing_photo"),
        (b"", "empty_photo"),
        (b"not an image at all", "unreadable_photo"),
        (b"\xff\xd8\xff\xe0", "unreadable_photo"),
        (b"\x00" * 500, "unreadable_photo"),
        (b"<html>404</html>", "unreadable_photo"),
    ],
)
def test_what_is_no_photo_has_a_reason_and_names_the_file(raw: RawData, content: bytes | None, reason: str) -> None:
    path = raw.root / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PhotoError) as caught:
        inspect_photo(path)
    assert caught.value.reason == reason
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "x" * 300 + ".jpg", "a\0b.jpg"])
def test_a_name_that_no_file_can_have_is_a_missing_photo(raw: RawData, name: str) -> None:
    with pytest.raises(PhotoError) as caught:
        inspect_photo(raw.root / name)
    assert caught.value.reason == "missing_photo"


def header_alone(raw: RawData, side: int) -> Path:
    """A PNG that claims many pixels and holds none."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\0IEND\xaeB`\x82"
    return raw.write("a.png", b"\x89PNG\r\n\x1a\n" + chunks)


@pytest.mark.parametrize("side", [32_000, 60_000])
def test_a_header_that_claims_an_absurd_size_is_refused(raw: RawData, side: int) -> None:
    path = header_alone(raw, side)
    for read in (inspect_photo, read_upright_rgb):
        with pytest.raises(PhotoError, match="is larger than the limit of 1000 megapixels; shrink it") as caught:
            read(path)
        assert caught.value.reason == "too_many_pixels" and "\n" not in str(caught.value)


def test_a_photo_that_memory_has_no_room_for_is_refused(raw: RawData, monkeypatch: pytest.MonkeyPatch) -> None:
    path = header_alone(raw, 20_000)
    monkeypatch.setattr(photos, "free_memory", lambda: 4 * 10**9)
    with pytest.raises(PhotoError, match=r"requires about 4\.8 GB of memory to decode; 4\.0 GB are free; shrink it"):
        read_upright_rgb(path)


def test_the_photos_of_todays_phones_are_read(raw: RawData) -> None:
    """108 megapixels; those of 200 are half as large as what is read."""
    path = raw.root / "phone.png"
    Image.new("1", (12_000, 9_000)).save(path, compress_level=1)
    assert inspect_photo(path) == PhotoInfo(12_000, 9_000, "1", 1, "PNG")
    with photos.open_photo(path) as image:
        image.load()


@pytest.mark.parametrize("tail", [b"\0" * 10, b"\0" * 5000, b"\r\n", b"\xff\xd9", b"some camera's private notes" * 9])
def test_bytes_after_the_end_of_a_jpeg_do_no_harm(raw: RawData, tail: bytes) -> None:
    path = raw.write("a.jpg", raw.encoded(raw.picture(50, 30)) + tail)
    assert inspect_photo(path) == PhotoInfo(50, 30, "RGB", 1)


KINDS: dict[str, dict[str, object]] = {
    "baseline.jpg": {"quality": 90},
    "progressive.jpg": {"progressive": True},
    "grey.jpg": {"mode": "L"},
    "cmyk.jpg": {"mode": "CMYK"},
    "rgb.png": {},
    "palette.png": {"mode": "P"},
}


def content_of(made: RawData, name: str, width: int = 64, height: int = 48) -> bytes:
    options = dict(KINDS[name])
    picture = made.picture(width, height, str(options.pop("mode", "RGB")))
    return made.encoded(picture, "PNG" if name.endswith("png") else "JPEG", **options)


def assert_refused_or_whole(made: RawData, name: str, content: bytes, cut: int) -> None:
    whole, part = made.write(f"whole_{name}", content), made.write(f"cut_{name}", content[:cut])
    try:
        info = inspect_photo(part)
    except PhotoError as error:
        assert error.reason in {"truncated_photo", "unreadable_photo", "empty_photo"}
        assert "\n" not in str(error)
    else:
        assert info == inspect_photo(whole)
        assert np.array_equal(read_upright_rgb(part), read_upright_rgb(whole))


@given(st.sampled_from(sorted(KINDS)), st.floats(0, 1))
def test_a_photo_cut_anywhere_is_refused_unless_every_pixel_is_there(made: RawData, name: str, share: float) -> None:
    content = content_of(made, name)
    assert_refused_or_whole(made, name, content, int(share * len(content)))


@pytest.mark.parametrize("name", KINDS)
def test_a_photo_without_its_last_bytes_is_refused_unless_every_pixel_is_there(made: RawData, name: str) -> None:
    content = content_of(made, name)
    for missing in range(1, 40):
        assert_refused_or_whole(made, name, content, len(content) - missing)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_photo_that_ends_early_is_called_truncated(made: RawData, name: str, share: float) -> None:
    content = content_of(made, name, 640, 480)
    path = made.write(f"part_{name}", content[: int(len(content) * share)])
    with pytest.raises(PhotoError) as caught:
        inspect_photo(path)
    assert caught.value.reason == "truncated_photo"


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 400), st.binary(min_size=1, max_size=6))
def test_a_spoilt_header_never_raises_anything_else(made: RawData, name: str, position: int, junk: bytes) -> None:
    content = content_of(made, name)
    path = made.write(f"junk_{name}", content[:position] + junk + content[position + len(junk) :])
    try:
        info = inspect_photo(path)
    except PhotoError as error:
        assert str(path) in str(error)
    else:
        assert info.width > 0 and info.height > 0 and info.orientation in range(1, 9)


@pytest.mark.parametrize("value", [2, 5, 11, 12])
def test_a_tiff_whose_tag_is_of_the_wrong_type_is_refused(raw: RawData, value: int) -> None:
    """Pillow ends in a TypeError there."""
    content = bytearray(raw.encoded(raw.picture(40, 30), "TIFF"))
    content[72] = value
    path = raw.write("a.tiff", bytes(content))
    with pytest.raises(PhotoError, match="cannot be decoded") as caught:
        inspect_photo(path)
    assert caught.value.reason == "unreadable_photo"


@given(st.binary(max_size=120))
def test_spoilt_exif_never_raises_anything_else(made: RawData, junk: bytes) -> None:
    content = with_orientation(made.picture(64, 48), 6)
    start = content.index(b"Exif\0\0") + 6
    path = made.write("exif.jpg", content[:start] + junk + content[start + len(junk) :])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a warning of Pillow's would be a second line that names no row
        try:
            assert inspect_photo(path).orientation in range(1, 9)
        except PhotoError as error:
            assert str(path) in str(error)


def test_a_link_to_a_photo_is_a_photo(raw: RawData, tmp_path: Path) -> None:
    link = tmp_path / "link.jpg"
    link.symlink_to(raw.photo("a.jpg", width=50, height=30))
    assert inspect_photo(link) == PhotoInfo(50, 30, "RGB", 1)
    link.unlink()
    link.symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(PhotoError, match="does not exist"):
        inspect_photo(link)
