"""CVAT annotations: read its XML, with or without tracks, and write it."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree
from xml.parsers import expat
from xml.sax.saxutils import XMLGenerator

from uncover.atomic import new_file
from uncover.data.annotations.annotated import (
    FACE,
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
from uncover.data.picked import UNGRADED
from uncover.errors import InputError

CORNERS = ("xtl", "ytl", "xbr", "ybr")
XML_IN_ZIP = "annotations.xml"
EXPECTED = "expected a CVAT export in the format 'CVAT for images 1.1' (or video), XML or ZIP"

SHAPES = frozenset({"polygon", "polyline", "points", "ellipse", "cuboid", "skeleton", "mask"})


@dataclass(frozen=True)
class Document:
    """An XML file, with the line number of each element."""

    path: Path
    root: ElementTree.Element
    lines: Mapping[ElementTree.Element, int]


def grades_in(element: ElementTree.Element, lines: Mapping[ElementTree.Element, int]) -> list[tuple[int, str]]:
    """Lines and values of the attribute `grade` of an element."""
    named = (value for value in element.findall("attribute") if value.get("name") == GRADE)
    return [(lines[value], (value.text or "").strip()) for value in named]


def parse_cvat(path: Path) -> Document:
    """Read a CVAT file.

    Raises:
        InputError: The file does not exist or is not a CVAT export.
    """
    content = _read(path)
    parser = expat.ParserCreate()
    builder = ElementTree.TreeBuilder()
    lines: dict[ElementTree.Element, int] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        lines[builder.start(tag, attributes)] = parser.CurrentLineNumber

    def refuse(*_: object) -> None:
        raise InputError(f"{path}: declares XML entities, which CVAT does not write; {EXPECTED}")

    parser.StartElementHandler, parser.EndElementHandler = start, builder.end
    parser.CharacterDataHandler, parser.EntityDeclHandler = builder.data, refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise InputError(f"{path}, row {error.lineno}: is not XML ({reason}); {EXPECTED}") from None
    root = builder.close()
    if root.tag != "annotations":
        raise InputError(f"{path}: has the root element <{root.tag[:40]}>; {EXPECTED}")
    return Document(path, root, lines)


def _read(path: Path) -> bytes:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return archive.read(_xml_in(archive, path))
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; {EXPECTED}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; {EXPECTED}") from None
    except (NotImplementedError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise InputError(f"{path}: cannot read {XML_IN_ZIP} from it ({error}); {EXPECTED}") from None


def _xml_in(archive: zipfile.ZipFile, path: Path) -> str:
    """Name of the annotation file in a ZIP, in any folder: repacking an export adds one.

    Raises:
        InputError: There is no such file, or several.
    """
    names = {name: PurePosixPath(name.replace("\\", "/")).name for name in archive.namelist()}
    # macOS adds a file ._annotations.xml beside each.
    named = [name for name, last in names.items() if last.lower() == XML_IN_ZIP]
    found = named or [
        name for name, last in names.items() if last.lower().endswith(".xml") and not last.startswith(".")
    ]
    if len(found) != 1:
        there = ", ".join(found[:3]) if found else ", ".join(list(names)[:3]) or "nothing"
        what = f"{len(found)} files of annotations" if found else f"no {XML_IN_ZIP}"
        raise InputError(f"{path}: contains {what} ({there}); give the export of these frames; {EXPECTED}")
    return found[0]


def read_tracks(document: Document, states: Mapping[str, FrameState], face: str) -> Reading:
    """Read the boxes of a video's picked frames.

    A picked frame without a box is not changed, because the file does not tell whether it was reviewed. The format
    has no tags: the grade is the attribute `grade` of the boxes.

    Args:
        document: The file.
        states: Frames of the folder, by file name of the image.
        face: Label of the tracks of faces.

    Raises:
        InputError: The file does not name its video, or no frame of that video was picked.
    """
    path, root, lines = document.path, document.root, document.lines
    names = {state.frame.frame: name for name, state in states.items() if state.frame.video == _video_of(path, root)}
    if not names:
        raise InputError(f"{path}: is of the video {_video_of(path, root)!r:.80}; no frame of it was picked here")
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
            f"{path}: has tracks but no <source> with the video; export a task of images as 'CVAT for images 1.1'"
        )
    return Path(source).stem


def _frame_of(shape: ElementTree.Element, names: Mapping[int, str]) -> str | None:
    """File name of the picked frame that a shape belongs to."""
    number = shape.get("frame", "")
    return names.get(int(number)) if number.isdecimal() else None


def read_cvat(path: Path, states: Mapping[str, FrameState], face: str) -> Reading:
    """Read boxes and grades of frames.

    The grade of a frame is the attribute `grade` of its tag `grade`, or of its boxes.

    Args:
        path: A CVAT export.
        states: Frames of the folder, by file name of the image.
        face: Label of the boxes of faces.

    Raises:
        InputError: The file is not a CVAT export.
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
            reading.reject(path, line, "", "unknown_image", f"image {image.get('name')!r:.80} is not in the folder")
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
                detail = f"{name}: a face is drawn as {shape.tag}; expected a box"
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


def write_cvat(states: Mapping[str, FrameState], name: str, out: Path) -> None:
    """Write boxes and grades of frames.

    Each frame has a tag `grade` with an attribute `grade` (`ungraded` if not graded yet), and a box `face` for each
    face, rounded to a hundredth of a pixel as CVAT does.

    Args:
        states: Frames, by file name of the image.
        name: Name of the task.
        out: XML file to write.
    """
    with new_file(out) as path, path.open("w", encoding="utf-8", newline="\n") as file:
        xml = _Indented(file)
        xml.startDocument()
        xml.open("annotations")
        xml.write("version", "1.1")
        _write_meta(xml, states, name)
        for number, image in enumerate(sorted(states)):
            _write_image(xml, number, image, states[image])
        xml.close("annotations")
        xml.endDocument()


def label_constructor(grades: Iterable[str]) -> str:
    """JSON of the two labels, for the field "Raw" of CVAT's label editor."""
    attribute = {"name": GRADE, "mutable": False, "input_type": "select", "default_value": UNGRADED}
    labels = [
        {"name": FACE, "type": "rectangle", "attributes": []},
        {"name": GRADE, "type": "tag", "attributes": [attribute | {"values": list(grades)}]},
    ]
    return json.dumps(labels, indent=2) + "\n"


class _Indented(XMLGenerator):
    """XML writer with one element per line."""

    def __init__(self, file: object) -> None:
        super().__init__(file, "utf-8", short_empty_elements=True)  # type: ignore[arg-type]
        self._depth = 0

    def open(self, tag: str, **attributes: str) -> None:
        self._indent()
        self.startElement(tag, attributes)  # type: ignore[arg-type]
        self._depth += 1

    def close(self, tag: str) -> None:
        self._depth -= 1
        self._indent()
        self.endElement(tag)

    def write(self, tag: str, text: str = "", **attributes: str) -> None:
        self._indent()
        self.startElement(tag, attributes)  # type: ignore[arg-type]
        if text:
            self.characters(text)
        self.endElement(tag)

    def _indent(self) -> None:
        self.ignorableWhitespace("\n" + "  " * self._depth)


def _write_meta(xml: _Indented, states: Mapping[str, FrameState], name: str) -> None:
    """Write the part of CVAT's task description that readers use."""
    for tag in ("meta", "task"):
        xml.open(tag)
    for tag, text in (("name", name), ("size", str(len(states))), ("mode", "annotation")):
        xml.write(tag, text)
    xml.open("labels")
    xml.open("label")
    for tag, text in (("name", FACE), ("type", "rectangle"), ("attributes", "")):
        xml.write(tag, text)
    xml.close("label")
    xml.open("label")
    for tag, text in (("name", GRADE), ("type", "tag")):
        xml.write(tag, text)
    xml.open("attributes")
    xml.open("attribute")
    values = "\n".join(known_grades(states))
    parts = {"name": GRADE, "mutable": "False", "input_type": "select", "default_value": UNGRADED, "values": values}
    for tag, text in parts.items():
        xml.write(tag, text)
    for tag in ("attribute", "attributes", "label", "labels", "task", "meta"):
        xml.close(tag)


def _write_image(xml: _Indented, number: int, image: str, state: FrameState) -> None:
    width, height = state.size
    # CVAT marks boxes of a detector as "auto" and displays the mark.
    source = "auto" if state.boxes is None else "manual"
    xml.open("image", id=str(number), name=image, width=str(width), height=str(height))
    for box in state.shown:
        corners = dict(zip(("xtl", "ytl", "xbr", "ybr"), (f"{corner:.2f}" for corner in box), strict=True))
        xml.write("box", label=FACE, source=source, occluded="0", **corners, z_order="0")
    xml.open("tag", label=GRADE, source=source)
    xml.write("attribute", state.frame.grade, name=GRADE)
    xml.close("tag")
    xml.close("image")
