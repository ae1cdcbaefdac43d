"""Statistics of videos, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.video.detected import Box, by_detector, by_rescue, faces
from uncover.video.statistics import CUT_OFF, FAILED, MOST_NAMED, SourceStatistics

FOUND: dict[str, tuple[Box, ...]] = {"r": (by_detector(0.8),), "h": (by_rescue(0.8),), ".": ()}


def statistics_of(letters: str, rate: float = 2.0) -> SourceStatistics:
    """Of a video with a letter per frame: found by the detector, by the rescue, or not at all."""
    statistics = SourceStatistics()
    for number, letter in enumerate(letters):
        statistics.add(faces(number, *FOUND[letter], second=number / rate))
    statistics.close()
    return statistics


def test_gaps_last_from_the_first_frame_without_a_face_to_the_next_with_one() -> None:
    #                    0 s   1 s   2 s   3 s   4 s   5 s   6 s
    told = statistics_of("r.    ..    r.    h.    ..    .r    ..".replace(" ", "")).told()
    # From 0.5 to 2 s, from 2.5 to 3 s (too short), from 3.5 to 5.5 s, from 6 s to the last frame, at 6.5 s.
    assert told["first_gaps"] == [[0.5, 2.0], [3.5, 5.5]]
    assert (told["gaps"], told["longest_gap"], told["seconds"]) == (2, 2.0, 6.5)
    assert (told["frames"], told["with_a_box"], told["without"]) == (14, 4, 10)
    assert told["found_by"] == {"heatmap": 1, "rgb": 3}


def test_a_gap_may_last_until_the_end_or_from_the_beginning() -> None:
    assert statistics_of("...r...").told()["first_gaps"] == [[0.0, 1.5], [2.0, 3.0]]
    assert statistics_of("...").told()["first_gaps"] == [[0.0, 1.0]]
    assert statistics_of("..").told()["gaps"] == 0 and statistics_of("r").told()["longest_gap"] == 0


def test_many_gaps_are_counted_and_the_first_are_named() -> None:
    told = statistics_of("r.." * (MOST_NAMED + 5) + "r").told()
    assert told["gaps"] == MOST_NAMED + 5 and len(told["first_gaps"]) == MOST_NAMED


def test_seconds_in_which_nothing_was_shown_are_counted() -> None:
    assert statistics_of("r" * 20).told()["seconds_without_a_frame"] == 0
    # At 0, 4, 8 and 12 s: three seconds between each two.
    assert statistics_of("rrrr", rate=0.25).told()["seconds_without_a_frame"] == 9


def test_images_have_no_gaps() -> None:
    statistics = SourceStatistics()
    for number in range(3):
        statistics.add(faces(number))
    statistics.close()
    assert statistics.gaps == 0 and statistics.frames == 3 and statistics.told()["seconds"] == 0


def test_lines_say_what_happened() -> None:
    statistics = statistics_of("r.h...rr")
    assert statistics.line("a.mp4") == (
        "a.mp4: a box in 4 of 8 frames (50%): 3 rgb, 1 heatmap; 1 gaps of 1 s or more without one, the longest 1.5 s"
    )
    statistics.status, statistics.reason, statistics.corrupt = CUT_OFF, "ends after 8 of 20 frames", 2
    assert statistics.line("a.mp4").endswith(
        "; 2 frames skipped because they could not be decoded; cut off: ends after 8 of 20 frames"
    )
    assert SourceStatistics(FAILED, "b.mp4: no such file").line("b.mp4") == "b.mp4: b.mp4: no such file"
    assert SourceStatistics().line("c.mp4") == "c.mp4: a box in 0 of 0 frames"


def test_what_was_mended_or_lost_is_told_and_the_statistics_is_not_whole() -> None:
    assert statistics_of("r.r").whole
    for told in ({"mended": ["its clock restarts"]}, {"lost": ["no annotated copy"]}, {"corrupt": 1}):
        statistics = SourceStatistics(frames=3, **told)  # type: ignore[arg-type]
        assert not statistics.whole
        ((name, value),) = told.items()
        assert statistics.told()[name] == value
        if isinstance(value, list):
            assert value[0] in statistics.line("bed.ts") and statistics.line("bed.ts").startswith("bed.ts: ")
    kept = SourceStatistics(notes=["no frame for 300 s"])
    assert kept.whole and "no frame for 300 s" in kept.line("bed.ts")


@pytest.mark.parametrize("sizes", [[(120, 100)] * 4, [(120, 100)] * 2 + [(100, 120)] * 2])
def test_pictures_of_several_sizes_are_named(sizes: list[tuple[int, int]]) -> None:
    statistics = SourceStatistics()
    for number, (width, height) in enumerate(sizes):
        each = faces(number, second=number / 2)
        statistics.add(replace(each, frame=replace(each.frame, width=width, height=height)))
    statistics.close()
    told = ["its frames have 2 sizes: 120 x 100 from second 0.00, 100 x 120 from second 1.00 px"]
    assert statistics.notes == (told if len(set(sizes)) == 2 else []) and statistics.whole
