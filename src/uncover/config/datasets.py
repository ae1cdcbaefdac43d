"""Labels, splits and user data sets."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from uncover.config.catalogue import LANDMARK_LAYOUTS, Layout
from uncover.config.raw import NameBlocks
from uncover.config.values import Section


class Merge(Section):
    """Whether the faces of one photo are written to one label file."""

    wflw: bool = Field(True, description="Write the faces of one WFLW photo to one label file.")
    merl_rav: bool = Field(True, description="Write the faces of one MERL-RAV photo to one label file.")


class Labels(Section):
    """Rules for part boxes (thesis section 4.1)."""

    parts: Literal["corrected", "released"] = Field(
        "corrected",
        description="How part boxes are computed. `released` reproduces the scripts released with the "
        "thesis, including their errors.",
    )
    outside: Literal["clip", "drop", "drop_as_yolov5"] = Field(
        "clip",
        description="What to do with boxes that extend beyond the image: `clip` them, `drop` the photo, or "
        "`drop_as_yolov5`, which drops the photo if the centre or size is outside 0 to 1, like "
        "the loader of upstream YOLOv5.",
    )
    merge: Merge = Field(Merge(), description="Merge the faces of one photo into one label file, by data set.")


class SplitSizes(Section):
    """Number of photos per set; null uses all remaining photos."""

    train: NonNegativeInt | None = Field(
        None, description="Photos from the official training part. `null`: all remaining photos."
    )
    val: NonNegativeInt | None = Field(
        None, description="Photos from the official test part. `null`: all remaining photos."
    )
    test: NonNegativeInt | None = Field(
        None, description="Photos from the official test part. `null`: all remaining photos."
    )


class Splits(Section):
    """Assignment of photos to sets (thesis table 2)."""

    procedure: Literal["by_photo", "released"] = Field(
        "by_photo",
        description="`by_photo` assigns each photo to one set only. `released` reproduces the scripts "
        "released with the thesis.",
    )
    seed: NonNegativeInt = Field(0, description="Random seed of the order in which photos are drawn.")
    strict: bool = Field(
        False,
        description="Raise an error if a set gets fewer photos than requested. By default, the report has a footnote.",
    )
    poses: tuple[Literal["frontal", "left", "lefthalf", "right", "righthalf"], ...] = Field(
        ("frontal", "lefthalf", "righthalf"),
        description="Head poses of MERL-RAV to use. A photo is used if at least one face has one of them.",
    )
    exclude: str | None = Field(
        None, description="Text file with photo ids, one per line, to exclude from `val` and `test`."
    )
    wflw: SplitSizes = Field(SplitSizes(), description="Photos per set of WFLW.")
    merl_rav: SplitSizes = Field(SplitSizes(), description="Photos per set of MERL-RAV.")


class DataSet(Section):
    """A data set of the user."""

    path: str = Field(description="Folder of the data set, relative to `raw.folder`.")
    layout: Layout = Field(
        description="Layout of the annotations. `wflw`, `merl_rav` and `300w` have landmarks, from which "
        "boxes of ten parts are computed. `graded`, `yolo`, `coco` and `voc` have boxes of whole "
        "faces. `images` has no annotations.",
    )
    use: Literal["test", "train"] = Field(
        "test",
        description="`test`: all images form a test set of this name. `train`: photos join `train` and `val` "
        "as set in `split`, and the rest forms a test set of this name; requires landmarks.",
    )
    split: SplitSizes | None = Field(None, description="Photos per set. Required by `use: train`.")
    photos: str | None = Field(
        None,
        description="Folder of the photos, relative to `raw.folder`, if they are not in the folder of the landmarks.",
    )
    grade: str | None = Field(None, description="Use only the images of this grade. Layout `graded` only.")
    classes: tuple[str, ...] = Field(
        (), description="Classes that are whole faces, if the annotations have several classes."
    )
    only: str | None = Field(
        None,
        description="Text file with the names of the images to use, one per line, relative to the folder. "
        "`null`: all images.",
    )
    words: tuple[str, ...] = Field(
        (),
        description="Words of the faces to score. Other faces are ignored, whether found or not. Words are "
        "read from `classes/`, a folder beside `labels/` with one word per box. Empty: all faces.",
    )
    smallest: PositiveInt = Field(
        1, description="Shortest side in pixels. Smaller faces are ignored, whether found or not."
    )
    blocks: NameBlocks | None = Field(
        None,
        description="Photos that belong together (same infant, person or video), identified by file name. "
        "`null`: by tables such as `blocks.csv` only.",
    )

    @property
    def has_landmarks(self) -> bool:
        return self.layout in LANDMARK_LAYOUTS

    @model_validator(mode="after")
    def _settings_fit_the_layout(self) -> Self:
        expected = ", ".join(LANDMARK_LAYOUTS)
        if self.use == "train" and not self.has_landmarks:
            raise ValueError(
                f"use: train requires landmarks (layout {expected}); {self.layout} has boxes of whole faces at most, so"
                " the detector of ten parts cannot be trained on it. Use use: test"
            )
        if self.use == "train" and self.split is None:
            raise ValueError(
                "use: train requires split: {train: N, val: N, test: N}, the number of photos per set; null uses all"
                " remaining photos"
            )
        if self.split is not None and self.use == "test":
            raise ValueError("split requires use: train; a test set uses all images. Remove split")
        if self.split is not None and self.split.val is None and self.split.test is None:
            raise ValueError("split: val and test cannot both be null; give a number for one of them")
        if self.has_landmarks and (self.grade is not None or self.classes):
            raise ValueError(f"grade and classes require a layout without landmarks; remove them for {self.layout}")
        if self.photos is not None and not self.has_landmarks:
            raise ValueError(f"photos requires a layout with landmarks ({expected}); remove it for {self.layout}")
        if self.has_landmarks and (self.only is not None or self.words or self.smallest > 1):
            raise ValueError(
                f"only, words and smallest require a layout without landmarks; remove them for {self.layout}"
            )
        if self.words and self.layout not in ("graded", "yolo"):
            raise ValueError(f"words requires layout yolo or graded; remove it for {self.layout}")
        if self.layout == "images" and self.smallest > 1:
            raise ValueError("smallest requires boxes; remove it for images")
        if self.grade is not None and self.layout != "graded":
            raise ValueError(f"grade requires layout: graded; remove it for {self.layout}")
        return self
