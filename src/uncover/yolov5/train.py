"""Training of one detector by YOLOv5's recipe, with any number of channels.

The loop is our own, the recipe upstream's (yolov5 7.0.14, train.py); docs/differences.md lists the differences. An
interrupted training is resumed after its last epoch and ends with the same weights as an uninterrupted one.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from uncover.atomic import alone_in
from uncover.config.packaged import ComposedDetector
from uncover.errors import Diverged, keeping, needs_memory
from uncover.images.composed import ComposedEpochs
from uncover.images.letterbox import STRIDE
from uncover.images.loader import Batch, TrainingImages, epoch_order, iterate_batches
from uncover.progress import track
from uncover.yolov5.autobatch import resolve_batch
from uncover.yolov5.checkpoint import TrainingState, load_state, remove_state, save_state, state_folder
from uncover.yolov5.device import autocast, check_precision
from uncover.yolov5.distributed import ProcessGroup
from uncover.yolov5.inference import FramedImages, batch_in_words, to_network
from uncover.yolov5.job import Job, build_start
from uncover.yolov5.loss import DetectionLoss
from uncover.yolov5.network import Network
from uncover.yolov5.optimizer import ModelEMA, Schedule, build_optimizer
from uncover.yolov5.results import (
    about_training,
    check_finished,
    epoch_line,
    epoch_row,
    fitness_of,
    write_outcome,
    write_record,
)
from uncover.yolov5.validate import Validation, validate

logger = logging.getLogger(__name__)

CacheMode = Literal["auto", "ram", "disk", "none"]

GRADIENT_NORM = 10.0


def train(
    job: Job,
    out: Path,
    processes: ProcessGroup,
    cache: CacheMode = "auto",
    workers: int | None = None,
    identity: Mapping[str, object] | None = None,
    replace: bool = True,
) -> dict[str, object]:
    """Train until all epochs are done or early stopping ends the training.

    Args:
        job: The training.
        out: Output folder for `weights.pt` (moving average of the best epoch), `results.csv` and `summary.json`; the
            state of an unfinished training is in its `.resume/`.
        processes: The processes that train together.
        cache: Where decoded images are kept.
        workers: Threads that prepare images; None chooses a number.
        identity: Further values that change the result, such as a digest of the code.
        replace: Replace a trained model of other settings or data.

    Returns:
        Content of `summary.json`.

    Raises:
        Diverged: The loss is no longer finite.
        InputError: An image or the initial weights are unusable, the device does not support the precision, or a model
            of
            another training would be replaced.
        OutOfMemory: A batch does not fit into memory; the state after the last complete epoch is kept.
    """
    check_precision(processes.device, job.settings.precision)
    state_at = state_folder(
        out, {**job.identity(), "processes": processes.world_size, "device": processes.device.type, **(identity or {})}
    )

    def check() -> None:
        if not replace:
            check_finished(out, about_training(job), state_at)

    check()
    # The previous process, such as a job whose Snakemake was killed, may still be writing its state.
    with alone_in(out, logger.info) if processes.is_main else contextlib.nullcontext():
        if processes.is_main:
            check()  # meanwhile, the other process may have finished a model
        processes.broadcast("all processes start together")
        return _train(job, out, processes, state_at, cache, workers)


def _train(
    job: Job, out: Path, processes: ProcessGroup, state_at: Path, cache: CacheMode, workers: int | None
) -> dict[str, object]:
    loop = _Loop(job, processes, state_at, cache, workers)
    if processes.is_main:
        logger.info(
            f"{job.settings.model}, {job.channels} channels ({job.input}), {len(job.training.class_names)} classes:"
            f" training on {loop.learns_from}, validating on {len(job.validation)}, batch {loop.batch},"
            f" {processes.device}" + (f", {processes.world_size} processes" if processes.world_size > 1 else "")
        )
    while not loop.finished:
        with keeping(lambda: loop.state.epoch > 0):
            loop.run_epoch()
    if not processes.is_main:
        return {}
    summary = write_outcome(out, job, loop.state, loop.batch)
    remove_state(state_at)
    return summary


def _scaled(shape: Sequence[int], size: int) -> list[int]:
    """Height and width of images with another longest side, as multiples of the stride."""
    factor = size / max(shape)
    return [int(np.ceil(side * factor / STRIDE)) * STRIDE for side in shape]


def _nothing(_: str) -> None:
    """Log function of processes other than the main process."""


class _Loop:
    """A running training."""

    def __init__(
        self, job: Job, processes: ProcessGroup, state_at: Path, cache: CacheMode, workers: int | None
    ) -> None:
        self.job, self.processes, self._state_at, self._workers = job, processes, state_at, workers
        settings = job.settings
        self.state = load_state(state_at) or TrainingState()
        torch.use_deterministic_algorithms(True, warn_only=True)
        network = build_start(settings, job.training, job.channels, job.start)
        self.network = network.freeze(settings.freeze).to(processes.device).to(memory_format=torch.channels_last)
        self.batch = self.state.batch or resolve_batch(settings, self.network, job.channels, processes)
        self.state.batch = self.batch
        self._training = job.training.repeated(settings.least_images)
        self._images: TrainingImages | ComposedEpochs
        if job.composed is not None:
            self._images = job.composed.epochs(self.batch, settings.image_size, settings.seed)
        else:
            self._images = self._labelled_images(cache, state_at / "images")
        self._framed = FramedImages(
            job.validation.paths,
            job.validation.sizes,
            settings.image_size,
            job.channels,
            job.padding,
            keep=True,
            kind=job.input,
        )
        self.ema = ModelEMA(self.network, self.state.updates)
        if isinstance(settings, ComposedDetector):
            self.ema = ModelEMA(self.network, self.state.updates, settings.ema_decay, settings.ema_ramp)
        self._learnt_share = settings.learnt_share if isinstance(settings, ComposedDetector) else 1.0
        self._start = copy.deepcopy(self.ema.ema.state_dict()) if self._learnt_share < 1 else {}
        self.optimizer = build_optimizer(self.network, settings, self.batch)
        self.scaler = torch.amp.GradScaler(processes.device.type, enabled=settings.precision == "float16")
        if self.state.epoch:
            self._restore()
        steps = (
            self._images.steps if isinstance(self._images, ComposedEpochs) else -(-len(self._training) // self.batch)
        )
        self._schedule = Schedule(settings, self.batch, steps)
        self._steps = steps
        self._loss = DetectionLoss(
            self.network, settings.hyperparameters, settings.image_size, settings.exclusive_candidates
        )
        self._parallel = processes.data_parallel(self.network)

    def _labelled_images(self, cache: CacheMode, cache_folder: Path) -> TrainingImages:
        job, settings, processes = self.job, self.job.settings, self.processes
        return TrainingImages(
            self._training,
            settings.image_size,
            settings.hyperparameters,
            rectangular=settings.rectangular,
            flip_swaps_sides=settings.flip_swaps_sides,
            seed=settings.seed,
            padding=job.padding,
            cache=cache,
            cache_folder=cache_folder,
            channels=job.channels,
            batch=self.batch,
            processes=processes.world_size,
            report=logger.info if processes.is_main else _nothing,
            kind=job.input,
            occlusion=settings.occlusion,
        )

    def _restore(self) -> None:
        state = self.state
        self.network.load_state_dict(state.network)
        self.ema.ema.load_state_dict(state.ema)
        self.optimizer.load_state_dict(state.optimizer)
        self.scaler.load_state_dict(state.scaler)
        if self.processes.is_main:
            logger.info(f"resuming after epoch {state.epoch} of {self.job.settings.epochs} ({self._state_at})")

    @property
    def learns_from(self) -> str:
        """Describe the training images of an epoch."""
        photos = len(self.job.training)
        if isinstance(self._images, ComposedEpochs):
            return f"{self._images.images} images per epoch, composed from {photos} photos"
        return f"{photos} images"

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or early stopping applies."""
        settings, state = self.job.settings, self.state
        waited = state.epoch - 1 - state.best_epoch
        return state.epoch >= settings.epochs or (
            settings.patience > 0 and state.epoch > 0 and waited >= settings.patience
        )

    def run_epoch(self) -> None:
        """Train an epoch, validate, save the state."""
        started = time.monotonic()
        losses = self._train_epoch()
        trained = time.monotonic()
        state = self.state
        if self.processes.is_main:
            result = self._validate()
            row = self._row(losses, result, trained - started, time.monotonic() - trained)
            state.rows.append(row)
            state.class_map = result.class_map.tolist()
            last_counts = self.job.settings.keep == "last"
            if last_counts or state.best_epoch < 0 or result.fitness >= fitness_of(state.rows[state.best_epoch]):
                state.best_epoch = state.epoch
                state.best = {name: value.cpu().clone() for name, value in self._counting().state_dict().items()}
        state.epoch += 1
        if self.processes.is_main:
            self._keep()
            logger.info(epoch_line(state.rows, self.job.settings.epochs))
        state.best_epoch, state.class_map = self.processes.broadcast((state.best_epoch, state.class_map))

    def _train_epoch(self) -> tuple[float, float, float]:
        settings, device = self.job.settings, self.processes.device
        self.network.train()
        self.optimizer.zero_grad()
        total = torch.zeros(3, device=device)
        batches = self._batches()
        described = f"epoch {self.state.epoch + 1}/{settings.epochs}"
        # Threads that prepare images end with the epoch, also after an error.
        with contextlib.closing(batches):
            for number, (images, targets) in enumerate(track(batches, described, self._steps)):
                step = self.state.epoch * self._steps + number
                self._schedule.apply(self.optimizer, step, self.state.epoch)
                size = self._size(step)
                shape = images.shape if size is None else (*images.shape[:2], *_scaled(images.shape[2:], size))
                with needs_memory(f"epoch {self.state.epoch + 1}: {batch_in_words(shape, device)}", self._smaller):
                    inputs = to_network(images, device)
                    if inputs.shape != shape:
                        inputs = nn.functional.interpolate(inputs, size=shape[2:], mode="bilinear", align_corners=False)
                    with autocast(device, settings.precision):
                        raw = self._parallel(inputs)
                    loss, items = self._loss([level.float() for level in raw], torch.from_numpy(targets).to(device))
                    self.scaler.scale(loss * self.processes.world_size).backward()
                    if step - self.state.last_step >= self._schedule.accumulate(step):
                        self._optimize(len(images))
                        self.state.last_step = step
                total += items
                if device.type == "cpu":
                    self._check_finite(items, number)
        mean = total / self._steps
        self._check_finite(mean, self._steps - 1)
        # The last step of an epoch may give non-finite weights that no loss of the epoch shows.
        if not torch.stack(torch._foreach_norm(list(self.network.parameters()))).isfinite().all():
            raise self._diverged(self._steps - 1, "the weights are no longer finite")
        box, objectness, classes = mean.tolist()
        return box, objectness, classes

    def _batches(self) -> Generator[Batch]:
        epoch = self.state.epoch
        if isinstance(self._images, ComposedEpochs):
            return self._images.batches(epoch, self._workers)
        return iterate_batches(
            self._images,
            epoch_order(self._images, self.job.settings.seed, epoch, self._photo_weights()),
            self.batch,
            epoch,
            workers=self._workers,
            rank=self.processes.rank,
            world_size=self.processes.world_size,
        )

    def _optimize(self, images: int) -> None:
        self.scaler.unscale_(self.optimizer)
        # The loss is a sum over images, and batches of composed images differ in size.
        most = GRADIENT_NORM * (images if isinstance(self._images, ComposedEpochs) else 1)
        nn.utils.clip_grad_norm_(self.network.parameters(), max_norm=most)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        self.ema.update(self.network)

    def _photo_weights(self) -> np.ndarray | None:
        """Upstream's `image_weights`: photos of rare and poorly detected classes are drawn more often."""
        if not self.job.settings.image_weights:
            return None
        labels, classes = self._training.labels, len(self._training.class_names)
        counts = np.stack([np.bincount(own[:, 0].astype(int), minlength=classes) for own in labels])
        rarity = 1 / np.maximum(counts.sum(0), 1)
        missed = 1 - np.asarray(self.state.class_map or [0.0] * classes)
        return (counts * (rarity / rarity.sum() * missed**2)).sum(1)

    def _size(self, step: int) -> int | None:
        """Longest side of a step's images in pixels, if it changes between steps."""
        if not self.job.settings.multi_scale:
            return None
        size = self.job.settings.image_size
        chance = np.random.default_rng([self.job.settings.seed, step])
        return int(chance.integers(size // 2, size + size // 2 + STRIDE)) // STRIDE * STRIDE

    @property
    def _smaller(self) -> str:
        """Advice if a batch does not fit into memory."""
        settings, epoch = self.job.settings, self.state.epoch
        mixed = (
            ", or precision=float16" if settings.precision == "float32" and self.processes.device.type == "cuda" else ""
        )
        size = f"a smaller batch (now {self.batch}) or image_size (now {settings.image_size}) with --set{mixed}"
        return f"use {size}" + (f"; the state after epoch {epoch} is kept" if epoch else "")

    def _check_finite(self, items: torch.Tensor, number: int) -> None:
        if not torch.isfinite(items).all():
            values = ", ".join(f"{item:.4g}" for item in items.tolist())
            raise self._diverged(number, f"the loss is no longer finite (box, objectness, class: {values})")

    def _diverged(self, number: int, what: str) -> Diverged:
        epoch = self.state.epoch
        kept = f"; the state after epoch {epoch} is kept" if epoch else ""
        return Diverged(
            f"epoch {epoch + 1}, batch {number + 1}: {what}; lower lr0, or use precision float32{kept}", epoch
        )

    def _counting(self) -> Network:
        """The network that is validated and saved."""
        if self._learnt_share == 1:
            return self.ema.ema
        network = copy.deepcopy(self.ema.ema)
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(self._start[name], 1 - self._learnt_share)
        return network

    def _validate(self) -> Validation:
        settings = self.job.settings
        return validate(
            self._counting(),
            self.job.validation,
            self._framed,
            self._loss,
            max(1, self.batch // self.processes.world_size) * 2,
            self.processes.device,
            settings.precision,
        )

    def _row(
        self, losses: tuple[float, float, float], result: Validation, trained: float, validated: float
    ) -> dict[str, float]:
        # Learning rates of groups with a rate of their own come last.
        rates = [group["lr"] for group in self.optimizer.param_groups[:3]]
        values = (*losses, result.precision, result.recall, result.map50, result.map50_95, *result.losses, *rates)
        return epoch_row(self.state.epoch, values, trained, validated)

    def _keep(self) -> None:
        state = self.state
        state.network = self.network.state_dict()
        state.ema = self.ema.ema.state_dict()
        state.updates = self.ema.updates
        state.optimizer = self.optimizer.state_dict()
        state.scaler = self.scaler.state_dict()
        save_state(self._state_at, state)
        write_record(self._state_at / "results.csv", state.rows)
