"""A YOLO data set as input of a network: images, their sizes, and labels with the network's class numbers."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from uncover.console import fail
from uncover.data.data_yaml import DataYaml, choose_classes, find_faces, listed, read_data_yaml
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.data.yolo import IMAGES, LABELS, find_label, read_label_file
from uncover.errors import InputError
from uncover.images.reading import inspect_image, list_images, log_animations
from uncover.progress import track
from uncover.text_files import read_text

logger = logging.getLogger(__name__)

SIDES = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}


@dataclass(frozen=True)
class LabelledImages:
    """Images with boxes.

    Attributes:
        folder: Folder of the data set.
        paths: Image files, sorted.
        sizes: int64 (N, 2), width and height of each, in pixels.
        labels: For each image, float32 (n, 5): class number of the network, xc yc w h as shares of the image.
        class_names: Names of the classes 0, 1 ... of the network.
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
        """Select images, in this order; a repeated row gives a repeated image."""
        return replace(
            self,
            paths=[self.paths[row] for row in rows],
            sizes=self.sizes[list(rows)],
            labels=[self.labels[row] for row in rows],
        )

    def repeated(self, least: int) -> LabelledImages:
        """All images, repeated until there are at least `least`."""
        return self.take([*range(len(self))] * -(-least // len(self))) if least > len(self) else self

    def digest(self) -> str:
        """Digest of all that affects a training: classes, boxes, and names and sizes of the images."""
        digest = hashlib.sha256(repr((self.class_ids, self.class_names)).encode())
        for path, size, labels in zip(self.paths, self.sizes, self.labels, strict=True):
            digest.update(repr((path.name, size.tolist(), path.stat().st_size)).encode())
            digest.update(labels.tobytes())
        return digest.hexdigest()


def read_labelled_images(
    folder: Path,
    classes: Sequence[str] | None = None,
    channels: int = 3,
    subset: str | None = None,
    chosen: Sequence[str] = (),
) -> LabelledImages:
    """Read a data set's labels and the headers of its images.

    Args:
        folder: Folder with `images/`, `labels/` and `data.yaml`; or a YAML file of any name, as in YOLOv5.
        classes: Names of the classes to keep, which become 0, 1 ...; None keeps all. The whole face may have another
            name in the data set.
        channels: Number of channels of the images.
        subset: Use the images of this entry of `data.yaml` (e.g. "train"): folders, or lists in text files.
        chosen: Names of these classes in the data set, if ambiguous.

    Raises:
        InputError: There are no images or no labels, an image is unreadable or has other channels, a row is not a box,
            or a class is unknown. The error lists all such images and rows, with what was expected.
    """
    described = read_data_yaml(folder)
    folder = folder if folder.is_dir() else folder.parent
    class_names, numbers = _chosen(described, classes, chosen)
    paths = _images_of(folder, described, subset)
    sizes = np.empty((len(paths), 2), np.int64)
    labels, owners, repeated, missing = [], dict[Path, Path](), list[str](), list[str]()
    problems: list[str] = []
    polygons = 0
    for row, path in enumerate(track(paths, f"inspecting images of {folder.name}")):
        try:
            sizes[row] = inspect_image(path, channels)
        except InputError as error:
            problems.append(str(error))
        label = label_path(path)
        if label in owners:
            problems.append(
                f"{path}: has the same label file {label} as {owners[label].name}; rename one of the two images"
            )
        owners[label] = path
        file = read_label_file(label, described.names, described.keypoints)
        problems += file.problems
        polygons += file.polygons
        repeated += [label.name] * bool(file.repeated)
        missing += [label.name] * (not file.problems and not len(file.boxes) and not label.exists())
        kept = file.boxes[np.isin(file.boxes[:, 0], list(numbers))]
        kept[:, 0] = [numbers[class_id] for class_id in kept[:, 0]]
        labels.append(kept)
    fail(problems, str(folder))
    log_animations(paths)
    if repeated:
        logger.info(f"{folder}: {len(repeated)} label files repeat a row, such as {repeated[0]}; each row counts once")
    if polygons:
        logger.info(f"{folder}: {polygons} rows of labels are polygons; using their bounding boxes")
    if not any(map(len, labels)):
        of_classes = f" of {', '.join(classes)}" if classes else ""
        raise InputError(
            f"{folder}: no box{of_classes} in the labels of {len(paths)} images; expected at least one{_hint(missing)}"
        )
    if missing:
        logger.info(
            f"{folder}: {len(missing)} of {len(paths)} images have no label file, such as {missing[0]}: background"
        )
    ids = {number: class_id for class_id, number in reversed(numbers.items())}
    return LabelledImages(folder, paths, sizes, labels, class_names, tuple(ids[number] for number in sorted(ids)))


def _hint(missing: Sequence[str]) -> str:
    if not missing:
        return ""
    return f" ({len(missing)} label files such as {missing[0]} do not exist; `uncover labels` reads COCO, VOC, Darknet)"


def label_path(image: Path) -> Path:
    """Path of an image's label file: the image's path, with the last folder `images` replaced by `labels`.

    Without such a folder, the label file is beside the image, as in Darknet.
    """
    parts = list(image.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == IMAGES:
            parts[place] = LABELS
            break
    return find_label(Path(*parts).with_suffix(".txt"))


def sides(class_names: Sequence[str]) -> NDArray[np.int64]:
    """Class that each class becomes when an image is mirrored: left and right are swapped.

    Args:
        class_names: Names, e.g. "left face"; names without a side are unchanged.

    Returns:
        int64 (classes,), a permutation.

    Raises:
        InputError: A class has no counterpart, so that its mirror image has no class.
    """
    mirrored = [" ".join(SIDES.get(word, word) for word in name.split(" ")) for name in class_names]
    for name, other in zip(class_names, mirrored, strict=True):
        if other not in class_names:
            raise InputError(
                f"class {name!r} becomes {other!r} when mirrored, which is not a class; train without flips"
                " (fliplr: 0, flipud: 0), or with flip_swaps_sides: false"
            )
    return np.array([list(class_names).index(other) for other in mirrored], np.int64)


def _chosen(
    described: DataYaml, classes: Sequence[str] | None, chosen: Sequence[str]
) -> tuple[tuple[str, ...], dict[int, int]]:
    """Names of the classes to keep, and the network's class number of each id in the label files."""
    names, where = described.names, str(described.path)
    whole_face = CLASS_NAMES[WHOLE_FACE]
    if classes is not None and list(classes) == [whole_face] and (chosen or whole_face not in names.values()):
        return (whole_face,), dict.fromkeys(sorted(find_faces(names, chosen, where)), 0)
    if chosen:
        ids = sorted(choose_classes(names, chosen, where))
        return tuple(names[class_id] for class_id in ids), {class_id: number for number, class_id in enumerate(ids)}
    wanted = tuple(names.values()) if classes is None else tuple(dict.fromkeys(classes))
    by_name = {name: class_id for class_id, name in names.items()}
    for name in wanted:
        if name not in by_name:
            raise InputError(f"{where}: has no class {name!r}; its classes are {listed(by_name)}")
    return wanted, {by_name[name]: number for number, name in enumerate(wanted)}


def _images_of(folder: Path, described: DataYaml, subset: str | None) -> list[Path]:
    if subset is None:
        return list_images(folder / IMAGES if (folder / IMAGES).is_dir() or not _has_labels(folder) else folder)
    found: list[Path] = []
    problems: list[str] = []
    for place in described.places(subset):
        if place.is_dir():
            found += list_images(place)
            continue
        lines = [line.strip() for line in read_text(place).splitlines()]
        if not any(lines):
            raise InputError(f"{place}: lists no image; expected one per line")
        for number, line in enumerate(lines, start=1):
            image = _find_listed(line, (place.parent, *described.bases())) if line else None
            if image is not None:
                found.append(image)
            elif line:
                problems.append(f"{place}, row {number}: {line}: does not exist; paths are relative to {place.parent}")
    fail(problems, str(described.path))
    return sorted(set(found))


def _has_labels(folder: Path) -> bool:
    """Whether a folder without images/ contains images with labels beside them."""
    files = [path for path in folder.glob("*") if path.suffix and path.suffix.lower() != ".txt"]
    return any(find_label(path.with_suffix(".txt")).exists() for path in files)


def _find_listed(line: str, folders: Sequence[Path]) -> Path | None:
    """Image in a line of a list, relative to the list's folder, the data set, or the current folder."""
    path = PurePath(line.replace("\\", "/"))
    # CVAT writes data/obj_train_data/a.jpg for obj_train_data/a.jpg beside the list.
    tails = [PurePath(*path.parts[start:]) for start in range(1, len(path.parts))]
    places = [folders[0] / line, *(folder / path for folder in folders), Path(path)]
    places += [folders[0] / tail for tail in tails]
    return next((place for place in places if place.is_file() or place.is_symlink()), None)
