"""Frames with boxes of whole faces, or with no annotation at all, as the usual tools leave them.

Graded frames (SLAPI's layout): `<grade>/images/`, `<grade>/labels/*.txt` in YOLO form (class 0 = face), or a COCO
JSON in `<grade>/` instead of the labels. A folder without grades is read in the same way, and one that holds
images directly (Hand Over Face) too; their labels may stand beside the images as Darknet has them, in COCO files beside
them or in `annotations/`, or in an XML file of Pascal VOC each.
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
"""Of files that may say something of the images; which of them were not used is told."""

_Classes = tuple[Collection[int], Collection[int] | None, tuple[int, int] | None]
"""Ids of the faces, ids that may stand in a label file, and what landmarks may."""

PICKED, PROPOSALS = "frames.csv", "proposals"
"""Of frames that `uncover frames` picked: their list, and where boxes stand that nobody has looked at."""

TABLES = ("synthetic.json", "blocks.csv", "infants.csv", PICKED, "imports.csv", "rejected.csv")
"""Of our own synthetic data and picked frames, and what people say of whom photos show (`uncover.data.blocks`)."""

READ_ME = ("readme", "license", "licence", "requirements", *TABLES)
"""How files begin that are about a folder as a whole."""

SET_LISTS = ("train.txt", "val.txt", "valid.txt", "test.txt")
"""Lists of the images of a set, which say nothing of what is in them."""

SHOWN = 3


def find_grades(root: Path) -> list[str]:
    """Names of the folders below `root` that hold an `images` folder, in alphabetical order."""
    return sorted(folder.parent.name for folder in root.glob("*/images") if folder.is_dir())


def read_frames(
    root: Path, grade: str | None = None, classes: Sequence[str] = (), choice: Choice | None = None
) -> Iterator[FrameFaces | Rejected]:
    """Read the images of `root` and what is annotated of them.

    Files of annotations that belong to no image, or are of no kind that is read, are counted aloud.

    Args:
        root: Folder of grades, or of `images/` and `labels/`, or of images.
        grade: Read this grade only; None reads whatever is there.
        classes: Names of the classes that are whole faces; needed where it is not plain which class is.
        choice: Which frames and boxes count; None: all do.

    Raises:
        InputError: There is no such grade, or no image at all, or a COCO file that is none, or it is not plain which of
            several classes is the face, or no frame counts.
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
        raise InputError(f"{root}: no grade '{grade}' (no {grade}/images in it); grades found: {there}")
    folders = {name: root / name for name in ([grade] if grade is not None else grades)} or {"": root}
    shown = {name: _find_images(folder) for name, folder in folders.items()}
    if not any(paths for _, paths in shown.values()):
        where = ", ".join(str(images) for images, _ in shown.values())
        raise InputError(f"{where}: no image in it (looked for {', '.join(sorted(ENDINGS))})")
    for stray in sorted(path for path in root.iterdir() if path.is_dir() and grades and path.name not in grades):
        if grade is None and any(map(is_image, stray.iterdir())):
            yield Rejected(stray.name, 0, "", "unknown_folder", "holds images, but no images/ folder as a grade does")
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
    """Files at any depth that end so, in upper or lower case; hidden ones are passed over."""
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
    """All files below a folder that may say something of its images."""

    def __init__(self, root: Path, folders: Sequence[Path], images: Sequence[Path], classes: Sequence[str]) -> None:
        self._root, self._chosen = root, classes
        everything = _files_below(root, ANNOTATION_SUFFIXES)
        # With one grade of several, the others' files are nobody's business.
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
        """Files of which nothing was read so far."""
        return list(self._unused)

    def use(self, files: Iterable[Path]) -> None:
        """Count files as read, as others read them."""
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
        """COCO's own downloads have the boxes in instances_*.json, beside files of captions and keypoints."""
        instances = [other for other in self._files.values() if other.parent == path.parent and _is_instances(other)]
        return not instances or _is_instances(path)

    def read(self, folder: Path, images: Path, paths: Sequence[Path], grade: str) -> Iterator[FrameFaces | Rejected]:
        """Frames of a folder, with the labels that belong to no image."""
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
        """The label file of an image: in labels/, in Pascal VOC's folder, beside the folder of images, or beside it."""
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
        """Names of the objects that are faces, of all that any image's file names."""
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
                    f"--class {self._chosen[0]}: nothing names the classes of {label}; expected data.yaml, classes.txt"
                    " or obj.names with them, or the number of the class"
                )
        return self._faces[label.parent]

    def lost(self) -> Iterator[Rejected]:
        """Images that COCO files list and nobody has."""
        for file, name, why in sorted(self._coco.lost(), key=lambda each: (each[0].path, each[1])):
            self._unused.pop(file.path, None)
            annotation = file.path.relative_to(self._root).as_posix()
            where = f"{file.path.parent.name or '.'}/"
            reason, detail = ("ambiguous_photo", why) if why else ("missing_photo", f"no such image for {where}")
            yield Rejected(annotation, 0, "", reason, f"{name[:80]!r}: {detail}")

    def tell(self) -> None:
        """Say what was found and not used, and what was used otherwise than it stands there."""
        self._coco.tell_crowds()
        if self._polygons:
            logger.info(
                f"note: {self._root}: {self._polygons} label files hold polygons or landmarks; their boxes are taken"
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
                f"{self._root}: {len(names)} {suffix} files are passed over, as they belong to no image or are"
                f" of no kind that is read: {such}"
            )


def _is_instances(path: Path) -> bool:
    return path.suffix.lower() == ".json" and path.name.lower().startswith("instances")
