"""A detector that is loaded once and looks at one set after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from uncover.detector.distributed import pick_device
from uncover.detector.inference import Precision
from uncover.detector.opening import open_weights
from uncover.detector.predict import predict
from uncover.detector.weights import Header
from uncover.images.inputs import WHOLE, Inputs, find_inputs
from uncover.images.shard import Shard
from uncover.metrics.predictions import Predictions


@dataclass(frozen=True)
class Wishes:
    """How to look.

    Attributes:
        confidence: Lowest confidence kept.
        nms_iou: IoU above which a box of the same class and lower confidence is dropped.
        batch: Images at a time, at most.
        image_size: Longest side of the network's input, in pixels; None takes that of the training.
        precision: Arithmetic of the network.
    """

    confidence: float
    nms_iou: float
    batch: int
    image_size: int | None
    precision: Precision


class Predictor:
    """A detector."""

    def __init__(self, weights: Path, device: str, wishes: Wishes) -> None:
        """
        Args:
            weights: Of a training, or a checkpoint of upstream's YOLOv5.
            device: "auto", or a name as torch has it.
            wishes: How to look.

        Raises:
            InputError: The device is not here, or the file holds no weights.
        """
        self._device, self._wishes = pick_device(device), wishes
        network, self._header, self._sha256 = open_weights(weights)
        self._network = network.to(self._device)

    @property
    def class_names(self) -> dict[int, str]:
        """Of the detector, by id in label files."""
        return dict(zip(self._header.class_ids, self._header.class_names, strict=True))

    def find(self, given: Sequence[Path], shard: Shard = WHOLE) -> Inputs:
        """Find what to look at; arguments and errors are those of `find_inputs`."""
        return find_inputs(given, self._header.input, self._header.channels, self._header.maps, shard)

    @property
    def header(self) -> Header:
        """What the detector is."""
        return self._header

    def predict(self, inputs: Inputs, confidence: float | None = None) -> Predictions:
        """Look at it.

        Args:
            inputs: As found.
            confidence: Lowest confidence kept this time; None takes the wished one.

        Raises:
            InputError: An image cannot be read, or the device does not compute in the precision.
        """
        return self.predict_at(inputs, [self._wishes.nms_iou], confidence)[0]

    def predict_at(
        self, inputs: Inputs, nms_ious: Sequence[float], confidence: float | None = None
    ) -> list[Predictions]:
        """Look at it once, and keep boxes at several IoUs of non-maximum suppression in the place of the wished one.

        Args:
            inputs: As found.
            nms_ious: For each the boxes that it leaves.
            confidence: As for `predict`.

        Raises:
            InputError: As `predict`.
        """
        wishes = self._wishes
        found = predict(
            self._network,
            self._header,
            inputs.names,
            inputs.paths,
            inputs.sizes,
            wishes.confidence if confidence is None else confidence,
            nms_ious,
            self._device,
            wishes.batch,
            wishes.image_size,
            wishes.precision,
        )
        for predictions in found:
            predictions.settings["weights"] = self._sha256
        return found
