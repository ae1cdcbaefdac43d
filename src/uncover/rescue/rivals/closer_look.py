"""Ours: the detector of the whole face looks at the photo at several sizes; what it sees again counts more.

Faces too small for one size of input are large enough in the next, and what only one size shows is more often no face.
"""

from __future__ import annotations

import pandas as pd

from uncover.rescue import votes
from uncover.rescue.evidence import Evidence


def propose(evidence: Evidence) -> pd.DataFrame:
    """What whole-face boxes of rgb1 and of all further looks vote for."""
    cast = [votes.whole_face_votes(look, evidence) for look in (evidence.rgb1, *evidence.looks.values())]
    return votes.elect(votes.together(*cast), evidence)
