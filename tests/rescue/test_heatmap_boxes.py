"""Highlighted regions of a heatmap, boxes around them, and how parts support these."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from tests.rescue.sets import SIDE, predicted, write_joint_maps, write_training_set
from tests.rescue.test_strategies import FACE, IMAGES, anatomy, evidence, seen
from uncover.data.parts import CLASS_OF_PART, PARTS
from uncover.errors import InputError
from uncover.images.letterbox import Letterbox, fit
from uncover.images.map_sets import JointMaps, read_map_set
from uncover.images.maps import store_maps
from uncover.metrics.detections import iou
from uncover.metrics.predictions import CORNERS, Predictions, write_predictions
from uncover.rescue.evidence import Evidence
from uncover.rescue.heatmap_boxes import (
    LEVELS,
    LONGEST,
    SAME_REGION,
    SMALLEST_SHARE,
    UNSUPPORTED,
    boxes_of_map,
    highlighted_regions,
)
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
    with pytest.raises(InputError, match=r"heatmap of a\.jpg: made for 50 x 100 pixels"):
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
    with pytest.raises(InputError, match=r"maps/val: has no heatmaps of image b\.jpg, which is 100 x 100 in"):
        write_proposals(*arguments, heatmaps=tmp_path / "maps")
    assert not (tmp_path / "out").exists()
    further = {image: highlighted(FACE_AT) for image in (*IMAGES, "c.jpg")}
    write_joint_maps(folder, further)
    assert write_proposals(*arguments, heatmaps=tmp_path / "maps")["heatmap_boxes"] == ["val"]


SQUARE = fit(100, 100, 320)
AS_IT_IS = Letterbox(LONGEST, LONGEST, LONGEST, LONGEST, 0, 0, LONGEST, LONGEST)
"""A frame in which a map of as many cells is not enlarged at all."""


def blob(shape: tuple[int, int], rows: slice, columns: slice) -> NDArray[np.float64]:
    cells = np.zeros(shape)
    cells[rows, columns] = 1
    return cells


def test_halfway_up_a_region_ends_where_its_cells_do() -> None:
    # A step between two cells is half climbed in the middle between their centres, which is their common edge.
    regions = highlighted_regions(blob((10, 10), slice(2, 5), slice(4, 9)), SQUARE, [0.5])
    assert regions.boxes == pytest.approx(np.array([[40, 20, 90, 50]]), abs=100 / LONGEST)


def test_lower_levels_see_more_of_a_slope() -> None:
    low, high = highlighted_regions(blob((10, 10), slice(4, 6), slice(4, 6)), SQUARE, [0.2, 0.8]).boxes
    # Between centres 10 pixels apart, a fifth of the height is passed 3 pixels outside the edge, four fifths as many
    # inside.
    assert low == pytest.approx([37, 37, 63, 63], abs=1) and high == pytest.approx([43, 43, 57, 57], abs=1)


def test_padding_neither_shows_nor_counts() -> None:
    # 200 x 100 pixels stand in the middle of a square, a quarter of whose rows above and below are padding.
    frame = fit(200, 100, 320, square=True)
    assert (frame.top, frame.inner_height, frame.out_height) == (80, 160, 320)
    cells = blob((20, 20), slice(8, 12), slice(2, 6)) + 9 * blob((20, 20), slice(0, 3), slice(0, 20))
    regions = highlighted_regions(cells, frame, [0.5])
    assert regions.boxes == pytest.approx(np.array([[20, 30, 60, 70]]), abs=200 / LONGEST)


@pytest.mark.parametrize("cells", [np.zeros((6, 6)), np.full((6, 6), 3.0), np.zeros((1, 1))])
def test_what_points_nowhere_has_no_regions(cells: NDArray[np.float64]) -> None:
    regions = highlighted_regions(cells, SQUARE)
    assert regions.boxes.shape == (0, 4) and regions.heat.shape == (0,)


def test_specks_are_no_regions() -> None:
    least = round(SMALLEST_SHARE * LONGEST + 0.5)
    heat = blob((LONGEST, LONGEST), slice(9, 9 + least - 1), slice(9, 9 + least - 1))
    heat += blob((LONGEST, LONGEST), slice(90, 91), slice(90, 90 + least))
    assert highlighted_regions(heat, AS_IT_IS, [0.5]).boxes.tolist() == [[90, 90, 90 + least, 91]]


def test_the_hotter_a_region_the_more_it_stands_out() -> None:
    cells = blob((10, 10), slice(1, 3), slice(1, 3)) + 0.6 * blob((10, 10), slice(6, 8), slice(6, 8))
    regions = highlighted_regions(cells, SQUARE, [0.4])
    order = np.argsort(regions.boxes[:, 0])
    hot, warm = regions.heat[order]
    assert 1 > hot > warm > 0


def test_a_region_stands_out_by_what_it_is_hotter_than_the_rest() -> None:
    # The right half is 0.4 above and 0 below, so 0.2 on average.
    heat = blob((LONGEST, LONGEST), slice(None), slice(LONGEST // 2))
    heat += 0.4 * blob((LONGEST, LONGEST), slice(LONGEST // 2), slice(LONGEST // 2, None))
    assert highlighted_regions(heat, AS_IT_IS, [0.5]).heat == pytest.approx([0.8], abs=1e-5)


@given(arrays(np.float64, (8, 8), elements=st.floats(0, 1, width=16)))
def test_regions_are_those_of_another_implementation(cells: NDArray[np.float64]) -> None:
    heat = np.kron(cells, np.ones((LONGEST // 8, LONGEST // 8)))
    expected = []
    # Levels between the values of float16, so that no rounding decides.
    levels = [0.3001, 0.5003, 0.8001]
    if cells.max() > cells.min():
        shares = (heat - heat.min()) / (heat.max() - heat.min())
        for level in levels:
            found, _ = ndimage.label(shares >= level, np.ones((3, 3)))
            for rows, columns in ndimage.find_objects(found):
                expected.append([columns.start, rows.start, columns.stop, rows.stop])
    assert sorted(highlighted_regions(heat, AS_IT_IS, levels).boxes.tolist()) == sorted(expected)


@given(
    cells=arrays(np.float64, (5, 7), elements=st.integers(0, 9)),
    size=st.tuples(st.integers(20, 400), st.integers(20, 400)),
)
def test_regions_nest_within_the_image(cells: NDArray[np.float64], size: tuple[int, int]) -> None:
    frame = fit(*size, 160)
    by_level = [highlighted_regions(cells, frame, [level]).boxes for level in LEVELS]
    for wide, narrow in pairwise(by_level):
        for box in narrow:
            around = (wide[:, :2] <= box[:2]) & (wide[:, 2:] >= box[2:])
            assert around.all(axis=1).any()
    together = highlighted_regions(cells, frame)
    assert len(together.boxes) == len(together.heat) == sum(map(len, by_level))
    assert (together.boxes >= 0).all() and (together.boxes <= np.tile(size, 2)).all()
    assert (together.heat >= 0).all() and (together.heat <= 1).all()


def test_the_unit_of_a_map_does_not_matter() -> None:
    cells = np.random.default_rng(0).random((6, 6))
    once, again = (highlighted_regions(each, SQUARE) for each in (cells, 7 * cells + 3))
    assert np.array_equal(once.boxes, again.boxes) and once.heat == pytest.approx(again.heat, abs=1e-5)
