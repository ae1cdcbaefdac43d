"""Where raw data comes from: folders of downloads, or synthetic data."""

from __future__ import annotations

import re
from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from uncover.config.catalogue import CATALOGUE, GRADES, Grade
from uncover.config.values import Section

BlockKind = Literal["block", "infant", "person", "video"]


class NameBlocks(Section):
    """Photos that belong together, told by their names."""

    kind: BlockKind = Field(description="what a block is: infant, person, video, or block for anything else")
    name: str = Field(
        description="regular expression of what a photo's file name begins with: photos that share it are one block"
    )
    every: PositiveInt | None = Field(
        None,
        description="a number follows it, and so many neighbouring numbers, from 0 on, are one block; null: none does",
    )

    @model_validator(mode="after")
    def _is_an_expression(self) -> Self:
        try:
            re.compile(self.name)
        except re.error as error:
            raise ValueError(f"name: {self.name!r} is no regular expression: {error}") from None
        return self


class Raw(Section):
    """Folders of raw data; null where a data set is not at hand, and then its sets and rows are not made."""

    hint: ClassVar[str] = "a data set of your own is an entry of data_sets"

    synthetic: bool = Field(False, description="make synthetic raw data in these layouts instead of reading downloads")
    folder: str = Field("data/raw", description="folder that the paths below are relative to")
    watch: Literal["sizes", "names"] = Field(
        "sizes",
        description="what of raw data is looked at before each run, to notice changes: names and sizes of all files, or"
        " names alone, which is seven times as fast and matters from a million files on",
    )
    wflw: str | None = Field(None, description="official WFLW download: WFLW_images/, WFLW_annotations/")
    merl_rav: str | None = Field(None, description="MERL-RAV, as the organised tree or the label tree")
    aflw: str | None = Field(None, description="AFLW's photos (flickr/0, 2, 3), which the MERL-RAV label tree needs")
    hof: str | None = Field(None, description="Hand Over Face: a folder of frames")
    slapi: str | None = Field(None, description="SLAPI or other graded frames: <grade>/images, <grade>/labels")
    preterm_web: str | None = Field(None, description="photos of preterm infants from the web, boxes optional")
    videos: str | None = Field(
        None,
        description="videos, and beside each a CSV of the same name with its true boxes; others are not looked at;"
        " infants.csv (video,infant) says which show the same infant",
    )
    grades: dict[Grade, str | tuple[str, ...]] = Field(
        {grade: grade for grade in GRADES},
        description="folder of each grade of occlusion in `slapi`; or lists of words, which a folder classes/ beside"
        " labels/ has for each box: a photo has the hardest grade of its boxes, and without a box the easiest",
    )
    blocks: dict[str, NameBlocks] = Field(
        {}, description="by key of this section, such as slapi: which photos belong together, told by their names"
    )

    @model_validator(mode="after")
    def _grades_are_folders_or_words(self) -> Self:
        listed = [not isinstance(value, str) for value in self.grades.values()]
        if any(listed) and not all(listed):
            raise ValueError("grades: expected a folder for each grade, or a list of words for each")
        if self.grades and all(listed):
            words = [word for value in self.grades.values() for word in value]
            if len(words) != len(set(words)) or not all(self.grades.values()):
                raise ValueError("grades: expected one word or more for each grade, and each word once")
        unknown = sorted(set(self.blocks) - set(CATALOGUE))
        if unknown:
            raise ValueError(f"blocks: {unknown[0]} is no raw data of photos; expected some of {', '.join(CATALOGUE)}")
        return self


class Parts(Section):
    """Photos in the official parts of synthetic data."""

    train: PositiveInt = Field(description="photos of its official train part")
    test: PositiveInt = Field(description="photos of its official test part")


class Grades(Section):
    """Frames per grade of occlusion."""

    none: NonNegativeInt = Field(10, description="frames of this grade")
    easy: NonNegativeInt = Field(64, description="frames of this grade")
    medium: NonNegativeInt = Field(203, description="frames of this grade")
    hard: NonNegativeInt = Field(210, description="frames of this grade")


class Videos(Section):
    """Videos of the synthetic data."""

    infants: NonNegativeInt = Field(0, description="videos, each of one infant; 0 makes none")
    seconds: PositiveInt = Field(12, description="length of each")
    rate: PositiveInt = Field(5, description="frames per second")


class Synthetic(Section):
    """Sizes of the synthetic raw data."""

    seed: NonNegativeInt = Field(0, description="same seed, same bytes")
    size: int = Field(320, ge=64, description="longest side of a photo, in pixels")
    wflw: Parts = Field(Parts(train=200, test=100), description="photos of the WFLW-like set")
    merl_rav: Parts = Field(Parts(train=200, test=100), description="photos of the MERL-RAV-like set")
    hof: PositiveInt = Field(50, description="frames of the Hand-Over-Face-like set")
    slapi: Grades = Field(Grades(), description="frames of the SLAPI-like set")
    preterm_web: PositiveInt = Field(12, description="photos of the web-like set of infants")
    harder: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the test photos that are harder than any training photo: faces behind bars, books or"
        " hands; infants at night, any way up",
    )
    videos: Videos = Field(Videos(), description="videos with a true box in each frame")
