"""Hyperparameter evolution (thesis section 4.3): budget and search space."""

from __future__ import annotations

from typing import Annotated, NamedTuple, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError, model_validator

from uncover.config.detectors import Hyperparameters
from uncover.config.values import Section


class SearchRange(NamedTuple):
    """Search range of a hyperparameter.

    Attributes:
        gain: Factor on the standard deviation of a mutation; 0 keeps the hyperparameter fixed.
        low: Lowest value.
        high: Highest value.
    """

    gain: Annotated[float, Field(ge=0)]
    low: float
    high: float


def _range(gain: float, low: float, high: float) -> SearchRange:
    return Field(SearchRange(gain, low, high), description="Gain of mutations, lowest and highest value.")


class SearchSpace(Section):
    """Search space; defaults are those of upstream YOLOv5. Mutations multiply, so a value of 0 stays 0."""

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
                raise ValueError(f"{name}: the lowest value {limits.low} is above the highest value {limits.high}")
            for limit in (limits.low, limits.high):
                try:
                    Hyperparameters.model_validate({name: limit})
                except ValidationError as error:
                    reason = error.errors()[0]["msg"]
                    raise ValueError(
                        f"{name}: {limit} is not a valid value ({reason[0].lower()}{reason[1:]})"
                    ) from None
        return self


class Evolution(Section):
    """Hyperparameter evolution (thesis section 4.3)."""

    generations: NonNegativeInt = Field(42, description="Number of generations. `0`: no evolution.")
    epochs: PositiveInt = Field(10, description="Epochs per generation.")
    parallel: PositiveInt = Field(
        1,
        description="Number of generations that train in parallel. Parallel generations do not use each "
        "other's results.",
    )
    mutation_probability: float = Field(0.8, gt=0, le=1, description="Probability that a hyperparameter is mutated.")
    mutation_sigma: PositiveFloat = Field(
        0.2, description="Standard deviation of a mutation. The thesis prints the variance, `0.04`."
    )
    parents: PositiveInt = Field(
        5, description="Number of best generations from which parents are drawn, weighted by fitness."
    )
    seed: NonNegativeInt = Field(0, description="Random seed of the mutations.")
    space: SearchSpace = Field(SearchSpace(), description="Search range of each hyperparameter.")
