"""Ours: one detector looks at the photo at several sizes of its input; what is seen again counts more.

Faces too small for one size are large enough at the next, and what one size alone shows is more often no face. The
parts and the first detector have no vote here: on real photos they added more false boxes than faces.
"""

from __future__ import annotations

import pandas as pd

from uncover.rescue import votes
from uncover.rescue.evidence import Evidence


def propose(evidence: Evidence) -> pd.DataFrame:
    """What the whole-face boxes of all looks vote for."""
    looks = evidence.looks.values()
    return votes.elect(votes.together(*(votes.whole_face_votes(look, evidence) for look in looks)), evidence)
