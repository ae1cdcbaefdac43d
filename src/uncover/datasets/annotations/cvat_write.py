"""Frames for CVAT: XML of "CVAT for images 1.1", which CVAT reads as annotations of a task of these images.

The format is that of https://docs.cvat.ai/v2.7.6/docs/manual/advanced/formats/format-cvat and its XML specification,
https://docs.cvat.ai/docs/other/xml_format. CVAT finds an image by its name, so that names here are those of the files,
without folders, as CVAT has them after an upload; where it finds none, it takes the id for the place in the order of
names, which therefore is the id here. Labels must exist in the task before annotations are imported:
`label_constructor` gives them for the field "Raw" of CVAT's label editor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.sax.saxutils import XMLGenerator

from uncover.atomic import new_file
from uncover.datasets.annotations.annotated import FACE, GRADE, FrameState, known_grades
from uncover.datasets.picked import UNGRADED


def write_cvat(states: Mapping[str, FrameState], name: str, out: Path) -> None:
    """Write boxes and grades of frames.

    Each frame has a tag `grade` with an attribute of the same name, `ungraded` where nobody said more yet, and a box
    `face` for each face, to a hundredth of a pixel as CVAT itself writes them.

    Args:
        states: Frames by the names of their pictures.
        name: Of the task.
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
    """Writes one element a line."""

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
    """What CVAT writes of a task, as far as readers ask for it."""
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
    # Boxes that a detector found are CVAT's "auto", and it shows them as such.
    source = "auto" if state.boxes is None else "manual"
    xml.open("image", id=str(number), name=image, width=str(width), height=str(height))
    for box in state.shown:
        corners = dict(zip(("xtl", "ytl", "xbr", "ybr"), (f"{corner:.2f}" for corner in box), strict=True))
        xml.write("box", label=FACE, source=source, occluded="0", **corners, z_order="0")
    xml.open("tag", label=GRADE, source=source)
    xml.write("attribute", state.frame.grade, name=GRADE)
    xml.close("tag")
    xml.close("image")
