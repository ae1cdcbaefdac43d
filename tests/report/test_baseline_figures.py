"""Figures 22 and 23: photos chosen, what is counted and drawn, what is left of patients, words where nothing ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from tests.report.leaks import correlation, fine_structure, interior
from tests.report.rescue_records import ASIDE, FACE, SIDE, Box, patterned, write_set
from uncover.cli import main
from uncover.data.parts import WHOLE_FACE
from uncover.errors import InputError
from uncover.metrics.predictions import CORNERS, LANDMARK_COLUMNS, Predictions, write_predictions
from uncover.report.figures import style
from uncover.report.figures.baseline_detections import POINTS, choose_photos, draw_baseline_detections
from uncover.report.figures.style import BOX_STYLES, FALSE, FOUND, TRUE, UNKNOWN, why_not_run

IMAGES = [f"photo{number}.png" for number in range(4)]
LANDMARK_SHARES = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
"""Of the box: right eye, left eye, nose, right and left corner of the mouth."""


def write_found(path: Path, boxes: Mapping[str, Sequence[tuple[Box, float]]], model: str = "mtcnn") -> Path:
    """Predictions with landmarks at known places of each box."""
    rows = []
    for image, own in boxes.items():
        for box, confidence in own:
            x1, y1, x2, y2 = box
            points = [value for x, y in LANDMARK_SHARES for value in (x1 + x * (x2 - x1), y1 + y * (y2 - y1))]
            row = {"image": image, "class": "whole face", "class_id": WHOLE_FACE, "confidence": confidence}
            rows.append(row | dict(zip((*CORNERS, *LANDMARK_COLUMNS), (*box, *points), strict=True)))
    columns = ["image", "class", "class_id", "confidence", *CORNERS, *LANDMARK_COLUMNS]
    images = pd.DataFrame({"image": IMAGES, "width": SIDE, "height": SIDE})
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = {"model": model, "confidence": 0.05}
    write_predictions(path, Predictions(pd.DataFrame(rows, columns=columns), images, settings))
    return path


def write_data(run: Path, name: str, labelled: Sequence[bool] = (True,) * len(IMAGES)) -> Path:
    """Photos with a face each, and a manifest that says which of them somebody labelled."""
    dataset = write_set(run, name, IMAGES)
    for image, known in zip(IMAGES, labelled, strict=True):
        if not known:
            (dataset / "labels" / Path(image).with_suffix(".txt")).unlink()
    table = pd.DataFrame({"source": name, "photo": [Path(image).stem for image in IMAGES], "width": SIDE})
    table = table.assign(image=[f"images/{image}" for image in IMAGES], height=SIDE, faces=1, labelled=list(labelled))
    table.to_parquet(dataset / "manifest.parquet")
    return dataset


def texts(figure: Figure) -> str:
    """The sentence below the photos, on one line."""
    return " ".join(text.get_text() for text in figure.texts).replace("\n", " ").strip()


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 8))
def test_photos_are_chosen_in_proportion_and_evenly(detected: list[bool], count: int) -> None:
    places = choose_photos(np.array(detected, bool), count)
    assert places == sorted(set(places)) and len(places) == min(count, len(detected))
    shown, share = [detected[place] for place in places], np.mean(detected) if detected else 0
    if len(places) > 1:
        assert set(shown) == set(detected)
        # Within half a photo of the proportion, or the one photo that each kind has at least.
        assert abs(sum(shown) - share * len(places)) <= 0.5 or min(sum(shown), len(shown) - sum(shown)) == 1
    for kind in (True, False):
        own = [place for place, each in enumerate(detected) if each == kind]
        steps = np.diff([own.index(place) for place in places if detected[place] == kind])
        assert not len(steps) or steps.max() - steps.min() <= 1


def test_photos_by_hand() -> None:
    """Twelve photos, four with a detection: two of six, each in the middle of its half; the others likewise."""
    detected = np.zeros(12, bool)
    detected[[0, 3, 6, 9]] = True
    assert choose_photos(detected, 6) == [2, 3, 5, 8, 9, 11]
    assert choose_photos(np.array([False] * 99 + [True]), 6)[-1] == 99
    assert choose_photos(np.zeros(0, bool), 6) == []


def test_boxes_landmarks_and_counts_are_those_of_the_predictions(tmp_path: Path) -> None:
    dataset = write_data(tmp_path, "wflw")
    boxes = {IMAGES[0]: [(FACE, 0.7), (ASIDE, 0.9)], IMAGES[2]: [(FACE, 0.69)], IMAGES[3]: [(FACE, 0.95)]}
    figure = draw_baseline_detections("mtcnn", write_found(tmp_path / "a.parquet", boxes), dataset, 0.7, "pixelate")
    said = ["1 of 1 found, 1 false", "0 of 1 found, 0 false", "0 of 1 found, 0 false", "1 of 1 found, 0 false"]
    panels = {axes.get_title(): axes for axes in figure.axes}
    assert list(panels) == [f"photo {number}\n{words}" for number, words in enumerate(said, start=1)]
    assert texts(figure) == (
        "MTCNN on WFLW test photos, n = 4 photos: detections (confidence at least 0.7) in 2 of 4 photos;"
        " 2 of 4 faces found, 1 other detection"
    )
    # The first panel: the true box, both detections by falling confidence, each followed by its five landmarks.
    lines = panels["photo 1\n1 of 1 found, 1 false"].lines
    assert [line.get_color() for line in lines if len(line.get_xdata()) > 1] == [
        BOX_STYLES[kind]["color"] for kind in (TRUE, FALSE, FOUND)
    ]
    points = {line.get_color(): line for line in lines[-5:]}
    for name, (x, y) in zip(POINTS, LANDMARK_SHARES, strict=True):
        ((drawn_x,), (drawn_y,)) = points[POINTS[name]["color"]].get_data()
        assert points[POINTS[name]["color"]].get_marker() == POINTS[name]["marker"]
        assert (drawn_x, drawn_y) == pytest.approx((56 + x * 144, 48 + y * 144))
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.90", "0.70"]
    # WFLW has no patients: the photo is as it was.
    assert (np.asarray(figure.axes[0].images[0].get_array()) == patterned(0)).all()


def test_each_landmark_and_kind_of_box_has_a_colour_of_its_own() -> None:
    colours = [BOX_STYLES[kind]["color"] for kind in (TRUE, FOUND, FALSE)] + [each["color"] for each in POINTS.values()]
    assert len(set(colours)) == 8 and len({each["marker"] for each in POINTS.values()}) == 5


def face_seen(picture: np.ndarray, number: int) -> float:
    """How much of the fine structure of a photo's face is in a picture of the same size."""
    size = FACE[2] - FACE[0]
    fine = [fine_structure(image.mean(axis=2).astype(np.uint8), size) for image in (picture, patterned(number))]
    return correlation(fine[0], interior(fine[1], np.array(FACE)))


@pytest.mark.parametrize("privacy", ["pixelate", "publish"])
@pytest.mark.parametrize("known", [True, False])
def test_nothing_is_left_of_a_patients_face(known: bool, privacy: str, tmp_path: Path) -> None:
    dataset = write_data(tmp_path, "preterm_web", [known] * len(IMAGES))
    # In the first photo only something beside the face is found, and in the second nothing.
    path = write_found(tmp_path / "a.parquet", {IMAGES[0]: [(ASIDE, 0.9)], IMAGES[2]: [(FACE, 0.9)]})
    figure = draw_baseline_detections("mtcnn", path, dataset, 0.7, privacy)
    assert len(figure.axes) == len(IMAGES)
    for number, axes in enumerate(figure.axes):
        seen = face_seen(np.asarray(axes.images[0].get_array()), number)
        assert seen > 0.9 if privacy == "publish" else seen < 0.3
    # Landmarks stay.
    assert len([line for line in figure.axes[2].lines if len(line.get_xdata()) == 1]) == 5


def test_no_pixel_of_patients_is_shown_where_they_are_left_out(tmp_path: Path) -> None:
    dataset = write_data(tmp_path, "my_ward", [True] * len(IMAGES))
    path = write_found(tmp_path / "a.parquet", {IMAGES[0]: [(FACE, 0.9)]})
    figure = draw_baseline_detections("mtcnn", path, dataset, 0.7, "leave-out")
    (text,) = (each.get_text() for axes in (figure, *figure.axes) for each in axes.texts)
    assert " ".join(text.split()) == "MTCNN: photos of my_ward are left out (report.privacy: leave-out)"
    assert not any(axes.images for axes in figure.axes)
    public = write_data(tmp_path / "public", "wflw", [True] * len(IMAGES))
    assert len(draw_baseline_detections("mtcnn", path, public, 0.7, "leave-out").axes) == len(IMAGES)


def test_photos_of_others_are_pixelated_from_edge_to_edge_where_all_are_hidden(tmp_path: Path) -> None:
    path = write_found(tmp_path / "a.parquet", {IMAGES[0]: [(FACE, 0.9)]})
    figure = draw_baseline_detections("mtcnn", path, write_data(tmp_path, "wflw"), 0.7, "hide-all")
    for number, axes in enumerate(figure.axes):
        picture = np.asarray(axes.images[0].get_array())
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) <= 36 and face_seen(picture, number) < 0.3
    patients = draw_baseline_detections("mtcnn", path, write_data(tmp_path, "my_ward"), 0.7, "hide-all")
    assert not patients.axes


def test_without_labels_nothing_is_called_found_or_false(tmp_path: Path) -> None:
    path = write_found(tmp_path / "a.parquet", {IMAGES[0]: [(FACE, 0.9)]})
    figure = draw_baseline_detections("mtcnn", path, write_data(tmp_path, "web", [False] * 4), 0.7, "pixelate")
    assert figure.axes[0].get_title() == "photo 1\n1 detection, no labels"
    assert figure.axes[0].lines[0].get_color() == BOX_STYLES[UNKNOWN]["color"]
    assert texts(figure).endswith("in 1 of 4 photos; no labels")
    some = draw_baseline_detections(
        "mtcnn", path, write_data(tmp_path, "web", [True, True, True, False]), 0.7, "pixelate"
    )
    assert texts(some).endswith("in 1 of 4 photos; 1 without labels")


def test_a_find_is_what_the_trial_calls_one(tmp_path: Path) -> None:
    x1, y1, x2, y2 = FACE
    narrow = (x1, y1, x1 + 0.75 * (x2 - x1), y2)
    path, dataset = write_found(tmp_path / "a.parquet", {IMAGES[0]: [(narrow, 0.9)]}), write_data(tmp_path, "wflw")
    for true_iou, found in ((0.5, 1), (0.75, 1), (0.8, 0)):
        figure = draw_baseline_detections("mtcnn", path, dataset, 0.7, "pixelate", true_iou)
        assert f"{found} of 4 faces found" in texts(figure)


@pytest.mark.parametrize(("verb", "title"), [("figure_22", "RetinaFace"), ("figure_23", "MTCNN")])
def test_a_detector_that_was_not_run_has_a_figure_that_says_why(
    verb: str, title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Figure] = []
    save = style.save_figure
    monkeypatch.setattr(style, "save_figure", lambda figure, *rest: (saved.append(figure), save(figure, *rest)))
    why = "weights.retinaface: no such file; " + "expected one of sha256 " + "ed6fa7d4" * 8
    assert main([verb, str(tmp_path), "--not-run", why]) == 0
    assert texts(saved[0]) == f"{title} was not run: {why}" and not saved[0].axes
    assert why_not_run(tmp_path / f"{verb}.png") == texts(saved[0])
    assert all((tmp_path / f"{verb}.{suffix}").stat().st_size > 0 for suffix in ("png", "pdf"))


def test_the_same_files_give_the_same_figure(tmp_path: Path) -> None:
    dataset = write_data(tmp_path, "preterm_web")
    path = write_found(tmp_path / "preterm_web.parquet", {IMAGES[1]: [(FACE, 0.9)]}, "retinaface")
    for out in ("a", "b"):
        words = ["figure_22", tmp_path / out, "--predictions", path, "--dataset", dataset, "--confidence", 0.8]
        assert main([str(word) for word in words]) == 0
    for name in ("figure_22.png", "figure_22.pdf"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write_data(tmp_path, "wflw")
    path = write_found(tmp_path / "a.parquet", {})
    with pytest.raises(InputError, match="has boxes of mtcnn; expected boxes of retinaface"):
        draw_baseline_detections("retinaface", path, dataset, 0.7, "pixelate")
    with pytest.raises(InputError, match=r"at confidence 0\.05; expected 0\.01 or less"):
        draw_baseline_detections("mtcnn", path, dataset, 0.01, "pixelate")
    pd.read_parquet(dataset / "manifest.parquet")[:3].to_parquet(dataset / "manifest.parquet")
    with pytest.raises(InputError, match=r"names photo3.png, which .* does not"):
        draw_baseline_detections("mtcnn", path, dataset, 0.7, "pixelate")
    assert main(["figure_23", str(tmp_path / "out"), "--predictions", str(path)]) == 2
    assert "pass its folder with --dataset" in capsys.readouterr().err and not (tmp_path / "out").exists()
