"""One module per rival of the heatmap detectors, and `RIVALS`, which knows them by name. None is trained."""

from __future__ import annotations

from uncover.rescue.rivals import (
    all_votes,
    closer_look,
    constant_box,
    face_and_part_votes,
    heatmap_boxes,
    lower_threshold,
    one_class,
    part_votes,
)
from uncover.rescue.rivals.base import Rival

RIVALS: dict[str, Rival] = {
    "lower_threshold": Rival(lower_threshold.propose, "rival", "RGB 10 classes, lower threshold"),
    "part_votes": Rival(part_votes.propose, "rival", "Votes of the part boxes"),
    "face_and_part_votes": Rival(face_and_part_votes.propose, "rival", "Votes of whole-face and part boxes"),
    "one_class": Rival(one_class.propose, "rival", "RGB 1 class"),
    "constant_box": Rival(constant_box.propose, "rival", "One constant box"),
    "heatmap_boxes": Rival(heatmap_boxes.propose, "variant", "Boxes around heatmap regions", needs_maps=True),
    "all_votes": Rival(all_votes.propose, "ours", "Votes of both RGB models"),
    "closer_look": Rival(closer_look.propose, "ours", "A closer look, at several sizes", needs_looks=True),
}
