"""Models, sets, methods and files that follow from a config: rules and the report take their inputs from `Run`."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from uncover.baselines.fetched import read_fetched
from uncover.baselines.registry import lacking_package
from uncover.config.baselines import BASELINES
from uncover.config.catalogue import TRAINING_SETS
from uncover.config.detectors import DRAWN_BOXES, UPSTREAM, Detector, SecondStep, Weights
from uncover.config.finetune import PACKAGED
from uncover.config.heatmaps import Variant
from uncover.config.model import Config
from uncover.config.values import as_pairs, may_be_told
from uncover.data.blocks import INFANTS, BlockNames, block_of_video, read_infants
from uncover.data.folds import equal_parts
from uncover.errors import InputError
from uncover.image_files import VIDEOS, find_images
from uncover.images.inputs import Shard
from uncover.images.letterbox import STRIDE
from uncover.paths import RunPaths, at_scale
from uncover.rescue.strategies import STRATEGIES
from uncover.weights import find_weights
from uncover.workflow.sources import (
    RawSource,
    all_sources,
    frame_sets,
    graded_sets,
    labelled_sets,
    landmark_sets,
    own_sets,
    raw_folder,
    sources_at_hand,
    tried_sets,
)

YOLOV5_URL = "https://github.com/ultralytics/yolov5/releases/download/v7.0/{}.pt"


def video_files(config: Config) -> dict[str, Path]:
    """Videos with a CSV file of true boxes of the same name beside them, by name without suffix.

    Names of synthetic videos follow from the config; others are read from the folder.

    Raises:
        InputError: Two videos of the folder share a name, and therefore a CSV file.
    """
    folder = raw_folder(config, "videos")
    if folder is None:
        return {}
    if config.raw.synthetic:
        names = [f"infant_{number:02}" for number in range(1, config.synthetic.videos.infants + 1)]
        return {name: folder / f"{name}.mp4" for name in names}
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() in VIDEOS and path.with_suffix(".csv").is_file():
            if path.stem in files:
                raise InputError(
                    f"{path}: has the same name, and so the same CSV of true boxes, as {files[path.stem]}; rename one"
                    " of them"
                )
            files[path.stem] = path
    return files


def infants_at_hand(config: Config) -> list[str]:
    """Infants in the videos with true boxes (or other groups to leave out in turn), in alphabetical order.

    Raises:
        InputError: `infants.csv` beside the videos is invalid, or the name of an infant is no valid folder name or
            contains braces, which Snakemake interprets as a wildcard.
    """
    folder, files = raw_folder(config, "videos"), video_files(config)
    if folder is None:
        return []
    infants = {} if config.raw.synthetic else read_infants(folder)
    names = sorted({block_of_video(name, infants).name for name in files})
    for name in names:
        if not name.strip(".") or "/" in name or "\\" in name:
            raise InputError(f"{folder / INFANTS}: infant {name!r}: not a valid folder name; rename it")
        if has_braces(name):
            raise InputError(
                f"{folder}: infant {name!r}: contains braces, which Snakemake interprets as a wildcard; rename the"
                f" video, or its infant in {INFANTS}"
            )
    return names


def parts_of_photos(config: Config) -> dict[str, list[str]]:
    """Blocks of images that fine-tuning leaves out together in turn, by folder name.

    Raises:
        InputError: The block of an image cannot be read from its name.
    """
    name = str(config.finetune.photos)
    source = all_sources(config)[name]
    own = source.blocks
    assert own is not None, "the config was checked"
    names = BlockNames(own.kind, own.name, own.every or 0)
    sizes: dict[str, int] = {}
    for path in find_images(source.folder)[0] if source.folder.is_dir() else ():
        block = names.of(path.stem)
        if block is None:
            raise InputError(
                f"{path}: no {own.kind} found in the file name (pattern of {name}: {own.name}); with finetune.photos,"
                " every file name must match"
            )
        sizes[block.name] = sizes.get(block.name, 0) + 1
    if config.finetune.parts is None:
        return {block: [block] for block in sorted(sizes)}
    parts = equal_parts(sizes, config.finetune.parts)
    return {f"part_{number}-of-{len(parts)}": blocks for number, blocks in enumerate(parts, 1)}


def has_braces(path: str) -> bool:
    """Whether Snakemake would interpret a part of a path as a wildcard; braces cannot be escaped."""
    return "{" in path or "}" in path


def telling_settings(config: Config) -> list[str]:
    """Settings that differ from the defaults and affect results, as `key=value` words; paths and batches do not."""
    of_work = ("heatmaps.batch=", "heatmaps.shards=", "prediction.shards=", "cluster.")
    return [pair for pair in as_pairs(config) if may_be_told(pair) and not pair.startswith(of_work)]


def not_comparable(config: Config) -> str:
    """Why this run's numbers cannot be compared with the thesis's; empty if they can."""
    if config.raw.synthetic:
        return "synthetic data"
    _, frames = sources_at_hand(config)
    absent = [source for source in ("hof", "slapi") if source not in frames]
    if absent:
        return f"without {', '.join(absent)}"
    joined = [name for name, own in config.data_sets.items() if own.use == "train"]
    if joined:
        return f"trained on {', '.join(joined)} too"
    return "" if config.detectors.rgb10.model == "yolov5m" else f"another network: {config.detectors.rgb10.model}"


def baselines_wanted(config: Config) -> tuple[list[str], dict[str, str]]:
    """Baseline detectors that the run evaluates, and why the others are left out, by name."""
    wanted: list[str] = []
    left_out: dict[str, str] = {}
    for name in BASELINES:
        key = config.baselines.weights_of(name)
        if name not in config.baselines.detectors:
            left_out[name] = "not among the detectors of this run (baselines.detectors)"
        elif key is not None and key not in config.weights:
            left_out[name] = f"no weights are configured (weights.{key})"
        elif lacking := lacking_package(name):
            left_out[name] = lacking
        else:
            wanted.append(name)
    return wanted, left_out


def size_at_scale(config: Config, number: int) -> int:
    """Longest side of the input, in pixels, at a further inference scale.

    Args:
        config: Merged and validated config.
        number: Index of the scale in `rescue.inference_scales`.
    """
    of = config.scales_of
    settings = config.detectors.rgb1 if of == "rgb1" else config.second_detectors()[of].settings
    wished = config.rescue.inference_scales[number] * settings.image_size
    return max(1, round(wished / STRIDE)) * STRIDE


def checkpoint(config: Config, network: str) -> Weights:
    """Source of a network's initial weights: the config, or the release of upstream YOLOv5 by default.

    Raises:
        InputError: The config has no source, and the network is not a YOLOv5.
    """
    # SCRFD is a baseline too, and its weights have the key of that baseline.
    key = network.replace(".", "_")
    if key != network and key not in config.weights:
        raise InputError(f"config: key weights.{key} is missing; expected the initial weights of the network {network}")
    return config.weights.get(key, Weights(path=None, url=YOLOV5_URL.format(network), sha256=None))


def _made_in(table: Path) -> int | None:
    """Number of jobs that made stored predictions together; None if there are no predictions."""
    return (Shard.complete(table.with_suffix("")) or 1) if table.is_file() else None


RGB_MODELS = ("rgb10", "rgb1")
GROUPS = {"thesis": "heatmaps", "variant": "variant", "control": "control", "ours": "ours"}
"""Groups of the rescue summary by the role of a detector."""


def compared_files(run: RunPaths) -> list[str]:
    """Files of another run that `uncover compare` reads: tables, and the boxes behind their scores.

    Raises:
        InputError: The run has no tables.
    """
    tables = sorted(map(str, Path(run.tables).glob("*.csv")))
    if not tables:
        raise InputError(f"{run}: contains no tables; make that run first, with its own config")
    boxes = [path for paths in (run, run.rgb_tables) for path in Path(paths.all_predictions).glob("*/*.parquet")]
    return [*tables, *sorted(map(str, boxes))]


class Run:
    """Models, sets and methods of a run by name, and their files.

    Rules and declarations of the report take their inputs from here. Lists of names are in the order of tables.
    Functions that take names of models and sets also accept Snakemake wildcards.

    Attributes:
        config: Merged and validated config.
        paths: Paths of the run.
    """

    def __init__(self, config: Config) -> None:
        """
        Args:
            config: Merged and validated config.
        """
        self.config = config
        self.paths = RunPaths.of_run(config.run)

    def check(self) -> None:
        """Check the config against the sets and methods of the run.

        Raises:
            InputError: There is no training or test data, or the config names heatmaps or methods that this run does
                not make.
        """
        if not all(name in self.landmark_sets for name in TRAINING_SETS):
            raise InputError(
                "config: key raw: no faces with landmarks to train on; set raw.wflw, raw.merl_rav or an entry of"
                " data_sets with use: train, or raw: {synthetic: true}"
            )
        if not (self.labelled_missed_sets or "preterm_web" in self.sets):
            raise InputError(
                "config: key raw: no test set with true boxes; add one, or keep images for test (key split of the data"
                " set)"
            )
        exclude = self.config.splits.exclude
        if exclude is not None and has_braces(str(exclude)):
            raise InputError(
                f"config: key splits.exclude: {exclude} contains braces, which Snakemake interprets as a wildcard; move"
                " or rename the file"
            )
        if self.boxed_heatmaps not in self.heatmap_kinds:
            raise InputError(
                f"config: key rescue.heatmap_boxes: this run makes no heatmaps {self.boxed_heatmaps}; expected one of"
                f" {', '.join(self.heatmap_kinds)}"
            )
        known = [*self.second_models, *self.strategies]
        for name in self.rescuers:
            if name not in known:
                raise InputError(
                    f"config: key rescue.rescuers: this run has no method {name}; expected some of {', '.join(known)}"
                )

    # Sets.

    @functools.cached_property
    def sources(self) -> dict[str, RawSource]:
        """Raw data sets by name."""
        return all_sources(self.config)

    @functools.cached_property
    def landmark_sources(self) -> list[str]:
        return sources_at_hand(self.config)[0]

    @functools.cached_property
    def landmark_sets(self) -> dict[str, tuple[str, list[str]]]:
        """Sets made from landmarks, with labels of ten parts: split and sources, by set."""
        return landmark_sets(self.config)

    @functools.cached_property
    def frame_sets(self) -> dict[str, tuple[str, str | None]]:
        """Sets made from frames, with at most boxes of whole faces: source and folder of the grade, by set."""
        return frame_sets(self.config)

    @functools.cached_property
    def sets(self) -> list[str]:
        return [*self.landmark_sets, *self.frame_sets]

    @functools.cached_property
    def labelled_sets(self) -> list[str]:
        """Sets with true boxes."""
        return labelled_sets(self.config)

    @functools.cached_property
    def scored_sets(self) -> list[str]:
        """Sets of tables 4 to 7."""
        return [name for name in ("val", "merl", "wflw") if name in self.landmark_sets]

    @functools.cached_property
    def unscored_sets(self) -> list[str]:
        """Further sets on which the RGB detectors run; their boxes in `train` are for a control only."""
        return [name for name in self.sets if name not in ("train", *self.scored_sets)]

    @functools.cached_property
    def tried_sets(self) -> list[str]:
        """Sets of the second step; web images of preterm infants are for baseline detectors only."""
        return tried_sets(self.config)

    @functools.cached_property
    def unlabelled_sets(self) -> list[str]:
        """Sets of the second step without true boxes."""
        return [name for name in self.tried_sets if name not in self.labelled_sets]

    @functools.cached_property
    def missed_sets(self) -> list[str]:
        """Sets of the second step whose missed images are counted: all but `val`, on which thresholds are chosen."""
        return [name for name in self.tried_sets if name != "val"]

    @functools.cached_property
    def labelled_missed_sets(self) -> list[str]:
        return [name for name in self.missed_sets if name in self.labelled_sets]

    @functools.cached_property
    def graded_sets(self) -> list[str]:
        """The thesis's sets of one occlusion grade each."""
        return graded_sets(self.config)

    @functools.cached_property
    def own_sets(self) -> list[str]:
        """Test sets of the user's own data sets, which are rows of open-ended tables."""
        return own_sets(self.config)

    @functools.cached_property
    def table_sets(self) -> list[str]:
        """Labelled test sets of the thesis."""
        return [name for name in self.labelled_missed_sets if name not in self.own_sets]

    @functools.cached_property
    def unlabelled_table_sets(self) -> list[str]:
        """Unlabelled test sets of the thesis."""
        return [name for name in self.unlabelled_sets if name not in self.own_sets]

    @functools.cached_property
    def occluded_sets(self) -> list[str]:
        """Graded sets with occlusion; the set without is in tables 10 and 11 only."""
        return [name for name in self.graded_sets if name != "slapi_none"]

    @functools.cached_property
    def baseline_sets(self) -> list[str]:
        """Sets on which baseline detectors run."""
        return [*self.tried_sets, *(name for name in self.sets if name not in ("train", *self.tried_sets))]

    @functools.cached_property
    def shown_set(self) -> str:
        """The set whose images show detections of baselines: web images, or test images if there are none."""
        return next((name for name in ("preterm_web", "merl") if name in self.sets), self.labelled_missed_sets[0])

    # Our detectors.

    @property
    def rgb_models(self) -> tuple[str, ...]:
        return RGB_MODELS

    @functools.cached_property
    def second_models(self) -> dict[str, SecondStep]:
        """All detectors of the second step: the thesis's four first, then variants and controls."""
        return self.config.second_detectors()

    @functools.cached_property
    def thesis_models(self) -> list[str]:
        """The thesis's detectors of the second step."""
        return [name for name, model in self.second_models.items() if model.role == "thesis"]

    @functools.cached_property
    def variant_models(self) -> list[str]:
        """Detectors of the second step with other heatmaps as input."""
        return [name for name, model in self.second_models.items() if model.role == "variant"]

    def detector(self, model: str) -> Detector:
        """Settings of a model of either step."""
        second = self.second_models.get(model)
        settings: Detector = second.settings if second else getattr(self.config.detectors, model)
        return settings

    def start_weights(self, model: str) -> list[str]:
        """The weights that a model starts from: another model's, or imported ones; none if trained from scratch."""
        second = self.second_models.get(model)
        if second and second.start:
            return [self.paths.model(second.start).weights]
        # Upstream weights have three input channels.
        if self.detector(model).weights != "coco" or (second and second.input != "photo"):
            return []
        return [self.paths.start_weights(self.detector(model).model)]

    def seen_heatmaps(self, model: str, sets: Collection[str]) -> list[str]:
        """Manifests of the input heatmaps of a model; none for models of images."""
        kind = self.second_models[model].heatmaps if model in self.second_models else None
        return self.heatmaps([kind], sets) if kind else []

    def seen_folders(self, model: str, sets: Iterable[str]) -> list[str]:
        """Input folders of a model of the second step: heatmaps or images."""
        kind = self.second_models[model].heatmaps
        return [self.paths.heatmaps(kind, name) if kind else self.paths.dataset(name) for name in sets]

    def scopes(self, model: str, set_name: str) -> tuple[str, ...]:
        """Scopes in which an RGB model is scored: all ten parts if faces have landmarks, and whole faces."""
        return ("all", "whole_face") if model == "rgb10" and set_name in self.landmark_sets else ("whole_face",)

    @property
    def scale_model(self) -> str:
        """The model that runs at further inference scales."""
        return self.config.scales_of

    @functools.cached_property
    def scales(self) -> list[str]:
        """Names of the predictions at further inference scales."""
        return [at_scale(self.scale_model, number + 1) for number in range(len(self.config.rescue.inference_scales))]

    @functools.cached_property
    def all_scales(self) -> list[str]:
        """Names of the predictions at all scales, including that of the training; empty without further scales."""
        return [self.scale_model, *self.scales] if self.scales else []

    def kept_predictions(self) -> dict[str, int]:
        """Existing predictions that were made by another number of jobs than set in the config, with that number.

        They keep it, because a change of the number alone must not rerun them and everything that depends on them.

        Returns:
            Number of jobs, by folder name below that of all predictions, or by "model/set" if a job covers some of the
            sets.
        """
        some = [(model, sets) for model in RGB_MODELS for sets in (["train"], self.scored_sets, self.unscored_sets)]
        every = [
            *((model, self.tried_sets) for model in [*self.second_models, *self.scales]),
            *((model, self.baseline_sets) for model in self.baselines),
        ]
        kept: dict[str, int] = {}
        for model, sets in (*some, *every):
            there = {_made_in(Path(table)) for table in self.predictions([model], sets)}
            count = there.pop() if len(there) == 1 else None
            if count not in (None, self.config.prediction.shards):
                kept |= dict.fromkeys([f"{model}/{name}" for name in sets] if model in RGB_MODELS else [model], count)
        return kept

    # Heatmaps.

    @functools.cached_property
    def heatmap_kinds(self) -> dict[str, Variant]:
        """Heatmaps computed with networks, by name."""
        return self.config.heatmaps.named()

    @functools.cached_property
    def all_heatmap_kinds(self) -> list[str]:
        """Names of all heatmaps: those of networks, and the drawn boxes of the control if a detector uses them."""
        drawn = any(model.heatmaps == DRAWN_BOXES for model in self.second_models.values())
        return [*self.heatmap_kinds, *([DRAWN_BOXES] if drawn else [])]

    @functools.cached_property
    def shown_heatmap_kinds(self) -> list[str]:
        """The heatmaps in figure 26: GradCAM++ and HiResCAM as in the thesis, or the first two in the config."""
        return list(self.heatmap_kinds)[:2]

    @functools.cached_property
    def boxed_heatmaps(self) -> str:
        """The heatmaps from whose highlighted regions boxes are made."""
        return self.config.rescue.boxed_heatmaps(self.heatmap_kinds)

    def kept_heatmaps(self) -> dict[str, int]:
        """Sets whose existing heatmaps were made by another number of jobs than set in the config, with that number."""
        kept: dict[str, int] = {}
        for name in self.sets:
            there = {Shard.complete(Path(self.paths.heatmaps(kind, name))) for kind in self.heatmap_kinds}
            count = there.pop() if len(there) == 1 else None
            if count not in (None, self.config.heatmaps.shards_of(name)):
                kept[name] = count
        return kept

    def joint_heatmap_sets(self, kept: Mapping[str, int], learned: bool) -> list[str]:
        """Sets whose heatmaps one job makes together: sets for training, or all others.

        Args:
            kept: Result of `kept_heatmaps`.
            learned: True for the sets for training, False for all others.
        """
        shards = {name: kept.get(name, self.config.heatmaps.shards_of(name)) for name in self.sets}
        return [name for name in self.sets if shards[name] == 1 and (name in TRAINING_SETS) == learned]

    # The rescue of missed faces.

    @functools.cached_property
    def strategies(self) -> list[str]:
        """Methods, beside the detectors of the second step, that propose faces from stored predictions and heatmaps."""
        return [name for name, strategy in STRATEGIES.items() if self.scales or not strategy.needs_scales]

    @functools.cached_property
    def rescuers(self) -> tuple[str, ...]:
        """Methods of the cascade that runs after each detector."""
        return self.config.rescue.rescuers or ("gradcampp_avg", "multi_scale" if self.scales else "box_fusion")

    def blank_column(self, method: str) -> str:
        """The column of missed/<set>.csv about blank inputs of a method; empty if its inputs are images."""
        if method in STRATEGIES and STRATEGIES[method].needs_maps:
            return f"{self.boxed_heatmaps}:joint"
        own = self.second_models.get(method)
        return f"{own.heatmaps}:{own.input}" if own and own.heatmaps else ""

    def rescue_methods(self) -> list[str]:
        """All methods for missed images, in the format of `uncover rescue_trial`: name=group[:column].

        Baseline detectors whose weights could not be fetched are omitted, so call this after weights are fetched.
        """
        groups = {
            **{name: GROUPS[model.role] for name, model in self.second_models.items()},
            **{name: STRATEGIES[name].group for name in self.strategies},
        }
        return [
            *(":".join(filter(None, (f"{name}={group}", self.blank_column(name)))) for name, group in groups.items()),
            *(f"{name}=detector" for name in self.baselines if name not in self.baselines_not_run()),
        ]

    # Baseline detectors.

    @functools.cached_property
    def baselines(self) -> list[str]:
        """Baseline detectors of this run."""
        return baselines_wanted(self.config)[0]

    @functools.cached_property
    def trained_baselines(self) -> list[str]:
        return [name for name in self.baselines if BASELINES[name].trained]

    @functools.cached_property
    def fetched_weights(self) -> dict[str, str]:
        """Keys of third-party weights, by the detector that needs them."""
        keys = {name: self.config.baselines.weights_of(name) for name in self.baselines}
        return {name: key for name, key in keys.items() if key is not None}

    def baselines_not_run(self) -> dict[str, str]:
        """Reasons why baseline detectors are not run, by name, as far as known now."""
        why = dict(baselines_wanted(self.config)[1])
        for name, key in self.fetched_weights.items():
            fetched = read_fetched(Path(self.paths.fetched_weights(key)))
            if fetched is not None and fetched.why:
                why[name] = f"its weights are missing (weights.{key}; see the log of the job)"
        return why

    def baselines_at_hand(self) -> list[str]:
        """Baseline detectors that need no fetched weights, or whose weights have been fetched."""
        folders = {name: Path(self.paths.fetched_weights(key)) for name, key in self.fetched_weights.items()}
        fetched = {name: read_fetched(folder) for name, folder in folders.items()}
        return [
            name
            for name in self.baselines
            if name not in fetched or ((state := fetched[name]) is not None and not state.why)
        ]

    def detectors_of_photos(self) -> list[str]:
        """Our detectors and the available baselines, for one table; call this after weights are fetched."""
        return [*RGB_MODELS, *self.baselines_at_hand()]

    @functools.cached_property
    def confidences(self) -> dict[str, float]:
        """Confidence threshold by detector of images."""
        return {
            **dict.fromkeys(RGB_MODELS, self.config.rescue.missed_confidence),
            **{name: getattr(self.config.baselines, name).confidence for name in self.baselines},
        }

    # Pretrained weights.

    @property
    def packaged(self) -> list[str]:
        """Detectors behind the pretrained weights, including those that are trained only to score them."""
        return list(self.config.packaged.detectors)

    def packaged_photos(self, name: str) -> list[str]:
        """Folders of images that a pretrained detector is trained on."""
        return [self.paths.face_photos(source) for source in self.config.packaged.sources_of(name)]

    def packaged_validation(self, name: str) -> list[str]:
        """Folders of held-out images of these sources, whose scores are in the record of the training."""
        packaged = self.config.packaged
        held = [source for source in packaged.sources_of(name) if source in packaged.scored_sources()]
        return [self.paths.face_photos(source).test for source in held if packaged.sources[source].holds_out]

    def packaged_start(self, name: str) -> list[str]:
        """The weights that a pretrained detector starts from; none if trained from scratch."""
        settings = self.config.packaged.detectors[name]
        if settings.start is None:
            return [self.paths.start_weights(settings.model)] if settings.weights == "coco" else []
        if settings.start in self.config.packaged.detectors:
            return [self.paths.model(settings.start).weights]
        return [settings.start]

    def packaged_scores(self, name: str) -> list[tuple[str, list[tuple[str, str]]]]:
        """Data on which a pretrained detector is scored: a name, and pairs of weights and folder."""
        return [
            (told, [(self.paths.model(model).weights, self.paths.face_photos(source).test) for model, source in pairs])
            for detector, told, pairs in self.config.packaged.scores()
            if detector == name
        ]

    def teachers(self, source: str) -> dict[str, list[str]]:
        """Detectors that complete the labels of images, each with its weights, if it needs any."""
        found: dict[str, list[str]] = {}
        for name in self.config.packaged.sources[source].teachers:
            if name in self.config.packaged.detectors:
                found[name] = [self.paths.model(name).weights]
            else:
                key = self.config.baselines.weights_of(name)
                found[name] = [] if key is None else [self.paths.fetched_weights(key)]
        return found

    @functools.cached_property
    def teacher_weights(self) -> list[str]:
        """Keys of the third-party weights of all teachers."""
        own = self.config.packaged.detectors
        teachers = {name for source in self.config.packaged.sources.values() for name in source.teachers} - {*own}
        keys = {self.config.baselines.weights_of(name) for name in teachers}
        return sorted(key for key in keys if key is not None)

    # Videos.

    @functools.cached_property
    def video_files(self) -> dict[str, Path]:
        """Videos with true boxes, by name."""
        return video_files(self.config)

    @functools.cached_property
    def infants(self) -> list[str]:
        """Infants of the videos, or parts of the blocks of images; fine-tuning leaves out each in turn."""
        return [*self.left_out]

    @functools.cached_property
    def left_out(self) -> dict[str, list[str]]:
        """Groups of frames that fine-tuning leaves out in turn, by folder name."""
        if self.config.finetune.photos is None:
            return {name: [name] for name in infants_at_hand(self.config)}
        return parts_of_photos(self.config)

    def finetune_start(self, start: str) -> str:
        """The weights that fine-tuning starts from."""
        if start in PACKAGED:
            return str(find_weights(start))
        return self.paths.start_weights(start) if start in UPSTREAM else self.paths.model(start).weights

    def finetune_detector(self, start: str) -> Detector:
        """Settings for estimates of the cost of fine-tuning; for pretrained weights, those of rgb1."""
        ready = start in (*PACKAGED, *UPSTREAM)
        own = self.detector("rgb1" if ready else start)
        changes = {"model": start} if start in UPSTREAM else {}
        size = self.config.finetune.image_size
        return own.model_copy(update=changes | ({} if size is None else {"image_size": size}))

    def finetune_counts(self, start: str) -> list[int]:
        """Numbers of training frames; begins with 0 if the initial weights already detect faces."""
        return [*((0,) if start not in UPSTREAM else ()), *self.config.finetune.counts]

    def finetune_records(self, start: str, further: str = "") -> list[str]:
        """Records of all points of a curve. The point of 0 frames does not depend on what is frozen."""
        freezes = self.config.finetune.freeze
        return [
            self.paths.finetuned(name, freeze, count, further).record
            for freeze in freezes
            for count in self.finetune_counts(start)
            if count > 0 or freeze == freezes[0]
            for name in self.infants
        ]

    @functools.cached_property
    def curves(self) -> list[str]:
        """All learning curves."""
        further = map(self.paths.further_curve, self.config.finetune.further)
        return [self.paths.learning_curve, *further] if self.fine_tunes else []

    @functools.cached_property
    def fine_tunes(self) -> bool:
        """Whether there is fine-tuning, which needs at least one infant besides the one left out."""
        return bool(self.config.finetune.counts) and len(self.infants) > 1

    # Files of several sets and models.

    def manifests(self, sets: Iterable[str]) -> list[str]:
        return [self.paths.dataset(name).manifest for name in sets]

    def boxes(self, sets: Iterable[str]) -> list[str]:
        return [self.paths.dataset(name).boxes for name in sets]

    def datasets(self, sets: Iterable[str]) -> list[str]:
        """Folders."""
        return [self.paths.dataset(name) for name in sets]

    def missed(self, sets: Iterable[str]) -> list[str]:
        return [self.paths.missed(name) for name in sets]

    def heatmaps(self, kinds: Iterable[str], sets: Collection[str]) -> list[str]:
        """Manifests of heatmaps."""
        return [self.paths.heatmaps(kind, name).manifest for kind in kinds for name in sets]

    def lints(self, sets: Collection[str]) -> list[str]:
        """Lint tables of the heatmaps that networks make."""
        return [self.paths.heatmaps(kind, name).lint for kind in self.heatmap_kinds for name in sets]

    def predictions(self, models: Iterable[str], sets: Collection[str]) -> list[str]:
        return [self.paths.predictions(model, name) for model in models for name in sets]

    def summaries(self, models: Iterable[str], sets: Collection[str], scope: str) -> list[str]:
        """Summaries of evaluations."""
        return [self.paths.metrics(model, name, scope).summary for model in models for name in sets]

    def evaluations(self, models: Iterable[str], sets: Collection[str], scope: str) -> list[str]:
        """All files of evaluations."""
        return [
            file for model in models for name in sets for file in self.paths.metrics(model, name, scope).files.values()
        ]

    def rescue_counts(self, models: Iterable[str]) -> list[str]:
        return [self.paths.rescue_counts(model) for model in models]
