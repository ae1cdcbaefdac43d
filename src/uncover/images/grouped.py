"""Labelled frames with the video, or infant, that each is of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from uncover.console import say
from uncover.datasets.picked import FRAMES, PickedFrame, find_picked
from uncover.datasets.records import read_table
from uncover.datasets.yolo import IMAGES
from uncover.errors import InputError
from uncover.images.labelled import LabelledImages, label_path, read_labelled_images

MANIFEST = "manifest.parquet"


@dataclass(frozen=True)
class GroupedImages:
    """Frames that somebody has looked at and boxed, some perhaps without a face.

    Attributes:
        labelled: The frames.
        groups: Group by name of the frame, in the order of `labelled`.
    """

    labelled: LabelledImages
    groups: dict[str, str]

    def take(self, names: Iterable[str]) -> LabelledImages:
        """Frames by name, in this order."""
        rows = {name: row for row, name in enumerate(self.groups)}
        return self.labelled.take([rows[name] for name in names])

    def with_face(self, names: Iterable[str]) -> int:
        """How many of these frames have a box."""
        return sum(len(labels) > 0 for labels in self.take(names).labels)


def read_grouped_images(folder: Path, classes: Sequence[str] | None = None, channels: int = 3) -> GroupedImages:
    """Read a data set of frames and find out what each is of.

    The group stands in the column `video` of the `frames.csv` that the frames were picked with, which is looked for in
    the data set and where its images link to. Without it, it is the name of the file up to the last `_`. Frames that
    nobody has annotated are left out, and counted.

    Args:
        folder: With `images/`, `labels/` and `data.yaml`.
        classes: Names of the classes to keep; None keeps all.
        channels: Channels of the images.

    Raises:
        InputError: A name says of no group, `frames.csv` is spoilt, no frame is annotated, or `read_labelled_images`
            objects.
    """
    labelled = read_annotated_images(folder, classes, channels)
    videos: dict[Path, dict[str, str]] = {}
    groups: dict[str, str] = {}
    for path in labelled.paths:
        places = dict.fromkeys([folder, *list(path.resolve().parents)[:3]])
        for place in places:
            if place not in videos:
                videos[place] = _read_picked(place / FRAMES)
        stem = path.resolve().stem if path.is_symlink() else path.stem
        listed = next((videos[place][stem] for place in places if stem in videos[place]), None)
        groups[path.name] = listed or _by_name(path, stem)
    if len(groups) < len(labelled):
        raise InputError(f"{folder}: two of its images have the same name in different folders; rename one of them")
    return GroupedImages(labelled, groups)


def read_annotated_images(
    folder: Path, classes: Sequence[str] | None = None, channels: int = 3, subset: str | None = None
) -> LabelledImages:
    """Read a data set without the images that nobody has annotated: they are not those without a face.

    Args and errors are those of `read_labelled_images`; how many stay out is said. Images are also left out where they
    link to, or are, frames that `uncover frames` picked and nobody has reviewed.

    Raises:
        InputError: None of the images is annotated.
    """
    unannotated = _unannotated(folder)
    labelled = read_labelled_images(folder, classes, channels, subset)
    rows = [row for row, path in enumerate(labelled.paths) if path.name not in unannotated]
    left = len(labelled) - len(rows)
    if left:
        say(f"{folder}: {left} of {len(labelled)} frames are not annotated (no label file) and stay out")
    waiting = _unreviewed([labelled.paths[row] for row in rows])
    if waiting:
        say(
            f"{folder}: {len(waiting)} of {len(labelled)} images are picked frames that nobody has reviewed, and stay"
            " out; take them to a tool with 'uncover frames export', and back with 'uncover frames import'"
        )
        rows = [row for row in rows if labelled.paths[row] not in waiting]
    if not rows:
        raise InputError(f"{folder}: none of its {len(labelled)} images has been annotated or reviewed by anybody")
    return labelled.take(rows) if left or waiting else labelled


def _unreviewed(paths: Sequence[Path]) -> set[Path]:
    """Images of picked frames without a label of their own, or with the boxes that an earlier version proposed."""
    found: dict[Path, dict[str, PickedFrame]] = {}
    waiting = set()
    for path in paths:
        real = path.resolve()
        grade, root = real.parent.parent.name, real.parent.parent.parent
        if root not in found:
            found[root] = find_picked(root) or {}
        frame = found[root].get(f"{grade}/{IMAGES}/{real.name}")
        if frame is None or frame.find_labels(root) is not None:
            continue
        own = label_path(path)
        if not own.is_file() or (frame.is_doubtful and _has_same_boxes(own, frame.find_proposals(root))):
            waiting.add(path)
    return waiting


def _has_same_boxes(label: Path, other: Path | None) -> bool:
    """Whether two label files have the same boxes, whatever their classes."""
    if other is None:
        return False
    try:
        rows = [
            np.array([line.split()[1:] for line in path.read_text(encoding="utf-8").splitlines()], np.float64)
            for path in (label, other)
        ]
    except (OSError, ValueError):
        return False
    return rows[0].shape == rows[1].shape and np.allclose(rows[0], rows[1], rtol=0, atol=1e-4)


def _unannotated(folder: Path) -> set[str]:
    """Names of the images that nobody has looked at, where a manifest tells them from those without a face."""
    if not (folder / MANIFEST).is_file():
        return set()
    manifest = read_table(folder / MANIFEST, (), "labels")
    if not {"image", "labelled"} <= set(manifest.columns):
        return set()  # somebody else's table of the same name
    left_out = manifest.loc[~manifest["labelled"].astype(bool), "image"]
    if len(left_out) == len(manifest):
        raise InputError(
            f"{folder}: none of its {len(manifest)} frames is annotated; expected a label file for each frame (an empty"
            " one where no face is in it)"
        )
    return {Path(image).name for image in left_out}


def _read_picked(path: Path) -> dict[str, str]:
    """Video by stem of the frame; nothing where there is no such file."""
    if not path.is_file():
        return {}
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is no CSV file ({str(error).splitlines()[0]}); expected image,video,...") from None
    if not {"image", "video"} <= set(table.columns):
        raise InputError(f"{path}: expected the columns image and video, as 'uncover frames' writes them")
    videos: dict[str, str] = {}
    for row, (image, video) in enumerate(zip(table["image"], table["video"], strict=True), start=1):
        stem = Path(image).stem
        if not video or videos.setdefault(stem, video) != video:
            told = f"'{videos[stem]}' and '{video}'" if video else "no video"
            raise InputError(f"{path}: row {row}: {stem}: {told}; expected one video for each frame")
    return videos


def _by_name(path: Path, stem: str) -> str:
    group = stem.rpartition("_")[0]
    if not group:
        raise InputError(
            f"{path}: its name does not say which video or infant it is of; expected NAME_NUMBER, such as"
            f" infant_01_000012, or a {FRAMES} with the columns image and video"
        )
    return group
