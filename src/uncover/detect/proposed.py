"""Rescues without training (`uncover.rescue.strategies`), on pictures that come by instead of stored predictions."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from uncover.detect.pictures import Picture
from uncover.detect.rescues import NO_BOXES, Boxes, LiveMaps, Looked, Missed, Model, Rescue, SecondDetector
from uncover.detector.nms import non_max_suppression
from uncover.detector.weights import Header
from uncover.images.privacy import SUSPECT, Cover
from uncover.metrics.detections import Detections
from uncover.metrics.predictions import CORNERS, Predictions
from uncover.rescue.evidence import Anatomy, Evidence
from uncover.rescue.strategies import STRATEGIES

LOWEST = 0.001
"""Confidence from which boxes are evidence, as in stored predictions: weak ones vote too."""


class Proposer(Rescue):
    """A rival of the heatmap detectors.

    It is shown just what it is shown in the trial: all boxes of the detector, and of others where it asks for them.
    """

    def __init__(
        self,
        name: str,
        confidence: float,
        detector: Model,
        anatomy: Anatomy,
        rgb1: SecondDetector | None = None,
        looks: Mapping[str, SecondDetector] | None = None,
        maps: LiveMaps | None = None,
    ) -> None:
        """
        Args:
            name: Of the rival.
            confidence: From which its boxes count.
            detector: The first detector.
            anatomy: Of the training set.
            rgb1: The detector of the whole face alone; None where the rival does not ask for it.
            looks: Detectors at several sizes of their input, likewise.
            maps: Heatmaps, likewise.
        """
        super().__init__(name, confidence)
        self._detector, self._anatomy, self._rgb1, self._looks, self._maps = detector, anatomy, rgb1, looks or {}, maps
        if maps is not None:
            self.layers, self.found_by = maps.layers, "heatmap"

    def look(self, missed: Missed, lowest: float) -> Looked:
        """As `Rescue.look`."""
        decoded = missed.passed.decoded
        found = non_max_suppression(decoded, LOWEST, self._detector.nms_iou)
        nothing = Looked([NO_BOXES] * len(missed.pictures), [None] * len(missed.pictures))
        of_rgb1 = nothing if self._rgb1 is None else self._rgb1.look(missed, LOWEST)
        looks = {name: look.look(missed, LOWEST) for name, look in self._looks.items()}
        evidence = Evidence(
            _predictions(missed.pictures, found, self._detector.header),
            self._whole_faces(of_rgb1, self._rgb1, missed),
            self._anatomy,
            {name: self._whole_faces(own, self._looks[name], missed) for name, own in looks.items()},
            self._detector.nms_iou,
            None if self._maps is None else {str(row): maps for row, maps in enumerate(self._maps.make(missed))},
        )
        proposed = STRATEGIES[self.name].propose(evidence)
        boxes = _by_picture(proposed, len(missed.pictures), lowest)
        return Looked(boxes, self._covers(missed, proposed, [of_rgb1, *looks.values()]))

    def _whole_faces(self, looked: Looked, second: SecondDetector | None, missed: Missed) -> Predictions:
        header = self._detector.header if second is None else second.model.header
        rows = [np.column_stack([each, np.zeros(len(each), np.float32)]) for each in looked.boxes]
        return _table(missed.pictures, rows, header.class_names[:1], header.class_ids[:1])

    def _covers(self, missed: Missed, proposed: Detections, looks: Sequence[Looked]) -> list[Cover | None]:
        """Where faces may be: what is proposed, and what those say that it comes from."""
        if not missed.covered:
            return [None] * len(missed.pictures)
        covers: list[Cover | None] = []
        for number, boxes in enumerate(_by_picture(proposed, len(missed.pictures), SUSPECT)):
            place = missed.pictures[number].place
            own = Cover.of(boxes[:, :4], place.width, place.height)
            covers.append(functools.reduce(Cover.__or__, [own, *(c for look in looks if (c := look.covers[number]))]))
        return covers


def _predictions(pictures: Sequence[Picture], found: Sequence[Tensor], header: Header) -> Predictions:
    rows = []
    for picture, boxes in zip(pictures, found, strict=True):
        pixels = boxes.float().cpu().numpy()
        pixels[:, :4] = picture.place.to_original(pixels[:, :4])
        rows.append(pixels)
    return _table(pictures, rows, header.class_names, header.class_ids)


def _table(
    pictures: Sequence[Picture],
    rows: Sequence[NDArray[np.float32]],
    class_names: Sequence[str],
    class_ids: Sequence[int],
) -> Predictions:
    """Rows (n, 6) of each picture as stored predictions have them; pictures are named by their place in the batch."""
    names = np.array([str(number) for number in range(len(pictures))], object)
    boxes = np.concatenate(rows)
    number = boxes[:, 5].astype(np.int64)
    table = pd.DataFrame(
        {
            "image": np.repeat(names, [len(each) for each in rows]),
            "class": np.asarray(class_names, object)[number],
            "class_id": np.asarray(class_ids, np.int64)[number],
            "confidence": boxes[:, 4],
            **{corner: boxes[:, place] for place, corner in enumerate(CORNERS)},
        }
    )
    sizes = [(picture.place.width, picture.place.height) for picture in pictures]
    images = pd.DataFrame(sizes, columns=["width", "height"]).assign(image=names)
    return Predictions(table, images, {})


def _by_picture(proposed: Detections, pictures: int, lowest: float) -> list[Boxes]:
    image = proposed.image_rows
    boxes = np.column_stack([proposed.boxes, proposed.confidence])
    sure = boxes[:, 4] >= np.float32(lowest)
    found = []
    for number in range(pictures):
        own = boxes[(image == number) & sure]
        found.append(own[np.argsort(-own[:, 4], kind="stable")])
    return found
