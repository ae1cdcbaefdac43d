"""`Detections`, the one type for boxes that something found, with the one IoU and the one NMS."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.metrics.predictions import (
    CORNERS,
    LANDMARK_COLUMNS,
    Predictions,
    read_predictions,
    write_predictions,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

logger = logging.getLogger(__name__)

EPSILON = np.float32(1e-7)
"""Added to a union in single precision, as upstream does; keeps the IoU of two boxes without area defined."""

Real = TypeVar("Real", bound=np.floating)
Rows = slice | NDArray[np.bool_] | NDArray[np.integer] | Sequence[int] | int


def iou(first: NDArray[Real], second: NDArray[Real]) -> NDArray[Real]:
    """Intersection over union of boxes that pair up by broadcasting.

    Args:
        first: (..., 4) x1 y1 x2 y2.
        second: (..., 4), in the same frame.

    Returns:
        (...), from 0 to 1, in the precision of the boxes; 0 where both have no area.
    """
    wide = np.minimum(first[..., 2], second[..., 2]) - np.maximum(first[..., 0], second[..., 0])
    high = np.minimum(first[..., 3], second[..., 3]) - np.maximum(first[..., 1], second[..., 1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    union = _area(first) + _area(second) - shared
    smallest = EPSILON if union.dtype == np.float32 else np.finfo(union.dtype).tiny
    return np.asarray(shared / (union + smallest), union.dtype)


def box_iou(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float32]:
    """Intersection over union of every pair of boxes, by which predicted boxes are right or wrong.

    In single precision, as upstream: in double precision a pair that overlaps by exactly a half falls short of 0.5.

    Args:
        first: (M, 4) x1 y1 x2 y2.
        second: (N, 4), in the same frame.

    Returns:
        float32 (M, N), from 0 to 1.
    """
    one, two = np.asarray(first, np.float32)[:, None], np.asarray(second, np.float32)[None]
    return iou(one, two)


def nms(boxes: NDArray[np.floating], confidence: NDArray[np.floating], threshold: float) -> NDArray[np.int64]:
    """Non-maximum suppression of arrays, on the CPU.

    Args:
        boxes: (N, 4) x1 y1 x2 y2.
        confidence: (N,), of the same type; among equals the first wins.
        threshold: A box whose IoU with a better one that stays is above it goes.

    Returns:
        int64 (M,), rows that stay, best first.
    """
    import torch

    corners, scores = (torch.from_numpy(np.ascontiguousarray(each)) for each in (boxes, confidence))
    return np.asarray(suppress(corners, scores, threshold).numpy(), np.int64)


def suppress(boxes: Tensor, scores: Tensor, threshold: float, most: int | None = None) -> Tensor:
    """Non-maximum suppression of tensors, by torchvision's operator or, without it, by `suppress_without_torchvision`.

    Args:
        boxes: (N, 4) x1 y1 x2 y2, on any device.
        scores: (N,), of the same type; among equals the first wins.
        threshold: A box whose IoU with a better one that stays is above it goes.
        most: Rows that are returned, at most; None returns all that stay.

    Returns:
        int64 (M,), rows that stay, best first.
    """
    operator = _torchvision_operator()
    if operator is None:
        return suppress_without_torchvision(boxes, scores, threshold, most)
    return operator(boxes, scores, threshold)[:most]


@functools.cache
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
        logger.info("torchvision does not fit torch %s (%s); going on without it", torch.__version__, reason)
        return None
    return operator


def suppress_without_torchvision(boxes: Tensor, scores: Tensor, threshold: float, most: int | None = None) -> Tensor:
    """As `suppress`, in numpy, with the arithmetic of torchvision's operator for the CPU: the rows are the same."""
    import torch

    order = scores.sort(stable=True, descending=True).indices
    x1, y1, x2, y2 = boxes[order].detach().cpu().numpy().T
    areas = (x2 - x1) * (y2 - y1)
    kept, left = [], np.arange(len(areas))
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


@dataclass(frozen=True)
class Detections:
    """N boxes in one image, or in a set of images.

    Rows keep the order that they were given in; `sorted` puts the best first.

    Attributes:
        boxes: float32 (N, 4), x1 y1 x2 y2 in pixels of the original image. Steps that compute in double precision (box
            fusion, tracking) may keep float64 in between; stored boxes are float32.
        confidence: (N,), from 0 to 1, of the same type.
        classes: int64 (N,), ids as in label files; None where all are whole faces.
        landmarks: float32 (N, 5, 2), x and y in pixels of the original image, in the order of
            `uncover.metrics.predictions.LANDMARKS`; None where the detector knows none.
        found_by: integers (N,), what found each box; None where one thing found all.
        image: int64 (N,), row of each box's image in a set; None where all are in one image.
    """

    boxes: NDArray[np.floating]
    confidence: NDArray[np.floating]
    classes: NDArray[np.int64] | None = None
    landmarks: NDArray[np.float32] | None = None
    found_by: NDArray[np.integer] | None = None
    image: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            ValueError: The number of rows differs, or a row has another shape.
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
        """All boxes in one object, in the order given.

        Args:
            several: Those without a box are left out. The others have the same attributes.

        Raises:
            ValueError: An attribute is None in some and not in others.
        """
        some = [each for each in several if len(each)] or list(several[:1])
        if not some:
            return cls.empty()
        columns = [each._columns() for each in some]
        for each in columns:
            if each.keys() != columns[0].keys():
                raise ValueError(f"attributes {', '.join(each)} beside {', '.join(columns[0])}; expected the same")
        return cls(**{name: np.concatenate([each[name] for each in columns]) for name in columns[0]})

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: Rows) -> Detections:
        """Some of the boxes: by mask, slice, rows or a single row."""
        where = [rows] if isinstance(rows, int | np.integer) else rows
        if not isinstance(where, slice | np.ndarray):
            where = np.asarray(where, np.int64)
        return Detections(**{name: value[where] for name, value in self._columns().items()})

    @property
    def class_ids(self) -> NDArray[np.int64]:
        """int64 (N,), `classes`, or the whole face for each."""
        return np.full(len(self), WHOLE_FACE, np.int64) if self.classes is None else self.classes

    @property
    def image_rows(self) -> NDArray[np.int64]:
        """int64 (N,), `image`, or 0 for each."""
        return np.zeros(len(self), np.int64) if self.image is None else self.image

    def with_confidence(self, at_least: float) -> Detections:
        """Those that are sure enough. In single precision, in which confidences are stored: 0.7 keeps a stored 0.7."""
        return self[self.confidence.astype(np.float32, copy=False) >= np.float32(at_least)]

    def of_class(self, class_id: int) -> Detections:
        """Those of one class."""
        if self.classes is None:
            return self if class_id == WHOLE_FACE else self[:0]
        return self[self.classes == class_id]

    def sorted(self) -> Detections:
        """The best first, of a set image by image; equals keep their order."""
        keys = (-self.confidence,) if self.image is None else (-self.confidence, self.image)
        return self[np.lexsort(keys)]

    def nms(self, threshold: float) -> Detections:
        """Those that no better box of the same class and image covers, best first (of a set image by image).

        Args:
            threshold: IoU with a better box above which a box goes.
        """
        kept = [np.zeros(0, np.int64)]
        groups = [each for each in (self.image, self.classes) if each is not None]
        for rows in _same(groups, len(self)):
            kept.append(rows[nms(self.boxes[rows], self.confidence[rows], threshold)])
        return self[np.sort(np.concatenate(kept))].sorted()

    def clipped(self, width: int, height: int) -> Detections:
        """The parts of the boxes within their image; a box without a pixel in it goes.

        Args:
            width: Of the image, pixels.
            height: Of the image, pixels.
        """
        boxes = np.clip(self.boxes, 0, np.array([width, height, width, height], self.boxes.dtype))
        return replace(self, boxes=boxes)[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]

    def scaled(self, x: float, y: float) -> Detections:
        """The same in an image `x` times as wide and `y` times as high."""
        factors = np.array([x, y], self.boxes.dtype)
        landmarks = None if self.landmarks is None else self.landmarks * factors
        return replace(self, boxes=self.boxes * np.tile(factors, 2), landmarks=landmarks)

    def by_image(self, images: int) -> list[Detections]:
        """Those of each image of a set, also where there are none; rows keep their order.

        Args:
            images: Number of images of the set.
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
            images: Names of the images that `image` counts; None leaves the names out.
            class_names: By class id; None takes those of the ten parts.

        Returns:
            image (if asked for), class, class_id, confidence, x1 y1 x2 y2, and where they are known ten columns of
            landmarks and found_by: what stored predictions have.
        """
        names = dict(enumerate(CLASS_NAMES)) if class_names is None else class_names
        columns: dict[str, Any] = {}
        if images is not None:
            columns["image"] = np.asarray(images, object)[self.image_rows]
        columns["class"] = np.array([names[int(number)] for number in self.class_ids], object)
        columns |= {"class_id": self.class_ids, "confidence": self.confidence.astype(np.float32)}
        columns |= dict(zip(CORNERS, self.boxes.astype(np.float32).T, strict=True))
        if self.landmarks is not None:
            columns |= dict(zip(LANDMARK_COLUMNS, self.landmarks.reshape(-1, 10).T, strict=True))
        if self.found_by is not None:
            columns["found_by"] = self.found_by
        return pd.DataFrame(columns)

    @classmethod
    def from_pandas(cls, table: pd.DataFrame, images: Sequence[str] | pd.Series | None = None) -> Detections:
        """Boxes of a table as `to_pandas` makes it.

        Args:
            table: Columns x1 y1 x2 y2; confidence (1 where it has none, as of labels), class_id, landmarks, found_by
                (numbers) and image where it has them.
            images: Names of the images of the set, in order, all of the table's among them; None takes all rows as of
                one image.
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

    def to_parquet(self, path: Path, images: pd.DataFrame, settings: Mapping[str, Any]) -> None:
        """Store as predictions, the table that `uncover predict` writes and everything else reads.

        Args:
            path: Of the file.
            images: One row per image that was looked at: image (name), width, height (pixels), in the order of `image`.
            settings: How the boxes were found: model, confidence, nms_iou, ...; `classes` names the classes by id.

        Raises:
            InputError: A box is not sound; the message says which.
        """
        stated = settings.get("classes")
        names = {int(number): str(name) for number, name in stated.items()} if isinstance(stated, Mapping) else None
        boxes = replace(self, found_by=None).to_pandas(images["image"].tolist(), names)
        write_predictions(path, Predictions(boxes, images, dict(settings)))

    @classmethod
    def from_parquet(cls, path: Path) -> Detections:
        """Boxes of stored predictions; `read_predictions` also has the images, which `image` counts, and the settings.

        Raises:
            InputError: The file is missing or no table of predictions.
        """
        stored = read_predictions(path)
        return cls.from_pandas(stored.boxes, stored.images["image"])

    def plot(self, image: NDArray[np.uint8], names: Sequence[str] | None = None) -> Figure:
        """The image with the boxes and landmarks drawn on it, each box with its confidence.

        Args:
            image: uint8 (H, W, 3) RGB, or (H, W), that the boxes are pixels of.
            names: What to write at each box; None writes the confidence.

        Returns:
            A matplotlib figure, which a notebook shows and `savefig` stores.
        """
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle

        height, width = image.shape[:2]
        figure = Figure(figsize=(8, 8 * height / width))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.imshow(image, cmap="gray")
        texts = [f"{sure:.2f}" for sure in self.confidence] if names is None else names
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

    def _columns(self) -> dict[str, NDArray[Any]]:
        """Attributes that are there, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


class Detector(Protocol):
    """Whatever finds boxes in images: a network of ours or a baseline."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Boxes in each image, in its pixels, best first.

        Args:
            images: uint8 (height, width, 3) in RGB, of any sizes.
        """
        ...


def _area(boxes: NDArray[Real]) -> NDArray[Real]:
    return np.asarray((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]))


def _same(keys: Sequence[NDArray[np.integer]], count: int) -> list[NDArray[np.int64]]:
    """Rows that agree in all keys, rising, group by group; without keys, all rows."""
    if not count:
        return []
    if not keys:
        return [np.arange(count)]
    order = np.lexsort(keys)
    changes = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    return list(np.split(order, np.flatnonzero(changes) + 1))
