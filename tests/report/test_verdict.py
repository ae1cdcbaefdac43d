"""The report's first paragraph: who is named first, what is said of chance, ties, and sets with little in them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.report.records import write_summary
from tests.report.rescue_records import trial_row, write_trial
from uncover.metrics.intervals import wilson
from uncover.report.verdict import (
    answer,
    answered,
    others_sentence,
    path_sentence,
    pooled,
    set_sentence,
    verdict,
    zero_sentence,
)

RESCUE = "set,threshold,confidence,f1,missed,heatmaps,faces,predictions,correct,images_with_boxes,"
RESCUE += "images_correct,precision,precision_low,precision_high,image_precision,image_precision_low,"
RESCUE += "image_precision_high,coverage,coverage_low,coverage_high,blocks,alone,block_kind\n"


def rows(faces: int, **found: int) -> pd.DataFrame:
    """Rows of a set: what each method found; which group it is of, by its name."""
    groups = {"hirescam_avg": "heatmaps", "gradcampp_avg": "heatmaps", "hirescam_mean": "variant"}
    groups |= dict.fromkeys(("mtcnn", "retinaface", "yolo11", "faster_rcnn"), "detector")
    return pd.DataFrame(
        [trial_row("wflw", name, groups.get(name, "baseline"), number, faces) for name, number in found.items()]
    )


def test_the_method_that_found_most_is_named_with_its_share_and_what_the_others_found() -> None:
    table = rows(20, hirescam_avg=8, gradcampp_avg=4, lower_threshold=5, part_fusion=15)
    said = set_sentence("wflw", table)
    assert said == (
        "WFLW test photos: 20 photos missed with 20 faces; box fusion of part boxes found most,"
        " 15 of 20 (0.75 [0.65, 0.85]); the best of the thesis's heatmap detectors, HiResCAM (avg), found 8 of 20"
        " (0.40 [0.30, 0.50]); the lower threshold alone found 5 of 20 (0.25 [0.15, 0.35]); the lead over the heatmap"
        " detector is beyond chance (the intervals do not overlap)."
    )


def test_a_lead_within_the_intervals_may_be_chance() -> None:
    said = set_sentence("wflw", rows(20, hirescam_avg=8, part_fusion=11, lower_threshold=1))
    assert "may be chance (the intervals overlap)" in said


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            {"part_fusion": 9, "box_fusion": 9},
            "box fusion of part boxes and box fusion of both RGB models found most, 9 of",
        ),
        ({"a": 9, "b": 9, "c": 9, "d": 9, "e": 9}, "a, b, c and 2 more found most, 9 of"),
    ],
)
def test_ties_are_named_as_ties(found: dict[str, int], words: str) -> None:
    said = set_sentence("wflw", rows(20, hirescam_avg=2, **found))
    assert words in said and ", a tie;" in said


def test_a_heatmap_detector_that_is_first_is_held_against_the_lower_threshold() -> None:
    table = rows(20, hirescam_avg=12, lower_threshold=3)
    assert "is first, ahead of the lower threshold alone, which may be chance" in set_sentence("wflw", table)
    table["difference_low"] = 0.1
    assert "is first, ahead of the lower threshold alone, beyond chance" in set_sentence("wflw", table)
    tie = rows(20, hirescam_avg=12, lower_threshold=12)
    assert "in a tie, not ahead of the lower threshold alone" in set_sentence("wflw", tie)


def test_a_detector_of_others_that_found_most_is_named_as_what_it_is_beside_the_best_other_method() -> None:
    said = set_sentence("wflw", rows(20, hirescam_avg=4, lower_threshold=2, part_fusion=9, mtcnn=3, retinaface=16))
    assert said == (
        "WFLW test photos: 20 photos missed with 20 faces; RetinaFace found most, 16 of 20 (0.80 [0.70, 0.90]);"
        " RetinaFace is a pretrained face detector, trained on other photos; the best of the thesis's heatmap"
        " detectors, HiResCAM (avg), found 4 of 20 (0.20 [0.10, 0.30]); the lower threshold alone found 2 of 20"
        " (0.10 [0.00, 0.20]); of the other methods, box fusion of part boxes found most, 9 of 20 (0.45 [0.35, 0.55]);"
        " the lead over the heatmap detector is beyond chance (the intervals do not overlap)."
    )


def test_the_best_detector_of_others_is_told_where_it_is_not_first() -> None:
    said = set_sentence("wflw", rows(20, hirescam_avg=8, part_fusion=15, mtcnn=3, yolo11=6))
    assert "box fusion of part boxes found most" in said
    assert "; the best baseline detector, YOLO11, found 6 of 20 (0.30 [0.20, 0.40]); the lead" in said
    assert "trained" not in said and "of the other methods" not in said


def test_detectors_of_others_in_a_tie_are_told_apart_by_who_trained_them() -> None:
    said = set_sentence("wflw", rows(20, mtcnn=9, retinaface=9, yolo11=9))
    assert "MTCNN, RetinaFace and YOLO11 found most" in said and ", a tie;" in said
    assert "MTCNN and RetinaFace are pretrained face detectors, trained on other photos;" in said
    assert said.endswith("YOLO11 has another architecture and was trained on the photos of this run.")
    said = set_sentence("wflw", rows(20, mtcnn=9, part_fusion=9, hirescam_avg=9))
    assert "MTCNN is a pretrained face detector" in said and "of the other methods" not in said
    # The best of the others is told once.
    said = set_sentence("wflw", rows(20, mtcnn=9, hirescam_avg=5, part_fusion=5))
    assert "HiResCAM (avg), found 5 of 20" in said and "of the other methods" not in said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (rows(0, hirescam_avg=0, lower_threshold=0), "WFLW test photos: no photo missed, so there is no face to find."),
        (
            rows(0, lower_threshold=0).assign(photos=3),
            "WFLW test photos: 3 photos missed with no faces: no face to find.",
        ),
        (rows(4, lower_threshold=0), "WFLW test photos: 4 photos missed with 4 faces; no method found a face."),
    ],
)
def test_sets_with_nothing_in_them(table: pd.DataFrame, said: str) -> None:
    assert set_sentence("wflw", table) == said


def test_few_faces_decide_nothing() -> None:
    said = set_sentence("wflw", rows(9, hirescam_avg=1, part_fusion=9))
    assert said.endswith("9 faces are too few to compare methods.") and "chance" not in said


def test_sets_come_in_the_reports_order_and_those_without_labels_are_only_counted(tmp_path: Path) -> None:
    table = [trial_row(name, "part_fusion", "baseline", 1, 2) for name in ("slapi_hard", "merl")]
    table.append(trial_row("hof", "part_fusion", "baseline", None, None, threshold="val", photos=7))
    said = verdict(write_trial(tmp_path / "trial.csv", table), {}, {}, {})
    assert [sentence.split(":")[0] for sentence in said[1:]] == [
        "MERL-RAV test photos", "Hand Over Face", "Graded frames, hard",
    ]  # fmt: skip
    assert "7 photos missed; without labels" in said[2]
    assert len(verdict(None, {}, {}, {})) == 1
    assert said[0].endswith("treat photos as independent, although those of one infant, person or video are not.")
    blocks = {"blocks": 3, "block_kind": "infant", "alone": 0}
    table = [{**table[0], **blocks}, {**dict.fromkeys(blocks), **table[1]}]
    said = verdict(write_trial(tmp_path / "trial.csv", table), {}, {}, {})
    assert (
        "Intervals resample photos that belong together as one block: Graded frames, hard in 3 blocks (infant);"
        in said[0]
    )
    assert said[0].endswith("photos of the other sets are treated as independent.")
    nothing_missed = trial_row("slapi_none", "part_fusion", "baseline", 0, 0, photos=0) | {**blocks, "blocks": 0}
    again = verdict(write_trial(tmp_path / "trial.csv", [*table, nothing_missed]), {}, {}, {})
    assert again[0] == said[0] and "Graded frames, none covered: no photo missed" in " ".join(again)
    # Sets without a missed photo share a sentence.
    nothing = [nothing_missed, {**nothing_missed, "set": "wflw"}]
    again = verdict(write_trial(tmp_path / "trial.csv", [*table, *nothing]), {}, {}, {})
    assert "WFLW test photos, Graded frames, none covered: no photo missed, so there is no face to find." in again
    assert "nan" not in " ".join(said).lower()


def test_the_rate_is_the_middle_one_of_the_trial(tmp_path: Path) -> None:
    table = [trial_row("merl", "part_fusion", "baseline", found, 20, fp_per_photo=rate)
             for rate, found in ((0.2, 3), (0.4, 7), (0.8, 9))]  # fmt: skip
    said = verdict(write_trial(tmp_path / "trial.csv", table), {}, {}, {})
    assert "thresholds give all methods 0.4 false positives per missed photo" in said[0] and "7 of 20" in said[1]


@pytest.mark.parametrize(
    ("boxes", "how"), [((3, 1), "does not appear"), ((3, 0), "appears in part"), ((0, 0), "appears here")]
)
def test_zero_detections_are_looked_for_at_the_thesiss_thresholds(
    boxes: tuple[int, int], how: str, tmp_path: Path
) -> None:
    own, fixed = boxes
    lines = [f"merl,set,0.3,0.5,9,8,8,{own},0,0,0{',' * 12}", f"merl,val,0.1,0.5,9,8,8,6,0,0,0{',' * 12}"]
    # A set without a heatmap to look at says nothing.
    lines += [
        f"wflw,set,,,3,0,0{',' * 16}",
        f"hof,fixed,0.4,,7,5,,{fixed},,0,{',' * 12}",
        f"hof,val,0.1,,7,5,,5,,0,{',' * 12}",
    ]
    path = tmp_path / "gradcampp_10" / "rescue.csv"
    path.parent.mkdir()
    path.write_text(RESCUE + "\n".join(lines) + "\n")
    said = zero_sentence(path, write_summary(tmp_path / "val"))
    assert how in said and "validation F1 of 0.74" in said
    assert f"{own or 'no'} boxes in 8 heatmaps of MERL-RAV" in said and "WFLW" not in said
    assert f"{fixed or 'no'} box{'' if fixed == 1 else 'es'} in 5 heatmaps of Hand Over Face" in said


@pytest.mark.parametrize(("trained", "how"), [(0.7803, "equals"), (0.70, "does not equal")])
def test_scores_of_stored_predictions_are_held_against_the_trainings(trained: float, how: str, tmp_path: Path) -> None:
    trainings, validations = {}, {}
    for model, score in (("hirescam_avg", 0.78), ("gradcampp_10", trained), ("rgb10", 0.1)):
        validations[model] = write_summary(tmp_path / model)
        trainings[model] = tmp_path / f"{model}.json"
        trainings[model].write_text(json.dumps({"best": {"metrics/mAP_0.5": score}}))
    said = path_sentence(validations, trainings)
    assert f"on val {how} the AP50 computed" in said and "GradCAM++ (10 class); 2 detectors" in said
    assert f"{abs(0.78 - trained):.4f}" in said
    assert path_sentence(validations, {}) == ""


GROUPS = {"hirescam_avg": "heatmaps", "gradcampp_10": "heatmaps", "lower_threshold": "baseline", "mtcnn": "detector"}


def several(faces: dict[str, int], found: dict[str, tuple[int, ...]], **changes: object) -> list[dict[str, object]]:
    """Rows of several sets: what each method found in each."""
    changes = {"difference_high": 0.2, **changes}
    return [
        trial_row(name, method, GROUPS.get(method, "ours"), count, number, **changes)
        for method, counts in found.items()
        for (name, number), count in zip(faces.items(), counts, strict=True)
    ]


FOUND = {"gradcampp_10": (2, 1), "hirescam_avg": (10, 5), "lower_threshold": (8, 1), "mtcnn": (4, 10)}


def test_the_answer_adds_all_sets_up(tmp_path: Path) -> None:
    trial = write_trial(tmp_path / "trial.csv", several({"wflw": 40, "slapi_hard": 20}, FOUND))
    first, second = answer(trial)
    # Both shares are 0.25 wide on either side of 0.1, and count as 2 to 1: sqrt(4 + 1) / 30 of it.
    assert first == (
        "Some: the best of the thesis's heatmap detectors, HiResCAM (avg), finds 15 of 60 (25 % [18, 32]) of the missed"
        " faces; a lower threshold of the first detector 9 (15 % [8, 22]), and the best baseline detector,"
        " MTCNN, 14 (23 % [16, 31])."
    )
    assert second.startswith("That is 10 points [") and "ahead of the lower threshold" in second
    assert second.endswith("; no method tried finds more.")
    assert answered(trial).startswith(
        "60 missed faces in 60 photos of 2 test sets, all methods at 0.25 false positives"
    )


def test_the_other_detectors_are_told_in_the_order_of_what_they_found(tmp_path: Path) -> None:
    rows = several({"wflw": 40}, {"mtcnn": (4,), "hirescam_avg": (9,)})
    rows.append(trial_row("wflw", "retinaface", "detector", 20, 40))
    said = others_sentence(write_trial(tmp_path / "trial.csv", rows))
    told = "RetinaFace 20 of 40 (50 % [40, 60]); MTCNN 4 of 40 (10 % [0, 20])"
    assert said == [f"Of the faces that the first detector missed, in all labelled sets: {told}."]
    ours = write_trial(tmp_path / "ours.csv", several({"wflw": 40}, {"hirescam_avg": (9,)}))
    assert others_sentence(ours) == others_sentence(None) == []


def test_a_share_without_an_interval_may_be_anything_and_one_of_no_width_is_wilsons() -> None:
    rows = pd.DataFrame(several({"wflw": 10, "merl": 30}, {"hirescam_avg": (0, 0)}, share_low=0.0, share_high=0.0))
    (alone,) = pooled(rows[rows["set"] == "wflw"])
    assert alone.low == 0 and alone.high == pytest.approx(wilson(0, 10).high)
    rows.loc[rows["set"] == "merl", ["share_low", "share_high"]] = float("nan")
    (both,) = pooled(rows)
    assert both.faces == 40 and both.high == pytest.approx(((0.25 * wilson(0, 10).high) ** 2 + 0.75**2) ** 0.5)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            {"hirescam_avg": (0, 0), "mtcnn": (9, 9)},
            ("None: ", "the best result is that of MTCNN: 18 of 60", "beyond chance"),
        ),
        (
            {"hirescam_avg": (30, 15), "box_fusion": (30, 15)},
            ("Most: ", "no method tried finds more, 1 other finds as"),
        ),
        ({"hirescam_avg": (4, 1), "lower_threshold": (6, 2)}, ("A few: ", "5 points [", "behind the lower threshold")),
        ({"hirescam_avg": (4, 1), "lower_threshold": (2, 3)}, ("That is no more than the lower threshold finds",)),
        ({"mtcnn": (4, 1)}, ("This run has no heatmap detector of the thesis; MTCNN found 5 of 60",)),
    ],
)
def test_the_answer_in_other_cases(found: dict[str, tuple[int, ...]], words: tuple[str, ...], tmp_path: Path) -> None:
    trial = write_trial(tmp_path / "trial.csv", several({"wflw": 40, "slapi_hard": 20}, found))
    said = " ".join(answer(trial))
    assert all(each.casefold() in said.casefold() for each in words) and "nan" not in said


def test_the_answer_is_honest_about_few_faces_and_none(tmp_path: Path) -> None:
    few = write_trial(tmp_path / "few.csv", several({"wflw": 3, "merl": 2}, {"hirescam_avg": (3, 2), "mtcnn": (0, 0)}))
    assert answer(few)[1] == "These are too few faces to compare methods."
    none = write_trial(tmp_path / "none.csv", several({"wflw": 0}, {"hirescam_avg": (0,)}))
    assert answer(none) == ["No answer from this run: the first detector missed no labelled face."]
    rows = [trial_row("hof", "hirescam_avg", "heatmaps", None, None, threshold="val", photos=7)]
    unlabelled = write_trial(tmp_path / "unlabelled.csv", rows)
    assert answer(unlabelled)[0].startswith("No answer from this run: 7 missed photos without labels")
    assert answered(none) == answered(unlabelled) == "" and "no rescue trial" in answer(None)[0]
