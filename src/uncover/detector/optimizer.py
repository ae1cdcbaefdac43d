"""YOLOv5's optimiser: three groups of parameters, warm-up, and a learning rate that falls epoch by epoch.

Rates are pure functions of the step and the epoch, so a resumed training needs no state of a scheduler.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import nn

from uncover.config.detectors import Detector
from uncover.detector.descent import Descent

LEAST_WARMUP_STEPS = 100
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


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

    def apply(self, optimizer: Descent, step: int, epoch: int) -> None:
        """Set the rates of all groups for a step."""
        hyp = self.settings.hyperparameters
        target = hyp.lr0 * self.factor(epoch)
        progress = min(step / self.warmup_steps, 1.0) if self.warmup_steps else 1.0
        for number, group in enumerate(optimizer.param_groups):
            start = hyp.warmup_bias_lr if number == 0 else 0.0
            group["lr"] = start + (target - start) * progress
            if self.settings.optimizer == "SGD":  # as upstream, which knows no momentum of Adam
                group["momentum"] = hyp.warmup_momentum + (hyp.momentum - hyp.warmup_momentum) * progress


def build_optimizer(network: nn.Module, settings: Detector, batch: int) -> Descent:
    """SGD, Adam or AdamW over biases, decayed weights and weights of norms, in this order.

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
    groups = [(biases, 0.0), (decayed, decay), (norms, 0.0)]
    return Descent(groups, settings.optimizer, hyp.lr0, hyp.momentum)
