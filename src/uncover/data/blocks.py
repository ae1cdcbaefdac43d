"""Blocks: which photos belong together, i.e. show the same infant or person or come from the same video.

Frames of one infant are similar and thus not independent: confidence intervals resample whole blocks, and "leave one
infant out" leaves out all videos of an infant. Blocks are defined by users, in one of these files beside the photos or
in one of up to four folders above them:

- `blocks.csv` with a column `image` and one or more of `block`, `infant`, `person` and `video`;
- `frames.csv` of `uncover frames`, with the columns `image` and `video`, and `infant` if filled in;
- `infants.csv` beside either, with the columns `video` and `infant`, for videos without an infant in any row.

Of the columns of a row the first that is filled counts, in the order above. A video without an entry belongs to the
infant in its name, e.g. infant_01_a to infant_01; any other video is a block of its own.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.image_files import VIDEOS
from uncover.tables import TEXT, Column, read_rows, read_table

logger = logging.getLogger(__name__)

BLOCKS, INFANTS, FRAMES, MANIFEST = "blocks.csv", "infants.csv", "frames.csv", "manifest.parquet"
KINDS = ("block", "infant", "person", "video")
"""Kinds of blocks: columns of the tables, the most specific first."""

# Equal to the constant in `uncover.data.yolo`, which tables of the report must not import.
IMAGES, LABELS = "images", "labels"

MANIFEST_COLUMNS = ("block", "block_kind")
LEVELS = 4
"""How many folders above a photo are searched for its table."""

INFANT_NAME = re.compile(
    r"((?:infant|baby|child|patient|subject|person|participant)[ _-]?\d{1,3})(?:[a-z]?(?:[ _.-].*)?)", re.IGNORECASE
)


@dataclass(frozen=True)
class Block:
    """Block that a photo belongs to.

    Attributes:
        name: Name of the infant, the video, ...
        kind: One of `KINDS`.
        video: Video that the photo is from, "" if none.
        by_name: Whether the infant was only inferred from the name of the video.
    """

    name: str
    kind: str
    video: str = ""
    by_name: bool = False


@dataclass(frozen=True)
class BlockCount:
    """Number of blocks among some photos.

    Attributes:
        kind: Kind of the blocks: "infant", or "infant or video" if both occur.
        blocks: Number of blocks; each photo of no known block counts as one.
        alone: Number of photos of no known block.
    """

    kind: str
    blocks: int
    alone: int = 0

    def as_json(self) -> dict[str, Any]:
        """Values by name."""
        return {"kind": self.kind, "blocks": self.blocks, "alone": self.alone}


@dataclass(frozen=True)
class Blocks:
    """Blocks of the photos of a set.

    Attributes:
        of_image: Block by name of the photo below `images/`; photos of no known block are absent.
    """

    of_image: Mapping[str, Block]

    def numbers(self, images: Iterable[str]) -> NDArray[np.int64]:
        """Number of each photo's block, int64 (images,), from 0 by first appearance, so that equal sets get equal
        resamples.
        """
        found: dict[tuple[str, str], int] = {}
        return np.array([found.setdefault(self._key(image), len(found)) for image in images], np.int64)

    def count(self, images: Iterable[str]) -> BlockCount:
        """Count the blocks among some photos. If none has a known block, the kind is that of the other photos."""
        names = list(images)
        known = [self.of_image[name] for name in names if name in self.of_image]
        kinds = {block.kind for block in known or self.of_image.values()}
        blocks = len({self._key(name) for name in names})
        return BlockCount(" or ".join(kind for kind in KINDS if kind in kinds), blocks, len(names) - len(known))

    def _key(self, image: str) -> tuple[str, str]:
        block = self.of_image.get(image)
        return ("", image) if block is None else (block.kind, block.name)


@dataclass(frozen=True)
class BlockNames:
    """Blocks that are encoded in the names of photos.

    Attributes:
        kind: One of `KINDS`.
        name: Regular expression for the start of a photo's file name.
        every: The name is followed by a number, and each range of so many numbers, from 0, is one block. 0: no number.
    """

    kind: str
    name: str
    every: int = 0

    def of(self, photo: str) -> Block | None:
        """Block of a photo, from its file name without suffix; None if the name does not match."""
        match = re.match(f"({self.name})" + (r"(?P<uncover_number>\d+)" if self.every else ""), photo)
        if match is None:
            return None
        if not self.every:
            return Block(match[1], self.kind)
        first = int(match["uncover_number"]) // self.every * self.every
        return Block(f"{match[1]}{first}-{first + self.every - 1}", self.kind)


def read_block_names(words: Sequence[Sequence[str]]) -> dict[str, BlockNames]:
    """Parse values of --blocks: SOURCE KIND NAME EVERY; EVERY is 0 if the name is not followed by a number.

    Raises:
        InputError: A kind is unknown, a name is not a regular expression, or EVERY is not a number.
    """
    found = {}
    for source, kind, name, every in words:
        try:
            re.compile(name)
        except re.error as error:
            raise InputError(f"--blocks {source}: {name!r} is not a regular expression: {error}") from None
        if kind not in KINDS or not every.isdecimal():
            raise InputError(
                f"--blocks {source} {kind} {name} {every}: expected one of {', '.join(KINDS)}, and a number"
            )
        found[source] = BlockNames(kind, name, int(every))
    return found


def infant_of(video: str) -> str | None:
    """Infant in the name of a video, e.g. infant_01 for infant_01_b; None if the name contains none."""
    match = INFANT_NAME.fullmatch(video)
    return match[1] if match else None


def block_of_video(video: str, infants: Mapping[str, str]) -> Block:
    """Block of the frames of a video.

    Args:
        video: File name of the video, without suffix.
        infants: Known infants by video.
    """
    if video in infants:
        return Block(infants[video], "infant", video)
    infant = infant_of(video)
    return Block(video, "video", video) if infant is None else Block(infant, "infant", video, by_name=True)


def read_infants(folder: Path) -> dict[str, str]:
    """Infant by video from `infants.csv` in a folder; empty without such a file.

    Raises:
        InputError: The file lacks the column `video` or `infant`, or names two infants for one video.
    """
    path = folder / INFANTS
    if not path.is_file():
        return {}
    table = read_rows(path, {"video": TEXT, "infant": TEXT}, "a table of videos and their infants")
    infants: dict[str, str] = {}
    for row, name, infant in zip(table.index, table["video"], table["infant"], strict=True):
        own = PurePosixPath(name.replace("\\", "/"))
        video = own.stem if own.suffix.lower() in VIDEOS else own.name
        if not video:
            raise InputError(f"{path}, row {row}: video {name!r}; expected the name of a video")
        if infants.setdefault(video, infant) != infant:
            raise InputError(f"{path}, row {row}: {video} has infants '{infants[video]}' and '{infant}'; expected one")
    return infants


class BlockTable:
    """A table of photos and their blocks: `blocks.csv`, or `frames.csv` of `uncover frames`."""

    def __init__(self, path: Path) -> None:
        """Read the table.

        Raises:
            InputError: The file is not such a table, a photo has two different blocks, a frame has no video, or a row
                lacks the infant of a video of which other rows name several.
        """
        self.path = path
        cells = dict.fromkeys(("image", *KINDS), Column(empty=True, optional=True))
        table = read_rows(path, cells, "a table of photos and their blocks")
        of_frames = path.name == FRAMES
        if of_frames and not {"image", "video"} <= set(table.columns):
            raise InputError(f"{path}: expected the columns image and video, as 'uncover frames' writes them")
        if not (columns := [kind for kind in KINDS if kind in table]) or "image" not in table:
            raise InputError(
                f"{path}: columns {', '.join(table.columns)}; expected image and one of {', '.join(KINDS)}"
            )
        infants = {name: {infant} for name, infant in read_infants(path.parent).items()} | _infants_of_rows(table)
        self.of_path: dict[str, Block] = {}
        self._of_stem: dict[str, Block | None] = {}
        for row, said in zip(table.index, table.to_dict("records"), strict=True):
            where = f"{path}, row {row}: {PurePosixPath(said['image']).stem}"
            kind = next((kind for kind in columns if said[kind]), None)
            if kind is None and of_frames:
                raise InputError(f"{where}: no video; expected one video for each frame")
            if kind is not None:
                self._add(said["image"], _block(kind, {kind: said[kind] for kind in columns}, infants, where), where)

    def find(self, names: Iterable[str], by_stem: bool = True) -> Block | None:
        """Block of a photo; None if it is not in the table.

        Args:
            names: Paths under which the photo may be listed, the most likely first.
            by_stem: Also compare the bare file name if it is unique in the table: users move photos between folders.
        """
        names = list(names)
        found = next((self.of_path[name] for name in names if name in self.of_path), None)
        return self._of_stem.get(PurePosixPath(names[0]).stem) if found is None and by_stem else found

    def _add(self, image: str, block: Block, where: str) -> None:
        path = image.replace("\\", "/").removeprefix("./")
        other = self.of_path.setdefault(path, block)
        if (other.kind, other.name) != (block.kind, block.name):
            raise InputError(f"{where}: '{other.name}' and '{block.name}'; expected one {block.kind} for each frame")
        stem = PurePosixPath(path).stem
        same = self._of_stem.setdefault(stem, block)
        if same is not None and (same.kind, same.name) != (block.kind, block.name):
            self._of_stem[stem] = None


class BlockFinder:
    """Finds the blocks of photos in tables beside or above them; reads each table once."""

    def __init__(self, strict: bool = True) -> None:
        """Create a finder without tables.

        Args:
            strict: Whether an invalid `frames.csv` is an error. If not, it is logged and ignored, as it may be
                unrelated.
        """
        self._strict = strict
        self._tables: dict[Path, list[BlockTable]] = {}
        self._used: set[Path] = set()

    def find(self, photo: Path) -> Block | None:
        """Block of a photo, from the tables around it or around the target of its link.

        Raises:
            InputError: A table is invalid.
        """
        for path in dict.fromkeys([photo.absolute(), photo.resolve()]):
            for place in list(path.parents)[:LEVELS]:
                for table in self._read(place):
                    if (block := table.find([path.relative_to(place).as_posix()])) is not None:
                        self._used.add(table.path)
                        return block
        return None

    @property
    def unused(self) -> list[Path]:
        """Tables that were read and contain none of the photos."""
        return sorted(
            table.path for tables in self._tables.values() for table in tables if table.path not in self._used
        )

    def _read(self, folder: Path) -> list[BlockTable]:
        if folder not in self._tables:
            self._tables[folder] = _tables_of(folder, self._strict)
        return self._tables[folder]


def blocks_of_photos(
    photos: Sequence[str], names: Sequence[BlockNames | None] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Columns of a manifest with the blocks of photos.

    Args:
        photos: Paths of the files.
        names: Blocks encoded in the name of each; used for photos in no table.

    Returns:
        A row per photo with block and block_kind, both "" if unknown; and notes for the log.

    Raises:
        InputError: A `blocks.csv` near them is invalid.
    """
    finder = BlockFinder(strict=False)
    found = [finder.find(Path(photo)) for photo in photos]
    if names is not None:
        found = [
            block or (rule.of(Path(photo).stem) if rule else None)
            for block, photo, rule in zip(found, photos, names, strict=True)
        ]
    rows = [("", "") if block is None else (block.name, block.kind) for block in found]
    notes = [f"{path}: contains none of these photos" for path in finder.unused if path.name == BLOCKS]
    if 0 < (alone := found.count(None)) < len(found):
        notes.append(f"{alone} of {len(found)} photos have no known infant, person or video; each counts as a block")
    return pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS)), notes


def read_blocks(folder: Path, images: Iterable[str], given: Path | None = None) -> Blocks | None:
    """Blocks of the photos of a set, from whichever table defines them.

    Args:
        folder: Data set, or its folder of label files.
        images: Names of the photos below `images/`.
        given: Table to use. None searches `blocks.csv`, `manifest.parquet` and `frames.csv` in the data set, and the
            tables in the folder above, in which `image` is the path from there.

    Returns:
        None if no photo has a known block.

    Raises:
        InputError: A `blocks.csv` is invalid, or the given table is invalid or contains none of the photos.
    """
    names = list(images)
    if given is not None:
        found = _look_up([BlockTable(given)], names, "", True)
        if names and not found:
            raise InputError(f"{given}: contains none of the {len(names)} photos, such as {names[0]}")
        return Blocks(found)
    root = folder.absolute()
    while LABELS in root.parts[-2:]:
        root = root.parent
    tables = _tables_of(root, strict=False)
    # Tables that users edit take precedence over the manifest of the data set.
    found = _look_up(_tables_of(root.parent, strict=False), names, f"{root.name}/", False)
    found |= _look_up(tables, names, "", True)
    found |= _of_manifest(root / MANIFEST, names)
    found |= _look_up([table for table in tables if table.path.name == BLOCKS], names, "", True)
    return Blocks(found) if found else None


def _look_up(tables: Sequence[BlockTable], names: Sequence[str], prefix: str, by_stem: bool) -> dict[str, Block]:
    found: dict[str, Block] = {}
    for table in tables:
        for name in names:
            block = table.find([f"{prefix}{IMAGES}/{name}", f"{prefix}{name}"], by_stem)
            if block is not None:
                found.setdefault(name, block)
    return found


def _of_manifest(path: Path, names: Sequence[str]) -> dict[str, Block]:
    if not path.is_file():
        return {}
    table = read_table(path, ("image",), "labels")
    if not set(MANIFEST_COLUMNS) <= set(table.columns):
        return {}
    wanted = set(names)
    own = zip(table["image"].str.removeprefix(f"{IMAGES}/"), *(table[name] for name in MANIFEST_COLUMNS), strict=True)
    return {name: Block(block, kind) for name, block, kind in own if block and name in wanted}


def _tables_of(folder: Path, strict: bool) -> list[BlockTable]:
    tables = []
    for path in (folder / name for name in (BLOCKS, FRAMES) if (folder / name).is_file()):
        try:
            tables.append(BlockTable(path))
        except InputError as error:
            if strict or path.name == BLOCKS:
                raise
            logger.info(f"note: {error}; this table is ignored")
    return tables


def _infants_of_rows(table: pd.DataFrame) -> dict[str, set[str]]:
    """Infants by video, from rows with both: one filled row per video is enough."""
    infants: dict[str, set[str]] = {}
    if {"infant", "video"} <= set(table.columns):
        for video, infant in zip(table["video"], table["infant"], strict=True):
            if video and infant:
                infants.setdefault(video, set()).add(infant)
    return infants


def _block(kind: str, said: Mapping[str, str], infants: Mapping[str, set[str]], where: str) -> Block:
    video = said.get("video", "")
    if kind != "video":
        return Block(said[kind], kind, video)
    own = infants.get(video, set())
    if len(own) > 1:
        raise InputError(f"{where}: other rows of {video} have {', '.join(sorted(own))}; fill in the infant here, too")
    return block_of_video(video, {video: next(iter(own))} if own else {})
