"""`uncover detect` as a user gives it: what it leaves, what it says, and what a broken file costs."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest

from tests.commands import detecting
from tests.commands.detecting import (
    BOXES,
    FRAMES,
    RATE,
    Detect,
    tables,
)
from tests.video.live_run import LiveRun, of_class, write_trial, write_video
from tests.video.test_sound import BEEPS, beeps, flashes, write_source
from uncover.cli import main
from uncover.commands._shared_arguments import OTHER_DETECTORS
from uncover.config.baselines import BASELINES
from uncover.metrics.predictions import read_predictions
from uncover.video.decode import open_video

detect = detecting.detect
live_run = detecting.live_run
undisturbed_video = detecting.undisturbed_video
ward = detecting.ward


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
    assert {path.name for path in out.iterdir()} == names | {".parts"}
    boxes, frames = tables(out)
    assert list(boxes) == BOXES and list(frames) == ["source", "frame", "second", "width", "height"]
    assert frames["frame"].tolist() == list(range(FRAMES)) and set(frames["source"]) == {"bed.mp4"}
    assert frames["second"].to_numpy() == pytest.approx(np.arange(FRAMES) / RATE, abs=1e-3)
    assert (frames[["width", "height"]].to_numpy() == [96, 64]).all()
    by_frame = boxes.groupby("frame")["found_by"].agg(set)
    assert {"rgb"} in by_frame.tolist() and {"rescue"} in by_frame.tolist()
    assert all(len(found_by) == 1 for found_by in by_frame), "a rescue beside the detector"
    methods = boxes.groupby("found_by")["method"].agg(set).to_dict()
    assert methods == {"rgb": {"rgb10"}, "rescue": {"rgb1_occlusion"}}
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
    assert (told["status"], told["frames"], told["with_a_box"]) == ("complete", FRAMES, len(by_frame))
    assert summary["settings"]["detector"] == "rgb10" and summary["settings"]["rescue"] == "rgb1_occlusion"
    with open_video(out / "annotated" / "bed.mp4") as video:
        assert (video.width, video.height) == (96, 64) and len(list(video.frames())) == FRAMES


@pytest.mark.parametrize("temporal", ["online", "offline"])
def test_time_leaves_at_most_one_box_a_frame(detect: Detect, ward: Path, tmp_path: Path, temporal: str) -> None:
    assert detect(ward / "bed.mp4", "--out", tmp_path / "out", "--tracking", temporal, "--annotate", rescue="none") == 0
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
    assert "skipped 1 files that are neither video nor image: 1 .txt (such as notes.txt)" in said
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
    assert "a live stream has no end; give --tracking online" in complaint_of() and not (tmp_path / "out").exists()


def test_what_is_written_is_no_source_the_next_time(
    detect: Detect, ward: Path, complaint_of: Callable[[], str], tmp_path: Path
) -> None:
    for out in (ward, ward / "found", tmp_path / ".." / tmp_path.name):
        assert detect(ward, tmp_path, "--out", out) == 2
        assert "which is a source; give a folder outside of it" in complaint_of()
    assert {path.name for path in ward.iterdir()} == {"bed.mp4", "notes.txt", "broken.png"}


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
        run / "metrics" / "rescue_trial.csv", {"constant_box": (0.1, 9), "part_fusion": (0.2, 5), "grey": (0.3, 2)}
    )
    words = ["--run", run, "--out", tmp_path / "out", "--until", 0.3, "--device", "cpu", "--confidence", 0.99]
    assert main(["detect", str(ward / "bed.mp4"), *map(str, words)]) == 0
    assert "rescue: part_fusion, which found 5 of 10 missed faces" in capsys.readouterr().err
    assert set(tables(tmp_path / "out")[0]["method"]) == {"part_fusion"}


@pytest.mark.parametrize("temporal", ["off", "online", "offline"])
def test_joined_recordings_beside_a_good_one(
    detect: Detect, ward: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], temporal: str
) -> None:
    """Two recordings in one file start their clock anew, and the second is of another size."""
    wide, high = write_video(tmp_path / "wide.mp4", 6), write_video(tmp_path / "high.mp4", 5, size=(64, 96), seed=9)
    joined, out = tmp_path / "joined.ts", tmp_path / "out"
    joined.write_bytes(b"".join(in_a_transport_stream(path).read_bytes() for path in (wide, high)))
    assert detect(joined, ward / "bed.mp4", "--out", out, "--temporal", temporal, "--annotate", rescue="none") == 3
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("joined.ts: a box in"))
    assert "its clock restarts once (first after second 1.00, 1.00 s back)" in line and "64 x 96" in line
    frames = tables(out)[1].groupby("source")
    assert frames.size().to_dict() == {"bed.mp4": FRAMES, "joined.ts": 11}
    own = frames.get_group("joined.ts")
    assert own["second"].to_numpy() == pytest.approx(np.arange(11) / RATE, abs=1e-3)
    assert own["width"].tolist() == [96] * 6 + [64] * 5 and own["frame"].tolist() == list(range(11))
    sources = json.loads((out / "summary.json").read_text())["sources"]
    assert sources["bed.mp4"]["mended"] == [] and sources["bed.mp4"]["notes"] == []
    assert len(sources["joined.ts"]["mended"]) == len(sources["joined.ts"]["notes"]) == 1
    seconds = pd.read_csv(out / "per_second.csv").groupby("source")["frames"].agg(list)
    assert seconds.to_dict() == {"bed.mp4": [5, 5, 1], "joined.ts": [5, 5, 1]}
    with open_video(out / "annotated" / "joined.ts.mp4") as video:
        assert len(list(video.frames())) == 11 and (video.width, video.height) == (96, 64)


def in_a_transport_stream(path: Path) -> Path:
    """The same pictures in another container."""
    with av.open(str(path)) as source, av.open(str(path.with_suffix(".ts")), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    return path.with_suffix(".ts")


def test_files_of_any_name(live_run: LiveRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = write_video(tmp_path / "v.mp4", 2).read_bytes()
    folder, out = tmp_path / "ward", tmp_path / "out"
    folder.mkdir()
    monkeypatch.chdir(folder)
    names = {
        "2024-01-26T20:57:04Z.mp4": "2024-01-26T20:57:04Z.mp4",
        "B\udce9b\udce9.mp4": r"B\xe9b\xe9.mp4",
        "-x.mp4": "-x.mp4",
        "100% #1 [a].mp4": "100% #1 [a].mp4",
        "two\nlines \U0001f476.mp4": "two\\nlines \U0001f476.mp4",
    }
    for name in names:
        Path(name).write_bytes(content)
    Path("not\udce9s.txt").touch()
    words = ["--run", live_run.folder, "--rescue", "none", "--device", "cpu", "--format", "csv", "coco", "--annotate"]
    for place, given in enumerate((["."], ["--", *names])):
        assert main(["detect", "--out", str(out / str(place)), *map(str, words), *given]) == 0
        frames = tables(out / str(place))[1]
        assert frames["source"].value_counts().to_dict() == dict.fromkeys(names.values(), 2)
        assert {path.name for path in (out / str(place) / "annotated").iterdir()} == set(names.values())
        coco = json.loads((out / str(place) / "boxes.json").read_text(encoding="utf-8"))
        assert {image["file_name"] for image in coco["images"]} == set(names.values())
        assert list(json.loads((out / str(place) / "summary.json").read_bytes())["sources"]) == list(
            frames["source"].unique()
        )
    assert main(["frames", "--boxes", str(out / "0" / "boxes.parquet"), "--", *names, str(tmp_path / "picked")]) == 0
    with (tmp_path / "picked" / "frames.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(names)
    images = [str(path) for path in (tmp_path / "picked").rglob("*.jpg")]
    assert len(images) == len(names) and not any("\\" in name or not name.isprintable() for name in images)


def test_a_copy_that_cannot_be_written_costs_no_table(
    detect: Detect, ward: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    write_video(tmp_path / "good.mp4", 3)
    words = (ward / "bed.mp4", tmp_path / "good.mp4", "--out", out)
    assert detect(*words, rescue="none") == 0
    capsys.readouterr()
    (out / "annotated" / "bed.mp4").mkdir(parents=True)
    assert detect(*words, "--annotate", rescue="none") == 3
    assert tables(out)[1].groupby("source").size().to_dict() == {"bed.mp4": FRAMES, "good.mp4": 3}
    assert (out / "annotated" / "good.mp4").is_file()
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("bed.mp4: a box in"))
    assert "no annotated copy" in line and "is a folder" in line
    assert len(json.loads((out / "summary.json").read_text())["sources"]["bed.mp4"]["lost"]) == 1


@pytest.mark.parametrize(("sound", "kept"), [("keep", True), ("drop", False)])
def test_an_annotated_video_keeps_its_sound_unless_that_is_not_wished(
    detect: Detect, tmp_path: Path, sound: str, kept: bool
) -> None:
    source, out = write_source(tmp_path / "bed.mkv"), tmp_path / "out"
    assert detect(source, "--out", out, "--annotate", "--sound", sound, "--until", 1.5, rescue="none") == 0
    with av.open(str(out / "annotated" / "bed.mkv.mp4")) as film:
        assert bool(film.streams.audio) == kept and len(film.streams.video) == 1
    if kept:
        assert beeps(out / "annotated" / "bed.mkv.mp4") == pytest.approx(BEEPS[:2], abs=0.05)


@pytest.mark.parametrize("suffix", ["ts", pytest.param("mp4", marks=pytest.mark.whole_run)])
def test_sound_of_joined_recordings_stays_with_the_pictures(detect: Detect, tmp_path: Path, suffix: str) -> None:
    """The clock starts anew twice, for pictures and sound alike."""
    part, joined = write_source(tmp_path / f"part.{suffix}"), tmp_path / f"joined.{suffix}"
    joined.write_bytes(part.read_bytes() * 3)
    words = ["--out", tmp_path / "out", "--annotate", "--privacy", "publish"]
    assert detect(joined, *words, confidence=0.9999, rescue="none") == 3
    (film,) = (tmp_path / "out" / "annotated").iterdir()
    assert len(flashes(film)) == 3 * len(BEEPS)
    assert beeps(film) == pytest.approx(flashes(film), abs=0.06)


def test_what_the_command_shows_of_pictures_is_what_was_wished(
    detect: Detect, ward: Path, live_run: LiveRun, tmp_path: Path
) -> None:
    original = cv2.imread(str(live_run.images["picture0.png"])).astype(float)
    same = {}
    for privacy in ("publish", "pixelate", "whole-frame"):
        out = tmp_path / privacy
        words = [ward / "bed.mp4", *live_run.images.values(), "--out", out, "--annotate", "--privacy", privacy]
        assert detect(*words, "--until", 0.5, rescue="rgb1_occlusion") == 0
        drawn = cv2.imread(str(out / "annotated" / "picture0.png.jpg")).astype(float)
        same[privacy] = (np.abs(drawn - original).max(axis=2) < 25).mean()
        with open_video(out / "annotated" / "bed.mp4") as video:
            assert len(list(video.frames())) == 3
    # Boxes and their names are drawn on all.
    assert max(same["pixelate"], same["whole-frame"]) < 0.4 * same["publish"], same


def test_results_have_a_folder_of_the_sources_name_and_replace_none_of_others(
    ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complaint_of: Callable[[], str], live_run: LiveRun
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    shutil.copy(ward / "bed.mp4", tmp_path / "my bed.mp4")
    write_video(tmp_path / "other" / "my bed.mp4", 2)
    words = ["--rescue", "none", "--until", "0.3", "--device", "cpu", "--weights", str(live_run.weights("rgb10"))]
    assert main(["detect", "my bed.mp4", *words]) == 0
    first = (tmp_path / "found" / "my_bed" / "boxes.parquet").read_bytes()
    assert main(["detect", "other/my bed.mp4", *words]) == 2
    assert "found/my_bed: holds the results of my bed.mp4, from another place or" in complaint_of()
    assert (tmp_path / "found" / "my_bed" / "boxes.parquet").read_bytes() == first
    assert main(["detect", "my bed.mp4", *words, "--confidence", "0.9"]) == 0
    assert main(["detect", "other", "my bed.mp4", *words]) == 0
    assert main(["detect", str(live_run.images["picture0.png"]), *words, "--preview"]) == 0
    assert {path.name for path in (tmp_path / "found").iterdir()} == {"my_bed", "other_and_1_more", "picture0"}
    (tmp_path / "found" / "mine").mkdir()
    (tmp_path / "found" / "mine" / "boxes.parquet").write_text("somebody's own")
    write_video(tmp_path / "mine.mp4", 2)
    assert main(["detect", "mine.mp4", *words]) == 2
    assert "its boxes.parquet was not written by 'uncover detect'" in complaint_of()


def test_detectors_of_others_find_what_predict_baseline_finds(
    live_run: LiveRun, tmp_path: Path, complaint_of: Callable[[], str]
) -> None:
    pictures, out = live_run.folder / "pictures", tmp_path / "out"
    words = ["--detector", "mtcnn", "--confidence", "0.06", "--device", "cpu"]
    assert main(["detect", str(pictures), "--out", str(out), *words]) == 0
    assert main(["predict", "baseline", "mtcnn", str(pictures), "--out", str(tmp_path), "--device", "cpu"]) == 0
    stored = read_predictions(tmp_path / "pictures.parquet").boxes.query("confidence >= 0.06")
    boxes = tables(out)[0]
    assert len(boxes) == len(stored) > 0 and set(boxes["method"]) == {"mtcnn"}
    for image, expected in stored.groupby("image"):
        found = boxes[boxes["source"] == image].sort_values("confidence", ascending=False)
        columns = ["x1", "y1", "x2", "y2", "confidence"]
        np.testing.assert_allclose(found[columns], expected[columns], rtol=0, atol=1e-3)
    for wrong, message in {
        "--detector-weights x.onnx": "no detector uses them",
        "--detector mtcnn --detector-weights yunet=x.onnx": "no detector uses them",
        "--detector yunet --detector-weights x.onnx": "x.onnx: does not exist",
    }.items():
        assert main(["detect", str(pictures), "--out", str(out), *wrong.split()]) == 2
        assert message in complaint_of()


def test_detectors_of_others_are_listed_as_they_are() -> None:
    assert tuple(BASELINES) == OTHER_DETECTORS
