"""Training of torchvision's detectors on whole faces, by the recipe of its reference scripts.

SGD with momentum, a linear warm-up, photos mirrored by chance and nothing else. Its own are networks and losses; the
loop is ours. A training that is stopped at any moment ends with the weights of an undisturbed one: all chance comes
from the seed and the epoch.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from uncover.baselines.torchvision_detector import Family, give_start, look, to_tensor
from uncover.baselines.training import (
    METRICS,
    Row,
    Training,
    check_start,
    epoch_line,
    face_boxes,
    read_faces,
    unfinished,
    write_outcome,
)
from uncover.baselines.weights import BaselineWeights
from uncover.config.baselines import Torchvision
from uncover.errors import keeping
from uncover.images.labelled import LabelledImages
from uncover.images.letterbox import GREY
from uncover.images.reading import COLOURS
from uncover.metrics.average_precision import ap_per_class, fitness
from uncover.metrics.matching import match_image
from uncover.progress import track
from uncover.yolov5.checkpoint import TrainingState, load_state, save_state
from uncover.yolov5.inference import FramedImages, read_groups

logger = logging.getLogger(__name__)

MOMENTUM, DECAY, GRADIENT_NORM = 0.9, 1e-4, 10.0
MOST_WARMUP_STEPS, FIRST_RATE = 1000, 1e-3


def run_training(
    family: Family,
    settings: Torchvision,
    start: BaselineWeights | None,
    data: Path,
    out: Path,
    device: torch.device,
    identity: Mapping[str, object] | None = None,
) -> None:
    """Train until the epochs are over.

    Args:
        family: What to train.
        settings: Backbone, epochs and so on.
        start: COCO weights of torchvision's, where the settings ask for them.
        data: Folder with the data sets `train` and `val`.
        out: Folder that gets `weights.pt` (of the best epoch), `results.csv` and `summary.json`; the state of an
            unfinished training waits in its `.resume/`.
        device: Where to train.
        identity: Whatever else changes the result, such as a digest of the code.

    Raises:
        InputError: A set or a photo is unusable, the start weights are missing or of another network, or the loss is
            no longer a number.
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
    """Whatever torch can do in an order of its own it does in a fixed one."""
    before = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("warn")
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)


class _Loop:
    """A training under way."""

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
            logger.info(f"going on after epoch {self.state.epoch} of {settings.epochs} ({folder})")

    def run_epoch(self) -> None:
        """Train an epoch, validate, keep the state."""
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
        """A photo in its frame and the faces in it, as the network wants them."""
        boxes = self._images.frames[index].to_network(face_boxes(self._training.faces.training, index))
        boxes = boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]  # those outside the photo have no sides left
        if mirrored:
            image = np.ascontiguousarray(image[:, :, ::-1])
            boxes[:, [0, 2]] = image.shape[2] - boxes[:, [2, 0]]
        labels = torch.full((len(boxes),), self._family.face, dtype=torch.int64, device=self._device)
        corners = torch.from_numpy(boxes.astype(np.float32)).to(self._device)
        return to_tensor(image, self._device), {"boxes": corners, "labels": labels}

    def _factor(self, number: int) -> float:
        """Share of the learning rate: it rises within the first epoch, and falls along a cosine."""
        step = self.state.epoch * self._steps + number
        rise = min(1.0, FIRST_RATE + step / min(MOST_WARMUP_STEPS, self._steps))
        return rise * (1 + math.cos(math.pi * step / (self._steps * self._settings.epochs))) / 2

    @contextmanager
    def _chance(self, number: int) -> Iterator[None]:
        """Torch's own chance, by which networks begin and anchors are drawn, from the seed alone."""
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
