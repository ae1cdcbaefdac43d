"""`uncover detect`, stopped or killed, and given again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.commands import detecting
from tests.commands.detecting import (
    FRAMES,
    Detect,
    assert_same_tables,
    tables,
)
from tests.video.coded import packets, write
from tests.video.live_run import LiveRun, texture
from uncover.video import detected_frames as detected_frames_module
from uncover.video import pipeline as pipeline_module
from uncover.video.detection import detect_frames

detect = detecting.detect
live_run = detecting.live_run
undisturbed_video = detecting.undisturbed_video
ward = detecting.ward


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

        monkeypatch.setattr(pipeline_module, "track", watched)


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


def files_of(out: Path) -> dict[str, int]:
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}


def test_finished_and_given_again_it_does_what_is_missing(
    detect: Detect,
    ward: Path,
    live_run: LiveRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stop, out, video = Stop(monkeypatch), tmp_path / "out", tmp_path / "bed.mp4"
    shutil.copy(ward / "bed.mp4", video)
    image = live_run.images["picture0.png"]

    def changed_by(*words: object) -> set[str]:
        before = files_of(out) if out.exists() else {}
        stop.looked_at.clear()
        capsys.readouterr()
        assert detect(video, image, "--out", out, *words) == 0
        return {name for name, time in files_of(out).items() if before.get(name) != time and ".parts" not in name}

    tables_only = {"boxes.parquet", "frames.parquet", "per_second.csv", "summary.json"}
    copies = {"annotated/bed.mp4", "annotated/picture0.png.jpg"}
    assert changed_by() == tables_only and len(stop.looked_at) == FRAMES + 1
    assert changed_by() == set() and stop.looked_at == []
    line, closing = capsys.readouterr().err.splitlines()
    assert closing.startswith(f"unchanged {out / 'boxes.parquet'}: ") and f" of {FRAMES + 1} frames, " in closing
    assert line == f"{out}: all outputs exist with these settings; nothing to do"
    assert changed_by("--json") == set()
    values = json.loads(capsys.readouterr().out)
    counts = {"boxes": len(pd.read_parquet(out / "boxes.parquet")), "frames": FRAMES + 1}
    assert values["outputs"][0].items() >= ({"path": str(out / "boxes.parquet")} | counts).items()
    assert values["sources"].keys() == {"bed.mp4", "images"} and values["exit_code"] == 0
    assert changed_by("--format", "csv") == {"boxes.csv", "summary.json"} and stop.looked_at == []
    assert "the boxes exist already; wrote boxes.csv" in capsys.readouterr().err
    # Other presentation of what was looked at: faces are hidden as if that had been asked for at once.
    assert changed_by("--format", "csv", "--annotate", "--privacy", "solid") == tables_only | copies
    assert stop.looked_at == []
    assert detect(video, image, "--out", tmp_path / "at once", "--annotate", "--privacy", "solid") == 0
    for name in copies:
        assert (out / name).read_bytes() == (tmp_path / "at once" / name).read_bytes()
    assert changed_by("--annotate", "--privacy", "solid", "--format", "csv") == set()
    assert changed_by("--annotate", "--privacy", "blur") >= copies and stop.looked_at == []
    assert json.loads((out / "summary.json").read_text())["frames_per_second"] is not None
    (out / "per_second.csv").unlink()
    assert "per_second.csv" in changed_by() and stop.looked_at == []
    assert "boxes.parquet" in changed_by("--temporal", "offline") and stop.looked_at == []
    os.utime(video, (1, 1))
    assert "boxes.parquet" in changed_by("--temporal", "offline") and len(stop.looked_at) == FRAMES
    assert len(list((out / ".parts").iterdir())) == 2, "what no call can take over"


def test_recordings_that_were_joined_go_on_before_and_behind_the_joint(
    detect: Detect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their clock starts anew, so that a time alone says nothing of where in the file the work was stopped."""
    parts = [write(tmp_path / f"{seed}.ts", [texture(seed + n, 96, 64) for n in range(6)]) for seed in (0, 50)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    stop, words = Stop(monkeypatch), [joined, "--format", "csv", "--temporal", "offline", "--out"]
    for stop.at in (4, 8):
        assert detect(*words, tmp_path / "out") == 130
    stop.at = None
    assert detect(*words, tmp_path / "out") == 3
    assert stop.looked_at == list(range(12)), "a frame was looked at twice"
    assert detect(*words, tmp_path / "undisturbed") == 3
    assert_same_tables(tmp_path / "out", tmp_path / "undisturbed")
    told = [json.loads((tmp_path / out / "summary.json").read_text())["sources"] for out in ("out", "undisturbed")]
    assert told[0] == told[1] and len(told[0]["joined.ts"]["mended"]) == 1


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
    assert detect(video, "--out", out, "--annotate", rescue="none") == 130
    stop.at = None
    assert detect(video, "--out", out, "--annotate", rescue="none") == 3
    source = json.loads((out / "summary.json").read_text())["sources"]["bed.avi"]
    assert (source["frames"], source["corrupt"], source["status"]) == (38, 2, "complete")
    assert stop.looked_at[:38] == list(range(38))


def test_the_video_outlives_the_thread_that_reads_it(
    detect: Detect, ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []

    def watched(*words: object) -> Iterator:
        looked = detect_frames(*words)  # type: ignore[arg-type]
        try:
            yield from looked
        finally:
            looked.close()
            ended.append(True)

    closed: list[bool] = []
    real = pipeline_module.Video.close
    monkeypatch.setattr(pipeline_module.Video, "close", lambda video: (closed.append(bool(ended)), real(video))[1])
    monkeypatch.setattr(pipeline_module, "detect_frames", watched)
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
    words = ["detect", ward / "bed.mp4", "--out", out, "--run", live_run.folder, "--rescue", "rgb1_occlusion"]
    words += ["--confidence", live_run.confidence, "--batch", 3, "--device", "cpu"]
    program = (
        "import sys, time; from uncover.video import detected_frames as stored\n"
        "stored.FRAMES = 2; own = stored.Parts.add\n"
        "stored.Parts.add = lambda self, seen: (own(self, seen), time.sleep(60 if seen.index == 6 else 0))\n"
        "from uncover.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    with subprocess.Popen([sys.executable, "-c", program, *map(str, words)], stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while len(list(out.glob(".parts/*/[0-9]*.npz"))) < 3 and time.monotonic() < end and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL and not (out / "boxes.parquet").exists()
    stop = Stop(monkeypatch)
    monkeypatch.setattr(detected_frames_module, "FRAMES", 2)
    assert detect(*words[1:4]) == 0
    assert stop.looked_at == list(range(6, FRAMES)), "frames that were written were looked at again"
    assert_same_tables(out, undisturbed_video)
