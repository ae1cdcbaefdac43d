"""Cache of decoded and scaled images, in memory or on disk."""

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
"""Share of the free memory or disk space that images may use; the rest is for the network and other processes."""


def choose_place(
    requested: Literal["auto", "ram", "disk", "none"],
    needed: int,
    folder: Path | None,
    processes: int,
    report: Callable[[str], None],
) -> Place:
    """Choose where to cache images: memory, else disk, else nowhere.

    Args:
        requested: First place to try; "auto" starts with memory.
        needed: Bytes of all images.
        folder: Folder on disk; None does not cache on disk.
        processes: Number of processes that each cache images in the same memory.
        report: Called with a message if a place has not enough room.
    """
    room = free_memory() * SHARE / processes
    if requested in ("auto", "ram"):
        if needed <= room:
            return "ram"
        otherwise = "decoded in each epoch" if folder is None else "cached on disk, if there is room"
        report(f"images need {needed / 1e9:.1f} GB of memory, {room / 1e9:.1f} GB may be used: they are {otherwise}")
    if requested != "none" and folder is not None:
        existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
        room = shutil.disk_usage(existing).free * SHARE
        if needed <= room:
            return "disk"
        report(f"{folder}: images need {needed / 1e9:.1f} GB, {room / 1e9:.1f} GB may be used: decoded in each epoch")
    return "none"


def readers(largest: int) -> int:
    """Number of threads that decode images: one per core of this process, fewer if memory is short.

    Args:
        largest: Bytes of the largest decoded image.
    """
    # Decoding briefly holds an image twice.
    room = int(free_memory() / 4 / max(1, 2 * largest))
    return max(1, min(cores(), room))


class ImageCache:
    """Images of a list, scaled to fit their frames, without padding. Thread-safe.

    Photos are cached after scaling. Heatmaps are cached at their stored size, and enlarged on each access.
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
            frames: Frame of each image; images are scaled to its inner size.
            channels: Number of channels of each image.
            requested: Where to cache images, as for `choose_place`.
            folder: Folder on disk, for a `.npy` file per image. Not used for heatmaps, which are small.
            report: Called with a message if a place has not enough room.
            kind: Kind of input.
            processes: As for `choose_place`.

        Raises:
            InputError: The first heatmap file is unusable.
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
        """One image, uint8 (inner height, inner width, C); must not be written to."""
        kept = self._kept[index]
        if kept is None:
            kept = self._read(index)
            if self._place == "ram":
                self._kept[index] = kept
        return scale(kept, self._frames[index], smooth=False)

    def _read(self, index: int) -> Source:
        """The form of an image that is cached."""
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
        """Path on disk; its name depends on everything that affects the content, so a changed photo is read again."""
        assert self._folder is not None
        path, frame = self._paths[index], self._frames[index]
        state = path.stat()
        key = (str(path.resolve()), state.st_size, state.st_mtime_ns, frame.inner_width, frame.inner_height)
        name = hashlib.sha256(repr((*key, self._channels, self._kind)).encode()).hexdigest()[:24]
        return self._folder / f"{name}.npy"

    def _save(self, file: Path, image: NDArray[np.uint8]) -> None:
        try:
            # Temporary names differ by process only, and two threads may write one image at the same time.
            with self._writing, new_file(file) as path:
                np.save(path, image)
        except OSError as error:
            self._place = "none"
            self._report(f"{file}: {error.strerror}; images are decoded in each epoch from now on")


def _load(file: Path) -> NDArray[np.uint8] | None:
    try:
        return np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
