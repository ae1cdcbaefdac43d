"""Rival c: the detector that knows the whole face only, on the photo itself."""

from __future__ import annotations

import pandas as pd

from uncover.parts.classes import WHOLE_FACE
from uncover.rescue.evidence import Evidence


def propose(evidence: Evidence) -> pd.DataFrame:
    """Whole-face boxes of rgb1 as they are stored."""
    boxes = evidence.rgb1.boxes
    return boxes[boxes["class_id"] == WHOLE_FACE]
