"""Rival b: boxes of nine facial parts throw whole-face boxes, and those that agree add their confidences."""

from __future__ import annotations

import pandas as pd

from uncover.rescue import votes
from uncover.rescue.evidence import Evidence


def propose(evidence: Evidence) -> pd.DataFrame:
    """What the parts that rgb10 found vote for; its whole-face boxes have no say."""
    return votes.elect(votes.part_votes(evidence), evidence)
