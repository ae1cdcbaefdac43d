"""A YOLO data set for a network: images, their sizes, their labels as the network counts classes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from uncover.console import say
from uncover.datasets.label_file import read_label_file
from uncover.datasets.yolo import IMAGES, LABELS
from uncover.errors import InputError
from uncover.images.data_yaml import read_data_yaml
from uncover.images.reading import inspect_image, list_images, say_animations
from uncover.progress import track

SIDES = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}


@dataclass(frozen=True)
class LabelledImages:
    """Images with boxes.

    Attributes:
        folder: Of the data set.
        paths: Image files, sorted.
        sizes: int64 (N, 2), width and height of each, in pixels.
        labels: For each, float32 (n, 5): class as the network counts it, xc yc w h as shares of the image.
        class_names: Of the classes 0, 1 ... of the network.
        class_ids: Their ids in the label files.
    """

    folder: Path
    paths: list[Path]
    sizes: NDArray[np.int64]
    labels: list[NDArray[np.float32]]
    class_names: tuple[str, ...]
    class_ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: Sequence[int]) -> LabelledImages:
        """Some of them, in this order; a row that stands twice is an image twice."""
        return replace(
            self,
            paths=[self.paths[row] for row in rows],
            sizes=self.sizes[list(rows)],
            labels=[self.labels[row] for row in rows],
        )

    def repeated(self, least: int) -> LabelledImages:
        """All of them, as often as it takes to be at least so many."""
        return self.take([*range(len(self))] * -(-least // len(self))) if least > len(self) else self

    def digest(self) -> str:
        """Of all that a training sees: classes, boxes, and names and sizes of the images."""
        digest = hashlib.sha256(repr((self.class_ids, self.class_names)).encode())
        for path, size, labels in zip(self.paths, self.sizes, self.labels, strict=True):
            digest.update(repr((path.name, size.tolist(), path.stat().st_size)).encode())
            digest.update(labels.tobytes())
        return digest.hexdigest()


def read_labelled_images(
    folder: Path, classes: Sequence[str] | None = None, channels: int = 3, subset: str | None = None
) -> LabelledImages:
    """Read a data set's labels and look at its images' headers.

    Args:
        folder: With `images/`, `labels/` and `data.yaml`.
        classes: Names of the classes to keep, which become 0, 1 ...; None keeps all.
        channels: Channels of the images.
        subset: Take the images of this entry of `data.yaml` (such as "train"): a folder, or a list in a text file.

    Raises:
        InputError: No images or no labels, an image that is unreadable or of other channels, a row that is no box, or
            an unknown class: file, row, what was expected.
    """
    described = read_data_yaml(folder)
    names: dict[int, str] = described["names"]
    class_ids = _chosen(folder, names, classes)
    paths = _images_of(folder, described, subset)
    numbers = {class_id: number for number, class_id in enumerate(class_ids)}
    sizes = np.empty((len(paths), 2), np.int64)
    labels, owners, repeated = [], dict[Path, Path](), list[str]()
    for row, path in enumerate(track(paths, f"looking at images of {folder.name}")):
        sizes[row] = inspect_image(path, channels)
        label = label_path(path)
        if label in owners:
            raise InputError(
                f"{path}: shares the labels {label} with {owners[label].name}; rename one of the two images"
            )
        owners[label] = path
        boxes, again = read_label_file(label, names)
        repeated += [label.name] * bool(again)
        kept = boxes[np.isin(boxes[:, 0], class_ids)]
        kept[:, 0] = [numbers[class_id] for class_id in kept[:, 0]]
        labels.append(kept)
    say_animations(paths)
    if repeated:
        say(f"{folder}: {len(repeated)} label files repeat a row, such as {repeated[0]}; each row counts once")
    if not any(map(len, labels)):
        of_classes = f" of {', '.join(classes)}" if classes else ""
        raise InputError(f"{folder}: no box{of_classes} in the labels of {len(paths)} images; expected at least one")
    return LabelledImages(folder, paths, sizes, labels, tuple(names[key] for key in class_ids), class_ids)


def label_path(image: Path) -> Path:
    """Where the labels of an image stand: its path, with the last folder `images` turned into `labels`."""
    parts = list(image.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == IMAGES:
            parts[place] = LABELS
            break
    return Path(*parts).with_suffix(".txt")


def sides(class_names: Sequence[str]) -> NDArray[np.int64]:
    """What each class becomes in a mirror: left and right change places.

    Args:
        class_names: Such as "left face"; names without a side stay.

    Returns:
        int64 (classes,), a permutation.

    Raises:
        InputError: A class has no counterpart, so that its mirror image has no name.
    """
    mirrored = [" ".join(SIDES.get(word, word) for word in name.split(" ")) for name in class_names]
    for name, other in zip(class_names, mirrored, strict=True):
        if other not in class_names:
            raise InputError(
                f"class {name!r} has no {other!r} beside it, which it becomes in a mirror; train without flips"
                " (fliplr: 0, flipud: 0), or with flip_swaps_sides: false"
            )
    return np.array([list(class_names).index(other) for other in mirrored], np.int64)


def _chosen(folder: Path, names: dict[int, str], classes: Sequence[str] | None) -> tuple[int, ...]:
    if classes is None:
        return tuple(names)
    ids = {name: class_id for class_id, name in names.items()}
    for name in classes:
        if name not in ids:
            raise InputError(f"{folder / 'data.yaml'}: names no class {name!r}; it has {', '.join(ids)}")
    return tuple(ids[name] for name in dict.fromkeys(classes))


def _images_of(folder: Path, described: dict, subset: str | None) -> list[Path]:
    if subset is None:
        return list_images(folder / IMAGES)
    entry = described.get(subset)
    if not isinstance(entry, str):
        raise InputError(f"{folder / 'data.yaml'}: has no entry {subset!r}; expected a folder or a list of images")
    place = folder / str(described.get("path") or "") / entry
    if not place.is_file():
        return list_images(place)
    listed = [line.strip() for line in place.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not listed:
        raise InputError(f"{place}: lists no image; expected one a line")
    return sorted({place.parent / PurePath(line) for line in listed})
