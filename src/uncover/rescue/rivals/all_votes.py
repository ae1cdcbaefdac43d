"""Ours: whole-face boxes of both RGB detectors and the votes of the parts, in one election."""

from __future__ import annotations

import pandas as pd

from uncover.rescue import votes
from uncover.rescue.evidence import Evidence


def propose(evidence: Evidence) -> pd.DataFrame:
    """What all boxes of rgb10 and rgb1 vote for."""
    cast = votes.together(
        votes.whole_face_votes(evidence.rgb10, evidence),
        votes.whole_face_votes(evidence.rgb1, evidence),
        votes.part_votes(evidence),
    )
    return votes.elect(cast, evidence)
