"""Stored heatmaps at the size of a picture: enlarged, cropped to the image, and scaled to 8 bits."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.images.letterbox import Frame
from uncover.images.maps import StoredMaps

Size = Literal["original", "letterbox"] | tuple[int, int]

TRUNCATED = (-0.499, 254.501)
"""Range of maps that are rounded afterwards: the result is that of cutting off the decimals of 0 to 255. The last
thousandth makes sure that a map's maximum is 255."""


def render(stored: StoredMaps, size: Size = "original") -> NDArray[np.uint8]:
    """Maps as pictures.

    Each map is enlarged to the frame, between the centres of its cells, and scaled so that its lowest pixel is 0 and
    its highest 255, decimals cut off: what grad-cam does at full size, to one level. Padding is removed before the
    scaling, so that what a network sees beside the photo neither shows nor counts.

    Args:
        stored: Of one image.
        size: "original" and (width, height), in pixels: the image alone, at its own size or at that. "letterbox": the
            whole frame as the network saw it, padding included. To a (width, height) that the whole frame scales to
            evenly, maps are enlarged straight away; otherwise by way of the frame.

    Returns:
        uint8 (C, H, W). A blank map is 0 everywhere, and so is a constant one, which points nowhere.
    """
    frame = stored.frame
    whole = (frame.out_width, frame.out_height)
    if size == "letterbox":
        rows, columns, (width, height) = slice(None), slice(None), whole
    else:
        rows = slice(frame.top, frame.top + frame.inner_height)
        columns = slice(frame.left, frame.left + frame.inner_width)
        width, height = (frame.width, frame.height) if size == "original" else size
        if size != "original" and (even := _scaled_evenly(frame, width, height)) is not None:
            whole, left, top = even
            rows, columns = slice(top, top + height), slice(left, left + width)
    pictures = np.zeros((len(stored.values), height, width), np.uint8)
    # A channel's maximum cancels out, so the shares will do. Channel by channel, a map stays in the processor's cache.
    for cells, picture in zip(stored.values, pictures, strict=True):
        heat = cv2.resize(cells.astype(np.float32), whole, interpolation=cv2.INTER_LINEAR)[rows, columns]
        if heat.shape != (height, width):
            heat = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.normalize(heat, picture, *TRUNCATED, cv2.NORM_MINMAX, cv2.CV_8U)
    return pictures


def _scaled_evenly(frame: Frame, width: int, height: int) -> tuple[tuple[int, int], int, int] | None:
    """Size of the frame, and left and top of its image, where the image gets another size; None if they are uneven."""
    across = divmod(frame.out_width * width, frame.inner_width), divmod(frame.left * width, frame.inner_width)
    down = divmod(frame.out_height * height, frame.inner_height), divmod(frame.top * height, frame.inner_height)
    if any(rest for _, rest in (*across, *down)):
        return None
    return (across[0][0], down[0][0]), across[1][0], down[1][0]
