"""Leave-one-group-out folds of frames, and nested subsets for learning curves. Pure functions of names.

A group is whatever frames must not be torn apart: a video, an infant.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from uncover.errors import InputError

FEWEST_GROUPS = 2


@dataclass(frozen=True)
class Fold:
    """One way to leave a group out.

    Attributes:
        left_out: Name of the group.
        training: Names of the frames of all other groups, in alphabetical order.
        held_out: Names of its own frames, likewise.
    """

    left_out: str
    training: tuple[str, ...]
    held_out: tuple[str, ...]


def leave_one_out(groups: Mapping[str, str]) -> list[Fold]:
    """A fold for each group.

    Args:
        groups: Group by frame.

    Returns:
        In alphabetical order of the groups.

    Raises:
        InputError: There are fewer than two groups.
    """
    names = sorted(set(groups.values()))
    if len(names) < FEWEST_GROUPS:
        there = f"only {names[0]}" if names else "none"
        raise InputError(
            f"leaving one infant out needs {FEWEST_GROUPS} of them or more; found {there} in {len(groups)} frames; add"
            " frames of another one, or say in infants.csv (video,infant) which video is of which infant"
        )
    return [leave_out(groups, name) for name in names]


def leave_out(groups: Mapping[str, str], *names: str) -> Fold:
    """The fold that leaves one group out, or several together.

    Args:
        groups: Group by frame.
        names: Of the groups.

    Raises:
        InputError: There is no such group, or no other.
    """
    known = sorted(set(groups.values()))
    for name in names:
        if name not in known:
            raise InputError(f"{name}: no frame is of this video or infant; expected one of: {', '.join(known)}")
    told = " + ".join(sorted(set(names)))
    training = tuple(sorted(frame for frame, group in groups.items() if group not in names))
    if not training:
        raise InputError(f"{told}: all {len(groups)} frames are of it, so that none is left to train on; add others")
    return Fold(told, training, tuple(sorted(frame for frame, group in groups.items() if group in names)))


def equal_parts(sizes: Mapping[str, int], count: int) -> list[list[str]]:
    """Groups in so many parts that are about equally large, the largest group first into the smallest part.

    Args:
        sizes: Frames by group.
        count: Parts; as many as there are groups at most.
    """
    parts: list[list[str]] = [[] for _ in range(min(count, len(sizes)))]
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        min(parts, key=lambda part: sum(sizes[own] for own in part)).append(name)
    return [sorted(part) for part in parts]


def in_turn(frames: Sequence[str], groups: Mapping[str, str], seed: int) -> list[str]:
    """An order whose every beginning is spread over the groups as evenly as can be.

    Groups take turns, in an order of their own in each round; frames of a group come as a hash of seed and name has it,
    so that one more frame moves few others.

    Args:
        frames: Names, each once.
        groups: Group by frame; of frames that are not in `frames`, nothing counts.
        seed: Chooses the order.
    """
    waiting: dict[str, list[str]] = defaultdict(list)
    for frame in sorted(frames, key=lambda frame: _hash(seed, "frame", frame)):
        waiting[groups[frame]].append(frame)
    order: list[str] = []
    for number in range(max(map(len, waiting.values()), default=0)):
        still = [group for group, own in waiting.items() if number < len(own)]
        order += [
            waiting[group][number] for group in sorted(still, key=lambda group: _hash(seed, f"round {number}", group))
        ]
    return order


def nested_subsets(
    frames: Sequence[str], groups: Mapping[str, str], counts: Sequence[int], seed: int
) -> dict[int, tuple[str, ...]]:
    """Subsets of which each holds all smaller ones.

    Args:
        frames: Names, each once.
        groups: Group by frame.
        counts: Frames per subset; where there are fewer, the subset has all of them.
        seed: Chooses the frames.

    Returns:
        Frames by count, in the order of `in_turn`.

    Raises:
        InputError: A count is negative.
    """
    if any(count < 0 for count in counts):
        raise InputError(f"count {min(counts)}: expected 0 frames or more")
    order = in_turn(frames, groups, seed)
    return {count: tuple(order[:count]) for count in counts}


def _hash(seed: int, what: str, name: str) -> str:
    return hashlib.sha256(f"{seed}:{what}:{name}".encode()).hexdigest()
