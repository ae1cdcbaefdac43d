"""Rival a + b: the first detector's whole-face boxes vote beside those of its parts."""

from __future__ import annotations

import pandas as pd

from uncover.rescue import votes
from uncover.rescue.evidence import Evidence


def propose(evidence: Evidence) -> pd.DataFrame:
    """What all boxes of rgb10 vote for."""
    cast = votes.together(votes.whole_face_votes(evidence.rgb10, evidence), votes.part_votes(evidence))
    return votes.elect(cast, evidence)
