"""What a rival of the heatmap detectors is: evidence in, whole-face boxes out, nothing trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from uncover.rescue.evidence import Evidence

Group = Literal["rival", "variant", "ours"]


@dataclass(frozen=True)
class Rival:
    """A way to propose faces.

    Attributes:
        propose: From evidence to whole-face boxes of every image, with the columns of stored predictions.
        group: "rival", "variant" for what looks at heatmaps, or "ours" for what this project adds.
        title: In tables.
        needs_looks: Whether it has nothing to say without further predictions at other input sizes.
        needs_maps: Whether it has nothing to say without heatmaps.
    """

    propose: Callable[[Evidence], pd.DataFrame]
    group: Group
    title: str
    needs_looks: bool = False
    needs_maps: bool = False

    def can_propose(self, evidence: Evidence) -> bool:
        """Whether there is all that it needs."""
        return bool(evidence.looks or not self.needs_looks) and (evidence.maps is not None or not self.needs_maps)
