"""The window that shows frames while they are looked at; a stand-in takes what OpenCV would show."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from tests.report.rescue_records import FACE
from tests.video.test_annotate import HIDES, LABELS, PHOTO, SEEN, by_detector, seen, similarity
from uncover.video import preview as preview_module
from uncover.video.frame import Frame
from uncover.video.other_detector import as_it_is
from uncover.video.preview import Preview, open_preview

PICTURE = as_it_is(Frame(0, np.nan, PHOTO))


class Window:
    """What was shown, in RGB, and the key that is pressed next."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[Any] = []
        self.key, self.closed = -1, 0
        monkeypatch.setattr(cv2, "imshow", lambda _, pixels: self.shown.append(pixels[..., ::-1].copy()))
        monkeypatch.setattr(cv2, "waitKey", lambda _: self.key)
        monkeypatch.setattr(cv2, "destroyAllWindows", self._close)
        monkeypatch.setattr(preview_module, "BETWEEN", 0.0)

    def _close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(("privacy", "hidden"), [("pixelate", True), ("publish", False)])
def test_it_shows_boxes_and_no_more_of_faces_than_is_wished(
    monkeypatch: pytest.MonkeyPatch, privacy: str, hidden: bool
) -> None:
    window = Window(monkeypatch)
    Preview(LABELS, privacy, "box").show(PICTURE, seen(0, by_detector(0.9, FACE)))
    (shown,) = window.shown
    assert shown.shape == PHOTO.shape and (similarity(shown) < HIDES if hidden else similarity(shown) > SEEN)


def test_a_key_closes_it_and_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    window, frame = Window(monkeypatch), seen(0, by_detector(0.9, FACE))
    preview = Preview(LABELS, "solid", "ellipse")
    preview.show(PICTURE, frame)
    window.key = ord("q")
    preview.show(PICTURE, frame)
    preview.show(PICTURE, frame)
    preview.close()
    assert len(window.shown) == 2 and window.closed == 1


def test_without_a_display_or_a_window_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise cv2.error("The function is not implemented")

    monkeypatch.setattr(cv2, "namedWindow", refuses)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    said: list[str] = []
    monkeypatch.setattr(preview_module.logger, "info", said.append)
    monkeypatch.setattr(preview_module.sys, "platform", "linux")
    assert open_preview(LABELS, "pixelate", "box") is None
    monkeypatch.setenv("DISPLAY", ":0")
    assert open_preview(LABELS, "pixelate", "box") is None
    assert [line.partition(";")[0] for line in said] == [
        "note: --preview: this session has no display",
        "note: --preview: this OpenCV cannot open windows",
    ]
    monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
    assert open_preview(LABELS, "pixelate", "box") is not None
