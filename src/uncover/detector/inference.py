"""The one path from image files to a network's answers: validation, prediction and detection all take it.

An image is shrunk or enlarged so that its longest side is the network's size, in the smallest rectangle around it that
the network's stride allows. What it is batched with never changes what the network sees of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from uncover.config.detectors import MAP_INPUTS, Input
from uncover.detector.network import Network
from uncover.errors import InputError
from uncover.images.letterbox import Frame, fit, letterbox
from uncover.images.maps import StoredMaps
from uncover.images.scaled import Source, bytes_of_maps, read_source, scale
from uncover.process import free_memory

Precision = Literal["float32", "float16", "bfloat16"]


class FramedImages:
    """Images of a list, each in its frame; they can be kept in memory to be gone through again.

    Photos are kept in their frames, heatmaps as small as they are stored.

    Attributes:
        paths: The files.
        frames: The frame of each.
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
            sizes: int64 (N, 2), width and height of each image, in pixels; of heatmaps, of what they explain.
            image_size: Longest side of the network's input, in pixels.
            channels: Channels of each image.
            padding: Value around a letterboxed image.
            keep: Hold decoded images in memory, if a quarter of what is free takes them all.
            kind: What the network looks at.

        Raises:
            InputError: Heatmaps are to be kept, and the first file is unusable.
        """
        self.paths = list(paths)
        self.frames: list[Frame] = [fit(int(width), int(height), image_size) for width, height in sizes]
        self._channels, self._padding, self._kind = channels, padding, kind
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
        """Numbers of images that share a shape, at most `batch` at a time."""
        by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, frame in enumerate(self.frames):
            by_shape[frame.out_height, frame.out_width].append(index)
        return [
            same[start : start + batch] for _, same in sorted(by_shape.items()) for start in range(0, len(same), batch)
        ]


@dataclass(frozen=True)
class Answer:
    """What a network says about a batch.

    Attributes:
        indices: Numbers of the images.
        shape: Height and width of the network's input, in pixels.
        decoded: float32 (B, N, 5 + classes): xc yc w h in pixels of the frame, objectness, classes.
        raw: The three levels before decoding, as the loss wants them.
    """

    indices: list[int]
    shape: tuple[int, int]
    decoded: torch.Tensor
    raw: list[torch.Tensor]


def check_precision(device: torch.device, precision: Precision) -> None:
    """Make sure that a device computes in a precision.

    Raises:
        InputError: It does not.
    """
    if precision == "float16" and device.type != "cuda":
        raise InputError(f"precision float16: needs a GPU; expected float32 or bfloat16 on device {device}")


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """The context in which a network of this precision computes."""
    kinds = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    return torch.autocast(device.type, dtype=kinds[precision], enabled=precision != "float32")


def to_network(images: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """uint8 (B, C, H, W) as the network takes it: float32 shares of 255, channels last in memory."""
    tensor = torch.from_numpy(images)
    if device.type == "cuda":
        tensor = tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(torch.float32, memory_format=torch.channels_last).div_(255)


def read_ahead(images: FramedImages, groups: Sequence[list[int]]) -> Iterator[tuple[list[int], NDArray[np.uint8]]]:
    """Go through batches of images; while one is worked on, the next one is read.

    Args:
        images: To read from.
        groups: Numbers of the images of each batch, which share a shape.

    Yields:
        Numbers of a batch, and its pixels: uint8 (B, C, H, W).
    """
    with ThreadPoolExecutor(max_workers=2) as readers:

        def start(group: list[int]) -> list[Future[NDArray[np.uint8]]]:
            return [readers.submit(images.__getitem__, index) for index in group]

        coming = start(groups[0]) if groups else []
        for number, group in enumerate(groups):
            pixels = np.stack([read.result() for read in coming])
            coming = start(groups[number + 1]) if number + 1 < len(groups) else []
            yield group, pixels


@torch.inference_mode()
def infer(
    network: Network, images: FramedImages, batch: int, device: torch.device, precision: Precision = "float32"
) -> Iterator[Answer]:
    """Run a network in evaluation mode over images; the next batch is read while the network works.

    Args:
        network: On `device`, in evaluation mode.
        images: What to look at.
        batch: Images at a time, at most.
        device: Where the network is.
        precision: Arithmetic of the network; answers are float32 all the same.
    """
    for group, pixels in read_ahead(images, images.batches(batch)):
        with autocast(device, precision):
            decoded, raw = network(to_network(pixels, device))
        yield Answer(group, pixels.shape[2:], decoded.float(), [level.float() for level in raw])
