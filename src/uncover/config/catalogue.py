"""The data sets that are known by name, the layouts that are read, and what figures may show of photos: a row each.

A data set of somebody's own is an entry of the config, `data_sets`, in one of these layouts; whom to ask for the known
ones stands in `uncover.data.sources`, on which no result depends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Privacy = Literal["pixelate", "blur", "whole-frame", "publish"]
LEAVE_OUT = "leave-out"
HIDE_ALL = "hide-all"
FigurePrivacy = Literal[Privacy, "leave-out", "hide-all"]
"""In a figure a photo need not be shown at all; or none of anybody may be recognised."""

LandmarkLayout = Literal["wflw", "merl_rav", "300w"]
FrameLayout = Literal["graded", "yolo", "coco", "voc", "images"]
LANDMARK_LAYOUTS: tuple[str, ...] = get_args(LandmarkLayout)
"""Faces with landmarks, from which boxes of ten parts are made."""
FRAME_LAYOUTS: tuple[str, ...] = get_args(FrameLayout)
"""Images with boxes of whole faces; `images` has none, and `graded` may have any of the annotations."""
Layout = Literal[LandmarkLayout, FrameLayout]
LAYOUTS: tuple[str, ...] = get_args(Layout)

Grade = Literal["none", "easy", "medium", "hard"]
GRADES: tuple[Grade, ...] = get_args(Grade)
"""Of occlusion."""

FURTHER_RAW = ("aflw", "videos")
"""Raw data that makes no set of its own: MERL-RAV's photos, and videos with true boxes."""
TRAINING_SETS = ("train", "val")
"""Sets that photos of several sources make."""


@dataclass(frozen=True)
class CatalogueEntry:
    """A raw data set that the thesis used.

    Attributes:
        title: As the thesis's tables print it.
        layout: One of `LAYOUTS`.
        test_set: Set that its test photos or frames make; where it is graded, the begin of a set's name per grade.
        graded: Its frames make a set per grade of occlusion.
        labelled: Its sets have boxes to score against.
        patients: It shows patients, of whom nothing is shown that `report.privacy` hides.
        tried: Our own detectors look for missed faces in it; ready-made ones do in any set.
        size: Photos in the thesis (tables 1 and 10, section 3.1) by set; with landmarks, faces of the download by "".
    """

    title: str
    layout: str
    test_set: str
    graded: bool = False
    labelled: bool = True
    patients: bool = False
    tried: bool = True
    size: Mapping[str, int] = field(default_factory=dict)

    @property
    def has_landmarks(self) -> bool:
        return self.layout in LANDMARK_LAYOUTS


CATALOGUE: Mapping[str, CatalogueEntry] = {
    "wflw": CatalogueEntry("WFLW", "wflw", "wflw", size={"": 10_000}),
    "merl_rav": CatalogueEntry("MERL RAV", "merl_rav", "merl", size={"": 19_314}),
    "hof": CatalogueEntry("Hand Over Face", "images", "hof", labelled=False, size={"hof": 4384}),
    "slapi": CatalogueEntry(
        "SLAPI",
        "graded",
        "slapi",
        graded=True,
        patients=True,
        size={"slapi_none": 10, "slapi_easy": 64, "slapi_medium": 203, "slapi_hard": 210},
    ),
    "preterm_web": CatalogueEntry(
        "Preterm infants of the web",
        "graded",
        "preterm_web",
        labelled=False,
        patients=True,
        tried=False,
        size={"preterm_web": 12},
    ),
}
"""By source: the key of its folder in the section `raw`."""


def known_names() -> frozenset[str]:
    """Names of sources and sets that a data set of somebody's own may not have."""
    graded = (f"{name}_{grade}" for name, known in CATALOGUE.items() if known.graded for grade in GRADES)
    tests = (known.test_set for known in CATALOGUE.values())
    return frozenset([*CATALOGUE, *FURTHER_RAW, *TRAINING_SETS, "test", *tests, *graded])


def title_of(source: str) -> str:
    """What tables call a source: a data set of somebody's own has its own name."""
    return CATALOGUE[source].title if source in CATALOGUE else source


def name_of_test_set(source: str) -> str:
    """Name of the set that the test photos of a source make."""
    return CATALOGUE[source].test_set if source in CATALOGUE else source
