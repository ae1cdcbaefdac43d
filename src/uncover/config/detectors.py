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
"""Networks of upstream's, with COCO weights."""
PackagedNetwork = Literal[CocoNetwork, "scrfd_2.5g"]
"""Those that weights of the package may be of."""

LAYERS_BELOW_HEAD = 24
"""Of every YOLOv5."""

Input = Literal["photo", "grey", "classes", "joint", "mean", "whole_face"]
"""What a detector looks at: a photo in colour or grey, or heatmaps: a channel per class, or one of three kinds."""

MAP_INPUTS = ("classes", "joint", "mean", "whole_face")

DRAWN_BOXES = "drawn_boxes"
"""Name of the maps that no gradient made: the first detector's boxes, drawn as blobs."""

OCCLUSION = "rgb1_occlusion"
"""Name of our own detector, which learns that a face goes on under what covers it."""

FirstDetector = Literal["rgb10", "rgb1"]
SecondDetector = Literal["gradcampp_avg", "hirescam_avg", "gradcampp_10", "hirescam_10"]


class Hyperparameters(Section):
    """YOLOv5's hyperparameters, under its own names; defaults are upstream's `hyp.scratch-low`."""

    lr0: PositiveFloat = Field(0.01, description="learning rate at the start")
    lrf: PositiveFloat = Field(0.01, description="learning rate at the end, as a share of lr0")
    momentum: float = Field(0.937, ge=0, lt=1, description="of SGD, or Adam's beta1")
    weight_decay: NonNegativeFloat = Field(0.0005, description="of weights that are no biases or batch norms")
    warmup_epochs: NonNegativeFloat = Field(3.0, description="epochs of warm-up")
    warmup_momentum: NonNegativeFloat = Field(0.8, description="momentum at the start of warm-up")
    warmup_bias_lr: NonNegativeFloat = Field(0.1, description="learning rate of biases at the start of warm-up")
    box: NonNegativeFloat = Field(0.05, description="gain of the box loss")
    cls: NonNegativeFloat = Field(0.5, description="gain of the class loss")
    cls_pw: PositiveFloat = Field(1.0, description="weight of positives in the class loss")
    obj: NonNegativeFloat = Field(1.0, description="gain of the objectness loss")
    obj_pw: PositiveFloat = Field(1.0, description="weight of positives in the objectness loss")
    iou_t: float = Field(0.2, ge=0, le=1, description="IoU threshold of training")
    anchor_t: PositiveFloat = Field(4.0, description="largest ratio of a box's sides to an anchor's")
    anchors: float | None = Field(
        None, ge=1, le=100, description="anchors per level, where evolution chose it; null leaves 3"
    )
    fl_gamma: NonNegativeFloat = Field(0.0, description="gamma of the focal loss; 0 turns it off")
    hsv_h: float = Field(0.015, ge=0, le=1, description="augmentation: hue, as a share")
    hsv_s: float = Field(0.7, ge=0, le=1, description="augmentation: saturation, as a share")
    hsv_v: float = Field(0.4, ge=0, le=1, description="augmentation: value, as a share")
    degrees: float = Field(0.0, ge=0, le=180, description="augmentation: rotation, plus or minus degrees")
    translate: float = Field(0.1, ge=0, le=1, description="augmentation: shift, as a share of the image")
    scale: float = Field(0.5, ge=0, description="augmentation: gain of size")
    shear: float = Field(0.0, ge=0, le=180, description="augmentation: shear, plus or minus degrees")
    perspective: float = Field(0.0, ge=0, le=0.001, description="augmentation: perspective")
    flipud: float = Field(0.0, ge=0, le=1, description="augmentation: probability of a flip upside down")
    fliplr: float = Field(0.5, ge=0, le=1, description="augmentation: probability of a flip from left to right")
    mosaic: float = Field(1.0, ge=0, le=1, description="augmentation: probability of a mosaic of four photos")
    mixup: float = Field(0.0, ge=0, le=1, description="augmentation: probability of mixing two photos")
    copy_paste: float = Field(0.0, ge=0, le=1, description="augmentation: probability of pasting segments")


class Detector(Section):
    """One detector: network, data, recipe."""

    model: CocoNetwork = Field("yolov5m", description="network")
    weights: Literal["coco", "scratch"] = Field("coco", description="start from upstream's COCO weights, or anew")
    classes: Literal["parts", "whole_face"] = Field("parts", description="train on ten parts or on the whole face only")
    epochs: PositiveInt = Field(300, description="epochs at most")
    patience: NonNegativeInt = Field(100, description="stop after this many epochs without a better fitness; 0 never")
    batch: PositiveInt | Literal["auto"] = Field(16, description="images per step; `auto` fills the GPU")
    image_size: PositiveInt = Field(640, multiple_of=32, description="longest side of the network's input, in pixels")
    rectangular: bool = Field(
        False,
        description="rectangular training batches, which turn mosaic and shuffling off, as upstream's do",
    )
    optimizer: Literal["SGD", "Adam", "AdamW"] = Field("SGD", description="optimiser")
    schedule: Literal["linear", "cosine"] = Field("linear", description="course of the learning rate")
    flip_swaps_sides: bool = Field(True, description="a flipped photo swaps left and right classes (upstream does not)")
    nominal_batch: PositiveInt = Field(
        64, description="images behind one step of the optimiser; smaller batches add up to it, as upstream's do"
    )
    autoanchor: bool = Field(
        False,
        description="fit anchors where the given ones cover too few boxes, as upstream; nested boxes suffer from it",
    )
    exclusive_candidates: bool = Field(
        False,
        description="of boxes that claim one anchor in one cell, only the best-fitting learns there; upstream: all",
    )
    multi_scale: bool = Field(False, description="change the size of each batch by up to a half")
    image_weights: bool = Field(False, description="draw photos of badly found classes more often")
    precision: Literal["float32", "float16", "bfloat16"] = Field(
        "float32", description="arithmetic of the network: float16 (GPU only) and bfloat16 are mixed precision"
    )
    least_images: NonNegativeInt = Field(
        0, description="a smaller training set stands several times in an epoch, which then has this many images"
    )
    least_warmup_steps: NonNegativeInt | None = Field(
        None, description="steps of warm-up at least; null: upstream's 100, 0 leaves it to `warmup_epochs` alone"
    )
    keep: Literal["best", "last"] = Field(
        "best", description="weights of the epoch that is best on the validation set, or of the last"
    )
    processes: PositiveInt = Field(
        1,
        description="processes that share the training, each with a GPU of its own; `batch` counts the images of all,"
        " batch norms see those of one",
    )
    seed: NonNegativeInt = Field(0, description="seed of the training")
    freeze: int = Field(
        0,
        ge=0,
        le=LAYERS_BELOW_HEAD,
        description="layers from the first on that keep their start weights; 24 leaves the head alone to learn",
    )
    occlusion: float = Field(
        0.0,
        ge=0,
        le=1,
        description="augmentation of photos, not upstream's: probability that part of a whole face is covered",
    )
    evolved: bool = Field(False, description="take the hyperparameters of the evolution's best generation")
    hyperparameters: Hyperparameters = Field(Hyperparameters(), description="YOLOv5's hyperparameters")


class DetectorVariant(Section):
    """One more detector for the second step: like one of the six, but for what it looks at."""

    like: FirstDetector | SecondDetector = Field("hirescam_avg", description="whose settings it has")
    role: Literal["variant", "control", "ours"] = Field(
        "variant",
        description="another kind of heatmap, a control that looks at something else, or what is to beat them all",
    )
    heatmaps: str | None = Field(
        None, description="the kind of heatmap by its name in `heatmaps`, or drawn_boxes: the first detector's boxes"
    )
    input: Input = Field("joint", description="what it looks at; a kind of 1-channel map, classes, grey, photo")
    start: FirstDetector | None = Field(None, description="the trained detector whose weights it starts from")
    freeze: int | None = Field(None, ge=0, le=LAYERS_BELOW_HEAD, description="as of a detector; null: that of `like`")
    occlusion: float | None = Field(None, ge=0, le=1, description="as of a detector; null: that of `like`")
    epochs: PositiveInt | None = Field(None, description="as of a detector; null: those of `like`")
    image_size: PositiveInt | None = Field(
        None, multiple_of=32, description="as of a detector, in pixels; null: that of `like`"
    )

    @model_validator(mode="after")
    def _maps_where_it_looks_at_maps(self) -> Self:
        if (self.input in MAP_INPUTS) != (self.heatmaps is not None):
            raise ValueError(
                f"input: {self.input} "
                + ("needs heatmaps: their name" if self.heatmaps is None else "looks at no heatmaps; leave them out")
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
    """The six models of the thesis."""

    rgb10: Detector = Field(Detector(), description="ten parts, photos")
    rgb1: Detector = Field(Detector(classes="whole_face"), description="whole face, photos")
    gradcampp_avg: Detector = Field(
        Detector(weights="scratch", classes="whole_face"), description="averaged GradCAM++ maps"
    )
    hirescam_avg: Detector = Field(
        Detector(weights="scratch", classes="whole_face"), description="averaged HiResCAM maps"
    )
    gradcampp_10: Detector = Field(
        Detector(weights="scratch", classes="whole_face"), description="GradCAM++ maps per class"
    )
    hirescam_10: Detector = Field(
        Detector(weights="scratch", classes="whole_face"), description="HiResCAM maps per class"
    )
    variants: dict[str, DetectorVariant] = Field(
        _variants(), description="further detectors for the second step by name: variants of the four, and controls"
    )

    @field_validator("variants")
    @classmethod
    def _names_apart(cls, variants: dict[str, DetectorVariant]) -> dict[str, DetectorVariant]:
        for name in variants:
            if not re.fullmatch(r"[a-z0-9_]+", name) or name in (*get_args(FirstDetector), *get_args(SecondDetector)):
                raise ValueError(
                    f"the variant {name!r}: a name has small letters, digits and _ alone, and is none of the six models"
                )
        return variants


class Weights(Section):
    """A third party's checkpoint, which must have the sha256 stated here; without one (null) nothing is fetched."""

    path: str | None = Field(None, description="file at hand")
    url: str | None = Field(None, description="where to fetch it otherwise")
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="hash that the file must have")


@dataclass(frozen=True)
class SecondStep:
    """A detector of the second step.

    Attributes:
        role: "thesis" for its four detectors, "variant" for other kinds of heatmaps, "control" for what has none,
            "ours" for what is to beat them all.
        settings: Network and recipe.
        input: What it looks at.
        heatmaps: Name of the heatmaps that it looks at; None for photos.
        start: The trained detector whose weights it starts from; None starts anew.
    """

    role: Literal["thesis", "variant", "control", "ours"]
    settings: Detector
    input: Input
    heatmaps: str | None
    start: str | None


def second_detectors(detectors: Detectors, heatmaps: Heatmaps) -> dict[str, SecondStep]:
    """All of them by name, the thesis's four first."""
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
