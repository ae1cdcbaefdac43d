"""Catalogue of the data sets of the thesis, of layouts and of privacy settings.

Users add their own data sets in the config section `data_sets`, in one of these layouts. `uncover.data.sources` lists
where to request the data sets of the thesis; no result depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Privacy = Literal["pixelate", "blur", "whole-frame", "publish"]
LEAVE_OUT = "leave-out"
HIDE_ALL = "hide-all"
FigurePrivacy = Literal[Privacy, "leave-out", "hide-all"]
"""Figures can also omit photos of patients, or hide all photos."""

LandmarkLayout = Literal["wflw", "merl_rav", "300w"]
FrameLayout = Literal["graded", "yolo", "coco", "voc", "images"]
LANDMARK_LAYOUTS: tuple[str, ...] = get_args(LandmarkLayout)
"""Layouts with landmarks, from which boxes of ten parts are computed."""
FRAME_LAYOUTS: tuple[str, ...] = get_args(FrameLayout)
"""Layouts with boxes of whole faces. `images` has none; `graded` accepts any of these annotations."""
Layout = Literal[LandmarkLayout, FrameLayout]
LAYOUTS: tuple[str, ...] = get_args(Layout)

Grade = Literal["none", "easy", "medium", "hard"]
GRADES: tuple[Grade, ...] = get_args(Grade)
"""Grades of occlusion."""

FURTHER_RAW = ("aflw", "videos")
"""Raw data without a set of its own: photos of MERL-RAV, and videos with true boxes."""
TRAINING_SETS = ("train", "val")
"""Sets that combine photos of several sources."""


@dataclass(frozen=True)
class CatalogueEntry:
    """A raw data set that the thesis used.

    Attributes:
        title: Name in the tables of the thesis.
        layout: One of `LAYOUTS`.
        test_set: Name of its test set. If `graded`, prefix of the names of its sets.
        graded: Whether it has one set per grade of occlusion.
        labelled: Whether its sets have boxes to score against.
        patients: Whether it shows patients. `report.privacy` applies to these.
        tried: Whether the detectors of the run search it for missed faces. Baseline detectors run on every set.
        size: Number of photos in the thesis (tables 1 and 10, section 3.1), by set. For data sets with landmarks,
            number of faces in the download, under the key "".
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
"""By source, which is the key of the folder in the section `raw`."""


def known_names() -> frozenset[str]:
    """Names of sources and sets, which cannot be used for entries of `data_sets`."""
    graded = (f"{name}_{grade}" for name, known in CATALOGUE.items() if known.graded for grade in GRADES)
    tests = (known.test_set for known in CATALOGUE.values())
    return frozenset([*CATALOGUE, *FURTHER_RAW, *TRAINING_SETS, "test", *tests, *graded])


def title_of(source: str) -> str:
    """Name of a source in tables. Entries of `data_sets` keep their names."""
    return CATALOGUE[source].title if source in CATALOGUE else source


def name_of_test_set(source: str) -> str:
    """Name of the test set of a source."""
    return CATALOGUE[source].test_set if source in CATALOGUE else source
