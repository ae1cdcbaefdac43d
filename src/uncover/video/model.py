"""A network for detection: whole faces in its input, converted to pixels of the original image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from uncover.data.data_yaml import choose_classes, is_face, listed
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.errors import InputError, needs_memory
from uncover.images.letterbox import Letterbox, fit, letterbox
from uncover.images.privacy import SUSPECT, Cover
from uncover.metrics.detections import Detections
from uncover.yolov5.device import Precision, in_precision
from uncover.yolov5.inference import SMALLER, batch_in_words, to_network
from uncover.yolov5.network import Network
from uncover.yolov5.nms import non_max_suppression
from uncover.yolov5.weights import Header


@dataclass(frozen=True)
class Found:
    """Output of a network or a rescue for some images.

    Attributes:
        faces: Whole faces in each, in pixels of the original, sorted by falling confidence.
        covers: Areas in each that may be faces, at any confidence; None if not requested or if the heatmap was blank.
    """

    faces: list[Detections]
    covers: list[Cover | None]

    @classmethod
    def nothing(cls, pictures: int) -> Found:
        """No face in any of the images."""
        return cls([Detections.empty()] * pictures, [None] * pictures)


@dataclass(frozen=True)
class Model:
    """A network that is ready to run.

    Attributes:
        network: Network on its device, in evaluation mode.
        header: Header of its weights file.
        device: Device of the network.
        image_size: Longest side of its input, in pixels.
        nms_iou: IoU above which a box of lower confidence is dropped.
        precision: Precision of the network.
    """

    network: Network
    header: Header
    device: torch.device
    image_size: int
    nms_iou: float
    precision: Precision = "float32"

    def faces(self, decoded: Tensor, places: Sequence[Letterbox], confidence: float) -> list[Detections]:
        """Whole faces in each original, sorted by falling confidence.

        Args:
            decoded: (B, N, 5 + classes), candidates in the network's input.
            places: Position of each original in the input.
            confidence: Minimum confidence.

        Raises:
            InputError: The detector has no class for the whole face.
        """
        of_class = [0, 1, 2, 3, 4, 5 + find_whole_face(self.header)]
        found = non_max_suppression(decoded[:, :, of_class].float(), confidence, self.nms_iou)
        return [_in_original(boxes, place) for boxes, place in zip(found, places, strict=True)]

    def look_at(self, images: Sequence[NDArray[np.uint8]], confidence: float, covered: bool) -> Found:
        """Whole faces in images of any sizes, which are fitted into the network's input.

        Args:
            images: uint8 (H, W, 3) RGB each.
            confidence: Minimum confidence.
            covered: Whether to compute further areas that may be faces.
        """
        places = [fit(image.shape[1], image.shape[0], self.image_size) for image in images]
        framed = []
        for image, place in zip(images, places, strict=True):
            if self.header.input == "grey":
                image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
            framed.append(letterbox(image, place, self.header.padding).transpose(2, 0, 1))
        return self.find(framed, places, confidence, covered)

    def find(
        self, framed: Sequence[NDArray[np.uint8]], places: Sequence[Letterbox], confidence: float, covered: bool
    ) -> Found:
        """Whole faces in network inputs that may differ in shape.

        Args:
            framed: uint8 (channels, h, w) each, the network's input.
            places: Position of each original in the input.
            confidence: Minimum confidence.
            covered: Whether to compute further areas that may be faces.
        """
        of_shape: dict[tuple[int, ...], list[int]] = {}
        for number, image in enumerate(framed):
            of_shape.setdefault(image.shape, []).append(number)
        found = Found.nothing(len(framed))
        for numbers in of_shape.values():
            images = to_network(np.stack([framed[number] for number in numbers]), self.device)
            own = self.find_in(images, [places[number] for number in numbers], confidence, covered)
            for number, faces, cover in zip(numbers, own.faces, own.covers, strict=True):
                found.faces[number], found.covers[number] = faces, cover
        return found

    def find_in(self, images: Tensor, places: Sequence[Letterbox], confidence: float, covered: bool) -> Found:
        """Same as `find`, for a batch of network inputs (B, channels, h, w)."""
        with (
            torch.no_grad(),
            needs_memory(batch_in_words(images.shape, self.device), SMALLER),
            in_precision(self.device, self.precision),
        ):
            decoded, _ = self.network(images)
        faces = self.faces(decoded, places, confidence)
        return Found(faces, self.covers(decoded, places) if covered else [None] * len(faces))

    def covers(self, decoded: Tensor, places: Sequence[Letterbox]) -> list[Cover | None]:
        """Areas in each original that may be faces, from candidates (B, N, 5 + classes) of any class and confidence."""
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


def _in_original(boxes: Tensor, place: Letterbox) -> Detections:
    """Boxes (n, 6) of a network's input in pixels of the original."""
    found = boxes[:, :5].float().cpu().numpy()
    return Detections(place.to_original(found[:, :4]).astype(np.float32), found[:, 4])


def find_whole_face(header: Header) -> int:
    """Class number of the whole face: the class of that name, the only class, or the only one whose name is a face.

    Raises:
        InputError: There is no such class.
    """
    name = CLASS_NAMES[WHOLE_FACE]
    if name in header.class_names:
        return header.class_names.index(name)
    called = [number for number, other in enumerate(header.class_names) if is_face(other)]
    if len(header.class_names) == 1 or len(called) == 1:
        return called[0] if called else 0
    raise InputError(
        f"the detector has the classes {listed(header.class_names)}; expected a class '{name}' or one class; select"
        " the face class with --class NAME"
    )


def with_whole_face(header: Header, name: str) -> Header:
    """The same detector, with the named class as whole face.

    Raises:
        InputError: It has no such class.
    """
    (chosen,) = choose_classes(dict(enumerate(header.class_names)), [name], "the detector")
    whole_face = CLASS_NAMES[WHOLE_FACE]
    names = ["other" if other == whole_face else other for other in header.class_names]
    names[chosen] = whole_face
    return header.model_copy(update={"class_names": tuple(names)})
