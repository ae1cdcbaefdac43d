"""Where a whole face lies around its parts, on a set made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.rescue.sets import write_training_set
from uncover.errors import InputError
from uncover.rescue.evidence import into_frame, learn_anatomy, out_of_frame

FACES = {
    # Offsets of the nose: (-1, -2, 2, 1), (-1, -2, 3, 1) and (-1, -2, 4, 9); the right eye's: (0, -1, 4, 5), ...
    "a": {"whole face": (10, 10, 40, 40), "nose": (20, 30, 30, 40), "right eye": (10, 15, 17.5, 20)},
    "b": {"whole face": (10, 10, 50, 40), "nose": (20, 30, 30, 40), "left eye": (40, 15, 50, 20)},
    "c": {"whole face": (10, 10, 60, 120), "nose": (20, 30, 30, 40), "mouth": (20, 30, 30, 40)},
    "d": {"nose": (20, 30, 30, 40)},
}


def test_medians_over_the_faces_that_have_both(tmp_path: Path) -> None:
    anatomy = learn_anatomy(write_training_set(tmp_path / "train", FACES))
    assert sorted(anatomy.offsets) == [0, 1, 9]
    np.testing.assert_allclose(anatomy.offsets[1], [[-1, -2, 3, 1]])
    np.testing.assert_allclose(anatomy.offsets[9], [[-1, -2, 4, 9]])
    # Photos are 200 x 100: medians of 10 10 (40 50 60) (40 40 120) as shares.
    np.testing.assert_allclose(anatomy.typical, [0.05, 0.1, 0.25, 0.4])


def test_left_and_right_eyes_are_two_modes_of_one_class(tmp_path: Path) -> None:
    anatomy = learn_anatomy(write_training_set(tmp_path / "train", FACES))
    left, right = (-3, -1, 1, 5), (0, -1, 4, 5)
    np.testing.assert_allclose(anatomy.offsets[0], [left, right])


def test_parts_belong_to_their_own_face(tmp_path: Path) -> None:
    train = write_training_set(tmp_path / "train", {"a": FACES["a"], "b": FACES["a"]})
    boxes = pd.read_parquet(train / "boxes.parquet")
    other = boxes["name"] == "b"
    boxes.loc[other, ["x1", "x2"]] += 100
    boxes.assign(photo="one").to_parquet(train / "boxes.parquet")
    photos = pd.read_parquet(train / "manifest.parquet")
    photos.iloc[:1].assign(photo="one").to_parquet(train / "manifest.parquet")
    np.testing.assert_allclose(learn_anatomy(train).offsets[1], [[-1, -2, 2, 1]])


def test_boxes_that_were_left_out_teach_nothing(tmp_path: Path) -> None:
    train = write_training_set(tmp_path / "train", FACES)
    boxes = pd.read_parquet(train / "boxes.parquet")
    boxes.loc[boxes["part"] == "mouth", "status"] = "under_one_pixel"
    boxes.to_parquet(train / "boxes.parquet")
    assert sorted(learn_anatomy(train).offsets) == [0, 1]


def test_frames_of_boxes_and_back() -> None:
    random = np.random.default_rng(0)
    faces, parts = (np.sort(random.uniform(0, 100, (20, 2, 2)), axis=1).reshape(20, 4) for _ in range(2))
    np.testing.assert_allclose(out_of_frame(into_frame(faces, parts), parts), faces)


def test_a_set_without_whole_faces_is_refused(tmp_path: Path) -> None:
    train = write_training_set(tmp_path / "train", {"d": FACES["d"]})
    with pytest.raises(InputError, match=r"boxes.parquet: no box of class 'whole face'; expected the training set"):
        learn_anatomy(train)
    with pytest.raises(InputError, match="does not exist; make it with 'uncover labels'"):
        learn_anatomy(tmp_path)


def test_photos_of_unknown_size_are_refused(tmp_path: Path) -> None:
    train = write_training_set(tmp_path / "train", FACES)
    pd.read_parquet(train / "manifest.parquet").assign(width=0).to_parquet(train / "manifest.parquet")
    with pytest.raises(InputError, match="no photo with a whole face has a width and a height"):
        learn_anatomy(train)
