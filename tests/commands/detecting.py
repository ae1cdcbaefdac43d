"""`uncover detect` in this process, on a folder of a ward, and the tables that it leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.once import once
from tests.video import live_run as fixtures
from tests.video.live_run import LiveRun, write_video
from uncover.cli import main

live_run = fixtures.live_run
FRAMES, RATE = 11, 5.0
BOXES = ["source", "frame", "second", "x1", "y1", "x2", "y2", "confidence", "found_by", "method"]

Detect = Callable[..., int]


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a video, images, one of which is broken, and other files; not to be changed."""
    return once(tmp_path_factory, "ward", make_ward)


def make_ward(folder: Path) -> None:
    write_video(folder / "bed.mp4", FRAMES, RATE)
    (folder / "notes.txt").write_text("no picture")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")


@pytest.fixture
def detect(live_run: LiveRun) -> Detect:
    """Run the command in this process, with the run's detector."""

    def run(*words: object, rescue: str = "rgb1_occlusion", confidence: float = live_run.confidence) -> int:
        given = [
            "--run",
            live_run.folder,
            "--rescue",
            rescue,
            "--confidence",
            confidence,
            "--device",
            "cpu",
            "--batch",
            3,
        ]
        return main(["detect", *map(str, words), *map(str, given)])

    return run


def tables(out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    return pd.read_parquet(out / "boxes.parquet"), pd.read_parquet(out / "frames.parquet")


def assert_same_tables(found: Path, expected: Path) -> None:
    for name in ("boxes.parquet", "frames.parquet"):
        first, second = pd.read_parquet(found / name), pd.read_parquet(expected / name)
        # Frames may stand beside others in their batch, which changes last bits.
        pd.testing.assert_frame_equal(first, second, rtol=0, atol=1e-3)
    told = [pd.read_csv(folder / "per_second.csv") for folder in (found, expected)]
    pd.testing.assert_frame_equal(*told, rtol=0, atol=1e-3)


@pytest.fixture(scope="session")
def undisturbed_video(live_run: LiveRun, ward: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is left of the video of the ward; not to be changed."""

    def make(out: Path) -> None:
        words = [
            "--out",
            out,
            "--run",
            live_run.folder,
            "--confidence",
            live_run.confidence,
            "--batch",
            3,
            "--device",
            "cpu",
        ]
        words += ["--rescue", "rgb1_occlusion", "--format", "csv", "coco", "--annotate", "--privacy", "publish"]
        assert main(["detect", str(ward / "bed.mp4"), *map(str, words)]) == 0

    return once(tmp_path_factory, "undisturbed_video", make)
