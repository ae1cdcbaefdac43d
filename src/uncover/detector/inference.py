"""The one path from image files to a network's answers: validation, prediction and detection all take it.

An image is shrunk or enlarged so that its longest side is the network's size, in the smallest rectangle around it that
the network's stride allows. What it is batched with never changes what the network sees of it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from uncover.config.detectors import MAP_INPUTS, Input
from uncover.detector.network import Network
from uncover.errors import InputError, needs_memory
from uncover.images.cache import readers
from uncover.images.letterbox import Frame, fit, letterbox
from uncover.images.maps import StoredMaps
from uncover.images.scaled import Source, bytes_of_maps, read_source, scale
from uncover.process import free_memory
from uncover.threads import in_background

Precision = Literal["float32", "float16", "bfloat16"]

SMALLER = "take a smaller batch or image size"
"""What to do where a batch does not fit into memory."""


class FramedImages:
    """Images of a list, each in its frame; they can be kept in memory to be gone through again.

    Photos are kept in their frames, heatmaps as small as they are stored.

    Attributes:
        paths: The files.
        frames: The frame of each.
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
    """The context in which a network of this precision computes; float32 leaves TF32 as it is."""
    kinds = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    return torch.autocast(device.type, dtype=kinds[precision], enabled=precision != "float32")


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Compute in single precision, whatever was chosen around: no mixed precision, no TF32, no bfloat16 on the CPU.

    The switches are those of the whole process, so they stay off until the last of several threads leaves.

    Args:
        device: Where the network is.
    """
    with _SWITCHES.off(), torch.autocast(device.type, enabled=False):
        yield


class _Switches:
    """What lets torch round the factors of single-precision products; each is put back as it was."""

    def __init__(self) -> None:
        self._lock, self._users = threading.Lock(), 0
        self._whole: list[Any] = []
        self._each: list[str] = []

    @contextmanager
    def off(self) -> Iterator[None]:
        with self._lock:
            if not self._users:
                self._turn_off()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._put_back()

    def _turn_off(self) -> None:
        cuda, cudnn = torch.backends.cuda, torch.backends.cudnn
        # The older switches cannot be read once somebody has used the newer ones, of each operation.
        self._whole = [
            _read(lambda: cuda.matmul.allow_tf32),
            _read(torch.get_float32_matmul_precision),
            _read(lambda: cudnn.allow_tf32),
        ]
        self._each = [operation.fp32_precision for operation in _operations()]
        cuda.matmul.allow_tf32 = False
        torch.set_float32_matmul_precision("highest")
        cudnn.allow_tf32 = False
        for operation in _operations():
            operation.fp32_precision = "ieee"

    def _put_back(self) -> None:
        products, precision, convolutions = self._whole
        if products is not None:
            torch.backends.cuda.matmul.allow_tf32 = products
        if precision is not None:
            torch.set_float32_matmul_precision(precision)
        if convolutions is not None:
            torch.backends.cudnn.allow_tf32 = convolutions
        for operation, own in zip(_operations(), self._each, strict=True):
            operation.fp32_precision = own


_SWITCHES = _Switches()


def _operations() -> list[Any]:
    backends: Any = torch.backends
    cudnn, mkldnn = backends.cudnn, backends.mkldnn
    return [backends.cuda.matmul, cudnn.conv, cudnn.rnn, mkldnn.matmul, mkldnn.conv, mkldnn.rnn]


def _read(switch: Callable[[], Any]) -> Any:
    try:
        return switch()
    except RuntimeError:
        return None


@contextmanager
def in_precision(device: torch.device, precision: Precision) -> Iterator[None]:
    """The context in which a network is asked: single precision is single precision, TF32 is not.

    Training uses `autocast`, which leaves TF32 as it is.
    """
    with full_float32(device) if precision == "float32" else autocast(device, precision):
        yield


def batch_in_words(shape: Sequence[int], device: torch.device) -> str:
    """A batch (B, C, H, W) on a device, for whoever must make it smaller."""
    return f"a batch of {shape[0]} images of {shape[3]} x {shape[2]} pixels on {device}"


def to_network(images: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """uint8 (B, C, H, W) as the network takes it: float32 shares of 255, channels last in memory."""
    tensor = torch.from_numpy(images)
    if device.type == "cuda":
        tensor = tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(torch.float32, memory_format=torch.channels_last).div_(255)


def read_groups(
    images: FramedImages, groups: Sequence[list[int]]
) -> Iterator[tuple[list[int], list[NDArray[np.uint8]]]]:
    """Go through groups of images of any shapes; while one is worked on, the next ones are read.

    Args:
        images: To read from.
        groups: Numbers of the images of each group.

    Yields:
        Numbers of a group, and its pixels: uint8 (C, H, W) of each image.
    """
    threads = readers(images.largest)
    jobs = (partial(images.__getitem__, index) for group in groups for index in group)
    # All of the next group, and something for every thread beyond it: a slow image must not leave the others idle.
    coming = in_background(jobs, max(map(len, groups), default=0) + threads, threads)
    for group in groups:
        yield group, [next(coming) for _ in group]


def read_ahead(images: FramedImages, groups: Sequence[list[int]]) -> Iterator[tuple[list[int], NDArray[np.uint8]]]:
    """As `read_groups`, where the images of a group share a shape: pixels are uint8 (B, C, H, W)."""
    for group, pixels in read_groups(images, groups):
        yield group, np.stack(pixels)


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
        with needs_memory(batch_in_words(pixels.shape, device), SMALLER), in_precision(device, precision):
            decoded, raw = network(to_network(pixels, device))
        yield Answer(group, pixels.shape[2:], decoded.float(), [level.float() for level in raw])
