"""What looks again at pictures in which the detector found no face.

All work on one batch, on what the detector has already computed for it: its candidates, its activations, its input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from uncover.detect.pictures import Picture
from uncover.detector.device import Precision, in_precision
from uncover.detector.inference import SMALLER, batch_in_words, to_network
from uncover.detector.network import Network
from uncover.detector.nms import non_max_suppression
from uncover.detector.weights import Header
from uncover.errors import InputError, needs_memory
from uncover.faces.face_class import choose_classes, is_face, listed
from uncover.heatmaps.engine import Explainer
from uncover.heatmaps.passes import Pass
from uncover.heatmaps.store import pack
from uncover.images.letterbox import Frame, fit, letterbox
from uncover.images.maps import MAP, StoredMaps, average
from uncover.images.privacy import SUSPECT, Cover
from uncover.images.scaled import AVERAGES, scale
from uncover.parts.classes import CLASS_NAMES, WHOLE_FACE

Boxes = NDArray[np.float32]
"""(n, 5): x1 y1 x2 y2 in pixels of the original picture, confidence; best first."""

NO_BOXES: Boxes = np.zeros((0, 5), np.float32)


@dataclass(frozen=True)
class Missed:
    """Pictures in which the detector found no face.

    Attributes:
        pictures: M of them.
        images: float (M, 3, h, w), the detector's input.
        passed: What it computed for them.
        padding: Value around the pictures in its input.
        covered: Whether it is to be said where else faces may be.
    """

    pictures: Sequence[Picture]
    images: Tensor
    passed: Pass
    padding: int
    covered: bool = False


@dataclass(frozen=True)
class Looked:
    """What a rescue says of some pictures.

    Attributes:
        boxes: Whole faces in each.
        covers: Where faces may be in each, however unsure; None where nobody asked or there was nothing to look at.
    """

    boxes: list[Boxes]
    covers: list[Cover | None]


class Rescue(ABC):
    """A way to find the faces that the detector missed.

    Attributes:
        name: As the rescue trial calls it.
        found_by: What its boxes are marked as.
        confidence: From which they count as faces.
        layers: Layers of the detector whose activations it wants.
    """

    found_by: Literal["heatmap", "rescue"] = "rescue"
    layers: Sequence[int] = ()

    def __init__(self, name: str, confidence: float) -> None:
        self.name, self.confidence = name, confidence

    @abstractmethod
    def look(self, missed: Missed, lowest: float) -> Looked:
        """Look at each picture again; boxes are wanted from a confidence on."""


@dataclass(frozen=True)
class Model:
    """A network at work.

    Attributes:
        network: On its device, in evaluation mode.
        header: What its weights file says of it.
        device: Where it is.
        image_size: Longest side of its input, in pixels.
        nms_iou: IoU above which a box of lower confidence is dropped.
        precision: Arithmetic of the network.
    """

    network: Network
    header: Header
    device: torch.device
    image_size: int
    nms_iou: float
    precision: Precision = "float32"

    def faces(self, decoded: Tensor, confidence: float) -> list[Tensor]:
        """Whole faces among candidates (B, N, 5 + classes): (n, 6) x1 y1 x2 y2 in the network's input, confidence, 0.

        Raises:
            InputError: The detector knows no whole face.
        """
        of_class = [0, 1, 2, 3, 4, 5 + find_whole_face(self.header)]
        return non_max_suppression(decoded[:, :, of_class].float(), confidence, self.nms_iou)

    def find(
        self, framed: Sequence[NDArray[np.uint8]], places: Sequence[Frame], confidence: float, covered: bool
    ) -> Looked:
        """Whole faces in pictures that may differ in shape.

        Args:
            framed: uint8 (channels, h, w) each, the network's input.
            places: Where each original stands in it.
            confidence: From which boxes are wanted.
            covered: Whether it is to be said where else faces may be.
        """
        of_shape: dict[tuple[int, ...], list[int]] = {}
        for number, image in enumerate(framed):
            of_shape.setdefault(image.shape, []).append(number)
        found = Looked([NO_BOXES] * len(framed), [None] * len(framed))
        for numbers in of_shape.values():
            images = to_network(np.stack([framed[number] for number in numbers]), self.device)
            own = self.find_in(images, [places[number] for number in numbers], confidence, covered)
            for number, boxes, cover in zip(numbers, own.boxes, own.covers, strict=True):
                found.boxes[number], found.covers[number] = boxes, cover
        return found

    def find_in(self, images: Tensor, places: Sequence[Frame], confidence: float, covered: bool) -> Looked:
        """The same of pictures that are the network's input already, (B, channels, h, w)."""
        with (
            torch.no_grad(),
            needs_memory(batch_in_words(images.shape, self.device), SMALLER),
            in_precision(self.device, self.precision),
        ):
            decoded, _ = self.network(images)
        found = self.faces(decoded, confidence)
        boxes = [in_original(each, place) for each, place in zip(found, places, strict=True)]
        if not covered:
            return Looked(boxes, [None] * len(boxes))
        return Looked(boxes, self.covers(decoded, places))

    def covers(self, decoded: Tensor, places: Sequence[Frame]) -> list[Cover | None]:
        """Where faces may be by candidates (B, N, 5 + classes) of any class, however unsure, in each original."""
        row, candidate, number = (decoded[..., 5:] * decoded[..., 4:5] > SUSPECT).nonzero(as_tuple=True)
        found = decoded[row, candidate, :4].float().cpu().numpy()
        boxes = np.concatenate([found[:, :2] - found[:, 2:] / 2, found[:, :2] + found[:, 2:] / 2], axis=1)
        image, names = row.cpu().numpy(), np.array(self.header.class_names, object)[number.cpu().numpy()]
        covers: list[Cover | None] = []
        for each, place in enumerate(places):
            own = image == each
            corners = place.to_original(boxes[own])
            covers.append(Cover.of_candidates(corners, names[own].tolist(), place.width, place.height))
        return covers


class SecondDetector(Rescue):
    """Another detector of whole faces, on the picture itself, in colour or grey."""

    def __init__(self, name: str, confidence: float, model: Model) -> None:
        super().__init__(name, confidence)
        self.model = model

    def look(self, missed: Missed, lowest: float) -> Looked:
        """As `Rescue.look`."""
        model = self.model
        places = [fit(picture.place.width, picture.place.height, model.image_size) for picture in missed.pictures]
        seen = (model.header.input, model.header.channels, model.header.padding)
        same = seen == ("photo", missed.images.shape[1], missed.padding)
        if same and all(place == picture.place for place, picture in zip(places, missed.pictures, strict=True)):
            return model.find_in(missed.images, places, lowest, missed.covered)
        return model.find(self._framed(missed, places), places, lowest, missed.covered)

    def _framed(self, missed: Missed, places: Sequence[Frame]) -> list[NDArray[np.uint8]]:
        import cv2

        framed = []
        for picture, place in zip(missed.pictures, places, strict=True):
            pixels = picture.pixels
            if self.model.header.input == "grey":
                pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
            framed.append(letterbox(pixels, place, self.model.header.padding).transpose(2, 0, 1))
        return framed


class HeatmapDetector(Rescue):
    """The thesis's way: a detector that looks at heatmaps of the first one, made from its own pass."""

    found_by = "heatmap"

    def __init__(self, name: str, confidence: float, model: Model, maps: LiveMaps) -> None:
        super().__init__(name, confidence)
        self.model, self.maps = model, maps
        self.layers = maps.layers

    def look(self, missed: Missed, lowest: float) -> Looked:
        """As `Rescue.look`; where the heatmap is blank there is nothing to look at."""
        model = self.model
        found = Looked([NO_BOXES] * len(missed.pictures), [None] * len(missed.pictures))
        seen, framed, places = [], [], []
        for number, maps in enumerate(self.maps.make(missed)):
            if MAP in maps.about["status"]:
                place = fit(maps.frame.width, maps.frame.height, model.image_size)
                image = letterbox(scale(maps, place), place, model.header.padding)
                seen.append(number)
                framed.append(image.transpose(2, 0, 1))
                places.append(place)
        own = model.find(framed, places, lowest, missed.covered)
        for number, boxes, cover in zip(seen, own.boxes, own.covers, strict=True):
            found.boxes[number], found.covers[number] = boxes, cover
        return found


class LiveMaps:
    """Heatmaps of one kind, as a heatmap set would hold them.

    Attributes:
        layers: Layers of the detector that its pass must keep; none where that pass is not what is explained.
    """

    def __init__(
        self, explainer: Explainer, class_names: Sequence[str], kind: str, precision: Precision = "float32"
    ) -> None:
        """
        Args:
            explainer: Of the detector, with one variant.
            class_names: Of the detector.
            kind: What is looked at: "classes", "joint", "mean" or "whole_face".
            precision: Of the detector's pass. Only one in single precision is explained; where it is another, pictures
                go through the detector once more, and boxes and candidates behind a map come from that second pass.
        """
        self._explainer, self._class_names, self._kind = explainer, list(class_names), kind
        self.layers = (explainer.layers or ()) if precision == "float32" else ()

    def make(self, missed: Missed) -> list[StoredMaps]:
        """Of each picture."""
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


def find_whole_face(header: Header) -> int:
    """The detector's own number of the whole face: the class of that name, the only one, or the only one called a face.

    Raises:
        InputError: There is none.
    """
    name = CLASS_NAMES[WHOLE_FACE]
    if name in header.class_names:
        return header.class_names.index(name)
    called = [number for number, other in enumerate(header.class_names) if is_face(other)]
    if len(header.class_names) == 1 or len(called) == 1:
        return called[0] if called else 0
    raise InputError(
        f"the detector knows {listed(header.class_names)}; expected a class '{name}', or one class alone: say which is"
        " the face with --class NAME"
    )


def with_whole_face(header: Header, name: str) -> Header:
    """The same detector, with the class that somebody says is the whole face called so.

    Raises:
        InputError: It knows no such class.
    """
    (chosen,) = choose_classes(dict(enumerate(header.class_names)), [name], "the detector")
    whole_face = CLASS_NAMES[WHOLE_FACE]
    names = ["other" if other == whole_face else other for other in header.class_names]
    names[chosen] = whole_face
    return header.model_copy(update={"class_names": tuple(names)})


def in_original(boxes: Tensor, place: Frame) -> Boxes:
    """Boxes (n, 5 or more) of a network's input in pixels of the original."""
    found = boxes[:, :5].float().cpu().numpy()
    found[:, :4] = place.to_original(found[:, :4])
    return found
