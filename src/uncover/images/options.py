"""Options of all commands that run a network over images."""

from __future__ import annotations

from uncover.config.options import check_number
from uncover.errors import InputError
from uncover.images.letterbox import STRIDE


def check_inference_options(confidence: float, nms_iou: float | None, batch: int, image_size: int | None) -> None:
    """Make sure that they are within their limits; None stands for an option that was not given.

    Raises:
        InputError: One is not; the message names the option.
    """
    check_number("--confidence", confidence, 0, 1)
    check_number("--nms-iou", nms_iou, 0, 1)
    check_number("--batch", batch, 1)
    check_number("--image-size", image_size, STRIDE)
    if image_size is not None and image_size % STRIDE:
        raise InputError(f"--image-size {image_size}: expected a multiple of {STRIDE}")
