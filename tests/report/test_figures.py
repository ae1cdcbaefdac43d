"""Figures: whole files, the same bytes each time, and the right photo and boxes in them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from uncover.data.faces import Face
from uncover.data.parts import CLASS_NAMES, CLASS_OF_PART, PARTS
from uncover.data.reading import read_raw, to_faces_table
from uncover.report.figures.labels import (
    Labelled,
    choose_photo,
    contact_sheet,
    label_statistics,
    landmarks_and_boxes,
    landmarks_of_photo,
    schemes_figure,
)
from uncover.report.figures.style import PART_COLOURS, save_figure


def boxes_of(photo: str, size: float, left_out: int = 0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": "wflw",
            "photo": photo,
            "name": photo,
            "part": PARTS,
            "class_id": CLASS_OF_PART,
            "x1": 10.0,
            "y1": 10.0,
            "x2": 10.0 + size,
            "y2": 10.0 + size,
            "status": ["too_few_points"] * left_out + ["kept"] * (len(PARTS) - left_out),
        }
    )


def draw(name: str) -> Figure:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (80, 90, 3), np.uint8)
    boxes = boxes_of("a", 40)
    if name == "figure_15":
        points = rng.uniform(10, 50, (1, 68, 2))
        points[0, 0] = np.nan
        visibility = np.array([[2] + [0] * 40 + [1] * 27], np.uint8)
        return landmarks_and_boxes(image, points, visibility, boxes, CLASS_NAMES)
    if name == "figure_16":
        sizes = pd.DataFrame({"source": ["wflw"], "photo": ["a"], "width": [90], "height": [80]})
        return label_statistics(boxes, sizes, CLASS_NAMES)
    if name == "schemes":
        return schemes_figure({"68": rng.uniform(0, 1, (68, 2)), "98": rng.uniform(0, 1, (98, 2))})
    return contact_sheet([Labelled(image, boxes, "a"), Labelled(image, boxes.iloc[:0], "b")], CLASS_NAMES)


@pytest.mark.parametrize(
    "name",
    ["figure_15", "figure_16", *(pytest.param(name, marks=pytest.mark.whole_run) for name in ("schemes", "overlay"))],
)
def test_a_figure_is_a_whole_png_and_pdf_and_the_same_each_time(tmp_path: Path, name: str) -> None:
    for folder in ("a", "b"):
        save_figure(draw(name), tmp_path / folder, name)
    picture = cv2.imread(str(tmp_path / "a" / f"{name}.png"))
    assert picture is not None and min(picture.shape[:2]) > 400
    assert (tmp_path / "a" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    for suffix in ("png", "pdf"):
        assert (tmp_path / "a" / f"{name}.{suffix}").read_bytes() == (tmp_path / "b" / f"{name}.{suffix}").read_bytes()


def test_figure_16_counts_the_boxes_it_is_given() -> None:
    counts = draw("figure_16").axes[0]
    widths = {
        label.get_text(): bar.get_width() for label, bar in zip(counts.get_yticklabels(), counts.patches, strict=True)
    }
    assert widths == {name: 2 if name == "eyes" else 1 for name in CLASS_NAMES}


def test_figure_15_draws_visible_and_occluded_points_apart_and_no_self_occluded_one() -> None:
    left = draw("figure_15").axes[0]
    drawn = {str(dots.get_label()): len(dots.get_offsets()) for dots in left.collections}
    assert drawn == {"visible": 40, "hidden by an object": 27}


def test_figure_15_claims_no_visibility_where_nothing_was_said_of_it() -> None:
    image, points = np.zeros((80, 90, 3), np.uint8), np.random.default_rng(0).uniform(10, 50, (1, 98, 2))
    unknown = landmarks_and_boxes(image, points, np.zeros((1, 98), np.uint8), boxes_of("a", 40), CLASS_NAMES)
    assert unknown.axes[0].get_legend() is None
    assert draw("figure_15").axes[0].get_legend() is not None


def test_figure_15_shows_a_complete_uncovered_single_face_if_there_is_one() -> None:
    faces = pd.DataFrame(
        {
            "photo": ["small", "large", "covered", "two", "two", "cut"],
            "attributes": ['{"occlusion": "0"}'] * 2 + ['{"occlusion": "1"}'] + ['{"occlusion": "0"}'] * 3,
        }
    )
    boxes = [boxes_of("small", 20), boxes_of("large", 30), boxes_of("covered", 60), boxes_of("two", 70)]
    boxes.append(boxes_of("cut", 80, left_out=1))
    kept = pd.concat(boxes).query("status == 'kept'")
    assert choose_photo(faces, kept) == "large"


def test_figure_15_hides_every_photo_where_all_are_hidden(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (80, 90, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    for source in ("wflw", "my_ward"):
        points = np.linspace(10, 50, 2 * 98).reshape(98, 2)
        face = Face("a", tmp_path / "a.png", points, np.zeros(98, np.uint8), "train", "a", "list.txt")
        table, _ = to_faces_table(read_raw([face], tmp_path), source)
        table.to_parquet(tmp_path / f"{source}.parquet")
        boxes_of("a", 40).assign(source=source).to_parquet(tmp_path / "boxes.parquet")
        figure = landmarks_of_photo([tmp_path / f"{source}.parquet"], tmp_path / "boxes.parquet", None, "hide-all")
        pictures = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
        assert len(pictures) == (4 if source == "wflw" else 0)
        assert all(len(np.unique(picture.reshape(-1, 3), axis=0)) <= 36 for picture in pictures)


def test_every_class_has_a_colour_of_its_own() -> None:
    assert set(PART_COLOURS) == set(CLASS_NAMES)
    assert len(set(PART_COLOURS.values())) == len(CLASS_NAMES)
