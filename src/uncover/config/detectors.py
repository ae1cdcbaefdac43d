"""The YOLOv5 detectors: two on photos, four on heatmaps (thesis sections 3.2, 4.3 to 4.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Self, get_args

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from uncover.config.heatmaps import Heatmaps
from uncover.config.values import Section

CocoNetwork = Literal["yolov5n", "yolov5s", "yolov5m", "yolov5l", "yolov5x"]
UPSTREAM: tuple[str, ...] = get_args(CocoNetwork)
"""Networks of upstream YOLOv5, with COCO weights."""
PackagedNetwork = Literal[CocoNetwork, "scrfd_2.5g"]
"""Networks of the pretrained weights of the package."""

LAYERS_BELOW_HEAD = 24
"""Layers below the head in every YOLOv5 network."""

Input = Literal["photo", "grey", "classes", "joint", "mean", "whole_face"]
"""Input of a detector: a photo in colour or grey, heatmaps of all classes, or one of three 1-channel heatmaps."""

MAP_INPUTS = ("classes", "joint", "mean", "whole_face")

DRAWN_BOXES = "drawn_boxes"
"""Name of the control input without gradients: boxes of the first detector, drawn as blobs."""

OCCLUSION = "rgb1_occlusion"
"""Name of the detector that is trained with occlusion augmentation."""

FirstDetector = Literal["rgb10", "rgb1"]
SecondDetector = Literal["gradcampp_avg", "hirescam_avg", "gradcampp_10", "hirescam_10"]


class Hyperparameters(Section):
    """Hyperparameters of YOLOv5, under their upstream names; defaults are those of `hyp.scratch-low`."""

    lr0: PositiveFloat = Field(0.01, description="Initial learning rate.")
    lrf: PositiveFloat = Field(0.01, description="Final learning rate, as a fraction of `lr0`.")
    momentum: float = Field(0.937, ge=0, lt=1, description="Momentum of SGD, or beta1 of Adam and AdamW.")
    weight_decay: NonNegativeFloat = Field(0.0005, description="Weight decay. Not applied to biases and batch norms.")
    warmup_epochs: NonNegativeFloat = Field(3.0, description="Length of the warm-up in epochs.")
    warmup_momentum: NonNegativeFloat = Field(0.8, description="Momentum at the start of the warm-up.")
    warmup_bias_lr: NonNegativeFloat = Field(0.1, description="Learning rate of biases at the start of the warm-up.")
    box: NonNegativeFloat = Field(0.05, description="Gain of the box loss.")
    cls: NonNegativeFloat = Field(0.5, description="Gain of the class loss.")
    cls_pw: PositiveFloat = Field(1.0, description="Weight of positive samples in the class loss.")
    obj: NonNegativeFloat = Field(1.0, description="Gain of the objectness loss.")
    obj_pw: PositiveFloat = Field(1.0, description="Weight of positive samples in the objectness loss.")
    iou_t: float = Field(0.2, ge=0, le=1, description="IoU threshold of the training.")
    anchor_t: PositiveFloat = Field(
        4.0, description="Largest ratio between the sides of a box and an anchor assigned to it."
    )
    anchors: float | None = Field(
        None, ge=1, le=100, description="Anchors per output level, as set by evolution. `null`: 3."
    )
    fl_gamma: NonNegativeFloat = Field(0.0, description="Gamma of the focal loss. `0`: off.")
    hsv_h: float = Field(0.015, ge=0, le=1, description="Augmentation: largest change of hue, as a fraction.")
    hsv_s: float = Field(0.7, ge=0, le=1, description="Augmentation: largest change of saturation, as a fraction.")
    hsv_v: float = Field(
        0.4, ge=0, le=1, description="Augmentation: largest change of brightness (value), as a fraction."
    )
    degrees: float = Field(
        0.0, ge=0, le=180, description="Augmentation: largest rotation in degrees, in both directions."
    )
    translate: float = Field(
        0.1, ge=0, le=1, description="Augmentation: largest translation, as a fraction of the image size."
    )
    scale: float = Field(0.5, ge=0, description="Augmentation: largest change of scale, as a fraction.")
    shear: float = Field(0.0, ge=0, le=180, description="Augmentation: largest shear in degrees, in both directions.")
    perspective: float = Field(0.0, ge=0, le=0.001, description="Augmentation: perspective distortion.")
    flipud: float = Field(0.0, ge=0, le=1, description="Augmentation: probability of a vertical flip.")
    fliplr: float = Field(0.5, ge=0, le=1, description="Augmentation: probability of a horizontal flip.")
    mosaic: float = Field(1.0, ge=0, le=1, description="Augmentation: probability of a mosaic of four images.")
    mixup: float = Field(0.0, ge=0, le=1, description="Augmentation: probability of mixing two images.")
    copy_paste: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Augmentation: probability of copying segments between images. Must be `0` for labels "
        "that are boxes.",
    )


class Detector(Section):
    """One detector: network, classes, training recipe."""

    model: CocoNetwork = Field("yolov5m", description="YOLOv5 network.")
    weights: Literal["coco", "scratch"] = Field(
        "coco",
        description="Initial weights: `coco` for the COCO weights of upstream YOLOv5, `scratch` for random weights.",
    )
    classes: Literal["parts", "whole_face"] = Field(
        "parts", description="Classes to train on: the ten parts, or the whole face only."
    )
    epochs: PositiveInt = Field(300, description="Maximum number of epochs.")
    patience: NonNegativeInt = Field(
        100, description="Stop after this many epochs without a higher fitness. `0`: never."
    )
    batch: PositiveInt | Literal["auto"] = Field(
        16, description="Images per batch. `auto`: as many as fit into GPU memory."
    )
    image_size: PositiveInt = Field(640, multiple_of=32, description="Longest side of the network input in pixels.")
    rectangular: bool = Field(
        False,
        description="Train on rectangular batches. Turns mosaic and shuffling off, like upstream YOLOv5.",
    )
    optimizer: Literal["SGD", "Adam", "AdamW"] = Field("SGD", description="Optimiser.")
    schedule: Literal["linear", "cosine"] = Field("linear", description="Learning rate schedule.")
    flip_swaps_sides: bool = Field(
        True, description="Swap left and right classes when an image is flipped. Upstream YOLOv5 does not."
    )
    nominal_batch: PositiveInt = Field(
        64,
        description="Images per optimiser step. Gradients of smaller batches are accumulated, like in upstream YOLOv5.",
    )
    autoanchor: bool = Field(
        False,
        description="Fit new anchors if the given ones match too few boxes, like upstream YOLOv5. Not "
        "recommended for nested boxes.",
    )
    exclusive_candidates: bool = Field(
        False,
        description="Assign a candidate (anchor and cell) that several boxes match to the best-fitting box "
        "only. Upstream YOLOv5 assigns it to all of them.",
    )
    multi_scale: bool = Field(False, description="Change the input size of each batch by up to half.")
    image_weights: bool = Field(False, description="Draw images with poorly detected classes more often.")
    precision: Literal["float32", "float16", "bfloat16"] = Field(
        "float32", description="Arithmetic of the network. `float16` (GPU only) and `bfloat16` are mixed precision."
    )
    least_images: NonNegativeInt = Field(
        0, description="Smallest number of images per epoch. Images of a smaller training set are repeated."
    )
    least_warmup_steps: NonNegativeInt | None = Field(
        None,
        description="Smallest number of warm-up steps. `null`: 100, like upstream YOLOv5. `0`: use "
        "`warmup_epochs` only.",
    )
    keep: Literal["best", "last"] = Field(
        "best", description="Which weights to keep: `best` epoch on the validation set, or `last` epoch."
    )
    processes: PositiveInt = Field(
        1,
        description="Number of training processes, with one GPU each. `batch` is the total over all "
        "processes; batch norm statistics are per process.",
    )
    seed: NonNegativeInt = Field(0, description="Random seed of the training.")
    freeze: int = Field(
        0,
        ge=0,
        le=LAYERS_BELOW_HEAD,
        description="Number of layers to freeze, counted from the input. `10` freezes the backbone, `24` "
        "everything except the head.",
    )
    occlusion: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Augmentation: probability that part of a whole face is covered. Photos only; not in "
        "upstream YOLOv5.",
    )
    evolved: bool = Field(False, description="Use the hyperparameters of the best generation of the evolution.")
    hyperparameters: Hyperparameters = Field(
        Hyperparameters(), description="Hyperparameters of YOLOv5, under their upstream names."
    )


class DetectorVariant(Section):
    """A further detector of the second step: inherits the settings of one of the six, with another input."""

    like: FirstDetector | SecondDetector = Field(
        "hirescam_avg", description="Detector whose settings this one inherits."
    )
    role: Literal["variant", "control", "ours"] = Field(
        "variant",
        description="`variant`: another kind of heatmap. `control`: another input, for comparison. `ours`: a "
        "new detector of this project.",
    )
    heatmaps: str | None = Field(
        None,
        description="Heatmaps used as input, by their name in `heatmaps`; or `drawn_boxes`, the boxes of the "
        "first detector drawn as blobs.",
    )
    input: Input = Field(
        "joint",
        description="Input channels. `photo`: RGB. `grey`: greyscale photo. `classes`: one heatmap per "
        "class. `joint`, `mean` and `whole_face`: a 1-channel heatmap, see `heatmaps.average`.",
    )
    start: FirstDetector | None = Field(None, description="Trained detector whose weights this one starts from.")
    freeze: int | None = Field(
        None, ge=0, le=LAYERS_BELOW_HEAD, description="See `detectors.rgb10.freeze`. `null`: value of `like`."
    )
    occlusion: float | None = Field(
        None, ge=0, le=1, description="See `detectors.rgb10.occlusion`. `null`: value of `like`."
    )
    epochs: PositiveInt | None = Field(None, description="Maximum number of epochs. `null`: value of `like`.")
    image_size: PositiveInt | None = Field(
        None, multiple_of=32, description="Longest side of the network input in pixels. `null`: value of `like`."
    )

    @model_validator(mode="after")
    def _heatmaps_fit_the_input(self) -> Self:
        if (self.input in MAP_INPUTS) != (self.heatmaps is not None):
            raise ValueError(
                f"input: {self.input} "
                + (
                    "requires heatmaps; give their name"
                    if self.heatmaps is None
                    else "uses no heatmaps; remove heatmaps"
                )
            )
        return self


def _variants() -> dict[str, DetectorVariant]:
    """Variants of the thesis's four heatmap detectors, three controls, and one with occlusion augmentation."""
    methods = ("gradcampp", "hirescam")
    variants: dict[str, DetectorVariant] = {}
    for method in methods:
        like: SecondDetector = "gradcampp_avg" if method == "gradcampp" else "hirescam_avg"
        like_10: SecondDetector = "gradcampp_10" if method == "gradcampp" else "hirescam_10"
        variants |= {
            f"{method}_mean": DetectorVariant(like=like, heatmaps=method, input="mean"),
            f"{method}_whole_face": DetectorVariant(like=like, heatmaps=method, input="whole_face"),
            f"{method}_multiscale_avg": DetectorVariant(like=like, heatmaps=f"{method}_multiscale", input="joint"),
            f"{method}_multiscale_10": DetectorVariant(like=like_10, heatmaps=f"{method}_multiscale", input="classes"),
            f"{method}_t1_avg": DetectorVariant(like=like, heatmaps=f"{method}_t1", input="joint"),
        }
    return variants | {
        "drawn_boxes": DetectorVariant(role="control", heatmaps=DRAWN_BOXES, input="joint"),
        "grey_photo": DetectorVariant(role="control", input="grey"),
        "feature_head": DetectorVariant(
            role="control", like="rgb1", input="photo", start="rgb10", freeze=LAYERS_BELOW_HEAD
        ),
        OCCLUSION: DetectorVariant(role="ours", like="rgb1", input="photo", occlusion=0.5),
    }


class Detectors(Section):
    """The six detectors of the thesis, and their variants."""

    rgb10: Detector = Field(Detector(), description="Detector of ten parts in photos.")
    rgb1: Detector = Field(Detector(classes="whole_face"), description="Detector of whole faces in photos.")
    gradcampp_avg: Detector = Field(
        Detector(weights="scratch", classes="whole_face"),
        description="Detector of whole faces in averaged GradCAM++ heatmaps.",
    )
    hirescam_avg: Detector = Field(
        Detector(weights="scratch", classes="whole_face"),
        description="Detector of whole faces in averaged HiResCAM heatmaps.",
    )
    gradcampp_10: Detector = Field(
        Detector(weights="scratch", classes="whole_face"),
        description="Detector of whole faces in GradCAM++ heatmaps of the ten classes.",
    )
    hirescam_10: Detector = Field(
        Detector(weights="scratch", classes="whole_face"),
        description="Detector of whole faces in HiResCAM heatmaps of the ten classes.",
    )
    variants: dict[str, DetectorVariant] = Field(
        _variants(),
        description="Further detectors of the second step, by name: variants of the four heatmap detectors, "
        "and controls.",
    )

    @field_validator("variants")
    @classmethod
    def _names_apart(cls, variants: dict[str, DetectorVariant]) -> dict[str, DetectorVariant]:
        for name in variants:
            if not re.fullmatch(r"[a-z0-9_]+", name) or name in (*get_args(FirstDetector), *get_args(SecondDetector)):
                raise ValueError(
                    f"variant {name!r}: expected lower-case letters, digits and _, and none of the six detector names"
                )
        return variants


class Weights(Section):
    """Weights of a third party. The file must have the given SHA-256; without one (null), it is not downloaded."""

    path: str | None = Field(None, description="Local file.")
    url: str | None = Field(None, description="Address to download the file from if `path` is missing.")
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="Expected SHA-256 of the file.")


@dataclass(frozen=True)
class SecondStep:
    """A detector of the second step.

    Attributes:
        role: "thesis" for the four heatmap detectors, "variant" for other heatmaps, "control" for other inputs, "ours"
            for new detectors of this project.
        settings: Network and training recipe.
        input: Input channels.
        heatmaps: Name of the heatmaps used as input; None for photos.
        start: Trained detector whose weights it starts from; None uses the initial weights in `settings`.
    """

    role: Literal["thesis", "variant", "control", "ours"]
    settings: Detector
    input: Input
    heatmaps: str | None
    start: str | None


def second_detectors(detectors: Detectors, heatmaps: Heatmaps) -> dict[str, SecondStep]:
    """Detectors of the second step by name, those of the thesis first."""
    steps = {}
    for name in get_args(SecondDetector):
        method, _, kind = name.rpartition("_")
        steps[name] = SecondStep(
            "thesis", getattr(detectors, name), "classes" if kind == "10" else heatmaps.average, method, None
        )
    for name, variant in detectors.variants.items():
        changed = {
            key: value
            for key in ("freeze", "occlusion", "epochs", "image_size")
            if (value := getattr(variant, key)) is not None
        }
        settings = getattr(detectors, variant.like).model_copy(update=changed)
        steps[name] = SecondStep(variant.role, settings, variant.input, variant.heatmaps, variant.start)
    return steps
