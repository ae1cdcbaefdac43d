"""Rival a: the first detector's own whole-face boxes, whatever their confidence."""

from __future__ import annotations

import pandas as pd

from uncover.parts.classes import WHOLE_FACE
from uncover.rescue.evidence import Evidence


def propose(evidence: Evidence) -> pd.DataFrame:
    """Whole-face boxes of rgb10 as they are stored."""
    boxes = evidence.rgb10.boxes
    return boxes[boxes["class_id"] == WHOLE_FACE]
