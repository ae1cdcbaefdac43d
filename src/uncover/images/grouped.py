"""Labelled frames with the infant, or video, that each is of."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uncover.data.blocks import (
    FRAMES,
    INFANTS,
    LEVELS,
    MANIFEST,
    Block,
    BlockFinder,
    block_of_video,
    read_blocks,
    read_infants,
)
from uncover.data.picked import PickedFrame, find_picked
from uncover.data.yolo import IMAGES
from uncover.errors import InputError
from uncover.images.labelled import LabelledImages, label_path, read_labelled_images
from uncover.tables import read_table

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GroupedImages:
    """Frames that somebody has looked at and boxed, some perhaps without a face.

    Attributes:
        labelled: The frames.
        blocks: What each frame belongs to, by its name, in the order of `labelled`.
    """

    labelled: LabelledImages
    blocks: dict[str, Block]

    @property
    def groups(self) -> dict[str, str]:
        """The infant, or what else a frame belongs to, by name of the frame."""
        return {name: block.name for name, block in self.blocks.items()}

    def kind_of(self, group: str) -> str:
        """What a group is: "infant", or "video" where nobody says whose it is, ..."""
        return next(block.kind for block in self.blocks.values() if block.name == group)

    def group_named(self, name: str) -> str:
        """The group that somebody means: its own name, or that of one of its videos, which is told.

        A name that is neither is given back as it is.
        """
        if name not in self.groups.values():
            for block in self.blocks.values():
                if block.video == name:
                    videos = {own.video for own in self.blocks.values() if own.name == block.name}
                    logger.info(
                        f"note: {name} is of the {block.kind} {block.name}, whose {len(videos)} videos go together"
                    )
                    return block.name
        return name

    def take(self, names: Iterable[str]) -> LabelledImages:
        """Frames by name, in this order."""
        rows = {name: row for row, name in enumerate(self.blocks)}
        return self.labelled.take([rows[name] for name in names])

    def with_face(self, names: Iterable[str]) -> int:
        """How many of these frames have a box."""
        return sum(len(labels) > 0 for labels in self.take(names).labels)


def read_grouped_images(
    folder: Path, classes: Sequence[str] | None = None, channels: int = 3, chosen: Sequence[str] = ()
) -> GroupedImages:
    """Read a data set of frames and find out what each is of.

    The tables of `uncover.data.blocks` say it, which are looked for in the data set and where its images link to;
    else its manifest; else the name of the file up to the last `_` is the video. What is taken for granted is told.
    Frames that nobody has annotated are left out, and counted.

    Args:
        folder: With `images/`, `labels/` and `data.yaml`.
        classes: Names of the classes to keep; None keeps all.
        channels: Channels of the images.
        chosen: Names that these classes have in the data set, as for `read_labelled_images`.

    Raises:
        InputError: A name says of no group, a table is spoilt, no frame is annotated, or `read_labelled_images`
            objects.
    """
    labelled = read_annotated_images(folder, classes, channels, chosen=chosen)
    finder = BlockFinder()
    lists: dict[Path, dict[str, str]] = {}
    stated = read_blocks(folder, [path.name for path in labelled.paths])
    of_manifest = {} if stated is None else stated.of_image
    blocks: dict[str, Block] = {}
    for path in labelled.paths:
        block = finder.find(path) or of_manifest.get(path.name)
        if block is None or block.by_name or block.kind == "video":
            video = (block.video or block.name) if block else _video_by_name(path)
            block = block_of_video(video, _infants_around(folder, path, lists))
        blocks[path.name] = block
    if len(blocks) < len(labelled):
        raise InputError(f"{folder}: two of its images have the same name in different folders; rename one of them")
    _tell_what_is_assumed(folder, blocks)
    return GroupedImages(labelled, blocks)


def _infants_around(folder: Path, path: Path, lists: dict[Path, dict[str, str]]) -> dict[str, str]:
    """Infant by video, as lists in the data set say, and those around the file that an image is a link to."""
    found: dict[str, str] = {}
    for place in [*list(path.resolve().parents)[LEVELS - 1 :: -1], folder]:
        if place not in lists:
            lists[place] = read_infants(place)
        found |= lists[place]
    return found


def _tell_what_is_assumed(folder: Path, blocks: Mapping[str, Block]) -> None:
    """Which videos are of one infant is known to people alone."""
    videos: dict[str, set[str]] = {}
    for block in blocks.values():
        if block.by_name:
            videos.setdefault(block.name, set()).add(block.video)
    for infant, own in videos.items():
        if len(own) > 1:
            logger.info(
                f"note: {folder}: by their names, {', '.join(sorted(own))} are all of {infant}, and stay together"
            )
    alone = sorted({block.name for block in blocks.values() if block.kind == "video"})
    if alone:
        named = ", ".join(alone[:5]) + (f" and {len(alone) - 5} more" if len(alone) > 5 else "")
        logger.info(
            f"note: {folder}: nobody says which infant is in {named}: each video is taken for one infant of its own;"
            f" {INFANTS} (video,infant) or a column infant in {FRAMES} beside the frames says otherwise"
        )


def read_annotated_images(
    folder: Path,
    classes: Sequence[str] | None = None,
    channels: int = 3,
    subset: str | None = None,
    chosen: Sequence[str] = (),
) -> LabelledImages:
    """Read a data set without the images that nobody has annotated: they are not those without a face.

    Args and errors are those of `read_labelled_images`; how many stay out is said. Images are also left out where they
    link to, or are, frames that `uncover frames` picked and nobody has reviewed.

    Raises:
        InputError: None of the images is annotated.
    """
    unannotated = _unannotated(folder)
    labelled = read_labelled_images(folder, classes, channels, subset, chosen)
    rows = [row for row, path in enumerate(labelled.paths) if path.name not in unannotated]
    left = len(labelled) - len(rows)
    if left:
        logger.info(f"{folder}: {left} of {len(labelled)} frames are not annotated (no label file) and stay out")
    waiting = _unreviewed([labelled.paths[row] for row in rows])
    if waiting:
        logger.info(
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


def _video_by_name(path: Path) -> str:
    video = (path.resolve() if path.is_symlink() else path).stem.rpartition("_")[0]
    if not video:
        raise InputError(
            f"{path}: its name does not say which video or infant it is of; expected NAME_NUMBER, such as"
            f" infant_01_000012, or a {FRAMES} with the columns image and video"
        )
    return video
