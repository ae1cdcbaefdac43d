"""Labelled frames, grouped by infant or video."""

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
    """Reviewed frames with boxes; frames without a face have none.

    Attributes:
        labelled: The frames.
        blocks: Block of each frame by its name, in the order of `labelled`.
    """

    labelled: LabelledImages
    blocks: dict[str, Block]

    @property
    def groups(self) -> dict[str, str]:
        """Name of each frame's infant or other block, by name of the frame."""
        return {name: block.name for name, block in self.blocks.items()}

    def kind_of(self, group: str) -> str:
        """Kind of a group: "infant", or e.g. "video" if the infant is unknown."""
        return next(block.kind for block in self.blocks.values() if block.name == group)

    def group_named(self, name: str) -> str:
        """Resolve a name given by the user: that of a group, or of one of its videos, which is logged.

        Any other name is returned unchanged.
        """
        if name not in self.groups.values():
            for block in self.blocks.values():
                if block.video == name:
                    videos = {own.video for own in self.blocks.values() if own.name == block.name}
                    logger.info(
                        f"note: {name} belongs to the {block.kind} {block.name}; its {len(videos)} videos stay together"
                    )
                    return block.name
        return name

    def take(self, names: Iterable[str]) -> LabelledImages:
        """Select frames by name, in this order."""
        rows = {name: row for row, name in enumerate(self.blocks)}
        return self.labelled.take([rows[name] for name in names])

    def with_face(self, names: Iterable[str]) -> int:
        """Number of these frames with a box."""
        return sum(len(labels) > 0 for labels in self.take(names).labels)


def read_grouped_images(
    folder: Path, classes: Sequence[str] | None = None, channels: int = 3, chosen: Sequence[str] = ()
) -> GroupedImages:
    """Read a data set of frames and determine the block of each.

    Blocks are taken from the tables of `uncover.data.blocks` in the data set or around the targets of its links, else
    from its manifest; else the file name up to the last `_` is the video. Assumptions are logged. Frames without
    annotation are left out and counted.

    Args:
        folder: Folder with `images/`, `labels/` and `data.yaml`.
        classes: Names of the classes to keep; None keeps all.
        channels: Number of channels of the images.
        chosen: Names of these classes in the data set, as for `read_labelled_images`.

    Raises:
        InputError: A file name contains no group, a table is invalid, no frame is annotated, or the data set is invalid
            (see `read_labelled_images`).
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
    """Infant by video, from lists in the data set and around the target of an image's link."""
    found: dict[str, str] = {}
    for place in [*list(path.resolve().parents)[LEVELS - 1 :: -1], folder]:
        if place not in lists:
            lists[place] = read_infants(place)
        found |= lists[place]
    return found


def _tell_what_is_assumed(folder: Path, blocks: Mapping[str, Block]) -> None:
    """Log which videos are assumed to show one infant: only users know it for certain."""
    videos: dict[str, set[str]] = {}
    for block in blocks.values():
        if block.by_name:
            videos.setdefault(block.name, set()).add(block.video)
    for infant, own in videos.items():
        if len(own) > 1:
            logger.info(
                f"note: {folder}: by their names, {', '.join(sorted(own))} are all of {infant}; they stay together"
            )
    alone = sorted({block.name for block in blocks.values() if block.kind == "video"})
    if alone:
        named = ", ".join(alone[:5]) + (f" and {len(alone) - 5} more" if len(alone) > 5 else "")
        logger.info(
            f"note: {folder}: the infant in {named} is unknown; each video counts as one infant of its own. To assign"
            f" infants, add {INFANTS} (columns video, infant) or a column infant to {FRAMES} beside the frames"
        )


def read_annotated_images(
    folder: Path,
    classes: Sequence[str] | None = None,
    channels: int = 3,
    subset: str | None = None,
    chosen: Sequence[str] = (),
) -> LabelledImages:
    """Read a data set without images that are not annotated, which differ from images without a face.

    Args and errors as for `read_labelled_images`; the number of images left out is logged. Images are also left out if
    they are, or link to, frames of `uncover frames` that were not reviewed.

    Raises:
        InputError: No image is annotated.
    """
    unannotated = _unannotated(folder)
    labelled = read_labelled_images(folder, classes, channels, subset, chosen)
    rows = [row for row, path in enumerate(labelled.paths) if path.name not in unannotated]
    left = len(labelled) - len(rows)
    if left:
        logger.info(f"{folder}: left out {left} of {len(labelled)} frames that are not annotated (no label file)")
    waiting = _unreviewed([labelled.paths[row] for row in rows])
    if waiting:
        logger.info(
            f"{folder}: left out {len(waiting)} of {len(labelled)} images that are picked frames without review;"
            " export them with 'uncover frames export', and import them with 'uncover frames import'"
        )
        rows = [row for row in rows if labelled.paths[row] not in waiting]
    if not rows:
        raise InputError(f"{folder}: none of its {len(labelled)} images is annotated or reviewed; annotate some")
    return labelled.take(rows) if left or waiting else labelled


def _unreviewed(paths: Sequence[Path]) -> set[Path]:
    """Picked frames without their own label file, or with the proposals of an earlier version."""
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
    """Whether two label files have the same boxes, regardless of their classes."""
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
    """Names of images without annotation, if a manifest distinguishes them from images without a face."""
    if not (folder / MANIFEST).is_file():
        return set()
    manifest = read_table(folder / MANIFEST, (), "labels")
    if not {"image", "labelled"} <= set(manifest.columns):
        return set()  # an unrelated table of the same name
    left_out = manifest.loc[~manifest["labelled"].astype(bool), "image"]
    if len(left_out) == len(manifest):
        raise InputError(
            f"{folder}: none of its {len(manifest)} frames is annotated; expected a label file for each frame (an empty"
            " one if the frame has no face)"
        )
    return {Path(image).name for image in left_out}


def _video_by_name(path: Path) -> str:
    video = (path.resolve() if path.is_symlink() else path).stem.rpartition("_")[0]
    if not video:
        raise InputError(
            f"{path}: its name contains no video or infant; expected NAME_NUMBER, such as"
            f" infant_01_000012, or a {FRAMES} with the columns image and video"
        )
    return video
