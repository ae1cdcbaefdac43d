"""Hyperparameter evolution (thesis section 4.3): its budget and where it may search."""

from __future__ import annotations

from typing import Annotated, NamedTuple, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError, model_validator

from uncover.config.detectors import Hyperparameters
from uncover.config.values import Section


class SearchRange(NamedTuple):
    """How strongly a hyperparameter mutates, and its limits.

    Attributes:
        gain: Share of a mutation's spread; 0 leaves the hyperparameter alone.
        low: Lowest value.
        high: Highest value.
    """

    gain: Annotated[float, Field(ge=0)]
    low: float
    high: float


def _range(gain: float, low: float, high: float) -> SearchRange:
    return Field(SearchRange(gain, low, high), description="gain of mutations, lowest and highest value")


class SearchSpace(Section):
    """Where evolution may search; defaults are upstream's. A value of 0 stays 0: mutations multiply."""

    lr0: SearchRange = _range(1, 1e-5, 0.1)
    lrf: SearchRange = _range(1, 0.01, 1.0)
    momentum: SearchRange = _range(0.3, 0.6, 0.98)
    weight_decay: SearchRange = _range(1, 0.0, 0.001)
    warmup_epochs: SearchRange = _range(1, 0.0, 5.0)
    warmup_momentum: SearchRange = _range(1, 0.0, 0.95)
    warmup_bias_lr: SearchRange = _range(1, 0.0, 0.2)
    box: SearchRange = _range(1, 0.02, 0.2)
    cls: SearchRange = _range(1, 0.2, 4.0)
    cls_pw: SearchRange = _range(1, 0.5, 2.0)
    obj: SearchRange = _range(1, 0.2, 4.0)
    obj_pw: SearchRange = _range(1, 0.5, 2.0)
    iou_t: SearchRange = _range(0, 0.1, 0.7)
    anchor_t: SearchRange = _range(1, 2.0, 8.0)
    anchors: SearchRange = _range(2, 2.0, 10.0)
    fl_gamma: SearchRange = _range(0, 0.0, 2.0)
    hsv_h: SearchRange = _range(1, 0.0, 0.1)
    hsv_s: SearchRange = _range(1, 0.0, 0.9)
    hsv_v: SearchRange = _range(1, 0.0, 0.9)
    degrees: SearchRange = _range(1, 0.0, 45.0)
    translate: SearchRange = _range(1, 0.0, 0.9)
    scale: SearchRange = _range(1, 0.0, 0.9)
    shear: SearchRange = _range(1, 0.0, 10.0)
    perspective: SearchRange = _range(0, 0.0, 0.001)
    flipud: SearchRange = _range(1, 0.0, 1.0)
    fliplr: SearchRange = _range(0, 0.0, 1.0)
    mosaic: SearchRange = _range(1, 0.0, 1.0)
    mixup: SearchRange = _range(1, 0.0, 1.0)
    copy_paste: SearchRange = _range(1, 0.0, 1.0)

    @model_validator(mode="after")
    def _limits_are_values(self) -> Self:
        for name, limits in self:
            if limits.low > limits.high:
                raise ValueError(f"{name}: its lowest value {limits.low} is above its highest {limits.high}")
            for limit in (limits.low, limits.high):
                try:
                    Hyperparameters.model_validate({name: limit})
                except ValidationError as error:
                    reason = error.errors()[0]["msg"]
                    raise ValueError(f"{name}: {limit} is no value of this hyperparameter ({reason})") from None
        return self


class Evolution(Section):
    """Hyperparameter evolution (thesis section 4.3)."""

    generations: NonNegativeInt = Field(42, description="generations; 0 turns evolution off")
    epochs: PositiveInt = Field(10, description="epochs of each generation's training")
    parallel: PositiveInt = Field(
        1, description="generations that may train side by side, and so know nothing of each other"
    )
    mutation_probability: float = Field(0.8, gt=0, le=1, description="probability that a hyperparameter mutates")
    mutation_sigma: PositiveFloat = Field(0.2, description="spread of a mutation (the thesis gives its square, 0.04)")
    parents: PositiveInt = Field(5, description="best generations that parents are drawn from, weighted by fitness")
    seed: NonNegativeInt = Field(0, description="seed of mutations")
    space: SearchSpace = Field(SearchSpace(), description="where to search")
