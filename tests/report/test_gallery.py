"""The gallery of missed photos: which are chosen, and whose boxes are drawn."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tests.report.rescue_records import ASIDE, FACE, trial_row, write_boxes, write_set, write_trial
from uncover.cli import main
from uncover.config.catalogue import FigurePrivacy
from uncover.report.figures.rescue_gallery import (
    BEST,
    HEATMAP,
    KINDS,
    Panel,
    choose_photos,
    draw_rescue_gallery,
    rescue_gallery,
)
from uncover.report.figures.style import BOX_STYLES, TRUE, why_not_run
from uncover.rescue.methods import Method, read_methods

BOTH, FIRST, SECOND, NONE = (True, True), (True, False), (False, True), (False, False)
IMAGES = [f"photo{number}.png" for number in range(3)]


def outcomes(**counts: int) -> dict[str, tuple[bool, ...]]:
    kinds = {"both": BOTH, "first": FIRST, "second": SECOND, "none": NONE}
    return {f"{kind}{number}": kinds[kind] for kind, count in counts.items() for number in range(count)}


def test_each_outcome_is_shown_and_the_frequent_ones_more_often() -> None:
    given = outcomes(both=1, first=40, second=1, none=18)
    chosen = Counter(given[name] for name in choose_photos(given, 6))
    assert chosen == {BOTH: 1, FIRST: 3, SECOND: 1, NONE: 1}


@given(st.dictionaries(st.text("abcdef", min_size=1), st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_the_choice_depends_on_names_and_outcomes_alone(given: dict[str, tuple[bool, ...]]) -> None:
    chosen = choose_photos(given, 6)
    assert len(chosen) == len(set(chosen)) == min(6, len(given))
    assert chosen == choose_photos(dict(reversed(given.items())), 6)
    assert {given[name] for name in chosen} == set(given.values())


def colour_of(kind: str) -> str:
    return str(BOX_STYLES[KINDS[kind][1]]["color"])


def lines_of(run: Path, methods: tuple[Method, ...] = (), true_iou: float = 0.5) -> list[Counter[str]]:
    """Colours of the boxes in each panel that has any."""
    trial = write_trial(
        run / "trial.csv",
        [
            trial_row("wflw", "hirescam_avg", "heatmaps", 1, 3),
            trial_row("wflw", "gradcampp_avg", "heatmaps", 0, 3),
            trial_row("wflw", "part_fusion", "baseline", 2, 3),
            trial_row("wflw", "box_fusion", "ours", 3, 3, threshold="val"),
        ],
    )
    datasets, missed = [run / "datasets" / "wflw"], [run / "missed" / "wflw.csv"]
    figure = draw_rescue_gallery(trial, run / "predictions", datasets, missed, "pixelate", methods, true_iou)
    panels = [Counter(str(line.get_color()) for line in axes.lines) for axes in figure.axes]
    return [panel for panel in panels if panel]


def test_the_overlap_of_the_config_decides_what_is_a_find(tmp_path: Path) -> None:
    """Photos with a find stand first, others by a hash of their names."""
    shifted = (FACE[0] + 36, FACE[1], FACE[2] + 36, FACE[3])  # IoU 0.6
    first, second = sorted(["x.png", "y.png"], key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    write_set(tmp_path, "wflw", [first, second])
    write_boxes(tmp_path, "part_fusion", "wflw", [first, second], {first: [shifted] * 2, second: [FACE]})
    write_boxes(tmp_path, "hirescam_avg", "wflw", [first, second], {})
    best = colour_of(BEST)
    for true_iou, boxes in ((0.5, [2, 1]), (0.6, [2, 1]), (0.65, [1, 2])):
        assert [panel[best] for panel in lines_of(tmp_path, true_iou=true_iou)] == boxes


def test_boxes_are_those_of_the_first_and_of_the_best_heatmap_detector_where_it_had_a_map(tmp_path: Path) -> None:
    write_set(tmp_path, "wflw", IMAGES)
    write_boxes(tmp_path, "part_fusion", "wflw", IMAGES, {IMAGES[0]: [FACE, ASIDE], IMAGES[1]: [FACE]})
    write_boxes(tmp_path, "hirescam_avg", "wflw", IMAGES, {IMAGES[0]: [FACE], IMAGES[2]: [ASIDE]})
    true, best, heatmap = map(colour_of, (TRUE, BEST, HEATMAP))
    shown = [{true: 1, best: 2, heatmap: 1}, {true: 1, best: 1}, {true: 1, heatmap: 1}]
    assert lines_of(tmp_path) == shown
    path = tmp_path / "missed" / "wflw.csv"
    table = pd.read_csv(path).assign(**{"hirescam:joint": [True, True, False]})
    table.to_csv(path, index=False)
    shown[2] = {true: 1}
    assert lines_of(tmp_path, (Method("hirescam_avg", "heatmaps", "hirescam:joint"),)) == shown


def test_a_detector_of_others_is_drawn_like_any_method_in_missed_photos_alone(tmp_path: Path) -> None:
    dataset = write_set(tmp_path, "wflw", IMAGES)
    path = tmp_path / "missed" / "wflw.csv"
    pd.read_csv(path).assign(missed=[True, True, False]).to_csv(path, index=False)
    write_boxes(tmp_path, "mtcnn", "wflw", IMAGES, {image: [FACE] for image in IMAGES})
    write_boxes(tmp_path, "hirescam_avg", "wflw", IMAGES, {})
    rows = [trial_row("wflw", "hirescam_avg", "heatmaps", 0, 2), trial_row("wflw", "mtcnn", "detector", 2, 2)]
    trial = write_trial(tmp_path / "trial.csv", rows)
    methods = read_methods(["hirescam_avg=heatmaps", "mtcnn=detector"])
    figure = draw_rescue_gallery(trial, tmp_path / "predictions", [dataset], [path], "pixelate", methods)
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    told = "WFLW test photos, n = 2 missed photos\nmost faces found: MTCNN (2 of 2 faces)"
    assert [text.get_text() for text in figure.texts] == [told]


def test_the_command_writes_both_forms(tmp_path: Path) -> None:
    trial = write_trial(tmp_path / "trial.csv", [trial_row("wflw", "part_fusion", "baseline", 0, 0)])
    words = [
        "figure_rescue",
        tmp_path,
        "--trial",
        trial,
        "--predictions",
        tmp_path,
        "--methods",
        "part_fusion=baseline",
    ]
    assert main([str(word) for word in words]) == 0
    assert all((tmp_path / f"figure_rescue.{suffix}").stat().st_size > 0 for suffix in ("png", "pdf"))
    assert why_not_run(tmp_path / "figure_rescue.png") == f"{NOTHING}: no missed photo with a labelled face"


NOTHING = "missed photos and detections"


def test_a_photo_without_any_box_is_drawn_too() -> None:
    empty = np.zeros((0, 4))
    figure = rescue_gallery({"a": [Panel(np.zeros((9, 9, 3), np.uint8), {kind: empty for kind in KINDS})]})
    assert len(figure.axes[0].images) == 1


TITLES = ["WFLW test photos", "Graded frames, hard", "my_ward"]
TOLD = "photos of Graded frames, hard; my_ward are left out (report.privacy: leave-out)"


def test_sets_of_patients_are_left_out_with_a_line_that_says_so(tmp_path: Path) -> None:
    for name in ("wflw", "slapi_hard", "my_ward"):
        write_set(tmp_path, name, IMAGES)
        write_boxes(tmp_path, "part_fusion", name, IMAGES, {IMAGES[0]: [FACE]})
    names = ["wflw", "slapi_hard", "my_ward"]
    trial = write_trial(tmp_path / "trial.csv", [trial_row(name, "part_fusion", "baseline", 1, 3) for name in names])
    datasets = [tmp_path / "datasets" / name for name in names]
    missed = [tmp_path / "missed" / f"{name}.csv" for name in names]
    assert _titles(trial, tmp_path, datasets, missed, "leave-out") == [TITLES[0], TOLD]
    assert _titles(trial, tmp_path, datasets, missed, "pixelate") == TITLES
    hidden = [TITLES[0], TOLD.replace("leave-out", "hide-all")]
    assert _titles(trial, tmp_path, datasets, missed, "hide-all") == hidden
    (first, *_) = draw_rescue_gallery(trial, tmp_path / "predictions", datasets, missed, "hide-all").axes
    assert len(np.unique(np.asarray(first.images[0].get_array()).reshape(-1, 3), axis=0)) <= 36
    assert _titles(trial, tmp_path, datasets[1:], missed[1:], "leave-out") == [f"{NOTHING}: {TOLD}"]


def _titles(trial: Path, run: Path, datasets: list[Path], missed: list[Path], privacy: FigurePrivacy) -> list[str]:
    """Titles of the sets that are shown, and what is said of others."""
    figure = draw_rescue_gallery(trial, run / "predictions", datasets, missed, privacy)
    told = [each.get_text() if figure.axes else " ".join(each.get_text().split()) for each in figure.texts]
    titles = [each for each in told if "n = 3 missed photos" in each]
    assert sum(len(axes.images) for axes in figure.axes) == len(IMAGES) * len(titles)
    return [each.split(", n = ")[0] if each in titles else each for each in told]
