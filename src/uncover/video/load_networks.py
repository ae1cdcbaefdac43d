"""Load the detector and the rescue of `uncover detect`, from its options and the run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from uncover.baselines.fetched import fetched_file
from uncover.baselines.registry import describe, find_baseline, lacking_package, load_detector
from uncover.baselines.weights import BaselineWeights, load_baseline, read_state_dict
from uncover.cam.engine import Explainer
from uncover.config.baselines import BASELINES, Baselines, ReadyMade, Trained
from uncover.config.detectors import DRAWN_BOXES, MAP_INPUTS
from uncover.config.heatmaps import Variant
from uncover.config.values import check_section
from uncover.errors import InputError
from uncover.extras import describe_missing
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
from uncover.video.options import CONFIDENCE as DETECTED
from uncover.video.options import NetworkOptions, find_settings
from uncover.video.other_detector import OtherDetector
from uncover.video.rescue import (
    BehindAnother,
    HeatmapDetector,
    LiveMaps,
    Rescue,
    SecondDetector,
    StrategyRescue,
    TurnedDetector,
)
from uncover.weights import DEFAULT, find_weights, second_look_of
from uncover.yolov5.device import check_precision, pick_device
from uncover.yolov5.weights import is_of_rendered, open_weights

logger = logging.getLogger(__name__)

DETECTOR = "rgb10"
"""The first detector of a run, as in the thesis."""

MULTI_SCALE, HEATMAP_BOXES = "multi_scale", "heatmap_boxes"
"""Methods that need more than weights."""

BEST, WINNER, NONE, HEATMAP = "best", "winner", "none", "heatmap"
"""Values of `--rescue` besides names of methods; the last one is followed by a colon and a name."""

TURNS = {"turns": 4, "turns8": 8}
"""Number of turns, by name of the rescue that runs the detector itself at several turns."""

LARGER, TIMES_LARGER = "larger", 2
"""The rescue that runs the detector at a larger input size, and the factor of the size."""

RGB1 = "rgb1"
LEFT_OUT = ("constant_box",)
"""Methods of the trial that ignore the image: every empty frame would have a face."""

CONFIDENCE, NMS_IOU = 0.25, 0.6
"""Default confidence threshold of a rescue without a trial, and default IoU of NMS without a run."""

WEIGHTS = "weights.pt"
"""File name of all weights in runs."""


def load_networks(options: NetworkOptions) -> Networks:
    """Load the detector and the rescue.

    Raises:
        InputError: A file is missing or not a weights file, a method is not in this run or cannot run on new images, or
            the device does not exist.
    """
    if options.run is not None and not Path(RunPaths(options.run).models).is_dir():
        raise InputError(f"{options.run}: no models/ in it; expected the folder of a run, such as results/demo")
    loader = _Loader(options)
    if options.baseline is not None:
        if options.weights is not None or options.face is not None:
            also = "--weights" if options.weights is not None else "--class"
            raise InputError(f"--detector {options.baseline}: cannot be combined with {also}; remove one of them")
        other, name = loader.load_other(options.baseline), options.baseline
        return _with_rescue(options, loader, other, name, other.confidence)
    given = options.weights or (find_weights(DEFAULT) if options.run is None else None)
    weights, name = (loader.weights_of(DETECTOR), DETECTOR) if given is None else (given, _name_of(given))
    detector = loader.load(weights, name)
    if detector.header.input != "photo" or detector.header.channels != 3:
        raise InputError(f"{weights}: its input is {detector.header.input}; expected a detector for colour photos")
    if options.face is not None:
        detector = replace(detector, header=with_whole_face(detector.header, options.face))
    find_whole_face(detector.header)
    return _with_rescue(options, loader, detector, name, DETECTED, second_look_of(weights))


def _with_rescue(
    options: NetworkOptions,
    loader: _Loader,
    detector: Model | OtherDetector,
    name: str,
    usual: float,
    second_look: str | None = None,
) -> Networks:
    confidence = usual if options.confidence is None else options.confidence
    # Recorded before a rescue adds its own weights.
    rescue, why = _RescueLoader(options, loader, detector, name, confidence, second_look).choose()
    rendered = tuple(loader.rendered)
    return Networks(detector, name, confidence, rescue, why, loader.digests, options.covered, rendered, usual)


class _Loader:
    """Loads networks, each only once.

    Attributes:
        nms_iou: IoU above which a box of lower confidence is dropped.
        device: Device of the networks.
        digests: sha256 of the weights by name; name and version of a package that includes its weights.
        rendered: Names of networks that were trained on rendered faces only.
    """

    def __init__(self, options: NetworkOptions) -> None:
        self._options = options
        stored = find_nms_iou(RunPaths(options.run)) if options.run is not None else None
        self.nms_iou = next(each for each in (options.nms_iou, stored, NMS_IOU) if each is not None)
        self.device = pick_device(options.device)
        check_precision(self.device, options.precision)
        self.digests: dict[str, str] = {}
        self.rendered: list[str] = []
        self._trained: int | None = None

    def weights_of(self, name: str) -> Path:
        """Weights of a model of the run.

        Raises:
            InputError: The run has no such model.
        """
        run = self._options.run
        if run is None:
            raise InputError(f"{name}: is a model of a run; also pass --run RUN, the folder of the run")
        paths = RunPaths(run)
        path = Path(paths.model(name).weights)
        if not path.is_file():
            known = sorted(map(folder_name, Path(paths.models).glob(f"*/{WEIGHTS}")))
            raise InputError(f"{run}: has no model {name}; its models: {', '.join(known) or 'none'}")
        return path

    def load(self, path: Path, name: str, image_size: int | None = None) -> Model:
        """Load weights.

        Args:
            path: Weights file.
            name: Name of the network.
            image_size: Longest side of the input in the run, in pixels; None uses that of the training. If the user
                sets another input size of the detector, the other detectors of photos are scaled alike.
        """
        network, header, digest = open_weights(path)
        self._note_rendered(header.training, path, name)
        # Files in different folders may have the same name.
        self.digests[name if self.digests.get(name, digest) == digest else str(path)] = digest
        size = image_size or header.image_size
        asked, self._trained = self._options.image_size, self._trained or size
        if asked is not None and header.input not in MAP_INPUTS:
            size = max(STRIDE, round(size * asked / self._trained / STRIDE) * STRIDE)
        network = network.fuse().to(self.device).to(memory_format=torch.channels_last)
        return Model(network, header, self.device, size, self.nms_iou, self._options.precision)

    def _note_rendered(self, training: Mapping[str, Any], path: Path, name: str) -> None:
        self.rendered += [name] if is_of_rendered(training, path) and name not in self.rendered else []

    def load_other(self, name: str) -> OtherDetector:
        """Load a baseline detector, with the settings of the run's config if there is one.

        Raises:
            InputError: There is no such detector, a package is not installed, or weights are missing.
        """
        baseline = find_baseline(name)
        lacking = lacking_package(name)
        if lacking:
            raise InputError(f"{name}: {lacking}")
        run = self._options.run
        of_config = ({} if run is None else find_settings(run)).get("baselines") or {}
        settings = check_section(type(getattr(Baselines(), name)), of_config.get(name) or {}, f"baselines.{name}")
        if isinstance(settings, ReadyMade) and self._options.image_size is not None:
            settings = settings.model_copy(update={"image_size": self._options.image_size})
        path = self._weights_of_other(name, settings)
        weights = None if path is None else _read_weights(path)
        try:
            detector = load_detector(name, settings, weights, self.device, self.nms_iou)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "uncover":
                raise
            raise InputError(f"{name}: {describe_missing(error.name or baseline.package)}") from None
        about = describe(name, weights, self.nms_iou)
        self.digests[name] = str((about.get("weights") or {}).get("sha256") or about["package"])
        if path is not None and weights is not None and baseline.trained:
            self._note_rendered(weights.about.get("training") or {}, path, name)
            self.digests[name] = _sha256(path)
        longest = settings.image_size if isinstance(settings, ReadyMade) else None
        about["settings"] = settings.model_dump(mode="json")
        return OtherDetector(detector, name, settings.confidence, self.device, longest, self.nms_iou, about)

    def _weights_of_other(self, name: str, settings: ReadyMade | Trained) -> Path | None:
        given, run = self._options.baseline_weights.get(name), self._options.run
        needs = isinstance(settings, Trained) or settings.weights_key(name) is not None
        if given is not None:
            if not needs:
                raise InputError(f"{name}: its package includes the weights; remove --detector-weights")
            return fetched_file(given)
        if not needs:
            return None
        kind = f"weights.pt of 'uncover train baseline {name}'"
        if not isinstance(settings, Trained):
            kind = "the file of its authors, or a folder of 'uncover fetch_weights'"
        if run is not None:
            paths = RunPaths(run)
            if isinstance(settings, Trained):
                path = Path(paths.model(name).weights)
                if path.is_file():
                    return path
            elif Path(folder := paths.fetched_weights(str(settings.weights_key(name)))).is_dir():
                return fetched_file(Path(folder))
        where = "requires weights" if run is None else f"{run} has no weights of it"
        raise InputError(f"{name}: {where}; pass --detector-weights {name}=PATH, {kind}")


class _RescueLoader:
    """Selects and loads the rescue."""

    def __init__(
        self,
        options: NetworkOptions,
        loader: _Loader,
        detector: Model | OtherDetector,
        name: str,
        confidence: float,
        second_look: str | None,
    ) -> None:
        self._options, self._loader, self._name, self._sure = options, loader, name, confidence
        self._second_look = second_look
        self._first = detector
        self._run = None if options.run is None else RunPaths(options.run)
        self._scores: dict[str, MethodScore] = {}
        if self._run is not None and Path(self._run.rescue_trial).is_file():
            self._scores = read_method_scores(Path(self._run.rescue_trial))

    def choose(self) -> tuple[Rescue | None, str]:
        """The rescue, and a log line on it."""
        options = self._options
        kind, _, name = options.rescue.partition(":")
        if options.heatmap_weights is not None:
            if options.rescue not in (BEST, HEATMAP):
                raise InputError(f"--heatmap-weights already selects the rescue; remove --rescue {options.rescue}")
            name = _name_of(options.heatmap_weights)
            return self._of_model(name, options.heatmap_weights, heatmap=True), f"{name} runs on heatmaps"
        if options.rescue == NONE:
            return None, "no rescue runs on frames without a box of the detector"
        if options.rescue in (BEST, WINNER):
            return self._best()
        if kind == HEATMAP:
            if not name:
                raise InputError("--rescue heatmap: expected heatmap:NAME, such as heatmap:gradcampp_avg")
            rescue = self._of_model(name, self._loader.weights_of(name), heatmap=True)
            return rescue, f"{name} runs on heatmaps{self._score_of(name)}"
        if options.rescue in (*TURNS, LARGER) and (again := self._again(options.rescue)):
            return again
        why = f"{options.rescue} runs on frames where {self._name} found no box{self._score_of(options.rescue)}"
        try:
            return self._named(options.rescue), why
        except CannotRescue as error:
            raise CannotRescue(f"{error}; expected best, none, or one of {', '.join(self._known())}") from None

    def _again(self, name: str) -> tuple[Rescue, str] | None:
        """The detector itself as a rescue, and a log line on it; None if its input size cannot be changed."""
        first, confidence = self._first, self._confidence(name)
        where = f"every frame in which {self._name} found no box"
        if name in TURNS:
            turns = TURNS[name]
            rescue = TurnedDetector(name, confidence, first, turns)
            if rescue.side is not None and isinstance(first, Model):
                side = 2 * rescue.side
                return rescue, (
                    f"{name}: a second pass on {where}, at its four quarter turns side by side in {side} pixels;"
                    f" such a frame takes {1 + (side / first.image_size) ** 2:.1f} times as long"
                )
            return rescue, (
                f"{name}: {turns - 1} further passes on {where}, turned; such a frame takes {turns} times as long"
            )
        if not isinstance(first, Model):
            return None
        larger = replace(first, image_size=TIMES_LARGER * first.image_size)
        return (
            SecondDetector(LARGER, confidence, larger, comparable=True),
            f"{LARGER}: a second pass at {larger.image_size} pixels on {where}; such a frame takes"
            f" {1 + TIMES_LARGER**2} times as long",
        )

    def _score_of(self, name: str) -> str:
        score = self._scores.get(name)
        return "" if score is None else f"; it {score.told()}"

    def _best(self) -> tuple[Rescue | None, str]:
        """The winner of the run's trial, if the trial shows a gain or the user asks for the winner."""
        loader, asked = self._loader, self._options.rescue == BEST
        if asked and self._second_look is not None and (again := self._again(self._second_look)):
            return again
        if asked and self._scores and not self._is_the_runs():
            return None, f"none: the run has no trial with {self._name}; select a rescue with --rescue NAME"
        # Pretrained baseline detectors are slow, so they are used only if named explicitly.
        able = [score for score in self._scores.values() if score.found and score.name not in (*LEFT_OUT, *BASELINES)]
        digests, rendered = dict(loader.digests), list(loader.rendered)
        for score in sorted(able, key=lambda each: asked and not each.gains):
            try:
                rescue = self._named(score.name)
            except CannotRescue:
                loader.digests, loader.rendered = dict(digests), list(rendered)
                continue
            if not asked or score.gains:
                return rescue, f"{score.name}, which {score.told()}"
            loader.digests, loader.rendered = digests, rendered
            return None, (
                f"none: the best method, {score.name}, {score.told()}, which shows no gain over a lower --confidence;"
                f" to use it anyway, pass --rescue {score.name}"
            )
        why = "the run has no rescue trial" if self._run is not None else "weights alone have no rescue trial"
        if self._scores:
            why = "no method of the run's trial that can run on new images found a missed face"
        return None, f"none: {why}"

    def _is_the_runs(self) -> bool:
        """Whether the detector is the one of the run's trial; also true if the run has no trial."""
        path = None if self._run is None else Path(self._run.model(DETECTOR).weights)
        if isinstance(self._first, OtherDetector) or path is None or not path.is_file():
            return not isinstance(self._first, OtherDetector)
        return _sha256(path) == self._loader.digests[self._name]

    def _named(self, name: str) -> Rescue:
        if name in LEFT_OUT:
            raise InputError(f"--rescue {name}: returns the same box for every image; choose another method")
        if name in BASELINES:
            other = self._loader.load_other(name)
            return SecondDetector(name, self._confidence(name, other.confidence), other)
        if name == "one_class":
            return SecondDetector(name, self._confidence(name), self._second(RGB1).model)
        run = self._run
        if run is None or not Path(run.model(name).weights).is_file():
            if run is not None and name in STRATEGIES:
                return self._strategy(name)
            where = "without --run" if run is None else f"of {run}"
            raise CannotRescue(f"--rescue {name}: no method {where} that can run on new images")
        return self._of_model(name, self._loader.weights_of(name), heatmap=False)

    def _known(self) -> list[str]:
        """Values that `--rescue` accepts; each was tried, so that the list has none that is refused."""
        run = self._run
        known = [] if run is None else [*self._scores, *STRATEGIES]
        known += [] if run is None else sorted(map(folder_name, Path(run.models).glob(f"*/{WEIGHTS}")))
        works = [*TURNS, *([LARGER] if isinstance(self._first, Model) else [])]
        for name in dict.fromkeys([*known, *BASELINES]):
            with suppress(InputError, ModuleNotFoundError):
                if name not in works and name != self._name:
                    self._named(name)
                    works.append(name)
        return works

    def _of_model(self, name: str, path: Path, heatmap: bool) -> Rescue:
        model = self._loader.load(path, name)
        find_whole_face(model.header)
        maps = model.header.maps
        if model.header.input not in MAP_INPUTS or maps is None:
            if heatmap:
                raise InputError(f"{path}: is a detector for photos; expected a detector for heatmaps")
            return SecondDetector(name, self._confidence(name), model)
        if maps["variant"] == DRAWN_BOXES:
            raise CannotRescue(f"--rescue {name}: runs on drawn boxes and is a control of the trial")
        own, digest = self._explained
        if maps["model"] != digest:
            logger.info(f"note: {path}: trained on heatmaps of another detector")
        rescue = HeatmapDetector(name, self._confidence(name), model, self._maps(maps, model.header.input))
        return rescue if own is self._first else BehindAnother(rescue, own)

    @cached_property
    def _explained(self) -> tuple[Model, str]:
        """The network of ours that gives a rescue its heatmaps and candidates, and its digest; that of the run if the
        detector is a baseline detector."""
        first = self._first
        if isinstance(first, Model):
            return first, self._loader.digests[self._name]
        return self._loader.load(self._loader.weights_of(DETECTOR), DETECTOR), self._loader.digests[DETECTOR]

    def _maps(self, settings: Mapping[str, Any], kind: str) -> LiveMaps:
        """Heatmaps with the settings in a manifest."""
        variant = Variant(method=settings["method"], layers=tuple(settings["layers"]), target=settings["target"])
        confidence, nms_iou = float(settings["confidence"]), float(settings["nms_iou"])
        own, _ = self._explained
        explainer = Explainer(own.network, {settings["variant"]: variant}, confidence, nms_iou)
        return LiveMaps(explainer, own.header.class_names, kind, own.precision)

    def _second(self, name: str, image_size: int | None = None) -> SecondDetector:
        model = self._loader.load(self._loader.weights_of(name), name, image_size)
        return SecondDetector(name, CONFIDENCE, model)

    def _strategy(self, name: str) -> Rescue:
        if self._run is None:
            raise InputError(f"--rescue {name}: requires the training set of a run; also pass --run RUN")
        scales = {}
        if name == MULTI_SCALE:
            scales = {
                each: self._second(model, size) for each, (model, size) in find_inference_scales(self._run).items()
            }
            if not scales:
                raise CannotRescue(f"--rescue {name}: {self._run} has no predictions of multi-scale inference")
        rgb1 = self._second(RGB1) if name == "box_fusion" else None
        anatomy = learn_anatomy(Path(self._run.dataset("train")))
        maps = None
        if name == HEATMAP_BOXES:
            settings = find_boxed_heatmaps(self._run)
            if settings is None:
                raise CannotRescue(f"--rescue {name}: {self._run} has no predictions of this method")
            maps = self._maps(settings, JOINT)
        own, _ = self._explained
        rescue = StrategyRescue(name, self._confidence(name), own, anatomy, rgb1, scales, maps)
        return rescue if own is self._first else BehindAnother(rescue, own)

    def _confidence(self, name: str, usual: float = CONFIDENCE) -> float:
        if self._options.rescue_confidence is not None:
            return self._options.rescue_confidence
        if name in self._scores and self._run is not None:
            options = self._options
            resized = options.image_size is not None
            check_as_tried(self._run, name, self._loader.nms_iou, options.precision, resized)
            return self._scores[name].confidence
        # For the detector itself, the threshold is that of its first pass.
        return self._sure if name in (*TURNS, LARGER) else usual


class CannotRescue(InputError):
    """A method of the trial cannot run on new images."""


def _read_weights(path: Path) -> BaselineWeights:
    """Weights of a baseline detector: our file, an ONNX model, or a third-party file (tensors only)."""
    try:
        return load_baseline(path)
    except InputError:
        if not path.is_file():
            raise
        content = path.read_bytes()
        about = {"source": path.name, "sha256": hashlib.sha256(content).hexdigest()}
        return BaselineWeights(read_state_dict(content, path.name), about)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name_of(path: Path) -> str:
    """Name of given weights; those in runs all have the same file name."""
    return folder_name(path) if path.name == WEIGHTS else path.stem


def find_nms_iou(run: RunPaths) -> float | None:
    """IoU of non-maximum suppression of a run's stored predictions; None if it has none of this version."""
    about = _about_a_table(run.predictions_of(DETECTOR), "*.parquet")
    return float(about[STORED_NMS_IOU]) if about is not None and CAP in about else None


def check_as_tried(run: RunPaths, name: str, nms_iou: float, precision: str, resized: bool) -> None:
    """Check that a method is applied with the settings for which the run's trial chose its threshold.

    Args:
        run: The run.
        name: Name of the method.
        nms_iou: Current IoU of non-maximum suppression.
        precision: Current precision of the networks.
        resized: Whether the input size differs from that of the run.

    Raises:
        InputError: The IoU of non-maximum suppression differs.
    """
    scaled = [*find_inference_scales(run)] if name == MULTI_SCALE else []
    for each in (name, *scaled):
        path = _a_table(run.predictions_of(each), "*.parquet")
        if path is None:
            continue
        about = _about(path)
        if CAP not in about:
            logger.info(
                f"note: {path}: made by an earlier version, like the threshold of {name}; run the workflow again"
            )
            return
        if about[STORED_NMS_IOU] != nms_iou:
            raise InputError(
                f"--nms-iou {nms_iou}: the run's trial chose the threshold of {name} at {about[STORED_NMS_IOU]}"
                f" ({path}); remove --nms-iou, or also pass --rescue-confidence"
            )
        if about[PRECISION] != precision:
            logger.info(
                f"note: --precision {precision}: the run's trial chose the threshold of {name} in {about[PRECISION]}"
            )
            break
    if resized:
        logger.info(f"note: --image-size: the run's trial chose the threshold of {name} at the training's input sizes")


def find_inference_scales(run: RunPaths) -> dict[str, tuple[str, int | None]]:
    """Detectors at several input sizes in a run: model and size, by the name of their predictions."""
    scales: dict[str, tuple[str, int | None]] = {}
    for folder in sorted(Path(run.all_predictions).glob("*/")):
        model = model_at_scale(folder.name)
        about = _about_a_table(folder, "*.parquet") if model else None
        if model and about is not None:
            scales.setdefault(model, (model, None))
            scales[folder.name] = (model, int(about["image_size"]))
    return scales


def find_boxed_heatmaps(run: RunPaths) -> dict[str, Any] | None:
    """Settings of the heatmaps from which a run made boxes of highlighted regions; None if it made none."""
    proposed = _about_a_table(run.predictions_of(HEATMAP_BOXES), "*.parquet")
    if proposed is None:
        return None
    return _about_a_table(run.heatmaps_of(proposed["heatmaps"]["variant"]), "*/manifest.parquet")


def _about_a_table(folder: str | Path, pattern: str) -> dict[str, Any] | None:
    """Metadata of the first table of a folder, which all its tables share; None if there is none."""
    stored = _a_table(folder, pattern)
    return None if stored is None else _about(stored)


def _a_table(folder: str | Path, pattern: str) -> Path | None:
    return next(iter(sorted(Path(folder).glob(pattern))), None)


def _about(path: Path) -> dict[str, Any]:
    return json.loads((pq.read_schema(path).metadata or {})[b"uncover"])
