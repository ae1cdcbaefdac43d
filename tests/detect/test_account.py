"""Accounts of videos, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from uncover.detect.account import CUT_OFF, FAILED, MOST_NAMED, Account

from tests.detect.frames_seen import Box, by_detector, by_rescue, faces

FOUND: dict[str, tuple[Box, ...]] = {"r": (by_detector(0.8),), "h": (by_rescue(0.8),), ".": ()}


def account_of(letters: str, rate: float = 2.0) -> Account:
    """Of a video with a letter per frame: found by the detector, by the rescue, or not at all."""
    account = Account()
    for number, letter in enumerate(letters):
        account.add(faces(number, *FOUND[letter], second=number / rate))
    account.close()
    return account


def test_gaps_last_from_the_first_frame_without_a_face_to_the_next_with_one() -> None:
    #                    0 s   1 s   2 s   3 s   4 s   5 s   6 s
    told = account_of("r.    ..    r.    h.    ..    .r    ..".replace(" ", "")).told()
    # From 0.5 to 2 s, from 2.5 to 3 s (too short), from 3.5 to 5.5 s, from 6 s to the last frame, at 6.5 s.
    assert told["first_gaps"] == [[0.5, 2.0], [3.5, 5.5]]
    assert (told["gaps"], told["longest_gap"], told["seconds"]) == (2, 2.0, 6.5)
    assert (told["frames"], told["with_a_face"], told["without"]) == (14, 4, 10)
    assert told["found_by"] == {"heatmap": 1, "rgb": 3}


def test_a_gap_may_last_until_the_end_or_from_the_beginning() -> None:
    assert account_of("...r...").told()["first_gaps"] == [[0.0, 1.5], [2.0, 3.0]]
    assert account_of("...").told()["first_gaps"] == [[0.0, 1.0]]
    assert account_of("..").told()["gaps"] == 0 and account_of("r").told()["longest_gap"] == 0


def test_many_gaps_are_counted_and_the_first_are_named() -> None:
    told = account_of("r.." * (MOST_NAMED + 5) + "r").told()
    assert told["gaps"] == MOST_NAMED + 5 and len(told["first_gaps"]) == MOST_NAMED


def test_seconds_in_which_nothing_was_shown_are_counted() -> None:
    assert account_of("r" * 20).told()["seconds_without_a_frame"] == 0
    # At 0, 4, 8 and 12 s: three seconds between each two.
    assert account_of("rrrr", rate=0.25).told()["seconds_without_a_frame"] == 9


def test_images_have_no_gaps() -> None:
    account = Account()
    for number in range(3):
        account.add(faces(number))
    account.close()
    assert account.gaps == 0 and account.frames == 3 and account.told()["seconds"] == 0


def test_lines_say_what_happened() -> None:
    account = account_of("r.h...rr")
    assert account.line("a.mp4") == (
        "a.mp4: 8 frames, a face in 4 (50%): 3 rgb, 1 heatmap; 1 gaps of 1 s or more, the longest 1.5 s"
    )
    account.status, account.reason, account.corrupt = CUT_OFF, "ends after 8 of 20 pictures", 2
    assert account.line("a.mp4").endswith(
        "; skipped, for they could not be decoded: 2; cut off: ends after 8 of 20 pictures"
    )
    assert Account(FAILED, "b.mp4: no such file").line("b.mp4") == "b.mp4: b.mp4: no such file"
    assert Account().line("c.mp4") == "c.mp4: 0 frames, a face in 0"


def test_what_was_mended_or_lost_is_told_and_the_account_is_not_whole() -> None:
    assert account_of("r.r").whole
    for told in ({"mended": ["its clock starts anew"]}, {"lost": ["no annotated copy"]}, {"corrupt": 1}):
        account = Account(frames=3, **told)  # type: ignore[arg-type]
        assert not account.whole
        ((name, value),) = told.items()
        assert account.told()[name] == value
        if isinstance(value, list):
            assert value[0] in account.line("bed.ts") and account.line("bed.ts").startswith("bed.ts: ")
    kept = Account(notes=["no picture for 300 s"])
    assert kept.whole and "no picture for 300 s" in kept.line("bed.ts")


@pytest.mark.parametrize("sizes", [[(120, 100)] * 4, [(120, 100)] * 2 + [(100, 120)] * 2])
def test_pictures_of_several_sizes_are_named(sizes: list[tuple[int, int]]) -> None:
    account = Account()
    for number, (width, height) in enumerate(sizes):
        each = faces(number, second=number / 2)
        account.add(replace(each, seen=replace(each.seen, width=width, height=height)))
    account.close()
    told = ["its pictures have 2 sizes: 120 x 100 from second 0.00, 100 x 120 from second 1.00 px"]
    assert account.notes == (told if len(set(sizes)) == 2 else []) and account.whole
