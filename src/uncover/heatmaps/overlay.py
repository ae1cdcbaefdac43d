"""A heatmap over its photo: the higher the map, the less of the photo shines through."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

COLOURS = cv2.COLORMAP_INFERNO
"""Equal steps of the map look like equal steps, in grey and to colour-blind readers too."""

MOST_OPAQUE = 0.8
"""Share of the map's colour where the map is highest; the rest is the photo's."""


def overlay(photo: NDArray[np.uint8], heat: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a map over a photo, which turns grey: skin is as warm as the map's colours are.

    Args:
        photo: uint8 (H, W, 3), RGB.
        heat: uint8 (H, W) in the same frame, 255 where the map is highest. A blank map leaves the grey photo.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    colours = cv2.cvtColor(cv2.applyColorMap(heat, COLOURS), cv2.COLOR_BGR2RGB).astype(np.float32)
    opacity = heat[..., None].astype(np.float32) * (MOST_OPAQUE / 255)
    return np.rint(grey + (colours - grey) * opacity).astype(np.uint8)
