"""`uncover frames` and its companions, from videos to a data set."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from uncover.cli import main
from uncover.video.decode import open_video
from uncover.video.encode import VideoWriter

RATE, SIZE = 10, (160, 120)
SCENE = np.random.default_rng(1).integers(60, 160, (12, 16)).repeat(10, 0).repeat(10, 1).astype(np.float64)


def shown(second: float) -> np.ndarray:
    """Still, then something moves from the second 3 to 5, then still, and dark from 7 on."""
    grey = SCENE.copy()
    place = 20 + round(40 * min(max(second - 3, 0), 2))
    grey[40:80, place : place + 30] = 230
    grey *= 0.6 if second >= 7 else 1
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def write_video(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, *SIZE, RATE) as writer:
        for number in range(9 * RATE):
            writer.write(shown(number / RATE))
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("videos") / "ward_1.mp4")


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "frames.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def digest_of(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_infant_of_a_video_is_that_of_the_list_beside_it(video: Path, tmp_path: Path) -> None:
    (tmp_path / "ward").mkdir()
    for name in ("a", "b"):
        (tmp_path / "ward" / f"{name}.mp4").symlink_to(video)
    (tmp_path / "ward" / "infants.csv").write_text("video,infant\nb.mp4,Mia\n")
    assert run("frames", tmp_path / "ward/a.mp4", tmp_path / "ward/b.mp4", tmp_path / "out", "--count", "1") == 0
    assert [(row["video"], row["infant"]) for row in rows_of(tmp_path / "out")] == [("a", ""), ("b", "Mia")]
    (tmp_path / "ward" / "infants.csv").write_text("video\nb.mp4\n")
    assert run("frames", tmp_path / "ward/a.mp4", tmp_path / "again", "--count", "1") == 2
    assert not (tmp_path / "again").exists()


def test_a_folder_stands_for_its_videos_and_a_file_is_a_file_whatever_its_name(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ward").mkdir()
    for name in ("ward/a.mp4", "ward/B.MP4", "-c.mp4"):
        Path(name).symlink_to(video)
    assert run("frames", "ward", "-c.mp4", "out", "--count", "1") == 0
    assert sorted(row["video"] for row in rows_of(tmp_path / "out")) == ["-c", "B", "a"]
    Path("empty").mkdir()
    assert run("frames", "empty", "again") == 2
    assert "empty: no video in it" in capsys.readouterr().err


def test_frames_are_picked_where_something_changes_and_are_those_of_the_video(video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("frames", video, out) == 0
    rows = rows_of(out)
    seconds = {
        reason: [float(row["second"]) for row in rows if row["reason"] == reason] for reason in ("motion", "light")
    }
    assert rows[0]["reason"] == "first" and all(3 <= second <= 6 for second in seconds["motion"]) and seconds["motion"]
    assert seconds["light"] == [7.0] and {row["grade"] for row in rows} == {"ungraded"}
    with open_video(video) as opened:
        frames = {frame.index: frame.pixels for frame in opened.frames()}
    for row in rows:
        assert row["image"] == f"ungraded/images/ward_1_{int(row['frame']):06d}.jpg"
        with Image.open(out / row["image"]) as image:
            assert np.abs(np.asarray(image).astype(int) - frames[int(row["frame"])]).mean() < 2
    assert not (out / "ungraded/labels").exists()


def test_the_same_video_gives_the_same_bytes(video: Path, tmp_path: Path) -> None:
    for out in ("one", "two"):
        assert run("frames", video, tmp_path / out, "--count", "4") == 0
    assert digest_of(tmp_path / "one") == digest_of(tmp_path / "two")
    assert len(rows_of(tmp_path / "one")) == 4


def test_a_number_of_frames_that_the_video_has_not_is_said(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("frames", video, tmp_path / "out", "--count", "50", "--gap", "2") == 0
    assert "too short for 50 frames 2 s apart" in capsys.readouterr().err
    assert len(rows_of(tmp_path / "out")) >= 3
    assert (np.diff([float(row["second"]) for row in rows_of(tmp_path / "out")]) >= 2).all()


def test_true_boxes_put_frames_into_the_folders_of_their_grades(video: Path, tmp_path: Path) -> None:
    table = tmp_path / "ward_1.csv"
    lines = [
        f"{n},{n / RATE},40,30,120,90,hard,still" if n < 60 else f"{n},{n / RATE},,,,,none,away" for n in range(90)
    ]
    table.write_text("\n".join(["frame,second,x1,y1,x2,y2,grade,event", *lines]) + "\n")
    out = tmp_path / "out"
    assert run("frames", video, out, "--boxes", table) == 0
    rows = rows_of(out)
    assert {row["grade"] for row in rows} == {"hard", "none"}
    for row in rows:
        label = out / row["image"].replace("images", "labels").replace(".jpg", ".txt")
        assert label.read_text() == ("0 0.5 0.5 0.5 0.5\n" if row["grade"] == "hard" else "")
    assert run("labels", "--layout", "graded", out, tmp_path / "data") == 0
    assert len(pd.read_parquet(tmp_path / "data/manifest.parquet")) == len(rows)


def test_found_boxes_go_to_cvat_to_be_corrected_and_come_back_graded(video: Path, tmp_path: Path) -> None:
    boxes = pd.DataFrame({"source": "ward_1.mp4", "frame": range(60), "x1": 40.0, "y1": 30.0, "x2": 120.0, "y2": 90.0})
    boxes.to_parquet(tmp_path / "boxes.parquet")
    out, file = tmp_path / "out", tmp_path / "to_cvat.xml"
    assert run("frames", video, out, "--boxes", tmp_path / "boxes.parquet") == 0
    before = rows_of(out)
    assert run("frames", "export", out, file, "--format", "cvat") == 0
    text = file.read_text()
    assert text.count("<box") == sum(int(row["frame"]) < 60 for row in before) > 0
    file.write_text(text.replace('xtl="40.00"', 'xtl="48.00"').replace(">ungraded<", ">medium<"))
    assert run("frames", "import", out, file) == 0
    after = rows_of(out)
    assert [row["frame"] for row in after] == [row["frame"] for row in before]
    assert {row["grade"] for row in after} == {"medium"} and all((out / row["image"]).is_file() for row in after)
    x_centre, width = (48 + 120) / 2 / 160, (120 - 48) / 160
    assert (out / "medium/labels/ward_1_000000.txt").read_text() == f"0 {x_centre} 0.5 {width} 0.5\n"


@pytest.fixture
def proposed(video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Frames, of which a detector found boxes in the first six seconds."""
    boxes = pd.DataFrame({"source": "ward_1.mp4", "frame": range(60), "x1": 40.0, "y1": 30.0, "x2": 120.0, "y2": 90.0})
    boxes.to_parquet(tmp_path / "boxes.parquet")
    assert run("frames", video, tmp_path / "out", "--boxes", tmp_path / "boxes.parquet") == 0
    early = sum(int(row["frame"]) < 60 for row in rows_of(tmp_path / "out"))
    late = len(rows_of(tmp_path / "out")) - early
    assert f"0 frames reviewed, {early} only proposed, {late} not looked at; none is a label" in capsys.readouterr().err
    assert early > 2 and late > 0
    return tmp_path / "out"


def labelled(data: Path) -> dict[str, str]:
    """What trainers see: label files by name, those of images without one empty."""
    label = lambda image: data / "labels" / f"{image.stem}.txt"  # noqa: E731
    return {image.name: label(image).read_text() if label(image).exists() else "" for image in data.glob("images/*")}


def test_what_nobody_reviewed_is_neither_a_label_nor_no_face(
    proposed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A detector's boxes became ten labels once, without a word."""
    assert not list(proposed.glob("*/labels/*")) and list(proposed.glob("ungraded/proposals/*.txt"))
    before, data = digest_of(proposed), tmp_path / "data"
    for words in (("labels", "--layout", "graded", proposed, data), ("train", "--data", proposed, tmp_path / "model")):
        assert run(*words) == 2
        assert "0 frames reviewed" in (line := capsys.readouterr().err) and "uncover frames export" in line
    assert digest_of(proposed) == before and not data.exists() and not (tmp_path / "model").exists()
    # One comes back corrected, one without its box, one as it went out; the others do not come back.
    assert run("frames", "export", proposed, tmp_path / "x.xml", "--format", "cvat") == 0
    head, *images = (tmp_path / "x.xml").read_text().split("  <image ")
    images[0] = images[0].replace('xtl="40.00"', 'xtl="48.00"')
    images[1] = re.sub(r"<box .*/>", "", images[1])
    (tmp_path / "y.xml").write_text("  <image ".join([head, *images[:3]]) + "</annotations>")
    capsys.readouterr()
    assert run("frames", "import", proposed, tmp_path / "y.xml") == 0
    said, rows = capsys.readouterr().err, rows_of(proposed)
    assert "updated 3 frames, 1 of them unchanged" in said and ": 3 frames reviewed" in said
    assert [row["reviewed"] for row in rows] == ["y.xml"] * 3 + [""] * (len(rows) - 3)
    assert run("labels", "--layout", "graded", proposed, data) == 0
    found = labelled(data)
    assert set(found) == {Path(row["image"]).name for row in rows[:3]}
    assert sorted(map(len, (text.splitlines() for text in found.values()))) == [0, 1, 1]
    late = sum(int(row["frame"]) >= 60 for row in rows)
    counts = {"reviewed": 3, "only proposed": len(rows) - 3 - late, "not looked at": late}
    assert json.loads((data / "summary.json").read_text())["frames"] == counts
    assert (
        f"3 frames reviewed, {counts['only proposed']} only proposed, {late} not looked at" in capsys.readouterr().err
    )


def as_earlier_versions_did(out: Path) -> None:
    """A detector's boxes in `labels/`, and a table that does not say who reviewed a frame, or who is in it."""
    for folder in out.glob("*/proposals"):
        (folder.parent / "labels").mkdir(exist_ok=True)
        for path in folder.iterdir():
            if not (folder.parent / "labels" / path.name).exists():
                path.rename(folder.parent / "labels" / path.name)
        shutil.rmtree(folder)
    with (out / "frames.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    with (out / "frames.csv").open("w", newline="") as file:
        csv.writer(file).writerows([row[: rows[0].index("reviewed")] for row in rows])


def test_boxes_that_an_earlier_version_wrote_as_labels_are_proposals(
    proposed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_earlier_versions_did(proposed)
    wrong = len(list(proposed.glob("ungraded/labels/*.txt")))
    assert wrong > 2 and run("labels", "--layout", "graded", proposed, tmp_path / "data") == 2
    said = capsys.readouterr().err
    assert (
        f"{wrong} frames in ungraded/ have label files of an earlier version" in said
        and "import the file of the tool" in said
    )
    # What came back with a grade is a label still, what did not becomes a proposal for good.
    assert run("frames", "export", proposed, tmp_path / "x.xml", "--format", "cvat") == 0
    text = (tmp_path / "x.xml").read_text()
    assert 'source="auto"' in text and 'source="manual"' not in text
    head, first, *_ = text.split("  <image ")
    (tmp_path / "y.xml").write_text(f"{head}  <image {first.replace('>ungraded<', '>hard<')}</annotations>")
    assert run("frames", "import", proposed, tmp_path / "y.xml") == 0
    assert len(list(proposed.glob("*/labels/*.txt"))) == 1 and len(list(proposed.glob("*/proposals/*.txt"))) == wrong
    as_earlier_versions_did(proposed)
    assert run("labels", "--layout", "graded", proposed, tmp_path / "data") == 0
    assert labelled(tmp_path / "data") == {"ward_1_000000.jpg": "2 0.5 0.5 0.5 0.5\n"}


def test_a_label_that_somebody_put_there_by_hand_counts(proposed: Path, tmp_path: Path) -> None:
    row = rows_of(proposed)[0]
    stem = Path(row["image"]).stem
    (proposed / "ungraded/labels").mkdir()
    (proposed / f"ungraded/labels/{stem}.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    assert run("labels", "--layout", "graded", proposed, tmp_path / "data") == 0
    assert labelled(tmp_path / "data") == {f"{stem}.jpg": "2 0.5 0.5 0.25 0.25\n"}


@pytest.mark.parametrize(("kind", "name"), [("cvat", "x.xml"), ("label-studio", "x.json")])
def test_what_a_tool_gave_back_is_not_exported_over(
    proposed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, name: str
) -> None:
    words = ("frames", "export", proposed, tmp_path / name, "--format", kind)
    assert run(*words) == 0 and run(*words) == 0
    (tmp_path / name).write_text(corrected := (tmp_path / name).read_text() + "\n")
    assert run(*words) == 2
    assert "was changed since its export" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == corrected


@pytest.mark.parametrize(
    "words",
    [
        ("labels", "--layout", "graded", "{raw}", "{out}"),
        ("make_synthetic", "hof", "{out}", "--frames", "1"),
        ("train", "{raw}", "{out}"),
        ("train", "--from", "{raw}", "--data", "{raw}", "{out}"),
        ("detect", "{video}", "--weights", "nowhere.pt", "--out", "{out}"),
        ("heatmaps", "{raw}", "{out}", "--weights", "nowhere.pt", "--method", "gradcam"),
        ("heatmaps", "export", "{raw}", "{out}"),
        ("overlay", "{raw}", "{out}"),
        ("fine_tune", "{raw}", "{out}", "--from", "{raw}", "--count", "1", "--leave-out", "a"),
        ("evaluate", "{raw}", "--labels", "{raw}", "--out", "{out}"),
        ("frames", "{video}", "{out}"),
    ],
)
def test_no_command_replaces_what_people_annotated(
    proposed: Path, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(proposed / "ungraded/images", raw / "easy/images")
    shutil.copytree(proposed / "ungraded/proposals", raw / "easy/labels")
    assert run("frames", "export", proposed, tmp_path / "x.xml", "--format", "cvat") == 0
    assert run("frames", "import", proposed, tmp_path / "x.xml") == 0
    before = digest_of(proposed)
    capsys.readouterr()
    assert run(*(word.format(raw=raw, out=proposed, video=video) for word in words)) == 2
    assert "out: contains imported annotations, which would be lost" in capsys.readouterr().err
    assert digest_of(proposed) == before


def test_frames_that_people_annotated_are_not_picked_over(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, file = tmp_path / "out", tmp_path / "x.xml"
    assert run("frames", video, out) == 0
    assert run("frames", video, out) == 0
    assert run("frames", "export", out, file, "--format", "cvat") == 0
    file.write_text(file.read_text().replace(">ungraded<", ">hard<"))
    assert run("frames", "import", out, file) == 0
    before = digest_of(out)
    assert run("frames", video, out) == 2
    assert "contains imported annotations" in capsys.readouterr().err and digest_of(out) == before


def test_a_video_that_is_cut_off_gives_the_frames_before(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / "whole.mkv"
    write_video(whole)
    content = whole.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(content[: len(content) * 2 // 3])
    assert run("frames", cut, tmp_path / "out") == 3
    assert rows_of(tmp_path / "out")[0]["image"] == "ungraded/images/cut_000000.jpg"
    picked, watched = re.findall(r"picked (\d+) of (\d+) frames", capsys.readouterr().err)[0]
    assert 0 < int(picked) < int(watched) < 9 * RATE


@pytest.mark.parametrize("count", [[], ["--count", "6"]])
def test_both_halves_of_joined_recordings_are_candidates(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], count: list[str]
) -> None:
    """`cat` leaves a clock that starts anew in the middle; a file that is none does not spoil the others."""
    joined = tmp_path / "joined.ts"
    with av.open(str(video)) as source, av.open(str(tmp_path / "part.ts"), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    joined.write_bytes((tmp_path / "part.ts").read_bytes() * 2)
    (tmp_path / "words.mp4").write_text("no video")
    assert run("frames", joined, tmp_path / "words.mp4", tmp_path / "out", *count) == 3
    told = capsys.readouterr().err
    assert "picked" in told and " of 180 frames of 2 videos" in told
    assert f"warning: {joined}: its clock restarts once" in told and "words.mp4: cannot be opened" in told
    seconds = [float(row["second"]) for row in rows_of(tmp_path / "out")]
    assert seconds == sorted(seconds) and {int(row["frame"]) for row in rows_of(tmp_path / "out")} & set(range(90, 180))
    assert all(float(row["second"]) == pytest.approx(int(row["frame"]) / RATE) for row in rows_of(tmp_path / "out"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frames", "{video}", "{video}", "out"], "its frames would be named as those of"),
        (["frames", "nowhere.mp4", "out"], "nowhere.mp4: no such file"),
        (["frames", "{video}", "out", "--count", "0"], "--count 0: expected 1 or more"),
        (["frames", "{video}", "out", "--count", "3", "--every", "5"], "--every: has no effect with --count"),
        (["frames", "{video}", "out", "--motion", "0"], "--motion 0.0: expected 0.001 or more"),
        (["frames", "{video}", "out", "--boxes", "nowhere.csv"], "nowhere.csv: no video has this name"),
        (["frames", "export", "nowhere", "x.xml", "--format", "cvat"], "expected a folder of 'uncover frames'"),
        (["frames", "export", "nowhere", "x.json", "--format", "cvat"], "expected a name that ends in .xml"),
        (
            ["frames", "export", "nowhere", "x.xml", "--format", "cvat", "--prefix", "y"],
            "--prefix: has no effect with CVAT",
        ),
        (["frames", "import", "nowhere", "x.xml"], "expected a folder of 'uncover frames'"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    video: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*(argument.format(video=video) for argument in arguments)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line and line.startswith("uncover frames") and list(tmp_path.iterdir()) == []


def test_a_box_outside_its_frame_is_of_another_video(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "ward_1.csv"
    table.write_text("frame,second,x1,y1,x2,y2,grade,event\n0,0,400,300,500,400,hard,still\n")
    assert run("frames", video, tmp_path / "out", "--boxes", table) == 2
    assert "frame 0: a box is outside its 160 x 120 px" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ward_1.csv"]
