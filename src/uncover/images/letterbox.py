"""The frame that a network sees an image in: scaled as a whole, and padded to a multiple of the network's stride.

Beyond four channels OpenCV's `resize` fails with INTER_AREA and its `copyMakeBorder` with a colour; neither is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

STRIDE = 32
"""Pixels per cell of YOLOv5's coarsest level: sides of its input are multiples of it."""

GREY = 114
"""Padding around photos, upstream's."""

MOST_CHANNELS_OF_AREA = 4


@dataclass(frozen=True)
class Letterbox:
    """Where an image stands in what the network sees. All in pixels.

    Attributes:
        width: Of the original image.
        height: Likewise.
        inner_width: Of the scaled image in the frame.
        inner_height: Likewise.
        left: Where the scaled image begins.
        top: Likewise.
        out_width: Of the frame.
        out_height: Likewise.
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
        """Boxes (..., 4) in pixels of the original, as float64 (..., 4) in pixels of the frame."""
        return xyxy * self._gain() + np.tile([self.left, self.top], 2)

    def to_original(self, xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
        """Boxes (..., 4) in pixels of the frame, as float64 (..., 4) in pixels of the original, clipped to it."""
        free = (xyxy - np.tile([self.left, self.top], 2)) / self._gain()
        return free.clip(0, np.tile([self.width, self.height], 2).astype(np.float64))

    def _gain(self) -> NDArray[np.float64]:
        # Whole pixels round the two sides differently; one gain for both would shift boxes by up to half a pixel.
        return np.tile([self.inner_width / self.width, self.inner_height / self.height], 2)


def fit(
    width: int, height: int, size: int, stride: int = STRIDE, square: bool = False, enlarge: bool = True
) -> Letterbox:
    """The frame of an image whose longest side becomes `size`.

    Args:
        width: Of the image, in pixels.
        height: Likewise.
        size: Requested longest side, in pixels.
        stride: The frame's sides are multiples of it.
        square: Take the square of `size`, not the smallest rectangle.
        enlarge: Whether small images grow.
    """
    longest = max(width, height)
    if not enlarge:
        size, side = min(size, longest), size
    else:
        side = size
    # Whole numbers, rounded up as upstream's loader does; its floats make 201 of 200.00000000000003.
    inner_width, inner_height = (max(1, -(-side * size // longest)) for side in (width, height))
    inside = (side, side) if square else (inner_width, inner_height)
    return place(width, height, inner_width, inner_height, *(-(-side // stride) * stride for side in inside))


def place(width: int, height: int, inner_width: int, inner_height: int, out_width: int, out_height: int) -> Letterbox:
    """The frame with a scaled image in its middle; an odd pixel goes to the right and the bottom, as upstream's."""
    left, top = (out_width - inner_width) // 2, (out_height - inner_height) // 2
    return Letterbox(width, height, inner_width, inner_height, left, top, out_width, out_height)


def resize(image: NDArray[np.uint8], width: int, height: int, smooth: bool) -> NDArray[np.uint8]:
    """Scale an image of any number of channels.

    Args:
        image: uint8 (H, W, C).
        width: To get, in pixels.
        height: Likewise.
        smooth: Average the pixels that shrinking brings together (up to four channels; OpenCV cannot beyond), as
            upstream does except in training.

    Returns:
        uint8 (height, width, C).
    """
    if image.shape[:2] == (height, width):
        return image
    shrinks = max(width, height) < max(image.shape[:2])
    area = smooth and shrinks and image.shape[2] <= MOST_CHANNELS_OF_AREA
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if area else cv2.INTER_LINEAR)
    return np.asarray(scaled, np.uint8).reshape(height, width, image.shape[2])  # OpenCV drops a last axis of one


def letterbox(
    image: NDArray[np.uint8], frame: Letterbox, padding: int = GREY, smooth: bool = True
) -> NDArray[np.uint8]:
    """Put an image into its frame.

    Args:
        image: uint8 (H, W, C), the original, or already scaled to the frame's inner size.
        frame: Made for the original's size.
        padding: Value around it: grey for photos, 0 for maps.
        smooth: As for `resize`.

    Returns:
        uint8 (out_height, out_width, C).
    """
    scaled = resize(image, frame.inner_width, frame.inner_height, smooth)
    if (frame.inner_width, frame.inner_height) == (frame.out_width, frame.out_height):
        return scaled
    # With its axes in memory as those of the image: heatmaps come channel by channel, and the network wants them so.
    framed = np.full_like(scaled, padding, shape=(frame.out_height, frame.out_width, image.shape[2]))
    framed[frame.top : frame.top + frame.inner_height, frame.left : frame.left + frame.inner_width] = scaled
    return framed


def into_corner(
    photo: NDArray[np.uint8], longest: int | None, side: int | None = None
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Scale a photo into the upper left corner of a black frame.

    So networks of others expect it; ours see a photo in the middle of a grey frame.

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
    return letterbox(photo, frame, 0), (width / frame.inner_width, height / frame.inner_height)
