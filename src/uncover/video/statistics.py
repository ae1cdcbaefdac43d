"""Statistics of each source: frames, the steps that found a box in them, and the gaps between."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from uncover.video.faces import FrameFaces

LONG = 1.0
"""Minimum length of a gap in seconds."""

MOST_NAMED = 100
"""Maximum number of gaps that are listed; all are counted."""

MOST_SIZES = 4
"""Maximum number of frame sizes that are listed."""

COMPLETE, CUT_OFF, FAILED = "complete", "cut off", "failed"


@dataclass
class SourceStatistics:
    """Statistics of one video, or of all images together.

    Attributes:
        status: "complete", "cut off" (frames before the end are kept) or "failed" (nothing could be read).
        reason: Why it is not complete.
        corrupt: Frames that could not be decoded, and were skipped.
        mended: Errors in the times of its frames, and how they were corrected.
        lost: Outputs that could not be written.
        notes: Further observations.
        frames: Processed frames.
        found: Frames by the step that found a box; a frame with several counts for the first.
        gaps: Number of stretches of at least `LONG` seconds without a face.
        longest_gap: Longest gap in seconds.
        named_gaps: The first gaps, from and to, in seconds.
        seconds: Time of the last frame.
        empty_seconds: Number of seconds, from 0 to the last, without a new frame; the table of seconds has no rows for
            them.
    """

    status: str = COMPLETE
    reason: str = ""
    corrupt: int = 0
    mended: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    frames: int = 0
    found: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    longest_gap: float = 0.0
    named_gaps: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0
    empty_seconds: int = 0
    _since: float | None = None
    _sizes: dict[tuple[int, int], float] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether nothing of it was lost or corrected."""
        return self.status == COMPLETE and not (self.corrupt or self.mended or self.lost)

    def add(self, faces: FrameFaces) -> None:
        """Add a frame; those of a video in order of time."""
        second = faces.frame.second
        self.frames += 1
        if faces.found_by:
            self.found[faces.found_by[0]] += 1
        if second != second:
            return
        self._sizes.setdefault((faces.frame.width, faces.frame.height), second)
        if faces.found_by:
            self._end_gap(second)
        elif self._since is None:
            self._since = second
        before = math.floor(self.seconds) if self.frames > 1 else -1
        self.empty_seconds += max(0, math.floor(second) - before - 1)
        self.seconds = second

    def close(self) -> None:
        """Add a gap that lasts until the end, and a note if frames have several sizes."""
        self._end_gap(self.seconds)
        if len(self._sizes) > 1:
            sizes = [f"{width} x {height} from second {since:.2f}" for (width, height), since in self._sizes.items()]
            self.notes.append(f"its frames have {len(sizes)} sizes: {', '.join(sizes[:MOST_SIZES])} px")

    def told(self) -> dict[str, Any]:
        """Values for the summary."""
        found = sum(self.found.values())
        told = {
            "status": self.status,
            "reason": self.reason,
            "frames": self.frames,
            "corrupt": self.corrupt,
            "mended": self.mended,
            "lost": self.lost,
            "notes": self.notes,
            "with_a_box": found,
            "found_by": dict(sorted(self.found.items())),
            "without": self.frames - found,
            "seconds": round(self.seconds, 3),
            "seconds_without_a_frame": self.empty_seconds,
            "gaps": self.gaps,
            "longest_gap": round(self.longest_gap, 3),
            "first_gaps": self.named_gaps,
        }
        return told

    def line(self, name: str) -> str:
        """Line for the log."""
        if self.status == FAILED:
            return f"{name}: {self.reason}"
        found = sum(self.found.values())
        steps = ", ".join(f"{count} {step}" for step, count in sorted(self.found.items(), key=lambda item: -item[1]))
        share = f" ({found / self.frames:.0%})" if self.frames else ""
        text = f"{name}: a box in {found} of {self.frames} frames{share}" + (f": {steps}" if steps else "")
        if self.gaps:
            text += f"; {self.gaps} gaps of {LONG:g} s or more without one, the longest {self.longest_gap:.1f} s"
        if self.corrupt:
            text += f"; {self.corrupt} frames skipped because they could not be decoded"
        text += "".join(f"; {note}" for note in (*self.mended, *self.lost, *self.notes))
        return text + (f"; {self.status}: {self.reason}" if self.status != COMPLETE else "")

    def _end_gap(self, second: float) -> None:
        if self._since is None:
            return
        length, since, self._since = second - self._since, self._since, None
        self.longest_gap = max(self.longest_gap, length)
        if length >= LONG:
            self.gaps += 1
            if len(self.named_gaps) < MOST_NAMED:
                self.named_gaps.append([round(since, 3), round(second, 3)])
