"""Scores of videos: counts by hand, and intervals against draws that copy frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.video_records import truth, write_detections
from uncover.errors import InputError
from uncover.metrics.intervals import resample_images
from uncover.metrics.videos import COLUMNS, Resampling, longest_gap, read_outcomes, score_videos

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
    with pytest.raises(InputError, match="video all: that name stands for all videos together"):
        score_videos(outcomes.replace({"video": {"a": "all"}}), Resampling())
