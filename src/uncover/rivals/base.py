"""What every face detector of others is to us: a photo in, boxes out, and landmarks where it knows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Found:
    """Faces in one photo.

    Attributes:
        boxes: float32 (N, 4), x1 y1 x2 y2 in pixels of the photo.
        confidence: float32 (N,), from 0 to 1.
        landmarks: float32 (N, 5, 2), x and y in pixels of the photo, in the order of `LANDMARKS` of
            `uncover.metrics.predictions`; None where the detector knows none.
    """

    boxes: NDArray[np.float32]
    confidence: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None = None


FindFaces = Callable[[NDArray[np.uint8]], Found]
"""Photo, uint8 (height, width, 3) in RGB, to the faces in it."""
