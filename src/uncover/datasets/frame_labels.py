"""From frames with whole-face boxes to photos and labels: the counterpart of `label_faces` for graded frames."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd

from uncover.datasets.boxes_table import BOX_COLUMNS, Labels
from uncover.datasets.reading import Reading
from uncover.faces.face import Frame
from uncover.parts.classes import WHOLE_FACE
from uncover.parts.geometry import KEPT, SMALLEST_SIDE, STATUS_NAMES, UNDER_ONE_PIXEL


def label_frames(reading: Reading, source: str) -> tuple[pd.DataFrame, Labels]:
    """Photos and boxes of frames, boxes clipped to the frame.

    Args:
        reading: Frames with their photos, looked at.
        source: Name of the raw data set.

    Returns:
        One row per frame (as `photos_of_faces`; `labelled` is False where nobody annotated the frame), and labels of
        the class "whole face".
    """
    photos, boxes = [], []
    for frame, photo in reading.items:
        assert isinstance(frame, Frame) and photo.info is not None, "only frames whose photos were looked at"
        sides = np.array([photo.info.width, photo.info.height] * 2, np.float64)
        found = np.empty((0, 4)) if frame.boxes is None else frame.boxes * (sides if frame.normalised else 1)
        kept = 0
        for number, box in enumerate(np.clip(found, 0, sides), start=1):
            small = (box[2:] - box[:2] < SMALLEST_SIDE).any()
            kept += not small
            status = STATUS_NAMES[UNDER_ONE_PIXEL if small else KEPT]
            boxes.append((source, photo.photo, f"{photo.photo}#{number}", "whole face", WHOLE_FACE, *box, status))
        photos.append(
            {
                "source": source,
                "photo": photo.photo,
                "image": str(photo.image),
                **asdict(photo.info),
                "part": "",
            }
            | {"faces": kept, "labelled": frame.boxes is not None, "grade": frame.grade}
        )
    return pd.DataFrame(photos), Labels(pd.DataFrame(boxes, columns=list(BOX_COLUMNS)), [])
