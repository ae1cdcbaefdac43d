"""Boxes in Pascal VOC format: one XML file per image, as written by labelImg, Roboflow, CVAT and others.

Corners are used as written. The data set VOC itself counts pixels from 1; other tools do not, and the difference is
below one pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from uncover.data.faces import RowError

CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class VocFile:
    """Annotation of one image.

    Attributes:
        names: Class name of each box.
        boxes: float64 (M, 4), xyxy in pixels.
        size: Width and height of the image as stated in the file; None if not stated.
    """

    names: list[str]
    boxes: NDArray[np.float64]
    size: tuple[int, int] | None


def read_voc(path: Path) -> VocFile | None:
    """Read an XML file; None for other XML files.

    Raises:
        RowError: The file is not XML, or an object has no box; the row is the number of the object.
    """
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise RowError(0, f"is not XML ({error})") from None
    if root.tag != "annotation":
        return None
    names, boxes = [], []
    for number, found in enumerate(root.iter("object"), start=1):
        name = (found.findtext("name") or "").strip()
        try:
            box = [float(found.findtext(f"bndbox/{corner}") or "") for corner in CORNERS]
        except ValueError:
            raise RowError(
                number, f"object {name!r:.60} has no bndbox with numbers; expected {', '.join(CORNERS)}"
            ) from None
        if not all(map(math.isfinite, box)) or box[2] <= box[0] or box[3] <= box[1]:
            raise RowError(number, f"object {name!r:.60}: invalid box {box}; expected {', '.join(CORNERS)} in pixels")
        names.append(name)
        boxes.append(box)
    return VocFile(names, np.array(boxes, np.float64).reshape(-1, 4), _size(root))


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    try:
        width, height = (round(float(root.findtext(f"size/{side}") or "")) for side in ("width", "height"))
    except (ValueError, OverflowError):
        return None
    return (width, height) if min(width, height) > 0 else None
