"""Detect faces in a video: a table of boxes, and a summary per second.

python examples/detect_video.py                        # a short rendered video
python examples/detect_video.py clip.mp4 boxes.csv     # your video; the table is written to boxes.csv
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd

import uncover


def main(video: Path, table: Path | None = None) -> pd.DataFrame:
    """Print the share of frames with a face for each second; return the table of boxes."""
    detector = uncover.FaceDetector("general")  # or FaceDetector("nicu"), or your own weights
    boxes = detector.detect_video(video, tracking="offline", all_frames=True)

    seconds = boxes.assign(second=boxes["second"].astype(int), face=boxes["confidence"].notna())
    summary = seconds.groupby("second").agg(
        frames=("frame", "nunique"), with_face=("face", "mean"), confidence=("confidence", "mean")
    )
    print(summary.round(2))
    if table is not None:
        boxes.to_csv(table, index=False)
        print(f"boxes: {table}")
    return boxes


def rendered_video(folder: Path) -> Path:
    """Render a short video of an infant in an incubator."""
    from uncover.synthetic.videos import write_videos

    write_videos(folder, infants=1, seconds=3, rate=3, size=160, seed=1)
    return next(folder.glob("*.mp4"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(*map(Path, sys.argv[1:]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(rendered_video(Path(place)))
