"""Load the detector and the rescue that the options ask for and the run has."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from uncover.cam.engine import Explainer
from uncover.config.detectors import DRAWN_BOXES, MAP_INPUTS
from uncover.config.heatmaps import Variant
from uncover.errors import InputError
from uncover.images.letterbox import STRIDE
from uncover.images.maps import JOINT
from uncover.metrics.predictions import CAP, PRECISION
from uncover.metrics.predictions import NMS_IOU as STORED_NMS_IOU
from uncover.paths import RunPaths, folder_name, model_at_scale
from uncover.rescue.evidence import learn_anatomy
from uncover.rescue.strategies import STRATEGIES
from uncover.rescue.trial_record import MethodScore, read_method_scores
from uncover.video.detection import Networks
from uncover.video.model import Model, find_whole_face, with_whole_face
from uncover.video.options import NetworkOptions
from uncover.video.rescue import HeatmapDetector, LiveMaps, Rescue, SecondDetector, StrategyRescue
from uncover.weights import DEFAULT, find_weights
from uncover.yolov5.device import check_precision, pick_device
from uncover.yolov5.weights import open_weights

logger = logging.getLogger(__name__)

DETECTOR = "rgb10"
"""The first detector of a run, as in the thesis."""

MULTI_SCALE, HEATMAP_BOXES = "multi_scale", "heatmap_boxes"
"""Methods that need to know more than weights."""

BEST, NONE, HEATMAP = "best", "none", "heatmap"
"""What `--rescue` may be, besides the name of a method; the last is followed by a colon and a name."""

RGB1 = "rgb1"
LEFT_OUT = ("constant_box",)
"""Methods of the trial that ignore the picture: every empty picture would have a face."""

CONFIDENCE, NMS_IOU = 0.25, 0.6
"""From which boxes of a rescue count where no trial says, and how much boxes may overlap where no run does."""

WEIGHTS = "weights.pt"
"""What all weights files of runs are called."""


def load_networks(options: NetworkOptions) -> Networks:
    """Load the detector and the rescue.

    Raises:
        InputError: A file is missing or no weights, a method is not of this run or cannot work on new pictures, or the
            device is not here.
    """
    if options.run is not None and not Path(RunPaths(options.run).models).is_dir():
        raise InputError(f"{options.run}: no models/ in it; expected the folder of a run, such as results/demo")
    loader = _Loader(options)
    given = options.weights or (find_weights(DEFAULT) if options.run is None else None)
    weights, name = (loader.weights_of(DETECTOR), DETECTOR) if given is None else (given, _name_of(given))
    detector = loader.load(weights, name)
    if detector.header.input != "photo" or detector.header.channels != 3:
        raise InputError(f"{weights}: looks at {detector.header.input}s; expected a detector that looks at photos")
    if options.face is not None:
        detector = replace(detector, header=with_whole_face(detector.header, options.face))
    find_whole_face(detector.header)
    rescue, why = _RescueLoader(options, loader, detector, loader.digests[name]).choose()
    return Networks(detector, name, options.confidence, rescue, why, loader.digests, options.covered)


class _Loader:
    """Loads networks, each once."""

    def __init__(self, options: NetworkOptions) -> None:
        self._options = options
        stored = find_nms_iou(RunPaths(options.run)) if options.run is not None else None
        self.nms_iou = next(each for each in (options.nms_iou, stored, NMS_IOU) if each is not None)
        self.device = pick_device(options.device)
        check_precision(self.device, options.precision)
        self.digests: dict[str, str] = {}
        self._trained: int | None = None

    def weights_of(self, name: str) -> Path:
        """Weights of a model of the run.

        Raises:
            InputError: The run has no such model.
        """
        run = self._options.run
        if run is None:
            raise InputError(f"{name}: is a model of a run; expected --run RUN too, the folder of a run")
        paths = RunPaths(run)
        path = Path(paths.model(name).weights)
        if not path.is_file():
            known = sorted(map(folder_name, Path(paths.models).glob(f"*/{WEIGHTS}")))
            raise InputError(f"{run}: has no model {name}; expected one of {', '.join(known) or 'none so far'}")
        return path

    def load(self, path: Path, name: str, image_size: int | None = None) -> Model:
        """Load weights.

        Args:
            path: Of the weights.
            name: What to call them.
            image_size: Longest side of the input in the run, in pixels; None takes that of the training. Where another
                size of the detector's input is asked for, the other detectors of photos change alike.
        """
        network, header, digest = open_weights(path)
        # Files of different folders may have one name.
        self.digests[name if self.digests.get(name, digest) == digest else str(path)] = digest
        size = image_size or header.image_size
        asked, self._trained = self._options.image_size, self._trained or size
        if asked is not None and header.input not in MAP_INPUTS:
            size = max(STRIDE, round(size * asked / self._trained / STRIDE) * STRIDE)
        network = network.fuse().to(self.device).to(memory_format=torch.channels_last)
        return Model(network, header, self.device, size, self.nms_iou, self._options.precision)


class _RescueLoader:
    """Chooses and loads the rescue."""

    def __init__(self, options: NetworkOptions, loader: _Loader, detector: Model, digest: str) -> None:
        self._options, self._loader, self._detector, self._digest = options, loader, detector, digest
        self._run = None if options.run is None else RunPaths(options.run)
        self._scores: dict[str, MethodScore] = {}
        if self._run is not None and Path(self._run.rescue_trial).is_file():
            self._scores = read_method_scores(Path(self._run.rescue_trial))

    def choose(self) -> tuple[Rescue | None, str]:
        """The rescue, and a line on it."""
        options = self._options
        kind, _, name = options.rescue.partition(":")
        if options.heatmap_weights is not None:
            if options.rescue not in (BEST, HEATMAP):
                raise InputError(f"--heatmap-weights: says which rescue; leave --rescue {options.rescue} out")
            name = _name_of(options.heatmap_weights)
            return self._of_model(name, options.heatmap_weights, heatmap=True), f"{name} looks at heatmaps"
        if options.rescue == NONE:
            return None, "nothing looks again where the detector found no face"
        if options.rescue == BEST:
            return self._best()
        if kind == HEATMAP:
            if not name:
                raise InputError("--rescue heatmap: expected heatmap:NAME, such as heatmap:gradcampp_avg")
            return self._of_model(name, self._loader.weights_of(name), heatmap=True), f"{name} looks at heatmaps"
        return self._named(options.rescue), f"{options.rescue} looks again where the detector found no face"

    def _best(self) -> tuple[Rescue | None, str]:
        for score in self._scores.values():
            if score.found and score.name not in LEFT_OUT:
                try:
                    rescue = self._named(score.name)
                except CannotRescue:
                    self._loader.digests.pop(score.name, None)
                    continue
                return (
                    rescue,
                    f"{score.name}, which found {score.found} of {score.faces} missed faces in the run's trial",
                )
        why = "the run has no rescue trial" if self._run is not None else "weights alone have no rescue trial"
        if self._scores:
            why = "no method of the run's trial found a missed face and can look at new pictures"
        return None, f"none: {why}"

    def _named(self, name: str) -> Rescue:
        if name in LEFT_OUT:
            raise InputError(f"--rescue {name}: proposes the same box in every picture, face or none; expected another")
        if name == "one_class":
            return SecondDetector(name, self._confidence(name), self._second(RGB1).model)
        run = self._run
        if run is not None and not Path(run.model(name).weights).is_file():
            if name in STRATEGIES:
                return self._strategy(name)
            known = [each for each in self._scores if each not in LEFT_OUT]
            message = f"--rescue {name}: no method of {run} that can look at new pictures"
            raise CannotRescue(f"{message}; expected best, none, or one of {', '.join(known) or 'its models'}")
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
            raise CannotRescue(
                f"--rescue {name}: looks at drawn boxes, a control of the trial; expected another method"
            )
        if maps["model"] != self._digest:
            logger.info(f"note: {path}: learnt from heatmaps of another detector than this one")
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

    def _strategy(self, name: str) -> Rescue:
        if self._run is None:
            raise InputError(f"--rescue {name}: needs the faces of a run's training set; expected --run RUN too")
        scales = {}
        if name == MULTI_SCALE:
            scales = {
                each: self._second(model, size) for each, (model, size) in find_inference_scales(self._run).items()
            }
            if not scales:
                raise CannotRescue(
                    f"--rescue {name}: {self._run} has no predictions of multi-scale inference; expected another"
                )
        rgb1 = self._second(RGB1) if name == "box_fusion" else None
        anatomy = learn_anatomy(Path(self._run.dataset("train")))
        maps = None
        if name == HEATMAP_BOXES:
            settings = find_boxed_heatmaps(self._run)
            if settings is None:
                raise CannotRescue(f"--rescue {name}: {self._run} has no such predictions; expected another")
            maps = self._maps(settings, JOINT)
        return StrategyRescue(name, self._confidence(name), self._detector, anatomy, rgb1, scales, maps)

    def _confidence(self, name: str) -> float:
        if self._options.rescue_confidence is not None:
            return self._options.rescue_confidence
        if name in self._scores and self._run is not None:
            options = self._options
            resized = options.image_size is not None
            check_as_tried(self._run, name, self._loader.nms_iou, options.precision, resized)
            return self._scores[name].confidence
        return CONFIDENCE


class CannotRescue(InputError):
    """A method of the trial cannot work on new pictures."""


def _name_of(path: Path) -> str:
    """What to call weights of somebody's choice; those of a run all have the same file name."""
    return folder_name(path) if path.name == WEIGHTS else path.stem


def find_nms_iou(run: RunPaths) -> float | None:
    """IoU of non-maximum suppression of a run's stored predictions; None where there are none of this version."""
    about = _about_a_table(run.predictions_of(DETECTOR), "*.parquet")
    return float(about[STORED_NMS_IOU]) if about is not None and CAP in about else None


def check_as_tried(run: RunPaths, name: str, nms_iou: float, precision: str, resized: bool) -> None:
    """Make sure that a method is applied as when the run's trial chose its confidence.

    Args:
        run: The run.
        name: Of the method.
        nms_iou: IoU above which a box of lower confidence is dropped, now.
        precision: Arithmetic of the networks, now.
        resized: Whether the input has another size than in the run.

    Raises:
        InputError: Boxes are suppressed at another IoU now.
    """
    scaled = [*find_inference_scales(run)] if name == MULTI_SCALE else []
    for each in (name, *scaled):
        path = _a_table(run.predictions_of(each), "*.parquet")
        if path is None:
            continue
        about = _about(path)
        if CAP not in about:
            logger.info(
                f"note: {path}: is of an earlier version, and so is the confidence of {name}; make the run again"
            )
            return
        if about[STORED_NMS_IOU] != nms_iou:
            raise InputError(
                f"--nms-iou {nms_iou}: {path} has {about[STORED_NMS_IOU]}, by which the run's trial chose the"
                f" confidence of {name}; leave --nms-iou out, or give --rescue-confidence too"
            )
        if about[PRECISION] != precision:
            logger.info(
                f"note: --precision {precision}: the run's trial chose the confidence of {name} in {about[PRECISION]}"
            )
            break
    if resized:
        logger.info(f"note: --image-size: the run's trial chose the confidence of {name} at the sizes of the training")


def find_inference_scales(run: RunPaths) -> dict[str, tuple[str, int | None]]:
    """Detectors at several inference scales in a run: model and size of its input, by the name of their predictions."""
    scales: dict[str, tuple[str, int | None]] = {}
    for folder in sorted(Path(run.all_predictions).glob("*/")):
        model = model_at_scale(folder.name)
        about = _about_a_table(folder, "*.parquet") if model else None
        if model and about is not None:
            scales.setdefault(model, (model, None))
            scales[folder.name] = (model, int(about["image_size"]))
    return scales


def find_boxed_heatmaps(run: RunPaths) -> dict[str, Any] | None:
    """How the heatmaps are made around whose highlighted regions a run drew boxes; None where it drew none."""
    proposed = _about_a_table(run.predictions_of(HEATMAP_BOXES), "*.parquet")
    if proposed is None:
        return None
    return _about_a_table(run.heatmaps_of(proposed["heatmaps"]["variant"]), "*/manifest.parquet")


def _about_a_table(folder: str | Path, pattern: str) -> dict[str, Any] | None:
    """What the first table of a folder says of how all of them were made; None where there is none."""
    stored = _a_table(folder, pattern)
    return None if stored is None else _about(stored)


def _a_table(folder: str | Path, pattern: str) -> Path | None:
    return next(iter(sorted(Path(folder).glob(pattern))), None)


def _about(path: Path) -> dict[str, Any]:
    return json.loads((pq.read_schema(path).metadata or {})[b"uncover"])
