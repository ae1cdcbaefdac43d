"""Words of the official downloads: head poses, the folders of their train and test parts, and endings of photos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

POSES = ("frontal", "left", "lefthalf", "right", "righthalf")
"""Pose folders of MERL-RAV; left and right are the subject's."""

PART_OF_FOLDER = {"trainset": "train", "testset": "test"}
"""Official part by folder name, in MERL-RAV and in 300-W as it is often arranged."""


def find_photo(path: Path, suffixes: Sequence[str] = ()) -> Path:
    """The file that a layout means, however its ending is spelt on disk: `.jpg`, `.JPG` or `.Jpg`.

    Args:
        path: As the layout names it.
        suffixes: Endings that it may have instead, the likeliest first; none but its own by default.

    Returns:
        The file; `path` where there is none.
    """
    for suffix in suffixes or (path.suffix,):
        for spelt in (suffix, suffix.lower(), suffix.upper(), suffix.title()):
            candidate = path.with_suffix(spelt)
            if os.path.exists(candidate):  # unlike Path.exists, it takes names that no file can have
                return candidate
    return path
