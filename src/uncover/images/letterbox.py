"""Letterbox frames: an image scaled as a whole, and padded to a multiple of the network's stride.

For more than four channels, OpenCV's `resize` fails with INTER_AREA and its `copyMakeBorder` with a colour; neither is
used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

STRIDE = 32
"""Pixels per cell of YOLOv5's coarsest level; the sides of its input are multiples of it."""

GREY = 114
"""Padding around photos; upstream's value."""

MOST_CHANNELS_OF_AREA = 4


@dataclass(frozen=True)
class Letterbox:
    """Position of an image in the network's input. All values are in pixels.

    Attributes:
        width: Width of the original image.
        height: Height of the original image.
        inner_width: Width of the scaled image in the frame.
        inner_height: Height of the scaled image in the frame.
        left: Left edge of the scaled image.
        top: Top edge of the scaled image.
        out_width: Width of the frame.
        out_height: Height of the frame.
    """

    width: int
    height: int
    inner_width: int
    inner_height: int
    left: int
    top: int
    out_width: int
    out_height: int

    @property
    def scale(self) -> float:
        """Pixels of the frame per pixel of the original, along its longest side."""
        return max(self.inner_width, self.inner_height) / max(self.width, self.height)

    def to_network(self, xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
        """Convert boxes (..., 4) in pixels of the original to float64 (..., 4) in pixels of the frame."""
        return xyxy * self._gain() + np.tile([self.left, self.top], 2)

    def to_original(self, xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
        """Convert boxes (..., 4) in pixels of the frame to float64 (..., 4) in pixels of the original, clipped."""
        free = (xyxy - np.tile([self.left, self.top], 2)) / self._gain()
        return free.clip(0, np.tile([self.width, self.height], 2).astype(np.float64))

    def _gain(self) -> NDArray[np.float64]:
        # Rounding to whole pixels differs between the sides; one gain for both would shift boxes by up to half a pixel.
        return np.tile([self.inner_width / self.width, self.inner_height / self.height], 2)


def fit(
    width: int, height: int, size: int, stride: int = STRIDE, square: bool = False, enlarge: bool = True
) -> Letterbox:
    """Frame for an image whose longest side is scaled to `size`.

    Args:
        width: Width of the image, in pixels.
        height: Height of the image, in pixels.
        size: Requested longest side, in pixels.
        stride: The frame's sides are multiples of it.
        square: Whether to use the square of `size` instead of the smallest rectangle.
        enlarge: Whether small images are enlarged.
    """
    longest = max(width, height)
    if not enlarge:
        size, side = min(size, longest), size
    else:
        side = size
    # Integers, rounded up as in upstream's loader; its floats turn 200.00000000000003 into 201.
    inner_width, inner_height = (max(1, -(-side * size // longest)) for side in (width, height))
    inside = (side, side) if square else (inner_width, inner_height)
    return place(width, height, inner_width, inner_height, *(-(-side // stride) * stride for side in inside))


def place(width: int, height: int, inner_width: int, inner_height: int, out_width: int, out_height: int) -> Letterbox:
    """Frame with a scaled image in its centre; an odd pixel is added at the right and the bottom, as in upstream."""
    left, top = (out_width - inner_width) // 2, (out_height - inner_height) // 2
    return Letterbox(width, height, inner_width, inner_height, left, top, out_width, out_height)


def resize(image: NDArray[np.uint8], width: int, height: int, smooth: bool) -> NDArray[np.uint8]:
    """Scale an image of any number of channels.

    Args:
        image: uint8 (H, W, C).
        width: New width, in pixels.
        height: New height, in pixels.
        smooth: Whether to average pixels when shrinking (up to four channels, a limit of OpenCV), as upstream does
            except in training.

    Returns:
        uint8 (height, width, C).
    """
    if image.shape[:2] == (height, width):
        return image
    shrinks = max(width, height) < max(image.shape[:2])
    area = smooth and shrinks and image.shape[2] <= MOST_CHANNELS_OF_AREA
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if area else cv2.INTER_LINEAR)
    return np.asarray(scaled, np.uint8).reshape(height, width, image.shape[2])  # OpenCV drops a last axis of length 1


def letterbox(
    image: NDArray[np.uint8], frame: Letterbox, padding: int = GREY, smooth: bool = True
) -> NDArray[np.uint8]:
    """Place an image into its frame.

    Args:
        image: uint8 (H, W, C), the original, or already scaled to the frame's inner size.
        frame: Frame made for the original's size.
        padding: Value around it: grey for photos, 0 for heatmaps.
        smooth: As for `resize`.

    Returns:
        uint8 (out_height, out_width, C).
    """
    scaled = resize(image, frame.inner_width, frame.inner_height, smooth)
    if (frame.inner_width, frame.inner_height) == (frame.out_width, frame.out_height):
        return scaled
    # Keep the memory order of the image: heatmaps are stored channel by channel, as the network expects them.
    framed = np.full_like(scaled, padding, shape=(frame.out_height, frame.out_width, image.shape[2]))
    framed[frame.top : frame.top + frame.inner_height, frame.left : frame.left + frame.inner_width] = scaled
    return framed


def into_corner(
    photo: NDArray[np.uint8], longest: int | None, side: int | None = None
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Scale a photo into the upper left corner of a black frame.

    This is the input format of the baseline detectors; our networks use a photo in the centre of a grey frame.

    Args:
        photo: uint8 (height, width, 3).
        longest: New length of its longest side, in pixels; None keeps the size.
        side: Side of a square frame, in pixels; None uses the smallest frame whose sides are multiples of 32.

    Returns:
        The frame's pixels, and the number of pixels of the photo per pixel of the frame along x and y; pass it to
        `Detections.scaled` to convert boxes back.
    """
    height, width = photo.shape[:2]
    frame = replace(fit(width, height, longest or max(width, height), STRIDE), left=0, top=0)
    if side is not None:
        frame = replace(frame, out_width=side, out_height=side)
    return letterbox(photo, frame, 0), (width / frame.inner_width, height / frame.inner_height)
