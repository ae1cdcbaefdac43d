"""Words of the official downloads: head poses, and the folders of their train and test parts."""

from __future__ import annotations

POSES = ("frontal", "left", "lefthalf", "right", "righthalf")
"""Pose folders of MERL-RAV; left and right are the subject's."""

PART_OF_FOLDER = {"trainset": "train", "testset": "test"}
"""Official part by folder name, in MERL-RAV and in 300-W as it is often arranged."""
