"""Photos for composed trainings: boxes with foreheads, people and blocks held out whole, what teachers complete."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from uncover.baselines.face_photos import RawPhoto, Teacher, is_held_out, make_face_photos, read_photos
from uncover.config.packaged import PhotoSource
from uncover.data.merl_rav import read_merl_rav
from uncover.errors import InputError
from uncover.images.labelled import read_labelled_images
from uncover.metrics.detections import Detections
from uncover.synthetic.layouts import write_merl_rav

WIDTH, HEIGHT = 200, 100
KNOWN, OTHER, DOUBTED = (20, 20, 60, 70), (120, 20, 160, 70), (90, 10, 110, 40)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four photos of noise in YOLO layout, with one box each; two of them are complete."""
    folder = tmp_path / "raw"
    chance = np.random.default_rng(1)
    for name in ("images", "labels", "classes"):
        (folder / name).mkdir(parents=True)
    for number in range(4):
        noise = chance.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        cv2.imwrite(str(folder / "images" / f"a_{number}.png"), noise)
        x1, y1, x2, y2 = KNOWN
        box = ((x1 + x2) / 2 / WIDTH, (y1 + y2) / 2 / HEIGHT, (x2 - x1) / WIDTH, (y2 - y1) / HEIGHT)
        (folder / "labels" / f"a_{number}.txt").write_text("0 " + " ".join(map(str, box)) + "\n")
        (folder / "classes" / f"a_{number}.txt").write_text("mask\n" if number % 2 else "nomask\n")
    (folder / "complete.txt").write_text("a_0\na_1\n")
    return folder


class FakeTeacher:
    """Sees the labelled face, another one, and something that it doubts."""

    def detect(self, images: object) -> list[Detections]:
        boxes = np.array([KNOWN, OTHER, DOUBTED], np.float32) + np.float32([[2, 2, 2, 2], [0] * 4, [0] * 4])
        return [Detections(boxes, np.array([0.9, 0.8, 0.3], np.float32))]


def boxes_of(folder: Path, name: str) -> np.ndarray:
    rows = np.loadtxt(folder / "labels" / f"{name}.txt", ndmin=2)[:, 1:] * [WIDTH, HEIGHT, WIDTH, HEIGHT]
    return np.concatenate([rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2], 1)


def pixels_of(folder: Path, name: str, box: tuple[int, ...]) -> float:
    image = cv2.imread(str(folder / "images" / f"{name}.jpg"))
    x1, y1, x2, y2 = box
    return float(image[y1 + 8 : y2 - 8, x1 + 4 : x2 - 4].std())


def test_a_teacher_completes_labels_where_they_may_be_incomplete(photos: Path, tmp_path: Path) -> None:
    settings = PhotoSource(complete=True, covered=("mask",), pieces=0)
    counts = make_face_photos(photos, tmp_path / "out", "some", settings, Teacher([FakeTeacher()]))
    assert (counts.train, counts.train_faces, counts.taught, counts.test) == (4, 6, 2, 0)
    train = tmp_path / "out/train"
    # The label is the mean of what a person and the teacher say; the other face is new.
    np.testing.assert_allclose(boxes_of(train, "a_2"), [np.add(KNOWN, 1), OTHER], atol=0.01)
    np.testing.assert_allclose(boxes_of(train, "a_0"), [np.add(KNOWN, 1)], atol=0.01)
    # What nobody is sure of is no longer noise, nor is a sure face that complete labels do not have.
    assert pixels_of(train, "a_2", DOUBTED) < 20 < 50 < pixels_of(train, "a_0", DOUBTED)
    assert pixels_of(train, "a_0", OTHER) < 20 < 50 < pixels_of(train, "a_2", OTHER)
    entries = json.loads((train / "faces.json").read_text())
    assert entries["a_1.jpg"]["faces"][0]["covered"] and not entries["a_2.jpg"]["faces"][0]["covered"]
    assert {entry["group"] for entry in entries.values()} == {"some"}


def test_without_a_teacher_boxes_are_as_they_are_less_their_margins(photos: Path, tmp_path: Path) -> None:
    settings = PhotoSource(margins=(0.1, 0.2, 0.1, 0.0), longest=100)
    make_face_photos(photos, tmp_path / "out", "some", settings, None)
    x1, y1, x2, y2 = KNOWN
    expected = [x1 + 0.1 * (x2 - x1), y1 + 0.2 * (y2 - y1), x2 - 0.1 * (x2 - x1), y2]
    np.testing.assert_allclose(boxes_of(tmp_path / "out/train", "a_3"), [expected], atol=0.01)
    assert cv2.imread(str(tmp_path / "out/train/images/a_3.jpg")).shape[:2] == (50, 100)
    pieces = sorted((tmp_path / "out/train/empty").glob("*.jpg"))
    assert pieces == []  # none is large enough


def test_photos_without_labels_get_what_all_teachers_agree_on(photos: Path, tmp_path: Path) -> None:
    class Another(FakeTeacher):
        def detect(self, images: object) -> list[Detections]:
            return [super().detect(images)[0][:1]]

    settings = PhotoSource(layout="images", sure=0.3, doubtful=0.1)
    with pytest.raises(InputError, match="has no boxes; pass --teacher"):
        make_face_photos(photos / "images", tmp_path / "out", "some", settings, None)
    counts = make_face_photos(
        photos / "images", tmp_path / "out", "some", settings, Teacher([FakeTeacher(), Another()])
    )
    # The other face has a mean confidence of 0.4, but one of the two misses it: it is painted over.
    assert (counts.train, counts.taught) == (4, 4)
    np.testing.assert_allclose(boxes_of(tmp_path / "out/train", "a_0"), [np.add(KNOWN, 2)], atol=0.01)
    assert pixels_of(tmp_path / "out/train", "a_0", OTHER) < 20


def test_landmarks_get_a_box_with_a_forehead_and_copies_that_look_younger(tmp_path: Path) -> None:
    write_merl_rav(tmp_path / "raw", train=6, test=4, size=128, seed=2)
    settings = PhotoSource(layout="merl_rav", hold_out="official", younger=1)
    counts = make_face_photos(tmp_path / "raw", tmp_path / "out", "merl_rav", settings, None)
    assert counts.train and counts.test and counts.younger == counts.train
    train, test = (read_labelled_images(tmp_path / "out" / name, ["whole face"]) for name in ("train", "test"))
    names = {path.stem.partition("__")[0] for path in train.paths}
    assert not names & {path.stem for path in test.paths}
    groups = [entry["group"] for entry in json.loads((tmp_path / "out/train/faces.json").read_text()).values()]
    assert groups.count("younger") == groups.count("merl_rav") == counts.train
    # The top of the box lies above the brows by about two thirds of the way from the eyes to the chin.
    faces = {face.photo: face.landmarks for face in read_merl_rav(tmp_path / "raw") if face.part == "test"}
    for path, (_, height), labels in zip(test.paths, test.sizes, test.labels, strict=True):
        points = faces[path.stem]
        (_, _, yc, _, h), eyes, chin = labels[0], points[36:48, 1].mean(), points[8, 1]
        assert (yc - h / 2) * height < points[17:27, 1].min() - 0.1 * (chin - eyes) or yc - h / 2 < 0.01


def test_people_and_blocks_are_held_out_whole() -> None:
    people = PhotoSource(hold_out="people", held_out=0.5)
    by_person: dict[str, set[bool]] = {}
    for person in range(40):
        for number in range(3):
            photo = RawPhoto("", f"p{person:03}_{number}", Path())
            by_person.setdefault(photo.person(), set()).add(is_held_out(photo, people))
    assert all(len(held) == 1 for held in by_person.values())
    assert 5 < sum(held == {True} for held in by_person.values()) < 35
    halves = {half: PhotoSource(hold_out="blocks", every=10, half=half) for half in ("a", "b", "all")}
    for number in range(200):
        photo = RawPhoto("", f"njn_normal_{number}", Path())
        held = {half: is_held_out(photo, settings) for half, settings in halves.items()}
        assert held["a"] != held["b"] and not held["all"]
        assert held["b"] == (number // 10 % 2 == 0)
    # A photo of incomplete labels is no photo to score on.
    names = PhotoSource(held_out=1.0, complete=True)
    assert is_held_out(RawPhoto("", "x", Path()), names)
    assert not is_held_out(RawPhoto("", "x", Path(), complete=False), names)


def test_what_is_held_out_says_which_photos_belong_together(photos: Path, tmp_path: Path) -> None:
    settings = PhotoSource(hold_out="blocks", every=2)
    counts = make_face_photos(photos, tmp_path / "out", "some", settings, None)
    assert (counts.train, counts.test) == (4, 4)
    blocks = pd.read_csv(tmp_path / "out/test/blocks.csv")
    assert blocks["block"].tolist() == ["a_0", "a_0", "a_1", "a_1"]
    words = pd.read_csv(tmp_path / "out/test/words.csv", keep_default_na=False)
    assert words["word"].tolist() == ["nomask", "mask", "nomask", "mask"]
    (photos / "classes/a_0.txt").write_text("mask mask\n")
    with pytest.raises(InputError, match=r"a_0.txt: has 2 words for 1 boxes; expected one per box"):
        read_photos(photos, settings)
