"""Stored predictions: boxes of a model in a set, its settings, and checks that predictions are comparable."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from uncover.atomic import check_new_file, new_file
from uncover.data.data_yaml import choose_classes
from uncover.errors import InputError

MOST_BOXES = 300
"""Maximum number of boxes per class and image, in stored predictions and in live detection."""

NMS_IOU, CAP, PRECISION, IMAGE_SIZE = "nms_iou", "max_boxes_per_class", "precision", "image_size"

OF_ALL = (NMS_IOU, CAP, PRECISION)
"""Settings that must agree between the predictions of all compared methods."""

OF_METHOD = (*OF_ALL, IMAGE_SIZE)
"""Settings that must agree between the predictions of one method on all sets. Image sizes may differ by method."""

AGAIN = "run 'uncover predict' again for both with equal settings, or the whole run with snakemake"


CORNERS = ("x1", "y1", "x2", "y2")
COLUMNS = {
    "image": pa.string(),
    "class": pa.string(),
    "class_id": pa.int64(),
    "confidence": pa.float32(),
    **dict.fromkeys(CORNERS, pa.float32()),
}
LANDMARKS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""Landmarks of a face, with sides from the person's view: the right eye is on the left of a frontal photo."""

LANDMARK_COLUMNS = {f"{name}_{axis}": pa.float32() for name in LANDMARKS for axis in ("x", "y")}
"""Columns of landmarks, in pixels of the original image; absent for detectors without landmarks."""

METADATA_KEY = b"uncover"

SHARE = ("shard", "shards")
"""Settings that differ between the shards of one set."""


@dataclass
class Alike:
    """Checks that predictions that are read together have equal settings."""

    _first: tuple[Path, Mapping[str, Any]] | None = field(default=None, init=False)
    _of_method: dict[str, tuple[Path, Mapping[str, Any]]] = field(default_factory=dict, init=False)

    def add(self, path: Path, settings: Mapping[str, Any], method: str) -> None:
        """Add a file.

        Args:
            path: Path of the predictions, or of a record of them.
            settings: Its settings.
            method: Method that made it.

        Raises:
            InputError: A setting differs from that of an earlier file or is missing in either; the error names both
                files and their values.
        """
        self._first = self._first or (path, settings)
        _check(path, settings, *self._of_method.setdefault(method, (path, settings)), OF_METHOD)
        _check(path, settings, *self._first, OF_ALL)


def _check(
    path: Path, settings: Mapping[str, Any], other: Path, others: Mapping[str, Any], names: Sequence[str]
) -> None:
    if path == other:
        return
    for where, stated in ((other, others), (path, settings)):
        missing = [name for name in names if name not in stated]
        if missing:
            raise InputError(
                f"{where}: does not state {', '.join(missing)} (file of an earlier version), so it cannot be"
                f" compared with {path if where == other else other}; {AGAIN}"
            )
    for name in names:
        if settings[name] != others[name]:
            raise InputError(f"{path}: {name} is {settings[name]}, but {others[name]} in {other}; {AGAIN}")


@dataclass(frozen=True)
class Predictions:
    """Boxes of a model in a set of images.

    Attributes:
        boxes: One row per box, by image, within an image by decreasing confidence: image (its name below `images/`),
            class, class_id (as in label files), confidence (float32, 0 to 1), x1 y1 x2 y2 (float32, pixels of the
            original image); `LANDMARK_COLUMNS` if the detector finds landmarks.
        images: One row per image, including those without boxes: image, width, height (pixels).
        settings: Settings of the detection: model, classes (name by id), image_size, confidence, nms_iou, ...
    """

    boxes: pd.DataFrame
    images: pd.DataFrame
    settings: dict[str, Any]

    @property
    def class_names(self) -> dict[int, str]:
        """Names of the classes of the model, or if not stated, of the classes in the boxes."""
        stated = self.settings.get("classes")
        if isinstance(stated, Mapping):
            return {int(number): str(name) for number, name in stated.items()}
        found = self.boxes.drop_duplicates("class_id").sort_values("class_id")
        return {int(number): str(name) for number, name in zip(found["class_id"], found["class"], strict=True)}

    def of_classes(self, chosen: Sequence[str]) -> Predictions:
        """Predictions with boxes of some classes only; all boxes if no name is given.

        Raises:
            InputError: A name is not a class of the model.
        """
        if not chosen:
            return self
        kept = choose_classes(self.class_names, chosen, "the model")
        names = {str(number): name for number, name in self.class_names.items() if number in kept}
        boxes = self.boxes[self.boxes["class_id"].isin(kept)].reset_index(drop=True)
        return replace(self, boxes=boxes, settings=self.settings | {"classes": names})


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write the Parquet file; the list of images and the settings are stored in its metadata.

    Raises:
        InputError: The predictions are invalid; the error says where.
    """
    boxes = predictions.boxes.sort_values(["image", "confidence"], ascending=[True, False], kind="stable")
    _check_predictions(path, predictions)
    sizes = predictions.images[["width", "height"]].to_numpy(np.int64).tolist()
    images = [[image, *size] for image, size in zip(predictions.images["image"], sizes, strict=True)]
    columns = _columns(boxes.columns)
    table = pa.Table.from_pandas(boxes[list(columns)], schema=pa.schema(list(columns.items())), preserve_index=False)
    about = json.dumps({**predictions.settings, "images": images}, allow_nan=False).encode()
    with new_file(path) as temporary:
        pq.write_table(table.replace_schema_metadata({METADATA_KEY: about}), temporary)


def check_new_predictions(path: Path) -> None:
    """Check that predictions can be written. Call it before long work.

    Raises:
        InputError: The file cannot be written (see `check_new_file`), or exists and is not a table of predictions.
    """
    check_new_file(path)
    if not path.exists():
        return
    try:
        ours = METADATA_KEY in (pq.read_schema(path).metadata or {})
    except (OSError, pa.ArrowException):
        ours = False
    if not ours:
        raise InputError(f"{path}: is not a table of 'uncover predict' and would be replaced; give another name")


def read_predictions(path: Path, confidence: float = 1.0) -> Predictions:
    """Load predictions.

    Args:
        path: Path of the file.
        confidence: Confidence threshold that will be applied to the boxes.

    Raises:
        InputError: The file does not exist, is truncated, is not from `uncover predict`, has invalid values, or was
            stored at a higher confidence threshold.
    """
    expected = "expected a table of 'uncover predict'"
    if path.is_dir():
        raise InputError(f"{path}: is a folder; {expected}")
    try:
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; make it with 'uncover predict'") from None
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else "unreadable"
        raise InputError(f"{path}: is not a Parquet file, or is truncated ({reason}); {expected}") from None
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(f"{path}: no column {missing[0]}; {expected}")
    try:
        settings = json.loads((table.schema.metadata or {})[METADATA_KEY])
        images = pd.DataFrame(settings.pop("images"), columns=["image", "width", "height"])
        images = images.astype({"width": np.int64, "height": np.int64})
    except (KeyError, ValueError, TypeError, AttributeError):
        raise InputError(f"{path}: has no list of images in its metadata; {expected}") from None
    try:
        columns = _columns(table.column_names)
        boxes = table.select(list(columns)).cast(pa.schema(list(columns.items()))).to_pandas()
    except pa.ArrowException as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}; {expected}") from None
    predictions = Predictions(boxes, images, settings)
    _check_predictions(path, predictions)
    lowest = settings.get("confidence", 0)
    if lowest > confidence:
        raise InputError(f"{path}: was stored at confidence {lowest}; expected {confidence} or less")
    return predictions


def _landmarks(boxes: pd.DataFrame) -> NDArray[np.float64]:
    """float64 (N, 10), or (N, 0) without landmarks."""
    return boxes[[name for name in LANDMARK_COLUMNS if name in boxes]].to_numpy(np.float64)


def _columns(names: Iterable[str]) -> dict[str, pa.DataType]:
    """Columns and types of a table with these column names; landmarks are either all present or all absent."""
    return COLUMNS | (LANDMARK_COLUMNS if LANDMARK_COLUMNS.keys() <= set(names) else {})


def _check_predictions(path: Path, predictions: Predictions) -> None:
    boxes, images = predictions.boxes, predictions.images
    repeated = images["image"][images["image"].duplicated()]
    if len(repeated):
        raise InputError(f"{path}: the list of images contains {repeated.iloc[0]} twice; expected each image once")
    sizes = images[["width", "height"]].to_numpy(np.int64)
    if (sizes < 1).any():
        row = int(np.flatnonzero((sizes < 1).any(axis=1))[0])
        width, height = sizes[row]
        raise InputError(f"{path}: image {images['image'].iloc[row]} is {width} x {height}; expected sizes above 0")
    confidence = boxes["confidence"].to_numpy(np.float64)
    corners = boxes[list(CORNERS)].to_numpy(np.float64)
    unknown = ~boxes["image"].isin(images["image"]).to_numpy()
    for wrong, what in (
        (unknown, "an image that is not in the list of images"),
        (~((confidence >= 0) & (confidence <= 1)), "a confidence that is not a number from 0 to 1"),
        (~np.isfinite(corners).all(axis=1), "a box with a corner that is not a number"),
        ((corners[:, 2:] < corners[:, :2]).any(axis=1), "a box whose x2 or y2 is below its x1 or y1"),
        (~np.isfinite(_landmarks(boxes)).all(axis=1), "a landmark that is not a number"),
        (boxes[["class", "class_id"]].isna().any(axis=1).to_numpy(), "a box without a class"),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            image = boxes["image"].iloc[row]
            raise InputError(f"{path}: row {row + 1} ({image}): {what}; {int(wrong.sum())} such rows")


def join_predictions(paths: Sequence[Path]) -> Predictions:
    """Read the predictions of all shards of a set and join them, images in the order of the set.

    Args:
        paths: Paths of the tables, in any order.

    Raises:
        InputError: A shard is missing, occurs twice, or has different settings.
    """
    shares = {path: read_predictions(path) for path in paths}
    first = next(iter(shares))
    count = shares[first].settings.get("shards", 1)
    by_number: dict[int, Path] = {}
    for path, share in shares.items():
        number = share.settings.get("shard", 1)
        if number in by_number:
            raise InputError(f"{path}: is shard {number} of {count}, as is {by_number[number]}; give each shard once")
        if _settings(share) != _settings(shares[first]) or share.settings.get("shards", 1) != count:
            raise InputError(f"{path}: settings differ from {first}; run 'uncover predict' again for all shards")
        by_number[number] = path
    missing = [str(number) for number in range(1, count + 1) if number not in by_number]
    if missing:
        raise InputError(f"{first.parent}: shards {', '.join(missing)} of {count} are missing; expected all of them")
    ordered = [shares[by_number[number]] for number in range(1, count + 1)]
    boxes = [share.boxes for share in ordered if len(share.boxes)] or [ordered[0].boxes]
    # Shard k contains every count-th image, starting with the k-th.
    places = [np.arange(len(share.images)) * count + number for number, share in enumerate(ordered)]
    images = pd.concat([share.images.assign(place=own) for share, own in zip(ordered, places, strict=True)])
    images = images.sort_values("place", ignore_index=True).drop(columns="place")
    return Predictions(pd.concat(boxes, ignore_index=True), images, _settings(ordered[0]))


def _settings(predictions: Predictions) -> dict[str, object]:
    return {name: value for name, value in predictions.settings.items() if name not in SHARE}
