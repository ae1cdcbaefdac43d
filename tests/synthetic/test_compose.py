"""The rendered face against what geometry and anatomy say, not against its own formulas."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from uncover.data.faces import Visibility
from uncover.synthetic import infants
from uncover.synthetic.compose import Photo, compose
from uncover.synthetic.scene import Blanket, Cap, Expression, FaceMask, Hair, Hand, Person, Scene, Shape

BROWS, NOSE = np.arange(33, 51), np.arange(51, 60)
RIGHT_EYE, LEFT_EYE, MOUTH = np.arange(60, 68), np.arange(68, 76), np.arange(76, 96)


def photo_of(size: int = 200, **person: object) -> Photo:
    """One bald head in the middle of a small picture."""
    subject = Person(centre=(size / 2, size / 2), scale=0.7 * size / 200, hair=Hair("bald"))
    return compose(Scene(size, size, (replace(subject, **person),)))  # type: ignore[arg-type]


def test_same_scene_same_pixels() -> None:
    assert np.array_equal(photo_of(yaw=20).picture, photo_of(yaw=20).picture)


@pytest.mark.parametrize("age", [0.0, 0.5, 1.0])
def test_frontal_face_is_symmetric_and_the_right_way_up(age: float) -> None:
    truth = photo_of(shape=Shape(age=age)).faces[0]
    points = truth.wflw
    middle = points[16, 0]
    assert points[RIGHT_EYE, 0].max() < middle < points[LEFT_EYE, 0].min()
    mirrored = points.copy()
    mirrored[:, 0] = 2 * middle - mirrored[:, 0]
    assert np.allclose(mirrored[:33][::-1], points[:33], atol=0.5)
    assert np.allclose(mirrored[RIGHT_EYE].mean(0), points[LEFT_EYE].mean(0), atol=0.5)
    heights = [points[part, 1].mean() for part in (BROWS, RIGHT_EYE, NOSE, MOUTH)]
    assert heights == sorted(heights) and points[16, 1] > points[MOUTH, 1].max()
    assert (truth.wflw_visibility[33:] == Visibility.VISIBLE).all()


def test_both_schemes_agree_on_shared_points() -> None:
    truth = photo_of(yaw=15, expression=Expression(smile=0.5, mouth_open=0.4)).faces[0]
    same = {54: 30, 57: 33, 60: 36, 64: 39, 68: 42, 72: 45, 76: 48, 82: 54, 85: 57, 16: 8}
    for wflw, ibug in same.items():
        assert np.allclose(truth.wflw[wflw], truth.ibug[ibug], atol=0.3), (wflw, ibug)


@pytest.mark.parametrize("yaw", [-75.0, 75.0])
def test_turning_hides_the_far_side_only(yaw: float) -> None:
    truth = photo_of(yaw=yaw).faces[0]
    hidden = truth.ibug_visibility == Visibility.SELF_OCCLUDED
    right, left = np.r_[0:8, 17:19, 36, 41], np.r_[9:17, 25:27, 45, 46]
    far, near = (left, right) if yaw > 0 else (right, left)
    assert hidden[far].all() and not hidden[near].any()
    nose_tip, face_middle = truth.ibug[30, 0], truth.ibug[[0, 16], 0].mean()
    assert np.sign(nose_tip - face_middle) == np.sign(yaw)


def test_pixels_under_the_pupils_are_dark_and_sclera_light() -> None:
    photo = photo_of(size=400)
    pupil_x, pupil_y = photo.faces[0].wflw[96].round().astype(int)
    brow_to_cheek = photo.picture[:, pupil_x].mean(1)
    assert brow_to_cheek[pupil_y] < 0.5 * np.median(brow_to_cheek[pupil_y + 15 : pupil_y + 30])


def covered(photo: Photo, part: np.ndarray) -> float:
    return float((photo.faces[0].wflw_visibility[part] == Visibility.EXTERNALLY_OCCLUDED).mean())


def test_each_cover_hides_what_lies_under_it() -> None:
    grey = (0.5, 0.5, 0.5)
    mask = photo_of(coverings=(FaceMask(grey),))
    assert covered(mask, MOUTH) == 1 and covered(mask, LEFT_EYE) == 0
    cap = photo_of(coverings=(Cap(grey, grey, front=10.0),))
    assert covered(cap, BROWS) > 0.8 and covered(cap, MOUTH) == 0
    hand = photo_of(coverings=(Hand((0.0, -60.0)),))
    assert covered(hand, MOUTH) > 0.9
    beside = photo_of(coverings=(Hand((120.0, -40.0)),))
    assert covered(beside, np.arange(33, 96)) == 0
    cloth = photo_of(coverings=(Blanket(grey, grey, top=-30.0),))
    assert covered(cloth, MOUTH) == 1 and covered(cloth, RIGHT_EYE) == 0


def test_a_nearer_person_hides_a_farther_one() -> None:
    back = Person(centre=(100, 90), scale=0.5, hair=Hair("bald"))
    front = replace(back, centre=(100, 110), scale=0.6)
    near, far = compose(Scene(200, 200, (front, back))).faces
    assert (near.wflw_visibility[33:] == Visibility.VISIBLE).all()
    assert (far.wflw_visibility == Visibility.EXTERNALLY_OCCLUDED).mean() > 0.7


def test_open_mouth_and_closed_eyes_move_their_points() -> None:
    calm, loud = photo_of().faces[0], photo_of(expression=Expression(mouth_open=1, eye_open=0)).faces[0]
    gap = [face.wflw[94, 1] - face.wflw[90, 1] for face in (calm, loud)]
    assert gap[1] > gap[0] + 4
    slit = [face.wflw[66, 1] - face.wflw[62, 1] for face in (calm, loud)]
    assert 0 <= slit[1] < 0.5 * slit[0]


def test_grades_hide_more_and_more() -> None:
    def hidden_share(grade: infants.Grade) -> float:
        scenes = [infants.incubator(np.random.default_rng([7, n]), 160, grade) for n in range(8)]
        facial = [compose(scene).faces[0].wflw_visibility[33:96] for scene in scenes]
        return float(np.mean([(marks != Visibility.VISIBLE).mean() for marks in facial]))

    shares = [hidden_share(grade) for grade in ("none", "easy", "medium", "hard")]
    assert shares[0] < shares[1] < shares[2] < shares[3], shares
    assert shares[0] < 0.05 and shares[3] > 0.5


def test_a_detector_trained_on_real_photos_sees_the_faces() -> None:
    """OpenCV's Viola-Jones cascade knows only real faces; roll is undone because it finds upright ones only."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")

    def finds(scene: Scene) -> bool:
        photo = compose(scene)
        truth = photo.faces[0]
        upright = cv2.getRotationMatrix2D(truth.person.centre, truth.person.roll, 1)
        grey = cv2.warpAffine(cv2.cvtColor(photo.picture, cv2.COLOR_BGR2GRAY), upright, (scene.width, scene.height))
        middle = cv2.transform(truth.wflw[None, 54:55], upright)[0, 0]
        found = cascade.detectMultiScale(grey, 1.1, 3, minSize=(24, 24))
        return any(x < middle[0] < x + w and y < middle[1] < y + h for x, y, w, h in found)

    def rate(grade: infants.Grade) -> float:
        return float(np.mean([finds(infants.incubator(np.random.default_rng([8, n]), 240, grade)) for n in range(10)]))

    assert rate("none") >= 0.8
    assert rate("hard") <= 0.2
