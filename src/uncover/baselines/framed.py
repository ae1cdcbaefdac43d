"""Photos in the frame that a network of somebody else's sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from uncover.images.letterbox import STRIDE, fit, letterbox

BLACK = 0


def into_frame(
    photo: NDArray[np.uint8], longest: int | None, side: int | None = None
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Scale a photo into the upper left corner of a black frame.

    The networks' own programs put it there. Those of ours see it in the middle of a grey one.

    Args:
        photo: uint8 (height, width, 3).
        longest: What its longest side becomes, in pixels; None leaves it.
        side: Of a square frame, in pixels; None takes the smallest frame with sides of multiples of 32.

    Returns:
        The frame's pixels, and pixels of the photo for one of them along x and y: what `Detections.scaled` takes to
        bring boxes back.
    """
    height, width = photo.shape[:2]
    frame = replace(fit(width, height, longest or max(width, height), STRIDE), left=0, top=0)
    if side is not None:
        frame = replace(frame, out_width=side, out_height=side)
    return letterbox(photo, frame, BLACK), (width / frame.inner_width, height / frame.inner_height)
