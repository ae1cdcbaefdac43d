"""High dynamic range for networks that learnt from ordinary photos: what PQ and HLG mean, on an ordinary screen.

The curves are those of ITU-R BT.2100-2 (tables 4 and 5) and of sRGB (IEC 61966-2-1). Light up to the reference white of
ITU-R BT.2408 (203 candelas per square metre) is dimmed little; brighter light is rolled off (Reinhard, extended).
The wider colours of BT.2020 are left as they are: faces look a little paler.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

PQ, HLG = 16, 18
"""Numbers of the transfer characteristics (ITU-T H.273, table 3)."""

WHITE, PEAK = 203.0, 1000.0
"""Candelas per square metre."""

LEVELS = 256


@cache
def tone_curve(transfer: int | None) -> NDArray[np.uint8] | None:
    """What each 8-bit value of a video becomes.

    Args:
        transfer: Number of the video's transfer characteristics.

    Returns:
        uint8 (256,); None where values stay as they are, in all videos of ordinary range.
    """
    value = np.linspace(0, 1, LEVELS)
    if transfer == PQ:
        light = _pq(value)
    elif transfer == HLG:
        light = _hlg(value)
    else:
        return None
    share, most = light / WHITE, PEAK / WHITE
    shown = np.where(share <= 0.5, share, 0.5 + _roll_off(np.maximum(share - 0.5, 0), most - 0.5))
    return np.asarray(np.rint(_srgb(shown.clip(0, 1)) * (LEVELS - 1)), np.uint8)


def _roll_off(share: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    """From 0 to `most` onto 0 to 0.5, as steep as before at 0."""
    scaled, top = share * 2, most * 2
    return 0.5 * scaled * (1 + scaled / top**2) / (1 + scaled)


def _pq(value: NDArray[np.float64]) -> NDArray[np.float64]:
    m1, m2, c1, c2, c3 = 1305 / 8192, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128
    power = value ** (1 / m2)
    return 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def _hlg(value: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b, c, gamma = 0.17883277, 0.28466892, 0.55991073, 1.2
    scene = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
    return PEAK * scene**gamma


def _srgb(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
