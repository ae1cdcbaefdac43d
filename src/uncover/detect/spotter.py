"""Faces in a batch of pictures: the detector in all of them, the rescue where it found none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from uncover.detect.pictures import Picture, stack
from uncover.detect.rescues import Boxes, Missed, Model, Rescue, in_original
from uncover.detector.device import in_precision
from uncover.detector.inference import SMALLER, batch_in_words, to_network
from uncover.errors import needs_memory
from uncover.heatmaps.passes import run_direct, take
from uncover.images.privacy import Cover

LOWEST = 0.05
"""Confidence from which a box is worth keeping: time may speak for a face that is not sure by itself."""

DETECTOR, RESCUE = 0, 1
"""Who found a box."""


@dataclass(frozen=True)
class Spotted:
    """Boxes in one picture, also those that are not sure enough to count.

    Attributes:
        boxes: float32 (N, 4), x1 y1 x2 y2 in pixels of the original picture.
        confidence: float32 (N,).
        found_by: int8 (N,), `DETECTOR` or `RESCUE`.
        cover: Where else faces may be, by everything that any network said; None where nobody asked.
    """

    boxes: NDArray[np.float32]
    confidence: NDArray[np.float32]
    found_by: NDArray[np.int8]
    cover: Cover | None = None


@dataclass(frozen=True)
class Detected:
    """What the detector says of some pictures, and what a rescue needs to know to go on.

    Attributes:
        pictures: B of them.
        spotted: Boxes of the detector in each.
        missed: Places of those without a face.
        seen: These, for the rescue; None where there is none, or no rescue.
    """

    pictures: Sequence[Picture]
    spotted: Sequence[Spotted]
    missed: Sequence[int]
    seen: Missed | None


class Spotter:
    """A detector, and the rescue behind it.

    Attributes:
        detector: The first detector.
        confidence: From which its boxes count as faces.
        rescue: What looks where it found none; None for nothing.
        covered: Whether it is to be said where else faces may be.
    """

    def __init__(self, detector: Model, confidence: float, rescue: Rescue | None, covered: bool = False) -> None:
        self.detector, self.confidence, self.rescue, self.covered = detector, confidence, rescue, covered

    def detect(self, pictures: Sequence[Picture]) -> Detected:
        """First half: the detector, in pictures of one shape."""
        model = self.detector
        seen_as = stack(pictures)
        with (
            needs_memory(batch_in_words(seen_as.shape, model.device), SMALLER),
            in_precision(model.device, model.precision),
        ):
            images = to_network(seen_as, model.device)
            passed = run_direct(model.network, images, self.rescue.layers if self.rescue else ())
        found = model.faces(passed.decoded, min(LOWEST, self.confidence))
        covers: list[Cover | None] = [None] * len(pictures)
        if self.covered:
            covers = model.covers(passed.decoded, [each.place for each in pictures])
        spotted = [
            _spotted(in_original(boxes, each.place), cover)
            for each, boxes, cover in zip(pictures, found, covers, strict=True)
        ]
        # In single precision, in which confidences are compared everywhere.
        missed = [
            number for number, each in enumerate(spotted) if not (each.confidence >= np.float32(self.confidence)).any()
        ]
        seen = None
        if self.rescue is not None and missed:
            rows = torch.tensor(missed, device=images.device)
            seen = Missed(
                [pictures[number] for number in missed],
                images[rows],
                take(passed, rows),
                model.header.padding,
                self.covered,
            )
        return Detected(list(pictures), spotted, missed, seen)

    def look_again(self, detected: Detected) -> list[Spotted]:
        """Second half: the rescue, in pictures without a face."""
        spotted = list(detected.spotted)
        if self.rescue is not None and detected.seen is not None:
            more = self.rescue.look(detected.seen, min(LOWEST, self.rescue.confidence))
            for number, boxes, cover in zip(detected.missed, more.boxes, more.covers, strict=True):
                spotted[number] = _with_rescue(spotted[number], boxes, cover)
        return spotted

    def look(self, pictures: Sequence[Picture]) -> list[Spotted]:
        """Both halves."""
        return self.look_again(self.detect(pictures))


def _spotted(boxes: Boxes, cover: Cover | None) -> Spotted:
    return Spotted(boxes[:, :4], boxes[:, 4], np.full(len(boxes), DETECTOR, np.int8), cover)


def _with_rescue(spotted: Spotted, boxes: Boxes, cover: Cover | None) -> Spotted:
    return Spotted(
        np.concatenate([spotted.boxes, boxes[:, :4]]),
        np.concatenate([spotted.confidence, boxes[:, 4]]),
        np.concatenate([spotted.found_by, np.full(len(boxes), RESCUE, np.int8)]),
        spotted.cover | cover if spotted.cover and cover else spotted.cover,
    )
