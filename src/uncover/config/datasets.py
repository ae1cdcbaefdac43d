"""How labels are made from landmarks, and who goes into which set."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt

from uncover.config.section import Section


class Merge(Section):
    """Whether the faces of one photo share one label file."""

    wflw: bool = Field(True, description="faces of one photo in one label file")
    merl_rav: bool = Field(True, description="faces of one photo in one label file")


class Labels(Section):
    """Rules for part boxes (thesis section 4.1)."""

    parts: Literal["corrected", "released"] = Field(
        "corrected",
        description="rule for part boxes; `released` repeats the published scripts, errors included",
    )
    outside: Literal["clip", "drop", "drop_as_yolov5"] = Field(
        "clip",
        description="boxes that leave the image: clip them, drop the photo, or drop it as YOLOv5's loader does "
        "(centre or size outside [0, 1])",
    )
    merge: Merge = Field(Merge(), description="faces of one photo in one label file, per raw data set")


class Wishes(Section):
    """Photos wanted per set; null takes all there are."""

    train: NonNegativeInt | None = Field(
        None, description="photos wanted, from the official train part; null takes what is left"
    )
    val: NonNegativeInt | None = Field(
        None, description="photos wanted, from the official test part; null takes what is left"
    )
    test: NonNegativeInt | None = Field(
        None, description="photos wanted, from the official test part; null takes what is left"
    )


class Splits(Section):
    """Splits by photo (thesis table 2)."""

    procedure: Literal["by_photo", "released"] = Field(
        "by_photo",
        description="`by_photo` never puts a photo into two sets; `released` follows the published scripts",
    )
    seed: NonNegativeInt = Field(0, description="order in which photos are drawn")
    strict: bool = Field(False, description="make a set that falls short of its wish an error, not a footnote")
    poses: tuple[Literal["frontal", "left", "lefthalf", "right", "righthalf"], ...] = Field(
        ("frontal", "lefthalf", "righthalf"),
        description="MERL-RAV: photos with at least one face of these poses",
    )
    exclude: str | None = Field(None, description="file of photo ids, one a line, that may not stand in val or test")
    wflw: Wishes = Field(Wishes(), description="photos per set of WFLW")
    merl_rav: Wishes = Field(Wishes(), description="photos per set of MERL-RAV")
