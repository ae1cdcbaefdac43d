"""Names of the raw data sets, and of the sets made from them."""

from __future__ import annotations

SOURCE_NAMES = {"wflw": "WFLW", "merl_rav": "MERL RAV", "hof": "Hand Over Face"}
"""By source: the name that the thesis's tables print."""

TEST_SET_OF_SOURCE = {"wflw": "wflw", "merl_rav": "merl"}
"""By source with landmarks: the set that its test photos make."""
