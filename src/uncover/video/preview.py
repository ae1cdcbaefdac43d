"""A window that shows frames with boxes while they are processed."""

from __future__ import annotations

import logging
import os
import sys
import time

import cv2
import numpy as np

from uncover.video.annotate import annotate, fitted
from uncover.video.batches import Picture
from uncover.video.detected_frames import DetectedFrame
from uncover.video.faces import FaceLabels, sure_faces

logger = logging.getLogger(__name__)

TITLE = "uncover: q closes this window"
LARGEST = 1280
"""Longest side of the displayed frame, in pixels."""

BETWEEN = 1 / 30
"""Minimum interval between two displayed frames in seconds, so that the window does not slow detection down."""

CLOSE = (ord("q"), 27)
"""Keys that close the window: q and escape."""


class Preview:
    """The preview window; if the user closes it, detection continues without it."""

    def __init__(self, labels: FaceLabels, privacy: str, shape: str) -> None:
        """
        Args:
            labels: Thresholds of a face.
            privacy: How it shows faces, as for `annotate`.
            shape: As for `annotate`.
        """
        self._labels, self._privacy, self._shape = labels, privacy, shape
        self._shown, self._open = 0.0, True

    def show(self, picture: Picture, frame: DetectedFrame) -> None:
        """Show a frame, unless the previous one was shown just before."""
        if not self._open or time.monotonic() - self._shown < BETWEEN:
            return
        pixels = annotate(picture.pixels, sure_faces(frame, self._labels), self._privacy, shape=self._shape)
        height, width = pixels.shape[:2]
        scale = LARGEST / max(height, width)
        if scale < 1:
            pixels = fitted(pixels, max(1, round(width * scale)), max(1, round(height * scale)))
        cv2.imshow(TITLE, np.ascontiguousarray(pixels[..., ::-1]))
        if cv2.waitKey(1) & 0xFF in CLOSE:
            self.close()
        self._shown = time.monotonic()

    def close(self) -> None:
        """Close the window."""
        if self._open:
            cv2.destroyAllWindows()
        self._open = False


def open_preview(labels: FaceLabels, privacy: str, shape: str) -> Preview | None:
    """Open the window; if that is impossible, log the reason and return None. Arguments are those of `Preview`."""
    why = ""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        why = "this session has no display"
    else:
        try:
            cv2.namedWindow(TITLE, cv2.WINDOW_AUTOSIZE)
        except cv2.error:
            why = "this OpenCV cannot open windows; install opencv-python instead of opencv-python-headless"
    if why:
        logger.info(f"note: --preview: {why}; continuing without a window")
        return None
    return Preview(labels, privacy, shape)
