"""Take what annotation tools say of picked frames into their folder, as a whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from uncover.atomic import new_folder
from uncover.data.annotations.annotated import NO_LABEL, Annotation, FrameState, Reading, look_up_frames
from uncover.data.annotations.cvat import read_cvat
from uncover.data.annotations.label_studio import read_label_studio
from uncover.data.faces import Rejected
from uncover.data.picked import FRAMES, UNGRADED, read_picked, write_boxes, write_frames
from uncover.data.sets import write_rejected
from uncover.errors import InputError
from uncover.owner import IMPORTS, MARKER

REJECTED = "rejected.csv"
READERS: dict[str, Callable[[Path, Mapping[str, FrameState], str], Reading]] = {
    ".xml": read_cvat,
    ".zip": read_cvat,
    ".json": read_label_studio,
}
"""By suffix of the file."""
ROUNDED = 0.02
"""Pixels within which a box is the same: tools write hundredths of pixels."""


@dataclass(frozen=True)
class ImportRecord:
    """What came of an import: a row of `imports.csv`. The frames of the folder are updated + spoilt + untouched.

    Attributes:
        file: Name of what was imported.
        sha256: Of its content.
        updated: Frames that came back: they have now the boxes and grade of the file, and count as reviewed.
        unchanged: Those of them whose boxes and grade are what the folder had, proposals included.
        moved: Those of them that moved to the folder of another grade.
        spoilt: Frames that stay as they are, because something of them cannot be used.
        untouched: Frames that stay as they are, because the file says nothing of them.
        rejected: Boxes, grades and images that cannot be used; `rejected.csv` lists them.
    """

    file: str
    sha256: str
    updated: int
    unchanged: int
    moved: int
    spoilt: int
    untouched: int
    rejected: int


def import_annotations(root: Path, file: Path, face: str) -> tuple[ImportRecord, list[Rejected]]:
    """Give frames the boxes and grades that a tool exported, and move them to the folder of their grade.

    Boxes of the file replace those of the folder. A frame of which it gives no grade keeps its own. One that comes back
    without boxes has no face, unless nobody can have said so: it has no grade, it went out without boxes, and the tool
    does not say that anybody was done with it.

    Args:
        root: Folder of picked frames.
        file: What CVAT (.xml, .zip) or Label Studio (.json) exported.
        face: Label of boxes of faces.

    Returns:
        What came of it, and what cannot be used.

    Raises:
        InputError: Either is none, or nothing of the file can be used. The folder is then as it was.
    """
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise InputError(f"{file}: expected what CVAT (.xml, .zip) or Label Studio (.json) exports")
    picked = read_picked(root)
    states = look_up_frames(root, picked)
    reading = reader(file, states, face)
    usable = {
        name: said
        for name, said in reading.annotations.items()
        if name not in reading.spoilt and not _is_waiting(said, states[name])
    }
    _refuse_useless(file, face, reading, usable)
    new = {
        name: replace(states[name].frame.graded(said.grade or states[name].frame.grade), reviewed=file.name)
        for name, said in usable.items()
    }
    moved = sum(frame.grade != states[name].frame.grade for name, frame in new.items())
    imported = ImportRecord(
        file.name,
        hashlib.sha256(file.read_bytes()).hexdigest(),
        len(usable),
        sum(_is_unchanged(said, states[name]) for name, said in usable.items()),
        moved,
        len(reading.spoilt),
        len(states) - len(usable) - len(reading.spoilt),
        len(reading.rejected),
    )
    with new_folder(root, "frames import") as folder:
        _carry_over(root, folder, states)
        for name, state in states.items():
            frame = new.get(name, state.frame)
            _place(root / state.frame.image, folder / frame.image)
            labels, proposals = state.frame.find_labels(root), state.frame.find_proposals(root)
            if name in usable:
                write_boxes(usable[name].boxes, state.size, folder / frame.label)
            elif labels is not None:
                _place(labels, folder / frame.label)
            if proposals is not None:
                _place(proposals, folder / frame.proposal)
        write_frames([new.get(item.name, item) for item in picked], folder)
        write_rejected(reading.rejected, folder / REJECTED)
        _add_to_imports(imported, root / IMPORTS, folder / IMPORTS)
    return imported, reading.rejected


def _refuse_useless(file: Path, face: str, reading: Reading, usable: Mapping[str, Annotation]) -> None:
    """A file that changes nothing, or whose boxes all have another name, is a mistake."""
    if reading.labels and not any(len(said.boxes) for said in usable.values()):
        labels = ", ".join(f"{label!r} ({number})" for label, number in sorted(reading.labels.items()))
        if set(reading.labels) == {NO_LABEL}:
            count = reading.labels[NO_LABEL]
            raise InputError(f"{file}: {count} boxes, none with a label; label those of faces {face!r} in the tool")
        raise InputError(f"{file}: no usable box is labelled {face!r}; labels of its boxes: {labels}; give --label")
    if not usable:
        first = f"; the first: {reading.rejected[0]}" if reading.rejected else ""
        said = f"nobody annotated its frames of this folder, or they cannot be used ({len(reading.rejected)} rejected"
        submit = "; predictions count once their tasks are submitted" if file.suffix.lower() == ".json" else ""
        raise InputError(f"{file}: nothing usable in it: {said}{first}){submit}")


def _is_waiting(said: Annotation, state: FrameState) -> bool:
    """Whether nobody can have reviewed a frame: it went out without boxes, and came back so, without a grade."""
    graded = {said.grade or UNGRADED, state.frame.grade} != {UNGRADED}
    known = state.boxes is not None or state.proposals is not None
    return not (said.submitted or graded or known or len(said.boxes))


def _is_unchanged(said: Annotation, state: FrameState) -> bool:
    same = said.boxes.shape == state.shown.shape and np.allclose(said.boxes, state.shown, rtol=0, atol=ROUNDED)
    return same and said.grade in (None, state.frame.grade)


def _carry_over(root: Path, folder: Path, states: Mapping[str, FrameState]) -> None:
    """Keep what somebody else put into the folder; pictures and labels of frames have their own way."""
    frames = [state.frame for state in states.values()]
    ours = {path for frame in frames for path in (frame.image, frame.label, frame.proposal)}
    ours |= {FRAMES, IMPORTS, REJECTED, MARKER}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name not in ours and (path.is_symlink() or not path.is_dir()):
            _place(path, folder / name)


def _place(old: Path, new: Path) -> None:
    """Give a file a second name, which costs nothing; where the disk cannot, copy it."""
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(old, new, follow_symlinks=False)
    except OSError:
        shutil.copy2(old, new, follow_symlinks=False)


def _add_to_imports(imported: ImportRecord, old: Path, new: Path) -> None:
    """Add a row to the table of all imports, which may lack columns where an earlier version began it."""
    before: list[dict[str, str]] = []
    if old.exists():
        with old.open(newline="", encoding="utf-8-sig") as file:
            before = list(csv.DictReader(file))
    with new.open("w", newline="", encoding="utf-8") as file:
        columns = [field.name for field in fields(ImportRecord)]
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*before, asdict(imported)])
