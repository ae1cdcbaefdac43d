"""`Detections`, the type of all detected boxes, with IoU and non-maximum suppression."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.errors import InputError
from uncover.metrics.predictions import (
    CORNERS,
    LANDMARK_COLUMNS,
    Predictions,
    read_predictions,
    write_predictions,
)

if TYPE_CHECKING:
    import os

    from matplotlib.figure import Figure
    from torch import Tensor

logger = logging.getLogger(__name__)

EPSILON = np.float32(1e-7)
"""Added to a union in single precision, as upstream does; keeps the IoU of two boxes without area defined."""

OF_ALL = ("shown", "class_names")
"""Attributes of `Detections` that are not per box."""

Real = TypeVar("Real", bound=np.floating)
Rows = slice | NDArray[np.bool_] | NDArray[np.integer] | Sequence[int] | int


def iou(first: NDArray[Real], second: NDArray[Real]) -> NDArray[Real]:
    """Intersection over union of boxes that pair up by broadcasting.

    Args:
        first: (..., 4) x1 y1 x2 y2.
        second: (..., 4), in the same coordinate frame.

    Returns:
        (...), from 0 to 1, in the precision of the boxes; 0 if both have no area.
    """
    wide = np.minimum(first[..., 2], second[..., 2]) - np.maximum(first[..., 0], second[..., 0])
    high = np.minimum(first[..., 3], second[..., 3]) - np.maximum(first[..., 1], second[..., 1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    union = _area(first) + _area(second) - shared
    smallest = EPSILON if union.dtype == np.float32 else np.finfo(union.dtype).tiny
    return np.asarray(shared / (union + smallest), union.dtype)


def box_iou(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float32]:
    """Intersection over union of every pair of boxes, as used to match predicted and true boxes.

    Computed in single precision, as in upstream YOLOv5: in double precision, a pair that overlaps by exactly one half
    falls short of 0.5.

    Args:
        first: (M, 4) x1 y1 x2 y2.
        second: (N, 4), in the same coordinate frame.

    Returns:
        float32 (M, N), from 0 to 1.
    """
    one, two = np.asarray(first, np.float32)[:, None], np.asarray(second, np.float32)[None]
    return iou(one, two)


def nms(boxes: NDArray[np.floating], confidence: NDArray[np.floating], threshold: float) -> NDArray[np.int64]:
    """Non-maximum suppression of NumPy arrays, on the CPU.

    Args:
        boxes: (N, 4) x1 y1 x2 y2.
        confidence: (N,), of the same dtype as `boxes`; ties keep the first box.
        threshold: IoU with a kept box of higher confidence above which a box is dropped.

    Returns:
        int64 (M,), indices of the kept boxes, highest confidence first.
    """
    import torch

    corners, scores = (torch.from_numpy(np.ascontiguousarray(each)) for each in (boxes, confidence))
    return np.asarray(suppress(corners, scores, threshold).numpy(), np.int64)


def suppress(boxes: Tensor, scores: Tensor, threshold: float, most: int | None = None) -> Tensor:
    """Non-maximum suppression of tensors, by torchvision's operator or, without it, by `suppress_without_torchvision`.

    Args:
        boxes: (N, 4) x1 y1 x2 y2, on any device.
        scores: (N,), of the same dtype as `boxes`; ties keep the first box.
        threshold: IoU with a kept box of higher score above which a box is dropped.
        most: Maximum number of boxes that are returned; None returns all kept ones.

    Returns:
        int64 (M,), indices of the kept boxes, highest score first.
    """
    operator = _torchvision_operator()
    if operator is None:
        return suppress_without_torchvision(boxes, scores, threshold, most)
    return operator(boxes, scores, threshold)[:most]


@cache
def _torchvision_operator() -> Callable[[Tensor, Tensor, float], Tensor] | None:
    """torchvision's operator, which is the faster one; None if it is not installed or does not load.

    uncover does not depend on it: a build of torchvision loads beside one build of torch only. Beside a CPU-only torch
    from another index, or one that was built for a cluster, its import raises RuntimeError, OSError or AttributeError.
    """
    import torch

    try:
        from torchvision.ops import nms as operator

        operator(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except ModuleNotFoundError:
        return None
    except (AttributeError, ImportError, OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        logger.info("torchvision does not fit torch %s (%s); continuing without it", torch.__version__, reason)
        return None
    return operator


def suppress_without_torchvision(boxes: Tensor, scores: Tensor, threshold: float, most: int | None = None) -> Tensor:
    """As `suppress`, in numpy, with the arithmetic of torchvision's operator for the CPU: the rows are the same."""
    import torch

    order = scores.sort(stable=True, descending=True).indices
    x1, y1, x2, y2 = boxes[order].detach().cpu().numpy().T
    areas = (x2 - x1) * (y2 - y1)
    kept: list[int] = []
    left = np.arange(len(areas))
    while len(left) and (most is None or len(kept) < most):
        best, left = left[0], left[1:]
        kept.append(int(best))
        wide = np.minimum(x2[best], x2[left]) - np.maximum(x1[best], x1[left])
        high = np.minimum(y2[best], y2[left]) - np.maximum(y1[best], y1[left])
        shared = np.maximum(wide, 0) * np.maximum(high, 0)
        with np.errstate(invalid="ignore"):  # two boxes without area
            overlap = shared / (areas[best] + areas[left] - shared)
        # In double precision, as the operator compares; numpy would round the threshold to the precision of the boxes.
        left = left[~(overlap.astype(np.float64) > threshold)]
    return order[torch.tensor(kept, dtype=torch.int64, device=order.device)]


@dataclass(frozen=True, eq=False)
class Detections:
    """N boxes in one image, or in a set of images.

    `FaceDetector` returns one per image. `len`, iteration, and indexing by number, slice or mask work as on an array;
    each returns `Detections`. Rows keep their order; `sorted` puts the highest confidence first.

    Examples:
        >>> import numpy as np
        >>> import uncover
        >>> boxes = np.array([[10, 20, 50, 70], [60, 15, 90, 55]], np.float32)
        >>> faces = uncover.Detections(boxes, np.array([0.9, 0.3], np.float32))
        >>> len(faces), len(faces.with_confidence(0.4))
        (2, 1)
        >>> faces[0].boxes.tolist()
        [[10.0, 20.0, 50.0, 70.0]]
        >>> faces.to_pandas()[["class", "x1", "y1", "x2", "y2"]]
                class    x1    y1    x2    y2
        0  whole face  10.0  20.0  50.0  70.0
        1  whole face  60.0  15.0  90.0  55.0

    Attributes:
        boxes: float32 (N, 4), x1 y1 x2 y2 in pixels of the original image. Steps that compute in double precision (box
            fusion, tracking) may keep float64 in between; stored boxes are float32.
        confidence: (N,), from 0 to 1, of the same dtype.
        classes: int64 (N,), class ids as in label files; None if all boxes are whole faces.
        landmarks: float32 (N, 5, 2), x and y in pixels of the original image, in the order of
            `uncover.metrics.predictions.LANDMARKS`; None if the detector has none.
        found_by: (N,), what found each box. In results of `FaceDetector`, text: `"rgb"` (the detector), `"heatmap"` or
            `"rescue"` (the method that ran because the detector found no face), or `"temporal"` (the track). Steps in
            between use numbers. None if a single method found all boxes.
        image: int64 (N,), index of each box's image in a set; None if all boxes are in one image.
        shown: The image that the boxes are in, for `plot`: its file or its pixels; None if unknown.
        class_names: Class names by id; None stands for those of the ten facial parts.
    """

    boxes: NDArray[np.floating]
    confidence: NDArray[np.floating]
    classes: NDArray[np.int64] | None = None
    landmarks: NDArray[np.float32] | None = None
    found_by: NDArray[Any] | None = None
    image: NDArray[np.int64] | None = None
    shown: Path | NDArray[np.uint8] | None = field(default=None, repr=False)
    class_names: Mapping[int, str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            ValueError: An attribute has another number of rows than `boxes`, or rows of another shape.
        """
        rows = len(self.boxes)
        wanted: dict[str, tuple[int, ...]] = {"boxes": (rows, 4), "landmarks": (rows, 5, 2)}
        for name, value in self._columns().items():
            if value.shape != wanted.get(name, (rows,)):
                raise ValueError(f"{name}: shape {value.shape}; expected {wanted.get(name, (rows,))}")

    @classmethod
    def empty(cls) -> Detections:
        """No box."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))

    @classmethod
    def concatenate(cls, several: Sequence[Detections]) -> Detections:
        """All boxes in one object, in the given order.

        Args:
            several: Objects without a box are skipped. The others must have the same attributes.

        Raises:
            ValueError: An attribute is None in some objects and not in others.
        """
        some = [each for each in several if len(each)] or list(several[:1])
        if not some:
            return cls.empty()
        columns = [each._columns() for each in some]
        for each in columns:
            if each.keys() != columns[0].keys():
                raise ValueError(f"attributes {', '.join(each)} beside {', '.join(columns[0])}; expected the same")
        joined: dict[str, Any] = {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}
        return cls(**joined)

    def __len__(self) -> int:
        return len(self.boxes)

    def __iter__(self) -> Iterator[Detections]:
        """One `Detections` per box."""
        return (self[row] for row in range(len(self)))

    def __getitem__(self, rows: Rows) -> Detections:
        """Select boxes by mask, slice, indices or a single index.

        Raises:
            IndexError: There is no such box.
        """
        where = [rows] if isinstance(rows, int | np.integer) else rows
        if not isinstance(where, slice | np.ndarray):
            where = np.asarray(where, np.int64)
        return replace(self, **{name: value[where] for name, value in self._columns().items()})

    def __eq__(self, other: object) -> bool:
        """Whether both have the same values per box."""
        if not isinstance(other, Detections):
            return NotImplemented
        own, others = self._columns(), other._columns()
        return own.keys() == others.keys() and all(np.array_equal(own[name], others[name]) for name in own)

    @property
    def class_ids(self) -> NDArray[np.int64]:
        """int64 (N,): `classes`, or the id of the whole face for each box if `classes` is None."""
        return np.full(len(self), WHOLE_FACE, np.int64) if self.classes is None else self.classes

    @property
    def image_rows(self) -> NDArray[np.int64]:
        """int64 (N,): `image`, or 0 for each box if `image` is None."""
        return np.zeros(len(self), np.int64) if self.image is None else self.image

    def with_confidence(self, at_least: float) -> Detections:
        """Boxes of at least this confidence.

        Compared in single precision, in which confidences are stored: `0.7` keeps a stored 0.7.
        """
        return self[self.confidence.astype(np.float32, copy=False) >= np.float32(at_least)]

    def of_class(self, class_id: int) -> Detections:
        """Boxes of one class."""
        if self.classes is None:
            return self if class_id == WHOLE_FACE else self[:0]
        return self[self.classes == class_id]

    def sorted(self) -> Detections:
        """Boxes by falling confidence, image by image in a set; ties keep their order."""
        keys = (-self.confidence,) if self.image is None else (-self.confidence, self.image)
        return self[np.lexsort(keys)]

    def nms(self, threshold: float) -> Detections:
        """Non-maximum suppression within each class and image; the kept boxes come sorted.

        Args:
            threshold: IoU with a kept box of higher confidence above which a box is dropped.
        """
        kept = [np.zeros(0, np.int64)]
        groups = [each for each in (self.image, self.classes) if each is not None]
        for rows in _same(groups, len(self)):
            kept.append(rows[nms(self.boxes[rows], self.confidence[rows], threshold)])
        return self[np.sort(np.concatenate(kept))].sorted()

    def clipped(self, width: int, height: int) -> Detections:
        """Boxes clipped to their image; boxes outside the image are dropped.

        Args:
            width: Width of the image, in pixels.
            height: Height of the image, in pixels.
        """
        boxes = np.clip(self.boxes, 0, np.array([width, height, width, height], self.boxes.dtype))
        return replace(self, boxes=boxes)[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]

    def scaled(self, x: float, y: float) -> Detections:
        """Boxes and landmarks for an image that is `x` times as wide and `y` times as high."""
        factors = np.array([x, y], self.boxes.dtype)
        landmarks = None if self.landmarks is None else self.landmarks * factors
        return replace(self, boxes=self.boxes * np.tile(factors, 2), landmarks=landmarks, shown=None)

    def by_image(self, images: int) -> list[Detections]:
        """One object per image of a set, including images without a box; rows keep their order.

        Args:
            images: Number of images in the set.
        """
        order = np.argsort(self.image_rows, kind="stable")
        edges = np.searchsorted(self.image_rows[order], np.arange(images + 1))
        alone = replace(self, image=None)
        return [alone[order[start:stop]] for start, stop in pairwise(edges)]

    def to_pandas(
        self, images: Sequence[str] | None = None, class_names: Mapping[int, str] | None = None
    ) -> pd.DataFrame:
        """One row per box.

        Args:
            images: Names of the images that `image` refers to; None omits the column `image`.
            class_names: Class names by id; None takes those of these detections.

        Returns:
            Columns image (if `images` is given), class, class_id, confidence (float32), x1 y1 x2 y2 (float32, pixels of
            the original image), and, if known, ten columns of landmarks and found_by.
        """
        names = self._names if class_names is None else class_names
        columns: dict[str, Any] = {}
        if images is not None:
            columns["image"] = np.asarray(images, object)[self.image_rows]
        columns["class"] = np.array([_name(names, int(number)) for number in self.class_ids], object)
        columns |= {"class_id": self.class_ids, "confidence": self.confidence.astype(np.float32)}
        columns |= dict(zip(CORNERS, self.boxes.astype(np.float32).T, strict=True))
        if self.landmarks is not None:
            columns |= dict(zip(LANDMARK_COLUMNS, self.landmarks.reshape(-1, 10).T, strict=True))
        if self.found_by is not None:
            columns["found_by"] = self.found_by
        return pd.DataFrame(columns)

    @classmethod
    def from_pandas(cls, table: pd.DataFrame, images: Sequence[str] | pd.Series | None = None) -> Detections:
        """Boxes of a table with the columns of `to_pandas`.

        Args:
            table: Columns x1 y1 x2 y2; optionally confidence (default: 1, as for labels), class_id, landmarks, found_by
                and image.
            images: Names of the images of the set, in order; must include all of the table's images. None puts all rows
                into one image.
        """
        has_landmarks = LANDMARK_COLUMNS.keys() <= set(table.columns)
        place = None if images is None else {name: row for row, name in enumerate(images)}
        return cls(
            boxes=table[list(CORNERS)].to_numpy(np.float32),
            confidence=table.get("confidence", pd.Series(1.0, table.index)).to_numpy(np.float32),
            classes=table["class_id"].to_numpy(np.int64) if "class_id" in table else None,
            landmarks=table[list(LANDMARK_COLUMNS)].to_numpy(np.float32).reshape(-1, 5, 2) if has_landmarks else None,
            found_by=table["found_by"].to_numpy() if "found_by" in table else None,
            image=None if place is None else table["image"].map(place).to_numpy(np.int64),
        )

    def to_parquet(
        self, path: str | os.PathLike[str], images: pd.DataFrame, settings: Mapping[str, Any] | None = None
    ) -> None:
        """Store as predictions: the format of `uncover predict`, which `evaluate` and all commands read.

        Args:
            path: File to write.
            images: One row per image of the set, in the order of `image`: image (name), width, height (pixels).
            settings: How the boxes were found: model, confidence, nms_iou, ...; `classes` maps class ids to names.

        Raises:
            InputError: A box has a corner or confidence that is not a valid number; the message names the row.
        """
        settings = settings or {}
        stated = settings.get("classes")
        names = {int(number): str(name) for number, name in stated.items()} if isinstance(stated, Mapping) else None
        boxes = replace(self, found_by=None).to_pandas(images["image"].tolist(), names)
        write_predictions(Path(path), Predictions(boxes, images, dict(settings)))

    @classmethod
    def from_parquet(cls, path: str | os.PathLike[str]) -> Detections:
        """Boxes of stored predictions.

        `uncover.metrics.predictions.read_predictions` also returns the images, which `image` refers to, and the
        settings.

        Raises:
            InputError: The file does not exist or is not a table of predictions.
        """
        stored = read_predictions(Path(path))
        return cls.from_pandas(stored.boxes, stored.images["image"])

    def plot(
        self, image: NDArray[np.uint8] | str | os.PathLike[str] | None = None, names: Sequence[str] | None = None
    ) -> Figure:
        """Draw the boxes and landmarks into the image.

        Args:
            image: Image that the boxes refer to: uint8 (H, W, 3) RGB or (H, W), or the path of a file. None takes the
                image that `FaceDetector` was called with.
            names: Text at each box; None writes the confidence, after the name of the class if there are several.

        Returns:
            A matplotlib figure. Notebooks display it; `savefig` stores it.

        Raises:
            InputError: No image is known, or the file cannot be read.
        """
        from matplotlib.patches import Rectangle

        image = _pixels(self.shown if image is None else image)
        height, width = image.shape[:2]
        figure = notebook_figure(8, 8 * height / width)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.imshow(image, cmap="gray")
        named = [""] * len(self) if self.classes is None else [f"{_name(self._names, int(n))} " for n in self.classes]
        sure = [f"{name}{value:.2f}" for name, value in zip(named, self.confidence, strict=True)]
        texts = sure if names is None else names
        for row, (box, text) in enumerate(zip(self.boxes.tolist(), texts, strict=True)):
            colour = f"C{0 if self.classes is None else int(self.classes[row]) % 10}"
            x1, y1, x2, y2 = box
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=2))
            axes.text(x1, y1, text, fontsize=9, color="white", va="bottom", clip_on=True, backgroundcolor=colour)
            if self.landmarks is not None:
                axes.plot(*self.landmarks[row].T, "o", color=colour, markersize=3)
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        axes.set_axis_off()
        return figure

    @property
    def _names(self) -> Mapping[int, str]:
        return dict(enumerate(CLASS_NAMES)) if self.class_names is None else self.class_names

    def _columns(self) -> dict[str, Any]:
        """Attributes with a value per box that are not None, by name."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in OF_ALL}
        return {name: value for name, value in values.items() if value is not None}


class Detector(Protocol):
    """A detector of boxes in images: `FaceDetector` or a baseline detector."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Boxes in each image, in pixels of that image, highest confidence first.

        Args:
            images: uint8 (height, width, 3) RGB, of any sizes.
        """
        ...


@cache
def _figure_class() -> type[Figure]:
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        """A figure that notebooks display, although pyplot, which would change global state, is not imported."""

        def _repr_png_(self) -> bytes:
            content = io.BytesIO()
            self.savefig(content, format="png")
            return content.getvalue()

    return NotebookFigure


def notebook_figure(width: float, height: float) -> Figure:
    """An empty matplotlib figure that notebooks display.

    Args:
        width: In inches.
        height: In inches.
    """
    return _figure_class()(figsize=(width, height))


def _name(names: Mapping[int, str], number: int) -> str:
    return names.get(number, f"class {number}")


def _pixels(image: NDArray[np.uint8] | str | os.PathLike[str] | None) -> NDArray[np.uint8]:
    """Pixels of an image that is given as an array or a file."""
    if image is None:
        raise InputError("these boxes have no image; pass plot the pixels of their image, or the path of its file")
    if isinstance(image, np.ndarray):
        return image
    from uncover.data.photos import PhotoError, inspect_photo, read_upright_rgb

    try:
        inspect_photo(Path(image))
        return read_upright_rgb(Path(image))
    except PhotoError as error:
        raise InputError(str(error)) from None


def _area(boxes: NDArray[Real]) -> NDArray[Real]:
    return np.asarray((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]))


def _same(keys: Sequence[NDArray[np.integer]], count: int) -> list[NDArray[np.int64]]:
    """Indices of rows that agree in all keys, ascending, group by group; without keys, all rows."""
    if not count:
        return []
    if not keys:
        return [np.arange(count)]
    order = np.lexsort(keys)
    changes = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    return list(np.split(order, np.flatnonzero(changes) + 1))
