"""YOLOv5's optimiser, schedule and moving average (yolov5 7.0.14, train.py and utils/torch_utils.py).

The optimisers are torch's. Learning rates and momenta are pure functions of the step and the epoch, so a resumed
training needs no state of a scheduler; torch's schedulers know neither a warm-up of the momentum nor one that lowers
the rate of the biases while it raises the others.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from uncover.config.detectors import Detector

LEAST_WARMUP_STEPS = 100
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
SECOND_BETA = 0.999
"""Of Adam and AdamW; the first one is the setting `momentum`."""
EMA_DECAY, EMA_RAMP = 0.9999, 2000.0

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
        """Steps of warm-up: the asked number of epochs, but never fewer than 100 steps, as upstream, or as set."""
        asked = round(self.settings.hyperparameters.warmup_epochs * self.steps_per_epoch)
        least = self.settings.least_warmup_steps
        return max(asked, LEAST_WARMUP_STEPS if least is None else least)

    def factor(self, epoch: int) -> float:
        """Share of `lr0` that an epoch (0-based) trains with."""
        last, progress = self.settings.hyperparameters.lrf, epoch / self.settings.epochs
        if self.settings.schedule == "cosine":
            return (1 - math.cos(progress * math.pi)) / 2 * (last - 1) + 1
        return (1 - progress) * (1 - last) + last

    def accumulate(self, step: int) -> int:
        """Batches that add up before the optimiser moves; `step` counts from the start of the training."""
        whole = self.settings.nominal_batch / self.batch
        if step <= self.warmup_steps > 0:
            return max(1, int(np.interp(step, [0, self.warmup_steps], [1, whole]).round()))
        return max(round(whole), 1)

    def apply(self, optimizer: Optimizer, step: int, epoch: int) -> None:
        """Set the rates of all groups for a step."""
        hyp = self.settings.hyperparameters
        target = hyp.lr0 * self.factor(epoch)
        progress = min(step / self.warmup_steps, 1.0) if self.warmup_steps else 1.0
        for number, group in enumerate(optimizer.param_groups):
            start = hyp.warmup_bias_lr if number == 0 else 0.0
            group["lr"] = start + (target - start) * progress
            if self.settings.optimizer == "SGD":  # as upstream, which knows no momentum of Adam
                group["momentum"] = hyp.warmup_momentum + (hyp.momentum - hyp.warmup_momentum) * progress


def build_optimizer(network: nn.Module, settings: Detector, batch: int) -> Optimizer:
    """SGD (Nesterov), Adam or AdamW over three groups: biases, decayed weights, weights of norms, as upstream.

    Args:
        network: Its parameters are optimised, but for frozen ones.
        settings: Optimiser, learning rate, momentum, weight decay.
        batch: Images per step of the loop, over all processes; the decay is scaled to what adds up to one step.
    """
    biases: list[nn.Parameter] = []
    decayed: list[nn.Parameter] = []
    norms: list[nn.Parameter] = []
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            if name == "bias":
                biases.append(parameter)
            elif isinstance(module, NORMS):
                norms.append(parameter)
            else:
                decayed.append(parameter)
    hyp, nominal = settings.hyperparameters, settings.nominal_batch
    decay = hyp.weight_decay * batch * max(round(nominal / batch), 1) / nominal
    groups: list[dict[str, Any]] = [
        {"params": biases, "weight_decay": 0.0},
        {"params": decayed, "weight_decay": decay},
        {"params": norms, "weight_decay": 0.0},
    ]
    if settings.optimizer == "SGD":
        return SGD(groups, lr=hyp.lr0, momentum=hyp.momentum, nesterov=True)
    adam = Adam if settings.optimizer == "Adam" else AdamW
    return adam(groups, lr=hyp.lr0, betas=(hyp.momentum, SECOND_BETA))


class ModelEMA(Generic[AnyNetwork]):
    """Exponential moving average of a network's weights and buffers: what is validated and kept.

    Its decay rises as upstream's, `0.9999 * (1 - exp(-updates / 2000))`. `torch.optim.swa_utils.AveragedModel` is
    another average: its first update copies the network, and it averages the counters of batch norms too.

    Attributes:
        ema: The averaged network, in evaluation mode.
        updates: Steps averaged so far.
    """

    def __init__(self, network: AnyNetwork, updates: int = 0) -> None:
        self.ema = copy.deepcopy(network).eval().requires_grad_(False)
        self.updates = updates

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the weights after a step of the optimiser."""
        self.updates += 1
        decay = EMA_DECAY * (1 - math.exp(-self.updates / EMA_RAMP))
        latest = network.state_dict()
        pairs = [(own, latest[name]) for name, own in self.ema.state_dict().items() if own.is_floating_point()]
        torch._foreach_lerp_([own for own, _ in pairs], [other for _, other in pairs], 1 - decay)
