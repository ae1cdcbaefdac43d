"""Import annotations of picked frames into their folder, as a whole or not at all."""

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
"""Readers by suffix of the file."""
ROUNDED = 0.02
"""Tolerance in pixels within which two boxes are equal: tools write hundredths of pixels."""


@dataclass(frozen=True)
class ImportRecord:
    """Result of an import: a row of `imports.csv`. updated + spoilt + untouched are all frames of the folder.

    Attributes:
        file: Name of the imported file.
        sha256: Digest of its content.
        updated: Frames in the file: they now have its boxes and grade, and count as reviewed.
        unchanged: Updated frames whose boxes and grade equal those in the folder, proposals included.
        moved: Updated frames that moved to the folder of another grade.
        spoilt: Frames that were not changed, because an entry for them cannot be used.
        untouched: Frames that were not changed, because they are not in the file.
        rejected: Boxes, grades and images that cannot be used, listed in `rejected.csv`.
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
    """Replace the boxes and grades of frames by those of a tool, and move frames to the folder of their grade.

    A frame without a grade in the file keeps its own. A frame without boxes in the file has no face, unless it was
    probably not reviewed: it was exported without boxes, has no grade, and is not marked as finished in the tool.

    Args:
        root: Folder of picked frames.
        file: Export of CVAT (.xml, .zip) or Label Studio (.json).
        face: Label of the boxes of faces.

    Returns:
        The result, and the rejected entries.

    Raises:
        InputError: The folder or the file is invalid, or nothing in the file can be used. The folder is not changed.
    """
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise InputError(f"{file}: expected an export of CVAT (.xml, .zip) or Label Studio (.json)")
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
    """Refuse a file that changes nothing, or in which no box has the expected label."""
    if reading.labels and not any(len(said.boxes) for said in usable.values()):
        labels = ", ".join(f"{label!r} ({number})" for label, number in sorted(reading.labels.items()))
        if set(reading.labels) == {NO_LABEL}:
            count = reading.labels[NO_LABEL]
            raise InputError(f"{file}: {count} boxes, none with a label; label faces {face!r} in the tool")
        raise InputError(f"{file}: no usable box is labelled {face!r}; its boxes are labelled {labels}; pass --label")
    if not usable:
        first = f"; the first: {reading.rejected[0]}" if reading.rejected else ""
        said = f"no frame of this folder is annotated in it, or none is usable ({len(reading.rejected)} rejected"
        submit = "; predictions are imported after their tasks are submitted" if file.suffix.lower() == ".json" else ""
        raise InputError(f"{file}: nothing usable in it: {said}{first}){submit}")


def _is_waiting(said: Annotation, state: FrameState) -> bool:
    """Whether a frame was not reviewed: exported and returned without boxes, and without a grade."""
    graded = {said.grade or UNGRADED, state.frame.grade} != {UNGRADED}
    known = state.boxes is not None or state.proposals is not None
    return not (said.submitted or graded or known or len(said.boxes))


def _is_unchanged(said: Annotation, state: FrameState) -> bool:
    same = said.boxes.shape == state.shown.shape and np.allclose(said.boxes, state.shown, rtol=0, atol=ROUNDED)
    return same and said.grade in (None, state.frame.grade)


def _carry_over(root: Path, folder: Path, states: Mapping[str, FrameState]) -> None:
    """Keep other files that users put into the folder; images and labels of frames are handled elsewhere."""
    frames = [state.frame for state in states.values()]
    ours = {path for frame in frames for path in (frame.image, frame.label, frame.proposal)}
    ours |= {FRAMES, IMPORTS, REJECTED, MARKER}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name not in ours and (path.is_symlink() or not path.is_dir()):
            _place(path, folder / name)


def _place(old: Path, new: Path) -> None:
    """Hard-link a file; copy it if the file system has no hard links."""
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(old, new, follow_symlinks=False)
    except OSError:
        shutil.copy2(old, new, follow_symlinks=False)


def _add_to_imports(imported: ImportRecord, old: Path, new: Path) -> None:
    """Add a row to the table of all imports. A table of an earlier version may lack columns."""
    before: list[dict[str, str]] = []
    if old.exists():
        with old.open(newline="", encoding="utf-8-sig") as file:
            before = list(csv.DictReader(file))
    with new.open("w", newline="", encoding="utf-8") as file:
        columns = [field.name for field in fields(ImportRecord)]
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*before, asdict(imported)])
