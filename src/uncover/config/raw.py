"""Raw data: folders of downloaded data sets, or synthetic data."""

from __future__ import annotations

import re
from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from uncover.config.catalogue import CATALOGUE, GRADES, Grade
from uncover.config.values import Section

BlockKind = Literal["block", "infant", "person", "video"]


class NameBlocks(Section):
    """Photos that belong together, identified by file name."""

    kind: BlockKind = Field(description="What a block is: an infant, a person, a video, or any other unit (`block`).")
    name: str = Field(
        description="Regular expression that matches the beginning of file names. Photos with the same match "
        "form one block."
    )
    every: PositiveInt | None = Field(
        None,
        description="Size of a block if the match is followed by a number: `40` puts numbers 0 to 39 into "
        "one block, 40 to 79 into the next. `null`: no number follows.",
    )

    @model_validator(mode="after")
    def _is_an_expression(self) -> Self:
        try:
            re.compile(self.name)
        except re.error as error:
            raise ValueError(f"name: {self.name!r} is not a regular expression: {error}") from None
        return self


class Raw(Section):
    """Folders of raw data. A data set that is null is skipped, with its sets and table rows."""

    hint: ClassVar[str] = "to add your own data set, use data_sets"

    synthetic: bool = Field(
        False, description="Generate synthetic raw data in the layouts below instead of reading downloaded data sets."
    )
    folder: str = Field(
        "data/raw", description="Base folder of the paths below. A relative path is relative to the working folder."
    )
    watch: Literal["sizes", "names"] = Field(
        "sizes",
        description="How changes of raw data are detected before each run: `sizes` compares names and sizes "
        "of all files; `names` compares names only, which is faster for millions of files.",
    )
    wflw: str | None = Field(None, description="Official WFLW download, with `WFLW_images/` and `WFLW_annotations/`.")
    merl_rav: str | None = Field(
        None, description="MERL-RAV, as organised tree or as label tree. The label tree also requires `aflw`."
    )
    aflw: str | None = Field(
        None, description="AFLW photos (`flickr/0`, `flickr/2`, `flickr/3`), to which the MERL-RAV label tree refers."
    )
    hof: str | None = Field(None, description="Hand Over Face: a folder of images.")
    slapi: str | None = Field(
        None, description="SLAPI or other images graded by occlusion: `<grade>/images/`, `<grade>/labels/`."
    )
    preterm_web: str | None = Field(None, description="Photos of preterm infants from the web. Boxes are optional.")
    videos: str | None = Field(
        None,
        description="Videos, each with a CSV file of the same name that has its true boxes. Videos without "
        "one are ignored. `infants.csv` (`video,infant`) assigns videos to infants.",
    )
    grades: dict[Grade, str | tuple[str, ...]] = Field(
        {grade: grade for grade in GRADES},
        description="Folder of each grade of occlusion in `slapi`. Or lists of words from `classes/`, a "
        "folder beside `labels/` with one word per box: a photo gets the hardest grade of its "
        "boxes, or the easiest if it has no box.",
    )
    blocks: dict[str, NameBlocks] = Field(
        {},
        description="Photos that belong together (same infant, person or video), by key of this section, e.g. `slapi`.",
    )

    @model_validator(mode="after")
    def _grades_are_folders_or_words(self) -> Self:
        listed = [not isinstance(value, str) for value in self.grades.values()]
        if any(listed) and not all(listed):
            raise ValueError("grades: expected a folder for each grade, or a list of words for each grade")
        if self.grades and all(listed):
            words = [word for value in self.grades.values() for word in value]
            if len(words) != len(set(words)) or not all(self.grades.values()):
                raise ValueError("grades: expected at least one word per grade, and each word only once")
        unknown = sorted(set(self.blocks) - set(CATALOGUE))
        if unknown:
            raise ValueError(
                f"blocks: {unknown[0]} is not a data set of images; expected one of {', '.join(CATALOGUE)}"
            )
        return self


class Parts(Section):
    """Number of synthetic photos in the official parts."""

    train: PositiveInt = Field(description="Photos in the official training part.")
    test: PositiveInt = Field(description="Photos in the official test part.")


class Grades(Section):
    """Number of synthetic images per grade of occlusion."""

    none: NonNegativeInt = Field(10, description="Images without occlusion.")
    easy: NonNegativeInt = Field(64, description="Images with easy occlusion.")
    medium: NonNegativeInt = Field(203, description="Images with medium occlusion.")
    hard: NonNegativeInt = Field(210, description="Images with hard occlusion.")


class Videos(Section):
    """Synthetic videos."""

    infants: NonNegativeInt = Field(0, description="Number of videos, one infant each. `0`: none.")
    seconds: PositiveInt = Field(12, description="Length of each video in seconds.")
    rate: PositiveInt = Field(5, description="Frames per second.")


class Synthetic(Section):
    """Size and content of the synthetic raw data."""

    seed: NonNegativeInt = Field(0, description="Random seed. The same seed gives identical files.")
    size: int = Field(320, ge=64, description="Longest side of an image in pixels.")
    wflw: Parts = Field(Parts(train=200, test=100), description="Number of photos in the WFLW layout.")
    merl_rav: Parts = Field(Parts(train=200, test=100), description="Number of photos in the MERL-RAV layout.")
    hof: PositiveInt = Field(50, description="Number of images in the Hand Over Face layout.")
    slapi: Grades = Field(Grades(), description="Number of images in the SLAPI layout.")
    preterm_web: PositiveInt = Field(12, description="Number of images of infants in the layout of `raw.preterm_web`.")
    harder: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of test photos that are harder than any training photo: faces behind bars, books "
        "or hands; infants at night, in any orientation.",
    )
    videos: Videos = Field(Videos(), description="Videos with one true box per frame.")
