"""The face detectors that the thesis started from, and today's (thesis sections 2.2, 3.1 and 6.1).

One more is one more row of `BASELINES` and a module of its name beside those that `uncover.baselines.registry` opens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, create_model, field_validator

from uncover.config.values import Section

Backbone = Literal["resnet18", "resnet50", "mobilenet_v3_large"]


class ReadyMade(Section):
    """A detector that somebody else has trained."""

    confidence: float = Field(0.5, ge=0, le=1, description="from which a box counts as a face")
    image_size: PositiveInt | None = Field(
        None, description="longest side of a photo as it is seen, in pixels: larger ones are made smaller; null: none"
    )

    def weights_key(self, name: str) -> str | None:
        """Key in the section `weights` of the file that the detector needs; None where its package brings it."""
        return None


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

    def weights_key(self, name: str) -> str | None:
        """Its own name: no package brings the weights."""
        return name


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

    def weights_key(self, name: str) -> str | None:
        """Key in the section `weights` of the file that the training starts from; None where it starts anew."""
        return self.coco_key(name) if self.weights == "coco" else None

    def coco_key(self, name: str) -> str:
        """Key of the COCO weights of its network."""
        raise NotImplementedError


class Yolo11(Trained):
    """Ultralytics' YOLO11."""

    confidence: float = Field(0.25, ge=0, le=1, description="from which a box counts as a face")
    network: Literal["yolo11n", "yolo11s", "yolo11m", "yolo11l", "yolo11x"] = Field("yolo11m", description="network")

    def coco_key(self, name: str) -> str:
        """The network alone has one."""
        return self.network


class Torchvision(Trained):
    """A detector of torchvision's."""

    network: Backbone = Field("resnet50", description="backbone below its feature pyramid")
    learning_rate: PositiveFloat = Field(0.005, description="of SGD, after a warm-up")

    def coco_key(self, name: str) -> str:
        """The detector and its backbone have one together."""
        return f"{name}_{self.network}"


@dataclass(frozen=True)
class Baseline:
    """A baseline detector.

    Attributes:
        title: In tables and sentences.
        description: In the table of keys.
        package: Distribution that it comes from, whose version is recorded.
        licence: Of the package, as SPDX has it.
        settings: Its section of the config, with its working confidence and the key of its weights.
        gpu: Whether it computes on a GPU where there is one.
    """

    title: str
    description: str
    package: str
    licence: str
    settings: type[ReadyMade] | type[Trained]
    gpu: bool = True

    @property
    def trained(self) -> bool:
        """Whether it is trained here."""
        return issubclass(self.settings, Trained)


BASELINES = {
    "mtcnn": Baseline("MTCNN", "facenet-pytorch's MTCNN", "facenet-pytorch", "MIT", Mtcnn),
    "retinaface": Baseline(
        "RetinaFace", "RetinaFace, MobileNet 0.25; needs weights.retinaface", "facexlib", "MIT", RetinaFace
    ),
    "viola_jones": Baseline(
        "Viola-Jones", "OpenCV's Viola-Jones cascade", "opencv-python-headless", "Apache-2.0", ReadyMade, gpu=False
    ),
    "yolo11": Baseline("YOLO11", "YOLO11, trained here", "ultralytics", "AGPL-3.0", Yolo11),
    "retinanet": Baseline(
        "RetinaNet", "torchvision's RetinaNet, trained here", "torchvision", "BSD-3-Clause", Torchvision
    ),
    "faster_rcnn": Baseline(
        "Faster R-CNN", "torchvision's Faster R-CNN, trained here", "torchvision", "BSD-3-Clause", Torchvision
    ),
}
"""By name, which is that of the section, the module and the folder of predictions; in the order of tables."""

if TYPE_CHECKING:
    BaselineName = str
else:
    BaselineName = Literal[tuple(BASELINES)]


class _Detectors(Section):
    """Which other face detectors are tried, and how."""

    detectors: tuple[BaselineName, ...] = Field(tuple(BASELINES), description="those that are tried")

    @field_validator("detectors")
    @classmethod
    def _once_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"{', '.join(names)}: expected each detector once")
        return names

    def weights_of(self, name: str) -> str | None:
        """Key in the section `weights` of the file that a detector needs, or None where it needs none."""
        key: str | None = getattr(self, name).weights_key(name)
        return key


if TYPE_CHECKING:

    class Baselines(_Detectors):
        """With a section of settings for each of `BASELINES`."""

        def __getattr__(self, name: str) -> Any: ...

else:
    _SECTIONS = {
        name: (row.settings, Field(row.settings(), description=row.description)) for name, row in BASELINES.items()
    }
    Baselines = create_model(
        "Baselines", __base__=_Detectors, __doc__=_Detectors.__doc__, __module__=__name__, **_SECTIONS
    )
