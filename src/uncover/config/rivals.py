"""The face detectors that the thesis started from, and today's (thesis sections 2.2, 3.1 and 6.1)."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from uncover.config.section import Section

RivalName = Literal["mtcnn", "retinaface", "viola_jones", "yolo11", "retinanet", "faster_rcnn"]
TrainedName = Literal["yolo11", "retinanet", "faster_rcnn"]
Backbone = Literal["resnet18", "resnet50", "mobilenet_v3_large"]

RIVAL_NAMES: tuple[str, ...] = get_args(RivalName)
TRAINED_NAMES: tuple[str, ...] = get_args(TrainedName)


class ReadyMade(Section):
    """A detector that somebody else has trained."""

    confidence: float = Field(0.5, ge=0, le=1, description="from which a box counts as a face")
    image_size: PositiveInt | None = Field(
        None, description="longest side of a photo as it is seen, in pixels: larger ones are made smaller; null: none"
    )


class Mtcnn(ReadyMade):
    """MTCNN."""

    confidence: float = Field(0.7, ge=0, le=1, description="from which a box counts as a face")


class RetinaFace(ReadyMade):
    """RetinaFace."""

    confidence: float = Field(0.8, ge=0, le=1, description="from which a box counts as a face")
    edition: Literal["auto", "facexlib", "small"] = Field(
        "auto",
        description="of the network: facexlib's (Pytorch_Retinaface), or that of Face-Detector-1MB-with-landmark; auto"
        " knows the latter's file by its hash, and takes all else for the former's",
    )


class Trained(Section):
    """A detector that is trained on the run's own whole faces, by its own recipe."""

    confidence: float = Field(0.5, ge=0, le=1, description="from which a box counts as a face")
    weights: Literal["coco", "scratch"] = Field(
        "coco", description="start from COCO weights, which the section `weights` names, or anew"
    )
    epochs: PositiveInt = Field(100, description="epochs")
    batch: PositiveInt = Field(16, description="images per step")
    image_size: PositiveInt = Field(640, multiple_of=32, description="longest side of the network's input, in pixels")
    seed: NonNegativeInt = Field(0, description="seed of the training")


class Yolo11(Trained):
    """Ultralytics' YOLO11."""

    confidence: float = Field(0.25, ge=0, le=1, description="from which a box counts as a face")
    network: Literal["yolo11n", "yolo11s", "yolo11m", "yolo11l", "yolo11x"] = Field("yolo11m", description="network")


class Torchvision(Trained):
    """A detector of torchvision's."""

    network: Backbone = Field("resnet50", description="backbone below its feature pyramid")
    learning_rate: PositiveFloat = Field(0.005, description="of SGD, after a warm-up")


class Rivals(Section):
    """Which other face detectors are tried, and how."""

    detectors: tuple[RivalName, ...] = Field(
        ("mtcnn", "retinaface", "viola_jones", "yolo11", "retinanet", "faster_rcnn"), description="those that are tried"
    )
    mtcnn: Mtcnn = Field(Mtcnn(), description="facenet-pytorch's MTCNN")
    retinaface: RetinaFace = Field(RetinaFace(), description="RetinaFace, MobileNet 0.25; needs weights.retinaface")
    viola_jones: ReadyMade = Field(ReadyMade(), description="OpenCV's Viola-Jones cascade")
    yolo11: Yolo11 = Field(Yolo11(), description="YOLO11, trained here")
    retinanet: Torchvision = Field(Torchvision(), description="torchvision's RetinaNet, trained here")
    faster_rcnn: Torchvision = Field(Torchvision(), description="torchvision's Faster R-CNN, trained here")

    @field_validator("detectors")
    @classmethod
    def _once_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"{', '.join(names)}: expected each detector once")
        return names

    def weights_of(self, name: str) -> str | None:
        """Key in the section `weights` of the file that a detector needs, or None where it needs none."""
        if name == "retinaface":
            return name
        settings = getattr(self, name)
        if not isinstance(settings, Yolo11 | Torchvision) or settings.weights != "coco":
            return None
        return settings.network if isinstance(settings, Yolo11) else f"{name}_{settings.network}"
