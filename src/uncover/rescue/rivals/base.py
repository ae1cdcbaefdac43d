"""What a rival of the heatmap detectors is: evidence in, whole-face boxes out, nothing trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from uncover.rescue.evidence import Evidence

Group = Literal["rival", "ours"]


@dataclass(frozen=True)
class Rival:
    """A way to propose faces.

    Attributes:
        propose: From evidence to whole-face boxes of every image, with the columns of stored predictions.
        group: "rival", or "ours" for what this project adds.
        title: In tables.
        needs_looks: Whether it has nothing to say without further predictions at other input sizes.
    """

    propose: Callable[[Evidence], pd.DataFrame]
    group: Group
    title: str
    needs_looks: bool = False
