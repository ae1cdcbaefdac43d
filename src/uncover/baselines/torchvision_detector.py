"""Torchvision's detectors, trained on whole faces with the recipe of its reference scripts.

Networks and losses are torchvision's; backbone, initial weights and loop are here. The recipe is SGD with momentum,
linear warm-up, and random mirroring only. An interrupted training ends with the same weights as an uninterrupted one:
random numbers depend only on seed and epoch. A backbone trained from scratch has ordinary batch norm: the frozen norms
that torchvision uses for initial weights would leave a new network without normalisation.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection.backbone_utils import mobilenet_backbone, resnet_fpn_backbone
from torchvision.ops.misc import FrozenBatchNorm2d

from uncover.baselines.training import (
    METRICS,
    Row,
    Training,
    check_start,
    check_weights,
    epoch_line,
    face_boxes,
    read_faces,
    unfinished,
    write_outcome,
)
from uncover.baselines.weights import BaselineWeights, start_from
from uncover.config.baselines import Torchvision
from uncover.errors import keeping
from uncover.images.labelled import LabelledImages
from uncover.images.letterbox import GREY, Letterbox, fit, letterbox
from uncover.images.reading import COLOURS
from uncover.metrics.average_precision import ap_per_class, fitness
from uncover.metrics.detections import Detections, Detector
from uncover.metrics.matching import match_image
from uncover.progress import track
from uncover.yolov5.checkpoint import TrainingState, load_state, save_state
from uncover.yolov5.inference import FramedImages, read_groups

logger = logging.getLogger(__name__)

CONFIDENCE, NMS_IOU, MOST_BOXES = 0.001, 0.5, 300
"""Lowest confidence, IoU above which the less confident of two boxes is dropped (torchvision's), boxes per photo."""

MOMENTUM, DECAY, GRADIENT_NORM = 0.9, 1e-4, 10.0
MOST_WARMUP_STEPS, FIRST_RATE = 1000, 1e-3
LAST_LAYERS = 3
"""Trainable layers of a backbone with initial weights, torchvision's default."""

OLD_NAMES = (
    (re.compile(r"(\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$"), lambda found: f"{found[1]}.0.{found[2]}"),
    (re.compile(r"^(rpn\.head\.conv)\.(weight|bias)$"), lambda found: f"{found[1]}.0.0.{found[2]}"),
    (
        re.compile(r"^(head\.\w+_head\.conv)\.([0246])\.(weight|bias)$"),
        lambda found: f"{found[1]}.{int(found[2]) // 2}.0.{found[3]}",
    ),
)
"""Old layer names in torchvision's files and their current names; torchvision renames them when loading."""


@dataclass(frozen=True)
class Family:
    """A kind of detector.

    Attributes:
        name: Name of the baseline.
        build: Builds the network from the name of the backbone, the longest side of its input in pixels, and whether
            the backbone gets initial weights (with frozen norms and first layers).
        face: Number of the face class.
    """

    name: str
    build: Callable[[str, int, bool], nn.Module]
    face: int


def limits(size: int) -> dict[str, Any]:
    """Arguments of both kinds of detectors: scale the longest side of a photo to `size`, and keep weak boxes."""
    # The scale is min(min_size / shortest side, max_size / longest side); with equal sizes it is the latter.
    return {"min_size": size, "max_size": size}


def build_backbone(
    network: str, started: bool, extra: nn.Module | None, resnet: list[int], mobile: list[int] | None
) -> nn.Module:
    """A backbone with a feature pyramid; nothing is downloaded.

    Args:
        network: Name of the backbone.
        started: Whether it will get initial weights: norms and first layers are frozen then.
        extra: Block that makes the coarsest levels; None pools the last one.
        resnet: Layers of a ResNet that become levels.
        mobile: Layers of a MobileNet that become levels; None uses torchvision's.
    """
    norm = FrozenBatchNorm2d if started else nn.BatchNorm2d
    options: dict[str, Any] = {"backbone_name": network, "weights": None, "norm_layer": norm, "extra_blocks": extra}
    if not network.startswith("resnet"):
        options |= {"trainable_layers": LAST_LAYERS if started else 6, "returned_layers": mobile, "fpn": True}
        return mobilenet_backbone(**options)
    backbone = resnet_fpn_backbone(**options, trainable_layers=LAST_LAYERS if started else 5, returned_layers=resnet)
    for module in backbone.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = 0.0  # as in the training of the COCO weights of ResNets
    return backbone


def give_start(network: nn.Module, start: BaselineWeights, name: str) -> None:
    """Copy matching tensors of torchvision's COCO weights into a network.

    Args:
        network: Network to change.
        start: State dict of a file of torchvision.
        name: Name of the network in messages.

    Raises:
        InputError: Fewer than half of the network's tensors match.
    """
    start_from(network, BaselineWeights(renamed(start.state), start.about), name)


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors with the current names of their layers."""
    result = {}
    for key, value in state.items():
        for pattern, name in OLD_NAMES:
            key = pattern.sub(name, key)
        result[key] = value
    return result


def load(
    family: Family,
    settings: Torchvision,
    weights: BaselineWeights | None,
    device: torch.device,
    nms_iou: float = NMS_IOU,
) -> Detector:
    """Load a trained detector; its input has the size of its training.

    Args:
        family: Kind of detector.
        settings: Not used: the weights contain the settings.
        weights: Weights of a training.
        device: Device to run on.
        nms_iou: IoU above which the less confident of two boxes is dropped.

    Raises:
        InputError: There are no weights, or they are of another detector.
    """
    about = (weights := check_weights(weights, family.name)).about
    size, started = int(about["image_size"]), about["training"]["settings"]["weights"] == "coco"
    network = family.build(str(about["network"]), size, started)
    network.load_state_dict(dict(weights.state))
    # Limits of its result; limits of intermediate steps stay as they are.
    last: Any = getattr(network, "roi_heads", network)
    last.nms_thresh = nms_iou
    return TorchvisionDetector(network.to(device).eval(), size, family.face, device)


@dataclass(frozen=True)
class TorchvisionDetector:
    """A trained network, in evaluation mode.

    Attributes:
        network: Network on `device`.
        size: Longest side of its input, in pixels.
        face: Number of the face class.
        device: Device of the network.
    """

    network: nn.Module
    size: int
    face: int
    device: torch.device

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """See `Detector.detect`; one by one, because shapes differ."""
        found = []
        for image in images:
            frame = fit(image.shape[1], image.shape[0], self.size)
            pixels = np.ascontiguousarray(letterbox(image, frame).transpose(2, 0, 1))
            found += look(self.network, [pixels], [frame], self.face, self.device)
        return found


@torch.inference_mode()
def look(
    network: nn.Module, images: list[NDArray[np.uint8]], frames: list[Letterbox], face: int, device: torch.device
) -> list[Detections]:
    """Faces in some photos, by falling confidence.

    Args:
        network: Network on `device`, in evaluation mode.
        images: uint8 (3, H, W) each, in their frames.
        frames: Frames of the photos.
        face: Number of the face class.
        device: Device of the network.
    """
    found = []
    for answer, frame in zip(network([to_tensor(image, device) for image in images]), frames, strict=True):
        kept = answer["labels"] == face
        scores, order = answer["scores"][kept].sort(descending=True, stable=True)
        boxes = frame.to_original(answer["boxes"][kept][order].cpu().numpy())
        found.append(Detections(boxes.astype(np.float32), scores.float().cpu().numpy()))
    return found


def to_tensor(image: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Convert uint8 (3, H, W) into the network's input: float32 shares of 255."""
    return torch.from_numpy(image).to(device).to(torch.float32).div_(255)


def run_training(
    family: Family,
    settings: Torchvision,
    start: BaselineWeights | None,
    data: Path,
    out: Path,
    device: torch.device,
    identity: Mapping[str, object] | None = None,
) -> None:
    """Train until all epochs are done.

    Args:
        family: Kind of detector.
        settings: Backbone, epochs and so on.
        start: COCO weights of torchvision, if the settings ask for them.
        data: Folder with the data sets `train` and `val`.
        out: Output folder for `weights.pt` (of the best epoch), `results.csv` and `summary.json`; the state of an
            unfinished training is in its `.resume/`.
        device: Device of the training.
        identity: Further values that change the result, such as a digest of the code.

    Raises:
        InputError: A set or a photo is unusable, the initial weights are missing or of another network, or the loss is
            no longer finite.
    """
    check_start(settings, start, family.name)
    training = Training(family.name, settings.network, settings, start, read_faces(data))
    training.announce(device)
    about = {**training.identity(), "device": device.type, **(identity or {})}
    with unfinished(out, about, training.about()) as folder, _repeatable():
        loop = _Loop(family, training, settings, folder, device)
        while loop.state.epoch < settings.epochs:
            with keeping(lambda: loop.state.epoch > 0), training.needs_memory(device):
                loop.run_epoch()
        write_outcome(out, training, loop.state.rows, loop.state.best_epoch, loop.state.best)


@contextmanager
def _repeatable() -> Iterator[None]:
    """Make torch use deterministic algorithms."""
    before = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("warn")
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)


class _Loop:
    """A running training."""

    def __init__(
        self, family: Family, training: Training, settings: Torchvision, folder: Path, device: torch.device
    ) -> None:
        self._family, self._training, self._settings, self._device = family, training, settings, device
        self._folder = folder
        with self._chance(0):
            network = family.build(settings.network, settings.image_size, training.start is not None)
        if training.start is not None:
            give_start(network, training.start, training.network)
        self._network = network.to(device)
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.SGD(
            parameters, lr=settings.learning_rate, momentum=MOMENTUM, weight_decay=DECAY, nesterov=True
        )
        self._images, self._val_images = (
            FramedImages(faces.paths, faces.sizes, settings.image_size, COLOURS, GREY, keep=True)
            for faces in (training.faces.training, training.faces.validation)
        )
        self._steps = -(-len(training.faces.training) // settings.batch)
        self.state = load_state(folder) or TrainingState()
        if self.state.epoch:
            self._network.load_state_dict(self.state.network)
            self._optimizer.load_state_dict(self.state.optimizer)
            logger.info(f"resuming after epoch {self.state.epoch} of {settings.epochs} ({folder})")

    def run_epoch(self) -> None:
        """Train an epoch, validate, save the state."""
        started = time.monotonic()
        state = self.state
        with self._chance(1 + state.epoch):
            losses = self._train_epoch()
        self._network.eval()
        scores = score(self._network, self._training.faces.validation, self._val_images, self._family, self._device)
        row: Row = {"epoch": state.epoch, **losses, **dict(zip(METRICS, scores, strict=True))}
        row["seconds"] = round(time.monotonic() - started, 3)
        state.rows.append(row)
        if state.best_epoch < 0 or _fitness(row) >= _fitness(state.rows[state.best_epoch]):
            state.best_epoch = state.epoch
            state.best = {name: value.cpu().clone() for name, value in self._network.state_dict().items()}
        state.epoch += 1
        state.network, state.optimizer = self._network.state_dict(), self._optimizer.state_dict()
        save_state(self._folder, state)
        logger.info(epoch_line(state.rows, self._settings.epochs))

    def _train_epoch(self) -> Row:
        epoch, total = self.state.epoch, dict[str, float]()
        chance = np.random.default_rng([self._settings.seed, epoch])
        order = chance.permutation(len(self._images.paths))
        mirrored = chance.random(len(order)) < 0.5
        groups = [group.tolist() for group in np.array_split(order, self._steps)]
        self._network.train()
        described = f"epoch {epoch + 1}/{self._settings.epochs}"
        for number, (group, images) in enumerate(track(read_groups(self._images, groups), described, self._steps)):
            pairs = [
                self._example(index, image, bool(mirrored[index])) for index, image in zip(group, images, strict=True)
            ]
            losses = self._network([image for image, _ in pairs], [target for _, target in pairs])
            loss = torch.stack(list(losses.values())).sum()
            if not torch.isfinite(loss):
                raise self._training.diverged(epoch)
            self._optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self._network.parameters(), max_norm=GRADIENT_NORM)
            self._optimizer.param_groups[0]["lr"] = self._settings.learning_rate * self._factor(number)
            self._optimizer.step()
            for name, value in losses.items():
                name = f"train/{name.removeprefix('loss_')}_loss"
                total[name] = total.get(name, 0.0) + float(value.detach()) / self._steps
        return total

    def _example(self, index: int, image: NDArray[np.uint8], mirrored: bool) -> tuple[Tensor, dict[str, Tensor]]:
        """A photo in its frame and its faces, as the network takes them."""
        boxes = self._images.frames[index].to_network(face_boxes(self._training.faces.training, index))
        boxes = boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]  # boxes outside the photo become empty
        if mirrored:
            image = np.ascontiguousarray(image[:, :, ::-1])
            boxes[:, [0, 2]] = image.shape[2] - boxes[:, [2, 0]]
        labels = torch.full((len(boxes),), self._family.face, dtype=torch.int64, device=self._device)
        corners = torch.from_numpy(boxes.astype(np.float32)).to(self._device)
        return to_tensor(image, self._device), {"boxes": corners, "labels": labels}

    def _factor(self, number: int) -> float:
        """Factor on the learning rate: rises during the first epoch, then falls along a cosine."""
        step = self.state.epoch * self._steps + number
        rise = min(1.0, FIRST_RATE + step / min(MOST_WARMUP_STEPS, self._steps))
        return rise * (1 + math.cos(math.pi * step / (self._steps * self._settings.epochs))) / 2

    @contextmanager
    def _chance(self, number: int) -> Iterator[None]:
        """Seed torch's random numbers, used to initialise networks and to sample anchors, from the seed only."""
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            state = np.random.SeedSequence([self._settings.seed, number]).generate_state(1, np.uint64)
            torch.manual_seed(int(state[0]) >> 1)
            yield


def score(
    network: nn.Module, faces: LabelledImages, images: FramedImages, family: Family, device: torch.device
) -> tuple[float, float, float, float]:
    """Precision and recall at the confidence of the best F1, AP at IoU 0.5, and mean AP at 0.5, 0.55 ... 0.95."""
    correct, confidence = [], []
    groups = [[index] for index in range(len(faces))]
    for (index,), pixels in read_groups(images, groups):
        (found,) = look(network, pixels, [images.frames[index]], family.face, device)
        nought = np.zeros((len(found.boxes), 1))
        true = face_boxes(faces, index)
        predicted = np.column_stack([found.boxes, found.confidence, nought])
        correct.append(match_image(predicted, np.column_stack([np.zeros(len(true)), true])))
        confidence.append(found.confidence)
    sure = np.concatenate(confidence)
    metrics = ap_per_class(np.concatenate(correct), sure, np.zeros(len(sure)), np.zeros(sum(map(len, faces.labels))))
    return metrics.mean_precision, metrics.mean_recall, metrics.map50, metrics.map50_95


def _fitness(row: Row) -> float:
    return fitness(row[METRICS[2]], row[METRICS[3]])
