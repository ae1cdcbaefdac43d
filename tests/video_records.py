"""Videos of which it is known what was found in each frame, as `uncover detect` and the truth have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

FACE = (40.0, 30.0, 80.0, 70.0)
ASIDE = (0.0, 0.0, 20.0, 20.0)
SHIFTED = (45.0, 30.0, 85.0, 70.0)
"""Overlaps the face by 35 / 45."""

FOUND_BY = {"r": "rgb", "h": "heatmap", "s": "rescue", "t": "temporal"}
"""By letter: the step that found the face; "." is a frame in which nothing was found."""


def truth(faces: str, rate: float = 2.0, events: Sequence[str] = (), grades: Sequence[str] = ()) -> pd.DataFrame:
    """Truth of a video: a frame per letter, "f" for one with a face, "-" for one without."""
    rows = [(*FACE,) if face == "f" else (None,) * 4 for face in faces]
    table = pd.DataFrame(rows, columns=["x1", "y1", "x2", "y2"], dtype=float)
    table.insert(0, "frame", range(len(faces)))
    table.insert(1, "second", [number / rate for number in range(len(faces))])
    return table.assign(
        grade=list(grades) or "none", event=list(events) or ["still" if face == "f" else "away" for face in faces]
    )


def write_truth(folder: Path, video: str, table: pd.DataFrame) -> Path:
    """Its CSV file, with an empty file for the video beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{video}.mp4").touch()
    table.to_csv(folder / f"{video}.csv", index=False)
    return folder / f"{video}.csv"


def write_detections(
    folder: Path, found: Mapping[str, str], false: Mapping[str, Sequence[int]] = {}, rate: float = 2.0
) -> Path:
    """What `uncover detect` leaves.

    Args:
        folder: To write.
        found: By video, a letter per frame (`FOUND_BY`): a box on the face.
        false: By video, frames with a box beside it.
        rate: Frames per second.
    """
    frames, boxes = [], []
    for video, letters in found.items():
        source = f"{video}.mp4"
        frames += [(source, frame, frame / rate, 100, 100) for frame in range(len(letters))]
        boxes += [
            (source, frame, *FACE, 0.5, FOUND_BY[letter]) for frame, letter in enumerate(letters) if letter != "."
        ]
        boxes += [(source, frame, *ASIDE, 0.9, "rgb") for frame in false.get(video, ())]
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(frames, columns=["source", "frame", "second", "width", "height"]).to_parquet(folder / "frames.parquet")
    columns = ["source", "frame", "x1", "y1", "x2", "y2", "confidence", "found_by"]
    pd.DataFrame(boxes, columns=columns).to_parquet(folder / "boxes.parquet")
    return folder
