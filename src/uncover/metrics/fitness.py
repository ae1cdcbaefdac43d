"""The one number by which YOLOv5 compares two states of a network."""

from __future__ import annotations

MAP50_WEIGHT, MAP50_95_WEIGHT = 0.1, 0.9


def fitness(map50: float, map50_95: float) -> float:
    """Weighted sum of the two mean average precisions (thesis section 4.3)."""
    return MAP50_WEIGHT * map50 + MAP50_95_WEIGHT * map50_95
