"""SGD with Nesterov's momentum, Adam and AdamW, step for step those of torch.

`torch.optim` imports torch's compiler as soon as an optimiser is made: twice as long as `import torch` itself, and
150 MB, for a training that compiles nothing. tests/detector/test_descent.py holds ours against it.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

Rule = Literal["SGD", "Adam", "AdamW"]

SECOND_MOMENT, EPSILON = 0.999, 1e-8


class Descent:
    """Moves parameters against their gradients.

    Attributes:
        param_groups: Dicts of `params`, `lr`, `momentum` (for Adam its first beta) and `weight_decay`; rates may be
            changed between steps.
    """

    def __init__(self, groups: list[tuple[list[nn.Parameter], float]], rule: Rule, lr: float, momentum: float) -> None:
        """
        Args:
            groups: Parameters with their weight decay.
            rule: Which optimiser.
            lr: Learning rate of all groups.
            momentum: Likewise.
        """
        self._rule = rule
        self.param_groups: list[dict[str, Any]] = [
            {"params": parameters, "lr": lr, "momentum": momentum, "weight_decay": decay}
            for parameters, decay in groups
        ]
        self._steps = 0
        self._first: list[list[Tensor]] = [[torch.zeros_like(p) for p in parameters] for parameters, _ in groups]
        self._second = [[torch.zeros_like(p) for p in own] for own in self._first] if rule != "SGD" else []

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter; all of them need a gradient."""
        self._steps += 1
        for number, group in enumerate(self.param_groups):
            if not group["params"]:  # all of them frozen
                continue
            gradients = [parameter.grad for parameter in group["params"]]
            if self._rule == "SGD":
                self._step_sgd(group, gradients, self._first[number])
            else:
                self._step_adam(group, gradients, self._first[number], self._second[number])

    @staticmethod
    def _step_sgd(group: dict[str, Any], gradients: list[Tensor], momenta: list[Tensor]) -> None:
        if group["weight_decay"]:
            gradients = list(torch._foreach_add(gradients, group["params"], alpha=group["weight_decay"]))
        torch._foreach_mul_(momenta, group["momentum"])
        torch._foreach_add_(momenta, gradients)
        moves = torch._foreach_add(gradients, momenta, alpha=group["momentum"])
        torch._foreach_add_(group["params"], moves, alpha=-group["lr"])

    def _step_adam(
        self, group: dict[str, Any], gradients: list[Tensor], first: list[Tensor], second: list[Tensor]
    ) -> None:
        parameters, rate, decay, beta = group["params"], group["lr"], group["weight_decay"], group["momentum"]
        if decay and self._rule == "AdamW":
            torch._foreach_mul_(parameters, 1 - rate * decay)
        elif decay:
            gradients = list(torch._foreach_add(gradients, parameters, alpha=decay))
        torch._foreach_lerp_(first, gradients, 1 - beta)
        torch._foreach_mul_(second, SECOND_MOMENT)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - SECOND_MOMENT)
        scales = torch._foreach_sqrt(second)
        torch._foreach_div_(scales, (1 - SECOND_MOMENT**self._steps) ** 0.5)
        torch._foreach_add_(scales, EPSILON)
        torch._foreach_addcdiv_(parameters, first, scales, -rate / (1 - beta**self._steps))

    def state_dict(self) -> dict[str, Any]:
        """Steps and momenta; rates are the schedule's."""
        return {"steps": self._steps, "first": self._first, "second": self._second}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state of the same parameters."""
        self._steps = state["steps"]
        for own, given in ((self._first, state["first"]), (self._second, state["second"])):
            for tensors, values in zip(own, given, strict=True):
                for tensor, value in zip(tensors, values, strict=True):
                    tensor.copy_(value)
