"""Boxes around highlighted regions, and what parts have to say about them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tests.rescue.sets import SIDE, predicted, write_joint_maps
from tests.rescue.test_strategies import FACE, IMAGES, anatomy, evidence, seen
from tests.rescue.training_sets import write_training_set
from uncover.data.parts import CLASS_OF_PART, PARTS
from uncover.errors import InputError
from uncover.images.letterbox import fit
from uncover.images.map_sets import JointMaps, read_map_set
from uncover.images.maps import store_maps
from uncover.metrics.detections import iou
from uncover.metrics.predictions import CORNERS, Predictions, write_predictions
from uncover.rescue.evidence import Evidence
from uncover.rescue.heatmap_boxes import SAME_REGION, UNSUPPORTED, boxes_of_map
from uncover.rescue.proposals import propose_all, write_proposals
from uncover.rescue.strategies import STRATEGIES

FRAME = fit(SIDE, SIDE, 160)
FACE_AT = (30, 30, 50, 50)
"""Where `seen` puts its face."""

Boxes = tuple[float, float, float, float]


def highlighted(*boxes: Boxes) -> NDArray[np.float64]:
    """A map with a value per pixel of the image, so that a region ends where it was put, to a pixel."""
    heat = np.zeros((SIDE, SIDE))
    for x1, y1, x2, y2 in boxes:
        heat[int(y1) : int(y2), int(x1) : int(x2)] = 1
    return heat


def boxes_with(heatmap: NDArray[np.floating], found: Predictions) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    parts = found.boxes[list(CORNERS)].to_numpy(), found.boxes["class_id"].to_numpy()
    return boxes_of_map(heatmap, FRAME, *parts, found.boxes["confidence"].to_numpy(), anatomy())


def test_a_region_that_a_part_speaks_for_is_as_sure_as_the_part() -> None:
    boxes, confidence = boxes_with(highlighted(FACE_AT), seen(["nose"]))
    assert boxes[0] == pytest.approx(FACE_AT, abs=0.6) and confidence[0] == pytest.approx(0.5 / 1.5, abs=0.04)
    _, surer = boxes_with(highlighted(FACE_AT), seen(["nose", "mouth"]))
    assert surer[0] == pytest.approx(1 / 2, abs=0.05)


def test_a_region_moves_halfway_to_the_face_that_parts_imply() -> None:
    # Of 20 x 30 pixels, of which the face has 20 x 20: an overlap of two thirds, which counts squared.
    boxes, confidence = boxes_with(highlighted((30, 30, 50, 60)), seen(["nose"]))
    assert boxes[0] == pytest.approx((30, 30, 50, 55), abs=0.6)
    support = 0.5 * (2 / 3) ** 2
    assert confidence[0] == pytest.approx(support / (1 + support), abs=0.02)


def test_a_region_without_parts_comes_last_but_comes() -> None:
    elsewhere = (70, 60, 95, 90)
    boxes, confidence = boxes_with(highlighted(elsewhere, FACE_AT), seen(["nose"], sure=0.02))
    assert boxes == pytest.approx(np.array([FACE_AT, elsewhere]), abs=1)
    assert confidence[0] > UNSUPPORTED >= confidence[1] >= UNSUPPORTED / 2


def test_a_region_that_a_part_hardly_speaks_for_comes_before_one_without_parts() -> None:
    # The face reaches two pixels into the region: 40 of 760 pixels, squared.
    boxes, confidence = boxes_with(highlighted((48, 30, 68, 50), (5, 60, 25, 80)), seen(["nose"], sure=0.02))
    assert boxes[0][0] == pytest.approx(39, abs=1) and boxes[1] == pytest.approx((5, 60, 25, 80), abs=1)
    assert UNSUPPORTED < confidence[0] < 1.1 * UNSUPPORTED


@pytest.mark.parametrize(("parts", "sure"), [(["nose", "mouth"], 0.019), (["whole face"], 0.9), ([], 0.5)])
def test_weak_parts_and_whole_faces_have_no_say(parts: list[str], sure: float) -> None:
    boxes, confidence = boxes_with(highlighted(FACE_AT), seen(parts, sure=sure))
    assert boxes == pytest.approx(np.array([FACE_AT]), abs=1) and confidence[0] <= UNSUPPORTED


def test_an_eye_counts_once_as_the_left_or_the_right_one() -> None:
    # Both faces that the eye may belong to overlap the region; the better alone is its support.
    _, confidence = boxes_with(highlighted(FACE_AT), seen(["left eye"]))
    assert confidence[0] <= UNSUPPORTED + 0.5 / 1.5 and confidence[0] == pytest.approx(0.5 / 1.5, abs=0.04)


def test_a_part_far_away_says_nothing() -> None:
    _, confidence = boxes_with(highlighted((5, 5, 25, 25)), seen(["nose"], at=70))
    assert (confidence <= UNSUPPORTED).all()


def test_a_blank_map_has_no_boxes() -> None:
    boxes, confidence = boxes_with(np.zeros((5, 5)), seen(["nose"]))
    assert boxes.shape == (0, 4) and confidence.shape == (0,)


PART_CLASSES = sorted({CLASS_OF_PART[PARTS.index(part)] for part in FACE if part != "whole face"})


@given(
    cells=arrays(np.float32, (5, 5), elements=st.integers(0, 9)),
    parts=st.lists(
        st.tuples(
            st.sampled_from(PART_CLASSES),
            st.integers(0, 80),
            st.integers(0, 80),
            st.integers(1, 30),
            st.integers(1, 99),
        ),
        max_size=4,
    ),
)
def test_boxes_are_faces_apart_within_the_image(cells: NDArray[np.float32], parts: list[tuple[int, ...]]) -> None:
    table = np.array(parts, np.float64).reshape(-1, 5)
    corners = np.column_stack([table[:, 1:3], table[:, 1:3] + table[:, 3:4]])
    class_id, sure = table[:, 0].astype(np.int64), table[:, 4] / 100
    boxes, confidence = boxes_of_map(cells, FRAME, corners, class_id, sure, anatomy())
    assert (boxes >= 0).all() and (boxes <= SIDE).all() and (boxes[:, 2:] > boxes[:, :2]).all()
    assert (np.diff(confidence) <= 0).all() and (confidence > 0).all() and (confidence < 1).all()
    shares = iou(boxes[:, None], boxes[None])
    assert (shares[~np.eye(len(boxes), dtype=bool)] <= SAME_REGION).all()


def with_maps(found: Predictions, maps: dict[str, NDArray[np.float64]]) -> Evidence:
    joint = {"class_names": ["joint"], "status": ["map"]}
    stored = {image: store_maps(cells[None].astype(np.float32), FRAME, joint) for image, cells in maps.items()}
    return replace(evidence(found), maps=stored)


def test_each_image_has_the_boxes_of_its_own_map_and_parts() -> None:
    both = [seen(["nose"]), seen(["mouth"], "b.jpg", at=60)]
    found = Predictions(pd.concat([each.boxes for each in both[::-1]], ignore_index=True), both[0].images, {})
    maps = {"b.jpg": highlighted((60, 60, 80, 80)), "a.jpg": highlighted(FACE_AT)}
    proposed = STRATEGIES["heatmap_boxes"].propose(with_maps(found, maps))
    assert proposed.image_rows.tolist() == [0, 1]
    for row, own in enumerate(both):
        boxes, confidence = boxes_with(maps[IMAGES[row]], own)
        assert proposed.boxes[row] == pytest.approx(boxes[0], abs=0.01)
        assert proposed.confidence[row] == pytest.approx(confidence[0], abs=1e-3)


def test_without_maps_it_is_left_out() -> None:
    about = evidence(seen(["nose"]))
    assert "heatmap_boxes" not in propose_all(about) and not len(STRATEGIES["heatmap_boxes"].propose(about))
    maps = {image: highlighted(FACE_AT) for image in IMAGES}
    assert "heatmap_boxes" in propose_all(with_maps(seen(["nose"]), maps))


def test_a_map_of_another_size_is_refused() -> None:
    about = with_maps(predicted(IMAGES, []), {image: highlighted(FACE_AT) for image in IMAGES})
    assert about.maps is not None
    other = replace(about.maps["a.jpg"], frame=fit(50, 100, 160))
    with pytest.raises(InputError, match=r"heatmap of a\.jpg: is of an image of 50 x 100 pixels"):
        STRATEGIES["heatmap_boxes"].propose(replace(about, maps={**about.maps, "a.jpg": other}))


def test_joint_maps_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    folder = write_joint_maps(tmp_path / "val", {image: highlighted(FACE_AT) for image in IMAGES})
    maps = JointMaps(read_map_set(folder))
    assert list(maps) == IMAGES and len(maps) == 2
    assert maps["a.jpg"].native()[0] == pytest.approx(highlighted(FACE_AT), abs=1e-4)
    (folder / "joint/b.jpg.tif").unlink()
    with pytest.raises(InputError, match=r"b\.jpg\.tif"):
        maps["b.jpg"]


def test_a_heatmap_set_is_of_the_images_that_were_predicted(tmp_path: Path) -> None:
    train = write_training_set(tmp_path / "train", {"a": FACE})
    path = tmp_path / "rgb10/val.parquet"
    write_predictions(path, seen(["nose"]))
    folder = write_joint_maps(tmp_path / "maps/val", {"a.jpg": highlighted(FACE_AT)})
    arguments = (tmp_path / "out", train, [path], [path])
    with pytest.raises(InputError, match=r"maps/val: has no heatmaps of the image b\.jpg, which is 100 x 100 in"):
        write_proposals(*arguments, heatmaps=tmp_path / "maps")
    assert not (tmp_path / "out").exists()
    further = {image: highlighted(FACE_AT) for image in (*IMAGES, "c.jpg")}
    write_joint_maps(folder, further)
    assert write_proposals(*arguments, heatmaps=tmp_path / "maps")["heatmap_boxes"] == ["val"]
