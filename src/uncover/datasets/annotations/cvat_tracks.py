"""CVAT for video 1.1: boxes in tracks, each with the number of its frame in the video that was annotated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from uncover.datasets.annotations.annotated import (
    Annotation,
    Box,
    EntryError,
    FrameState,
    Reading,
    agreed_grade,
    as_boxes,
    check_box,
    known_grades,
)
from uncover.datasets.annotations.cvat_xml import CORNERS, Document, grades_in
from uncover.errors import InputError


def read_tracks(document: Document, states: Mapping[str, FrameState], face: str) -> Reading:
    """Read the boxes of those frames of a video that were picked.

    A picked frame without a box stays as it is, for nobody knows whether somebody looked at it. The format has no tags:
    the grade is the attribute `grade` of the boxes.

    Args:
        document: The file.
        states: Frames of the folder, by the names of their pictures.
        face: Label of tracks of faces.

    Raises:
        InputError: It does not name its video, or one of which no frame was picked.
    """
    path, root, lines = document.path, document.root, document.lines
    names = {state.frame.frame: name for name, state in states.items() if state.frame.video == _video_of(path, root)}
    if not names:
        raise InputError(f"{path}: is of the video {_video_of(path, root)!r:.80}, of which no frame was picked here")
    reading = Reading()
    boxes: dict[str, list[Box]] = defaultdict(list)
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for track in root.findall("track"):
        if track.get("label") != face:
            reading.other_label(path, lines[track], "", track.get("label"), face)
            continue
        for shape in track:
            name = _frame_of(shape, names)
            if name is None or shape.get("outside") == "1":
                continue
            corners = [shape.get(corner) for corner in CORNERS]
            try:
                boxes[name].append(check_box(corners, shape.get("rotation"), states[name].size, lines[shape]))
                found[name] += grades_in(shape, lines)
            except EntryError as error:
                reading.reject(path, lines[shape], name, error.reason, f"{name}: {error}")
    grades = known_grades(states)
    for name, rows in boxes.items():
        grade = agreed_grade(path, found[name], grades, reading, name)
        reading.annotations[name] = Annotation(as_boxes(rows), grade)
    return reading


def _video_of(path: Path, root: ElementTree.Element) -> str:
    source = root.findtext("meta/source") or root.findtext("meta/task/source") or root.findtext("meta/job/source")
    if not source:
        raise InputError(
            f"{path}: has tracks, but names no video as <source>; export a task of images as 'CVAT for images 1.1'"
        )
    return Path(source).stem


def _frame_of(shape: ElementTree.Element, names: Mapping[int, str]) -> str | None:
    """Name of the picked frame that a shape belongs to."""
    number = shape.get("frame", "")
    return names.get(int(number)) if number.isdecimal() else None
