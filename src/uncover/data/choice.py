"""Select frames and boxes of a folder: by a list of frames, by words for the boxes, by size.

Beside `images/` and `labels/`, a folder `classes/` may contain a text file with the name of each label file, with one
word per row for each box: open, covered, mask, occ1 and the like. `a+b` means two words.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from uncover.data.faces import FrameFaces, Rejected, RowError
from uncover.errors import InputError
from uncover.text_files import read_text

logger = logging.getLogger(__name__)

WORDS = "classes"
"""Folder of words beside `labels/`."""


@dataclass(frozen=True)
class Choice:
    """Which frames and boxes of a folder are used.

    Attributes:
        only: File in the folder that lists the frames to use, one name per line; None uses all.
        words: Boxes with other words are ignored: they count neither as missed nor as false. Empty: use all.
        smallest: Boxes whose shorter side is below this many pixels are ignored.
        grades: Words by grade, the easiest first. A frame has the hardest grade of its boxes, or the easiest grade
            if it has no box. Empty: folders are grades.
    """

    only: str | None = None
    words: Sequence[str] = ()
    smallest: int = 1
    grades: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def needs_words(self) -> bool:
        return bool(self.words or self.grades)

    def read(self, files: Iterable[Path], root: Path) -> list[Path]:
        """Files below a folder that define the choice, whether or not they are used."""
        return [
            path
            for path in files
            if WORDS in path.relative_to(root).parts[:-1] or (self.only is not None and path == root / self.only)
        ]


def read_grades(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Parse words by grade, each given as `grade=word,word`.

    Raises:
        InputError: A grade has no word or occurs twice, or a word belongs to two grades.
    """
    grades: dict[str, tuple[str, ...]] = {}
    for text in words:
        grade, _, listed = text.partition("=")
        own = tuple(word for word in listed.split(",") if word)
        if not grade or not own or grade in grades:
            raise InputError(f"--grade-words {text}: expected GRADE=WORD,..., each grade once")
        if taken := sorted(set(own) & {word for others in grades.values() for word in others}):
            raise InputError(f"--grade-words {text}: {taken[0]} is also a word of another grade; expected one")
        grades[grade] = own
    return grades


def choose_frames(
    items: Iterable[FrameFaces | Rejected], root: Path, choice: Choice, grade: str | None = None
) -> Iterator[FrameFaces | Rejected]:
    """Yield the chosen frames. Ignored boxes are marked, and grades are set if they depend on words.

    Args:
        items: Output of a reader.
        root: Folder that was read.
        choice: Which frames and boxes to use.
        grade: Yield only frames of this grade, if words define grades.

    Raises:
        InputError: The list or the grade does not exist, or no listed frame exists.
    """
    if grade is not None and choice.grades and grade not in choice.grades:
        raise InputError(f"{root}: no words define the grade '{grade}'; expected one of {', '.join(choice.grades)}")
    listed = None if choice.only is None else _read_list(root / choice.only)
    met: set[str] = set()
    left_out = 0
    for item in items:
        if isinstance(item, FrameFaces):
            names = {item.photo, item.image.name, item.image.stem}
            if listed is not None and not names & listed:
                left_out += 1
                continue
            met |= names
            if choice.needs_words:
                try:
                    item = _by_words(item, root, choice)
                except RowError as error:
                    item = Rejected(item.annotation, error.row, item.photo, "malformed_words", str(error))
        if not (isinstance(item, FrameFaces) and choice.grades and grade not in (None, item.grade)):
            yield item
    if listed is not None:
        _tell_list(root, str(choice.only), listed, met, left_out)


def _tell_list(root: Path, name: str, listed: set[str], met: set[str], left_out: int) -> None:
    if not listed & met:
        raise InputError(f"{root / name}: none of the {len(listed)} listed images is in {root}")
    if left_out:
        logger.info(f"note: {root}: left out {left_out} images that {name} does not list")
    if absent := sorted(listed - met):
        logger.info(f"note: {root / name}: {len(absent)} of the listed images do not exist, such as {absent[0]}")


def _read_list(path: Path) -> set[str]:
    try:
        return {line.strip() for line in read_text(path).splitlines() if line.strip()}
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; expected a list of images, one file name per line") from None


def _by_words(frame: FrameFaces, root: Path, choice: Choice) -> FrameFaces:
    """Apply the words of the boxes of a frame.

    Raises:
        RowError: The number of words differs from the number of boxes, or a word belongs to no grade.
    """
    boxes = 0 if frame.boxes is None else len(frame.boxes)
    rows = _read_words(root / frame.annotation) if boxes else []
    if len(rows) != boxes:
        raise RowError(0, f"{len(rows)} rows in {WORDS}/ for {boxes} boxes; expected one word for each")
    grade = frame.grade
    if choice.grades:
        hardness = {word: place for place, words in enumerate(choice.grades.values()) for word in words}
        unknown = [(number, word) for number, row in enumerate(rows, 1) for word in row if word not in hardness]
        if unknown:
            row, word = unknown[0]
            raise RowError(row, f"the word '{word[:40]}' belongs to no grade; known: {', '.join(hardness)}")
        hardest = max((hardness[word] for row in rows for word in row), default=0)
        grade = list(choice.grades)[hardest]
    ignored = np.array([bool(choice.words) and not set(row) & set(choice.words) for row in rows], np.bool_)
    return dataclasses.replace(frame, grade=grade, ignored=ignored)


def _read_words(label: Path) -> list[list[str]]:
    """Words of each box of a label file; empty without a file of words."""
    parts = list(label.parts)
    last = max((place for place, part in enumerate(parts[:-1]) if part.lower() == "labels"), default=None)
    if last is None:
        raise RowError(0, f"is not in a folder labels/; expected one, with {WORDS}/ beside it")
    parts[last] = WORDS
    path = Path(*parts)
    if not path.is_file():
        return []
    return [line.strip().split("+") for line in read_text(path, "replace").splitlines() if line.strip()]
