"""Run another face detector on a video, in a separate environment without uncover.

    python others_run.py deface VIDEO BEGAN [WIDTHxHEIGHT]
    python others_run.py mediapipe VIDEO BEGAN

BEGAN is the start time of the process (`time.time()`). deface writes a copy with hidden faces, as its command does;
MediaPipe detects faces. The last line is JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


class Watch:
    """Wraps a detector and measures time."""

    def __init__(self, detector: Any, began: float) -> None:
        self._detector, self._began = detector, began
        self.frames = 0
        self.first_call: float | None = None
        self.first_box: float | None = None

    def __call__(self, frame: Any, *args: Any, **options: Any) -> Any:
        """Call the detector; returns boxes and landmarks for deface, and an object for MediaPipe."""
        if self.first_call is None:
            self.first_call = time.time()
        answer = self._detector(frame, *args, **options)
        self.frames += 1
        found = len(answer[0]) if isinstance(answer, tuple) else len(answer.detections or ())
        if self.first_box is None and found:
            self.first_box = time.time() - self._began
        return answer

    def told(self) -> dict[str, float | int | None]:
        """The measurements as plain values."""
        now = time.time()
        seconds = now - (self.first_call or now)
        return {"frames": self.frames, "seconds": seconds, "seconds_to_first_box": self.first_box}


def run_deface(video: str, began: float, scale: str | None) -> Watch:
    """Run the equivalent of `deface VIDEO`, with `--scale` if given."""
    from deface.centerface import CenterFace
    from deface.deface import video_detect

    shape = tuple(map(int, scale.split("x"))) if scale else None
    watch = Watch(CenterFace(in_shape=shape), began)
    with tempfile.TemporaryDirectory() as folder:
        copy = str(Path(folder) / "copy.mp4")
        usual = {"replacewith": "blur", "mask_scale": 1.3, "ellipse": True, "draw_scores": False}
        off = {"enable_preview": False, "cam": False, "nested": False}
        video_detect(video, copy, watch, threshold=0.2, ffmpeg_config={"codec": "libx264"}, **usual, **off)
    return watch


def run_mediapipe(video: str, began: float) -> Watch:
    """Run the loop of MediaPipe's documentation, with the model for faces within 5 m, reading with OpenCV."""
    import cv2
    import mediapipe as mp

    with mp.solutions.face_detection.FaceDetection(model_selection=1, min_detection_confidence=0.5) as detector:
        watch = Watch(detector.process, began)
        reader = cv2.VideoCapture(video)
        while True:
            there, frame = reader.read()
            if not there:
                return watch
            watch(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


if __name__ == "__main__":
    name, path, start, *more = sys.argv[1:]
    watched = (
        run_deface(path, float(start), more[0] if more else None)
        if name == "deface"
        else run_mediapipe(path, float(start))
    )
    print(json.dumps(watched.told()))
