"""The layouts of raw data sets with landmarks, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from uncover.faces.face import Face, Rejected
from uncover.faces.merl_rav import read_merl_rav
from uncover.faces.three_hundred_w import read_300w
from uncover.faces.wflw import read_wflw

Reader = Callable[[Path, Path | None], Iterator[Face | Rejected]]

LANDMARK_READERS: dict[str, Reader] = {"wflw": read_wflw, "merl_rav": read_merl_rav, "300w": read_300w}
"""By layout: readers of faces with landmarks."""
