"""Figures 21 and 27 to 31: the right frame, boxes where they belong, and words where there is nothing to draw."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.report import records
from tests.report.second_records import FACE, SIDE, write_boxes, write_evaluation, write_list
from uncover.cli import main
from uncover.images.letterbox import fit
from uncover.images.maps import store_maps, write_maps
from uncover.report.figures import style
from uncover.report.figures.heatmaps import choose_frame, draw_rescued_frame
from uncover.report.figures.scores import draw_missed_f1
from uncover.report.figures.style import why_not_run
from uncover.report.figures.training import training_record

METHODS = ("gradcampp", "hirescam")
IMAGES = ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Figure]]:
    """Names and figures that commands save; no file, which takes seconds for many panels."""
    figures: list[tuple[str, Figure]] = []
    monkeypatch.setattr(style, "save_figure", lambda figure, folder, name: figures.append((name, figure)))
    return figures


def found(**confidences: float) -> pd.DataFrame:
    return pd.DataFrame({"image": list(confidences), "confidence": list(confidences.values())})


def frames(**drawn: tuple[bool, bool, bool]) -> pd.DataFrame:
    """By frame: missed, and whether its maps of both methods are not blank."""
    table = pd.DataFrame.from_dict(drawn, orient="index", columns=["missed", *(f"{name}:joint" for name in METHODS)])
    return table.rename_axis("image").reset_index()


def test_the_frame_is_found_by_both_and_its_less_sure_detection_is_the_surest() -> None:
    fits = (True, True, True)
    given = frames(a=fits, b=fits, c=fits, seen=(False, True, True), blank=(True, False, True))
    boxes = {
        "gradcampp": found(a=0.5, b=0.9, seen=0.99, blank=0.99, c=1.0),
        "hirescam": found(a=0.7, b=0.45, seen=0.99, blank=0.99),
    }
    assert choose_frame(given, boxes) == "a"
    # Where no frame is found by both, one that is found by one; else the first.
    assert choose_frame(given, boxes | {"hirescam": found(b=0.2)[:0]}) == "c"
    assert choose_frame(given, dict.fromkeys(METHODS, found())) == "a"
    assert choose_frame(frames(seen=(False, True, True)), boxes) is None


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """Two frames of Hand Over Face, both missed; only the second has both maps, whose left half is bright."""
    names, confidences = ["a.jpg", "b.jpg"], {"gradcampp": 0.55, "hirescam": 0.85}
    (tmp_path / "data" / "hof" / "images").mkdir(parents=True)
    frame = fit(SIDE, SIDE, 96, square=True)
    values = np.zeros((1, 4, 4), np.float32)
    values[0, :, :2] = 1
    for number, name in enumerate(names):
        picture = np.full((SIDE, SIDE, 3), 60 + 100 * number, np.uint8)
        cv2.imwrite(str(tmp_path / "data" / "hof" / "images" / name), picture)
    for method, confidence in confidences.items():
        folder = tmp_path / "heatmaps" / method / "hof"
        (folder / "joint").mkdir(parents=True)
        rows = [{"image": name, "file": f"{Path(name).stem}.tif"} for name in names]
        pd.DataFrame(rows).to_parquet(folder / "manifest.parquet")
        for row in rows:
            write_maps(folder / "joint" / row["file"], store_maps(values, frame, {"status": ["map"]}))
        boxes = [(name, own, True) for name in names for own in (confidence, 0.1)]
        write_boxes(tmp_path / "predictions" / f"{method}_avg" / "hof.parquet", names, boxes)
    drawn = {"gradcampp": [False, True], "hirescam": [True, True]}
    write_list(tmp_path / "missed" / "hof.csv", dict.fromkeys(names, 0.1), faces=None, **drawn)
    return tmp_path


def arguments(root: Path) -> dict[str, list[Path]]:
    return {
        "missed": [root / "missed" / "hof.csv"],
        "predictions": [root / "predictions" / f"{method}_avg" / "hof.parquet" for method in METHODS[::-1]],
        "heatmaps": [root / "heatmaps" / method / "hof" for method in METHODS],
        "dataset": [root / "data" / "hof"],
    }


def figure_21(root: Path) -> int:
    words = [word for name, paths in arguments(root).items() for word in (f"--{name}", *map(str, paths))]
    return main(["figure_21", str(root / "out"), *words])


def test_both_maps_lie_over_the_frame_with_the_boxes_that_are_sure_enough(run_folder: Path) -> None:
    given = arguments(run_folder)
    axes = draw_rescued_frame(
        given["missed"][0], given["predictions"], given["heatmaps"], given["dataset"][0], confidence=0.4
    ).axes
    titles = ["missed frame (1 of n = 2)", "GradCAM++: 1 found", "HiResCAM: 1 found"]
    assert [each.get_title() for each in axes[:3]] == titles
    frame, *maps = (np.asarray(each.images[0].get_array()) for each in axes[:3])
    assert frame.shape == (SIDE, SIDE, 3) and (np.abs(frame.astype(int) - 160) < 3).all()
    for heat in maps:
        assert np.abs(heat[:, -10:].astype(int) - 160).max() < 3 < np.abs(heat[:, :10].astype(int) - 160).max()
    for each, confidence in zip(axes[1:3], ("0.55", "0.85"), strict=True):
        assert [text.get_text() for text in each.texts] == [confidence]
        x, y = each.lines[0].get_data()
        assert [min(x), min(y), max(x), max(y)] == list(FACE.values())


def test_the_frame_is_hidden_where_all_photos_are(run_folder: Path) -> None:
    name = run_folder / "data" / "hof" / "images" / "b.jpg"
    cv2.imwrite(str(name), np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8))
    given = arguments(run_folder)
    shown = [given["missed"][0], given["predictions"], given["heatmaps"], given["dataset"][0], 0.4]
    levels = []
    for privacy in ("pixelate", "hide-all"):
        picture = draw_rescued_frame(*shown, privacy).axes[0].images[0].get_array()
        levels.append(len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)))
    assert levels[0] > 1000 and levels[1] <= 36


def test_where_no_frame_fits_the_figure_says_so(run_folder: Path) -> None:
    path = run_folder / "missed" / "hof.csv"
    path.write_text(path.read_text().replace("True,True", "True,False"))
    assert figure_21(run_folder) == 0
    why = "a missed frame and its heatmaps: no missed frame of hof has a heatmap of both kinds"
    assert why_not_run(run_folder / "out" / "figure_21.png") == why
    path.write_text(path.read_text().replace("hirescam:joint", "hirescam:mean"))
    assert figure_21(run_folder) == 2


def test_f1_on_missed_frames_is_drawn_or_said_to_be_absent(tmp_path: Path) -> None:
    found = [("0.jpg", 0.9, True), ("1.jpg", 0.5, True)]
    folders = [tmp_path / "hirescam_avg" / f"slapi_{grade}" / "missed" for grade in ("easy", "medium", "hard")]
    write_evaluation(folders[0], IMAGES, found)
    write_evaluation(folders[1], [], [])
    write_evaluation(folders[2], IMAGES, found, labelled=False)
    grid = np.reshape(np.array(draw_missed_f1(folders, published=records.PUBLISHED).axes), (4, 3))
    said = [[" ".join(text.get_text() for text in axes.texts) for axes in row] for row in grid]
    assert said[1] == ["", "no missed frame\nwith a heatmap", "no true face"]
    assert {text for row in (said[0], *said[2:]) for text in row} == {"not in this run"}
    best = json.loads((folders[0] / "summary.json").read_text())
    assert grid[1, 0].get_title() == f"Easy, n = 4 frames, 4 faces\nbest 0.67 at {best['confidence']:.3f}"
    curve, _, circle, thesis = grid[1, 0].lines
    assert max(curve.get_ydata()) == pytest.approx(2 / 3, abs=1e-3)
    assert circle.get_xydata().tolist() == [[best["confidence"], best["F1"]["value"]]]
    assert thesis.get_xydata().tolist() == [[0.592, 0.79]]
    assert [axes.get_ylabel() for axes in grid[:, 0]][3] == "HiResCAM (10 class)\nF1 (share)"


def test_figure_31_takes_records_of_its_detectors_and_sets_alone(
    tmp_path: Path, saved: list[tuple[str, Figure]], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["figure_31", str(tmp_path / "out"), "--published", str(records.PUBLISHED)]
    assert main(words) == 0 and saved[0][0] == "figure_31"
    assert main([*words, "--evaluations", str(tmp_path / "rgb1" / "val" / "missed")]) == 2
    assert "is in folder rgb1/val/missed; expected gradcampp_avg|" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["figure_27", "figure_28", "figure_29", "figure_30"])
def test_each_heatmap_detector_has_its_training(tmp_path: Path, name: str, saved: list[tuple[str, Figure]]) -> None:
    ours = records.write_record(tmp_path / "ours", records.training_rows(4, best=2, class_loss=0))
    theirs = records.write_record(tmp_path / "theirs", records.training_rows(9, best=5))
    released = ["--released", str(theirs)] if name in ("figure_28", "figure_30") else []
    assert main([name, str(tmp_path / "out"), "--record", str(ours), *released]) == 0
    (own, figure), *others = saved
    assert own == name and not others
    assert any("thesis" in str(line.get_label()) for line in figure.axes[0].lines) == bool(released)


def test_a_class_loss_that_only_the_thesis_has_is_drawn_and_said_to_be_theirs() -> None:
    ours, theirs = (records.training_rows(4, best=2, class_loss=loss) for loss in (0, 0.02))
    axes = training_record(ours, theirs).axes[2]
    drawn = {str(line.get_label()): line.get_ydata() for line in axes.lines}
    assert list(drawn["thesis, train"]) == theirs["train/cls_loss"].tolist()
    assert [text.get_text() for text in axes.texts] == ["ours: none\nwith one class"]
