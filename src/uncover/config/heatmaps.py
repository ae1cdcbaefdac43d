"""Class-activation maps of the first model: methods, layers, targets, variants (thesis section 3.2.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from uncover.config.values import Section, check_section
from uncover.errors import InputError

Share = float

Target = Literal["T1", "T2", "confidence"]
# The layers that feed YOLOv5's heads of small, middle and large boxes; -2 is the last of them alone.
MULTISCALE = (17, 20, 23)


class CamMethod(NamedTuple):
    """A method of class-activation mapping.

    Attributes:
        title: In print.
        code: Class of `uncover.cam.methods`, or of another package, in full, that computes maps as grad-cam does.
    """

    title: str
    code: str


METHODS = {
    "gradcampp": CamMethod("GradCAM++", "GradCAMPlusPlus"),
    "hirescam": CamMethod("HiResCAM", "HiResCAM"),
    "gradcam": CamMethod("GradCAM", "GradCAM"),
    "xgradcam": CamMethod("XGradCAM", "XGradCAM"),
    "layercam": CamMethod("LayerCAM", "LayerCAM"),
    "eigencam": CamMethod("EigenCAM", "EigenCAM"),
    "scorecam": CamMethod("ScoreCAM", "ScoreCAM"),
    "eigengradcam": CamMethod("EigenGradCAM", "pytorch_grad_cam.eigen_grad_cam.EigenGradCAM"),
    "gradcamelementwise": CamMethod("GradCAMElementWise", "pytorch_grad_cam.grad_cam_elementwise.GradCAMElementWise"),
}
"""All methods by their names in the config; titles and classes are read here by everyone else."""

if TYPE_CHECKING:
    Method = str
else:
    Method = Literal[tuple(METHODS)]


def _layers() -> tuple[int, ...]:
    return Field((-2,), min_length=1, description="target layers; several are fused into one map per class")


def _target() -> Target:
    return Field(
        "T2",
        description="score to differentiate: T1 all candidates, T2 those of detections (what the thesis used),"
        " confidence as T2 with objectness times probability",
    )


class Variant(Section):
    """One kind of heatmap: how it is made, and of which layers."""

    method: Method = Field(description="method")
    layers: tuple[int, ...] = _layers()
    target: Target = _target()


class Heatmaps(Section):
    """Class-activation maps of the first model (thesis section 3.2.2)."""

    methods: tuple[Method, ...] = Field(
        ("gradcampp", "hirescam"),
        description="methods; each is a variant of its own name, of the layers and target below",
    )
    layers: tuple[int, ...] = _layers()
    target: Target = _target()
    variants: dict[str, Variant] = Field(
        {
            "gradcampp_multiscale": Variant(method="gradcampp", layers=MULTISCALE),
            "hirescam_multiscale": Variant(method="hirescam", layers=MULTISCALE),
            "gradcampp_t1": Variant(method="gradcampp", layers=MULTISCALE, target="T1"),
            "hirescam_t1": Variant(method="hirescam", layers=MULTISCALE, target="T1"),
        },
        description="further variants by name: layer -2 feeds the head of large parts alone,"
        " so small ones need those of more layers",
    )
    confidence: Share = Field(0.25, ge=0, le=1, description="T2: lowest confidence of a detection")
    nms_iou: Share = Field(0.45, ge=0, le=1, description="T2: IoU of its non-maximum suppression")
    image_size: int | None = Field(
        None,
        ge=32,
        multiple_of=32,
        description="size of the network's input in pixels; null takes that of the training",
    )
    batch: PositiveInt = Field(8, description="images in one pass")
    average: Literal["joint", "mean", "whole_face"] = Field("joint", description="what the 1-channel map is")
    padding: NonNegativeInt = Field(0, le=255, description="value around a letterboxed map (the thesis: 114)")
    shards: PositiveInt | dict[str, PositiveInt] = Field(
        1,
        description="jobs that share a set; by set, such as {train: 8, hof: 4}, or one number for all; what is made"
        " stays as it is",
    )

    @field_validator("variants")
    @classmethod
    def _names_of_folders(cls, variants: dict[str, Variant]) -> dict[str, Variant]:
        for name in variants:
            if not re.fullmatch(r"[a-z0-9_]+", name):
                raise ValueError(f"the variant {name!r}: a name has small letters, digits and _ alone")
        return variants

    @model_validator(mode="after")
    def _some_variants_with_names_apart(self) -> Self:
        for name in self.variants:
            if name in self.methods:
                raise ValueError(f"the variant {name!r} has the name of a method that stands in heatmaps.methods")
        if not (self.methods or self.variants):
            raise ValueError("no methods and no variants; name at least one")
        return self

    def shards_of(self, name: str) -> int:
        """Jobs that share a set."""
        return self.shards if isinstance(self.shards, int) else self.shards.get(name, 1)

    def named(self) -> dict[str, Variant]:
        """All variants by name, those of `methods` first."""
        alone = {name: Variant(method=name, layers=self.layers, target=self.target) for name in self.methods}
        return alone | self.variants


def parse_variants(
    methods: Sequence[str], layers: Sequence[int], target: str, named: Sequence[str]
) -> dict[str, Variant]:
    """Kinds of heatmaps by name.

    Args:
        methods: Each is a kind of its own name.
        layers: Their target layers.
        target: Their target.
        named: Further kinds, such as "gradcampp_multiscale=gradcampp:17,20,23:T2".

    Raises:
        InputError: There is none, or one of them is no such thing.
    """
    if not methods and not named:
        raise InputError("no heatmap is asked for; give at least one --method, such as --method gradcampp")
    for method in methods:
        check_section(Variant, {"method": method, "layers": layers, "target": target}, f"--method {method}")
    variants = {}
    for text in named:
        name, *parts = text.replace("=", ":").split(":")
        if len(parts) != 3:
            raise InputError(
                f"--variant {text}: expected NAME=METHOD:LAYERS:TARGET, such as fine=gradcampp:17,20,23:T2"
            )
        method, own_layers, own_target = parts
        values = {"method": method, "layers": own_layers.split(","), "target": own_target}
        if name in variants:
            raise InputError(f"--variant {text}: there is another variant of this name")
        variants[name] = check_section(Variant, values, f"--variant {text}")
    section = {"methods": methods, "layers": layers, "target": target, "variants": variants}
    return check_section(Heatmaps, section, "--variant").named()
