"""Photos for training on composed images: labels with a common definition of a face box, completed by teachers.

A box goes from the hairline to the chin. From 68 landmarks it is the box of the outline plus a forehead; boxes of data
sets are used as they are, minus the margin by which those of a data set are larger. If a teacher detects the same face,
the box is the mean of both. Confident detections of teachers become faces if labels may be incomplete; doubtful ones
are blurred, because it is unknown whether they are faces.
"""

from __future__ import annotations

import csv
import json
import logging
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_folder
from uncover.config.catalogue import LANDMARK_LAYOUTS
from uncover.config.packaged import YOUNGER, PhotoSource
from uncover.data.blocks import BLOCKS
from uncover.data.faces import Face, FrameFaces, Rejected
from uncover.data.frames import read_frames
from uncover.data.outlines import (
    Points,
    box_around,
    frame_of_box,
    frame_of_eyes_and_mouth,
    frame_of_landmarks,
    outline_of_box,
    outline_of_landmarks,
)
from uncover.data.parts import WHOLE_FACE
from uncover.data.photos import PhotoError, inspect_photo
from uncover.data.reading import LANDMARK_READERS, photo_ids
from uncover.data.yolo import IMAGES, LABELS, label_lines, place_image, write_data_yaml
from uncover.errors import InputError
from uncover.images.compose import DrawnFace
from uncover.images.composed import EMPTY, FACES, face_entry
from uncover.images.reading import COLOURS, read_image
from uncover.images.younger import look_younger
from uncover.metrics.detections import Detections, Detector, iou
from uncover.progress import track
from uncover.text_files import read_text

logger = logging.getLogger(__name__)

Image = NDArray[np.uint8]
Boxes = NDArray[np.float64]

COMPLETE, WORDS, FACE_WORDS = "complete.txt", "classes", "words.csv"
TRAIN, TEST = "train", "test"

AGREEMENT = 0.45
"""Minimum IoU of boxes of several teachers for one face."""
SAME_FACE, SEEN = 0.3, 0.2
"""Minimum IoU and confidence of a teacher's box that belongs to a labelled face."""
BESIDE, WITHIN = 0.25, 0.6
"""IoU with a labelled face, and share of a box in it, above which a teacher's box is not a further face."""
SMALLEST_PIECE = 70
PIECES, TRIES = 2, 30
GAPS, NO_AGREEMENT = "landmarks with gaps", "nothing that the teachers agree on"
"""Reasons to leave out a photo."""
QUALITY = 95
"""JPEG quality."""


@dataclass
class RawPhoto:
    """A photo of a raw data set.

    Attributes:
        name: Name that is valid for a file.
        stem: Stem of its file, which decides whether it is held out.
        path: Image file.
        part: Official part: "train", "test" or "".
        grade: Grade of occlusion, or "".
        boxes: float64 (N, 4), xyxy in pixels; of faces without landmarks.
        words: Attribute of each box in the data set, or the grade.
        landmarks: (68, 2) of each face that has landmarks.
        labelled: Whether the photo is annotated.
        complete: Whether every face in it has a box.
    """

    name: str
    stem: str
    path: Path
    part: str = ""
    grade: str = ""
    boxes: Boxes = field(default_factory=lambda: np.zeros((0, 4)))
    words: list[str] = field(default_factory=list)
    landmarks: list[Points] = field(default_factory=list)
    labelled: bool = True
    complete: bool = True

    def person(self) -> str:
        """Person of the photo: the first part of its name."""
        return self.stem.partition("_")[0]

    def block(self, settings: PhotoSource) -> str:
        """Group of photos that belong together: of one person, of neighbouring numbers, or a single photo."""
        if settings.hold_out == "people":
            return self.person()
        if settings.hold_out != "blocks":
            return self.name
        found = re.fullmatch(r"(.*?)_?(\d+)", self.stem)
        return self.stem if found is None else f"{found[1]}_{int(found[2]) // settings.every}"


@dataclass(frozen=True)
class Counts:
    """Counts of a folder of photos.

    Attributes:
        train: Training photos, without copies.
        train_faces: Faces in these photos.
        taught: Faces among these that only the teachers detected.
        younger: Copies with younger faces.
        test: Test photos.
        test_faces: Faces in these photos.
        left_out: Photos that are in neither set, by reason.
    """

    train: int
    train_faces: int
    taught: int
    younger: int
    test: int
    test_faces: int
    left_out: dict[str, int]


class Teacher:
    """Detectors that label photos: boxes on which all agree; for a single detector its own boxes, with landmarks."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        """
        Args:
            detectors: At least one detector.
        """
        self._detectors = detectors

    def __call__(self, image: Image) -> Detections:
        """Boxes sorted by falling confidence: the mean over the detectors, with 0 for one that misses the face.

        `found_by` is 1 if there are several detectors and all of them detect the face, else 0.
        """
        found = [detector.detect([image])[0] for detector in self._detectors]
        if len(found) == 1:
            return found[0].sorted()
        boxes = np.concatenate([each.boxes for each in found]).astype(np.float64)
        sure = np.concatenate([each.confidence for each in found]).astype(np.float64)
        of = np.repeat(np.arange(len(found)), [len(each) for each in found])
        clusters: list[tuple[float, int, NDArray[np.float64]]] = []
        left = np.ones(len(boxes), bool)
        while left.any():
            top = int(np.where(left, sure, -1).argmax())
            own = left & (iou(boxes[top][None], boxes) >= AGREEMENT)
            own[top] = True
            seen = {int(number) for number in of[own]}
            mean = sum(float(sure[own & (of == number)].max()) for number in seen) / len(found)
            box = np.average(boxes[own], axis=0, weights=sure[own] + 1e-9)
            clusters.append((mean, int(len(seen) == len(found)), box))
            left &= ~own
        return Detections(
            np.array([box for *_, box in clusters], np.float64).reshape(-1, 4),
            np.array([mean for mean, *_ in clusters], np.float64),
            found_by=np.array([agreed for _, agreed, _ in clusters], np.int64),
        ).sorted()


def read_photos(folder: Path, settings: PhotoSource) -> list[RawPhoto]:
    """Read a data set.

    Args:
        folder: Folder of the data set.
        settings: Layout, and which photos are complete.

    Raises:
        InputError: There is no usable photo.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected photos in the layout {settings.layout}")
    rejected: list[Rejected] = []
    photos: dict[str, RawPhoto] = {}
    items: Iterator[Face | FrameFaces | Rejected]
    if settings.layout in LANDMARK_LAYOUTS:
        items = LANDMARK_READERS[settings.layout](folder, None)
    else:
        items = read_frames(folder)
    for item in items:
        if isinstance(item, Rejected):
            rejected.append(item)
        elif isinstance(item, Face):
            own = photos.setdefault(item.photo, RawPhoto(item.photo, Path(item.photo).stem, item.image, item.part))
            own.landmarks.append(item.landmarks)
            own.complete = False
        else:
            photos[item.photo] = _of_frame(folder, item)
    for each in rejected:
        logger.warning(f"rejected: {each}")
    names = photo_ids(set(photos))
    for key, photo in photos.items():
        photo.name = names[key]
    if settings.complete:
        _mark_complete(folder / COMPLETE, list(photos.values()))
    if not photos:
        raise InputError(f"{folder}: no photo in the layout {settings.layout}")
    return list(photos.values())


def _of_frame(folder: Path, frame: FrameFaces) -> RawPhoto:
    photo = RawPhoto(frame.photo, frame.image.stem, frame.image, grade=frame.grade, labelled=frame.boxes is not None)
    photo.complete = photo.labelled
    if frame.boxes is None:
        return photo
    try:
        info = inspect_photo(frame.image)
    except PhotoError as error:
        raise InputError(f"{error}; fix or remove the photo") from None
    size = np.array([info.width, info.height] * 2, np.float64)
    photo.boxes = (frame.boxes * size if frame.normalised else frame.boxes).clip(0, size)
    label = folder / frame.annotation
    file = label.parent.parent / WORDS / f"{frame.image.stem}.txt"
    photo.words = read_text(file).split() if file.is_file() else [frame.grade] * len(photo.boxes)
    if len(photo.words) != len(photo.boxes):
        raise InputError(f"{file}: has {len(photo.words)} words for {len(photo.boxes)} boxes; expected one per box")
    return photo


def _mark_complete(path: Path, photos: Sequence[RawPhoto]) -> None:
    try:
        listed = set(read_text(path).split())
    except FileNotFoundError:
        raise InputError(
            f"{path}: does not exist; expected the names of all photos in which every face has a box"
        ) from None
    for photo in photos:
        photo.complete = bool({photo.stem, photo.path.name} & listed)
    if not any(photo.complete for photo in photos):
        raise InputError(f"{path}: names none of the {len(photos)} photos; expected one name per line")


def is_held_out(photo: RawPhoto, settings: PhotoSource) -> bool:
    """Whether a photo is held out from training; depends on its name only, so it is always the same."""
    if settings.hold_out == "official":
        return photo.part == "test"
    if settings.hold_out == "blocks":
        block = photo.block(settings)
        number = 0 if block == photo.stem else int(block.rpartition("_")[2])
        return settings.half != "all" and number % 2 != "ab".index(settings.half)
    if settings.hold_out == "names" and not photo.complete and settings.complete:
        return False
    name = photo.person() if settings.hold_out == "people" else photo.stem
    return zlib.crc32(name.encode()) % 1000 < settings.held_out * 1000


def make_face_photos(
    folder: Path,
    out: Path,
    group: str,
    settings: PhotoSource,
    teacher: Callable[[Image], Detections] | None,
    seed: int = 0,
) -> Counts:
    """Write `OUT/train`, the sources of composed images, and `OUT/test` for evaluation.

    Args:
        folder: Folder of the raw photos.
        out: Output folder, replaced as a whole.
        group: Name of the source, which determines how often it is drawn.
        settings: How to read it.
        teacher: Completes its labels; None for no teacher.
        seed: Seed of background pieces and younger faces.

    Raises:
        InputError: There is no usable photo, or no photo for training or for testing.
    """
    photos = read_photos(folder, settings)
    if settings.layout == "images" and teacher is None:
        raise InputError(f"{folder}: has no boxes; pass --teacher to label its faces")
    with new_folder(out, "face_photos") as new:
        train, test = _TrainFolder(new / TRAIN, group, settings, teacher), _TestFolder(new / TEST, new, out, settings)
        left_out: dict[str, int] = {}
        for photo in track(sorted(photos, key=lambda each: each.name), f"reading {group}"):
            gaps = any(np.isnan(points).any() for points in photo.landmarks)
            held = is_held_out(photo, settings)
            if gaps:
                left_out[GAPS] = left_out.get(GAPS, 0) + 1
                continue
            # If blocks are used for training, scores are from detectors that were trained without the block.
            tested = held or (settings.hold_out == "blocks" and settings.half == "all")
            if tested and photo.labelled:
                test.add(photo)
            if not held and not train.add(photo, np.random.default_rng([seed, zlib.crc32(photo.name.encode())])):
                left_out[NO_AGREEMENT] = left_out.get(NO_AGREEMENT, 0) + 1
        train.finish()
        test.finish()
        if not train.entries:
            raise InputError(f"{folder}: no training photo; hold out fewer photos")
        counts = Counts(
            train.photos,
            train.faces,
            train.taught,
            train.younger,
            test.photos,
            test.faces,
            dict(sorted(left_out.items())),
        )
        record = {"group": group, "settings": settings.model_dump(mode="json"), "counts": counts.__dict__}
        (new / "summary.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return counts


class _TrainFolder:
    """Training photos, written one by one."""

    def __init__(
        self, folder: Path, group: str, settings: PhotoSource, teacher: Callable[[Image], Detections] | None
    ) -> None:
        for name in (IMAGES, LABELS, EMPTY):
            (folder / name).mkdir(parents=True)
        self._folder, self._group, self._settings, self._teacher = folder, group, settings, teacher
        self.entries: dict[str, object] = {}
        self.photos = self.faces = self.taught = self.younger = 0

    def add(self, photo: RawPhoto, rng: np.random.Generator) -> bool:
        """Write a photo and its copies; False if it has no annotation and the teachers do not agree on any box."""
        settings = self._settings
        whole = read_image(photo.path, COLOURS)
        pixels, gain = _shrunk(whole, settings.longest)
        seen = self._teacher(whole).scaled(gain, gain) if self._teacher else Detections.empty()
        landmarks = [points * gain for points in photo.landmarks]
        faces = [DrawnFace(outline_of_landmarks(points), frame_of_landmarks(points)) for points in landmarks]
        labels = [box_around(face.outline) for face in faces]
        for box, word in zip(photo.boxes * gain, photo.words, strict=True):
            labels.append(box)
            faces.append(_joined(box, seen, settings, word.startswith(settings.covered) if settings.covered else False))
        known = len(faces)
        faces += _taught_faces(pixels, seen, np.array(labels).reshape(-1, 4), photo, settings)
        if not photo.labelled and not faces:
            return False
        self._write(photo.name, pixels, self._group, faces)
        self.photos, self.faces, self.taught = (
            self.photos + 1,
            self.faces + len(faces),
            self.taught + len(faces) - known,
        )
        if rng.random() < settings.pieces:
            self._cut_pieces(photo.name, pixels, faces, seen, rng)
        for number in range(settings.younger if landmarks else 0):
            made = look_younger(pixels, landmarks, faces, rng)
            if made is not None:
                self._write(f"{photo.name}__{YOUNGER}{number}", made[0], YOUNGER, made[1])
                self.younger += 1
        return True

    def _write(self, name: str, pixels: Image, group: str, faces: Sequence[DrawnFace]) -> None:
        height, width = pixels.shape[:2]
        _write_jpeg(self._folder / IMAGES / f"{name}.jpg", pixels)
        boxes = np.array([box_around(face.outline) for face in faces]).reshape(-1, 4).clip(0, [width, height] * 2)
        boxes = boxes[(boxes[:, 2:] - boxes[:, :2] >= 1).all(1)]
        lines = label_lines([WHOLE_FACE] * len(boxes), boxes, width, height)
        (self._folder / LABELS / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self.entries[f"{name}.jpg"] = face_entry(group, faces)

    def _cut_pieces(
        self, name: str, pixels: Image, faces: Sequence[DrawnFace], seen: Detections, rng: np.random.Generator
    ) -> None:
        """Pieces that touch neither a face nor a detection of a teacher."""
        h, w = pixels.shape[:2]
        boxes = np.concatenate([np.array([box_around(face.outline) for face in faces]).reshape(-1, 4), seen.boxes])
        found = 0
        for _ in range(TRIES):
            high, wide = int(h * rng.uniform(0.25, 0.8)), int(w * rng.uniform(0.25, 0.8))
            y, x = int(rng.integers(0, h - high + 1)), int(rng.integers(0, w - wide + 1))
            apart = (
                (boxes[:, 2] < x - 3)
                | (boxes[:, 0] > x + wide + 3)
                | (boxes[:, 3] < y - 3)
                | (boxes[:, 1] > y + high + 3)
            )
            if min(high, wide) > SMALLEST_PIECE and apart.all():
                _write_jpeg(self._folder / EMPTY / f"{name}__{found}.jpg", pixels[y : y + high, x : x + wide])
                found += 1
            if found == PIECES:
                return

    def finish(self) -> None:
        """Write the files that describe the photos."""
        (self._folder / FACES).write_text(json.dumps(self.entries) + "\n", encoding="utf-8")
        write_data_yaml(self._folder, {"train": IMAGES, "val": IMAGES})


class _TestFolder:
    """Test photos, unchanged."""

    def __init__(self, folder: Path, now: Path, final: Path, settings: PhotoSource) -> None:
        for name in (IMAGES, LABELS):
            (folder / name).mkdir(parents=True)
        self._folder, self._final, self._settings = folder, final / folder.relative_to(now), settings
        self._rows: list[dict[str, object]] = []
        self._blocks: list[tuple[str, str]] = []
        self.photos = self.faces = 0

    def add(self, photo: RawPhoto) -> None:
        """Link a photo and write its boxes."""
        try:
            info = inspect_photo(photo.path)
        except PhotoError as error:
            raise InputError(f"{error}; fix or remove the photo") from None
        name = place_image(photo.path, info, photo.name, self._folder / IMAGES, self._final / IMAGES)
        outlines = [box_around(outline_of_landmarks(points)) for points in photo.landmarks]
        size = np.array([info.width, info.height] * 2, np.float64)
        boxes = np.concatenate([np.array(outlines).reshape(-1, 4), photo.boxes]).clip(0, size)
        words = [photo.grade] * len(outlines) + photo.words
        lines = label_lines([WHOLE_FACE] * len(boxes), boxes, info.width, info.height)
        if len(lines) != len(words):
            raise InputError(f"{photo.path}: duplicate box in its annotation; remove one")
        (self._folder / LABELS / f"{photo.name}.txt").write_text(
            "".join(f"{line}\n" for line in lines), encoding="utf-8"
        )
        self._rows += [
            {"image": name, "number": number, "word": word, "grade": photo.grade} for number, word in enumerate(words)
        ]
        self._blocks.append((name, photo.block(self._settings)))
        self.photos, self.faces = self.photos + 1, self.faces + len(words)

    def finish(self) -> None:
        """Write the files that describe the photos: attributes of each face, and blocks of photos."""
        write_data_yaml(self._folder, {"train": IMAGES, "val": IMAGES})
        with (self._folder / FACE_WORDS).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ("image", "number", "word", "grade"), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
        with (self._folder / BLOCKS).open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("image", "block"))
            rows.writerows(self._blocks)


def _shrunk(pixels: Image, longest: int) -> tuple[Image, float]:
    gain = min(longest / max(pixels.shape[:2]), 1.0)
    if gain == 1:
        return pixels.copy(), 1.0
    return np.asarray(cv2.resize(pixels, None, fx=gain, fy=gain, interpolation=cv2.INTER_AREA), np.uint8), gain


def _write_jpeg(path: Path, pixels: Image) -> None:
    if not cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
        raise OSError(f"could not write {path}")


def _joined(box: NDArray[np.float64], seen: Detections, settings: PhotoSource, covered: bool) -> DrawnFace:
    """A labelled face: the mean of its box and a teacher's, or the teacher's if boxes of the data set are larger."""
    side = np.tile(box[2:] - box[:2], 2)
    larger = any(settings.margins)
    own = box + np.array(settings.margins) * [1, 1, -1, -1] * side
    overlaps = iou(seen.boxes.astype(np.float64), box[None]) if len(seen) else np.zeros(0)
    best = int(overlaps.argmax()) if len(overlaps) else -1
    if best < 0 or overlaps[best] <= SAME_FACE or seen.confidence[best] <= SEEN:
        return DrawnFace(outline_of_box(own), frame_of_box(own), covered)
    theirs = seen.boxes[best].astype(np.float64)
    joint = theirs if larger else (own + theirs) / 2
    return DrawnFace(outline_of_box(joint), _frame_seen(seen, best, joint), covered)


def _frame_seen(seen: Detections, row: int, box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frame of a face from a teacher that detects eyes and mouth, otherwise from its box."""
    if seen.landmarks is not None:
        right, left, _, *mouth = seen.landmarks[row].astype(np.float64)
        frame = frame_of_eyes_and_mouth(right, left, np.mean(mouth, axis=0))
        if np.linalg.det(frame[:, :2]) > 0:
            return frame
    return frame_of_box(box)


def _taught_faces(
    pixels: Image, seen: Detections, known: Boxes, photo: RawPhoto, settings: PhotoSource
) -> list[DrawnFace]:
    """Unlabelled faces that a teacher detects with confidence; doubtful ones are blurred."""
    faces: list[DrawnFace] = []
    taken: list[NDArray[np.float64]] = list(known)
    for row in range(len(seen)):
        box, sure = seen.boxes[row].astype(np.float64), float(seen.confidence[row])
        # A face that one of several teachers misses is only blurred, however confident the others are.
        agreed = seen.found_by is None or bool(seen.found_by[row])
        if sure < settings.doubtful or any(_covers(other, box) for other in taken):
            continue
        if sure >= settings.sure and agreed and not photo.complete:
            faces.append(DrawnFace(outline_of_box(box), _frame_seen(seen, row, box), not photo.labelled))
            taken.append(box)
        elif not photo.complete or sure >= settings.sure:
            _paint_over(pixels, box)
    return faces


def _covers(known: NDArray[np.float64], box: NDArray[np.float64]) -> bool:
    common = (np.minimum(box[2:], known[2:]) - np.maximum(box[:2], known[:2])).clip(0).prod()
    return bool(iou(known, box) > BESIDE or common / max((box[2:] - box[:2]).prod(), 1.0) > WITHIN)


def _paint_over(pixels: Image, box: NDArray[np.float64]) -> None:
    """Blur a possible face to its colours."""
    x1, y1, x2, y2 = np.rint(box).astype(int).clip(0, [pixels.shape[1], pixels.shape[0]] * 2).tolist()
    w, h = x2 - x1, y2 - y1
    if min(w, h) < 2:
        return
    part = pixels[y1:y2, x1:x2]
    flat = cv2.resize(cv2.resize(part, (2, 2), interpolation=cv2.INTER_AREA), (w, h))
    mask = np.zeros((h, w), np.float32)
    cv2.ellipse(mask, (w // 2, h // 2), (w // 2, h // 2), 0, 0, 360, (1.0,), -1)
    part[:] = (part * (1 - mask[..., None]) + flat * mask[..., None]).astype(np.uint8)
