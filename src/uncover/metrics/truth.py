"""True boxes: the label files of a model's images, in pixels."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from uncover.console import fail
from uncover.data.data_yaml import NAME_FILES, DataYaml, find_class_names, is_face, listed
from uncover.data.parts import to_xyxy
from uncover.data.sets import IGNORED
from uncover.data.yolo import FACE_CLASS, IMAGES, LABELS, read_label_file
from uncover.errors import InputError
from uncover.metrics.matching import IGNORED_CLASS
from uncover.metrics.predictions import CORNERS

logger = logging.getLogger(__name__)

SUFFIX = ".txt"
TRUTH_COLUMNS = ("image", "class_id", *CORNERS)


@dataclass(frozen=True)
class LabelFiles:
    """Label files of a folder, assigned to a list of images.

    Attributes:
        of_image: Label file by image, for images with one.
        unlabelled: Images without a label file, i.e. without true boxes.
        unpredicted: Label files of images that are not in the list.
    """

    of_image: dict[str, Path]
    unlabelled: list[str]
    unpredicted: list[Path]


def find_labels(labels: Path, images: Iterable[str]) -> LabelFiles:
    """Find the label file of each image: the same path below `labels`, with the suffix `.txt`.

    Args:
        labels: Folder of label files, or a data set with a folder `labels/`.
        images: Names of the images below `images/`.

    Raises:
        InputError: The folder does not exist, two images have the same label file, or none of its files belongs to
            an image.
    """
    labels = _folder_of(labels)
    found = [
        path for path in sorted(labels.rglob("*")) if path.suffix.lower() == SUFFIX and path.name not in NAME_FILES
    ]
    names = {path.relative_to(labels).with_suffix(SUFFIX).as_posix(): path for path in found}
    image_of: dict[str, str] = {}
    for image in images:
        name = _label_of(image, names)
        if name in image_of:
            raise InputError(
                f"{labels / name}: is the label file of both {image_of[name]} and {image}; rename one of the images"
            )
        image_of[name] = image
    of_image = {image: names[name] for name, image in image_of.items() if name in names}
    if names and image_of and not of_image:
        first, image = next(iter(names)), next(iter(image_of.values()))
        raise InputError(
            f"{labels}: none of its {len(names)} label files (such as {first}) belongs to an image with predictions "
            f"(such as {image}); give the labels of these images"
        )
    unlabelled = [image for name, image in image_of.items() if name not in names]
    return LabelFiles(of_image, unlabelled, [path for name, path in names.items() if name not in image_of])


def _folder_of(labels: Path) -> Path:
    if not labels.is_dir():
        raise InputError(f"{labels}: is not a folder; expected the label files of the images with predictions")
    return labels / LABELS if (labels / LABELS).is_dir() else labels


def _label_of(image: str, names: Container[str]) -> str:
    """Name of an image's label file: its own, or in a folder of grades, with the last `images` replaced by `labels`."""
    path = PurePosixPath(image).with_suffix(SUFFIX)
    if path.as_posix() not in names and IMAGES in path.parts[:-1]:
        before, _, after = path.as_posix().rpartition(f"{IMAGES}/")
        if f"{before}{LABELS}/{after}" in names:
            return f"{before}{LABELS}/{after}"
    return path.as_posix()


def read_truth(labels: Path, images: pd.DataFrame, known: Mapping[int, str] | None = None) -> pd.DataFrame:
    """Read the true boxes of images.

    As in upstream, a box that occurs twice in a file counts once, and boxes are clipped at the edge of the image.

    Args:
        labels: Folder of label files, or a data set with a folder `labels/`.
        images: One row per image: image, width, height (pixels), as in predictions.
        known: Class names of the model, by id. Labels are mapped to these ids by the names in the data.yaml (or
            classes.txt) of the data set; None keeps the ids of the labels.

    Returns:
        One row per true box, in the order of `images`: image, class_id (int64), x1 y1 x2 y2 (float64, pixels). They are
        followed by the boxes of a folder `ignored/` beside `labels/`, if any, with the class `IGNORED_CLASS`.

    Raises:
        InputError: A row of a label file is not a box (all such rows are listed), the classes of the labels are
            ambiguous, or the label files do not fit (see `find_labels`).
    """
    of_image = find_labels(labels, images["image"]).of_image
    return truth_of_files(of_image, images, labels, known, None if known is None else _describe(labels))


def truth_of_files(
    of_image: Mapping[str, Path],
    images: pd.DataFrame,
    labels: Path,
    known: Mapping[int, str] | None,
    described: DataYaml | None,
) -> pd.DataFrame:
    """As `read_truth`, of label files that are known.

    Args:
        of_image: Label file by image; images without one have no true box.
        images: As for `read_truth`.
        labels: Where they are, for messages.
        known: As for `read_truth`.
        described: Classes of the labels; None if nothing names them.
    """
    ids, boxes, names = [], [np.zeros((0, 4))], []
    ignored: list[pd.DataFrame] = []
    problems: list[str] = []
    for image, width, height in zip(images["image"], images["width"], images["height"], strict=True):
        if image not in of_image:
            continue
        file = read_label_file(
            of_image[image],
            None if described is None else described.names,
            None if described is None else described.keypoints,
        )
        problems += file.problems
        sides = np.array([width, height, width, height], np.float64)
        rows = file.boxes.astype(np.float64)
        boxes.append(to_xyxy(rows[:, 1:]).clip(0, 1) * sides)
        other = _ignored_beside(of_image[image])
        if other is not None:
            file = read_label_file(other)
            problems += file.problems
            shares = to_xyxy(file.boxes[:, 1:].astype(np.float64)).clip(0, 1)
            table = pd.DataFrame(shares * sides, columns=list(CORNERS))
            ignored.append(table.assign(image=image, class_id=np.int64(IGNORED_CLASS))[list(TRUTH_COLUMNS)])
        ids += rows[:, 0].astype(np.int64).tolist()
        names += [image] * len(rows)
    fail(problems, str(labels))
    if known is not None and ids:
        told = _ids_of_model(labels, set(ids), described, known)
        ids = [told[number] for number in ids]
    truth = pd.DataFrame(np.concatenate(boxes), columns=list(CORNERS))
    truth.insert(0, "image", pd.Series(names, dtype=str))
    truth.insert(1, "class_id", np.array(ids, np.int64))
    return pd.concat([truth, *ignored], ignore_index=True) if ignored else truth


def _ignored_beside(label: Path) -> Path | None:
    """File of ignored boxes that belongs to a label file; None if there is none."""
    folder = next((place for place in label.parents if place.name == LABELS), None)
    if folder is None:
        return None
    path = folder.parent / IGNORED / label.relative_to(folder)
    return path if path.is_file() else None


def _describe(labels: Path) -> DataYaml | None:
    """Class names of label files, from a file beside them or in the root of their data set."""
    labels = _folder_of(labels)
    above = [place.parent for place in (labels, *labels.parents) if place.name == LABELS][:1]
    return find_class_names([labels, *above])


def _ids_of_model(
    labels: Path, used: Collection[int], described: DataYaml | None, known: Mapping[int, str]
) -> dict[int, int]:
    """The model's id for each class of the labels; classes that it lacks get unused ids."""
    if described is None:
        return _ids_without_names(labels, used, known)
    by_name = {name.casefold(): number for number, name in known.items()}
    face, own_face = _face_of(known), _face_of(described.names)
    told = {number: by_name[name.casefold()] for number, name in described.names.items() if name.casefold() in by_name}
    if face is not None and own_face is not None and face not in told.values():
        told.setdefault(own_face, face)
    if not told and known:
        raise InputError(
            f"{described.path}: has the classes {listed(described.names.values())}, none of which the model has; the"
            f" model has {listed(known.values())}"
        )
    free = itertools.count(max([*known, *described.names]) + 1)
    for number in described.names:
        if number not in told:
            told[number] = next(free) if number in known else number
    return told


def _ids_without_names(labels: Path, used: Collection[int], known: Mapping[int, str]) -> dict[int, int]:
    as_they_are = {number: number for number in used}
    face = _face_of(known)
    if set(used) != {FACE_CLASS} or face in (None, FACE_CLASS):
        logger.info(f"note: {labels}: no file names the classes of these labels; using the ids of the model")
        return as_they_are
    assert face is not None, "just seen"
    graded = (_folder_of(labels).parent / IMAGES).is_dir()
    if FACE_CLASS in known and not graded:
        raise InputError(
            f"{labels}: no file names the classes of these labels, and {FACE_CLASS} may be {known[FACE_CLASS]!r} or"
            f" {known[face]!r}; add the data.yaml of the data set, or a classes.txt"
        )
    logger.info(f"note: {labels}: no file names the classes of these labels; using {FACE_CLASS} as {known[face]!r}")
    return {FACE_CLASS: face}


def _face_of(names: Mapping[int, str]) -> int | None:
    """Id of the whole face; None if ambiguous."""
    plain = [number for number, name in names.items() if is_face(name)]
    return plain[0] if len(plain) == 1 else None
