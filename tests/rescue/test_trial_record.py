"""Records of a rescue trial small enough to rank by hand."""

from __future__ import annotations

import csv
import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.errors import InputError
from uncover.rescue.trial import COLUMNS, write_trial
from uncover.rescue.trial_record import MethodScore, read_method_scores

VAL = 0.5
"""Confidence from val of all methods here."""


def rows(
    method: str, found: int, false: int, *, on: str = "test", confidence: float | None = VAL, rate: float = 0.25
) -> list[dict[str, object]]:
    """What a method has on a set: at the threshold from val (where it always found all), and at that of the set."""
    same = {"set": on, "method": method, "group": "ours", "fp_per_photo": rate, "faces": 20}
    same |= {"photos": 9, "detected": 3, "attained": True}
    return [
        {**same, "threshold": "val", "confidence": confidence, "found": 20, "false_boxes": 0},
        {**same, "threshold": "set", "confidence": 0.9, "found": found, "false_boxes": false},
    ]


def record(folder: Path, *tables: list[dict[str, object]]) -> Path:
    path = folder / "rescue_trial.csv"
    write_trial(path, [{name: None for name in COLUMNS} | row for table in tables for row in table])
    return path


def test_who_found_most_at_equal_false_boxes_is_first(tmp_path: Path) -> None:
    path = record(tmp_path, rows("few", 3, 1), rows("most", 9, 5), rows("many", 7, 2))
    found = read_method_scores(path)
    assert list(found) == ["most", "many", "few"]
    assert found["most"] == MethodScore("most", VAL, 9, 20, 5)


def test_sets_are_added_up(tmp_path: Path) -> None:
    """The first is better on each of two sets than the second is on one."""
    path = record(
        tmp_path,
        rows("steady", 6, 5),
        rows("steady", 7, 5, on="real"),
        rows("once", 9, 5),
        rows("once", 1, 5, on="real"),
    )
    found = read_method_scores(path)
    assert [(each.name, each.found, each.faces) for each in found.values()] == [("steady", 13, 40), ("once", 10, 40)]


def test_a_gain_is_more_right_boxes_than_wrong_ones_and_more_than_a_lower_threshold_finds(tmp_path: Path) -> None:
    def with_difference(low: float | None, *args: int) -> list[dict[str, object]]:
        return [row | {"difference_low": low} for row in rows("a", *args)]

    cases = {
        (9, 5, None): True,
        (5, 9, None): False,
        (5, 5, None): False,
        (9, 5, 0.0): False,
        (9, 5, 0.01): True,
        (5, 9, 0.2): False,
    }
    for (found, false, low), gains in cases.items():
        score = read_method_scores(record(tmp_path, with_difference(low, found, false)))["a"]
        assert score.gains == gains, (found, false, low)
        assert score.told() == (
            f"found {found} of 20 missed faces in the run's trial ({found} of {found + false} added boxes correct)"
        )


def test_ties_go_to_fewer_false_boxes_and_then_to_the_order_of_the_record(tmp_path: Path) -> None:
    path = record(tmp_path, rows("second", 5, 2), rows("third", 5, 2), rows("first", 5, 1), rows("last", 5, 3))
    assert list(read_method_scores(path)) == ["first", "second", "third", "last"]


def test_other_rates_do_not_count(tmp_path: Path) -> None:
    path = record(
        tmp_path,
        rows("a", 5, 2),
        rows("b", 6, 2),
        rows("a", 20, 0, rate=0.5, confidence=0.1),
        rows("c", 9, 0, rate=0.1),
    )
    assert read_method_scores(path) == {"b": MethodScore("b", VAL, 6, 20, 2), "a": MethodScore("a", VAL, 5, 20, 2)}


def test_the_middle_rate_of_the_trial_counts_whatever_it_is(tmp_path: Path) -> None:
    tables = [rows("a", found, 0, rate=rate, confidence=rate) for rate, found in ((0.8, 9), (0.2, 3), (0.4, 6))]
    assert read_method_scores(record(tmp_path, *tables)) == {"a": MethodScore("a", 0.4, 6, 20)}
    assert read_method_scores(record(tmp_path, *tables[1:])) == {"a": MethodScore("a", 0.4, 6, 20)}
    assert read_method_scores(record(tmp_path, tables[1])) == {"a": MethodScore("a", 0.2, 3, 20)}


def test_methods_without_a_threshold_from_val_are_left_out(tmp_path: Path) -> None:
    path = record(tmp_path, rows("blind", 20, 0, confidence=None), rows("seeing", 1, 9))
    assert list(read_method_scores(path)) == ["seeing"]
    assert read_method_scores(record(tmp_path, rows("blind", 20, 0, confidence=None))) == {}


def test_a_method_that_only_val_knows_found_nothing(tmp_path: Path) -> None:
    """So is a set that nobody labelled written."""
    path = record(tmp_path, rows("a", 5, 2)[:1], rows("b", 1, 5))
    assert read_method_scores(path)["a"] == MethodScore("a", VAL, 0, 0) and list(read_method_scores(path)) == ["b", "a"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8))
def test_order(results: list[tuple[int, int]]) -> None:
    """Each method comes before the next one for a reason."""
    with tempfile.TemporaryDirectory() as folder:
        path = record(Path(folder), *(rows(f"m{k}", found, false) for k, (found, false) in enumerate(results)))
        order = [int(name[1:]) for name in read_method_scores(path)]
    assert sorted(order) == list(range(len(results)))
    for one, other in itertools.pairwise(order):
        (found, false), (next_found, next_false) = results[one], results[other]
        if found == next_found:
            assert false < next_false or (false == next_false and one < other)
        else:
            assert found > next_found


def line(**changes: str) -> str:
    """A record with one row."""
    row = {"set": "test", "method": "a", "group": "ours", "fp_per_photo": "0.25", "threshold": "set"}
    row |= {"confidence": "0.5", "faces": "20", "found": "3", "false_boxes": "1", **changes}
    row = {name: row.get(name, "") for name in COLUMNS} | {"photos": "9", "detected": "3", "attained": "True"}
    return ",".join(row) + "\n" + ",".join(row.values()) + "\n"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "image,x1\nphoto,3\n",
        line(fp_per_photo="a quarter"),
        line(found="three"),
        line(threshold="val", confidence="high"),
        line(threshold="val", confidence="nan"),
        line(threshold="val", confidence="inf"),
        line().splitlines()[0] + "\ntest,a\n",
        line(found="", false_boxes=""),
        b"\x89PNG\r\n\x1a\n\xff\xfe",
        '"' + "x" * 200_000,
    ],
)
def test_what_is_no_record_says_so(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "rescue_trial.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        read_method_scores(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_the_record_may_be_absent_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; expected a record"):
        read_method_scores(tmp_path / "rescue_trial.csv")
    with pytest.raises(InputError, match="rescue_trial"):
        read_method_scores(tmp_path)


def test_a_good_line_is_read(tmp_path: Path) -> None:
    """What the bad ones above are made of."""
    path = tmp_path / "rescue_trial.csv"
    path.write_text(line() + line(threshold="val").splitlines()[1] + "\n")
    with path.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2
    assert read_method_scores(path) == {"a": MethodScore("a", 0.5, 3, 20, 1)}
