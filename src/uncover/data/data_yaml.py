"""Read data.yaml and other descriptions of a data set, and find the class of whole faces."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from uncover.errors import InputError
from uncover.text_files import read_text

logger = logging.getLogger(__name__)

DATA_YAML = "data.yaml"
YAML_SUFFIXES = frozenset({".yaml", ".yml"})
NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels", "classes.names", "predefined_classes.txt")
"""Lists of class names, one per line: of labelImg and Label Studio, of Darknet and CVAT, of Roboflow's Darknet."""

OTHERS = frozenset({".json", ".xml", ".names", ".data"})
"""Suffixes of other annotation formats: COCO, Pascal VOC and Darknet."""

SETS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
"""Sets, with the keys that tools use for them."""

FACE = re.compile(r"faces?")
NEGATIONS = frozenset({"no", "non", "not", "without", "un", "other"})
PARTS_OF_FACE = frozenset({"left", "right", "eye", "eyes", "half", "upper", "lower", "part"})
"""Words that make a class a part of the face, e.g. "right eye face"."""
SHOWN = 12
"""Maximum number of class names in an error."""


@dataclass(frozen=True)
class DataYaml:
    """Classes of label files, and the images of each set.

    Attributes:
        path: The file.
        names: Class names by id, rising.
        entries: Entries by set (`train`, `val`, `test`, or another key): folders, or lists of images.
        root: Value of `path` in the file; empty if absent.
        keypoints: Number of landmarks and of values per landmark in a row of labels; None without landmarks.
    """

    path: Path
    names: dict[int, str]
    entries: dict[str, list[str]] = field(default_factory=dict)
    root: str = ""
    keypoints: tuple[int, int] | None = None

    def places(self, subset: str) -> list[Path]:
        """Folders or list files of a set.

        Paths are relative to `path` in the file, or to the folder of the file. As in upstream, a `../` is dropped from
        a path that does not exist: Roboflow writes `../train/images` for a folder beside the file.

        Raises:
            InputError: The set or any of its paths does not exist; all missing paths are named.
        """
        if subset not in self.entries:
            there = ", ".join(self.entries) or "none"
            keys = " or ".join(f"{key}:" for key in SETS.get(subset, (subset,)))
            raise InputError(
                f"{self.path}: has no entry {subset!r} ({keys} a folder, or a list of images); sets: {there}"
            )
        found = {entry: self._place(entry) for entry in self.entries[subset]}
        missing = [entry for entry, place in found.items() if place is None]
        if missing:
            bases = " nor ".join(dict.fromkeys(str(base) for base in self.bases()))
            raise InputError(f"{self.path}: {subset}: {', '.join(missing)}: no such folder or file in {bases}")
        return [place for place in found.values() if place is not None]

    def lists(self, folder: Path) -> bool:
        """Whether a folder belongs to a set of it."""
        entries = (entry for name in SETS for entry in self.entries.get(name, ()))
        places = (self._place(entry, tell=False) for entry in entries)
        return any(
            place is not None and Path(os.path.abspath(place)).is_relative_to(os.path.abspath(folder))
            for place in places
        )

    def bases(self) -> list[Path]:
        """Folders that paths are relative to, the most likely first; YOLOv5 also uses the current one."""
        here = self.path.parent
        if not self.root:
            return [here]
        root = self.root.replace("\\", "/")
        return [here / root, Path(root), here.parent / root, here]

    def _place(self, entry: str, tell: bool = True) -> Path | None:
        path = entry.replace("\\", "/")
        first, *others = self.bases()
        likely = [first / entry, first / path, first / path.removeprefix("../")]
        # Further folders that upstream tries, and paths of another machine, e.g. /content/faces-1/train/images.
        parts = [part for part in Path(path).parts if part != ".."]
        doubtful = [base / name for base in others for name in (path, path.removeprefix("../"))]
        doubtful += [self.path.parent.joinpath(*parts[start:]) for start in range(1, len(parts))]
        for place in (*likely, *doubtful):
            if place.exists():
                if tell and place not in likely:
                    logger.info(f"note: {self.path}: {first / path} does not exist; using {place} instead")
                return place
        return None


def read_data_yaml(given: Path) -> DataYaml:
    """Read the YAML file of a data set.

    Args:
        given: The file or a folder. The folder must contain data.yaml or one other YAML file with class names, or be a
            part of a data set with data.yaml, as `train/` in Roboflow's layout.

    Raises:
        InputError: The file is missing, not YAML, or has no class names; or several files match.
    """
    path = given if given.suffix.lower() in YAML_SUFFIXES and not given.is_dir() else find_data_yaml(given)
    if path is None:
        path = given / DATA_YAML
        raise InputError(
            f"{path}: no such file; expected a data set as `uncover labels` makes it{hint_at_others(given)}"
        )
    return _read(path)


def hint_at_others(folder: Path) -> str:
    """Advice on annotations in other formats, to append to an error; empty if the folder has none."""
    others = (
        [path.name for path in sorted(folder.rglob("*")) if path.suffix.lower() in OTHERS] if folder.is_dir() else []
    )
    names = [name for name in others if not name.startswith(".")]
    return f"; {names[0]}: `uncover labels --layout graded` converts COCO, Pascal VOC and Darknet" if names else ""


def find_data_yaml(folder: Path, above: bool = True) -> Path | None:
    """YAML file that describes the data set of a folder; None if there is none.

    Args:
        folder: Folder of the data set.
        above: Also search the folders above, of which this folder may be a set.

    Raises:
        InputError: Several files match.
    """
    own = _yaml_in(folder)
    if own is not None or not above:
        return own
    for parent in list(folder.absolute().parents)[:2]:
        try:
            path = _yaml_in(parent, strict=False)
            if path is not None and _read(path).lists(folder):
                return path
        except (InputError, OSError):
            continue  # an unrelated file, or a folder without permission
    return None


def _yaml_in(folder: Path, strict: bool = True) -> Path | None:
    if (folder / DATA_YAML).is_file():
        return folder / DATA_YAML
    if not folder.is_dir():
        return None
    files = [path for path in folder.iterdir() if path.suffix.lower() in YAML_SUFFIXES and path.is_file()]
    found = [path for path in sorted(files) if _describes(path)]
    if len(found) > 1 and strict:
        names = ", ".join(path.name for path in found)
        raise InputError(f"{folder}: {names} each describe a data set; give the path of one of them")
    return found[0] if len(found) == 1 else None


def _describes(path: Path) -> bool:
    """Whether a YAML file describes a data set."""
    try:
        content = yaml.safe_load(read_text(path))
    except (InputError, OSError, yaml.YAMLError):
        return False
    return (
        isinstance(content, dict) and bool(content.keys() & {"names", "nc"}) and bool(content.keys() & {"train", "val"})
    )


def _read(path: Path) -> DataYaml:
    try:
        content = yaml.safe_load(read_text(path))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file; expected a data set as `uncover labels` makes it") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        content = {}
    problems: list[str] = []
    names = _names(content, problems)
    entries = _entries(content, problems)
    keypoints = _keypoints(content, problems)
    root = content.get("path")
    if root is not None and not isinstance(root, str):
        problems.append(f"path is {root!r:.60}; expected a folder")
    if problems:
        raise InputError(f"{path}: {'; '.join(problems)}")
    return DataYaml(path, names, entries, root or "", keypoints)


def _names(content: Mapping[str, Any], problems: list[str]) -> dict[int, str]:
    names, count = content.get("names"), content.get("nc")
    if isinstance(count, str | float) and str(count).removesuffix(".0").isdecimal():
        count = int(float(count))
    if names is None and isinstance(count, int) and count > 0:
        return {number: f"class_{number}" for number in range(count)}  # the names that ultralytics assigns
    if isinstance(names, list):
        names = dict(enumerate(names))
    if isinstance(names, dict):
        names = {int(key) if isinstance(key, str) and key.isdecimal() else key: name for key, name in names.items()}
    if not isinstance(names, dict) or not names or not all(type(key) is int and key >= 0 for key in names):
        problems.append("has no class names; expected `names:` with a name per class id")
        return {}
    if len(set(map(str, names.values()))) < len(names):
        problems.append("uses one name for two classes; expected a different name for each")
    if isinstance(count, int) and count != len(names):
        problems.append(f"nc is {count}, but names has {len(names)}; expected the same number")
    return {key: str(names[key]).strip() for key in sorted(names)}


def _entries(content: Mapping[str, Any], problems: list[str]) -> dict[str, list[str]]:
    entries: dict[str, list[str]] = {}
    known = {key: name for name, keys in SETS.items() for key in keys}
    for key, value in content.items():
        name = known.get(key, str(key))
        listed = value if isinstance(value, list) else [value]
        if all(isinstance(entry, str) and entry.strip() for entry in listed):
            if name in SETS and name in entries and entries[name] != listed:
                problems.append(f"lists {name} twice, as {' and '.join(SETS[name])}; leave one out")
            entries[name] = [entry.strip() for entry in listed]
        elif key in known and value not in (None, "", []):
            problems.append(f"{key} is {value!r:.60}; expected a folder, a list of images in a text file, or several")
    return {name: entry for name, entry in entries.items() if name not in ("path", "names", "nc", "download")}


def _keypoints(content: Mapping[str, Any], problems: list[str]) -> tuple[int, int] | None:
    shape = content.get("kpt_shape")
    if shape is None:
        return None
    if isinstance(shape, list) and len(shape) == 2 and all(type(each) is int and each > 0 for each in shape):
        return shape[0], shape[1]
    problems.append(f"kpt_shape is {shape!r:.60}; expected [landmarks, values of each], such as [5, 3]")
    return None


def find_class_names(places: Sequence[Path]) -> DataYaml | None:
    """Find the class names of label files in some folders; None if there are none.

    Args:
        places: Folders, the most likely first. Each may contain a YAML file, or a list such as classes.txt or
            obj.names.

    Raises:
        InputError: The file has no class names.
    """
    for folder in places:
        path = find_data_yaml(folder)
        if path is not None:
            return _read(path)
        for name in NAME_FILES:
            if (folder / name).is_file():
                return _read_names(folder / name)
    return None


def _read_names(path: Path) -> DataYaml:
    names = [line.strip() for line in read_text(path).splitlines()]
    while names and not names[-1]:
        names.pop()
    if not all(names) or not names:
        raise InputError(f"{path}: row {names.index('') + 1 if names else 1} has no class; expected one name per line")
    return DataYaml(path, dict(enumerate(names)))


def find_faces(names: Mapping[int, str], chosen: Sequence[str], where: str) -> frozenset[int]:
    """Ids of the classes that are whole faces.

    Args:
        names: Class names by id.
        chosen: Names given with --class; case is ignored.
        where: Source of the names, for errors.

    Raises:
        InputError: A chosen name does not exist, or none was chosen and it is ambiguous which class is the face.
    """
    if chosen:
        return choose_classes(names, chosen, where)
    if len(names) == 1:
        ((number, name),) = names.items()
        if not is_face(name):
            logger.info(f"note: {where}: using its only class, {name!r}, as the whole face")
        return frozenset({number})
    plain = [number for number, name in names.items() if is_face(name)]
    if len(plain) == 1:
        return frozenset(plain)
    why = "several of them may be the whole face" if plain else "none of them is clearly the whole face"
    raise InputError(f"{where}: has the classes {listed(names.values())}; {why}: pass --class NAME")


def choose_classes(names: Mapping[int, str], chosen: Sequence[str], where: str) -> frozenset[int]:
    """Ids of classes by name.

    Raises:
        InputError: A name does not exist.
    """
    ids = {name.casefold(): number for number, name in names.items()}
    unknown = [name for name in chosen if name.casefold() not in ids]
    if unknown:
        raise InputError(f"{where}: has no class {unknown[0]!r} (--class); its classes are {listed(names.values())}")
    return frozenset(ids[name.casefold()] for name in chosen)


def is_face(name: str) -> bool:
    """Whether a class name means a whole face: "face", "Faces", "infant_face", but not "face mask" or "no face"."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    return bool(words) and FACE.fullmatch(words[-1]) is not None and not (NEGATIONS | PARTS_OF_FACE) & set(words)


def listed(names: Collection[str]) -> str:
    """Class names for an error; long lists are shortened."""
    shown = [" ".join(name.split())[:40] for name in list(names)[:SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
