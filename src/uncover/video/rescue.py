"""Rescue in frames where the detector found no face: another detector, heatmaps, or a rescue strategy.

All work on one batch, and use what the detector has already computed for it: candidates, activations, input.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from uncover.baselines.turned import MERGED_IOU, SideBySide, turn, turned_back
from uncover.cam.engine import Explainer
from uncover.cam.passes import Pass, run_direct
from uncover.cam.store import pack
from uncover.errors import needs_memory
from uncover.images.letterbox import STRIDE, fit, letterbox, resize
from uncover.images.maps import MAP, StoredMaps, average
from uncover.images.privacy import SUSPECT, Cover
from uncover.images.reading import AVERAGES, scale
from uncover.metrics.detections import Detections
from uncover.metrics.predictions import CORNERS, Predictions
from uncover.rescue.evidence import Anatomy, Evidence
from uncover.rescue.strategies import STRATEGIES
from uncover.video.batches import Picture, letterboxed
from uncover.video.model import Found, Model
from uncover.video.other_detector import OtherDetector
from uncover.yolov5.device import Precision, in_precision
from uncover.yolov5.inference import SMALLER, batch_in_words, to_network
from uncover.yolov5.nms import non_max_suppression
from uncover.yolov5.weights import Header

QUARTERS = 4
SHARE_OF_SIDE, LEAST_SIDE = 0.4, 256
"""Size of each turn in pixels: turns side by side are smaller than the frame, but rotated faces are mostly close ones.
At 256 pixels per turn most newborns are found (docs/detector.md)."""

EVIDENCE_FROM = 0.001
"""Minimum confidence of boxes that are evidence for a strategy, as for stored predictions: weak ones are included."""


@dataclass(frozen=True)
class Missed:
    """Frames in which the detector found no face.

    Attributes:
        pictures: M frames.
        images: float (M, 3, h, w), the detector's input; None for a baseline detector.
        passed: Output of the detector for them; None for a baseline detector.
        padding: Value around the frames in its input.
        covered: Whether to compute further areas that may be faces.
    """

    pictures: Sequence[Picture]
    images: Tensor | None
    passed: Pass | None
    padding: int
    covered: bool = False


class Rescue(ABC):
    """A method to find the faces that the detector missed.

    Attributes:
        name: Name in the rescue trial.
        found_by: Label of its boxes.
        confidence: Confidence threshold of a face.
        layers: Layers of the detector whose activations it needs.
        comparable: Whether its confidences are comparable to the detector's: of two boxes of one face the more
            confident one is kept.
    """

    found_by: Literal["heatmap", "rescue"] = "rescue"
    layers: Sequence[int] = ()
    comparable = False

    def __init__(self, name: str, confidence: float) -> None:
        self.name, self.confidence = name, confidence

    @abstractmethod
    def find(self, missed: Missed, lowest: float) -> Found:
        """Faces in each frame, with at least the confidence `lowest`."""


class SecondDetector(Rescue):
    """Another detector of whole faces, on the frame itself, in colour or grey."""

    def __init__(self, name: str, confidence: float, model: Model | OtherDetector, comparable: bool = False) -> None:
        super().__init__(name, confidence)
        self.model, self.comparable = model, comparable

    def find(self, missed: Missed, lowest: float) -> Found:
        """See `Rescue.find`."""
        model = self.model
        if isinstance(model, Model) and missed.images is not None:
            places = [fit(picture.place.width, picture.place.height, model.image_size) for picture in missed.pictures]
            seen = (model.header.input, model.header.channels, model.header.padding)
            same = seen == ("photo", missed.images.shape[1], missed.padding)
            if same and all(place == picture.place for place, picture in zip(places, missed.pictures, strict=True)):
                return model.find_in(missed.images, places, lowest, missed.covered)
        return model.look_at([picture.pixels for picture in missed.pictures], lowest, missed.covered)


class TurnedDetector(Rescue):
    """The detector itself, run on turned frames: rotated faces are upright at one of the turns.

    A network of ours covers four turns in one pass, side by side in one input.

    Attributes:
        side: Longest side of a turn in that input, in pixels; None if turns are processed one by one.
    """

    comparable = True

    def __init__(self, name: str, confidence: float, model: Model | OtherDetector, turns: int) -> None:
        """
        Args:
            name: Name of the rescue.
            confidence: Confidence threshold of a face.
            model: The first detector.
            turns: Number of evenly spaced turns, including the upright one: 4 or 8.
        """
        super().__init__(name, confidence)
        self.model, self.turns = model, turns
        self.side: int | None = None
        if isinstance(model, Model) and turns == QUARTERS:
            self.side = max(LEAST_SIDE, round(SHARE_OF_SIDE * model.image_size / STRIDE) * STRIDE)

    def find(self, missed: Missed, lowest: float) -> Found:
        """See `Rescue.find`."""
        if self.side is not None and isinstance(self.model, Model):
            return self._side_by_side(self.model, self.side, missed, lowest)
        return self._one_by_one(missed, lowest)

    @staticmethod
    def _side_by_side(model: Model, side: int, missed: Missed, lowest: float) -> Found:
        views = [_side_by_side(picture, side, model.header.padding) for picture in missed.pictures]
        whole = fit(2 * side, 2 * side, 2 * side)
        # Its cells are not those of the frame, so only boxes give a cover.
        boxes_from = min(lowest, SUSPECT) if missed.covered else lowest
        framed = [view.image.transpose(2, 0, 1) for view in views]
        found = model.find(framed, [whole] * len(views), boxes_from, covered=False)
        faces = [view.in_photo(each) for view, each in zip(views, found.faces, strict=True)]
        covers: list[Cover | None] = [None] * len(faces)
        if missed.covered:
            places = [picture.place for picture in missed.pictures]
            covers = [Cover.of(own.boxes, at.width, at.height) for own, at in zip(faces, places, strict=True)]
        return Found([own.with_confidence(lowest) for own in faces], covers)

    def _one_by_one(self, missed: Missed, lowest: float) -> Found:
        """Run on all turns except the upright one."""
        count = len(missed.pictures)
        faces: list[list[Detections]] = [[] for _ in range(count)]
        covers: list[list[Cover]] = [[] for _ in range(count)]
        for number in range(1, self.turns):
            eighths = 8 * number // self.turns
            views = [turn(picture.pixels, eighths) for picture in missed.pictures]
            # At other than quarter turns, cells are not those of the frame, so only boxes give a cover.
            boxes_from = min(lowest, SUSPECT) if missed.covered and eighths % 2 else lowest
            found = self.model.look_at([view for view, _ in views], boxes_from, missed.covered)
            for row, (own, cover) in enumerate(zip(found.faces, found.covers, strict=True)):
                place = missed.pictures[row].place
                back = turned_back(own, views[row][1])
                faces[row].append(back.with_confidence(lowest))
                if cover is None:
                    continue
                if eighths % 2:
                    cover = Cover.of(back.boxes, place.width, place.height)
                else:
                    cover = Cover(np.rot90(cover.cells, -eighths // 2), cover.side)
                covers[row].append(cover)
        merged = [Detections.concatenate(each).nms(MERGED_IOU) for each in faces]
        within = [
            each.clipped(picture.place.width, picture.place.height)
            for each, picture in zip(merged, missed.pictures, strict=True)
        ]
        return Found(within, [functools.reduce(Cover.__or__, each) if each else None for each in covers])


def _side_by_side(picture: Picture, side: int, padding: int) -> SideBySide:
    width, height = picture.place.width, picture.place.height
    inner = fit(width, height, side)
    small = picture.original.shrunk(inner.inner_width, inner.inner_height)
    if small is None:
        small = resize(picture.pixels, inner.inner_width, inner.inner_height, smooth=True)
    return SideBySide(small, width, height, side, padding)


class BehindAnother(Rescue):
    """A rescue that requires the output of a network of ours, with a baseline detector.

    That network runs on the missed frames first; its own boxes are evidence only.
    """

    def __init__(self, rescue: Rescue, model: Model) -> None:
        super().__init__(rescue.name, rescue.confidence)
        self.rescue, self.model = rescue, model
        self.found_by = rescue.found_by

    def find(self, missed: Missed, lowest: float) -> Found:
        """See `Rescue.find`."""
        model = self.model
        found = Found.nothing(len(missed.pictures))
        frames = (picture.original.renumbered(row) for row, picture in enumerate(missed.pictures))
        pictures = sorted(
            letterboxed(frames, model.image_size, model.header.padding), key=lambda each: each.framed.shape
        )
        for _, same in groupby(pictures, key=lambda each: each.framed.shape):
            own = list(same)
            images = to_network(np.stack([picture.framed for picture in own]), model.device)
            with (
                needs_memory(batch_in_words(images.shape, model.device), SMALLER),
                in_precision(model.device, model.precision),
            ):
                passed = run_direct(model.network, images, self.rescue.layers)
            more = self.rescue.find(Missed(own, images, passed, model.header.padding, missed.covered), lowest)
            seen_by = model.covers(passed.decoded, [each.place for each in own]) if missed.covered else more.covers
            for picture, faces, cover, suspect in zip(own, more.faces, more.covers, seen_by, strict=True):
                found.faces[picture.index] = faces
                found.covers[picture.index] = cover | suspect if cover and suspect else cover or suspect
        return found


class HeatmapDetector(Rescue):
    """The thesis's method: a detector of faces in heatmaps of the first detector, made from its own pass."""

    found_by = "heatmap"

    def __init__(self, name: str, confidence: float, model: Model, maps: LiveMaps) -> None:
        super().__init__(name, confidence)
        self.model, self.maps = model, maps
        self.layers = maps.layers

    def find(self, missed: Missed, lowest: float) -> Found:
        """See `Rescue.find`; nothing is found in blank heatmaps."""
        model = self.model
        found = Found.nothing(len(missed.pictures))
        seen, framed, places = [], [], []
        for number, maps in enumerate(self.maps.make(missed)):
            if MAP in maps.about["status"]:
                place = fit(maps.frame.width, maps.frame.height, model.image_size)
                image = letterbox(scale(maps, place), place, model.header.padding)
                seen.append(number)
                framed.append(image.transpose(2, 0, 1))
                places.append(place)
        own = model.find(framed, places, lowest, missed.covered)
        for number, faces, cover in zip(seen, own.faces, own.covers, strict=True):
            found.faces[number], found.covers[number] = faces, cover
        return found


class LiveMaps:
    """Heatmaps of one kind, equal to those of a heatmap set.

    Attributes:
        layers: Layers of the detector that its pass must keep; empty if another pass is explained.
    """

    def __init__(
        self, explainer: Explainer, class_names: Sequence[str], kind: str, precision: Precision = "float32"
    ) -> None:
        """
        Args:
            explainer: Explainer of the detector, with one variant.
            class_names: Class names of the detector.
            kind: Kind of maps: "classes", "joint", "mean" or "whole_face".
            precision: Precision of the detector's pass. Only passes in single precision are explained; otherwise the
                detector runs once more, and boxes and candidates behind a map are from that second pass.
        """
        self._explainer, self._class_names, self._kind = explainer, list(class_names), kind
        self.layers = (explainer.layers or ()) if precision == "float32" else ()

    def make(self, missed: Missed) -> list[StoredMaps]:
        """Heatmaps of each frame."""
        assert missed.images is not None and missed.passed is not None, "a network of ours went first"
        with needs_memory(batch_in_words(missed.images.shape, missed.images.device), SMALLER):
            if self.layers:
                explained = self._explainer.explain(missed.passed, missed.images)
            else:
                explained = self._explainer(missed.images)
        (maps,) = explained.maps.values()
        made = []
        for picture, heatmaps, detections in zip(missed.pictures, maps, explained.detections, strict=True):
            files = pack(heatmaps, detections.cpu().numpy(), picture.place, self._class_names, {})
            if self._kind in AVERAGES:
                made.append(average(files.classes, "mean" if self._kind == "mean" else "whole_face"))
            else:
                made.append(files.joint if self._kind == "joint" else files.classes)
        return made


class StrategyRescue(Rescue):
    """A rescue strategy without training.

    Its input is the same as in the trial: all boxes of the detector, and of others if it needs them.
    """

    def __init__(
        self,
        name: str,
        confidence: float,
        detector: Model,
        anatomy: Anatomy,
        rgb1: SecondDetector | None = None,
        scales: Mapping[str, SecondDetector] | None = None,
        maps: LiveMaps | None = None,
    ) -> None:
        """
        Args:
            name: Name of the strategy.
            confidence: Confidence threshold of a face.
            detector: The first detector.
            anatomy: Anatomy from the training set.
            rgb1: The whole-face detector; None if the strategy does not need it.
            scales: Detectors at several input sizes; empty if the strategy does not need them.
            maps: Heatmaps; None if the strategy does not need them.
        """
        super().__init__(name, confidence)
        self._detector, self._anatomy, self._rgb1 = detector, anatomy, rgb1
        self._scales, self._maps = scales or {}, maps
        if maps is not None:
            self.layers, self.found_by = maps.layers, "heatmap"

    def find(self, missed: Missed, lowest: float) -> Found:
        """See `Rescue.find`."""
        assert missed.passed is not None, "a network of ours went first"
        decoded = missed.passed.decoded
        found = non_max_suppression(decoded, EVIDENCE_FROM, self._detector.nms_iou)
        nothing = Found.nothing(len(missed.pictures))
        of_rgb1 = nothing if self._rgb1 is None else self._rgb1.find(missed, EVIDENCE_FROM)
        scales = {name: each.find(missed, EVIDENCE_FROM) for name, each in self._scales.items()}
        evidence = Evidence(
            _predictions(missed.pictures, found, self._detector.header),
            self._whole_faces(of_rgb1, self._rgb1, missed),
            self._anatomy,
            {name: self._whole_faces(own, self._scales[name], missed) for name, own in scales.items()},
            self._detector.nms_iou,
            None if self._maps is None else {str(row): maps for row, maps in enumerate(self._maps.make(missed))},
        )
        proposed = STRATEGIES[self.name].propose(evidence)
        faces = _by_picture(proposed, len(missed.pictures), lowest)
        return Found(faces, self._covers(missed, proposed, [of_rgb1, *scales.values()]))

    def _whole_faces(self, found: Found, second: SecondDetector | None, missed: Missed) -> Predictions:
        own = self._detector if second is None else second.model
        assert isinstance(own, Model), "evidence comes from networks of ours"
        header = own.header
        rows = [np.column_stack([each.boxes, each.confidence, np.zeros(len(each), np.float32)]) for each in found.faces]
        return _table(missed.pictures, rows, header.class_names[:1], header.class_ids[:1])

    def _covers(self, missed: Missed, proposed: Detections, others: Sequence[Found]) -> list[Cover | None]:
        """Areas that may be faces: the proposals, and the covers of the outputs they are from."""
        if not missed.covered:
            return [None] * len(missed.pictures)
        covers: list[Cover | None] = []
        for number, faces in enumerate(_by_picture(proposed, len(missed.pictures), SUSPECT)):
            place = missed.pictures[number].place
            own = Cover.of(faces.boxes, place.width, place.height)
            said = [cover for each in others if (cover := each.covers[number])]
            covers.append(functools.reduce(Cover.__or__, [own, *said]))
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
    """Rows (n, 6) of each frame in the form of stored predictions; frames are named by their index in the batch."""
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


def _by_picture(proposed: Detections, pictures: int, lowest: float) -> list[Detections]:
    return [each.with_confidence(lowest).sorted() for each in proposed.by_image(pictures)]
