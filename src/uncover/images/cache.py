"""Decoded and scaled images, kept where there is room for them."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.config.detectors import MAP_INPUTS, Input
from uncover.images.letterbox import Letterbox
from uncover.images.maps import StoredMaps
from uncover.images.reading import Source, bytes_of_maps, read_source, scale
from uncover.process import free_memory
from uncover.threads import cores

Place = Literal["ram", "disk", "none"]
SHARE = 0.5
"""Of the free memory, or of the free disk, that images may take: the rest is for the network, and for neighbours."""


def choose_place(
    requested: Literal["auto", "ram", "disk", "none"],
    needed: int,
    folder: Path | None,
    processes: int,
    report: Callable[[str], None],
) -> Place:
    """Find room for images: memory, else disk, else none.

    Args:
        requested: Where to begin to look; "auto" begins with memory.
        needed: Bytes of all images.
        folder: Where on disk; None does without.
        processes: Processes that each keep images of their own in the same memory.
        report: Told when that place cannot be had.
    """
    room = free_memory() * SHARE / processes
    if requested in ("auto", "ram"):
        if needed <= room:
            return "ram"
        otherwise = "decoded anew in each epoch" if folder is None else "kept on disk, if there is room"
        report(f"images need {needed / 1e9:.1f} GB of memory, {room / 1e9:.1f} GB may be used: they are {otherwise}")
    if requested != "none" and folder is not None:
        existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
        room = shutil.disk_usage(existing).free * SHARE
        if needed <= room:
            return "disk"
        report(f"{folder}: images need {needed / 1e9:.1f} GB, {room / 1e9:.1f} GB may be used: decoded in each epoch")
    return "none"


def readers(largest: int) -> int:
    """How many threads decode images at once: one per core of this process, fewer where memory is short.

    Args:
        largest: Bytes of the largest decoded image.
    """
    # Decoding holds an image twice for a moment.
    room = int(free_memory() / 4 / max(1, 2 * largest))
    return max(1, min(cores(), room))


class ImageCache:
    """Images of a list, scaled by their frames, never padded. Threads may share it.

    Photos are kept scaled. Heatmaps are kept as small as they are stored, and enlarged each time.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        frames: Sequence[Letterbox],
        channels: int,
        requested: Literal["auto", "ram", "disk", "none"],
        folder: Path | None,
        report: Callable[[str], None],
        kind: Input = "photo",
        processes: int = 1,
    ) -> None:
        """
        Args:
            paths: Image files.
            frames: The frame of each, whose inner size it gets.
            channels: Channels of each.
            requested: Where images are kept, as `choose_place` has it.
            folder: For those on disk: gets a `.npy` per image. Heatmaps are small there anyway.
            report: Told when that place cannot be had.
            kind: What the network looks at.
            processes: As for `choose_place`.

        Raises:
            InputError: The first file of heatmaps is unusable.
        """
        self._paths, self._frames, self._channels, self._kind = paths, frames, channels, kind
        self._folder = None if kind in MAP_INPUTS else folder
        self._report = report
        if kind in MAP_INPUTS:
            needed = bytes_of_maps(paths, frames, channels, kind)
        else:
            needed = sum(frame.inner_width * frame.inner_height for frame in frames) * channels
        self._place: Place = choose_place(requested, needed, self._folder, processes, report)
        self._kept: list[Source | None] = [None] * len(paths)
        self._writing = threading.Lock()

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """One image, uint8 (inner height, inner width, C); not to be written to."""
        kept = self._kept[index]
        if kept is None:
            kept = self._read(index)
            if self._place == "ram":
                self._kept[index] = kept
        return scale(kept, self._frames[index], smooth=False)

    def _read(self, index: int) -> Source:
        """What is worth keeping of an image."""
        file = self._file(index) if self._place == "disk" and self._folder is not None else None
        image = _load(file) if file is not None else None
        if image is not None:
            return image
        source = read_source(self._paths[index], self._channels, self._frames[index], self._kind)
        if isinstance(source, StoredMaps):
            return source
        image = scale(source, self._frames[index], smooth=False)
        image.flags.writeable = False
        if file is not None:
            self._save(file, image)
        return image

    def _file(self, index: int) -> Path:
        """Named by all that its content depends on, so that a changed photo is never taken for its old self."""
        assert self._folder is not None
        path, frame = self._paths[index], self._frames[index]
        state = path.stat()
        key = (str(path.resolve()), state.st_size, state.st_mtime_ns, frame.inner_width, frame.inner_height)
        name = hashlib.sha256(repr((*key, self._channels, self._kind)).encode()).hexdigest()[:24]
        return self._folder / f"{name}.npy"

    def _save(self, file: Path, image: NDArray[np.uint8]) -> None:
        try:
            # Temporary names differ by process only, and two threads may need one image in the same moment.
            with self._writing, new_file(file) as path:
                np.save(path, image)
        except OSError as error:
            self._place = "none"
            self._report(f"{file}: {error.strerror}; images are decoded anew from here on")


def _load(file: Path) -> NDArray[np.uint8] | None:
    try:
        return np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
