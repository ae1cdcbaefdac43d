"""Boxes drawn as blobs: where they are, how high, and that the set is read like any of heatmaps."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.rescue.sets import predicted
from uncover.cam.heatmaps import MAP, NO_DETECTION
from uncover.cam.store import CLASSES, read_manifest
from uncover.cli import main
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.images.letterbox import fit
from uncover.images.maps import JOINT, average, read_maps
from uncover.images.reading import read_image
from uncover.metrics.predictions import Predictions, write_predictions
from uncover.rescue.drawn import CELL, blobs, draw, draw_set
from uncover.rescue.missed import read_and_find

NOSE = CLASS_NAMES.index("nose")
FACE_BOX, NOSE_BOX = (20.0, 20.0, 80.0, 80.0), (45.0, 40.0, 55.0, 60.0)
IMAGES = ("a.jpg", "b.png", "deep/c.jpg")


def both_classes(confidence_of_b: float = 0.2, **settings: object) -> Predictions:
    """A face and its nose in a, an unsure face in b, nothing in c; looked at as 96 x 96 pixels."""
    faces = predicted(
        IMAGES, [("a.jpg", 0.8, FACE_BOX), ("b.png", confidence_of_b, FACE_BOX)], **{"image_size": 96, **settings}
    )
    noses = predicted(IMAGES, [("a.jpg", 0.5, NOSE_BOX)], class_id=NOSE)
    return Predictions(pd.concat([faces.boxes, noses.boxes], ignore_index=True), faces.images, faces.settings)


def draw_files(root: Path, found: Predictions, *words: str) -> int:
    write_predictions(root / "val.parquet", found)
    out = root / "heatmaps/drawn_boxes/val"
    return main(["draw_boxes", "--predictions", str(root / "val.parquet"), "--out", str(out), *words])


def test_a_blob_is_as_high_as_its_box_is_sure_and_falls_with_its_sides() -> None:
    (blob,) = blobs(np.array([[16.0, 8.0, 48.0, 24.0]]), np.array([0.8], np.float32), height=4, width=8)
    # By hand: the middle is (32, 16), the deviations are 8 and 4; the middle of cell (x 3, y 1) is (28, 12).
    assert blob[1, 3] == pytest.approx(0.8 * math.exp(-(0.5**2) / 2 - 1**2 / 2))
    assert blob[1, 5] == pytest.approx(0.8 * math.exp(-(1.5**2) / 2 - 1**2 / 2))
    assert blob[1] == pytest.approx(blob[2]) and blob[:, 3] == pytest.approx(blob[:, 4])


def test_the_smallest_box_is_seen_wherever_it_is() -> None:
    middles = np.random.default_rng(0).uniform(0, 64, (500, 2))
    drawn = blobs(np.concatenate([middles - 0.05, middles + 0.05], axis=1), np.ones(500, np.float32), 8, 8)
    assert drawn.max((1, 2)).min() >= math.exp(-1) - 1e-6


def test_a_class_has_its_own_boxes_and_the_joint_map_those_of_all(tmp_path: Path) -> None:
    assert draw_files(tmp_path, both_classes()) == 0
    folder = tmp_path / "heatmaps/drawn_boxes/val"
    classes, joint = read_maps(folder / CLASSES / "a.tif", 10), read_maps(folder / JOINT / "a.tif", 1)
    assert classes.values.shape == (10, 12, 12) and joint.values.shape == (1, 12, 12)
    maps = classes.native()
    assert np.flatnonzero(maps.any((1, 2))).tolist() == [NOSE, WHOLE_FACE]
    assert joint.native()[0] == pytest.approx(maps.max(0), abs=1e-4)
    # 96 of 100 pixels: the face's middle (50, 50) is at 48, between four cells, half a cell from each.
    sigma = 60 * 0.96 / 4
    assert maps[WHOLE_FACE].max() == pytest.approx(0.8 * math.exp(-((4 / sigma) ** 2)), rel=1e-4)
    assert maps[WHOLE_FACE][5:7, 5:7] == pytest.approx(maps[WHOLE_FACE].max(), rel=1e-3)


def test_the_set_is_read_like_heatmaps(tmp_path: Path) -> None:
    assert draw_files(tmp_path, both_classes()) == 0
    folder = tmp_path / "heatmaps/drawn_boxes/val"
    manifest = read_manifest(folder / "manifest.parquet")
    assert manifest.settings["class_names"] == list(CLASS_NAMES) and manifest.settings["image_size"] == 96
    assert {manifest.settings[name] for name in ("variant", "method")} == {"drawn_boxes"}
    assert (manifest.settings["layers"], manifest.settings["target"]) == ([], "none")
    table = manifest.table.set_index("image")
    assert table.loc["deep/c.jpg", "file"] == "deep/c.tif"
    expected = [MAP if number in (NOSE, WHOLE_FACE) else NO_DETECTION for number in range(10)] + [MAP]
    assert list(table.loc["a.jpg", "status"]) == expected
    assert all(set(table.loc[image, "status"]) == {NO_DETECTION} for image in IMAGES[1:])
    assert table["detections"].map(sum).tolist() == [2, 0, 0]
    assert [table.loc["a.jpg", "inverted"][place] for place in (NOSE, WHOLE_FACE, -1)] == [False] * 3
    assert read_image(folder / JOINT / "a.tif", 1).shape == (100, 100, 1)
    assert read_image(folder / CLASSES / "deep/c.tif", 10).max() == 0
    assert average(read_maps(folder / CLASSES / "a.tif"), "whole_face").about["status"] == [MAP]
    missed = read_and_find(tmp_path / "val.parquet", [folder], None, 0.9).set_index("image")
    assert missed["drawn_boxes:joint"].tolist() == [True, False, False]
    assert missed["drawn_boxes:whole_face"].tolist() == [True, False, False]


@pytest.mark.parametrize(("width", "height"), [(60, 90), (90, 60), (37, 211)])
def test_blobs_stand_where_the_photo_stands_in_the_frame(width: int, height: int) -> None:
    frame = fit(width, height, 128)
    box = (width * 0.6, height * 0.2, width * 0.8, height * 0.4)
    own = predicted(["a.jpg"], [("a.jpg", 0.9, box)]).boxes
    drawn = draw(own, frame, [WHOLE_FACE], ["whole face"], {}).joint.native()[0]
    assert drawn.shape == (frame.out_height // CELL, frame.out_width // CELL)
    y, x = (np.unravel_index(drawn.argmax(), drawn.shape)[axis] * CELL + CELL / 2 for axis in (0, 1))
    scale = 128 / max(width, height)
    left, top = (frame.out_width - width * scale) / 2, (frame.out_height - height * scale) / 2
    assert (
        abs(x - (left + 0.7 * width * scale)) <= CELL / 2 + 1 and abs(y - (top + 0.3 * height * scale)) <= CELL / 2 + 1
    )


def test_a_box_that_stands_twice_changes_nothing() -> None:
    frame, once = fit(100, 100, 96), predicted(IMAGES, [("a.jpg", 0.8, FACE_BOX)]).boxes
    twice = pd.concat([once, once.assign(confidence=np.float32(0.6))])
    maps = [draw(boxes, frame, [WHOLE_FACE], ["whole face"], {}) for boxes in (once, twice)]
    assert (maps[0].joint.values == maps[1].joint.values).all() and (maps[0].joint.scales == maps[1].joint.scales).all()
    assert len(maps[1].classes.about["detections"]) == 2


def test_a_box_without_area_is_counted_and_left_out() -> None:
    boxes = predicted(IMAGES, [("a.jpg", 0.8, (20, 20, 20, 60))]).boxes
    drawn = draw(boxes, fit(100, 100, 96), [WHOLE_FACE], ["whole face"], {})
    assert drawn.classes.about["degenerate"] == 1 and drawn.status == [NO_DETECTION, NO_DETECTION]


def test_the_confidence_decides_and_what_was_there_is_replaced(tmp_path: Path) -> None:
    # 0.3 as stored, in single precision, is above 0.3 in double; 0.7 is below.
    for confidence in (0.3, 0.7):
        assert draw_files(tmp_path, both_classes(confidence), "--confidence", str(confidence)) == 0
        table = read_manifest(tmp_path / "heatmaps/drawn_boxes/val/manifest.parquet").table
        assert table["status"].iloc[1][-1] == MAP
    assert draw_files(tmp_path, predicted((), [], image_size=96)) == 0
    assert len(read_manifest(tmp_path / "heatmaps/drawn_boxes/val/manifest.parquet").table) == 0
    assert not list(tmp_path.rglob("*.tif"))


@pytest.mark.parametrize(
    ("settings", "words", "says"),
    [
        ({"image_size": None}, [], "val.parquet: image_size is None; expected the size"),
        ({"confidence": 0.3}, [], "val.parquet: was stored at confidence 0.3; expected 0.25 or less"),
        ({}, ["--confidence", "-1"], "--confidence -1.0: expected 0 to 1"),
        ({}, ["--out", "{root}"], "holds files that uncover did not make"),
        ({}, ["--predictions", "{root}/none.parquet"], "none.parquet: does not exist"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: dict[str, object], words: list[str], says: str
) -> None:
    assert draw_files(tmp_path, both_classes(**settings), *(word.format(root=tmp_path) for word in words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("uncover draw_boxes: error: ") and says in line
    assert not (tmp_path / "heatmaps").exists()


def test_two_photos_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert draw_files(tmp_path, predicted(["a.jpg", "a.png"], [], image_size=96)) == 2
    assert "a.png: its heatmaps would be a.tif, like those of a.jpg" in capsys.readouterr().err


def test_a_drawing_that_fails_leaves_the_old_set_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert draw_files(tmp_path, both_classes()) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("uncover.rescue.drawn.write_files", full)
    with pytest.raises(OSError, match="No space left"):
        draw_set(tmp_path / "val.parquet", 0.25, tmp_path / "heatmaps/drawn_boxes/val")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
