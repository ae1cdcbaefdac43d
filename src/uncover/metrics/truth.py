"""True boxes: the label files of the images that a model looked at, in pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from uncover.datasets.label_file import read_label_file
from uncover.datasets.yolo import LABELS
from uncover.errors import InputError
from uncover.metrics.predictions import CORNERS
from uncover.parts.geometry import to_xyxy

TRUTH_COLUMNS = ("image", "class_id", *CORNERS)


@dataclass(frozen=True)
class LabelFiles:
    """What a folder of label files has to do with a list of images.

    Attributes:
        of_image: Label file by image, for images that have one.
        unlabelled: Images without a label file: nothing in them is a true box.
        unpredicted: Label files of images that are not in the list.
    """

    of_image: dict[str, Path]
    unlabelled: list[str]
    unpredicted: list[Path]


def find_labels(labels: Path, images: Iterable[str]) -> LabelFiles:
    """Look up the label file of each image: the same path below `labels`, with the suffix `.txt`.

    Args:
        labels: Folder of label files, or the data set that has it as `labels/`.
        images: Names of the images below `images/`.

    Raises:
        InputError: There is no such folder, two images would share a label file, or none of its files belongs to
            an image.
    """
    if not labels.is_dir():
        raise InputError(f"{labels}: is no folder; expected the label files of the images that were predicted on")
    if (labels / LABELS).is_dir():
        labels = labels / LABELS
    names = {path.relative_to(labels).as_posix(): path for path in sorted(labels.rglob("*.txt"))}
    image_of: dict[str, str] = {}
    for image in images:
        name = PurePosixPath(image).with_suffix(".txt").as_posix()
        if name in image_of:
            raise InputError(
                f"{labels / name}: would label both {image_of[name]} and {image}; rename one of the images"
            )
        image_of[name] = image
    of_image = {image: names[name] for name, image in image_of.items() if name in names}
    if names and image_of and not of_image:
        first, image = next(iter(names)), next(iter(image_of.values()))
        raise InputError(
            f"{labels}: none of its {len(names)} label files (such as {first}) belongs to an image that was predicted "
            f"on (such as {image}); give the labels of these images"
        )
    unlabelled = [image for name, image in image_of.items() if name not in names]
    return LabelFiles(of_image, unlabelled, [path for name, path in names.items() if name not in image_of])


def read_truth(labels: Path, images: pd.DataFrame) -> pd.DataFrame:
    """Read the true boxes of images.

    A box that stands twice in a file counts once, and boxes end at the edge of the image, both as upstream has it.

    Args:
        labels: Folder of label files, or the data set that has it as `labels/`.
        images: One row per image: image, width, height (pixels), as predictions have it.

    Returns:
        One row per true box, in the order of `images`: image, class_id (int64), x1 y1 x2 y2 (float64, pixels).

    Raises:
        InputError: A row of a label file is no box, or `find_labels` objects.
    """
    of_image = find_labels(labels, images["image"]).of_image
    ids, boxes, names = [], [np.zeros((0, 4))], []
    for image, width, height in zip(images["image"], images["width"], images["height"], strict=True):
        if image not in of_image:
            continue
        rows = read_label_file(of_image[image])[0].astype(np.float64)
        shares = to_xyxy(rows[:, 1:]).clip(0, 1)
        boxes.append(shares * np.array([width, height, width, height], np.float64))
        ids += rows[:, 0].astype(np.int64).tolist()
        names += [image] * len(rows)
    truth = pd.DataFrame(np.concatenate(boxes), columns=list(CORNERS))
    truth.insert(0, "image", pd.Series(names, dtype=str))
    truth.insert(1, "class_id", np.array(ids, np.int64))
    return truth
