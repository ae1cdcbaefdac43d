"""Faces in everything that somebody points to: look, then write what was found; stopped, it goes on where it was."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from uncover.atomic import alone_in
from uncover.console import say
from uncover.detect.account import COMPLETE, CUT_OFF, FAILED, Account
from uncover.detect.annotate import LiveDrawing
from uncover.detect.choose import Chosen
from uncover.detect.follow import Names
from uncover.detect.look import Skipped, frames_of_images, frames_of_video, look
from uncover.detect.options import ANNOTATED, IMAGES, PARTS, Options
from uncover.detect.parts import End, Parts, Seen
from uncover.detect.pictures import Picture
from uncover.detect.rescues import find_whole_face
from uncover.errors import InputError, keeping
from uncover.footage.decode import Video, open_video
from uncover.footage.sources import Sources
from uncover.progress import track

JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
"""Endings of JPEG files; the first is given to copies of other images."""


@dataclass
class Looking:
    """Going through sources with one detector.

    Attributes:
        sources: What to look at.
        chosen: Detector and rescue.
        options: How to look.
        out: Folder to write into.
        code: Digest of the program.
        since_start: Seconds since the process began.
        accounts: What became of each video, and of the images together.
        skipped: Images that could not be read.
        first_box: Seconds from the start of the process to the first face.
        looked: Pictures that this process looked at.
        seconds: That it took.
    """

    sources: Sources
    chosen: Chosen
    options: Options
    out: Path
    code: str
    since_start: Callable[[], float]
    accounts: dict[str, Account] = field(default_factory=dict)
    skipped: Skipped = field(default_factory=Skipped)
    first_box: float | None = None
    looked: int = 0
    seconds: float = 0.0

    def go_through(self, write: Callable[[Looking], None]) -> bool:
        """Look at everything, then write what was found.

        Args:
            write: Writes it; what was looked at is kept until that is done.

        Returns:
            Whether all of it could be read, and nothing had to be mended.

        Raises:
            InputError: Nothing could be read at all.
            OutOfMemory: A batch does not fit into memory. What was looked at is kept: with another batch size, the same
                command goes on there.
        """
        with alone_in(self.out / PARTS, say), keeping(lambda: self.looked > 0):
            for name, address in self.sources.videos.items():
                self._look_at_video(name, address)
            if self.sources.images:
                self._look_at_images()
            if all(account.status == FAILED for account in self.accounts.values()):
                raise InputError("; ".join(account.reason for account in self.accounts.values()))
            write(self)
            shutil.rmtree(self.out / PARTS)
        return all(account.whole for account in self.accounts.values())

    @property
    def names(self) -> Names:
        """What boxes are marked as, and which count."""
        spotter = self.chosen.spotter
        rescue = spotter.rescue
        if rescue is None:
            return Names(self.chosen.detector, spotter.confidence)
        return Names(self.chosen.detector, spotter.confidence, rescue.name, rescue.confidence, rescue.found_by)

    @functools.cached_property
    def annotated(self) -> dict[str, Path]:
        """Where annotated copies go, by the name of the source."""
        return annotated_paths(self.out, self.sources)

    def parts_of(self, name: str) -> Parts:
        """What was seen in a video, or in the images."""
        videos = self.sources.videos
        addresses = [videos[name]] if name in videos else [str(path) for path in self.sources.images.values()]
        return Parts(self.out / PARTS / self._key(addresses))

    def readable(self) -> dict[str, str]:
        """Videos of which something could be read: addresses by name."""
        videos = self.sources.videos
        return {name: address for name, address in videos.items() if self.accounts[name].status != FAILED}

    @property
    def speed(self) -> float | None:
        """Pictures a second, from the first decoded to the last looked at."""
        return self.looked / self.seconds if self.seconds and self.looked else None

    def _look_at_video(self, name: str, address: str) -> None:
        account = self.accounts.setdefault(name, Account())
        parts = self.parts_of(name)
        if parts.end is None:
            try:
                with open_video(address) as video:
                    if video.live:
                        parts.clear()
                    dropped: list[str] = []
                    frames = frames_of_video(video, parts, self.options.until, dropped)
                    # Closed before the video is, from which its thread may be reading.
                    with closing(look(self.chosen.spotter, frames, self.options.batch, video.live)) as looked:
                        self._look(looked, parts, name, video)
                    last = parts.last()
                    reason = dropped[0] if dropped else ""
                    if not reason and last is not None and self.options.until is None:
                        reason = video.shortfall(last.index + 1, last.second)
                    parts.finish(End(video.corrupt, reason, video.mended, video.notes))
            except InputError as error:
                last = parts.last()
                if last is None:
                    account.status, account.reason = FAILED, str(error)
                    return
                parts.finish(End(last.corrupt, str(error)))
        end = parts.end
        assert end is not None
        account.corrupt, account.reason, account.mended, account.notes = end.corrupt, end.reason, end.mended, end.notes
        account.status = CUT_OFF if account.reason else COMPLETE

    def _look(self, looked: Iterator[tuple[Picture, Seen]], parts: Parts, name: str, video: Video) -> None:
        """Go through a video. A live one is drawn while it is watched, and somebody may end it by hand."""
        draws = video.live and self.options.annotated
        options = self.options
        path = self.annotated[name]
        with (
            LiveDrawing(path, video, self.names, options.privacy, options.bridge if options.temporal != "off" else None)
            if draws
            else nullcontext()
        ) as drawing:
            try:
                for picture, seen in self._timed(track(looked, name, None if video.live else video.length)):
                    parts.add(seen)
                    if drawing is not None:
                        drawing.add(picture, seen)
            except KeyboardInterrupt:
                if not video.live:
                    raise
                say(f"{name}: ended by hand; writing what was found")
            finally:
                parts.flush()

    def _look_at_images(self) -> None:
        account = self.accounts.setdefault(IMAGES, Account())
        images, parts = self.sources.images, self.parts_of(IMAGES)
        frames = frames_of_images(images, parts, self.skipped)
        try:
            # Closed whatever happens: its thread must not go on reading.
            with closing(look(self.chosen.spotter, frames, self.options.batch)) as looked:
                for _, seen in self._timed(track(looked, IMAGES, len(images))):
                    parts.add(seen)
        finally:
            parts.flush()
        if parts.last() is None:
            account.status, account.reason = FAILED, next(iter(self.skipped.reasons.values()))
            return
        account.corrupt = len(self.skipped.reasons)

    def _timed(self, looked: Iterator[tuple[Picture, Seen]]) -> Iterator[tuple[Picture, Seen]]:
        """The same, while the time is taken."""
        began = time.monotonic()
        try:
            for picture, seen in looked:
                self.looked += 1
                if self.first_box is None and self.names.counts(seen).any():
                    self.first_box = self.since_start()
                yield picture, seen
        finally:
            self.seconds += time.monotonic() - began

    def _key(self, addresses: list[str]) -> str:
        """Of the parts of a source: another one when the source or anything that changes boxes is another."""
        spotter = self.chosen.spotter
        rescue = spotter.rescue
        how = {
            "files": [_identity(address) for address in addresses],
            "weights": self.chosen.digests,
            "confidence": spotter.confidence,
            "face": find_whole_face(spotter.detector.header),
            "rescue": None if rescue is None else [rescue.name, rescue.confidence],
            "image_size": spotter.detector.image_size,
            "nms_iou": spotter.detector.nms_iou,
            "precision": spotter.detector.precision,
            "until": self.options.until,
            "covered": spotter.covered,
            "code": self.code,
        }
        return hashlib.sha256(json.dumps(how, sort_keys=True).encode()).hexdigest()[:16]


def annotated_paths(out: Path, sources: Sources) -> dict[str, Path]:
    """Where the annotated copies of videos and images go, by name: MP4 and JPEG files, each source its own.

    A name that has such an ending keeps it; others get one (`x.png.jpg`), with a number where that name is taken.
    """
    paths: dict[str, Path] = {}
    taken: set[str] = set()
    endings = dict.fromkeys(sources.videos, (".mp4",)) | dict.fromkeys(sources.images, JPEG)
    # Names that stay as they are go first, so that others cannot take them.
    for name, own in sorted(endings.items(), key=lambda item: not item[0].lower().endswith(item[1])):
        place = name.replace("://", "/")
        stem = place if place.lower().endswith(own) else f"{place}{own[0]}"
        candidates = (stem, *(f"{place} ({number}){own[0]}" for number in range(2, len(endings) + 2)))
        # Some disks do not tell upper case from lower.
        path = next(each for each in candidates if each.lower() not in taken)
        taken.add(path.lower())
        paths[name] = out / ANNOTATED / path
    return paths


def _identity(address: str) -> list[object]:
    """What tells a file from a later one of the same name, without reading it."""
    path = Path(address)
    if not path.is_file():
        return [address]
    stat = path.stat()
    return [str(path.absolute()), stat.st_size, stat.st_mtime_ns]
