"""Tables 7, 8, 9, 12 and 13: numbers, both confidences, and the thesis's values where they belong."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.report import records
from tests.report.second_records import MODELS, counted, write_evaluation, write_rescue
from uncover.cli import main
from uncover.errors import InputError
from uncover.report.published import load_published
from uncover.report.rescue_records import read_rescue
from uncover.report.titles import model_title

IMAGES = ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def run(root: Path, name: str, option: str, *paths: str, variants: tuple[str, ...] = ()) -> int:
    what = ["--variants", *variants] if variants else ["--published", str(records.PUBLISHED)]
    return main([name, str(root / "out"), option, *paths, *what])


def csv(root: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(root / "out" / f"{name}.csv")


def text(root: Path, name: str) -> str:
    written = {
        suffix: (root / "out" / f"{name}.{suffix}").read_text(encoding="utf-8") for suffix in ("csv", "md", "tex")
    }
    assert not any(word in each for each in written.values() for word in ("nan", "NaN", "None", "<NA>"))
    return written["md"]


@pytest.mark.parametrize("name", ["table_07", "table_08", "table_09", "table_12", "table_13"])
def test_rows_are_named_as_the_thesis_prints_them_even_if_nothing_is_at_hand(tmp_path: Path, name: str) -> None:
    path = write_rescue(tmp_path, "hirescam_avg", [])
    option = "--records"
    if name in ("table_07", "table_12"):
        of = ("val", "whole_face") if name == "table_07" else ("slapi_easy", "missed")
        path, option = write_evaluation(tmp_path / "hirescam_avg" / Path(*of), IMAGES, []), "--summaries"
    assert run(tmp_path, name, option, path) == 0
    published = load_published(records.PUBLISHED)[name]
    frame = csv(tmp_path, name)
    named = [column for column in published.columns if column not in published.added]
    assert [column for column in frame.columns[: len(published.columns)] if column in named] == named
    keys = list(published.key)
    assert frame[keys].values.tolist() == [[row[key] for key in keys] for row in published.rows]
    for column in set(published.columns) - set(keys):
        theirs = [float("nan") if row[column] is None else row[column] for row in published.rows]
        assert frame[f"{column}_published"].tolist() == pytest.approx(theirs, nan_ok=True)
    assert "Not in this run: " in text(tmp_path, name)


def test_scores_stand_beside_the_thesis_s_by_detector_and_set(tmp_path: Path) -> None:
    # Two of four faces found and nothing else: P 1 and R 0.5, so F1 2/3, at confidence 0.5 at most.
    boxes = [("0.jpg", 0.9, True), ("1.jpg", 0.5, True)]
    paths = [write_evaluation(tmp_path / model / "wflw" / "whole_face", IMAGES, boxes) for model in MODELS[::-1]]
    paths.append(write_evaluation(tmp_path / "hirescam_avg" / "val" / "whole_face", IMAGES[:1], boxes[:1]))
    assert run(tmp_path, "table_07", "--summaries", *paths) == 0
    frame = csv(tmp_path, "table_07")
    assert list(frame.columns[:10]) == [
        "CAM Model", "Set", "P", "R", "F1", "mAP50", "mAP50_95", "Conf", "Photos", "Faces",
    ]  # fmt: skip
    row = frame[(frame["CAM Model"] == "Hires (avg)") & (frame["Set"] == "WFLW")].iloc[0]
    assert row[["P", "R", "F1"]].tolist() == pytest.approx([1, 0.5, 2 / 3], abs=1e-3)
    assert row["Conf"] <= 0.5 and (row["Photos"], row["Faces"]) == (4, 4)
    assert row["F1_published"] == 0.771 and row["R_low"] <= row["R"] <= row["R_high"]
    assert frame[frame["Set"] == "MERL"]["P"].isna().all()
    shown = text(tmp_path, "table_07")
    assert "| Hires (avg) | WFLW | 1.000 | 0.500 | 0.667 |" in shown
    assert "| – thesis |  | 0.765 | 0.778 | 0.771 | 0.781 | 0.379 |" in shown
    assert "Not in this run: MERL, Grad++ (avg) on Val, Grad++ (10 class) on Val, Hires (10 class) on Val." in shown


def test_a_set_without_photos_or_labels_has_no_scores_but_a_row(tmp_path: Path) -> None:
    root = tmp_path / "gradcampp_10"
    paths = [
        write_evaluation(root / "slapi_easy" / "missed", [], []),
        write_evaluation(root / "slapi_hard" / "missed", IMAGES, [("0.jpg", 0.9, True)], labelled=False),
    ]
    assert run(tmp_path, "table_12", "--summaries", *paths) == 0
    shown = text(tmp_path, "table_12")
    assert "| Grad ++ (10 class) | Easy | n/a | n/a | n/a | n/a | n/a | n/a | 0 | 0 |" in shown
    assert "| Grad ++ (10 class) | Hard | n/a | n/a | n/a | n/a | n/a | n/a | 4 | 0 |" in shown
    assert "no true face to score" in shown


def rescue_rows() -> list[dict[str, object]]:
    return [
        counted("merl", "set", 0.3, missed=10, heatmaps=8, found=(7, 5, 5, 4), f1=0.6),
        counted("merl", "val", 0.7, missed=10, heatmaps=8, found=(2, 2, 2, 2), f1=0.6),
        counted("merl", "fixed", 0.4, missed=10, heatmaps=8, found=(3, 3, 3, 3), f1=0.6),
        counted("wflw", "set", 0.5, missed=4, heatmaps=4, found=(0, 0, 0, 0), f1=0.0),
        counted("wflw", "val", 0.7, missed=4, heatmaps=4, found=(0, 0, 0, 0), f1=0.0),
    ]


def test_missed_photos_are_counted_at_the_thesis_s_confidence_and_at_val_s(tmp_path: Path) -> None:
    """As in the thesis: photos with a box are coverage times heatmaps, and the correct ones precision times these."""
    assert run(tmp_path, "table_08", "--records", write_rescue(tmp_path, "hirescam_avg", rescue_rows())) == 0
    row = csv(tmp_path, "table_08").iloc[2]
    thesis = ["CAM Model", "Set", "Conf", "F1", "Total Preds", "Precision (Test Set)", "Coverage (Test Set)"]
    assert list(row.index[:7]) == thesis
    assert row[thesis].tolist() == ["HiresCAM (avg)", "MERL", 0.3, 0.6, 5, pytest.approx(80), pytest.approx(62.5)]
    assert row[["Correct", "Heatmaps", "Missed", "Boxes", "Correct boxes"]].tolist() == [4, 8, 10, 7, 5]
    of_val = [f"{name} (val)" for name in ("Conf", "Total Preds", "Precision (Test Set)", "Coverage (Test Set)")]
    assert row[of_val].tolist() == [0.7, 2, pytest.approx(100), pytest.approx(25)]
    # Wilson by hand for 5 of 8: centre (0.625 + 3.8415 / 16) / (1 + 3.8415 / 8) = 0.5845, half 1.96 / 1.4802 *
    # sqrt(0.625 * 0.375 / 8 + 3.8415 / 256) = 0.2788
    ends = row[["Coverage (Test Set)_low", "Coverage (Test Set)_high"]].tolist()
    assert ends == pytest.approx([30.57, 86.32], abs=0.01)
    assert row["Coverage (Test Set) (val)_low"] < 25 < row["Coverage (Test Set) (val)_high"]
    assert row["Precision (Test Set)_published"] == 100 and row["Total Preds_published"] == 23
    shown = text(tmp_path, "table_08")
    assert (
        "| HiresCAM (avg) | MERL | 0.300 | 0.600 | 5 | 80.00 | 62.50 | 4 | 8 | 10 | 7 | 5 |\n"
        "| – 95 % interval |  |  |  |  | 37.55–96.38 | 30.57–86.32 |  |  |  |  |  |\n"
        "| – at val's threshold |  | 0.700 |  | 2 | 100.00 | 25.00 | 2 |  |  | 2 | 2 |\n"
    ) in shown
    assert "| – thesis |  | 0.697 | 0.960 | 23 | 100.00 | 92.00 |  |  |  |  |  |" in shown
    assert "Intervals treat photos as independent, because no blocks.csv states which belong together" in shown
    assert "HiresCAM (avg): MERL 2 of 10, WFLW 0 of 4." in shown
    # No box at all: nothing is precise or imprecise, and none of four heatmaps is covered.
    assert "| HiresCAM (avg) | WFLW | 0.500 | 0.000 | 0 | n/a | 0.00 | 0 | 4 | 4 | 0 | 0 |" in shown


def test_nothing_missed_blank_maps_and_missing_labels_leave_zeros_and_na(tmp_path: Path) -> None:
    rows = [
        counted("slapi_easy", "set", None, missed=0, heatmaps=0, found=(0, 0, 0, 0)),
        counted("slapi_easy", "val", 0.7, missed=0, heatmaps=0, found=(0, 0, 0, 0)),
        counted("slapi_medium", "set", None, missed=3, heatmaps=3),
        counted("slapi_medium", "val", None, missed=3, heatmaps=3),
        counted("slapi_hard", "val", 0.7, missed=5, heatmaps=4, found=(6, 0, 4, 0), labelled=False),
    ]
    assert run(tmp_path, "table_13", "--records", write_rescue(tmp_path, "gradcampp_avg", rows)) == 0
    shown = text(tmp_path, "table_13")
    assert "| Grad++ (avg) | Easy | n/a | n/a | 0 | 0 | n/a | n/a | 0 | 0 | 0 | 0 |" in shown
    assert "| Grad++ (avg) | Medium | n/a | n/a | n/a | 3 | n/a | n/a | n/a | 3 | n/a | n/a |" in shown
    assert "| Grad++ (avg) | Hard | n/a | n/a | n/a | 4 | n/a | n/a | n/a | 5 | n/a | n/a |" in shown
    assert "| – at val's threshold |  | 0.700 |  | 4 |  | n/a | 100.00 | n/a |  | 6 | n/a |" in shown
    assert "Without labels, so correctness is unknown: Hard." in shown
    # 25 heatmaps stand in the thesis's one cell with the predictions.
    assert csv(tmp_path, "table_13").loc[1, "Heatmaps_published"] == 25


def test_frames_that_nobody_annotated_are_counted_but_not_judged(tmp_path: Path) -> None:
    rows = [
        counted("hof", "val", 0.8, missed=9, heatmaps=8, found=(2, 0, 2, 0), labelled=False),
        counted("hof", "fixed", 0.4, missed=9, heatmaps=8, found=(5, 0, 3, 0), labelled=False),
    ]
    assert run(tmp_path, "table_09", "--records", write_rescue(tmp_path, "hirescam_10", rows)) == 0
    row = csv(tmp_path, "table_09").iloc[3]
    assert list(row.index[:4]) == ["CAM Model", "Initial Heatmaps", "Total Detections", "Remaining"]
    # As in all rows of the thesis, detections and remaining ones are the heatmaps, however many boxes there are.
    assert row.iloc[:8].tolist() == ["HiresCAM (10 class)", 8, 3, 5, 0.4, 37.5, 9, 5]
    assert row["Total Detections (val)"] + row["Remaining (val)"] == row["Initial Heatmaps"] == 8
    assert row[["Conf (val)", "Total Detections (val)", "Remaining (val)"]].tolist() == [0.8, 2, 6]
    assert row["Remaining_published"] == 180
    shown = text(tmp_path, "table_09")
    assert "a detection may be wrong" in shown
    assert "HiresCAM (10 class): Hand Over Face 1 of 9" in shown


def test_variants_have_a_table_of_their_own(tmp_path: Path) -> None:
    variants = ("hirescam_multiscale_avg", "gradcampp_mean")
    path = write_rescue(tmp_path, variants[0], rescue_rows())
    assert run(tmp_path, "table_08", "--records", path, variants=variants) == 0
    frame = csv(tmp_path, "table_08_variants")
    assert frame["CAM Model"].tolist() == ["HiResCAM multi-scale (avg)"] * 2 + ["GradCAM++ (mean)"] * 2
    assert frame.loc[0, "Total Preds"] == 5 and not [name for name in frame if name.endswith("_published")]
    assert "Not in this run: GradCAM++ (mean)." in text(tmp_path, "table_08_variants")
    scored = write_evaluation(tmp_path / variants[1] / "val" / "whole_face", IMAGES, [("0.jpg", 0.9, True)])
    assert run(tmp_path, "table_07", "--summaries", scored, variants=variants[1:]) == 0
    frame = csv(tmp_path, "table_07_variants")
    assert frame["Set"].tolist() == ["Val", "MERL", "WFLW"] and frame.loc[0, "R"] == pytest.approx(0.25, abs=1e-3)
    assert not [name for name in frame if name.endswith("_published")]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("gradcampp_t1_avg", "GradCAM++ T1 (avg)"),
        ("hirescam_multiscale_10", "HiResCAM multi-scale (10 class)"),
        ("hirescam_whole_face", "HiResCAM (whole face)"),
        ("layercam_mean", "LayerCAM (mean)"),
        ("grey_photo", "Grey photo"),
        ("my_own_maps", "my_own_maps"),
        ("my_own_avg", "my_own_avg"),
    ],
)
def test_a_detector_s_title_says_what_its_name_says(name: str, title: str) -> None:
    assert model_title(name) == title


def test_records_of_strangers_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "table_08", "--records", write_rescue(tmp_path, "grey_photo", [])) == 2
    assert "is in folder grey_photo; expected one file in each of gradcampp_avg," in capsys.readouterr().err
    assert main(["table_09", str(tmp_path / "out"), "--records", write_rescue(tmp_path, "hirescam_10", [])]) == 2
    assert "no rows; pass --published or --variants" in capsys.readouterr().err
    path = write_evaluation(tmp_path / "hirescam_10" / "val" / "missed", [], [])
    assert run(tmp_path, "table_07", "--summaries", path) == 2
    assert "is in folder val/missed; expected val|merl|wflw/whole_face" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": "own"}, "row 2: threshold 'own'; expected set, val or fixed"),
        ({"confidence": "high"}, "row 2, confidence: 'high'; expected a number >= 0"),
        ({"missed": ""}, "row 2, missed: empty; expected a count"),
        ({"threshold": "val"}, "row 3: set merl with threshold 'val' is given twice"),
    ],
)
def test_a_spoilt_count_is_named(tmp_path: Path, change: dict[str, str], message: str) -> None:
    rows = [{name: str(value) for name, value in row.items()} for row in rescue_rows()[:2]]
    rows[0] |= change
    path = tmp_path / "rescue.csv"
    pd.DataFrame(rows).replace("None", "").to_csv(path, index=False)
    with pytest.raises(InputError, match=message):
        read_rescue(path)
