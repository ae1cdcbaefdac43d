"""What CVAT exports of frames: "CVAT for images 1.1", or "CVAT for video 1.1" where a task is a video.

The format is that of https://docs.cvat.ai/docs/other/xml_format. In the first, boxes and tags stand in an `<image>`;
in the second, the boxes of a `<track>` name the number of their frame, those between two keyframes included, and
`<meta>` names the video as `<source>`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from uncover.datasets.annotations.annotated import (
    GRADE,
    Annotation,
    Box,
    EntryError,
    FrameState,
    Reading,
    agreed_grade,
    as_boxes,
    check_box,
    check_size,
    known_grades,
)
from uncover.datasets.annotations.cvat_tracks import read_tracks
from uncover.datasets.annotations.cvat_xml import CORNERS, Document, grades_in, parse_cvat

SHAPES = frozenset({"polygon", "polyline", "points", "ellipse", "cuboid", "skeleton", "mask"})


def read_cvat(path: Path, states: Mapping[str, FrameState], face: str) -> Reading:
    """Read boxes and grades of frames.

    The grade of a frame is the attribute `grade` of its tag `grade`, or of its boxes.

    Args:
        path: What CVAT exported.
        states: Frames of the folder, by the names of their pictures.
        face: Label of boxes of faces.

    Raises:
        InputError: It is no such file.
    """
    document = parse_cvat(path)
    tracks, images = document.root.findall("track"), document.root.findall("image")
    if tracks and not images:
        return read_tracks(document, states, face)
    reading = Reading()
    grades = known_grades(states)
    for image in images:
        line = document.lines[image]
        name = PurePosixPath(image.get("name", "").replace("\\", "/")).name
        if name not in states:
            reading.reject(path, line, "", "unknown_image", f"image {image.get('name')!r:.80} is none of the folder")
            continue
        size = states[name].size
        try:
            check_size((image.get("width"), image.get("height")), size, line)
        except EntryError as error:
            reading.reject(path, line, name, error.reason, f"{name}: {error}")
            continue
        boxes = list(_boxes_of(image, document, reading, name, size, face))
        found = list(_grades_of(image, document, reading, name, face))
        grade = agreed_grade(path, found, grades, reading, name)
        reading.add(path, line, name, Annotation(as_boxes(boxes), grade))
    return reading


def _boxes_of(
    image: ElementTree.Element, document: Document, reading: Reading, name: str, size: tuple[int, int], face: str
) -> Iterator[Box]:
    for shape in image:
        line = document.lines[shape]
        if shape.tag in SHAPES:
            if shape.get("label") == face:
                detail = f"{name}: a face is a {shape.tag} here; expected a box"
                reading.reject(document.path, line, name, "no_box", detail)
            else:
                reading.other_label(document.path, line, name, shape.get("label"), face)
        elif shape.tag == "box":
            if shape.get("label") != face:
                reading.other_label(document.path, line, name, shape.get("label"), face)
                continue
            try:
                yield check_box([shape.get(corner) for corner in CORNERS], shape.get("rotation"), size, line)
            except EntryError as error:
                reading.reject(document.path, line, name, error.reason, f"{name}: {error}")


def _grades_of(
    image: ElementTree.Element, document: Document, reading: Reading, name: str, face: str
) -> Iterator[tuple[int, str]]:
    for element in image:
        line = document.lines[element]
        if (element.tag == "tag" and element.get("label") == GRADE) or (
            element.tag == "box" and element.get("label") == face
        ):
            yield from grades_in(element, document.lines)
        elif element.tag == "tag":
            detail = f"{name}: tag {element.get('label')!r:.60} is not {GRADE!r}; left out"
            reading.reject(document.path, line, name, "other_label", detail, spoils=False)
