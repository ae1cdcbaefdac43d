"""Frames that all are good."""

from __future__ import annotations

from pathlib import Path

from uncover.data.faces import FrameFaces
from uncover.data.frames import read_frames


def frames_of(root: Path, grade: str | None = None) -> dict[str, FrameFaces]:
    """Frames below a folder, none of which is rejected, by photo."""
    found = list(read_frames(root, grade))
    assert all(isinstance(frame, FrameFaces) for frame in found), found
    return {frame.photo: frame for frame in found if isinstance(frame, FrameFaces)}
