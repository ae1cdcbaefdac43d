"""The XML that CVAT exports, as such or in a ZIP, with the line in which each element begins."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree
from xml.parsers import expat

from uncover.datasets.annotations.annotated import GRADE
from uncover.errors import InputError

CORNERS = ("xtl", "ytl", "xbr", "ybr")
XML_IN_ZIP = "annotations.xml"
EXPECTED = "expected what CVAT exports as 'CVAT for images 1.1' (or video), XML or ZIP"


@dataclass(frozen=True)
class Document:
    """An XML file, and in which line each of its elements begins."""

    path: Path
    root: ElementTree.Element
    lines: Mapping[ElementTree.Element, int]


def grades_in(element: ElementTree.Element, lines: Mapping[ElementTree.Element, int]) -> list[tuple[int, str]]:
    """Lines and texts of the attributes `grade` of an element."""
    named = (value for value in element.findall("attribute") if value.get("name") == GRADE)
    return [(lines[value], (value.text or "").strip()) for value in named]


def parse_cvat(path: Path) -> Document:
    """Read a file of CVAT.

    Raises:
        InputError: It does not exist, or is no XML of CVAT.
    """
    content = _read(path)
    parser = expat.ParserCreate()
    builder = ElementTree.TreeBuilder()
    lines: dict[ElementTree.Element, int] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        lines[builder.start(tag, attributes)] = parser.CurrentLineNumber

    def refuse(*_: object) -> None:
        raise InputError(f"{path}: declares entities of its own, which CVAT never does; {EXPECTED}")

    parser.StartElementHandler, parser.EndElementHandler = start, builder.end
    parser.CharacterDataHandler, parser.EntityDeclHandler = builder.data, refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise InputError(f"{path}, row {error.lineno}: is no XML ({reason}); {EXPECTED}") from None
    root = builder.close()
    if root.tag != "annotations":
        raise InputError(f"{path}: its root is <{root.tag[:40]}>; {EXPECTED}")
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
        raise InputError(f"{path}: no {XML_IN_ZIP} can be read in it ({error}); {EXPECTED}") from None


def _xml_in(archive: zipfile.ZipFile, path: Path) -> str:
    """Name of the annotations in a ZIP, wherever they stand: whoever packs a folder anew puts them into one.

    Raises:
        InputError: There are none, or several.
    """
    names = {name: PurePosixPath(name.replace("\\", "/")).name for name in archive.namelist()}
    # macOS packs a file of its own, ._annotations.xml, beside each.
    named = [name for name, last in names.items() if last.lower() == XML_IN_ZIP]
    found = named or [
        name for name, last in names.items() if last.lower().endswith(".xml") and not last.startswith(".")
    ]
    if len(found) != 1:
        there = ", ".join(found[:3]) if found else ", ".join(list(names)[:3]) or "nothing"
        what = f"{len(found)} files of annotations" if found else f"no {XML_IN_ZIP}"
        raise InputError(f"{path}: {what} in it ({there}); give the one of these frames; {EXPECTED}")
    return found[0]
