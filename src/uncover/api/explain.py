"""`explain`: class-activation maps of a YOLOv5 as arrays or as files, the same as those of `uncover heatmaps`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import torch
from numpy.typing import NDArray

from uncover.cam.engine import Explainer
from uncover.cam.export import overlay
from uncover.cam.heatmaps import MAP, word_blank
from uncover.cam.shards import Recipe, ShardMaker
from uncover.cam.store import CLASSES, Files, check_set_folders, check_set_name, collect, pack
from uncover.config.heatmaps import Variant, parse_variants
from uncover.errors import InputError, in_python, naming_arguments, needs_memory
from uncover.images.inputs import Shard, check_inference_options
from uncover.images.letterbox import Letterbox, letterbox
from uncover.images.maps import JOINT, Size, StoredMaps, read_maps, render
from uncover.images.reading import COLOURS, Image, check_apart, inspect_image, named_images, read_image, scale
from uncover.metrics.detections import Detections, notebook_figure
from uncover.weights import find_weights
from uncover.workflow.digest import code_digest
from uncover.yolov5.device import pick_device
from uncover.yolov5.inference import SMALLER, FramedImages, batch_in_words, read_ahead, to_network
from uncover.yolov5.network import architecture
from uncover.yolov5.weights import Header, open_weights, read_any_weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WINDOW = 8
"""Batches that are put together by shape; results come in the order of the images."""


@dataclass(frozen=True, eq=False)
class ImageHeatmaps:
    """Heatmaps of one image by one method: one for each class, and the joint map of all classes last.

    Attributes:
        name: Name of the image: its path below the given folder, its path as given, or `image_N` for an array.
        method: Name of the method.
        class_names: Names of the C classes.
        values: float32 (C + 1, h, w), not negative: the maps in the resolution of the target layer, over the whole
            input of the network (`frame`). Accurate to 1/131070 of each map's maximum, as in the files. The last one
            explains the sum of all scores.
        status: C + 1 words: "map", or why a map is blank: "no detection", "no positive evidence" or "not finite".
        detections: What the network detected, in pixels of the image.
        frame: Position and size of the image in the network's input; `frame.to_original` converts boxes.
    """

    name: str
    method: str
    class_names: tuple[str, ...]
    status: tuple[str, ...]
    detections: Detections
    frame: Letterbox
    _files: Files = field(repr=False)

    @property
    def values(self) -> NDArray[np.float32]:
        """float32 (C + 1, h, w)."""
        return np.concatenate([self._files.classes.native(), self._files.joint.native()])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all C + 1 maps: those of the classes, and "joint"."""
        return (*self.class_names, JOINT)

    def at_size(self, size: Size = "original") -> NDArray[np.uint8]:
        """All maps as images, each from 0 to 255, as `uncover heatmaps export` writes them.

        Args:
            size: "original" (the size of the image), (width, height) in pixels, or "letterbox" (the input of the
                network with its padding).

        Returns:
            uint8 (C + 1, H, W); 0 everywhere for a blank map.
        """
        return np.concatenate([render(self._files.classes, size), render(self._files.joint, size)])

    def overlay(self, name: str = JOINT) -> NDArray[np.uint8]:
        """One map laid over the image, which turns grey.

        Args:
            name: Class, or "joint".

        Returns:
            uint8 (H, W, 3) RGB.

        Raises:
            InputError: There is no such class, or the image file cannot be read.
        """
        return overlay(self._image(), self._one(name))

    def plot(self, names: Sequence[str] | None = None) -> Figure:
        """Draw the image with its detections, and beside it overlays of its maps.

        Args:
            names: Classes, or "joint"; None draws the joint map and those of the detected classes, at most five.

        Returns:
            A matplotlib figure. Notebooks display it; `savefig` stores it.

        Raises:
            InputError: There is no such class, or the image file cannot be read.
        """
        found = [name for name, state in zip(self.class_names, self.status, strict=False) if state == MAP]
        shown = list(names) if names is not None else [JOINT, *found][:5]
        pictures = {"image": self._image()} | {name: self.overlay(name) for name in shown}
        figure = notebook_figure(3 * len(pictures), 3 * self.frame.height / self.frame.width + 0.4)
        row = figure.subplots(1, len(pictures), squeeze=False)[0]
        for axes, (title, picture) in zip(row, pictures.items(), strict=True):
            axes.imshow(picture)
            axes.set_title(title, fontsize=9)
            axes.set_axis_off()
        for x1, y1, x2, y2 in self.detections.boxes.tolist():
            figure.axes[0].plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], linewidth=1.5)
        figure.subplots_adjust(0, 0, 1, 0.9, 0.02)
        return figure

    def _one(self, name: str) -> NDArray[np.uint8]:
        if name not in self.names:
            raise InputError(f"there is no map {name!r}; expected one of {', '.join(self.names)}")
        return self.at_size()[self.names.index(name)]

    def _image(self) -> NDArray[np.uint8]:
        shown = self.detections.shown
        assert shown is not None
        return shown if isinstance(shown, np.ndarray) else read_image(shown, COLOURS)


class HeatmapResults(Sequence[ImageHeatmaps]):
    """Heatmaps of several images: `ImageHeatmaps` per image and method, image by image.

    Maps are computed while you iterate, in batches, and are not kept: memory does not grow with the number of images.
    Indexing computes one image. With files (`explain(..., out=...)`), maps are read instead.

    Attributes:
        methods: Names of the methods.
        class_names: Names of the classes.
        folders: Folder of the heatmap set of each method, by name; empty without files.
    """

    def __init__(self, methods: Sequence[str], class_names: Sequence[str], source: _Computed | _Stored) -> None:
        """
        Args:
            methods: Names of the methods.
            class_names: Names of the classes.
            source: Computes or reads the maps.
        """
        self.methods, self.class_names, self._source = tuple(methods), tuple(class_names), source
        self.folders: dict[str, Path] = dict(source.folders)

    def __len__(self) -> int:
        return len(self._source) * len(self.methods)

    @overload
    def __getitem__(self, number: int) -> ImageHeatmaps: ...
    @overload
    def __getitem__(self, number: slice) -> list[ImageHeatmaps]: ...
    def __getitem__(self, number: int | slice) -> ImageHeatmaps | list[ImageHeatmaps]:
        """Heatmaps of one image by one method.

        Raises:
            IndexError: There is no such number.
            InputError: The image, or the file of its maps, cannot be read.
        """
        if isinstance(number, slice):
            return [self[each] for each in range(len(self))[number]]
        image, method = divmod(range(len(self))[number], len(self.methods))
        return next(iter(self._source.take([image])))[method]

    def __iter__(self) -> Iterator[ImageHeatmaps]:
        """All heatmaps, image by image.

        Raises:
            InputError: An image, or a file of maps, cannot be read.
            OutOfMemory: A batch does not fit into memory.

        Warns:
            UserWarning: Most images have no map at all; the message says why and what to change.
        """
        statuses: list[set[str]] = []
        for of_image in self._source.take(range(len(self._source))):
            statuses += [{MAP} if MAP in each.status[:-1] else set(each.status[:-1]) for each in of_image]
            yield from of_image
        if words := word_blank([[*each] for each in statuses], self._source.confidence):
            warnings.warn(in_python(words, layer="layers"), stacklevel=2)

    def __repr__(self) -> str:
        return f"HeatmapResults({len(self._source)} images, {', '.join(self.methods)})"


def explain(
    weights: str | os.PathLike[str],
    images: Image | Iterable[Image],
    method: str | Sequence[str] = "gradcampp",
    layers: int | Sequence[int] | Literal["head"] = (-2,),
    target: Literal["T1", "T2", "confidence"] = "T2",
    *,
    out: str | os.PathLike[str] | None = None,
    name: str = "",
    confidence: float = 0.25,
    nms_iou: float = 0.45,
    image_size: int | None = None,
    batch: int = 8,
    device: str = "auto",
) -> HeatmapResults:
    """Compute class-activation maps of a YOLOv5: for every class, which regions raise its scores.

    All classes and methods come from one forward pass per image. With `out`, the maps are written as `uncover heatmaps`
    writes them, and a stopped call resumes when it is repeated.

    Examples:
        Heatmaps as arrays, then as files, for two methods:

        >>> import uncover
        >>> for maps in uncover.explain("best.pt", "photos", method="hirescam", layers=(17, 20, 23)):
        ...     native = maps.values  # float32 (classes + 1, h, w)
        ...     overlay = maps.overlay("face")  # uint8 (height, width, 3)
        >>> native.shape
        (3, 8, 8)
        >>> stored = uncover.explain("best.pt", "photos", ["gradcampp", "hirescam"], out="maps")
        >>> stored.folders["hirescam"].as_posix()
        'maps/hirescam'

    Args:
        weights: Weights file of `train`, checkpoint of upstream YOLOv5 (.pt; no code in it is executed), or name of
            pretrained weights.
        images: An image (uint8 (H, W, 3) RGB, or a file), a folder of images, a data set (a folder with `images/`), or
            several arrays or files (a generator is read to its end first).
        method: "gradcampp", "hirescam", "gradcam", "xgradcam", "layercam", "eigencam", "scorecam", "eigengradcam",
            "gradcamelementwise"; or several of them.
        layers: Target layers, counted as in the network's YAML file; negative numbers count from the end, where -1 is
            the head. "head" takes all layers that feed the head: (17, 20, 23) of yolov5n to yolov5x. Maps of several
            layers are fused. The default, -2, responds to large objects only.
        target: Score to differentiate: "T1" the class scores of all candidates, "T2" those of detections, "confidence"
            the objectness times the class score of detections. Use "confidence" for a network with a single class,
            whose class score YOLOv5 does not train.
        out: Folder to write to: `out/METHOD` gets `images/` and `joint/` (a TIFF per image), `manifest.parquet` and
            `lint.csv`. None writes nothing.
        name: With `out`: writes to `out/METHOD/NAME` instead.
        confidence: Lowest confidence of a detection that is explained.
        nms_iou: IoU above which a detection of lower confidence is dropped.
        image_size: Longest side of the network's input, in pixels, a multiple of 32; None takes that of the training
            (640 for upstream checkpoints).
        batch: Images in one pass.
        device: "auto" (a GPU if there is one), or a name that torch knows, such as "cpu" or "cuda:0".

    Returns:
        A sequence of `ImageHeatmaps`, one per image and method, image by image.

    Raises:
        InputError: The weights, an image, a method, a layer or another argument is not usable; nothing was written.
        OutOfMemory: A batch does not fit into memory. Written maps are kept.

    Warns:
        UserWarning: Most images have no map at all; the message says why and what to change.
    """
    methods = [method] if isinstance(method, str) else list(method)
    with naming_arguments(layer="layers"):
        check_inference_options(confidence, nms_iou, batch, image_size)
        path = find_weights(os.fspath(weights))
        if layers == "head":
            layers = _layers_of_head(path)
        variants = parse_variants(methods, [layers] if isinstance(layers, int) else layers, target, [])
        if out is None:
            listed = _listed(images)
            network, header, _ = open_weights(path)
            where = pick_device(device)
            explainer = Explainer(network.fuse().to(where), variants, confidence, nms_iou)
            size = image_size or header.image_size
            source = _Computed(explainer, header, [*variants], listed, size, batch, where, confidence)
            return HeatmapResults([*variants], header.class_names, source)
        maker = heatmap_maker(path, variants, image_size, confidence, nms_iou, device)
        return _written(maker, images, [*variants], Path(out), name, confidence, batch)


def heatmap_maker(
    weights: Path,
    variants: Mapping[str, Variant],
    image_size: int | None,
    confidence: float,
    nms_iou: float,
    device: str,
) -> ShardMaker:
    """A maker of heatmap sets with these weights.

    Raises:
        InputError: The device is not available, the file holds no weights, or a variant has an unknown layer.
    """
    place = pick_device(device)
    network, header, model = open_weights(weights)
    size, code = image_size or header.image_size, code_digest("uncover.cam.shards")
    recipe = Recipe(header, model, variants, size, confidence, nms_iou, code)
    return ShardMaker(network.to(place), recipe, place)


def _layers_of_head(weights: Path) -> list[int]:
    """Layers that feed the head of the network in a weights file."""
    header, _, _ = read_any_weights(weights, tell=False)
    *_, (sources, *_) = architecture(header.model)["head"]
    return list(sources)


def _written(
    maker: ShardMaker,
    images: Image | Iterable[Image],
    methods: Sequence[str],
    out: Path,
    name: str,
    confidence: float,
    batch: int,
) -> HeatmapResults:
    several = [images] if isinstance(images, str | os.PathLike | np.ndarray) else list(images)
    given = [Path(image) for image in several if not isinstance(image, np.ndarray)]
    if len(given) < len(several):
        raise InputError(f"out={out}: files of heatmaps take the names of image files; save the arrays first")
    if name:
        check_set_name(name, f"name={name}")
    folders = {method: out / method / name for method in methods}
    check_set_folders(out, folders.values())
    files = named_images(given)
    check_apart(given, out)
    share = maker.look(files, Shard(), folders)
    summary = maker.make(share, batch)
    for folder in folders.values():
        collect(folder)
    for method, statuses in summary.statuses.items():
        if words := word_blank(statuses, confidence):
            warnings.warn(f"{folders[method]}: {in_python(words, layer='layers')}", stacklevel=3)
    first = next(iter(folders.values()))
    stored = _Stored(folders, {image: (share.files[image], path) for image, path in files.items()}, confidence)
    class_names = read_maps(first / CLASSES / next(iter(share.files.values()))).about["class_names"]
    return HeatmapResults(methods, class_names, stored)


def _listed(images: Image | Iterable[Image]) -> dict[str, NDArray[np.uint8] | Path]:
    """Images by name.

    Raises:
        InputError: There is none, or one is neither a file nor pixels.
    """
    if isinstance(images, str | os.PathLike):
        return {**named_images([Path(images)])}
    several = [images] if isinstance(images, np.ndarray) and images.ndim == 3 else list(images)
    named: dict[str, NDArray[np.uint8] | Path] = {}
    for number, image in enumerate(several):
        if isinstance(image, np.ndarray):
            if image.dtype != np.uint8 or image.ndim != 3 or not image.size:
                raise InputError(
                    f"image {number} is {image.dtype} {image.shape}; expected uint8 (height, width, channels), in RGB"
                )
            named[f"image_{number}"] = np.ascontiguousarray(image)
            continue
        path = Path(image)
        if path.is_dir():
            raise InputError(f"{path}: is a folder among {len(several)} images; expected one folder, or images only")
        if not path.is_file():
            raise InputError(f"{path}: no such image")
        named[str(image) if str(image) not in named else f"{image} ({number})"] = path
    if not named:
        raise InputError("images is empty; expected at least one image")
    return named


class _Computed:
    """Heatmaps that are computed when they are asked for."""

    folders: Mapping[str, Path] = {}

    def __init__(
        self,
        explainer: Explainer,
        header: Header,
        methods: Sequence[str],
        images: Mapping[str, NDArray[np.uint8] | Path],
        image_size: int,
        batch: int,
        device: torch.device,
        confidence: float,
    ) -> None:
        self._explainer, self._header, self._methods = explainer, header, methods
        self._images, self._image_size, self._batch, self._device = [*images.items()], image_size, batch, device
        self.confidence = confidence

    def __len__(self) -> int:
        return len(self._images)

    def take(self, numbers: Sequence[int]) -> Iterator[list[ImageHeatmaps]]:
        """Of each image, the heatmaps of all methods."""
        step = WINDOW * self._batch
        for start in range(0, len(numbers), step):
            yield from self._explain([self._images[number] for number in numbers[start : start + step]])

    def _explain(self, images: Sequence[tuple[str, NDArray[np.uint8] | Path]]) -> Iterator[list[ImageHeatmaps]]:
        header = self._header
        framed = _Framed([image for _, image in images], self._image_size, header)
        done: dict[int, list[ImageHeatmaps]] = {}
        for group, pixels in read_ahead(framed, framed.batches(self._batch)):
            with needs_memory(batch_in_words(pixels.shape, self._device), SMALLER):
                explanation = self._explainer(to_network(pixels, self._device))
            for place, number in enumerate(group):
                found = explanation.detections[place].float().cpu().numpy()
                name, shown = images[number]
                done[number] = [
                    _of_files(
                        name,
                        method,
                        pack(explanation.maps[method][place], found, framed.frames[number], [*header.class_names], {}),
                        shown,
                        found,
                    )
                    for method in self._methods
                ]
        for number in range(len(images)):
            yield done.pop(number)


class _Framed(FramedImages):
    """Images that are files or pixels, in their frames."""

    def __init__(self, images: Sequence[NDArray[np.uint8] | Path], image_size: int, header: Header) -> None:
        self._given, self._header = images, header
        sizes = [
            inspect_image(image, header.channels) if isinstance(image, Path) else image.shape[1::-1] for image in images
        ]
        for number, image in enumerate(images):
            if isinstance(image, np.ndarray) and image.shape[2] != header.channels:
                raise InputError(f"image {number} has {image.shape[2]} channels; expected {header.channels}")
        paths = [image if isinstance(image, Path) else Path() for image in images]
        super().__init__(paths, np.array(sizes, np.int64), image_size, header.channels, header.padding)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        image, frame = self._given[index], self.frames[index]
        if isinstance(image, Path):
            return super().__getitem__(index)
        framed = letterbox(scale(image, frame), frame, self._header.padding)
        return np.ascontiguousarray(framed.transpose(2, 0, 1))


class _Stored:
    """Heatmaps that were written to files."""

    def __init__(self, folders: Mapping[str, Path], files: Mapping[str, tuple[str, Path]], confidence: float) -> None:
        self.folders, self.confidence = folders, confidence
        self._files = [(name, file, path) for name, (file, path) in files.items()]

    def __len__(self) -> int:
        return len(self._files)

    def take(self, numbers: Sequence[int]) -> Iterator[list[ImageHeatmaps]]:
        """Of each image, the heatmaps of all methods."""
        for number in numbers:
            name, file, path = self._files[number]
            yield [_of_files(name, method, _read(folder, file), path) for method, folder in self.folders.items()]


def _read(folder: Path, file: str) -> Files:
    return Files(read_maps(folder / CLASSES / file), read_maps(folder / JOINT / file))


def _of_files(
    name: str,
    method: str,
    files: Files,
    shown: NDArray[np.uint8] | Path,
    found: NDArray[np.float32] | None = None,
) -> ImageHeatmaps:
    """Heatmaps of an image as they are stored.

    Args:
        name: Of the image.
        method: Its name.
        files: The maps.
        shown: The image.
        found: float32 (n, 6), detections in the frame; None takes those of the files, which have two decimals.
    """
    stored: StoredMaps = files.classes
    about: dict[str, Any] = stored.about
    rows = np.array(about["detections"] if found is None else found, np.float32).reshape(-1, 6)
    detections = Detections(
        stored.frame.to_original(rows[:, :4]).astype(np.float32),
        rows[:, 4],
        rows[:, 5].astype(np.int64),
        shown=shown,
        class_names=dict(enumerate(about["class_names"])),
    )
    return ImageHeatmaps(
        name, method, tuple(about["class_names"]), tuple(files.status), detections, stored.frame, files
    )
