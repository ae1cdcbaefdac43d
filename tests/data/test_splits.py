"""Splits: what must hold of every split, whatever the faces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.data.splits import (
    all_to_test,
    parse_split_sizes,
    read_exclusions,
    read_split,
    shortfalls,
    split_as_released,
    split_by_photo,
)
from uncover.errors import InputError

Row = tuple[str, str, str]
"""Photo, official part, pose."""


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """As much of a faces table as splits look at."""
    return pd.DataFrame(
        {
            "photo": [photo for photo, _, _ in rows],
            "part": [part for _, part, _ in rows],
            "name": [f"{photo}_{number}" for number, (photo, _, _) in enumerate(rows)],
            "annotation": [f"{number}.pts" for number in range(len(rows))],
            "row": range(1, len(rows) + 1),
            "attributes": [json.dumps({"pose": pose} if pose else {}) for _, _, pose in rows],
        }
    )


def sets_of(split: pd.DataFrame) -> dict[str, str]:
    return dict(zip(split["photo"], split["set"], strict=True))


POSES = ["frontal", "lefthalf", "left"]
rows_of_faces = st.lists(
    st.tuples(st.integers(0, 12).map("p{}".format), st.sampled_from(["train", "test"]), st.sampled_from(POSES)),
    min_size=1,
    max_size=60,
)
counts = st.one_of(st.none(), st.integers(0, 6))
requests = st.fixed_dictionaries({"train": counts, "val": counts, "test": counts})


@given(rows_of_faces, requests, st.integers(0, 5), st.sets(st.integers(0, 12).map("p{}".format)))
def test_what_holds_of_every_split(
    rows: list[Row], sizes: dict[str, int | None], seed: int, excluded: set[str]
) -> None:
    split = split_by_photo(table(rows), sizes, seed, excluded=excluded)
    parts = {photo: {part for name, part, _ in rows if name == photo} for photo, _, _ in rows}
    went = sets_of(split)
    assert len(split) == len(went) == len(parts), "each photo stands once, so never in two sets"
    got = {name: [photo for photo, chosen in went.items() if chosen == name] for name in ("train", "val", "test")}
    for name, requested in sizes.items():
        assert requested is None or len(got[name]) <= requested
    assert all("train" in parts[photo] for photo in got["train"]), "both parts or the train part"
    assert all(parts[photo] == {"test"} for photo in got["val"] + got["test"])
    assert not excluded & set(got["val"] + got["test"])
    # Requests are met as far as there are photos, test before val.
    could_train = sum("train" in part for part in parts.values())
    could_test = sum(part == {"test"} and photo not in excluded for photo, part in parts.items())
    everything = len(parts)
    train, val, test = (everything if sizes[name] is None else sizes[name] for name in ("train", "val", "test"))
    assert train is not None and val is not None and test is not None
    assert len(got["train"]) == min(train, could_train)
    if sizes["test"] is None and sizes["val"] is not None:
        assert len(got["val"]) == min(val, could_test)
        assert len(got["test"]) == could_test - len(got["val"])
    else:
        assert len(got["test"]) == min(test, could_test)
        assert len(got["val"]) == min(val, could_test - len(got["test"]))
    assert (split["reason"] != "").tolist() == (split["set"] == "").tolist(), "who is left out is told why"
    assert set(split["part"]) <= {"train", "test", "both"}
    requested_and_got = {
        name: (requested, len(got[name]))
        for name, requested in sizes.items()
        if requested is not None and len(got[name]) < requested
    }
    assert shortfalls(split, sizes) == requested_and_got


@given(rows_of_faces, requests, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    rows: list[Row], sizes: dict[str, int | None], seed: int, random: Random
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    first, second = (split_by_photo(table(order), sizes, seed, ["frontal"]) for order in (rows, shuffled))
    assert first.sort_values("photo", ignore_index=True).equals(second.sort_values("photo", ignore_index=True))
    assert first.equals(split_by_photo(table(rows), sizes, seed, ["frontal"]))


@given(rows_of_faces, requests, st.sampled_from(["train", "test"]))
def test_a_new_photo_moves_at_most_two_others(rows: list[Row], sizes: dict[str, int | None], part: str) -> None:
    before = sets_of(split_by_photo(table(rows), sizes, 0))
    after = sets_of(split_by_photo(table([("new", part, "frontal"), *rows]), sizes, 0))
    assert sum(after[photo] != chosen for photo, chosen in before.items()) <= 2


@pytest.mark.parametrize(("train", "went"), [(None, "train"), (1, "train"), (0, "")])
def test_a_photo_in_both_parts_trains_or_is_not_used_at_all(train: int | None, went: str) -> None:
    rows = [("a", "train", "frontal"), ("a", "test", "frontal"), ("b", "test", "frontal")]
    split = split_by_photo(table(rows), {"train": train, "val": 5, "test": 5}, 0)
    assert sets_of(split) == {"a": went, "b": "test"} and list(split["part"]) == ["both", "test"]


def test_another_seed_draws_other_photos() -> None:
    rows = [(f"p{number}", "test", "frontal") for number in range(40)]
    drawn = {tuple(sets_of(split_by_photo(table(rows), {"test": 20}, seed)).values()) for seed in range(5)}
    assert len(drawn) == 5


def test_only_photos_with_a_face_of_the_poses_are_used() -> None:
    rows = [("a", "train", "frontal"), ("a", "train", "left"), ("b", "train", "left"), ("c", "test", "lefthalf")]
    split = split_by_photo(table(rows), {"train": None, "val": 0, "test": None}, 0, ["frontal", "lefthalf"])
    assert sets_of(split) == {"a": "train", "b": "", "c": "test"}
    assert dict(zip(split["photo"], split["reason"], strict=True)) == {"a": "", "b": "other_pose", "c": ""}


def test_only_faces_of_the_poses_say_which_part_a_photo_belongs_to() -> None:
    rows = [("a", "train", "left"), ("a", "test", "frontal"), ("b", "train", "frontal"), ("b", "test", "left")]
    split = split_by_photo(table(rows), dict.fromkeys(("train", "val", "test")), 0, ["frontal"])
    assert sets_of(split) == {"a": "test", "b": "train"}
    assert list(split["part"]) == ["test", "train"]


def test_a_misspelt_pose_is_refused() -> None:
    for split in (
        lambda poses: split_by_photo(table([("a", "train", "frontal")]), {"train": None}, 0, poses),
        lambda poses: split_as_released(table([("a", "train", "frontal")]), {"train": None}, poses),
    ):
        with pytest.raises(InputError, match="pose 'fronta' is unknown; expected frontal, left"):
            split(["frontal", "fronta"])


def test_excluded_photos_may_still_train() -> None:
    rows = [("a", "train", ""), ("b", "test", ""), ("c", "test", ""), ("d", "train", ""), ("d", "test", "")]
    sizes = dict.fromkeys(("train", "val", "test"))
    split = split_by_photo(table(rows), sizes, 0, excluded=["a", "b", "d"])
    assert sets_of(split) == {"a": "train", "b": "", "c": "test", "d": "train"}
    assert split.set_index("photo").loc["b", "reason"] == "excluded"


def test_a_face_without_official_part_cannot_be_split() -> None:
    with pytest.raises(InputError, match=r"^1\.pts: has no official part"):
        split_by_photo(table([("a", "train", ""), ("b", "", "")]), {"train": None}, 0)


@pytest.mark.parametrize(
    ("sizes", "counts"),
    [
        ({"train": None, "val": 2, "test": 3}, {"train": 7, "val": 2, "test": 3}),
        ({"train": 4, "val": 2, "test": None}, {"train": 4, "val": 2, "test": 6}),
        ({"train": 0, "val": 0, "test": None}, {"train": 0, "val": 0, "test": 10}),
        ({"train": 5, "val": 30, "test": 3}, {"train": 2, "val": 7, "test": 3}),
    ],
)
def test_photos_of_no_official_part_fill_up_what_is_lacking(
    sizes: dict[str, int | None], counts: dict[str, int]
) -> None:
    rows = [("a", "train", ""), ("b", "train", ""), ("c", "test", ""), *((f"x{number}", "", "") for number in range(9))]
    split = split_by_photo(table(rows), sizes, 0, need_parts=False)
    assert {name: int((split["set"] == name).sum()) for name in counts} == counts
    assert split.set_index("photo").loc["c", "set"] in ("test", "val")
    listed = split_by_photo(table(rows), sizes, 0, excluded=["x1", "c"], need_parts=False).set_index("photo")
    assert listed.loc["x1", "set"] in ("train", "") and listed.loc["c", "set"] == ""


blocks_of_photos = st.lists(st.integers(0, 5), min_size=1, max_size=40)


@given(blocks_of_photos, requests, st.integers(0, 5), st.sets(st.integers(0, 39)))
def test_photos_of_a_block_never_stand_in_two_sets(
    numbers: list[int], sizes: dict[str, int | None], seed: int, excluded: set[int]
) -> None:
    rows = [(f"x{place}", "", "") for place in range(len(numbers))]
    blocks = {f"x{place}": f"block {number}" for place, number in enumerate(numbers)}
    barred = {f"x{place}" for place in excluded}
    split = split_by_photo(table(rows), sizes, seed, excluded=barred, need_parts=False, blocks=blocks)
    went = sets_of(split)
    placed: dict[str, set[str]] = {}
    for photo, name in went.items():
        placed.setdefault(blocks[photo], set()).update({name} - {""})
    assert all(len(names) <= 1 for names in placed.values())
    for name, size in sizes.items():
        got = [photo for photo, chosen in went.items() if chosen == name]
        largest = max(numbers.count(number) for number in numbers)
        assert size is None or len(got) < size + largest or not got
    assert not any(went[photo] in ("val", "test") for photo in barred & set(went))


def test_all_of_a_test_set_is_used_but_what_is_listed() -> None:
    rows = [("a", "train", "left"), ("b", "", ""), ("c", "test", "")]
    split = all_to_test(table(rows), excluded=["b"])
    assert sets_of(split) == {"a": "test", "b": "", "c": "test"}
    assert split.set_index("photo")["reason"].to_dict() == {"a": "", "b": "excluded", "c": ""}


# The released procedure


def merl(rows: Sequence[tuple[str, str, str]]) -> pd.DataFrame:
    """Rows of label name, part, pose."""
    faces = table([(name.partition("_")[0], part, pose) for name, part, pose in rows])
    return faces.assign(name=[name for name, _, _ in rows])


def test_released_merl_rav_halves_the_single_faces_of_each_pose_by_name() -> None:
    faces = merl(
        [
            ("image5", "test", "frontal"),
            ("image1", "test", "frontal"),
            ("image3", "test", "frontal"),
            ("image2", "test", "lefthalf"),
            ("image4", "test", "lefthalf"),
            ("image6_1", "test", "frontal"),
            ("image6_2", "test", "frontal"),
            ("image7", "train", "frontal"),
            ("image8_1", "train", "frontal"),
            ("image8_2", "test", "lefthalf"),
            ("image9", "test", "left"),
            ("image0", "train", "left"),
        ]
    )
    split = split_as_released(faces, {}, ["frontal", "lefthalf", "righthalf"])
    assert sets_of(split) == {
        "image1": "val",
        "image3": "val",  # of three, the greater half
        "image5": "test",
        "image2": "val",
        "image4": "test",
        "image6": "train",  # several faces
        "image7": "train",
        "image8": "train",
        "image9": "",
        "image0": "",
    }
    assert set(split.loc[split["set"] == "", "reason"]) == {"other_pose"}


def test_released_wflw_takes_rows_in_their_order() -> None:
    faces = table(
        [(f"t{number}__1", "train", "") for number in range(6)] + [("e1__1", "test", ""), ("e0__1", "test", "")]
    )
    faces["row"] = [3, 1, 2, 6, 5, 4, 1, 2]
    split = split_as_released(faces, {"train": 3, "val": 2, "test": 1})
    assert sets_of(split) == {
        "t1__1": "train", "t2__1": "train", "t0__1": "train",
        "t5__1": "val", "t4__1": "val", "t3__1": "",
        "e1__1": "test", "e0__1": "",
    }  # fmt: skip
    assert set(split.loc[split["set"] == "", "reason"]) == {"surplus"}


# Requested sizes, exclusion lists, stored splits


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("train=6000,val=125,test=794", {"train": 6000, "val": 125, "test": 794}),
        ("train=all", {"train": None, "val": 0, "test": 0}),
        (" test=all , val=3", {"train": 0, "val": 3, "test": None}),
        ("val=0", {"train": 0, "val": 0, "test": 0}),
    ],
)
def test_sizes_are_read(text: str, sizes: dict[str, int | None]) -> None:
    assert parse_split_sizes(text) == sizes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected train, val, test"),
        ("trian=5", "set 'trian' is unknown; expected train, val, test"),
        ("train=5;val=3", "whole number"),
        ("train", "train=all or train="),
        ("train=", "train=all or train="),
        ("train=-1", "whole number"),
        ("train=1.5", "whole number"),
        ("train=ALL", "train=all"),
        ("train=²", "whole number"),
        ("train=5,", "set '' is unknown"),
        ("train=5,train=6", "train occurs twice"),
    ],
)
def test_sizes_that_mean_nothing_are_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_split_sizes(text)


@given(st.text(max_size=20))
def test_no_text_of_sizes_raises_anything_else(text: str) -> None:
    try:
        sizes = parse_split_sizes(text)
    except InputError:
        return
    assert set(sizes) == {"train", "val", "test"}


def test_an_exclusion_list_is_ids_and_remarks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "exclude.txt"
    path.write_text("# faces nobody annotated\nimage00001\n\n  image00002  # the crowd\n")
    assert read_exclusions(path, {"image00001", "image00002", "image00003"}) == {"image00001", "image00002"}
    assert capsys.readouterr().err == ""
    read_exclusions(path, {"image00001"})
    assert "1 of 2 ids match no photo here, such as image00002" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "does not exist"), (b"a\nb c\n", "row 2: 'b c'"), (b"\xff\xd8\xff\xe0" * 9, "is not text")],
)
def test_what_is_no_exclusion_list_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "exclude.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_exclusions(path, set())
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"PAR1"])
def test_what_is_no_split_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "split.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="'uncover split_photos'") as caught:
        read_split(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
