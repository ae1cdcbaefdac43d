"""Videos made with PyAV itself, and PyAV's own plain loop to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

TICKS = 90_000
MARK = 16
"""Side in pixels of a square in the corner whose brightness tells which picture it is."""


def pictures(count: int, width: int, height: int) -> list[NDArray[np.uint8]]:
    """Smooth, without any symmetry, and each unlike the others."""
    y, x = np.mgrid[0:height, 0:width]
    shown = []
    for number in range(count):
        pixels = np.stack([200 * x / width, 200 * y / height, 90 + 50 * np.sin((x + 2 * y) / 15 + number)], -1)
        pixels[:MARK, :MARK] = 20 + 200 * number / max(count - 1, 1)
        shown.append(pixels.astype(np.uint8))
    return shown


def write(
    path: Path,
    shown: Sequence[NDArray[np.uint8]],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rate: int = 10,
    seconds: Sequence[float] | None = None,
    options: Mapping[str, str] = {},
    container: Mapping[str, str] = {},
) -> Path:
    """Encode pictures; one every 1/rate seconds where nothing says when."""
    clock = Fraction(1, rate) if seconds is None else Fraction(1, TICKS)
    with av.open(str(path), "w", options=dict(container)) as output:
        stream = output.add_stream(codec, rate=rate, options={"threads": "1", **options})
        stream.height, stream.width = shown[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.time_base = stream.codec_context.time_base = clock
        for number, pixels in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = (number if seconds is None else round(seconds[number] * TICKS)), clock
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def plainly(path: Path) -> tuple[list[float], list[NDArray[np.uint8]]]:
    """Times as the container has them, and pictures, in one thread."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        frames = list(container.decode(video=0))
    return [float(frame.time) for frame in frames], [frame.to_ndarray(format="rgb24") for frame in frames]


def packets(path: Path) -> list[tuple[int, int, bool]]:
    """Place and size of each packet of a video in its file, and whether it is a key frame."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size, packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
