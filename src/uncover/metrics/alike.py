"""What stored predictions state of how they were made, and what those that are compared must have in common.

A threshold that was taken from boxes of one kind says nothing of boxes of another: where non-maximum suppression leaves
fewer boxes, or arithmetic moves confidences, the same threshold makes another number of false boxes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uncover.errors import InputError

MOST_BOXES = 300
"""Boxes of one class in one image, at most: in stored predictions, and in whatever is found live."""

NMS_IOU, CAP, PRECISION, IMAGE_SIZE = "nms_iou", "max_boxes_per_class", "precision", "image_size"

OF_ALL = (NMS_IOU, CAP, PRECISION)
"""Settings that the predictions of all methods share that are compared."""

OF_METHOD = (*OF_ALL, IMAGE_SIZE)
"""Settings that the predictions of one method share, on whatever sets. Methods may see photos at other sizes."""

AGAIN = "make both again in one way, with 'uncover predict', or the whole run with snakemake"


@dataclass
class Alike:
    """Predictions that are read together, and refused where they were not made alike."""

    _first: tuple[Path, Mapping[str, Any]] | None = field(default=None, init=False)
    _of_method: dict[str, tuple[Path, Mapping[str, Any]]] = field(default_factory=dict, init=False)

    def add(self, path: Path, settings: Mapping[str, Any], method: str) -> None:
        """Add a file.

        Args:
            path: Of the predictions, or of a record of them.
            settings: That it states.
            method: That made it.

        Raises:
            InputError: It was made otherwise than those before, or it or one of them does not state how; the message
                names both files and their values.
        """
        self._first = self._first or (path, settings)
        _check(path, settings, *self._of_method.setdefault(method, (path, settings)), OF_METHOD)
        _check(path, settings, *self._first, OF_ALL)


def _check(
    path: Path, settings: Mapping[str, Any], other: Path, others: Mapping[str, Any], names: Sequence[str]
) -> None:
    if path == other:
        return
    for where, stated in ((other, others), (path, settings)):
        missing = [name for name in names if name not in stated]
        if missing:
            raise InputError(
                f"{where}: does not state {', '.join(missing)}, as files of earlier versions do not, so it cannot be"
                f" compared with {path if where == other else other}; {AGAIN}"
            )
    for name in names:
        if settings[name] != others[name]:
            raise InputError(f"{path}: {name} is {settings[name]}, but {others[name]} in {other}; {AGAIN}")
