"""Which frames of a folder count, and which of their boxes: by a list of frames, by words beside the boxes, by size.

Beside `images/` and `labels/` a folder `classes/` may have a text file of the same name for each label file, with one
word a row for each of its boxes: open, covered, mask, occ1 and the like. `a+b` are two words.
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
    """What of a folder of frames counts.

    Attributes:
        only: File in the folder that lists the frames that count, a name a line; None: all do.
        words: Boxes of other words are ignored: neither to be found nor wrong to find. Empty: all count.
        smallest: Boxes whose shorter side is below so many pixels are ignored.
        grades: Words by grade, the easiest first: a frame has the hardest grade of its boxes, and without a box the
            easiest. Empty: folders are grades.
    """

    only: str | None = None
    words: Sequence[str] = ()
    smallest: int = 1
    grades: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def needs_words(self) -> bool:
        return bool(self.words or self.grades)

    def read(self, files: Iterable[Path], root: Path) -> list[Path]:
        """Those of the files below a folder that say what counts, or would if they were asked."""
        return [
            path
            for path in files
            if WORDS in path.relative_to(root).parts[:-1] or (self.only is not None and path == root / self.only)
        ]


def read_grades(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Words by grade, of `grade=word,word` each.

    Raises:
        InputError: A grade has no word, or stands twice, or a word is of two grades.
    """
    grades: dict[str, tuple[str, ...]] = {}
    for text in words:
        grade, _, listed = text.partition("=")
        own = tuple(word for word in listed.split(",") if word)
        if not grade or not own or grade in grades:
            raise InputError(f"--grade-words {text}: expected GRADE=WORD,..., each grade once")
        if taken := sorted(set(own) & {word for others in grades.values() for word in others}):
            raise InputError(f"--grade-words {text}: {taken[0]} is the word of another grade, too; expected one")
        grades[grade] = own
    return grades


def choose_frames(
    items: Iterable[FrameFaces | Rejected], root: Path, choice: Choice, grade: str | None = None
) -> Iterator[FrameFaces | Rejected]:
    """Those frames that count, their boxes marked where these are ignored, their grade by words where these give it.

    Args:
        items: What a reader yields.
        root: Folder that was read.
        choice: What counts.
        grade: Where words are grades, frames of this grade alone.

    Raises:
        InputError: There is no such list or no such grade, or no frame that is listed.
    """
    if grade is not None and choice.grades and grade not in choice.grades:
        raise InputError(f"{root}: no words for the grade '{grade}'; expected one of {', '.join(choice.grades)}")
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
        raise InputError(f"{root / name}: none of the {len(listed)} images that it lists is in {root}")
    if left_out:
        logger.info(f"note: {root}: {left_out} images stay out, as {name} does not list them")
    if absent := sorted(listed - met):
        logger.info(f"note: {root / name}: {len(absent)} of the images that it lists do not exist, such as {absent[0]}")


def _read_list(path: Path) -> set[str]:
    try:
        return {line.strip() for line in read_text(path).splitlines() if line.strip()}
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; expected a list of images, a file name a line") from None


def _by_words(frame: FrameFaces, root: Path, choice: Choice) -> FrameFaces:
    """The frame with what the words of its boxes say.

    Raises:
        RowError: There is not a word for each box, or a word is of no grade.
    """
    boxes = 0 if frame.boxes is None else len(frame.boxes)
    rows = _read_words(root / frame.annotation) if boxes else []
    if len(rows) != boxes:
        raise RowError(0, f"{len(rows)} rows in {WORDS}/ for {boxes} boxes; expected a word for each")
    grade = frame.grade
    if choice.grades:
        hardness = {word: place for place, words in enumerate(choice.grades.values()) for word in words}
        unknown = [(number, word) for number, row in enumerate(rows, 1) for word in row if word not in hardness]
        if unknown:
            row, word = unknown[0]
            raise RowError(row, f"the word '{word[:40]}' is of no grade; known: {', '.join(hardness)}")
        hardest = max((hardness[word] for row in rows for word in row), default=0)
        grade = list(choice.grades)[hardest]
    ignored = np.array([bool(choice.words) and not set(row) & set(choice.words) for row in rows], np.bool_)
    return dataclasses.replace(frame, grade=grade, ignored=ignored)


def _read_words(label: Path) -> list[list[str]]:
    """Words of each box of a label file; nothing where there is no such file."""
    parts = list(label.parts)
    last = max((place for place, part in enumerate(parts[:-1]) if part.lower() == "labels"), default=None)
    if last is None:
        raise RowError(0, f"stands in no folder labels/, beside which {WORDS}/ would have its words")
    parts[last] = WORDS
    path = Path(*parts)
    if not path.is_file():
        return []
    return [line.strip().split("+") for line in read_text(path, "replace").splitlines() if line.strip()]
