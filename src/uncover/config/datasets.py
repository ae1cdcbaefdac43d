"""How labels are made from landmarks, and who goes into which set."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from uncover.config.catalogue import LANDMARK_LAYOUTS, Layout
from uncover.config.raw import NameBlocks
from uncover.config.values import Section


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


class SplitSizes(Section):
    """Photos requested per set; null takes all there are."""

    train: NonNegativeInt | None = Field(
        None, description="photos requested, from the official train part; null takes what is left"
    )
    val: NonNegativeInt | None = Field(
        None, description="photos requested, from the official test part; null takes what is left"
    )
    test: NonNegativeInt | None = Field(
        None, description="photos requested, from the official test part; null takes what is left"
    )


class Splits(Section):
    """Splits by photo (thesis table 2)."""

    procedure: Literal["by_photo", "released"] = Field(
        "by_photo",
        description="`by_photo` never puts a photo into two sets; `released` follows the published scripts",
    )
    seed: NonNegativeInt = Field(0, description="order in which photos are drawn")
    strict: bool = Field(False, description="make a set with fewer photos than requested an error, not a footnote")
    poses: tuple[Literal["frontal", "left", "lefthalf", "right", "righthalf"], ...] = Field(
        ("frontal", "lefthalf", "righthalf"),
        description="MERL-RAV: photos with at least one face of these poses",
    )
    exclude: str | None = Field(None, description="file of photo ids, one a line, that may not stand in val or test")
    wflw: SplitSizes = Field(SplitSizes(), description="photos per set of WFLW")
    merl_rav: SplitSizes = Field(SplitSizes(), description="photos per set of MERL-RAV")


class DataSet(Section):
    """A data set of somebody's own."""

    path: str = Field(description="its folder, relative to raw.folder")
    layout: Layout = Field(
        description="wflw, merl_rav or 300w: landmarks, hence boxes of ten parts; graded, yolo, coco or voc:"
        " boxes of whole faces; images: frames that nobody annotated",
    )
    use: Literal["test", "train"] = Field(
        "test",
        description="test: all of it is a test set of this name; train: faces with landmarks join train and val as"
        " `split` says, and what it leaves for test is a test set of this name",
    )
    split: SplitSizes | None = Field(None, description="photos for train, val and test; needed by use: train")
    photos: str | None = Field(
        None, description="folder of the photos, where those do not stand with the landmarks, relative to raw.folder"
    )
    grade: str | None = Field(None, description="of graded frames, those of this grade only")
    classes: tuple[str, ...] = Field((), description="classes that are whole faces, where frames have several classes")
    only: str | None = Field(
        None, description="list of the frames that count, a file name a line, relative to the folder; null: all"
    )
    words: tuple[str, ...] = Field(
        (),
        description="of a folder classes/ beside labels/, with a word a box: faces of other words are ignored, found or"
        " not; empty: all count",
    )
    smallest: PositiveInt = Field(
        1, description="faces whose shorter side is below so many pixels are ignored, found or not"
    )
    blocks: NameBlocks | None = Field(
        None, description="which photos belong together, told by their names; null: by tables alone, such as blocks.csv"
    )

    @property
    def has_landmarks(self) -> bool:
        return self.layout in LANDMARK_LAYOUTS

    @model_validator(mode="after")
    def _says_what_its_layout_can_do(self) -> Self:
        expected = ", ".join(LANDMARK_LAYOUTS)
        if self.use == "train" and not self.has_landmarks:
            raise ValueError(
                f"use: train needs faces with landmarks (layout {expected}); {self.layout} has whole faces at most, and"
                " would teach the detector of ten parts that there are no others"
            )
        if self.use == "train" and self.split is None:
            raise ValueError(
                "use: train needs split: {train: N, val: N, test: N}, numbers of photos; null takes what is left"
            )
        if self.split is not None and self.use == "test":
            raise ValueError("split is for use: train; all of a test set is used")
        if self.split is not None and self.split.val is None and self.split.test is None:
            raise ValueError("split: one of val and test takes what the other leaves, so give a number for the other")
        if self.has_landmarks and (self.grade is not None or self.classes):
            raise ValueError(f"grade and classes are for frames; {self.layout} has neither")
        if self.photos is not None and not self.has_landmarks:
            raise ValueError(f"photos is for layouts with landmarks ({expected}); frames stand with their boxes")
        if self.has_landmarks and (self.only is not None or self.words or self.smallest > 1):
            raise ValueError(f"only, words and smallest are for frames; {self.layout} has faces with landmarks")
        if self.words and self.layout not in ("graded", "yolo"):
            raise ValueError(f"words is for layout yolo or graded, with a row a box in label files; not {self.layout}")
        if self.layout == "images" and self.smallest > 1:
            raise ValueError("smallest is for frames with boxes; layout images has none")
        if self.grade is not None and self.layout != "graded":
            raise ValueError(f"grade is for layout: graded; {self.layout} has none")
        return self
