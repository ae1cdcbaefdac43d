"""Overlays: a blank map shows the photo, a higher one more of its colour."""

from __future__ import annotations

import numpy as np

from uncover.heatmaps.overlay import MOST_OPAQUE, overlay


def test_a_blank_map_leaves_the_grey_photo() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    # Rec. 601, as every program that makes photos grey has it.
    grey = np.rint(photo @ [0.299, 0.587, 0.114])
    left = overlay(photo, np.zeros((6, 5), np.uint8)).astype(int)
    assert np.abs(left - grey[..., None]).max() <= 1


def test_the_colour_is_matplotlibs_and_as_opaque_as_the_map_is_high() -> None:
    from matplotlib import colormaps

    heat = np.arange(256, dtype=np.uint8)[None]
    grey = 100
    colours = 255 * colormaps["inferno"](heat)[..., :3]
    opacity = heat[..., None] / 255 * MOST_OPAQUE
    expected = grey * (1 - opacity) + colours * opacity
    found = overlay(np.full((1, 256, 3), grey, np.uint8), heat)
    # OpenCV has its own, sparser table of the same colours.
    assert np.abs(found - expected).max() < 3
