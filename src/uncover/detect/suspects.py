"""Where faces may be by anything that a network says of a picture, however unsure: what is to be hidden."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from uncover.images.letterbox import Frame
from uncover.images.privacy import Cover

SUSPECT = 0.01
"""Confidence from which a candidate of any class may be a face, or a part of one."""

REACH = {
    "eyes": 5.0,
    "nose": 2.2,
    "right face": 1.2,
    "left face": 1.2,
    "brows": 1.2,
    "left eye face": 1.1,
    "right eye face": 1.1,
    "eyes nose": 1.2,
    "mouth": 2.1,
}
"""By part, how far the face goes from the middle of its box in any direction, in longest sides of the box: enough for
four of five faces of WFLW and MERL-RAV. The face may lie in any direction, for heads of infants do."""

FACE_SIDE = 0.7
"""Longest side of a face, as a share of the square that `REACH` spans."""


def find_covers(decoded: Tensor, class_names: Sequence[str], places: Sequence[Frame]) -> list[Cover]:
    """Cover the candidates of every class; those of parts with the face that may be around them.

    Args:
        decoded: float (B, N, 5 + classes), all candidates of a network: centre and sides in pixels of its input,
            objectness, classes.
        class_names: Of the network; a class that is no part of a face is covered as it is.
        places: Where each original stands in the input, B of them.
    """
    row, candidate, number = (decoded[..., 5:] * decoded[..., 4:5] > SUSPECT).nonzero(as_tuple=True)
    found = decoded[row, candidate, :4].float().cpu().numpy().astype(np.float64)
    image, reach = row.cpu().numpy(), np.array([REACH.get(name, 0.0) for name in class_names])[number.cpu().numpy()]
    part = reach > 0
    half = np.where(part[:, None], (reach * found[:, 2:].max(axis=1, initial=0.0))[:, None], found[:, 2:] / 2)
    boxes = np.concatenate([found[:, :2] - half, found[:, :2] + half], axis=1)
    covers = []
    for own, place in enumerate(places):
        faces, around = (place.to_original(boxes[(image == own) & each]) for each in (~part, part))
        regions = Cover.of(around, place.width, place.height, margin=0)
        covers.append(Cover.of(faces, place.width, place.height) | Cover(regions.cells, FACE_SIDE * regions.side))
    return covers
