"""Videos read back with PyAV's own decoder."""

import hashlib
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from uncover.errors import InputError
from uncover.video.encode import VideoWriter


def pictures(count: int, width: int, height: int) -> list[np.ndarray]:
    """Smooth colour ramps whose brightness grows from picture to picture, all three channels different."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    return [
        np.stack([40 + 100 * x + 12 * k, 60 + 90 * y + 12 * k, np.full_like(x, 200 - 20 * k)], -1).astype(np.uint8)
        for k in range(count)
    ]


def decoded(path: Path) -> tuple[list[float], list[np.ndarray]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [float(frame.time) for frame in frames], [frame.to_ndarray(format="rgb24") for frame in frames]


@pytest.mark.parametrize(("width", "height"), [(64, 48), (61, 48), (64, 47), (33, 35)])
def test_pictures_come_back_and_odd_sizes_repeat_their_border(tmp_path: Path, width: int, height: int) -> None:
    given = pictures(4, width, height)
    with VideoWriter(tmp_path / "v.mp4", width, height, 5) as video:
        for pixels in given:
            video.write(pixels)
    seconds, found = decoded(tmp_path / "v.mp4")
    assert seconds == pytest.approx([0.0, 0.2, 0.4, 0.6])
    for before, after in zip(given, found, strict=True):
        assert after.shape == (height + height % 2, width + width % 2, 3)
        padded = np.pad(before, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        assert np.abs(after.astype(int) - padded).mean() < 2.5


def test_each_picture_keeps_its_time(tmp_path: Path) -> None:
    """Times far off the rate's grid, nearer together and farther apart than 1/rate."""
    seconds = [0.0, 0.01, 0.2333, 1.7, 5.123456]
    with VideoWriter(tmp_path / "v.mp4", 32, 32, 30) as video:
        for pixels, second in zip(pictures(5, 32, 32), seconds, strict=True):
            video.write(pixels, second)
    assert decoded(tmp_path / "v.mp4")[0] == pytest.approx(seconds, abs=1 / 90_000)


def test_a_picture_without_time_follows_the_last_one(tmp_path: Path) -> None:
    first, second, third = pictures(3, 32, 32)
    with VideoWriter(tmp_path / "v.mp4", 32, 32, 4) as video:
        video.write(first)
        video.write(second, 1.0)
        video.write(third)
    assert decoded(tmp_path / "v.mp4")[0] == pytest.approx([0.0, 1.0, 1.25])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_same_pictures_same_bytes(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        with VideoWriter(tmp_path / f"{name}{suffix}", 64, 48, 5) as video:
            for pixels in pictures(6, 64, 48):
                video.write(pixels)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert len(decoded(tmp_path / f"a{suffix}")[0]) == 6


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_players_are_told_how_wide_a_pixel_is(tmp_path: Path, suffix: str) -> None:
    for aspect in (Fraction(16, 11), Fraction(1)):
        with VideoWriter(tmp_path / f"v{suffix}", 64, 48, 5, pixel_aspect=aspect) as video:
            video.write(pictures(1, 64, 48)[0])
        with av.open(str(tmp_path / f"v{suffix}")) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height) == (64, 48) and (stream.sample_aspect_ratio or 1) == aspect


def test_quality_costs_bytes(tmp_path: Path) -> None:
    noisy = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    sizes = []
    for quality in (10, 40):
        with VideoWriter(tmp_path / "v.mp4", 64, 48, 5, quality=quality) as video:
            video.write(noisy)
        sizes.append((tmp_path / "v.mp4").stat().st_size)
    assert sizes[0] > 2 * sizes[1]


def test_an_error_leaves_nothing_behind_and_an_old_file_as_it_was(tmp_path: Path) -> None:
    old = tmp_path / "v.mp4"
    old.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="stop"), VideoWriter(old, 32, 32, 5) as video:
        video.write(pictures(1, 32, 32)[0])
        raise RuntimeError("stop")
    with pytest.raises(InputError, match="no frame"), VideoWriter(old, 32, 32, 5):
        pass
    assert list(tmp_path.iterdir()) == [old] and old.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["a:b.mp4", "-.mp4", "%03d.mp4", "B\udce9.mp4"])
def test_a_name_is_a_name_and_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with VideoWriter(Path(name), 64, 48, 5) as video:
        video.write(pictures(1, 64, 48)[0])
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_wrong_pictures_and_times_are_refused(tmp_path: Path) -> None:
    good = pictures(1, 32, 24)[0]
    for pixels, second, message in (
        (good[:-1], None, "shape|expected"),
        (good.astype(np.float32), None, "uint8"),
        (good, 0.5, "later"),
    ):
        with pytest.raises(ValueError, match=message), VideoWriter(tmp_path / "v.mp4", 32, 24, 5) as video:
            video.write(good, 0.5)
            video.write(pixels, second)
    assert not list(tmp_path.iterdir())


def test_bad_arguments_say_so(tmp_path: Path) -> None:
    for name, size, rate, message in (
        ("v.avi", (32, 32), 5.0, r"\.mp4"),
        ("v.mp4", (0, 32), 5.0, "0 x 32"),
        ("v.mp4", (32, 32), 0.0, "more than 0"),
    ):
        with pytest.raises(InputError, match=message):
            VideoWriter(tmp_path / name, *size, rate)
    (tmp_path / "sub.mp4").mkdir()
    with pytest.raises(InputError, match="is a folder"), VideoWriter(tmp_path / "sub.mp4", 32, 32, 5):
        pass


def test_bytes_do_not_depend_on_what_was_in_memory_before(tmp_path: Path) -> None:
    """The C library fills what is allocated with another byte; x264 with AVX-512 does not pass."""
    program = """
import sys
import numpy as np
from uncover.video.encode import VideoWriter
noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
with VideoWriter(sys.argv[1], 320, 240, 5) as video:
    for number in range(30):
        video.write(np.ascontiguousarray(noise[number : number + 240, 2 * number : 2 * number + 320]))
"""
    digests = set()
    for fill in ("0", "1", "255"):
        path = tmp_path / f"{fill}.mp4"
        environment = {**os.environ, "MALLOC_PERTURB_": fill}
        subprocess.run([sys.executable, "-c", program, str(path)], check=True, env=environment)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1
