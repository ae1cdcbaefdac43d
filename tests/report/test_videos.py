"""Tables, figure and words about videos, from detections of which it is known what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import pandas as pd
import pytest

from tests.video_records import truth, write_detections, write_truth
from uncover.cli import main
from uncover.errors import InputError
from uncover.report.figures.videos import STATES, choose_videos, draw_videos, runs_of
from uncover.report.page import read_markdown_tables
from uncover.report.videos import read_scores, video_verdict

EVENTS = ["still"] * 4 + ["hand"] * 4 + ["away"] * 2
FOUND = {
    "rgb": {"a": "rrr.......", "b": "rrrr"},
    "rescue": {"a": "rrr.ss....", "b": "rrrr"},
    "online": {"a": "rrr.sst...", "b": "rrrr"},
}
FALSE = {"rgb": {"a": [8]}, "rescue": {"a": [8, 9]}, "online": {"a": [8, 9], "b": [0]}}


def evaluate(run: Path, *more: str) -> int:
    words = [f"{name}={run / name}" for name in FOUND]
    words += ["--frames", str(run / "frames.parquet"), "--bootstrap", "200", *more]
    return main(["evaluate", "videos", str(run / "videos.csv"), "--truth", str(run / "raw"), "--detections", *words])


def draw(run: Path, out: Path) -> int:
    words = ["--scores", str(run / "videos.csv"), "--frames", str(run / "frames.parquet")]
    return main(["figure_videos", str(out), *words])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of two videos at two frames a second, looked at in three ways."""
    folder = tmp_path_factory.mktemp("run")
    write_truth(
        folder / "raw", "a", truth("ffffffff--", events=EVENTS, grades=["none"] * 4 + ["hard"] * 4 + ["none"] * 2)
    )
    write_truth(folder / "raw", "b", truth("ffff"))
    for name, found in FOUND.items():
        write_detections(folder / name, found, FALSE[name])
    assert evaluate(folder) == 0
    assert main(["table_videos", str(folder / "tables"), "--scores", str(folder / "videos.csv")]) == 0
    assert draw(folder, folder / "figures") == 0
    return folder


def test_the_record_is_the_same_each_time_and_tells_of_the_truth_it_left_out(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [(run / name).read_bytes() for name in ("videos.csv", "frames.parquet")]
    extra = write_truth(run / "raw", "c", truth("ff"))
    assert evaluate(run) == 0
    assert f"warning: {extra}: has no video among the detections" in capsys.readouterr().err
    extra.unlink()
    assert [(run / name).read_bytes() for name in ("videos.csv", "frames.parquet")] == kept


def test_the_first_table_has_a_row_per_way_with_its_gain(run: Path) -> None:
    first, found_by, *others = read_markdown_tables(run / "tables" / "table_videos.md")
    assert first.title == "Videos: results step by step (2 videos, 0.1 minutes, 14 frames, 12 with a face)"
    rows = {row[0]: row for row in first.rows}
    assert list(rows) == ["RGB detector alone", "with the best rescue", "with rescue and tracking, online"]
    alone, rescue, _ = rows.values()
    # 7, 9 and 10 of 12 faces; 1, 2 and 3 false boxes in 7 seconds; gaps of five, two and one half seconds.
    assert [row[1] for row in rows.values()] == ["7", "9", "10"]
    assert alone[2].startswith("0.58 [") and alone[3] == "–" and alone[4].startswith("8.57 [")
    assert rescue[2].startswith("0.75 [") and rescue[3].startswith("+0.17 [") and rescue[5].startswith("+8.57 [")
    assert [row[6] for row in rows.values()] == ["2.5", "1.0", "0.5"]
    assert found_by.rows[2] == ("with rescue and tracking, online", "7", "0", "2", "1", "2")
    assert [table.title for table in others] == [
        "Videos: recall by event",
        "Videos: false positives per minute by event",
        "Videos: recall by grade of occlusion",
        "Videos: false positives per minute by grade of occlusion",
        "Videos: recall by video",
    ]
    # Without a face there is no recall, but there are false boxes, here 2 in one second.
    assert others[0].columns == ("Mode", "Still (8 faces)", "Hand (4 faces)")
    assert others[1].columns[-1] == "No face (1 s)" and others[1].rows[1][-1].startswith("120.00")
    assert others[2].columns == ("Mode", "Not covered (8 faces)", "Hard (4 faces)")
    assert [row[:2] for row in others[4].rows] == [("a", "8"), ("b", "4")]
    csv = pd.read_csv(run / "tables" / "table_videos.csv", na_values=["n/a"])
    assert len(csv) == len(read_scores(run / "videos.csv"))
    assert (run / "tables" / "table_videos.tex").read_text().count(r"\begin{table}") == 7


def test_the_verdict_has_a_sentence_per_way(run: Path) -> None:
    alone, rescue, online = video_verdict(run / "videos.csv")
    assert alone.startswith("RGB detector alone: found the face in 7 of 12 frames, recall 0.58 [")
    assert alone.endswith("longest gap 2.5 s.") and "chance" not in alone
    assert (
        rescue.startswith("With the best rescue: found the face in 9 of 12 frames, recall 0.75 [") and "+0.17" in rescue
    )
    assert "10 of 12" in online
    assert video_verdict(None) == []


def test_chance_is_told_by_the_interval_of_the_difference(run: Path, tmp_path: Path) -> None:
    scores = pd.read_csv(run / "videos.csv")
    for low, high, words in ((0.01, 0.2, "beyond chance"), (0.0, 0.2, "may be chance"), (-0.3, -0.1, "beyond chance")):
        changed = scores.assign(recall_gain_low=low, recall_gain_high=high, false_gain_low=-1.0, false_gain_high=1.0)
        changed.to_csv(tmp_path / "videos.csv", index=False)
        _, rescue, _ = video_verdict(tmp_path / "videos.csv")
        recall, false = rescue.split("; ")[:2]
        assert words in recall and "may be chance" in false


def test_frames_in_a_row_with_one_thing_in_common_are_a_run() -> None:
    frames = pd.DataFrame({"second": [0.0, 0.5, 1.0, 1.5], "seconds": [0.5] * 4})
    runs = runs_of(frames, pd.Series(["rgb", "rgb", "none", "rgb"]))
    assert [(run.what, run.start, run.length) for run in runs] == [("rgb", 0, 1), ("none", 1, 0.5), ("rgb", 1.5, 0.5)]


def spans_of(axes: Any) -> dict[str, list[tuple[float, float, float]]]:
    """Left, right and middle height of all coloured spans of a strip, by state."""
    from matplotlib.colors import to_rgba

    found: dict[str, list[tuple[float, float, float]]] = {}
    for collection in axes.collections:
        colour = tuple(collection.get_facecolor()[0]) if len(collection.get_facecolor()) else None
        for state, (known, _) in STATES.items():
            if colour == to_rgba(known):
                boxes = [path.get_extents() for path in collection.get_paths()]
                found.setdefault(state, []).extend((b.x0, b.x1, round((b.y0 + b.y1) / 2, 6)) for b in boxes)
    return found


def test_a_strip_shows_what_found_the_face_when(run: Path) -> None:
    figure = draw_videos(run / "videos.csv", run / "frames.parquet")
    strips = figure.axes[2:]
    assert [axes.get_title(loc="left") for axes in strips] == ["a", "b"]
    spans = spans_of(strips[0])
    # The third strip from the top is "online": rrr.sst. and two frames without a face, at two frames a second.
    assert [span[:2] for span in spans["rgb"] if span[2] == 2] == [(0, 1.5)]
    assert [span[:2] for span in spans["rescue"] if span[2] == 2] == [(2, 3)]
    assert [span[:2] for span in spans["temporal"]] == [(3, 3.5)]
    assert [span[:2] for span in spans["none"] if span[2] == 2] == [(1.5, 2), (3.5, 4)]
    assert [span[:2] for span in spans["none"] if span[2] == 0] == [(1.5, 4)]
    assert {text.get_text() for text in strips[0].texts} == {"still", "hand", "no face"}
    false = figure.axes[1]
    assert [label.get_text() for label in false.get_xticklabels()] == [
        *("all", "still", "hand", "no face", "not covered", "hard")
    ]


def test_the_figure_is_a_whole_png_and_pdf_and_the_same_each_time(run: Path) -> None:
    assert draw(run, run / "again") == 0
    picture = cv2.imread(str(run / "figures" / "figure_videos.png"))
    assert picture is not None and min(picture.shape[:2]) > 800
    for suffix in ("png", "pdf"):
        first, second = ((run / name / f"figure_videos.{suffix}").read_bytes() for name in ("figures", "again"))
        assert first == second


def test_a_hash_chooses_the_videos_that_are_shown() -> None:
    names = [f"infant_{number:02}" for number in range(9)]
    assert choose_videos(names[:4]) == names[:4]
    chosen = choose_videos(names)
    assert len(chosen) == 4 and chosen == choose_videos(names[::-1]) and chosen != names[:4]


def test_records_of_two_evaluations_are_told(run: Path, tmp_path: Path) -> None:
    frames = pd.read_parquet(run / "frames.parquet")
    frames[frames["mode"] != "online"].to_parquet(tmp_path / "frames.parquet")
    with pytest.raises(InputError, match="has other modes than"):
        draw_videos(run / "videos.csv", tmp_path / "frames.parquet")
    pd.read_csv(run / "videos.csv").iloc[:0].to_csv(tmp_path / "empty.csv", index=False)
    with pytest.raises(InputError, match="has no video"):
        read_scores(tmp_path / "empty.csv")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--detections", "rgb"], "--detections rgb: expected NAME=DIR, each name once"),
        (["--detections", "a=x", "a=y"], "--detections a=y: expected NAME=DIR, each name once"),
        (["--block", "0"], "--block"),
        (["--true-iou", "2"], "--true-iou"),
        (["--frames", "frames.csv"], "frames.csv: expected a file that ends in .parquet"),
    ],
)
def test_a_wrong_word_is_one_line(
    run: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert evaluate(run, *words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and message in lines[0]


def test_the_page_has_a_section_of_videos_only_where_there_are_any(run: Path) -> None:
    words = ["--run", "test", "--videos", str(run / "videos.csv"), "--tables", str(run / "tables" / "table_videos.md")]
    main(
        [
            "figure_videos",
            str(run / "figures"),
            "--scores",
            str(run / "videos.csv"),
            "--frames",
            str(run / "frames.parquet"),
        ]
    )
    figures = ["--figures", str(run / "figures" / "figure_videos.png")]
    assert main(["page", str(run / "with.html"), *words, *figures]) == 0
    assert main(["page", str(run / "without.html"), "--run", "test"]) == 0
    page = (run / "with.html").read_text(encoding="utf-8")
    places = [page.index(f'id="{name}"') for name in ("rescue", "videos", "table_videos", "figure_videos", "made")]
    assert places == sorted(places)
    assert page.index("With the best rescue: found the face in") < page.index('id="table_videos"')
    assert page.count('id="table_videos"') == page.count('id="figure_videos"') == 1
    assert "videos" not in (run / "without.html").read_text(encoding="utf-8").lower()
