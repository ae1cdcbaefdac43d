"""Detected frames, stored on disk in parts, so that an interrupted run on a long video can be resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.images.privacy import GRID, Cover
from uncover.metrics.detections import Detections

FRAMES = 256
"""Frames per part: at most this many are lost by an interruption."""

END = "end.json"

DETECTOR, RESCUE = 0, 1
"""Network that found a box (`Detections.found_by` of a detected frame)."""


@dataclass(frozen=True)
class DetectedFrame:
    """A frame with all detected boxes, including those below the threshold.

    Attributes:
        index: Number in the video, or in the list of images.
        second: Time in the video; NaN for an image.
        width: Width of the frame, in pixels.
        height: Height of the frame, in pixels.
        detections: Whole faces, in pixels of the frame; found by `DETECTOR` or `RESCUE` (int8).
        cover: Further areas that may be faces, from the output of all networks; None if not requested.
        corrupt: Frames before it that could not be decoded.
        joint: Whether the time since the frame before it is unknown.
    """

    index: int
    second: float
    width: int
    height: int
    detections: Detections
    cover: Cover | None = None
    corrupt: int = 0
    joint: bool = False

    @property
    def found_by(self) -> NDArray[np.integer]:
        """int8 (N,), `DETECTOR` or `RESCUE`."""
        found_by = self.detections.found_by
        assert found_by is not None, "the detector and the rescue mark their boxes"
        return found_by


@dataclass(frozen=True)
class End:
    """How reading a source ended.

    Attributes:
        corrupt: Frames that could not be decoded.
        reason: Why the source ended too early; empty if it did not.
        mended: Errors in its times, and how they were corrected.
        notes: Further observations.
    """

    corrupt: int
    reason: str
    mended: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Parts:
    """Frames of one source, in the order of detection.

    Attributes:
        folder: Folder of the parts; created with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: list[DetectedFrame] = []
        self._written = len(self._files())

    def add(self, frame: DetectedFrame) -> None:
        """Add a frame; a part is written when it is full."""
        self._waiting.append(frame)
        if len(self._waiting) == FRAMES:
            self.flush()

    def flush(self) -> None:
        """Write waiting frames."""
        if self._waiting:
            with new_file(self.folder / f"{self._written:06d}.npz") as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, **_pack(self._waiting))  # type: ignore[arg-type]
            self._written += 1
            self._waiting = []

    def finish(self, end: End) -> None:
        """Write the rest, and how reading ended."""
        self.flush()
        with new_file(self.folder / END) as temporary:
            temporary.write_text(json.dumps(asdict(end)), encoding="utf-8")

    def clear(self) -> None:
        """Remove all frames."""
        for path in [*self._files(), *self.folder.glob(END)]:
            path.unlink()
        self._written = 0

    @property
    def end(self) -> End | None:
        """Argument of `finish`; None if the end has not been reached."""
        end = self.folder / END
        if not end.exists():
            return None
        return End(**json.loads(end.read_text(encoding="utf-8")))

    def last(self) -> DetectedFrame | None:
        """The last frame on disk, after which to resume."""
        files = self._files()
        return list(_unpack(files[-1]))[-1] if files else None

    def __iter__(self) -> Iterator[DetectedFrame]:
        """All frames on disk; one part is in memory at a time."""
        for path in self._files():
            yield from _unpack(path)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.npz"))


def _pack(frames: list[DetectedFrame]) -> dict[str, NDArray[np.generic]]:
    return {
        "index": np.array([each.index for each in frames], np.int64),
        "second": np.array([each.second for each in frames], np.float64),
        "size": np.array([(each.width, each.height) for each in frames], np.int64),
        "corrupt": np.array([each.corrupt for each in frames], np.int64),
        "joint": np.array([each.joint for each in frames], bool),
        "count": np.array([len(each.detections.boxes) for each in frames], np.int64),
        "boxes": np.concatenate([each.detections.boxes for each in frames]),
        "confidence": np.concatenate([each.detections.confidence for each in frames]),
        "found_by": np.concatenate([each.found_by for each in frames]),
    } | _pack_covers([each.cover for each in frames])


def _pack_covers(covers: list[Cover | None]) -> dict[str, NDArray[np.generic]]:
    """Half a kilobyte per frame; nothing if no frame has a cover."""
    if not any(covers):
        return {}
    cells = np.stack([np.zeros((GRID, GRID), np.bool_) if cover is None else cover.cells for cover in covers])
    sides = [np.nan if cover is None else cover.side for cover in covers]
    return {"covered": np.packbits(cells, axis=2), "side": np.array(sides, np.float64)}


def _unpack(path: Path) -> Iterator[DetectedFrame]:
    with np.load(path) as stored:
        part = {name: stored[name] for name in stored.files}
    ends = part["count"].cumsum()
    for number, end in enumerate(ends):
        own = slice(int(end - part["count"][number]), int(end))
        width, height = part["size"][number]
        cover = None
        if "side" in part and not np.isnan(part["side"][number]):
            cover = Cover(np.unpackbits(part["covered"][number], axis=1).astype(np.bool_), float(part["side"][number]))
        detections = Detections(part["boxes"][own], part["confidence"][own], found_by=part["found_by"][own])
        index, second, corrupt, joint = (part[name][number].item() for name in ("index", "second", "corrupt", "joint"))
        yield DetectedFrame(index, second, int(width), int(height), detections, cover, corrupt, joint)
