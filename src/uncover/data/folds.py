"""Leave-one-group-out folds of frames, and nested subsets for learning curves. Pure functions of names.

A group is a set of frames that must stay together: a video, an infant.
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
    """A fold that leaves one group out.

    Attributes:
        left_out: Name of the group left out.
        training: Names of the frames of all other groups, in alphabetical order.
        held_out: Names of the frames of that group, in alphabetical order.
    """

    left_out: str
    training: tuple[str, ...]
    held_out: tuple[str, ...]


def leave_one_out(groups: Mapping[str, str]) -> list[Fold]:
    """Make a fold for each group.

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
            f"leaving one infant out needs at least {FEWEST_GROUPS}; found {there} in {len(groups)} frames; add"
            " frames of another infant, or assign videos to infants in infants.csv (columns video, infant)"
        )
    return [leave_out(groups, name) for name in names]


def leave_out(groups: Mapping[str, str], *names: str) -> Fold:
    """Make the fold that leaves out one group, or several together.

    Args:
        groups: Group by frame.
        names: Names of the groups.

    Raises:
        InputError: A group does not exist, or no other group is left.
    """
    known = sorted(set(groups.values()))
    for name in names:
        if name not in known:
            raise InputError(f"{name}: no frame belongs to this video or infant; expected one of: {', '.join(known)}")
    told = " + ".join(sorted(set(names)))
    training = tuple(sorted(frame for frame, group in groups.items() if group not in names))
    if not training:
        raise InputError(f"{told}: all {len(groups)} frames belong to it, so none is left to train on; add others")
    return Fold(told, training, tuple(sorted(frame for frame, group in groups.items() if group in names)))


def equal_parts(sizes: Mapping[str, int], count: int) -> list[list[str]]:
    """Distribute groups over parts of about equal size: the largest group first, into the smallest part.

    Args:
        sizes: Frames by group.
        count: Number of parts; limited to the number of groups.
    """
    parts: list[list[str]] = [[] for _ in range(min(count, len(sizes)))]
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        min(parts, key=lambda part: sum(sizes[own] for own in part)).append(name)
    return [sorted(part) for part in parts]


def in_turn(frames: Sequence[str], groups: Mapping[str, str], seed: int) -> list[str]:
    """Order frames such that every prefix is spread over the groups as evenly as possible.

    Groups alternate, in a different order in each round. The order within a group depends on a hash of seed and name,
    so adding a frame moves few others.

    Args:
        frames: Names, each once.
        groups: Group by frame; frames that are not in `frames` are ignored.
        seed: Seed of the order.
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
    """Draw subsets of which each contains all smaller ones.

    Args:
        frames: Names, each once.
        groups: Group by frame.
        counts: Frames per subset; if there are fewer, the subset contains all of them.
        seed: Seed of the draw.

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
