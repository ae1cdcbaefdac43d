"""Votes for whole faces: who casts them, and what is elected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.metrics.alike import MOST_BOXES
from uncover.metrics.predictions import CORNERS, Predictions
from uncover.parts.classes import CLASS_NAMES, WHOLE_FACE
from uncover.parts.geometry import SMALLEST_SIDE
from uncover.rescue.agreement import group_votes, suppress
from uncover.rescue.anatomy import implied_faces
from uncover.rescue.evidence import Evidence

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LOWEST_PART = 0.02
"""Confidence from which a part's box has a vote."""

AGREEMENT = 0.5
"""IoU from which two boxes speak of the same face; the thesis takes a box for correct from there."""


@dataclass(frozen=True)
class Votes:
    """Whole-face boxes that something speaks for.

    Attributes:
        image: int64 (N,), row of the evidence's images.
        boxes: float64 (N, 4) x1 y1 x2 y2, pixels of the image. They may leave it: cut off, a face half outside and the
            ghost beside it, where the other eye would put it, look alike.
        confidence: float64 (N,).
        voter: int64 (N,): the predicted box that casts it. A box whose class has several modes casts several votes, of
            which one counts in the end.
    """

    image: Ints
    boxes: Floats
    confidence: Floats
    voter: Ints

    def only(self, which: NDArray[np.bool_]) -> Votes:
        """Some of them."""
        return Votes(self.image[which], self.boxes[which], self.confidence[which], self.voter[which])


def together(*several: Votes) -> Votes:
    """Votes of different kinds in one election."""
    voters, first = [], 0
    for votes in several:
        voters.append(votes.voter + first)
        first += int(votes.voter.max(initial=-1)) + 1
    return replace(_joined(several), voter=np.concatenate(voters))


def whole_face_votes(predictions: Predictions, evidence: Evidence) -> Votes:
    """Every whole-face box votes for itself, whatever its confidence."""
    found = predictions.boxes[predictions.boxes["class_id"] == WHOLE_FACE]
    return _votes(found, found[list(CORNERS)].to_numpy(np.float64), np.arange(len(found), dtype=np.int64), evidence)


def part_votes(evidence: Evidence, lowest: float = LOWEST_PART) -> Votes:
    """Every part's box of rgb10 votes for the face that lies around it in the median training face.

    Args:
        evidence: Of the set.
        lowest: Confidence from which a box has a vote.
    """
    found = evidence.rgb10.boxes
    # In single precision, in which confidences are stored.
    found = found[found["confidence"].to_numpy(np.float32) >= np.float32(lowest)]
    class_id, corners = found["class_id"].to_numpy(np.int64), found[list(CORNERS)].to_numpy(np.float64)
    faces, voter = implied_faces(evidence.anatomy, class_id, corners)
    return _votes(found.iloc[voter], faces, voter, evidence)


def elect(votes: Votes, evidence: Evidence, agreement: float = AGREEMENT) -> pd.DataFrame:
    """Let votes agree, and propose a box for each group of them.

    A box that casts several votes, such as an eye that may be the left or the right one, supports only the strongest
    of the groups that they went to; the others are taken back and the rest is counted again. The confidence of s added
    confidences is s / (1 + s): it rises with s, stays within 0 and 1, and unlike 1 - exp(-s) it does not run into 1 in
    single precision when a dozen sure parts agree, which would make the best boxes equal.

    Args:
        votes: Of one election.
        evidence: Of the set.
        agreement: IoU from which boxes speak of the same face.

    Returns:
        As `as_boxes`, clipped to the image; no more of one image than a detector may store.
    """
    groups = group_votes(votes.image, votes.boxes, votes.confidence, agreement)
    support = groups.support[groups.of_vote]
    order = np.lexsort((np.arange(len(support)), -support, votes.voter))
    counts = np.zeros(len(order), np.bool_)
    counts[order[np.diff(votes.voter[order], prepend=-1) != 0]] = True
    if not counts.all():
        votes = votes.only(counts)
        groups = group_votes(votes.image, votes.boxes, votes.confidence, agreement)
    boxes = np.clip(groups.boxes, 0, np.tile(evidence.sizes()[groups.image], 2))
    inside = (boxes[:, 2:] - boxes[:, :2] >= SMALLEST_SIDE).all(axis=1)
    image, boxes, support = groups.image[inside], boxes[inside], groups.support[inside]
    stays = suppress(image, boxes, evidence.nms_iou)
    # Images rise, and of an image the best stand first.
    rows = np.flatnonzero(stays)
    rows = rows[np.arange(len(rows)) - np.searchsorted(image[rows], image[rows]) < MOST_BOXES]
    return as_boxes(evidence, image[rows], boxes[rows], support[rows] / (1 + support[rows]))


def as_boxes(evidence: Evidence, image: Ints, boxes: Floats, confidence: Floats) -> pd.DataFrame:
    """Whole-face boxes as stored predictions have them.

    Args:
        evidence: Of the set.
        image: int64 (N,), row of its images.
        boxes: float64 (N, 4) x1 y1 x2 y2, pixels.
        confidence: float64 (N,), from 0 to 1.

    Returns:
        Columns image, class, class_id, confidence, x1 y1 x2 y2.
    """
    return pd.DataFrame(
        {
            "image": evidence.images["image"].to_numpy(object)[image],
            "class": CLASS_NAMES[WHOLE_FACE],
            "class_id": np.int64(WHOLE_FACE),
            "confidence": confidence.astype(np.float32),
            **{corner: boxes[:, place].astype(np.float32) for place, corner in enumerate(CORNERS)},
        }
    )


def _votes(found: pd.DataFrame, boxes: Floats, voter: Ints, evidence: Evidence) -> Votes:
    """Votes of the rows `found` for `boxes`."""
    row_of_image = evidence.row_of_image()
    image = np.array([row_of_image[name] for name in found["image"]], np.int64)
    return Votes(image, boxes, found["confidence"].to_numpy(np.float64), voter)


def _joined(several: Sequence[Votes]) -> Votes:
    """Votes one after the other, each by the voter that it names."""
    return Votes(*(np.concatenate([getattr(votes, field.name) for votes in several]) for field in fields(Votes)))
