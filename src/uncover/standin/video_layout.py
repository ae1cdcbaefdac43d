"""Videos of infants, and beside each the truth about its frames: drawn instead of filmed."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uncover.config.options import check_number
from uncover.footage.encode import VideoWriter
from uncover.footage.truth import TRUTH_COLUMNS
from uncover.progress import track
from uncover.standin.chance import rng_of
from uncover.standin.videos import Moment, incubator_video

_MOST_INFANTS = 99
_MOST_SECONDS, _MOST_RATE = 3600, 60
# Low enough that a picture of 320 px keeps its noise.
_QUALITY = 14


@dataclass(frozen=True)
class VideoCounts:
    """How much was written: videos, their frames, and the frames with a face."""

    videos: int
    frames: int
    faces: int


def _row(index: int, second: float, moment: Moment) -> list[str]:
    corners = ["", "", "", ""] if moment.box is None else [f"{value:.2f}" for value in moment.box]
    return [str(index), f"{second:.6f}", *corners, moment.grade, moment.event]


def write_videos(root: Path, *, infants: int, seconds: int, rate: int, size: int, seed: int) -> VideoCounts:
    """Write `infant_01.mp4` and so on, and beside each `infant_01.csv` with the columns `TRUTH_COLUMNS`.

    Args:
        root: new or empty folder.
        infants: videos, each of another infant in another incubator.
        seconds: length of each.
        rate: frames a second.
        size: longest side of a frame, px.
        seed: same seed, same bytes; more infants leave the first ones as they are.

    Returns:
        Videos, frames, and frames with a face.

    Raises:
        InputError: a number is outside its limits.
    """
    check_number("--infants", infants, 0, _MOST_INFANTS)
    check_number("--seconds", seconds, 1, _MOST_SECONDS)
    check_number("--rate", rate, 1, _MOST_RATE)
    check_number("--size", size, 64)
    root.mkdir(parents=True, exist_ok=True)
    faces = 0
    for number in range(infants):
        name = f"infant_{number + 1:02}"
        take = incubator_video(rng_of(seed, "videos", number), size, seconds)
        rows = []
        path = root / f"{name}.mp4"
        with VideoWriter(path, take.scene.width, take.scene.height, rate, quality=_QUALITY) as video:
            for index in track(range(seconds * rate), name):
                moment = take.moment(index / rate, index)
                video.write(np.ascontiguousarray(moment.photo.picture[..., ::-1]), index / rate)
                rows.append(_row(index, index / rate, moment))
                faces += moment.box is not None
        with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([TRUTH_COLUMNS, *rows])
    return VideoCounts(infants, infants * seconds * rate, faces)
