"""Which detector and which rescue are at work: what somebody wishes, and what a run can give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from uncover.config.detectors import DRAWN_BOXES, MAP_INPUTS
from uncover.config.heatmaps import Variant
from uncover.console import say
from uncover.detect.of_run import (
    CLOSER_LOOK,
    DETECTOR,
    HEATMAP_BOXES,
    check_as_tried,
    find_boxed_heatmaps,
    find_looks,
    find_nms_iou,
)
from uncover.detect.rescues import (
    HeatmapDetector,
    LiveMaps,
    Model,
    Rescue,
    SecondDetector,
    find_whole_face,
    with_whole_face,
)
from uncover.detect.spotter import Spotter
from uncover.detector.distributed import pick_device
from uncover.detector.inference import Precision, check_precision
from uncover.detector.opening import open_weights
from uncover.errors import InputError
from uncover.heatmaps.engine import Explainer
from uncover.images.letterbox import STRIDE
from uncover.images.maps import JOINT
from uncover.rescue.best import Tried, read_tried

BEST, NONE, HEATMAP = "best", "none", "heatmap"
"""What `--rescue` may be, besides the name of a method; the last is followed by a colon and a name."""

RGB1 = "rgb1"
LEFT_OUT = ("constant_box",)
"""Methods of the trial that do not look at the picture: every empty picture would have a face."""

CONFIDENCE, NMS_IOU = 0.25, 0.6
"""From which boxes of a rescue count where no trial says, and how much boxes may overlap where no run does."""

WEIGHTS, TRIAL = "weights.pt", Path("metrics", "rescue_trial.csv")


@dataclass(frozen=True)
class Wishes:
    """What somebody wishes.

    Attributes:
        run: Folder of a run, such as results/demo; None for weights alone.
        weights: Of the detector; None takes the run's.
        rescue: "best", "none", "heatmap:<name>", or the name of a method.
        heatmap_weights: Of a detector of heatmaps, in the place of one of the run.
        confidence: From which a whole face counts.
        rescue_confidence: The same for the rescue; None takes that of the run's trial.
        nms_iou: IoU above which a box of lower confidence is dropped; None takes that of the run's predictions.
        image_size: Longest side of the detector's input, in pixels; None takes that of its training.
        device: "auto", or a name as torch has it.
        precision: Arithmetic of the networks.
        covered: Whether it is to be said where else faces may be, for who hides them.
        face: Name of the detector's class that is the whole face, where it is not plain.
    """

    run: Path | None
    weights: Path | None
    rescue: str = BEST
    heatmap_weights: Path | None = None
    confidence: float = 0.4
    rescue_confidence: float | None = None
    nms_iou: float | None = None
    image_size: int | None = None
    device: str = "auto"
    precision: Precision = "float32"
    covered: bool = False
    face: str | None = None


@dataclass(frozen=True)
class Chosen:
    """What is at work.

    Attributes:
        spotter: Detector and rescue.
        detector: Name of the detector.
        digests: sha256 of the weights of each network, by name.
        why: A line on the rescue.
    """

    spotter: Spotter
    detector: str
    digests: dict[str, str]
    why: str


def choose(wishes: Wishes) -> Chosen:
    """Load the detector and the rescue.

    Raises:
        InputError: A file is missing or no weights, a method is not of this run or cannot look at new pictures, or the
            device is not here.
    """
    if wishes.weights is None and wishes.run is None:
        raise InputError("no detector: expected --run RUN, the folder of a run such as results/demo, or --weights FILE")
    if wishes.run is not None and not (wishes.run / "models").is_dir():
        raise InputError(f"{wishes.run}: no models/ in it; expected the folder of a run, such as results/demo")
    loader = _Loader(wishes)
    weights, name = wishes.weights or loader.weights_of(DETECTOR), DETECTOR
    if wishes.weights is not None:
        name = _name_of(wishes.weights)
    detector = loader.load(weights, name)
    if detector.header.input != "photo" or detector.header.channels != 3:
        raise InputError(f"{weights}: looks at {detector.header.input}s; expected a detector that looks at photos")
    if wishes.face is not None:
        detector = replace(detector, header=with_whole_face(detector.header, wishes.face))
    find_whole_face(detector.header)
    rescue, why = _Rescuer(wishes, loader, detector, loader.digests[name]).choose()
    return Chosen(Spotter(detector, wishes.confidence, rescue, wishes.covered), name, loader.digests, why)


class _Loader:
    """Loads networks, each once."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        stored = find_nms_iou(wishes.run) if wishes.run is not None else None
        self.nms_iou = next(each for each in (wishes.nms_iou, stored, NMS_IOU) if each is not None)
        self.device = pick_device(wishes.device)
        check_precision(self.device, wishes.precision)
        self.digests: dict[str, str] = {}
        self._trained: int | None = None
        if self.device.type == "cpu":
            # The other half decodes; one thread a core of all cores would have them wait for each other.
            torch.set_num_threads(max(1, torch.get_num_threads() // 2))

    def weights_of(self, name: str) -> Path:
        """Weights of a model of the run.

        Raises:
            InputError: The run has no such model.
        """
        run = self._wishes.run
        if run is None:
            raise InputError(f"{name}: is a model of a run; expected --run RUN too, the folder of a run")
        path = run / "models" / name / WEIGHTS
        if not path.is_file():
            known = sorted(each.parent.name for each in (run / "models").glob(f"*/{WEIGHTS}"))
            raise InputError(f"{run}: has no model {name}; expected one of {', '.join(known) or 'none so far'}")
        return path

    def load(self, path: Path, name: str, image_size: int | None = None) -> Model:
        """Load weights.

        Args:
            path: Of the weights.
            name: What to call them.
            image_size: Longest side of the input in the run, in pixels; None takes that of the training. Where another
                size of the detector's input is wished for, those of others that look at the picture change alike.
        """
        network, header, digest = open_weights(path)
        # Files of different folders may have one name.
        self.digests[name if self.digests.get(name, digest) == digest else str(path)] = digest
        size = image_size or header.image_size
        wished, self._trained = self._wishes.image_size, self._trained or size
        if wished is not None and header.input not in MAP_INPUTS:
            size = max(STRIDE, round(size * wished / self._trained / STRIDE) * STRIDE)
        network = network.fuse().to(self.device).to(memory_format=torch.channels_last)
        return Model(network, header, self.device, size, self.nms_iou, self._wishes.precision)


class _Rescuer:
    """Finds the rescue that is wished for."""

    def __init__(self, wishes: Wishes, loader: _Loader, detector: Model, digest: str) -> None:
        self._wishes, self._loader, self._detector, self._digest = wishes, loader, detector, digest
        self._run = wishes.run
        self._tried: dict[str, Tried] = {}
        if self._run is not None and (self._run / TRIAL).is_file():
            self._tried = read_tried(self._run / TRIAL)

    def choose(self) -> tuple[Rescue | None, str]:
        """The rescue, and a line on it."""
        wishes = self._wishes
        kind, _, name = wishes.rescue.partition(":")
        if wishes.heatmap_weights is not None:
            if wishes.rescue not in (BEST, HEATMAP):
                raise InputError(f"--heatmap-weights: says which rescue; leave --rescue {wishes.rescue} out")
            name = _name_of(wishes.heatmap_weights)
            return self._of_model(name, wishes.heatmap_weights, heatmap=True), f"{name} looks at heatmaps"
        if wishes.rescue == NONE:
            return None, "nothing looks again where the detector found no face"
        if wishes.rescue == BEST:
            return self._best()
        if kind == HEATMAP:
            if not name:
                raise InputError("--rescue heatmap: expected heatmap:NAME, such as heatmap:gradcampp_avg")
            return self._of_model(name, self._loader.weights_of(name), heatmap=True), f"{name} looks at heatmaps"
        return self._named(wishes.rescue), f"{wishes.rescue} looks again where the detector found no face"

    def _best(self) -> tuple[Rescue | None, str]:
        for tried in self._tried.values():
            if tried.found and tried.name not in LEFT_OUT:
                try:
                    rescue = self._named(tried.name)
                except CannotLook:
                    self._loader.digests.pop(tried.name, None)
                    continue
                return (
                    rescue,
                    f"{tried.name}, which found {tried.found} of {tried.faces} missed faces in the run's trial",
                )
        why = "the run has no rescue trial" if self._run is not None else "weights alone have no rescue trial"
        if self._tried:
            why = "no method of the run's trial found a missed face and can look at new pictures"
        return None, f"none: {why}"

    def _named(self, name: str) -> Rescue:
        if name in LEFT_OUT:
            raise InputError(f"--rescue {name}: proposes the same box in every picture, face or none; expected another")
        if name == "one_class":
            return SecondDetector(name, self._confidence(name), self._second(RGB1).model)
        run = self._run
        if run is not None and not (run / "models" / name / WEIGHTS).is_file():
            # Only now: these take half a second to import.
            from uncover.rescue.strategies import STRATEGIES

            if name in STRATEGIES:
                return self._proposer(name)
            known = [each for each in self._tried if each not in LEFT_OUT]
            message = f"--rescue {name}: no method of {run} that can look at new pictures"
            raise CannotLook(f"{message}; expected best, none, or one of {', '.join(known) or 'its models'}")
        return self._of_model(name, self._loader.weights_of(name), heatmap=False)

    def _of_model(self, name: str, path: Path, heatmap: bool) -> Rescue:
        model = self._loader.load(path, name)
        find_whole_face(model.header)
        maps = model.header.maps
        if model.header.input not in MAP_INPUTS or maps is None:
            if heatmap:
                raise InputError(f"{path}: looks at photos; expected a detector that looks at heatmaps")
            return SecondDetector(name, self._confidence(name), model)
        if maps["variant"] == DRAWN_BOXES:
            raise CannotLook(f"--rescue {name}: looks at drawn boxes, a control of the trial; expected another method")
        if maps["model"] != self._digest:
            say(f"note: {path}: learnt from heatmaps of another detector than this one")
        return HeatmapDetector(name, self._confidence(name), model, self._maps(maps, model.header.input))

    def _maps(self, settings: Mapping[str, Any], kind: str) -> LiveMaps:
        """Heatmaps made as those of a set, by what its manifest says."""
        variant = Variant(method=settings["method"], layers=tuple(settings["layers"]), target=settings["target"])
        confidence, nms_iou = float(settings["confidence"]), float(settings["nms_iou"])
        explainer = Explainer(self._detector.network, {settings["variant"]: variant}, confidence, nms_iou)
        return LiveMaps(explainer, self._detector.header.class_names, kind, self._detector.precision)

    def _second(self, name: str, image_size: int | None = None) -> SecondDetector:
        model = self._loader.load(self._loader.weights_of(name), name, image_size)
        return SecondDetector(name, CONFIDENCE, model)

    def _proposer(self, name: str) -> Rescue:
        from uncover.detect.proposed import Proposer
        from uncover.rescue.evidence import learn_anatomy

        if self._run is None:
            raise InputError(f"--rescue {name}: needs the faces of a run's training set; expected --run RUN too")
        looks = {}
        if name == CLOSER_LOOK:
            looks = {each: self._second(model, size) for each, (model, size) in find_looks(self._run).items()}
            if not looks:
                raise CannotLook(f"--rescue {name}: {self._run} has no predictions of a closer look; expected another")
        rgb1 = self._second(RGB1) if name == "all_votes" else None
        anatomy = learn_anatomy(self._run / "datasets" / "train")
        maps = None
        if name == HEATMAP_BOXES:
            settings = find_boxed_heatmaps(self._run)
            if settings is None:
                raise CannotLook(f"--rescue {name}: {self._run} has no such predictions; expected another")
            maps = self._maps(settings, JOINT)
        return Proposer(name, self._confidence(name), self._detector, anatomy, rgb1, looks, maps)

    def _confidence(self, name: str) -> float:
        if self._wishes.rescue_confidence is not None:
            return self._wishes.rescue_confidence
        if name in self._tried and self._run is not None:
            wishes = self._wishes
            resized = wishes.image_size is not None
            check_as_tried(self._run, name, self._loader.nms_iou, wishes.precision, resized)
            return self._tried[name].confidence
        return CONFIDENCE


class CannotLook(InputError):
    """A method of the trial cannot look at new pictures."""


def _name_of(path: Path) -> str:
    """What to call weights of somebody's choice; those of a run all have the same file name."""
    return path.absolute().parent.name if path.name == WEIGHTS else path.stem
