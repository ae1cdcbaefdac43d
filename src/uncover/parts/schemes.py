"""Which landmarks make which part, in the two annotation schemes, side by side.

Indices are 0-based and inclusive. The ranges are those of thesis section 4.1 (text) and of the landmark schemes
themselves: iBUG's 68 points (300-W, MERL-RAV) and WFLW's 98. WFLW's pupils, 96 and 97, belong to no part.
"""

from __future__ import annotations

from collections.abc import Mapping

from uncover.parts.classes import PARTS

Ranges = tuple[tuple[int, int], ...]

_BASE: Mapping[str, Mapping[int, Ranges]] = {
    # part          68 points        98 points
    "whole face": {68: ((0, 26),), 98: ((0, 50),)},
    "right face": {68: ((0, 7),), 98: ((0, 14),)},
    "left face": {68: ((9, 16),), 98: ((18, 32),)},
    "brows": {68: ((17, 26),), 98: ((33, 50),)},
    "nose": {68: ((27, 35),), 98: ((51, 59),)},
    "right eye": {68: ((36, 41),), 98: ((60, 67),)},
    "left eye": {68: ((42, 47),), 98: ((68, 75),)},
    "mouth": {68: ((48, 67),), 98: ((76, 95),)},
}

_UNIONS: Mapping[str, tuple[str, ...]] = {
    "left eye face": ("left eye", "left face"),
    "right eye face": ("right eye", "right face"),
    "eyes nose": ("left eye", "right eye", "nose"),
}

SCHEMES = (68, 98)
"""Numbers of landmarks that we know the parts of."""


def part_indices(points: int) -> dict[str, tuple[int, ...]]:
    """Landmark indices of each of the eleven parts.

    Args:
        points: 68 (iBUG) or 98 (WFLW).

    Raises:
        KeyError: Another number of points.
    """
    base = {part: _expand(ranges[points]) for part, ranges in _BASE.items()}
    unions = {part: tuple(index for member in members for index in base[member]) for part, members in _UNIONS.items()}
    both = base | unions
    return {part: both[part] for part in PARTS}


def _expand(ranges: Ranges) -> tuple[int, ...]:
    return tuple(index for first, last in ranges for index in range(first, last + 1))
