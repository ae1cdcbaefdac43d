"""Frames with boxes of whole faces, or without annotation, in the formats of common tools.

Graded frames (SLAPI's layout): `<grade>/images/`, `<grade>/labels/*.txt` in YOLO form (class 0 = face), or a COCO
JSON in `<grade>/` instead of the labels. A folder without grades is read in the same way, and one that holds
images directly (Hand Over Face) too; their labels may be beside the images as in Darknet, in COCO files beside
them or in `annotations/`, or in one Pascal VOC XML file per image.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uncover.data.choice import Choice, choose_frames
from uncover.data.coco import CocoIndex, read_coco
from uncover.data.data_yaml import NAME_FILES, find_class_names, find_faces
from uncover.data.faces import FrameFaces, Rejected, RowError
from uncover.data.voc import VocFile, read_voc
from uncover.data.yolo import FACE_CLASS, parse_yolo
from uncover.errors import InputError
from uncover.image_files import ENDINGS, find_images, is_image, log_passed_over
from uncover.text_files import read_text

logger = logging.getLogger(__name__)

IMAGE_FOLDERS = ("images", "photos", "JPEGImages")
_IMAGE_FOLDERS = frozenset(map(str.lower, IMAGE_FOLDERS))
LABEL_FOLDERS = ("labels", "Annotations", "annotations")
ANNOTATION_SUFFIXES = (".txt", ".json", ".xml", ".csv", ".tsv", ".jsonl", ".pts", ".mat", ".tfrecord")
"""Suffixes of files that may contain annotations; unused ones are logged."""

_Classes = tuple[Collection[int], Collection[int] | None, tuple[int, int] | None]
"""Ids of the faces, permitted ids in a label file, and permitted numbers of landmarks and values."""

PICKED, PROPOSALS = "frames.csv", "proposals"
"""Files of frames that `uncover frames` picked: their list, and the folder of unreviewed boxes."""

TABLES = ("synthetic.json", "blocks.csv", "infants.csv", PICKED, "imports.csv", "rejected.csv")
"""Files of synthetic data and picked frames, and tables of the persons in photos (`uncover.data.blocks`)."""

READ_ME = ("readme", "license", "licence", "requirements", *TABLES)
"""Prefixes of files that describe a folder as a whole."""

SET_LISTS = ("train.txt", "val.txt", "valid.txt", "test.txt")
"""Lists of the images of a set, which contain no annotations."""

SHOWN = 3


def find_grades(root: Path) -> list[str]:
    """Names of the folders below `root` that contain an `images` folder, in alphabetical order."""
    return sorted(folder.parent.name for folder in root.glob("*/images") if folder.is_dir())


def read_frames(
    root: Path, grade: str | None = None, classes: Sequence[str] = (), choice: Choice | None = None
) -> Iterator[FrameFaces | Rejected]:
    """Read the images of `root` and their annotations.

    The number of annotation files that belong to no image or have an unknown format is logged.

    Args:
        root: Folder of grades, or of `images/` and `labels/`, or of images.
        grade: Read this grade only; None reads all.
        classes: Names of the classes that are whole faces; required if ambiguous.
        choice: Which frames and boxes to use; None uses all.

    Raises:
        InputError: The grade does not exist, there is no image, a COCO file is invalid, it is ambiguous which of
            several classes is the face, or no frame is chosen.
    """
    if choice is None:
        yield from _read_all(root, grade, classes, Choice())
        return
    folder = None if choice.grades else grade
    yield from choose_frames(_read_all(root, folder, classes, choice), root, choice, grade)


def _read_all(root: Path, grade: str | None, classes: Sequence[str], choice: Choice) -> Iterator[FrameFaces | Rejected]:
    grades = find_grades(root)
    if grade is not None and grade not in grades:
        there = ", ".join(grades) if grades else "none"
        raise InputError(f"{root}: no grade '{grade}' (no folder {grade}/images); grades found: {there}")
    folders = {name: root / name for name in ([grade] if grade is not None else grades)} or {"": root}
    shown = {name: _find_images(folder) for name, folder in folders.items()}
    if not any(paths for _, paths in shown.values()):
        where = ", ".join(str(images) for images, _ in shown.values())
        raise InputError(f"{where}: no image in it (looked for {', '.join(sorted(ENDINGS))})")
    for stray in sorted(path for path in root.iterdir() if path.is_dir() and grades and path.name not in grades):
        if grade is None and any(map(is_image, stray.iterdir())):
            yield Rejected(stray.name, 0, "", "unknown_folder", "contains images, but not in a folder images/")
    files = _Annotations(root, list(folders.values()), [path for _, paths in shown.values() for path in paths], classes)
    files.use(choice.read(files.unused, root))
    for name, folder in folders.items():
        images, paths = shown[name]
        if not paths:
            yield Rejected(images.relative_to(root).as_posix(), 0, "", "empty_folder", "no image in it")
        yield from files.read(folder, images, paths, name)
    yield from files.lost()
    files.tell()


def _find_images(folder: Path) -> tuple[Path, list[Path]]:
    images = next((folder / name for name in IMAGE_FOLDERS if (folder / name).is_dir()), folder)
    found, others = find_images(images)
    log_passed_over(images, others)
    return images, found


def _files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files at any depth with these suffixes, in upper or lower case; hidden files are skipped."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in names
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes
        ]
    return sorted(found)


class _Annotations:
    """All files below a folder that may contain annotations of its images."""

    def __init__(self, root: Path, folders: Sequence[Path], images: Sequence[Path], classes: Sequence[str]) -> None:
        self._root, self._chosen = root, classes
        everything = _files_below(root, ANNOTATION_SUFFIXES)
        # When one of several grades is read, files of the others are not reported as unused.
        others = [root / name for name in find_grades(root) if root / name not in folders]
        mine = [path for path in everything if not any(path.is_relative_to(other) for other in others)]
        self._files = {path.with_suffix(path.suffix.lower()): path for path in mine}
        self._any_case = {str(path).casefold(): path for path in mine}
        self._unused = dict.fromkeys(self._files.values())
        self._faces: dict[Path, _Classes] = {}
        self._polygons = 0
        self._voc: dict[Path, VocFile | RowError] = {}
        self._coco = CocoIndex(self._coco_files(), root, images)
        self._voc_faces: frozenset[str] | None = None

    @property
    def unused(self) -> list[Path]:
        """Files that have not been used so far."""
        return list(self._unused)

    def use(self, files: Iterable[Path]) -> None:
        """Mark files as used by other readers."""
        for path in files:
            self._unused.pop(path, None)

    def _coco_files(self) -> list:
        found = []
        for path in [path for path in self._files.values() if path.suffix.lower() == ".json"]:
            file = read_coco(path, self._chosen) if self._is_first_choice(path) else None
            if file is not None:
                found.append(file)
        return found

    def _is_first_choice(self, path: Path) -> bool:
        """COCO's own downloads have boxes in instances_*.json, beside files of captions and keypoints."""
        instances = [other for other in self._files.values() if other.parent == path.parent and _is_instances(other)]
        return not instances or _is_instances(path)

    def read(self, folder: Path, images: Path, paths: Sequence[Path], grade: str) -> Iterator[FrameFaces | Rejected]:
        """Yield the frames of a folder, and the labels that belong to no image."""
        for path in paths:
            photo = path.relative_to(self._root).as_posix()
            label = path
            try:
                entry = self._coco.of(path)
                if entry is not None:
                    file, name = entry
                    label = file.path
                    self._unused.pop(label, None)
                    yield self._of_coco(photo, path, grade, file.boxes[name], label, file.sizes.get(name))
                    continue
                found = self._find(folder, images, path)
                if found is None:
                    yield FrameFaces(photo, path, grade, "", None)
                    continue
                label = found
                self._unused.pop(label, None)
                yield (
                    self._of_voc(photo, path, grade, label)
                    if label.suffix.lower() == ".xml"
                    else self._of_yolo(photo, path, grade, folder, label)
                )
            except RowError as error:
                annotation = label.relative_to(self._root).as_posix()
                yield Rejected(annotation, error.row, photo, "malformed_row", str(error))
            except OSError as error:
                annotation = label.relative_to(self._root).as_posix()
                yield Rejected(annotation, 0, photo, "unreadable_label", f"cannot be read ({error.strerror})")
        labels = folder / "labels"
        shown = {path.relative_to(images).with_suffix("") for path in paths}
        for usual, path in sorted(self._files.items()):
            if usual.suffix != ".txt" or not path.is_relative_to(labels) or path.name in NAME_FILES:
                continue
            if path.relative_to(labels).with_suffix("") not in shown and path in self._unused:
                self._unused.pop(path)
                name = path.relative_to(self._root).as_posix()
                yield Rejected(name, 0, "", "missing_photo", f"no image of this name in {images.name}/")

    def _find(self, folder: Path, images: Path, path: Path) -> Path | None:
        """Label file of an image: in labels/, in the folder of Pascal VOC, beside the folder of images, or beside the
        image.
        """
        relative = path.relative_to(images)
        folders = [folder / name / relative for name in LABEL_FOLDERS]
        parts = [part.lower() for part in path.parts[:-1]]
        last = max((place for place, part in enumerate(parts) if part in _IMAGE_FOLDERS), default=None)
        if last is not None and path.parents[len(parts) - last - 1].is_relative_to(self._root):
            above, below = Path(*path.parts[:last]), path.parts[last + 1 :]
            folders += [above.joinpath(name, *below) for name in LABEL_FOLDERS]
        places = [*folders, path]
        for each in (place.with_suffix(suffix) for suffix in (".txt", ".xml") for place in places):
            found = self._files.get(each) or self._any_case.get(str(each).casefold())
            if found is not None and (found.suffix.lower() == ".txt" or self._voc_of(found) is not None):
                return found
        return None

    def _voc_of(self, path: Path) -> VocFile | RowError | None:
        if path not in self._voc:
            try:
                file = read_voc(path)
            except RowError as error:
                self._voc[path] = error
                return error
            if file is None:
                return None
            self._voc[path] = file
        return self._voc[path]

    def _of_coco(
        self,
        photo: str,
        path: Path,
        grade: str,
        boxes: NDArray[np.float64] | RowError,
        label: Path,
        size: tuple[int, int] | None,
    ) -> FrameFaces:
        if isinstance(boxes, RowError):
            raise boxes
        return FrameFaces(photo, path, grade, label.relative_to(self._root).as_posix(), boxes, False, size)

    def _of_voc(self, photo: str, path: Path, grade: str, label: Path) -> FrameFaces:
        file = self._voc_of(label)
        if isinstance(file, RowError):
            raise file
        assert file is not None, "found as an annotation"
        if self._voc_faces is None:
            self._voc_faces = self._find_voc_faces()
        mine = [number for number, name in enumerate(file.names) if name in self._voc_faces]
        return FrameFaces(
            photo, path, grade, label.relative_to(self._root).as_posix(), file.boxes[mine], False, file.size
        )

    def _find_voc_faces(self) -> frozenset[str]:
        """Names of the objects that are faces, among all names in the files of the images."""
        names: set[str] = set()
        for path in [path for path in self._files.values() if path.suffix.lower() == ".xml"]:
            file = self._voc_of(path)
            names.update(file.names if isinstance(file, VocFile) else ())
        known = dict(enumerate(sorted(names)))
        return frozenset(known[number] for number in find_faces(known, self._chosen, f"{self._root}: Pascal VOC"))

    def _of_yolo(self, photo: str, path: Path, grade: str, folder: Path, label: Path) -> FrameFaces:
        text = read_text(label, "replace")
        boxes = parse_yolo(text, *self._classes_of(folder, label))
        self._polygons += any(len(line.split()) > 6 for line in text.splitlines())
        return FrameFaces(photo, path, grade, label.relative_to(self._root).as_posix(), boxes)

    def _classes_of(self, folder: Path, label: Path) -> _Classes:
        if label.parent not in self._faces:
            above = [parent for parent in label.parents if parent.is_relative_to(self._root)]
            described = find_class_names(list(dict.fromkeys([label.parent, folder / "labels", folder, *above])))
            if described is not None:
                faces = find_faces(described.names, self._chosen, str(described.path))
                self._unused.pop(described.path, None)
                self._faces[label.parent] = faces, described.names.keys(), described.keypoints
            elif not self._chosen:
                self._faces[label.parent] = frozenset({FACE_CLASS}), frozenset({FACE_CLASS}), None
            elif all(name.isdecimal() for name in self._chosen):
                self._faces[label.parent] = frozenset(map(int, self._chosen)), None, None
            else:
                raise InputError(
                    f"--class {self._chosen[0]}: no file names the classes of {label}; add data.yaml, classes.txt"
                    " or obj.names with their names, or pass the number of the class"
                )
        return self._faces[label.parent]

    def lost(self) -> Iterator[Rejected]:
        """Images listed in COCO files that do not exist."""
        for file, name, why in sorted(self._coco.lost(), key=lambda each: (each[0].path, each[1])):
            self._unused.pop(file.path, None)
            annotation = file.path.relative_to(self._root).as_posix()
            where = f"{file.path.parent.name or '.'}/"
            reason, detail = ("ambiguous_photo", why) if why else ("missing_photo", f"no such image for {where}")
            yield Rejected(annotation, 0, "", reason, f"{name[:80]!r}: {detail}")

    def tell(self) -> None:
        """Log which files were not used, and which annotations were converted."""
        self._coco.tell_crowds()
        if self._polygons:
            logger.info(
                f"note: {self._root}: {self._polygons} label files contain polygons or landmarks; using their boxes"
            )
        by_suffix: dict[str, list[str]] = defaultdict(list)
        picked = (self._root / PICKED).is_file()
        for path in self._unused:
            name = path.relative_to(self._root).as_posix()
            known = path.name.lower().startswith(READ_ME) or path.name in (*NAME_FILES, *SET_LISTS)
            if not known and not (picked and f"/{PROPOSALS}/" in name):
                by_suffix[path.suffix.lower()].append(name)
        for suffix, names in sorted(by_suffix.items()):
            such = ", ".join(sorted(names)[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
            logger.warning(
                f"{self._root}: skipped {len(names)} {suffix} files that belong to no image or have an unknown"
                f" format: {such}"
            )


def _is_instances(path: Path) -> bool:
    return path.suffix.lower() == ".json" and path.name.lower().startswith("instances")
