"""Boxes of videos against the true ones frame by frame, and the rates and gaps counted from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.video_records import ASIDE, FACE, SHIFTED, truth, write_detections, write_truth
from uncover.cli import main
from uncover.errors import InputError
from uncover.metrics.intervals import resample_images
from uncover.metrics.videos import COLUMNS, Resampling, longest_gap, read_outcomes, score_videos, until_next, videos_of

EVENTS = ["still"] * 4 + ["hand"] * 4 + ["away"] * 2
GRADES = ["none"] * 4 + ["hard"] * 4 + ["none"] * 2


@pytest.fixture
def outcomes(tmp_path: Path) -> pd.DataFrame:
    """Two videos at two frames a second, looked at in two ways."""
    truths = {"a": truth("ffffffff--", events=EVENTS, grades=GRADES), "b": truth("ffff")}
    plain = write_detections(tmp_path / "plain", {"a": "rrr.r.....", "b": "r..."}, {"a": [3, 8]})
    after = write_detections(tmp_path / "after", {"a": "rrrhrst...", "b": "r..t"}, {"a": [3, 4, 5, 8], "b": [0]})
    ways = {"plain": plain, "after": after}
    return pd.concat([read_outcomes(name, folder, truths, 0.5) for name, folder in ways.items()], ignore_index=True)


def by_key(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    assert all(tuple(row) == COLUMNS for row in rows)
    table = {(row["mode"], row["video"], row["part"]): row for row in rows}
    # A grade and "all" share no name with an event.
    assert len(table) == len(rows)
    return table


def test_counts_rates_and_gains_are_those_by_hand(outcomes: pd.DataFrame) -> None:
    rows = by_key(score_videos(outcomes, Resampling(resamples=20)))
    plain, after = rows["plain", "all", "all"], rows["after", "all", "all"]
    assert [plain[name] for name in ("frames", "faces", "found", "false_boxes", "blocks")] == [14, 12, 5, 2, 7]
    assert [after[name] for name in ("frames", "faces", "found", "false_boxes", "blocks")] == [14, 12, 9, 5, 7]
    assert after["recall"] == pytest.approx(9 / 12) and after["recall_gain"] == pytest.approx(4 / 12)
    # 14 frames of half a second are 7 seconds.
    assert plain["minutes"] == pytest.approx(7 / 60) and plain["false_per_minute"] == pytest.approx(2 * 60 / 7)
    assert after["false_gain"] == pytest.approx(3 * 60 / 7)
    assert [after[f"found_by_{step}"] for step in ("rgb", "heatmap", "rescue", "temporal")] == [5, 1, 1, 2]
    assert plain["recall_gain"] is None and plain["false_gain"] is None
    hand = rows["after", "a", "hand"]
    assert [hand[name] for name in ("frames", "faces", "found", "false_boxes")] == [4, 4, 3, 2]
    assert rows["after", "a", "hard"]["recall"] == hand["recall"] == 0.75
    away = rows["plain", "all", "away"]
    assert away["faces"] == 0 and away["recall"] is None and away["longest_gap"] is None and away["false_boxes"] == 1
    assert rows["plain", "b", "still"]["recall"] == 0.25 and ("plain", "b", "hand") not in rows
    order = [
        row["part"] for row in score_videos(outcomes, Resampling()) if (row["mode"], row["video"]) == ("plain", "a")
    ]
    assert order == ["all", "still", "hand", "away", "none", "hard"]


def test_the_longest_gap_is_counted_in_each_video(outcomes: pd.DataFrame) -> None:
    rows = by_key(score_videos(outcomes, Resampling(resamples=0)))
    assert {video: rows["plain", video, "all"]["longest_gap"] for video in ("all", "a", "b")} == {
        **{"all": 1.5, "a": 1.5, "b": 1.5}
    }
    assert {video: rows["after", video, "all"]["longest_gap"] for video in ("all", "a", "b")} == {
        **{"all": 1.0, "a": 0.5, "b": 1.0}
    }
    # A frame of another event ends a run: of frames 3, 5, 6 and 7 the first is still.
    assert rows["plain", "a", "still"]["longest_gap"] == 0.5 and rows["plain", "a", "hand"]["longest_gap"] == 1.5


@given(st.lists(st.booleans(), max_size=12))
def test_a_gap_is_the_longest_word_of_missed_frames(missed: list[bool]) -> None:
    words = "".join("x" if each else " " for each in missed).split()
    assert longest_gap(np.array(missed, bool), np.full(len(missed), 0.5)) == max((len(w) / 2 for w in words), default=0)


def test_intervals_are_those_of_copied_blocks_drawn_within_each_video(outcomes: pd.DataFrame) -> None:
    rows = by_key(score_videos(outcomes, Resampling(block=2.0, resamples=60, seed=4)))
    shares, gains, rates = [], [], []
    # Blocks of two seconds: three in video a, the last of one second, and one in video b, which every draw takes.
    seed = int(np.random.SeedSequence((4, 0)).generate_state(1)[0])
    frames = {mode: own.reset_index(drop=True) for mode, own in outcomes.groupby("mode")}
    for draw in np.concatenate(list(resample_images(3, 60, seed))):
        taken = [
            frame for block, times in enumerate(draw) for frame in [*range(4 * block, min(4 * block + 4, 10))] * times
        ]
        taken += [10, 11, 12, 13]
        found = {mode: (own.loc[taken, "found_by"] != "none").sum() for mode, own in frames.items()}
        faces = frames["plain"].loc[taken, "face"].sum()
        shares.append(found["after"] / faces)
        gains.append((found["after"] - found["plain"]) / faces)
        rates.append(frames["after"].loc[taken, "false_boxes"].sum() / (len(taken) * 0.5 / 60))
    for name, values in (("recall", shares), ("recall_gain", gains), ("false_per_minute", rates)):
        row = rows["after", "all", "all"]
        ends = [row[f"{name}_low"], row[f"{name}_high"]]
        assert ends == pytest.approx(np.quantile(values, [0.025, 0.975]).tolist())
        assert ends[0] < ends[1]


def test_one_block_has_no_interval(outcomes: pd.DataFrame) -> None:
    rows = by_key(score_videos(outcomes, Resampling(block=2.0)))
    assert rows["after", "b", "all"]["recall_low"] is None
    # All frames of this event are in one block, so that every draw has the same share of them.
    assert rows["after", "all", "hand"]["blocks"] == 1 and rows["after", "all", "hand"]["recall_low"] is None
    assert rows["after", "a", "all"]["recall_low"] is not None
    whole = by_key(score_videos(outcomes, Resampling(block=100)))
    assert whole["after", "all", "all"]["recall_low"] is None


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 5), st.floats(0.5, 3))
def test_the_same_way_twice_gains_nothing(seed: int, block: float) -> None:
    frames = pd.DataFrame({"frame": range(8), "second": np.arange(8) / 2, "seconds": 0.5, "event": "still"})
    chance = np.random.default_rng(seed)
    found_by = np.where(chance.random(8) < 0.5, "rgb", "none")
    frames = frames.assign(grade="none", face=True, found_by=found_by, false_boxes=chance.integers(0, 3, 8), video="v")
    both = pd.concat([frames.assign(mode="a"), frames.assign(mode="b")])
    row = by_key(score_videos(both, Resampling(block, 30, seed)))["b", "all", "all"]
    names = [f"{name}{end}" for name in ("recall_gain", "false_gain") for end in ("", "_low", "_high")]
    assert {row[name] for name in names} == {0.0}


def test_the_same_seed_gives_the_same_record(outcomes: pd.DataFrame) -> None:
    first, again, other = (score_videos(outcomes, Resampling(seed=seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_no_video_may_be_called_all(outcomes: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="video all: this name is reserved for all videos"):
        score_videos(outcomes.replace({"video": {"a": "all"}}), Resampling())


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
    with pytest.raises(InputError, match=r"a\.mkv and a\.mp4 have the same name"):
        videos_of(folder)
    pd.read_parquet(folder / "frames.parquet").iloc[:0].to_parquet(folder / "frames.parquet")
    with pytest.raises(InputError, match="contains no frame"):
        videos_of(folder)


@pytest.mark.parametrize(
    ("found", "true", "message"),
    [
        (
            "rrr",
            "ffff",
            r"1 of the 4 frames of its truth were not processed, the first is 3; run 'uncover detect' on every",
        ),
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
        ({}, "the video v has no ground truth"),
        ({"v": known["v"], "w": known["v"]}, "the video w was not processed"),
    ):
        with pytest.raises(InputError, match=message):
            read_outcomes("way", folder, wanted, 0.5)
    change(folder, "boxes", frame=[0, 7])
    with pytest.raises(InputError, match=r"v\.mp4 has boxes in frames missing from .*frames\.parquet"):
        read_outcomes("way", folder, known, 0.5)
    change(folder, "boxes", found_by=["rgb", "guess"])
    with pytest.raises(InputError, match="found_by 'guess'; expected one of rgb, heatmap, rescue, temporal"):
        read_outcomes("way", folder, known, 0.5)
    change(folder, "boxes", frame=[0, 1], found_by="rgb")
    change(folder, "frames", frame=[1, 1])
    with pytest.raises(InputError, match="frame 1 occurs twice"):
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
