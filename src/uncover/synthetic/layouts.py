"""Rendered raw data sets, in the layouts of the real ones."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.data.faces import PART_OF_FOLDER, POSES, Visibility
from uncover.errors import InputError
from uncover.progress import track
from uncover.synthetic import adults, infants
from uncover.synthetic.compose import Photo, Truth, compose
from uncover.synthetic.scene import Scene, happens, rng_of
from uncover.synthetic.surfaces import Array

_EVENTS = (
    "0--Parade",
    "7--Cheering",
    "12--Group",
    "20--Family_Group",
    "31--Waiter_Waitress",
    "36--Football",
    "52--Photographers",
)
# Numbers of the two official parts do not overlap, so that more photos of one part do not change names of the other.
_FIRST_TEST_NUMBER = 50_000
# One photo in twenty of MERL-RAV's official train part has a face in the test part.
_SPLIT_EVERY, _SPLIT_AT = 20, 7
_HALF_PROFILE, _FULL_PROFILE = 22.0, 58.0
_SUBJECTS = 8


@dataclass(frozen=True)
class Counts:
    """Numbers of written photos, and of annotated (or at least visible) faces in them."""

    photos: int
    faces: int


def _check(size: int, **counts: int) -> None:
    if size < 64:
        raise InputError(f"--size {size}: expected a longest side of at least 64 pixels")
    for name, count in counts.items():
        if not 0 <= count < _FIRST_TEST_NUMBER:
            raise InputError(f"--{name} {count}: expected a number of photos from 0 to {_FIRST_TEST_NUMBER - 1}")


def _check_share(harder: float) -> None:
    if not 0 <= harder <= 1:
        raise InputError(f"--harder {harder}: expected a share of the test photos, from 0 to 1")


def _portrait(seed: int, name: str, index: int, size: int, harder: float, people: int | None = None) -> Scene:
    """A photo of a set; of a test set, a share of them shows one face behind something."""
    # A separate random generator, so that `harder` does not change other photos.
    chance = rng_of(seed, f"{name} harder", index)
    hard = name.endswith("test") and happens(chance, harder)
    scene = adults.portrait(rng_of(seed, name, index), size, 1 if hard else people)
    return adults.harder(chance, scene) if hard else scene


def _jpeg(photo: Photo, scene: Scene) -> bytes:
    done, data = cv2.imencode(".jpg", photo.picture, [cv2.IMWRITE_JPEG_QUALITY, scene.lens.quality])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return data.tobytes()


def _write(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def _attributes(truth: Truth, scene: Scene) -> list[int]:
    """WFLW's six marks: pose, expression, illumination, make-up, occlusion, blur."""
    person, expression = truth.person, truth.person.expression
    hidden = float((truth.wflw_visibility == Visibility.EXTERNALLY_OCCLUDED).mean())
    marks = (
        abs(person.yaw) > 35 or abs(person.pitch) > 22 or abs(person.roll) > 30,
        expression.smile > 0.75
        or expression.mouth_open > 0.4
        or expression.brow_raise > 0.6
        or expression.eye_open < 0.3,
        max(scene.light.gain) < 0.7 or scene.light.ambient < 0.3,
        person.appearance.make_up > 0.5,
        hidden > 0.12,
        scene.lens.defocus > 0.8 or scene.lens.motion > 2.5,
    )
    return [int(mark) for mark in marks]


def _wflw_row(truth: Truth, scene: Scene, name: str) -> str:
    points = truth.wflw
    low = np.maximum(np.floor(points.min(0)), 0).astype(int)
    high = np.minimum(np.ceil(points.max(0)), (scene.width - 1, scene.height - 1)).astype(int)
    numbers = [f"{value:.6f}" for value in points.reshape(-1)]
    marks = [str(value) for value in (*low, *high, *_attributes(truth, scene))]
    return " ".join([*numbers, *marks, name])


def write_wflw(root: Path, *, train: int, test: int, size: int, seed: int, harder: float = 0.0) -> Counts:
    """Write photos and annotations in the layout of the WFLW download.

    Args:
        root: New or empty folder.
        train: Number of photos in the official train part.
        test: Number of photos in the official test part.
        size: Longest side of a photo, in pixels.
        seed: Random seed; the same seed gives the same bytes.
        harder: Share of test photos whose occluders do not occur in training photos.

    Returns:
        Photos and annotated faces of both parts.

    Raises:
        InputError: A number is out of range.
    """
    _check(size, train=train, test=test)
    _check_share(harder)
    lists = root / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
    (root / "WFLW_images").mkdir(parents=True, exist_ok=True)
    faces = 0
    for part, count, first in (("train", train, 0), ("test", test, _FIRST_TEST_NUMBER)):
        rows = []
        for index in track(range(count), f"wflw {part}"):
            scene = _portrait(seed, f"wflw {part}", index, size, harder)
            photo = compose(scene)
            event = _EVENTS[index % len(_EVENTS)]
            number, title = event.split("--")
            name = f"{event}/{number}_{title}_{title}_{number}_{first + index + 1}.jpg"
            _write(root / "WFLW_images" / name, _jpeg(photo, scene))
            rows += [_wflw_row(truth, scene, name) for truth in photo.faces]
        _write(lists / f"list_98pt_rect_attr_{part}.txt", "".join(f"{row}\n" for row in rows))
        faces += len(rows)
    return Counts(train + test, faces)


def pose_folder(yaw: float) -> str:
    """MERL-RAV's pose folder for a head turned by `yaw` degrees to the subject's left."""
    if abs(yaw) < _HALF_PROFILE:
        return "frontal"
    side = "left" if yaw > 0 else "right"
    return side if abs(yaw) >= _FULL_PROFILE else f"{side}half"


def _pts(points: Array, visibility: NDArray[np.int8], scene: Scene) -> str:
    # Avoid zero, whose sign would be lost: a negative sign marks external occlusion.
    inside = np.clip(points, 0.01, (scene.width - 0.01, scene.height - 0.01))
    lines = []
    for (x, y), state in zip(inside, visibility, strict=True):
        if state == Visibility.SELF_OCCLUDED:
            lines.append("-1 -1")
        else:
            sign = -1 if state == Visibility.EXTERNALLY_OCCLUDED else 1
            lines.append(f"{sign * float(x)!r} {sign * float(y)!r}")
    return "\n".join(["version: 1", "n_points:  68", "{", *lines, "}", ""])


def write_merl_rav(root: Path, *, train: int, test: int, size: int, seed: int, harder: float = 0.0) -> Counts:
    """Write photos and `.pts` files in the layout of MERL-RAV's organising script.

    A photo with several faces is repeated for each face, in the pose folder of that face; one photo in twenty of the
    train part has its last face in the test part. Arguments, result and errors as for `write_wflw`.
    """
    _check(size, train=train, test=test)
    _check_share(harder)
    base = root / "merl_rav_organized"
    for pose in POSES:
        for part_folder in PART_OF_FOLDER:
            (base / pose / part_folder).mkdir(parents=True, exist_ok=True)
    faces = 0
    for part, count, first in (("train", train, 0), ("test", test, _FIRST_TEST_NUMBER)):
        for index in track(range(count), f"merl_rav {part}"):
            shared = part == "train" and index % _SPLIT_EVERY == _SPLIT_AT
            scene = _portrait(seed, f"merl_rav {part}", index, size, harder, 2 if shared else None)
            photo = compose(scene)
            data = _jpeg(photo, scene)
            name = f"image{first + index + 1:05d}"
            for k, truth in enumerate(photo.faces, 1):
                folder = "testset" if shared and k == len(photo.faces) else f"{part}set"
                stem = f"{name}_{k}" if len(photo.faces) > 1 else name
                place = base / pose_folder(truth.person.yaw) / folder
                _write(place / f"{stem}.jpg", data)
                _write(place / f"{stem}.pts", _pts(truth.ibug, truth.ibug_visibility, scene))
            faces += len(photo.faces)
    return Counts(train + test, faces)


def _write_blocks(root: Path, kind: str, blocks: dict[str, str]) -> None:
    """Write the person of each image, in the format of `uncover.data.blocks`."""
    rows = [f"{image},{block}\n" for image, block in blocks.items()]
    _write(root / "blocks.csv", f"image,{kind}\n{''.join(rows)}")


def write_hand_over_face(root: Path, *, frames: int, size: int, seed: int, harder: float = 0.0) -> Counts:
    """Write unannotated 16:9 video frames of seated adults with hands in front of their faces.

    `blocks.csv` states the person of each frame. `harder` is the share of frames with moving gloved hands, or hands
    that hold a book.
    """
    _check(size, frames=frames)
    _check_share(harder)
    root.mkdir(parents=True, exist_ok=True)
    persons = {}
    for index in track(range(frames), "hand over face"):
        number = index % _SUBJECTS
        subject = rng_of(seed, "hand over face subject", number)
        scene = adults.hand_over_face(rng_of(seed, "hand over face", index), size, subject)
        chance = rng_of(seed, "hand over face harder", index)
        if happens(chance, harder):
            scene = adults.harder_hands(chance, scene)
        persons[f"frame_{index:04d}.jpg"] = f"person_{number + 1:02d}"
        _write(root / f"frame_{index:04d}.jpg", _jpeg(compose(scene), scene))
    _write_blocks(root, "person", persons)
    return Counts(frames, frames)


def _yolo_line(truth: Truth, scene: Scene) -> str:
    """One YOLO label: class 0, the whole face's box inside the frame."""
    left, top, right, bottom = truth.face_box()
    left, right = np.clip([left, right], 0, scene.width) / scene.width
    top, bottom = np.clip([top, bottom], 0, scene.height) / scene.height
    return f"0 {(left + right) / 2:.6f} {(top + bottom) / 2:.6f} {right - left:.6f} {bottom - top:.6f}\n"


def _write_boxed(folder: Path, images: str, name: str, draw: Callable[[int], Scene], count: int) -> None:
    (folder / images).mkdir(parents=True, exist_ok=True)
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    for index in track(range(count), name):
        scene = draw(index)
        photo = compose(scene)
        stem = f"{name}_{index:04d}"
        _write(folder / images / f"{stem}.jpg", _jpeg(photo, scene))
        _write(folder / "labels" / f"{stem}.txt", "".join(_yolo_line(truth, scene) for truth in photo.faces))


def write_slapi(
    root: Path, *, none: int, easy: int, medium: int, hard: int, size: int, seed: int, harder: float = 0.0
) -> Counts:
    """Write graded incubator frames with whole-face boxes: `<grade>/images/*.jpg`, `<grade>/labels/*.txt`.

    Each frame shows a different infant (`blocks.csv`). `harder` is the share of easy and medium frames in which the
    infant lies at any angle, at night; hard frames do not change.
    """
    grades: dict[infants.Grade, int] = {"none": none, "easy": easy, "medium": medium, "hard": hard}
    _check(size, **grades)
    _check_share(harder)
    for grade, count in grades.items():

        def draw(index: int, grade: infants.Grade = grade) -> Scene:
            scene = infants.incubator(rng_of(seed, f"slapi {grade}", index), size, grade)
            chance = rng_of(seed, f"slapi {grade} harder", index)
            turned = grade in ("easy", "medium") and happens(chance, harder)
            return infants.harder(chance, scene) if turned else scene

        _write_boxed(root / grade, "images", grade, draw, count)
    images = [f"{grade}/images/{grade}_{index:04d}.jpg" for grade, count in grades.items() for index in range(count)]
    _write_blocks(root, "infant", {image: f"infant_{number:04d}" for number, image in enumerate(images, start=1)})
    total = sum(grades.values())
    return Counts(total, total)


def write_preterm_web(root: Path, *, photos: int = 12, size: int, seed: int) -> Counts:
    """Write photos of infants as on the web, with whole-face boxes: `photos/*.jpg`, `labels/*.txt`.

    Each photo shows a different infant (`blocks.csv`).
    """
    _check(size, photos=photos)
    _write_boxed(
        root,
        "photos",
        "preterm",
        lambda index: infants.preterm_web(rng_of(seed, "preterm web", index), size),
        photos,
    )
    _write_blocks(
        root, "infant", {f"photos/preterm_{index:04d}.jpg": f"infant_{index + 1:02d}" for index in range(photos)}
    )
    return Counts(photos, photos)
