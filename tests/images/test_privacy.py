"""Patients: what `shown` leaves of a frame, and whether a face can be found again in a finished page."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.leaks import correlation, embedded_images, find_leaks, fine_structure, interior, read_frames
from tests.report.rescue_records import (
    ASIDE,
    FACE,
    SIDE,
    patterned,
    trial_row,
    write_boxes,
    write_set,
    write_trial,
)
from uncover.cli import build_parser
from uncover.commands._shared_arguments import PRIVACY
from uncover.config.catalogue import HIDE_ALL, LEAVE_OUT, FigurePrivacy, Privacy
from uncover.errors import InputError
from uncover.images.privacy import (
    CELLS,
    GRID,
    HIDES_SOME,
    KINDS,
    MARGIN,
    SHAPES,
    Cover,
    has_patients,
    may_show_patients,
    shown,
)
from uncover.report.figures.rescue_gallery import draw_rescue_gallery
from uncover.report.page import PageParts, write_page

IMAGES = [f"frame{number}.png" for number in range(2)]
NO_BOXES = np.zeros((0, 4))


def colours(image: np.ndarray) -> int:
    return len(np.unique(image.reshape(-1, 3), axis=0))


def test_a_face_has_few_cells_and_what_lies_far_from_it_is_as_it_was() -> None:
    photo = patterned(1)
    face = np.array([FACE])
    out = shown(photo, face, "pixelate")
    x1, y1, x2, y2 = map(int, FACE)
    assert colours(photo[y1:y2, x1:x2]) > 200 and colours(out[y1:y2, x1:x2]) <= (CELLS + 1) ** 2
    grown = MARGIN * (x2 - x1)
    far = np.ones((SIDE, SIDE), bool)
    far[int(y1 - grown) : int(np.ceil(y2 + grown)), int(x1 - grown) : int(np.ceil(x2 + grown))] = False
    assert (out[far] == photo[far]).all() and (out[~far] != photo[~far]).any()
    assert (photo == patterned(1)).all(), "the frame itself was changed"


def test_a_cell_is_the_mean_of_its_pixels() -> None:
    photo = np.zeros((16, 16, 3), np.uint8)
    photo[:, 8:] = [10, 20, 30]
    photo[::2] += 100
    # Six cells across a box of 48 pixels, of which 16 are in the photo: two cells a side.
    out = shown(photo, np.array([[0.0, 0, 48, 48]]), "pixelate")
    assert (out[:, :8] == 50).all() and (out[:, 8:] == [60, 70, 80]).all()


def test_without_a_box_the_whole_frame_is_pixelated() -> None:
    photo = patterned(2)
    out = shown(photo, NO_BOXES, "pixelate")
    assert colours(out) <= CELLS**2 and (shown(photo, NO_BOXES, "publish") == photo).all()


@settings(max_examples=15)
@given(st.lists(st.tuples(*[st.integers(-60, SIDE + 60)] * 2, *[st.integers(1, 200)] * 2), min_size=1, max_size=4))
def test_no_box_brings_out_more_than_the_largest_allows(boxes: list[tuple[int, int, int, int]]) -> None:
    corners = np.array([[x, y, x + width, y + height] for x, y, width, height in boxes], float)
    photo = patterned(3)
    out = shown(photo, corners, "pixelate")
    cell = (corners[:, 2:] - corners[:, :2]).max() / CELLS
    for x1, y1, x2, y2 in corners.clip(0, SIDE).astype(int):
        inside = out[y1:y2, x1:x2].reshape(-1, 3)
        most = np.prod([np.ceil(side / cell) + 2 for side in (x2 - x1, y2 - y1)]) * len(boxes) * 4
        assert not len(inside) or len(np.unique(inside, axis=0)) <= most


def test_solid_is_black_and_mosaic_another_name() -> None:
    photo, boxes = patterned(2) | 1, np.array([FACE])
    black, cells = shown(photo, boxes, "solid"), shown(photo, boxes, "pixelate")
    hidden = (cells != photo).any(axis=2)
    assert (black[hidden] == 0).all() and (black.any(axis=2) == (black == photo).all(axis=2)).all()
    assert (shown(photo, boxes, "mosaic") == cells).all() and not shown(photo, NO_BOXES, "solid").any()


@pytest.mark.parametrize("privacy", ["solid", "pixelate", "blur"])
def test_an_ellipse_hides_all_of_the_box_and_shows_the_corners_of_its_margin(privacy: str) -> None:
    photo = patterned(2) | 1
    x1, y1, x2, y2 = map(int, FACE)
    wide, high = (x2 - x1) * MARGIN, (y2 - y1) * MARGIN
    for cover in (None, Cover.of(np.array([FACE]), SIDE, SIDE), Cover.of(np.array([FACE, ASIDE]), SIDE, SIDE)):
        out, box = (shown(photo, np.array([FACE]), privacy, cover, shape) for shape in ("ellipse", "box"))
        changed, of_box = ((each != photo).any(axis=2) for each in (out, box))
        rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
        away = ((columns - (x1 + x2) / 2) / (wide + (x2 - x1) / 2)) ** 2 + (
            (rows - (y1 + y2) / 2) / (high + (y2 - y1) / 2)
        ) ** 2
        grown = (abs(columns - (x1 + x2) / 2) < wide + (x2 - x1) / 2) & (
            abs(rows - (y1 + y2) / 2) < high + (y2 - y1) / 2
        )
        assert changed[y1:y2, x1:x2].mean() > 0.99 and changed[away <= 1].mean() > 0.99
        assert not changed[grown & (away > 1.1)].any() and of_box[grown].mean() > 0.99
        # What else is to be hidden stays so.
        assert (changed == of_box)[~grown].all()
    with pytest.raises(InputError, match="the shape is 'star'; expected one of box, ellipse"):
        shown(photo, np.array([FACE]), privacy, None, "star")


def test_privacy_is_one_of_the_same_words_everywhere() -> None:
    with pytest.raises(InputError, match="privacy is 'none'; expected one of pixelate, mosaic, blur, solid, whole-"):
        shown(patterned(1), NO_BOXES, "none")
    assert KINDS == PRIVACY and set(get_args(Privacy)) <= {*KINDS}
    assert {*KINDS} - {*HIDES_SOME} == {"whole-frame", "publish"}
    _, parsers = build_parser()
    figures = [f"figure_{number}" for number in (15, 21, 22, 23, 26, "rescue")]
    words = dict.fromkeys([*figures, "page"], get_args(FigurePrivacy))
    assert {*get_args(FigurePrivacy)} == {*get_args(Privacy), LEAVE_OUT, HIDE_ALL}
    for verb, expected in (words | {"detect": KINDS, "predict": KINDS}).items():
        (given,) = (action for action in parsers[verb]._actions if action.dest == "privacy")
        assert tuple(given.choices or ()) == expected
    (shapes,) = (action for action in parsers["detect"]._actions if action.dest == "shape")
    assert tuple(shapes.choices or ()) == SHAPES
    assert has_patients("slapi_hard") and has_patients("preterm_web") and not has_patients("wflw")
    assert has_patients("my_ward") and may_show_patients("my_ward")
    assert not may_show_patients("merl_rav") and not may_show_patients("300w")


@pytest.mark.parametrize("boxes", [NO_BOXES, np.array([FACE]), np.array([ASIDE])], ids=["no box", "right", "wrong"])
def test_whole_frames_are_hidden_whatever_was_found(boxes: np.ndarray) -> None:
    photo = patterned(2)
    out = shown(photo, boxes, "whole-frame", Cover.of(boxes, SIDE, SIDE))
    assert (out == shown(photo, NO_BOXES, "pixelate")).all() and colours(out) <= CELLS**2


CORNERS = st.tuples(st.floats(-80, 400), st.floats(-80, 300), st.floats(0.5, 200), st.floats(0.5, 200))


@settings(max_examples=60, deadline=None)
@given(boxes=st.lists(CORNERS, max_size=5), width=st.integers(5, 320), height=st.integers(5, 240))
def test_a_cover_holds_all_of_its_boxes_and_hardly_more(
    boxes: list[tuple[float, float, float, float]], width: int, height: int
) -> None:
    corners = np.array([[x, y, x + w, y + h] for x, y, w, h in boxes]).reshape(-1, 4)
    mask = Cover.of(corners, width, height, MARGIN).mask(width, height)
    least, most = (np.zeros((height, width), bool) for _ in range(2))
    # A cell of the grid, and a pixel that a cell's border may cut.
    more = np.array([width, height]) / GRID + 1
    for x1, y1, x2, y2 in corners:
        for grown, beyond in ((least, np.zeros(2)), (most, more)):
            margin = MARGIN * np.array([x2 - x1, y2 - y1]) + beyond
            left, top = np.floor([x1, y1] - margin).clip(0).astype(int)
            right, bottom = np.ceil(np.add([x2, y2], margin)).clip(0).astype(int)
            grown[top:bottom, left:right] = True
    assert not (least & ~mask).any() and not (mask & ~most).any()


def test_covers_add_up_and_what_is_no_number_covers_all() -> None:
    left, right = (Cover.of(np.array([box]), 64, 64, 0) for box in ((0, 0, 32, 64), (32, 0, 48, 64)))
    both = left | right
    assert both.cells[:, :48].all() and not both.cells[:, 48:].any() and both.side == 64
    assert not Cover.of(NO_BOXES, 64, 64).cells.any() and Cover.of(NO_BOXES, 64, 64).side == 0
    assert Cover.of(np.array([[0, np.nan, 3, 4]]), 64, 64).cells.all()


PARTS_OF_A_FACE = {"eyes": (70, 60, 90, 70), "nose": (90, 65, 115, 95), "mouth": (80, 100, 120, 118)}


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("part", PARTS_OF_A_FACE)
def test_a_part_is_covered_with_the_face_around_it_whichever_way_that_is_turned(part: str, turns: int) -> None:
    face, own = ((50, 30, 150, 140), PARTS_OF_A_FACE[part])
    (face, own) = (_turned(each, turns) for each in (face, own))
    cover = Cover.of_candidates(np.array([own]), [part], 200, 200)
    x1, y1, x2, y2 = face
    assert cover.mask(200, 200)[y1:y2, x1:x2].all()
    # Cells are those of a face of about this size.
    assert 0.7 * 110 < cover.side < 1.5 * 110
    foreign = Cover.of_candidates(np.array([own]), ["pacifier"], 200, 200)
    assert (foreign.cells == Cover.of(np.array([own]), 200, 200).cells).all()


def _turned(box: tuple[int, int, int, int], turns: int) -> tuple[int, int, int, int]:
    """A box in a picture of 200 x 200 pixels that is turned by so many right angles."""
    x1, y1, x2, y2 = box
    return box if turns == 0 else _turned((y1, 200 - x2, y2, 200 - x1), turns - 1)


def test_what_a_cover_hides_is_as_coarse_as_its_largest_face() -> None:
    photo = patterned(1)
    out = shown(photo, np.array([ASIDE]), "pixelate", Cover.of(np.array([FACE]), SIDE, SIDE))
    x1, y1, x2, y2 = map(int, FACE)
    assert colours(out[y1:y2, x1:x2]) <= (CELLS + 1) ** 2 < colours(photo[y1:y2, x1:x2])


def page_of(run: Path, privacy: str) -> tuple[str, Path]:
    """The page of a run whose one set has patients, and the data set."""
    dataset = write_set(run, "slapi_hard", IMAGES)
    write_boxes(run, "part_fusion", "slapi_hard", IMAGES, {IMAGES[0]: [FACE], IMAGES[1]: [ASIDE]})
    write_boxes(run, "hirescam_avg", "slapi_hard", IMAGES, {IMAGES[0]: [(70, 60, 210, 200)]})
    rows = [trial_row("slapi_hard", "hirescam_avg", "heatmaps", 1, 2)]
    rows += [trial_row("slapi_hard", "part_fusion", "baseline", 1, 2)]
    trial = write_trial(run / "metrics" / "rescue_trial.csv", rows)
    missed = run / "missed" / "slapi_hard.csv"
    figure = draw_rescue_gallery(trial, run / "predictions", [dataset], [missed], privacy)
    figure.savefig(run / "figure_rescue.png", dpi=120)
    page = run / "report.html"
    write_page(page, "test", PageParts(figures=[run / "figure_rescue.png"], trial=trial), [], {})
    return page.read_text(encoding="utf-8"), dataset


def highest_match(picture: np.ndarray, frame: np.ndarray) -> float:
    """Highest correlation of a face's fine structure with a picture, at any place and any likely scale."""
    face, highest = np.array(FACE), 0.0
    for scale in np.geomspace(0.8, 1.5, 18):
        scaled = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        template = interior(fine_structure(scaled, scale * (FACE[2] - FACE[0])), face * scale)
        if min(np.subtract(picture.shape, template.shape)) < 0:
            continue
        highest = max(highest, correlation(fine_structure(picture, scale * (FACE[2] - FACE[0])), template))
    return highest


@pytest.mark.parametrize("privacy", ["pixelate", "publish"])
def test_a_page_shows_a_patients_face_only_where_that_is_wished(privacy: str, tmp_path: Path) -> None:
    html, dataset = page_of(tmp_path, privacy)
    frames, (picture,) = read_frames(dataset), embedded_images(html)
    seen = {line.split("slapi_hard/")[1].split()[0] for line in find_leaks(html, frames)}
    assert seen == (set(IMAGES) if privacy == "publish" else set())
    # The same without keypoints, by brute force: a check that knows nothing of how the other one works.
    found = highest_match(picture, frames[0].image)
    assert found > 0.8 if privacy == "publish" else found < 0.3
