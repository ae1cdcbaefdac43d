"""Boxes of videos against the true ones, frame by frame."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.video_records import ASIDE, FACE, SHIFTED, truth, write_detections, write_truth
from uncover.cli import main
from uncover.errors import InputError
from uncover.metrics.videos import read_outcomes, until_next, videos_of


def change(folder: Path, name: str, **columns: object) -> None:
    table = pd.read_parquet(folder / f"{name}.parquet")
    table.assign(**columns).to_parquet(folder / f"{name}.parquet")


def test_each_frame_says_which_step_found_the_face_and_what_was_false(tmp_path: Path) -> None:
    folder = write_detections(tmp_path / "a", {"v": "r.ht"}, {"v": [1, 2]})
    own = read_outcomes("way", folder, {"v": truth("ff-f")}, 0.5)
    assert own["found_by"].tolist() == ["rgb", "none", "none", "temporal"]
    # In the third frame there is no face: the heatmap's box is false like the one beside it.
    assert own["false_boxes"].tolist() == [0, 1, 2, 0]
    assert own["face"].tolist() == [True, True, False, True]
    assert own["seconds"].tolist() == [0.5] * 4
    assert set(own["mode"]) == {"way"} and set(own["video"]) == {"v"}


def test_of_two_boxes_on_a_face_the_surest_found_it_and_the_other_is_false(tmp_path: Path) -> None:
    folder = write_detections(tmp_path / "a", {"v": "r"})
    boxes = [
        ("v.mp4", 0, *FACE, 0.4, "temporal"),
        ("v.mp4", 0, *SHIFTED, 0.6, "rescue"),
        ("v.mp4", 0, *ASIDE, 1, "rgb"),
    ]
    columns = ["source", "frame", "x1", "y1", "x2", "y2", "confidence", "found_by"]
    pd.DataFrame(boxes, columns=columns).to_parquet(folder / "boxes.parquet")
    own = read_outcomes("way", folder, {"v": truth("f")}, 0.5)
    assert own[["found_by", "false_boxes"]].to_numpy().tolist() == [["rescue", 2]]
    # The shifted box overlaps by 35 / 45 = 0.78.
    strict = read_outcomes("way", folder, {"v": truth("f")}, 0.8)
    assert strict[["found_by", "false_boxes"]].to_numpy().tolist() == [["temporal", 2]]


def test_the_last_frame_is_shown_as_long_as_most() -> None:
    assert until_next(pd.Series([0.0, 0.1, 0.4, 0.5])).tolist() == pytest.approx([0.1, 0.3, 0.1, 0.1])
    assert until_next(pd.Series([7.0])).tolist() == [0.0]


def test_frames_may_stand_in_any_order_and_begin_at_any_number(tmp_path: Path) -> None:
    folder = write_detections(tmp_path / "a", {"v": "r.t"})
    for name in ("frames", "boxes"):
        table = pd.read_parquet(folder / f"{name}.parquet")
        table.assign(frame=table["frame"] + 5).iloc[::-1].to_parquet(folder / f"{name}.parquet")
    table = truth("fff")
    own = read_outcomes("way", folder, {"v": table.assign(frame=table["frame"] + 5)}, 0.5)
    assert own["found_by"].tolist() == ["rgb", "none", "temporal"]


def test_videos_are_told_by_their_names_without_endings(tmp_path: Path) -> None:
    folder = write_detections(tmp_path / "a", {"b": "r", "a": "r"})
    assert videos_of(folder) == {"a": "a.mp4", "b": "b.mp4"}
    change(folder, "frames", source=["a.mkv", "a.mp4"])
    with pytest.raises(InputError, match=r"a\.mkv and a\.mp4 share a name"):
        videos_of(folder)
    pd.read_parquet(folder / "frames.parquet").iloc[:0].to_parquet(folder / "frames.parquet")
    with pytest.raises(InputError, match="tells of no frame"):
        videos_of(folder)


@pytest.mark.parametrize(
    ("found", "true", "message"),
    [
        ("rrr", "ffff", r"1 of the 4 frames of its truth were not looked at, from 3 on; run 'uncover detect' on every"),
        ("rrrr", "fff", r"frame 3 is not in its truth, which has 3 frames, from 0 to 2"),
    ],
)
def test_a_truth_of_another_length_is_told(tmp_path: Path, found: str, true: str, message: str) -> None:
    folder = write_detections(tmp_path / "a", {"v": found})
    with pytest.raises(InputError, match=message):
        read_outcomes("way", folder, {"v": truth(true)}, 0.5)


def test_a_truth_of_another_rate_is_told_but_rounded_times_are_not(tmp_path: Path) -> None:
    folder = write_detections(tmp_path / "a", {"v": "r" * 12}, rate=3)
    table = truth("f" * 12, rate=3)
    read_outcomes("way", folder, {"v": table.assign(second=table["second"].round(2))}, 0.5)
    with pytest.raises(InputError, match=r"v\.mp4: frame 1 is at second 0\.333, in its truth at 0\.200; expected"):
        read_outcomes("way", folder, {"v": truth("f" * 12, rate=5)}, 0.5)


def test_what_detect_left_must_be_sound(tmp_path: Path) -> None:
    folder = write_detections(tmp_path / "a", {"v": "rr"})
    known = {"v": truth("ff")}
    for wanted, message in (
        ({}, "the video v has no truth"),
        ({"v": known["v"], "w": known["v"]}, "the video w was not looked at"),
    ):
        with pytest.raises(InputError, match=message):
            read_outcomes("way", folder, wanted, 0.5)
    change(folder, "boxes", frame=[0, 7])
    with pytest.raises(InputError, match=r"v\.mp4 has boxes in frames that .*frames\.parquet lacks"):
        read_outcomes("way", folder, known, 0.5)
    change(folder, "boxes", found_by=["rgb", "guess"])
    with pytest.raises(InputError, match="found_by 'guess'; expected one of rgb, heatmap, rescue, temporal"):
        read_outcomes("way", folder, known, 0.5)
    change(folder, "boxes", frame=[0, 1], found_by="rgb")
    change(folder, "frames", frame=[1, 1])
    with pytest.raises(InputError, match="frame 1 stands there twice"):
        read_outcomes("way", folder, known, 0.5)


def test_a_detector_that_found_nothing_is_scored_too(tmp_path: Path) -> None:
    folder = write_detections(tmp_path / "a", {"v": "rr", "w": "rr"})
    boxes = pd.read_parquet(folder / "boxes.parquet")
    boxes[boxes["source"] == "w.mp4"].to_parquet(folder / "boxes.parquet")
    known = {"v": truth("f-"), "w": truth("ff")}
    assert read_outcomes("way", folder, known, 0.5)["found_by"].tolist() == ["none", "none", "rgb", "rgb"]
    boxes.iloc[:0].to_parquet(folder / "boxes.parquet")
    assert set(read_outcomes("way", folder, known, 0.5)["found_by"]) == {"none"}


def test_a_truth_belongs_to_its_video_though_the_name_cannot_be_printed(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, which `uncover detect` writes as backslash escapes."""
    write_truth(tmp_path / "true", "B\udce9b\udce9", truth("ff"))
    folder = write_detections(tmp_path / "found", {r"B\xe9b\xe9": "r."})
    out = tmp_path / "scores.csv"
    words = ["--truth", str(tmp_path / "true"), "--detections", f"rgb={folder}"]
    assert main(["evaluate", "videos", str(out), *words]) == 0
    rows = pd.read_csv(out)
    assert set(rows["video"].dropna()) >= {r"B\xe9b\xe9"}
