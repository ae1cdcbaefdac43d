"""`read_dataset`: the images, boxes and splits of any data set that uncover can read, as tables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.data.data_yaml import SETS, YAML_SUFFIXES, DataYaml, find_data_yaml, read_data_yaml
from uncover.data.faces import POSES, Rejected
from uncover.data.frame_sets import label_frames, read_reviewed_frames
from uncover.data.labels import label_faces
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE, to_xyxy
from uncover.data.reading import LANDMARK_READERS, read_raw, to_faces_table
from uncover.data.sets import photos_of_faces
from uncover.data.yolo import IMAGES
from uncover.errors import InputError, naming_arguments
from uncover.images.labelled import LabelledImages, read_labelled_images
from uncover.metrics.detections import Detections
from uncover.metrics.predictions import CORNERS

Layout = Literal["yolo", "wflw", "merl_rav", "300w", "graded"]
"""Layout of a data set on disk; "graded" also stands for COCO, Pascal VOC and Darknet."""

IMAGE_COLUMNS = ("image", "path", "width", "height", "split")
BOX_COLUMNS = ("image", "split", "class", "class_id", *CORNERS)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with boxes.

    Iterating gives the file of each image and its boxes: `for path, truth in dataset: truth.plot()`.

    Attributes:
        path: Folder or YAML file that was read.
        layout: Its layout on disk.
        images: One row per image: image (name, unique), path (str), width, height (pixels, upright), split (also the
            official part or the grade of occlusion of a known data set; "" without splits).
        boxes: One row per box: image, split, class, class_id, x1 y1 x2 y2 (float64, pixels of the upright image).
        class_names: Class names by id.
        rejected: One line for each annotation that is not usable, with the reason.
    """

    path: Path
    layout: Layout
    images: pd.DataFrame
    boxes: pd.DataFrame
    class_names: Mapping[int, str]
    rejected: tuple[str, ...] = field(default=(), repr=False)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, such as ("train", "val"); empty if the data set has none."""
        return tuple(name for name in dict.fromkeys(self.images["split"]) if name)

    def split(self, name: str) -> Dataset:
        """One split.

        Raises:
            InputError: There is no such split.
        """
        if name not in self.splits:
            raise InputError(f"{self.path}: has no split {name!r}; expected one of {', '.join(self.splits) or 'none'}")
        images, boxes = (table[table["split"] == name].reset_index(drop=True) for table in (self.images, self.boxes))
        return replace(self, images=images, boxes=boxes)

    def detections(self, image: str) -> Detections:
        """The true boxes of one image, with confidence 1.

        Args:
            image: Its name, as in the column `image`.

        Raises:
            InputError: There is no such image.
        """
        if image not in self._files:
            raise InputError(f"{self.path}: has no image {image!r}")
        rows = self._rows.get(image)
        own = Detections.from_pandas(self.boxes.iloc[[] if rows is None else rows])
        return replace(own, shown=Path(self._files[image]), class_names=self.class_names)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    def __iter__(self) -> Iterator[tuple[Path, Detections]]:
        """File and true boxes of each image."""
        return ((Path(path), self.detections(image)) for image, path in self._files.items())

    def __repr__(self) -> str:
        splits = f", splits {', '.join(self.splits)}" if self.splits else ""
        return f"Dataset({str(self.path)!r}, {self.layout}, {len(self)} images, {len(self.boxes)} boxes{splits})"

    @cached_property
    def _files(self) -> dict[str, str]:
        return dict(zip(self.images["image"], self.images["path"], strict=True))

    @cached_property
    def _rows(self) -> Mapping[str, NDArray[np.int64]]:
        found = self.boxes.groupby("image", sort=False).indices
        return {str(image): np.asarray(rows) for image, rows in found.items()}


def read_dataset(path: str | os.PathLike[str], layout: Layout | None = None, face: str | Sequence[str] = ()) -> Dataset:
    """Read a data set: a YOLO data set, one made by `uncover labels`, or the download of a known data set.

    Images are not decoded; sizes come from their headers.

    Examples:
        >>> import uncover
        >>> dataset = uncover.read_dataset("my_set/data.yaml")
        >>> dataset
        Dataset('my_set/data.yaml', yolo, 8 images, 16 boxes, splits train, val)
        >>> dataset.class_names
        {0: 'face', 1: 'mask'}
        >>> dataset.split("val").boxes.columns.tolist()
        ['image', 'split', 'class', 'class_id', 'x1', 'y1', 'x2', 'y2']
        >>> for path, truth in dataset.split("val"):
        ...     figure = truth.plot()

    Args:
        path: Folder, or YAML file of a YOLO data set.
        layout: "yolo" (images/, labels/, data.yaml), "wflw", "merl_rav" or "300w" (landmarks, from which boxes of ten
            facial parts are made), or "graded" (images/ and labels/, optionally below a folder per grade of occlusion;
            also COCO, Pascal VOC and Darknet). None detects the layout.
        face: For "graded", the class or classes that are the whole face; required only if no class is named like a
            face.

    Returns:
        Images, boxes, class names and splits.

    Raises:
        InputError: The data set does not exist or has no usable annotation, or an image or label of a YOLO data set is
            not valid. The message names file and row.
    """
    given = Path(path)
    if not given.exists():
        raise InputError(f"{given}: no such file or folder; expected a data set")
    chosen = [face] if isinstance(face, str) else list(face)
    kind = layout or _layout_of(given)
    with naming_arguments(**{"class": "face"}):
        if kind == "yolo":
            return _read_yolo(given)
        if kind == "graded":
            return _read_frames(given, chosen)
        if kind not in LANDMARK_READERS:
            raise InputError(f"layout={layout!r}; expected one of yolo, graded, {', '.join(LANDMARK_READERS)}")
        return _read_landmarks(given, kind)


class SplitPlace(NamedTuple):
    """Where a split of a YOLO data set is.

    Attributes:
        folder: Folder of a data set, or its YAML file.
        subset: Entry of the YAML file; None takes the whole folder.
    """

    folder: Path
    subset: str | None


def find_splits(path: Path) -> dict[str, SplitPlace]:
    """Splits of a YOLO data set, by name; one named "" if it has none.

    Raises:
        InputError: Its YAML file is not valid.
    """
    file = path if path.is_file() else find_data_yaml(path, above=False)
    entries = read_data_yaml(file).entries if file is not None else {}
    named = {name: places for name, places in entries.items() if name in SETS and places}
    if file is not None and len({tuple(places) for places in named.values()}) > 1:
        return {name: SplitPlace(file, name) for name in named}
    if (path / IMAGES).is_dir() or path.is_file():
        return {"": SplitPlace(path if path.is_dir() else path.parent, None)}
    below = {name: path / key for name, keys in SETS.items() for key in keys if (path / key / IMAGES).is_dir()}
    return {name: SplitPlace(folder, None) for name, folder in below.items()} or {"": SplitPlace(path, None)}


def image_names(labelled: LabelledImages, root: Path) -> list[str]:
    """Names of images: their paths from a folder, or whole paths if they are elsewhere."""
    start = os.path.abspath(root)
    names = []
    for path in labelled.paths:
        whole = Path(os.path.abspath(path))
        names.append(whole.relative_to(start).as_posix() if whole.is_relative_to(start) else whole.as_posix())
    return names


def describe(place: SplitPlace) -> DataYaml:
    """The data.yaml that names the classes of a split."""
    return read_data_yaml(place.folder)


def _layout_of(path: Path) -> str:
    if path.is_file():
        if path.suffix.lower() not in YAML_SUFFIXES:
            raise InputError(f"{path}: expected a folder, or the YAML file of a YOLO data set")
        return "yolo"
    splits = find_splits(path)
    if all(place.subset or find_data_yaml(place.folder) is not None for place in splits.values()):
        return "yolo"
    if (path / "WFLW_annotations").is_dir():
        return "wflw"
    if any(next(path.glob(f"{above}{pose}"), None) for pose in POSES for above in ("", "*/")):
        return "merl_rav"
    return "300w" if next(path.rglob("*.pts"), None) is not None else "graded"


def _read_yolo(path: Path) -> Dataset:
    images, boxes = [], []
    splits = find_splits(path)
    class_names: dict[int, str] = {}
    for split, place in splits.items():
        labelled = read_labelled_images(place.folder, subset=place.subset)
        root = labelled.folder / IMAGES if not split and (labelled.folder / IMAGES).is_dir() else path
        names = image_names(labelled, root if root.is_dir() else root.parent)
        own = dict(zip(labelled.class_ids, labelled.class_names, strict=True))
        if class_names and own != class_names:
            raise InputError(f"{labelled.folder}: its classes differ from those of the other splits")
        class_names = own
        files = [str(each) for each in labelled.paths]
        widths, heights = labelled.sizes.T
        images.append(pd.DataFrame({"image": names, "path": files, "width": widths, "height": heights, "split": split}))
        for name, labels, (width, height) in zip(names, labelled.labels, labelled.sizes.tolist(), strict=True):
            corners = to_xyxy(labels[:, 1:].astype(np.float64)).clip(0, 1) * [width, height, width, height]
            ids = np.asarray(labelled.class_ids, np.int64)[labels[:, 0].astype(np.int64)]
            table = pd.DataFrame(corners, columns=list(CORNERS)).assign(image=name, split=split, class_id=ids)
            boxes.append(table)
    tables = pd.concat(images, ignore_index=True), pd.concat(boxes, ignore_index=True)
    return _dataset(path, "yolo", *tables, class_names)


def _read_landmarks(path: Path, layout: str) -> Dataset:
    faces, rejected = to_faces_table(read_raw(LANDMARK_READERS[layout](path, None), path), layout)
    labels = label_faces(faces, "corrected", "clip")
    photos = photos_of_faces(faces, labels.boxes)
    every = dict(enumerate(CLASS_NAMES))
    return _of_photos(path, layout, photos, photos["part"], labels.boxes, every, [*rejected, *labels.rejected])


def _read_frames(path: Path, face: Sequence[str]) -> Dataset:
    reading, _ = read_reviewed_frames(path, None, face)
    photos, labels = label_frames(reading, path.resolve().name)
    whole, rejected = {WHOLE_FACE: CLASS_NAMES[WHOLE_FACE]}, [*reading.rejected, *labels.rejected]
    return _of_photos(path, "graded", photos, photos["grade"], labels.boxes, whole, rejected)


def _of_photos(
    path: Path,
    layout: str,
    photos: pd.DataFrame,
    splits: pd.Series,
    boxes: pd.DataFrame,
    class_names: Mapping[int, str],
    rejected: Sequence[Rejected],
) -> Dataset:
    images = photos.rename(columns={"image": "path", "photo": "image"}).assign(split=splits.to_numpy())
    kept = boxes[boxes["status"] == "kept"].rename(columns={"photo": "image"})
    kept = kept.assign(split=kept["image"].map(dict(zip(images["image"], images["split"], strict=True))))
    return _dataset(path, layout, images, kept, class_names, [str(each) for each in rejected])


def _dataset(
    path: Path,
    layout: str,
    images: pd.DataFrame,
    boxes: pd.DataFrame,
    class_names: Mapping[int, str],
    rejected: Sequence[str] = (),
) -> Dataset:
    boxes = boxes.assign(**{"class": boxes["class_id"].map(dict(class_names))})
    tables = images[list(IMAGE_COLUMNS)], boxes[list(BOX_COLUMNS)].reset_index(drop=True)
    return Dataset(path, layout, *tables, class_names, tuple(rejected))  # type: ignore[arg-type]
