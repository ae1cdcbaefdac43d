"""The whole faces of a run's data sets, for detectors that know nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uncover.detector.validate import true_boxes
from uncover.images.labelled import LabelledImages, read_labelled_images
from uncover.images.reading import COLOURS, read_image
from uncover.parts.classes import CLASS_NAMES, WHOLE_FACE


@dataclass(frozen=True)
class FaceSets:
    """Photos with the boxes of the whole faces in them, which are class 0; a photo may have none.

    Attributes:
        training: To train on.
        validation: By which the best epoch is chosen.
    """

    training: LabelledImages
    validation: LabelledImages


def read_faces(data: Path) -> FaceSets:
    """Read the labels of two data sets and look at the headers of their photos.

    Args:
        data: Folder with the data sets `train` and `val`.

    Raises:
        InputError: A set is missing or has no face, or a photo or a label file is unusable.
    """
    wanted = (CLASS_NAMES[WHOLE_FACE],)
    return FaceSets(*(read_labelled_images(data / name, wanted) for name in ("train", "val")))


def count_faces(faces: LabelledImages) -> int:
    """Faces in all photos."""
    return sum(map(len, faces.labels))


def face_boxes(faces: LabelledImages, index: int) -> NDArray[np.float64]:
    """Faces in one photo, float64 (n, 4) x1 y1 x2 y2 in its pixels; they end at its edge."""
    width, height = faces.sizes[index].tolist()
    return true_boxes(faces.labels[index], width, height)[:, 1:]


def read_photo(path: Path) -> NDArray[np.uint8]:
    """One photo as all detectors of a run see it: upright, uint8 (height, width, 3) in RGB.

    Raises:
        InputError: It cannot be read.
    """
    return read_image(path, COLOURS)
