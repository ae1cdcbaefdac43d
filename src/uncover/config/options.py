"""Numbers that stand on a command line."""

from __future__ import annotations

import math

from uncover.errors import InputError


def check_number(option: str, value: float | None, lowest: float, highest: float = math.inf) -> None:
    """Make sure that a number is within its limits; None stands for an option that was not given.

    Raises:
        InputError: It is not.
    """
    if value is not None and not lowest <= value <= highest:
        expected = f"{lowest} or more" if highest == math.inf else f"{lowest} to {highest}"
        raise InputError(f"{option} {value}: expected {expected}")
