"""The heatmaps of one image on disk: a file with the maps of all classes, and one with the joint map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uncover.datasets.yolo import IMAGES
from uncover.errors import InputError
from uncover.heatmaps.heatmaps import Heatmaps
from uncover.images.letterbox import Frame
from uncover.images.maps import JOINT, StoredMaps, read_maps, store_maps, write_maps

CLASSES = IMAGES
"""Folder of the maps of all classes, beside that of the joint ones; any YOLO tool looks for it."""

SUFFIX = ".tif"
DIGITS = 2
"""Of boxes, which stand in the files for the lint table: a hundredth of a pixel, or of a confidence, will do."""


@dataclass(frozen=True)
class Files:
    """What the two files of an image hold.

    Attributes:
        classes: A channel per class. Says which detections there were, with their boxes in pixels of the frame.
        joint: One channel, which explains the sum of all scores.
    """

    classes: StoredMaps
    joint: StoredMaps

    @property
    def status(self) -> list[str]:
        """What each class's map is, and in the last place the joint one."""
        return [*self.classes.about["status"], *self.joint.about["status"]]


def pack(
    heatmaps: Heatmaps,
    detections: NDArray[np.float32],
    frame: Frame,
    class_names: list[str],
    about: Mapping[str, Any],
) -> Files:
    """Heatmaps as they are written.

    Args:
        heatmaps: Of one image.
        detections: float32 (n, 6), x1 y1 x2 y2 in pixels of the frame, confidence, class.
        frame: Where the image stands in what the network saw.
        class_names: By channel.
        about: How they were made.
    """
    found = [[*(round(value, DIGITS) for value in row[:5]), int(row[5])] for row in detections.tolist()]
    classes = {"class_names": class_names, "detections": found, "degenerate": heatmaps.degenerate}
    status = list(heatmaps.status)
    return Files(
        store_maps(heatmaps.values[:-1], frame, {**about, **classes, "status": status[:-1]}),
        store_maps(
            heatmaps.values[-1:], frame, {**about, "class_names": [JOINT], "average": JOINT, "status": status[-1:]}
        ),
    )


def write_files(folder: Path, name: str, files: Files) -> None:
    """Write the two files of an image into a set's folder.

    That of the classes comes last: where it stands, both do.
    """
    write_maps(folder / JOINT / name, files.joint)
    write_maps(folder / CLASSES / name, files.classes)


def find_files(folder: Path, name: str, channels: int, key: str) -> Files | None:
    """The two files of an image, if they are there, can be read and have this key."""
    try:
        files = Files(read_maps(folder / CLASSES / name, channels), read_maps(folder / JOINT / name, 1))
    except InputError:  # made anew, whatever is wrong with them
        return None
    return files if {files.classes.about.get("key"), files.joint.about.get("key")} == {key} else None


def file_names(images: Iterable[str]) -> dict[str, str]:
    """Names of the files of images, by the images' own.

    Raises:
        InputError: Two images would share a file.
    """
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for image in images:
        name = str(PurePosixPath(image).with_suffix(SUFFIX))
        if name in taken:
            raise InputError(
                f"{image}: its heatmaps would be {name}, as those of {taken[name]}; give one of the images another name"
            )
        names[image], taken[name] = name, image
    return names
