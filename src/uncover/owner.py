"""Ownership of output folders: which command made a folder, and whether a user has changed it since.

A folder that a command writes as a whole contains a marker file with the name of the command. Folders that a command
adds files to, and folders of earlier versions without that name, are recognised by their files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from uncover.errors import InputError

MARKER = ".uncover"
"""Marker file of a folder made by uncover, which uncover may therefore replace."""
IMPORTS = "imports.csv"
"""Record of imported annotations. A folder with this file contains manual work."""

IMAGES, LABELS = "images", "labels"
_MADE_BY = re.compile(r"Made by 'uncover ([^']+)'")
_SIGNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("frames", ("frames.csv",)),
    ("make_synthetic", ("synthetic.json",)),
    ("labels", ("manifest.parquet", "boxes.parquet")),
    ("train", (".resume",)),
    ("train", ("weights.pt", "results.csv")),
    ("train", ("results.csv", "summary.json")),
    ("train", ("left_out.json",)),
    ("fetch_weights", ("state.json",)),
    ("detect", ("boxes.parquet", "frames.parquet")),
    ("evaluate", ("classes.csv", "curves.parquet")),
    ("heatmaps", ("manifest.parquet", "lint.csv")),
    ("heatmaps", ("*/manifest.parquet", "*/lint.csv")),
)
"""Files that a command writes; a folder with all of them was made by it."""
_SETS = {"labels", "train"}
"""Commands that make data sets. Without a name in the marker their outputs cannot be distinguished."""
_GOES_ON = {"frames import": "frames"}
"""Commands that extend the output of another command and keep its content."""

_INSTEAD = "give another name, or remove it first"


def mark(folder: Path, maker: str) -> None:
    """Write the marker into a folder, after everything else.

    Args:
        folder: Folder to mark.
        maker: Words of the command; empty if the folder was not made by a command.
    """
    name = _GOES_ON.get(maker, maker)
    by = f"'uncover {name}'" if name else "uncover"
    entries = sorted(path.name for path in folder.iterdir())
    content = {"entries": entries, IMAGES: _count_images(folder), LABELS: _labels_digest(folder)}
    text = f"Made by {by}, which replaces this folder as a whole.\n{json.dumps(content)}\n"
    (folder / MARKER).write_text(text, encoding="utf-8")


def maker_of(folder: Path) -> str | None:
    """Words of the command that made a folder; None if unknown."""
    said = _MADE_BY.match(_marker_of(folder))
    return said.group(1) if said else _signed(folder)


def is_part(file: Path) -> bool:
    """Whether a file belongs to a folder that a command writes as a whole."""
    if not file.exists() or not (file.parent / MARKER).is_file():
        return False
    content = _content_of(_marker_of(file.parent))
    return content is None or file.name in content["entries"]


def check_whole(out: Path, maker: str) -> None:
    """Check that a command may replace a folder as a whole.

    Args:
        out: Folder to replace, which need not exist.
        maker: Words of the command.

    Raises:
        InputError: Another command made it, or a user added or changed files in it.
    """
    if not out.is_dir() or not any(out.iterdir()):
        return
    _check_maker(out, maker)
    if maker in _GOES_ON and maker_of(out) == _GOES_ON[maker]:
        return
    if not (out / MARKER).is_file():
        raise InputError(f"{out}: holds files that uncover did not make and would replace; give a new or empty folder")
    content = _content_of(_marker_of(out))
    if content is None:
        return
    added = sorted({path.name for path in out.iterdir() if not path.name.startswith(".")} - set(content["entries"]))
    if added:
        raise InputError(
            f"{out}: contains {', '.join(added[:3])}, not written by uncover, which would be lost; {_INSTEAD}"
        )
    more = _count_images(out) - content[IMAGES]
    if more > 0:
        raise InputError(f"{out}: contains {more} images not written by uncover, which would be lost; {_INSTEAD}")
    if _labels_digest(out) != content[LABELS]:
        raise InputError(f"{out}: its labels were edited, and the edits would be lost; {_INSTEAD}")


def check_shared(out: Path, maker: str, files: Sequence[str] = ()) -> None:
    """Check that a command may add its files to a folder.

    Args:
        out: Folder to write to, which need not exist.
        maker: Words of the command.
        files: Names of the files that the command writes. They must not exist unless the command made the folder.

    Raises:
        InputError: Another command made the folder, or a file exists that this command did not write.
    """
    if not out.is_dir():
        return
    _check_maker(out, maker)
    if maker_of(out) is None:
        there = [name for name in files if (out / name).exists()]
        if there:
            raise InputError(f"{out}: its {there[0]} was not written by 'uncover {maker}'; {_INSTEAD}")


def _check_maker(out: Path, maker: str) -> None:
    """Refuse to replace imported annotations or the output of another command."""
    if (out / IMPORTS).is_file() and maker not in _GOES_ON:
        raise InputError(f"{out}: contains imported annotations, which would be lost; give a new folder")
    found = maker_of(out)
    alike = _MADE_BY.match(_marker_of(out)) is None and {found, maker} <= _SETS
    if found not in (None, _GOES_ON.get(maker, maker)) and not alike:
        raise InputError(f"{out}: was made by 'uncover {found}' and would be replaced; {_INSTEAD}")


def _marker_of(folder: Path) -> str:
    try:
        return (folder / MARKER).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _content_of(marker: str) -> dict[str, Any] | None:
    """Content of the folder when it was made; None for folders of earlier versions, which did not record it."""
    try:
        content = json.loads(marker.partition("\n")[2])
    except ValueError:
        return None
    return content if isinstance(content, dict) and {"entries", IMAGES, LABELS} <= content.keys() else None


def _signed(folder: Path) -> str | None:
    for maker, names in _SIGNS:
        if all(any(folder.glob(name)) for name in names):
            return maker
    return None


def _count_images(folder: Path) -> int:
    places = [*folder.glob(IMAGES), *folder.glob(f"*/{IMAGES}")]
    return sum(1 for place in places for path in place.rglob("*") if not path.name.startswith("."))


def _labels_digest(folder: Path) -> str:
    """Digest of the label files of all images, which users may correct by hand."""
    digest = hashlib.sha256()
    for labels in sorted([*folder.glob(LABELS), *folder.glob(f"*/{LABELS}")]):
        images = labels.with_name(IMAGES)
        shown = {path.relative_to(images).with_suffix("") for path in images.rglob("*")}
        for path in sorted(labels.rglob("*.txt")):
            if path.relative_to(labels).with_suffix("") in shown:
                digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
                digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()
