"""The path from image files to a network's outputs, shared by validation, prediction and detection.

An image is scaled so that its longest side is the network's input size, in the smallest enclosing rectangle that the
network's stride allows. The other images of a batch never change the input of an image.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from uncover.config.detectors import MAP_INPUTS, Input
from uncover.errors import needs_memory
from uncover.images.cache import readers
from uncover.images.inputs import WHOLE, Inputs, Shard, find_inputs
from uncover.images.letterbox import Letterbox, fit, letterbox
from uncover.images.maps import StoredMaps
from uncover.images.reading import Source, bytes_of_maps, read_source, scale
from uncover.metrics.predictions import MOST_BOXES, Predictions
from uncover.process import free_memory
from uncover.progress import track
from uncover.threads import in_background
from uncover.yolov5.device import Precision, check_precision, in_precision, pick_device
from uncover.yolov5.network import Network
from uncover.yolov5.nms import non_max_suppression
from uncover.yolov5.weights import Header, open_weights

SMALLER = "use a smaller batch or image size"
"""Advice if a batch does not fit into memory."""


class FramedImages:
    """Images of a list, each in its frame; they can be kept in memory for further passes.

    Photos are kept in their frames, heatmaps at their stored size.

    Attributes:
        paths: Image files.
        frames: Frame of each image.
        largest: Bytes of the largest image while it is read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        sizes: NDArray[np.int64],
        image_size: int,
        channels: int,
        padding: int,
        keep: bool = False,
        kind: Input = "photo",
    ) -> None:
        """
        Args:
            paths: Image files, or files of heatmaps.
            sizes: int64 (N, 2), width and height of each image in pixels; for heatmaps, of the explained image.
            image_size: Longest side of the network's input, in pixels.
            channels: Channels of each image.
            padding: Value around a letterboxed image.
            keep: Keep decoded images in memory, if they need less than a quarter of the free memory.
            kind: Input of the network.

        Raises:
            InputError: Heatmaps are to be kept, and the first file is unusable.
        """
        self.paths = list(paths)
        self.frames: list[Letterbox] = [fit(int(width), int(height), image_size) for width, height in sizes]
        self._channels, self._padding, self._kind = channels, padding, kind
        pixels = max((frame.out_width * frame.out_height for frame in self.frames), default=0)
        if kind not in MAP_INPUTS:
            pixels = max(pixels, int(np.prod(sizes, axis=1).max(initial=0)))
        self.largest = pixels * channels
        self._kept: dict[int, Source] | None = {} if keep and self._needed() < free_memory() / 4 else None

    def _needed(self) -> int:
        if self._kind in MAP_INPUTS:
            return bytes_of_maps(self.paths, self.frames, self._channels, self._kind)
        return sum(frame.out_width * frame.out_height for frame in self.frames) * self._channels

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """One image, uint8 (C, H, W) of its frame."""
        frame = self.frames[index]
        kept = None if self._kept is None else self._kept.get(index)
        if isinstance(kept, np.ndarray):
            return kept
        source = read_source(self.paths[index], self._channels, frame, self._kind) if kept is None else kept
        image = letterbox(scale(source, frame), frame, self._padding)
        framed = np.ascontiguousarray(image.transpose(2, 0, 1))
        if self._kept is not None:
            self._kept[index] = source if isinstance(source, StoredMaps) else framed
        return framed

    def batches(self, batch: int) -> list[list[int]]:
        """Indices of images that have the same shape, at most `batch` at a time."""
        by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, frame in enumerate(self.frames):
            by_shape[frame.out_height, frame.out_width].append(index)
        return [
            same[start : start + batch] for _, same in sorted(by_shape.items()) for start in range(0, len(same), batch)
        ]


@dataclass(frozen=True)
class BatchOutput:
    """Output of a network for a batch.

    Attributes:
        indices: Indices of the images.
        shape: Height and width of the network's input, in pixels.
        decoded: float32 (B, N, 5 + classes): xc yc w h in pixels of the frame, objectness, classes.
        raw: The three levels before decoding, as the loss takes them.
    """

    indices: list[int]
    shape: tuple[int, int]
    decoded: torch.Tensor
    raw: list[torch.Tensor]


def batch_in_words(shape: Sequence[int], device: torch.device) -> str:
    """Describe a batch (B, C, H, W) on a device, for messages on memory."""
    return f"a batch of {shape[0]} images of {shape[3]} x {shape[2]} pixels on {device}"


def to_network(images: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Convert uint8 (B, C, H, W) into the network's input: float32 shares of 255, channels last in memory."""
    tensor = torch.from_numpy(images)
    if device.type == "cuda":
        tensor = tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(torch.float32, memory_format=torch.channels_last).div_(255)


def read_groups(
    images: FramedImages, groups: Sequence[list[int]]
) -> Iterator[tuple[list[int], list[NDArray[np.uint8]]]]:
    """Read groups of images of any shapes; the next groups are read in the background.

    Args:
        images: Images to read from.
        groups: Indices of the images of each group.

    Yields:
        Indices of a group, and its pixels: uint8 (C, H, W) of each image.
    """
    threads = readers(images.largest)
    jobs = (partial(images.__getitem__, index) for group in groups for index in group)
    # Read the next group, and one more image per thread, so that a slow image does not block the other threads.
    coming = in_background(jobs, max(map(len, groups), default=0) + threads, threads)
    for group in groups:
        yield group, [next(coming) for _ in group]


def read_ahead(images: FramedImages, groups: Sequence[list[int]]) -> Iterator[tuple[list[int], NDArray[np.uint8]]]:
    """Same as `read_groups`, for groups of equal shape: pixels are uint8 (B, C, H, W)."""
    for group, pixels in read_groups(images, groups):
        yield group, np.stack(pixels)


@torch.inference_mode()
def infer(
    network: Network, images: FramedImages, batch: int, device: torch.device, precision: Precision = "float32"
) -> Iterator[BatchOutput]:
    """Run a network in evaluation mode on images; the next batch is read in the background.

    Args:
        network: Network on `device`, in evaluation mode.
        images: Input images.
        batch: Maximum number of images at a time.
        device: Device of the network.
        precision: Precision of the network; outputs are always float32.
    """
    for group, pixels in read_ahead(images, images.batches(batch)):
        with needs_memory(batch_in_words(pixels.shape, device), SMALLER), in_precision(device, precision):
            decoded, raw = network(to_network(pixels, device))
        yield BatchOutput(group, pixels.shape[2:], decoded.float(), [level.float() for level in raw])


def predict(
    network: Network,
    header: Header,
    names: Sequence[str],
    paths: Sequence[Path],
    sizes: NDArray[np.int64],
    confidence: float,
    nms_ious: Sequence[float],
    device: torch.device,
    batch: int = 16,
    image_size: int | None = None,
    precision: Precision = "float32",
) -> list[Predictions]:
    """Run a detector on images once, and return its boxes at one or several IoUs of non-maximum suppression.

    Args:
        network: Detector on `device`, in evaluation mode.
        header: Header of its weights file.
        names: Names of the N images.
        paths: Image files, or files of heatmaps.
        sizes: int64 (N, 2), width and height of each image, in pixels.
        confidence: Lowest confidence (objectness times class probability) kept.
        nms_ious: IoUs above which a box of the same class and lower confidence is dropped.
        device: Device of the network.
        batch: Maximum number of images at a time.
        image_size: Longest side of the network's input, in pixels; None uses that of the training.
        precision: Precision of the network.

    Returns:
        Predictions at each of these IoUs, from the same candidates.

    Raises:
        InputError: An image cannot be read, has another number of channels, or the device does not support the
            precision.
    """
    check_precision(device, precision)
    size = image_size or header.image_size
    images = FramedImages(paths, sizes, size, header.channels, header.padding, kind=header.input)
    found: list[list[tuple[int, NDArray[np.float32]]]] = [[] for _ in nms_ious]
    steps = len(images.batches(batch))
    for answer in track(infer(network, images, batch, device, precision), "predicting", steps):
        for own, nms_iou in zip(found, nms_ious, strict=True):
            kept = non_max_suppression(answer.decoded, confidence, nms_iou)
            for index, boxes in zip(answer.indices, kept, strict=True):
                pixels = boxes.float().cpu().numpy()
                pixels[:, :4] = images.frames[index].to_original(pixels[:, :4])
                own.append((index, pixels))
    settings = {
        "model": header.model,
        "channels": header.channels,
        "input": header.input,
        "image_size": size,
        "confidence": confidence,
        "max_boxes_per_class": MOST_BOXES,
        "precision": precision,
        "classes": {str(number): name for number, name in zip(header.class_ids, header.class_names, strict=True)},
    }
    table = pd.DataFrame({"image": list(names), "width": sizes[:, 0], "height": sizes[:, 1]})
    return [
        Predictions(_as_table(own, names, header), table, {**settings, "nms_iou": nms_iou})
        for own, nms_iou in zip(found, nms_ious, strict=True)
    ]


def _as_table(found: Sequence[tuple[int, NDArray[np.float32]]], names: Sequence[str], header: Header) -> pd.DataFrame:
    boxes = np.concatenate([np.zeros((0, 6), np.float32), *(boxes for _, boxes in found)])
    image = np.repeat([index for index, _ in found], [len(boxes) for _, boxes in found]).astype(np.int64)
    number = boxes[:, 5].astype(np.int64)
    table = pd.DataFrame(
        {
            "image": np.asarray(names, object)[image],
            "class": np.asarray(header.class_names, object)[number],
            "class_id": np.asarray(header.class_ids, np.int64)[number],
            "confidence": boxes[:, 4],
            **{column: boxes[:, place] for place, column in enumerate(("x1", "y1", "x2", "y2"))},
        }
    )
    return table.sort_values(["image", "confidence"], ascending=[True, False], kind="stable", ignore_index=True)


@dataclass(frozen=True)
class InferenceOptions:
    """Options of detection.

    Attributes:
        confidence: Lowest confidence kept.
        nms_iou: IoU above which a box of the same class and lower confidence is dropped.
        batch: Maximum number of images at a time.
        image_size: Longest side of the network's input, in pixels; None uses that of the training.
        precision: Precision of the network.
    """

    confidence: float
    nms_iou: float
    batch: int
    image_size: int | None
    precision: Precision


class Predictor:
    """A detector that is ready to run on files."""

    def __init__(self, weights: Path, device: str, options: InferenceOptions) -> None:
        """
        Args:
            weights: Weights file of a training, or a checkpoint of upstream YOLOv5.
            device: "auto", or a name of torch.
            options: Options of detection.

        Raises:
            InputError: This machine has no such device, or the file has no weights.
        """
        self._device, self._options = pick_device(device), options
        network, self._header, self._sha256 = open_weights(weights)
        self._network = network.to(self._device)

    @property
    def class_names(self) -> dict[int, str]:
        """Class names by id in label files."""
        return dict(zip(self._header.class_ids, self._header.class_names, strict=True))

    def find(self, given: Sequence[Path], shard: Shard = WHOLE) -> Inputs:
        """Find images or heatmaps; arguments and errors are those of `find_inputs`."""
        return find_inputs(given, self._header.input, self._header.channels, self._header.maps, shard)

    @property
    def header(self) -> Header:
        """Header of the weights."""
        return self._header

    def predict(self, inputs: Inputs, confidence: float | None = None) -> Predictions:
        """Run the detector.

        Args:
            inputs: Result of `find`.
            confidence: Lowest confidence kept; None uses that of the options.

        Raises:
            InputError: An image cannot be read, or the device does not support the precision.
        """
        return self.predict_at(inputs, [self._options.nms_iou], confidence)[0]

    def predict_at(
        self, inputs: Inputs, nms_ious: Sequence[float], confidence: float | None = None
    ) -> list[Predictions]:
        """Run the detector once, and return its boxes at several IoUs of non-maximum suppression.

        Args:
            inputs: Result of `find`.
            nms_ious: IoUs, used instead of that of the options.
            confidence: As for `predict`.

        Raises:
            InputError: As for `predict`.
        """
        options = self._options
        found = predict(
            self._network,
            self._header,
            inputs.names,
            inputs.paths,
            inputs.sizes,
            options.confidence if confidence is None else confidence,
            nms_ious,
            self._device,
            options.batch,
            options.image_size,
            options.precision,
        )
        for predictions in found:
            predictions.settings["weights"] = self._sha256
        return found
