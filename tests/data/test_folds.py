"""Leave-one-out folds and nested subsets: nothing is torn, nothing is lost, every beginning is even."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.data.folds import equal_parts, in_turn, leave_one_out, leave_out, nested_subsets
from uncover.errors import InputError

GROUPS = st.dictionaries(
    st.text("abcdef0123456789_", min_size=1, max_size=8), st.sampled_from("PQRST"), min_size=1, max_size=40
)


@given(GROUPS)
def test_each_group_is_left_out_once_and_every_frame_held_out_once(groups):
    if len(set(groups.values())) < 2:
        with pytest.raises(InputError, match=r"at least 2; found only [PQRST] in"):
            leave_one_out(groups)
        return
    folds = leave_one_out(groups)
    assert [fold.left_out for fold in folds] == sorted(set(groups.values()))
    assert sorted(name for fold in folds for name in fold.held_out) == sorted(groups)
    for fold in folds:
        assert {groups[name] for name in fold.held_out} == {fold.left_out}
        assert fold.left_out not in {groups[name] for name in fold.training}
        assert len(fold.training) + len(fold.held_out) == len(groups)
        assert leave_out(groups, fold.left_out) == fold


@given(GROUPS, st.integers(0, 9))
def test_every_beginning_of_the_order_is_as_even_as_the_groups_allow(groups, seed):
    order = in_turn(list(groups), groups, seed)
    assert sorted(order) == sorted(groups)
    sizes = Counter(groups.values())
    for length in range(len(order) + 1):
        taken = Counter(groups[name] for name in order[:length])
        # A group has fewer than another by two only where it has no frame left.
        most = max(taken.values(), default=0)
        assert all(taken[group] >= min(most - 1, sizes[group]) for group in sizes)


@given(GROUPS, st.lists(st.integers(0, 60), min_size=1, max_size=5), st.integers(0, 9))
def test_subsets_are_nested_and_do_not_depend_on_the_order_given(groups, counts, seed):
    subsets = nested_subsets(list(groups), groups, counts, seed)
    assert subsets == nested_subsets(sorted(groups, reverse=True), groups, counts, seed)
    for count, names in subsets.items():
        assert len(names) == len(set(names)) == min(count, len(groups))
    for few in counts:
        for many in counts:
            if few <= many:
                assert set(subsets[few]) <= set(subsets[many])


def test_another_seed_draws_other_frames():
    groups = {f"{video}_{number:03}": video for video in "ab" for number in range(50)}
    drawn = [nested_subsets(list(groups), groups, [10], seed)[10] for seed in range(3)]
    assert len(set(drawn)) == 3
    assert all(Counter(groups[name] for name in names) == {"a": 5, "b": 5} for names in drawn)


def test_one_more_frame_moves_few_others():
    groups = {f"a_{number:03}": "a" for number in range(50)}
    before = in_turn(list(groups), groups, 0)
    groups["a_new"] = "a"
    assert [name for name in in_turn(list(groups), groups, 0) if name != "a_new"] == before


@pytest.mark.parametrize(
    ("groups", "name", "says"),
    [
        ({"a_1": "a", "b_1": "b"}, "c", "c: no frame belongs to this video or infant; expected one of: a, b"),
        ({"a_1": "a", "a_2": "a"}, "a", "a: all 2 frames belong to it, so none is left to train on"),
    ],
)
def test_a_group_that_cannot_be_left_out_is_named(groups, name, says):
    with pytest.raises(InputError, match=says):
        leave_out(groups, name)
    with pytest.raises(InputError, match="count -1: expected 0 frames or more"):
        nested_subsets(list(groups), groups, [5, -1], 0)


def test_groups_are_left_out_together():
    groups = {"a_1": "a", "b_1": "b", "c_1": "c", "c_2": "c"}
    fold = leave_out(groups, "c", "a")
    assert (fold.left_out, fold.training, fold.held_out) == ("a + c", ("b_1",), ("a_1", "c_1", "c_2"))
    with pytest.raises(InputError, match="a \\+ b \\+ c: all 4 frames belong to it"):
        leave_out(groups, "a", "b", "c")


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(1, 20), min_size=1), st.integers(1, 6))
def test_parts_have_each_group_once_and_are_about_equally_large(sizes, count):
    parts = equal_parts(sizes, count)
    assert sorted(name for part in parts for name in part) == sorted(sizes)
    assert len(parts) == min(count, len(sizes)) and all(parts)
    totals = [sum(sizes[name] for name in part) for part in parts]
    assert max(totals) - min(totals) <= max(sizes.values())
    assert parts == equal_parts(dict(reversed(sizes.items())), count)
