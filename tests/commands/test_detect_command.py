"""`uncover detect` as a user gives it: what it leaves, what it says, and what a stop or a broken file costs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.detect import live_run as fixtures
from tests.detect.live_run import LiveRun, of_class, texture, write_trial, write_video
from tests.footage.coded import packets, write
from tests.once import once
from uncover.cli import main
from uncover.detect import parts as parts_module
from uncover.detect import run as run_module
from uncover.detect.look import look
from uncover.footage.decode import open_video

live_run = fixtures.live_run
FRAMES, RATE = 11, 5.0
BOXES = ["source", "frame", "second", "x1", "y1", "x2", "y2", "confidence", "found_by", "method"]
LETTERS = {"rgb": "r", "heatmap": "h", "rescue": "s", "temporal": "t"}

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

    def run(*words: object, rescue: str = "covered_faces", confidence: float = live_run.confidence) -> int:
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
        words += ["--rescue", "covered_faces", "--format", "csv", "coco", "--annotate", "--privacy", "publish"]
        assert main(["detect", str(ward / "bed.mp4"), *map(str, words)]) == 0

    return once(tmp_path_factory, "undisturbed_video", make)


def test_a_video_leaves_what_is_promised(undisturbed_video: Path, live_run: LiveRun) -> None:
    out = undisturbed_video
    names = {
        "boxes.parquet",
        "frames.parquet",
        "boxes.csv",
        "boxes.json",
        "per_second.csv",
        "summary.json",
        "annotated",
    }
    assert {path.name for path in out.iterdir()} == names
    boxes, frames = tables(out)
    assert list(boxes) == BOXES and list(frames) == ["source", "frame", "second", "width", "height"]
    assert frames["frame"].tolist() == list(range(FRAMES)) and set(frames["source"]) == {"bed.mp4"}
    assert frames["second"].to_numpy() == pytest.approx(np.arange(FRAMES) / RATE, abs=1e-3)
    assert (frames[["width", "height"]].to_numpy() == [96, 64]).all()
    by_frame = boxes.groupby("frame")["found_by"].agg(set)
    assert {"rgb"} in by_frame.tolist() and {"rescue"} in by_frame.tolist()
    assert all(len(found_by) == 1 for found_by in by_frame), "a rescue beside the detector"
    methods = boxes.groupby("found_by")["method"].agg(set).to_dict()
    assert methods == {"rgb": {"rgb10"}, "rescue": {"covered_faces"}}
    assert (boxes.query("found_by == 'rgb'")["confidence"] >= np.float32(live_run.confidence)).all()
    assert (boxes.query("found_by == 'rescue'")["confidence"] >= 0.25).all()
    assert len(pd.read_csv(out / "boxes.csv")) == len(boxes)
    coco = json.loads((out / "boxes.json").read_text())
    assert len(coco["annotations"]) == len(boxes) and len(coco["images"]) == FRAMES
    seconds = pd.read_csv(out / "per_second.csv")
    assert seconds["frames"].tolist() == [5, 5, 1] and set(seconds["source"]) == {"bed.mp4"}
    assert seconds["found"].sum() == len(by_frame) == seconds[["rgb", "heatmap", "rescue", "temporal"]].sum().sum()
    summary = json.loads((out / "summary.json").read_text())
    told = summary["sources"]["bed.mp4"]
    assert (told["status"], told["frames"], told["with_a_face"]) == ("complete", FRAMES, len(by_frame))
    assert summary["settings"]["detector"] == "rgb10" and summary["settings"]["rescue"] == "covered_faces"
    with open_video(out / "annotated" / "bed.mp4") as video:
        assert (video.width, video.height) == (96, 64) and len(list(video.frames())) == FRAMES


@pytest.mark.parametrize("temporal", ["online", "offline"])
def test_time_leaves_at_most_one_box_a_frame(detect: Detect, ward: Path, tmp_path: Path, temporal: str) -> None:
    assert detect(ward / "bed.mp4", "--out", tmp_path / "out", "--temporal", temporal, "--annotate", rescue="none") == 0
    boxes, frames = tables(tmp_path / "out")
    assert len(frames) == FRAMES and boxes["frame"].is_unique and set(boxes["found_by"]) <= {"rgb", "temporal"}
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["settings"]["temporal"] == temporal


def test_a_folder_with_broken_images_and_other_files(
    detect: Detect,
    ward: Path,
    live_run: LiveRun,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, out = tmp_path / "ward", tmp_path / "out"
    shutil.copytree(ward, folder)
    for name, path in live_run.images.items():
        shutil.copy(path, folder / name)
    assert detect(folder, "--out", out, "--annotate", "--until", 0.5, rescue="heatmap:gradcampp_multiscale_avg") == 3
    said = capsys.readouterr().err
    assert "1 files that are neither video nor image are passed over: notes.txt" in said
    assert sum("broken.png" in line and line.endswith("; skipped") for line in said.splitlines()) == 1
    boxes, frames = tables(out)
    assert frames["source"].tolist() == ["bed.mp4"] * 3 + sorted(live_run.images)
    of_images = frames["source"] != "bed.mp4"
    assert frames["second"].isna().tolist() == of_images.tolist() and (frames["frame"][of_images] == 0).all()
    for image in live_run.images:
        expected = of_class(live_run.stored("rgb10"), image, live_run.confidence)
        found = boxes[boxes["source"] == image]
        if len(expected):
            assert set(found["found_by"]) == {"rgb"}
            np.testing.assert_allclose(found[["x1", "y1", "x2", "y2", "confidence"]], expected, rtol=0, atol=1e-3)
        else:
            assert set(found["found_by"]) <= {"heatmap"} and set(found["method"]) <= {"gradcampp_multiscale_avg"}
        assert (out / "annotated" / f"{image}.jpg").is_file()
    assert not (out / "annotated" / "broken.png.jpg").exists()
    summary = json.loads((out / "summary.json").read_text())
    assert list(summary["skipped"]) == ["broken.png"] and summary["passed_over"] == [str(folder / "notes.txt")]
    assert summary["sources"]["images"]["corrupt"] == 1 and summary["sources"]["bed.mp4"]["frames"] == 3


@pytest.mark.parametrize("name", ["empty.mp4", "broken.png", "words.mp4"])
def test_nothing_that_can_be_read(detect: Detect, complaint_of: Callable[[], str], tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"" if name == "empty.mp4" else b"no picture at all")
    assert detect(tmp_path / name, "--out", tmp_path / "out", rescue="none") == 2
    assert name in complaint_of() and not (tmp_path / "out").exists()


@pytest.fixture
def complaint_of(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """The one line in which the last command said what was wrong."""

    def last() -> str:
        (line,) = (line for line in capsys.readouterr().err.splitlines() if "error: " in line)
        return line

    return last


def test_one_unreadable_video_beside_a_good_one(detect: Detect, ward: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    out = tmp_path / "out"
    assert (
        detect(tmp_path / "empty.mp4", ward / "bed.mp4", "--out", out, "--annotate", "--until", 0.3, rescue="none") == 3
    )
    sources = json.loads((out / "summary.json").read_text())["sources"]
    assert (sources["empty.mp4"]["status"], sources["bed.mp4"]["status"]) == ("failed", "complete")
    assert "empty.mp4" in sources["empty.mp4"]["reason"] and set(tables(out)[1]["source"]) == {"bed.mp4"}


def test_a_video_that_is_cut_off(detect: Detect, tmp_path: Path) -> None:
    whole = write_video(tmp_path / "bed.mkv", 30, RATE)
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) * 2 // 3])
    out = tmp_path / "out"
    code = detect(whole, "--out", out, "--annotate", "--temporal", "offline", rescue="none")
    account = json.loads((out / "summary.json").read_text())["sources"]["bed.mkv"]
    assert (code, account["status"]) == (3, "cut off") and account["reason"].endswith("of 6.0")
    assert 5 < account["frames"] == len(tables(out)[1]) < 30 and (out / "annotated" / "bed.mkv.mp4").is_file()


def test_videos_of_one_name(detect: Detect, ward: Path, tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
    shutil.copy(ward / "bed.mp4", tmp_path / "one")
    write_video(tmp_path / "two" / "bed.mp4", 3, RATE, seed=50)
    out = tmp_path / "out"
    assert detect(tmp_path / "one", tmp_path / "two", "--out", out, "--annotate", "--until", 0.5, rescue="none") == 0
    frames = tables(out)[1]
    assert frames["source"].unique().tolist() == ["one/bed.mp4", "two/bed.mp4"]
    assert all((out / "annotated" / name).is_file() for name in frames["source"].unique())


def test_a_live_stream_has_no_end_to_wait_for(detect: Detect, complaint_of: Callable[[], str], tmp_path: Path) -> None:
    assert detect("rtsp://nowhere/stream", "--out", tmp_path / "out", "--temporal", "offline") == 2
    assert "a live stream has no end; give online" in complaint_of() and not (tmp_path / "out").exists()


def test_what_is_written_is_no_source_the_next_time(
    detect: Detect, ward: Path, complaint_of: Callable[[], str], tmp_path: Path
) -> None:
    for out in (ward, ward / "found", tmp_path / ".." / tmp_path.name):
        assert detect(ward, tmp_path, "--out", out) == 2
        assert "whose videos are looked at; give a folder elsewhere" in complaint_of()
    assert {path.name for path in ward.iterdir()} == {"bed.mp4", "notes.txt", "broken.png"}


class Stop:
    """Stops the work at a picture, as Ctrl-C would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looked_at: list[int] = []
        self.at: int | None = None

        def watched(items: Iterator, *_: object) -> Iterator:
            for item in items:
                self.looked_at.append(item[1].index)
                yield item
                if len(self.looked_at) == self.at:
                    raise KeyboardInterrupt

        monkeypatch.setattr(run_module, "track", watched)


def test_stopped_and_given_again_it_goes_on(
    detect: Detect, ward: Path, undisturbed_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, out = Stop(monkeypatch), tmp_path / "out"
    words = [ward / "bed.mp4", "--out", out]
    stop.at = 5
    assert detect(*words) == 130
    assert [path.name for path in out.iterdir()] == [".parts"], "tables of half a video"
    stop.at = 7
    assert detect(*words) == 130
    assert stop.looked_at == [0, 1, 2, 3, 4, 5, 6]
    stop.at = None
    assert detect(*words, "--format", "csv") == 0
    assert stop.looked_at == list(range(FRAMES)), "a frame was looked at twice"
    assert_same_tables(out, undisturbed_video)
    assert not (out / ".parts").exists()


def test_other_settings_begin_anew(
    detect: Detect,
    ward: Path,
    live_run: LiveRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop, video = Stop(monkeypatch), tmp_path / "bed.mp4"
    shutil.copy(ward / "bed.mp4", video)
    changes: list[dict[str, object]] = [{"rescue": "none"}, {"confidence": 0.9}]
    stop.at = 2
    assert detect(video, "--out", tmp_path / "out") == 130
    for changed in changes:
        stop.looked_at.clear()
        assert detect(video, "--out", tmp_path / "out", **changed) == 130
        assert stop.looked_at == [0, 1]
    os.utime(video, (1, 1))
    for words in ([], ["--nms-iou", 0.5], ["--until", 1]):
        stop.looked_at.clear()
        assert detect(video, "--out", tmp_path / "out", *words) == 130
        assert stop.looked_at == [0, 1]


def test_a_broken_image_before_the_stop_is_told_after_it(
    detect: Detect,
    live_run: LiveRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, out = tmp_path / "ward", tmp_path / "out"
    shutil.copytree(live_run.folder / "pictures", folder)
    (folder / "a broken one.png").write_bytes(b"no picture")
    stop = Stop(monkeypatch)
    stop.at = 4
    assert detect(folder, "--out", out, rescue="none") == 130
    stop.at = None
    capsys.readouterr()
    assert detect(folder, "--out", out, rescue="none") == 3
    assert "a broken one.png" in capsys.readouterr().err and stop.looked_at == list(range(1, 9))
    assert list(json.loads((out / "summary.json").read_text())["skipped"]) == ["a broken one.png"]
    assert tables(out)[1]["source"].tolist() == sorted(live_run.images)


def test_pictures_damaged_before_the_stop_are_counted_after_it(
    detect: Detect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [texture(number, 96, 64) for number in range(40)]
    video = write(tmp_path / "bed.avi", pictures, codec="mjpeg", pixel_format="yuvj420p")
    content = bytearray(video.read_bytes())
    for place, size, _ in (packets(video)[number] for number in (2, 37)):
        content[place : place + size] = bytes(size)
    video.write_bytes(content)
    stop, out = Stop(monkeypatch), tmp_path / "out"
    stop.at = 6
    assert detect(video, "--out", out, rescue="none") == 130
    stop.at = None
    assert detect(video, "--out", out, "--annotate", rescue="none") == 3
    account = json.loads((out / "summary.json").read_text())["sources"]["bed.avi"]
    assert (account["frames"], account["corrupt"], account["status"]) == (38, 2, "complete")
    assert stop.looked_at[:38] == list(range(38))


def test_the_video_outlives_the_thread_that_reads_it(
    detect: Detect, ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []

    def watched(*words: object) -> Iterator:
        looked = look(*words)  # type: ignore[arg-type]
        try:
            yield from looked
        finally:
            looked.close()
            ended.append(True)

    closed: list[bool] = []
    real = run_module.Video.close
    monkeypatch.setattr(run_module.Video, "close", lambda video: (closed.append(bool(ended)), real(video))[1])
    monkeypatch.setattr(run_module, "look", watched)
    stop = Stop(monkeypatch)
    stop.at = 2
    assert detect(ward / "bed.mp4", "--out", tmp_path / "out", rescue="none") == 130
    assert ended and closed[-1], "the video was closed while its thread read on"


def test_killed_and_given_again_it_goes_on(
    detect: Detect,
    live_run: LiveRun,
    ward: Path,
    undisturbed_video: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SIGKILL, which no clean-up survives: only what was written in time is left."""
    out = tmp_path / "out"
    words = ["detect", ward / "bed.mp4", "--out", out, "--run", live_run.folder, "--rescue", "covered_faces"]
    words += ["--confidence", live_run.confidence, "--batch", 3, "--device", "cpu"]
    program = (
        "import sys, time; from uncover.detect import parts, run\n"
        "parts.FRAMES = 2; own = parts.Parts.add\n"
        "parts.Parts.add = lambda self, seen: (own(self, seen), time.sleep(60 if seen.index == 6 else 0))\n"
        "from uncover.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    with subprocess.Popen([sys.executable, "-c", program, *map(str, words)], stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while len(list(out.glob(".parts/*/[0-9]*.npz"))) < 3 and time.monotonic() < end and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL and not (out / "boxes.parquet").exists()
    stop = Stop(monkeypatch)
    monkeypatch.setattr(parts_module, "FRAMES", 2)
    assert detect(*words[1:4]) == 0
    assert stop.looked_at == list(range(6, FRAMES)), "frames that were written were looked at again"
    assert_same_tables(out, undisturbed_video)


def test_the_winner_of_the_trial_is_the_default(
    live_run: LiveRun,
    ward: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("models", "datasets", "predictions", "heatmaps"):
        (run / name).symlink_to(live_run.folder / name)
    write_trial(
        run / "metrics" / "rescue_trial.csv", {"constant_box": (0.1, 9), "part_votes": (0.2, 5), "grey": (0.3, 2)}
    )
    words = ["--run", run, "--out", tmp_path / "out", "--until", 0.3, "--device", "cpu", "--confidence", 0.99]
    assert main(["detect", str(ward / "bed.mp4"), *map(str, words)]) == 0
    assert "rescue: part_votes, which found 5 of 10 missed faces" in capsys.readouterr().err
    assert set(tables(tmp_path / "out")[0]["method"]) == {"part_votes"}
