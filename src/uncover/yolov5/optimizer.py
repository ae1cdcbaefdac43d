"""YOLOv5's optimiser, schedule and moving average (yolov5 7.0.14, train.py and utils/torch_utils.py).

The optimisers are those of torch. Learning rates and momenta are pure functions of step and epoch, so that resuming
needs no scheduler state; torch's schedulers support neither a warm-up of the momentum nor one that lowers the rate of
the biases while it raises the others.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from uncover.config.detectors import Detector
from uncover.config.packaged import ComposedDetector

LEAST_WARMUP_STEPS = 100
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
SECOND_BETA = 0.999
"""Second beta of Adam and AdamW; the first one is the setting `momentum`."""
EMA_DECAY, EMA_RAMP = 0.9999, 2000.0
SHARE = "share"
"""Key of a parameter group: its learning rate relative to the other groups."""

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


@dataclass(frozen=True)
class Schedule:
    """Learning rate, momentum and accumulation of a training.

    Attributes:
        settings: The detector's settings.
        batch: Images per step of the loop, over all processes.
        steps_per_epoch: Steps of the loop in an epoch.
    """

    settings: Detector
    batch: int
    steps_per_epoch: int

    @property
    def warmup_steps(self) -> int:
        """Steps of warm-up: the configured epochs, but at least 100 steps as in upstream, or as set."""
        asked = round(self.settings.hyperparameters.warmup_epochs * self.steps_per_epoch)
        least = self.settings.least_warmup_steps
        return max(asked, LEAST_WARMUP_STEPS if least is None else least)

    def factor(self, epoch: int) -> float:
        """Learning rate of an epoch (0-based) relative to `lr0`."""
        last, progress = self.settings.hyperparameters.lrf, epoch / self.settings.epochs
        if self.settings.schedule == "cosine":
            return (1 - math.cos(progress * math.pi)) / 2 * (last - 1) + 1
        return (1 - progress) * (1 - last) + last

    def falling(self, step: int, cool_down: float) -> float:
        """Learning rate of a step relative to `lr0`: constant, then falling to 0 over the last share of the steps."""
        steps = self.settings.epochs * self.steps_per_epoch
        return min((steps - step) / (cool_down * steps), 1.0) if cool_down else 1.0

    def accumulate(self, step: int) -> int:
        """Batches to accumulate before the optimiser updates; `step` counts from the start of the training."""
        whole = self.settings.nominal_batch / self.batch
        if step <= self.warmup_steps > 0:
            return max(1, int(np.interp(step, [0, self.warmup_steps], [1, whole]).round()))
        return max(round(whole), 1)

    def apply(self, optimizer: Optimizer, step: int, epoch: int) -> None:
        """Set the learning rates and momenta of all groups for a step."""
        hyp = self.settings.hyperparameters
        cool_down = self.settings.cool_down if isinstance(self.settings, ComposedDetector) else None
        target = hyp.lr0 * (self.factor(epoch) if cool_down is None else self.falling(step, cool_down))
        progress = min(step / self.warmup_steps, 1.0) if self.warmup_steps else 1.0
        for number, group in enumerate(optimizer.param_groups):
            start = hyp.warmup_bias_lr if number == 0 else 0.0
            group["lr"] = (start + (target - start) * progress) * group.get(SHARE, 1.0)
            if self.settings.optimizer == "SGD":  # as upstream, which does not warm up Adam's momentum
                group["momentum"] = hyp.warmup_momentum + (hyp.momentum - hyp.warmup_momentum) * progress


def build_optimizer(network: nn.Module, settings: Detector, batch: int) -> Optimizer:
    """SGD (Nesterov), Adam or AdamW with three groups as in upstream: biases, decayed weights, weights of norms.

    Args:
        network: Its parameters are optimised, except frozen ones.
        settings: Optimiser, learning rate, momentum, weight decay.
        batch: Images per step of the loop, over all processes; scales the decay to the accumulated batch.
    """
    hyp, nominal = settings.hyperparameters, settings.nominal_batch
    decay = hyp.weight_decay * batch * max(round(nominal / batch), 1) / nominal
    slow = _layers_of(network, settings.slow_layers) if isinstance(settings, ComposedDetector) else set()
    modules = list(network.modules())
    groups = _groups([module for module in modules if module not in slow], decay)
    if isinstance(settings, ComposedDetector) and slow:
        own = _groups([module for module in modules if module in slow], decay)
        groups += [{**group, SHARE: settings.slow_rate} for group in own]
    if settings.optimizer == "SGD":
        return SGD(groups, lr=hyp.lr0, momentum=hyp.momentum, nesterov=True)
    adam = Adam if settings.optimizer == "Adam" else AdamW
    return adam(groups, lr=hyp.lr0, betas=(hyp.momentum, SECOND_BETA))


def _groups(modules: Iterable[nn.Module], decay: float) -> list[dict[str, Any]]:
    """Trainable parameters of modules, without submodules: biases, decayed weights, weights of norms."""
    biases: list[nn.Parameter] = []
    decayed: list[nn.Parameter] = []
    norms: list[nn.Parameter] = []
    for module in modules:
        for name, parameter in module.named_parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            if name == "bias":
                biases.append(parameter)
            elif isinstance(module, NORMS):
                norms.append(parameter)
            else:
                decayed.append(parameter)
    return [
        {"params": biases, "weight_decay": 0.0},
        {"params": decayed, "weight_decay": decay},
        {"params": norms, "weight_decay": 0.0},
    ]


def _layers_of(network: nn.Module, count: int) -> set[nn.Module]:
    """Modules of the first layers of a network."""
    layers = getattr(network, "model", None)
    return {module for layer in list(layers or ())[:count] for module in layer.modules()}


class ModelEMA(Generic[AnyNetwork]):
    """Exponential moving average of a network's weights and buffers, used for validation and as the result.

    Its decay rises as in upstream, `0.9999 * (1 - exp(-updates / 2000))`, or as configured.
    `torch.optim.swa_utils.AveragedModel` differs: its first update copies the network, and it also averages the
    counters of batch norms.

    Attributes:
        ema: The averaged network, in evaluation mode.
        updates: Number of averaged steps.
    """

    def __init__(self, network: AnyNetwork, updates: int = 0, decay: float = EMA_DECAY, ramp: float = EMA_RAMP) -> None:
        self.ema = copy.deepcopy(network).eval().requires_grad_(False)
        self.updates, self._decay, self._ramp = updates, decay, ramp

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Add the weights after a step of the optimiser."""
        self.updates += 1
        decay = self._decay * (1 - math.exp(-self.updates / self._ramp))
        latest = network.state_dict()
        pairs = [(own, latest[name]) for name, own in self.ema.state_dict().items() if own.is_floating_point()]
        torch._foreach_lerp_([own for own, _ in pairs], [other for _, other in pairs], 1 - decay)
