"""Class-activation maps (heatmaps) of the first detector: methods, layers, targets, variants (thesis section 3.2.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from uncover.config.values import Section, check_section
from uncover.errors import InputError

Share = float

Target = Literal["T1", "T2", "confidence"]
# Input layers of the three heads of YOLOv5 (small, medium, large boxes); -2 is the last of them.
MULTISCALE = (17, 20, 23)


class CamMethod(NamedTuple):
    """A method of class-activation mapping.

    Attributes:
        title: Name in tables and figures.
        code: Class in `uncover.cam.methods`, or full name of a class with the interface of pytorch-grad-cam.
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
"""All methods, by name in the config."""

if TYPE_CHECKING:
    Method = str
else:
    Method = Literal[tuple(METHODS)]


def _layers() -> tuple[int, ...]:
    return Field((-2,), min_length=1, description="Target layers. Several layers are fused into one heatmap per class.")


def _target() -> Target:
    return Field(
        "T2",
        description="Score to differentiate. `T1`: class probabilities of all candidates. `T2`: class probabilities of"
        " detections, as in the thesis. `confidence`: like `T2`, with objectness times class probability.",
    )


class Variant(Section):
    """One kind of heatmap: method, layers and target."""

    method: Method = Field(description="Method of class-activation mapping.")
    layers: tuple[int, ...] = _layers()
    target: Target = _target()


class Heatmaps(Section):
    """Class-activation maps (heatmaps) of the first detector (thesis section 3.2.2)."""

    methods: tuple[Method, ...] = Field(
        ("gradcampp", "hirescam"),
        description="Methods. Each makes heatmaps of its own name, with `layers` and `target` below.",
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
        description="Further heatmaps by name. Layer `-2` feeds the head of large boxes only; use several "
        "layers for small parts.",
    )
    confidence: Share = Field(0.25, ge=0, le=1, description="Target `T2`: confidence threshold of the detections.")
    nms_iou: Share = Field(0.45, ge=0, le=1, description="Target `T2`: IoU threshold of non-maximum suppression.")
    image_size: int | None = Field(
        None,
        ge=32,
        multiple_of=32,
        description="Size of the network input in pixels. `null`: size of the training.",
    )
    batch: PositiveInt = Field(8, description="Images per batch.")
    average: Literal["joint", "mean", "whole_face"] = Field(
        "joint",
        description="Content of the 1-channel heatmap. `joint`: heatmap of the sum of all class scores. "
        "`mean`: mean over the classes. `whole_face`: heatmap of the whole-face class.",
    )
    padding: NonNegativeInt = Field(
        0, le=255, description="Pixel value around a letterboxed heatmap. The thesis used `114`."
    )
    shards: PositiveInt | dict[str, PositiveInt] = Field(
        1,
        description="Number of jobs that share a set: one number, or a number by set, e.g. `{train: 8, hof: "
        "4}`. Existing outputs are kept.",
    )

    @field_validator("variants")
    @classmethod
    def _names_of_folders(cls, variants: dict[str, Variant]) -> dict[str, Variant]:
        for name in variants:
            if not re.fullmatch(r"[a-z0-9_]+", name):
                raise ValueError(f"variant {name!r}: expected a name of lower-case letters, digits and _")
        return variants

    @model_validator(mode="after")
    def _some_variants_with_names_apart(self) -> Self:
        for name in self.variants:
            if name in self.methods:
                raise ValueError(f"variant {name!r} has the name of a method in heatmaps.methods; choose another name")
        if not (self.methods or self.variants):
            raise ValueError("methods and variants are empty; give at least one")
        return self

    def shards_of(self, name: str) -> int:
        """Number of jobs that share a set."""
        return self.shards if isinstance(self.shards, int) else self.shards.get(name, 1)

    def named(self) -> dict[str, Variant]:
        """All kinds of heatmaps by name, those of `methods` first."""
        alone = {name: Variant(method=name, layers=self.layers, target=self.target) for name in self.methods}
        return alone | self.variants


def parse_variants(
    methods: Sequence[str], layers: Sequence[int], target: str, named: Sequence[str]
) -> dict[str, Variant]:
    """Parse kinds of heatmaps from command-line options.

    Args:
        methods: Methods; each makes heatmaps of its own name.
        layers: Target layers of `methods`.
        target: Target of `methods`.
        named: Further kinds, e.g. "gradcampp_multiscale=gradcampp:17,20,23:T2".

    Returns:
        Kinds of heatmaps by name.

    Raises:
        InputError: No method is given, or a value is invalid.
    """
    if not methods and not named:
        raise InputError("no method given; pass at least one, e.g. --method gradcampp")
    for method in methods:
        check_section(Variant, {"method": method, "layers": layers, "target": target}, f"--method {method}")
    variants = {}
    for text in named:
        name, *parts = text.replace("=", ":").split(":")
        if len(parts) != 3:
            raise InputError(f"--variant {text}: expected NAME=METHOD:LAYERS:TARGET, e.g. fine=gradcampp:17,20,23:T2")
        method, own_layers, own_target = parts
        values = {"method": method, "layers": own_layers.split(","), "target": own_target}
        if name in variants:
            raise InputError(f"--variant {text}: another variant has this name; choose another name")
        variants[name] = check_section(Variant, values, f"--variant {text}")
    section = {"methods": methods, "layers": layers, "target": target, "variants": variants}
    return check_section(Heatmaps, section, "--variant").named()
