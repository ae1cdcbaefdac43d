"""Tables of all detectors: cells counted by hand, detectors that were not run, sets without labels, wrong input."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.report.second_records import FACE, Boxes, write_boxes, write_evaluation, write_labels
from uncover.cli import main
from uncover.config.baselines import BASELINES
from uncover.metrics.predictions import Predictions, read_predictions, write_predictions
from uncover.report.tables.table import NOT_RUN
from uncover.rescue.cascade import COLUMNS

IMAGES = ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
REASON = "its weights are not at hand (weights.retinaface; the log = why)"
NOT_RUN_WORDS = ["--not-run", f"retinaface={REASON}", "faster_rcnn=this run\n does without it."]
WHY = f"Not run: RetinaFace: {REASON}; Faster R-CNN: this run does without it."


def read(root: Path, name: str) -> tuple[pd.DataFrame, str]:
    """The CSV as words, and the Markdown."""
    texts = {suffix: (root / "out" / f"{name}.{suffix}").read_text(encoding="utf-8") for suffix in ("csv", "md", "tex")}
    assert not any(word in text for text in texts.values() for word in ("nan", "NaN", "None", "<NA>"))
    return pd.read_csv(root / "out" / f"{name}.csv", dtype=str, keep_default_na=False), texts["md"]


def row(frame: pd.DataFrame, **cells: str) -> pd.Series:
    """The one row with these cells."""
    for column, cell in cells.items():
        frame = frame[frame[column] == cell]
    assert len(frame) == 1
    return frame.iloc[0]


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a refusal says."""
    assert main(list(words)) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    return text


def evaluations(root: Path) -> list[str]:
    """MTCNN finds two of four faces on hard frames, rgb10 all four on MERL-RAV."""
    half: Boxes = [("0.jpg", 0.9, True), ("1.jpg", 0.5, True)]
    return [
        write_evaluation(root / "metrics" / "mtcnn" / "slapi_hard" / "whole_face", IMAGES, half),
        write_evaluation(
            root / "metrics" / "rgb10" / "merl" / "whole_face", IMAGES, [(name, 0.9, True) for name in IMAGES]
        ),
    ]


def test_every_baseline_may_stand_in_a_table_and_ready_made_ones_are_called_so(tmp_path: Path) -> None:
    words = []
    for name in BASELINES:
        folder = tmp_path / "metrics" / name / "merl" / "whole_face"
        words.append(write_evaluation(folder, IMAGES, [("0.jpg", 0.9, True)]))
    assert main(["table_10", "baselines", str(tmp_path / "out"), "--summaries", *words]) == 0
    frame, text = read(tmp_path, "table_10_baselines")
    assert frame["Detector"].tolist() == [row.title for row in BASELINES.values()] and NOT_RUN not in frame.to_numpy()
    (others,) = (line for line in text.splitlines() if "Pretrained: " in line)
    named = {row.title for row in BASELINES.values() if row.title in others.split(". Each of them draws")[0]}
    assert named == {row.title for row in BASELINES.values() if not row.trained}


def test_scores_stand_by_detector_and_set(tmp_path: Path) -> None:
    assert (
        main(["table_10", "baselines", str(tmp_path / "out"), "--summaries", *evaluations(tmp_path), *NOT_RUN_WORDS])
        == 0
    )
    frame, text = read(tmp_path, "table_10_baselines")
    scores = ["P", "R", "F1", "mAP50", "mAP50_95", "Conf"]
    assert list(frame.columns[:10]) == ["Detector", "Set", "Count", "Faces", *scores]
    assert frame["Detector"].tolist() == ["RGB 10 classes", "MTCNN", "RetinaFace", "Faster R-CNN"]
    hard = row(frame, Detector="MTCNN", Set="Hard")
    # Two of four faces found, and nothing else.
    assert hard[["Count", "Faces"]].tolist() == ["4", "4"]
    assert hard[["P", "R", "F1"]].astype(float).tolist() == pytest.approx([1, 0.5, 2 / 3], abs=1e-3)
    assert float(hard["R_low"]) < 0.5 < float(hard["R_high"])
    assert row(frame, Set="MERL RAV")["R"] == "1.0"
    assert set(row(frame, Detector="RetinaFace").tolist()) == {"RetinaFace", "all", NOT_RUN}
    assert "| RetinaFace | all | not run | not run | not run |" in text
    assert WHY in text and text.count("95 % interval") == 2
    # Numbers stay to the right beside a row of words.
    assert r"\begin{tabular}{llrrrrrrrr}" in (tmp_path / "out" / "table_10_baselines.tex").read_text(encoding="utf-8")
    assert "Pretrained: MTCNN." in text and "WIDER FACE" in text


def test_scores_of_strangers_and_of_what_was_not_run_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["table_10", "baselines", str(tmp_path / "out"), "--summaries"]
    paths = evaluations(tmp_path)
    assert "--not-run mtcnn: --summaries has a record of it" in refused(capsys, *start, *paths, "--not-run", "mtcnn=x")
    strange = write_evaluation(tmp_path / "metrics" / "hirescam_10" / "merl" / "whole_face", IMAGES, [])
    assert "is in folder hirescam_10; expected one of rgb10, rgb1, mtcnn" in refused(capsys, *start, strange)
    train = write_evaluation(tmp_path / "metrics" / "mtcnn" / "train" / "whole_face", IMAGES, [])
    assert "is in folder train/whole_face; expected merl|wflw|slapi_none" in refused(capsys, *start, train)
    for words, why in (
        (["mtcnn"], "--not-run mtcnn: expected name=reason with a name among mtcnn, retinaface"),
        (["mtcnn= "], "expected name=reason"),
        (["rgb10=tired"], "expected name=reason"),
        (["mtcnn=a", "mtcnn=b"], "mtcnn is given twice; pass each detector once"),
    ):
        assert why in refused(capsys, *start, *paths, "--not-run", *words)
    assert not (tmp_path / "out").exists()


def test_nothing_at_hand_still_makes_a_table(tmp_path: Path) -> None:
    assert main(["table_10", "baselines", str(tmp_path / "out"), *NOT_RUN_WORDS]) == 0
    assert read(tmp_path, "table_10_baselines")[0]["Detector"].tolist() == ["RetinaFace", "Faster R-CNN"]


def frames(root: Path) -> list[str]:
    """Of four faces rgb10 finds two, once beside, once twice, and misses one photo; MTCNN finds one, on hof boxes."""
    boxes = [
        ("0.jpg", 0.9, True),
        ("1.jpg", 0.8, False),
        ("2.jpg", 0.5, True),
        ("2.jpg", 0.45, True),
        ("3.jpg", 0.3, True),
    ]
    (root / "data" / "hof" / "labels").mkdir(parents=True)
    return [
        *("--predictions", write_boxes(root / "rgb10" / "slapi_easy.parquet", IMAGES, boxes)),
        write_boxes(root / "mtcnn" / "slapi_easy.parquet", list(reversed(IMAGES)), [("0.jpg", 0.7, True)]),
        write_boxes(root / "mtcnn" / "hof.parquet", IMAGES, [("0.jpg", 0.7, True), ("1.jpg", 0.69, True)]),
        *("--datasets", write_labels(root / "data" / "slapi_easy", IMAGES), str(root / "data" / "hof")),
    ]


def test_found_and_missed_images_are_counted_at_each_detector_s_own_confidence(tmp_path: Path) -> None:
    words = ["--confidences", "rgb10=0.4", "mtcnn=0.7", "yolo11=0.25", *NOT_RUN_WORDS]
    assert main(["table_11", "baselines", str(tmp_path / "out"), *frames(tmp_path), *words]) == 0
    frame, text = read(tmp_path, "table_11_baselines")
    counts = ["Conf", "Total", "Faces", "Detections", "Correct", "False", "Missed", "Missed share"]
    assert set(counts) < set(frame.columns)
    assert row(frame, Detector="RGB 10 classes")[counts].tolist() == ["0.4", "4", "4", "4", "2", "2", "1", "0.25"]
    assert row(frame, Detector="MTCNN", Set="Easy")[counts].tolist() == ["0.7", "4", "4", "1", "1", "0", "3", "0.75"]
    # Nobody labelled these; a confidence of 0.7 in single precision is 0.7.
    hof = row(frame, Detector="MTCNN", Set="Hand Over Face")
    assert hof[counts].tolist() == ["0.7", "4", "n/a", "1", "n/a", "n/a", "3", "0.75"]
    # Wilson's interval of 1 in 4 by hand, z = 1.96: (0.25 + 3.84 / 8) / 1.96 -+ sqrt(3.84 * 0.1875 / 4 + 0.23) / 1.96.
    assert "| 0.25 [0.05, 0.70] |" in text
    assert (
        "RGB 10 classes 0.4, MTCNN 0.7." in text
        and "n/a (correctness unknown, set has no labels): Hand Over Face." in text
    )
    retinaface = row(frame, Detector="RetinaFace")
    assert retinaface["Set"] == "all" and set(retinaface.drop(["Detector", "Set"])) == {NOT_RUN}
    assert "| RetinaFace | not run | all | not run |" in text and WHY in text


def test_what_is_correct_is_what_the_trial_calls_correct(tmp_path: Path) -> None:
    words = [
        "table_11",
        "baselines",
        str(tmp_path / "out"),
        *frames(tmp_path),
        "--confidences",
        "rgb10=0.4",
        "mtcnn=0.7",
    ]
    path = tmp_path / "mtcnn" / "slapi_easy.parquet"
    stored = read_predictions(path)
    # Three quarters of the width: IoU 0.75.
    narrow = stored.boxes.assign(x2=FACE["x1"] + 0.75 * (FACE["x2"] - FACE["x1"]))
    write_predictions(path, Predictions(narrow, stored.images, stored.settings))
    for true_iou, correct in (("0.5", "1"), ("0.75", "1"), ("0.8", "0")):
        assert main([*words, "--true-iou", true_iou]) == 0
        frame, text = read(tmp_path, "table_11_baselines")
        assert row(frame, Detector="MTCNN", Set="Easy")["Correct"] == correct and f"at IoU {true_iou}," in text


def test_images_of_one_infant_count_as_a_block_where_somebody_says_so(tmp_path: Path) -> None:
    given = frames(tmp_path)
    rows = [f"{image},{'x' if number < 2 else 'y'}" for number, image in enumerate(IMAGES)]
    (tmp_path / "data" / "slapi_easy" / "blocks.csv").write_text("\n".join(["image,infant", *rows]) + "\n")
    assert (
        main(["table_11", "baselines", str(tmp_path / "out"), *given, "--confidences", "rgb10=0.4", "mtcnn=0.7"]) == 0
    )
    frame, text = read(tmp_path, "table_11_baselines")
    assert row(frame, Detector="RGB 10 classes")["Missed share"] == "0.25"
    # Four images as one block misses one of them, the other none, are as variable as independent ones (0.05 to 0.70),
    # but two blocks say little: they are worth 4 times the square of 3.1824 / 12.7062 (Student's t), a quarter image.
    assert "| 0.25 [0.00, 0.97] |" in text
    assert "resample them as one block: Easy 2 (infant)." in text
    assert "Hand Over Face: intervals treat photos as independent" in text


def test_predictions_that_do_not_belong_together_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = frames(tmp_path)
    start, confidences = ["table_11", "baselines", str(tmp_path / "out")], ["--confidences", "rgb10=0.4", "mtcnn=0.7"]
    for words, why in (
        ([*given, "--confidences", "rgb10=0.4"], "--confidences has no value for mtcnn; add one"),
        ([*given, "--confidences", "rgb10=0.0001", "mtcnn=0.7"], "was stored at confidence 0.001"),
        ([*given, "--confidences", "rgb10=half"], "--confidences rgb10=half: expected name=confidence"),
        ([*given, "--confidences", "rgb10=1.5"], "--confidences rgb10=1.5: expected name=confidence, from 0 to 1"),
        ([*given[:-1], *confidences], "--datasets has no folder hof"),
        ([*given[:-1], str(tmp_path / "none" / "hof"), *confidences], "hof: not a folder; expected the data set"),
        ([*given, *confidences, "--not-run", "mtcnn=x"], "--not-run mtcnn: --predictions has a file of it"),
    ):
        assert why in refused(capsys, *start, *words)
    write_boxes(tmp_path / "mtcnn" / "slapi_easy.parquet", ["7.jpg"], [])
    assert "expected records of the same set" in refused(capsys, *start, *given, *confidences)
    other = write_boxes(tmp_path / "mtcnn" / "train.parquet", IMAGES, [])
    words = ["--predictions", other, *given[-3:], *confidences]
    assert "is mtcnn/train; expected <detector>/<set>.parquet" in refused(capsys, *start, *words)


def web(root: Path, labelled: bool) -> list[str]:
    """MTCNN finds a face, and two things in another photo; rgb1 nothing."""
    boxes = [("0.jpg", 0.9, True), ("1.jpg", 0.8, False), ("1.jpg", 0.75, False), ("2.jpg", 0.6, True)]
    dataset = root / "data" / "preterm_web"
    if labelled:
        write_labels(dataset, IMAGES)
    dataset.mkdir(parents=True, exist_ok=True)
    return [
        *("table_web", str(root / "out"), "--dataset", str(dataset), "--predictions"),
        write_boxes(root / "mtcnn" / "preterm_web.parquet", IMAGES, boxes),
        write_boxes(root / "rgb1" / "preterm_web.parquet", IMAGES, []),
        *("--confidences", "rgb1=0.4", "mtcnn=0.7", *NOT_RUN_WORDS),
    ]


WEB = ["Photos", "Faces", "Photos with a detection", "Found", "False detections", "Conf"]


def test_web_photos_with_labels_tell_right_from_wrong(tmp_path: Path) -> None:
    assert main(web(tmp_path, labelled=True)) == 0
    frame, text = read(tmp_path, "table_web")
    assert row(frame, Detector="MTCNN")[WEB].tolist() == ["4", "4", "2", "1", "2", "0.7"]
    assert row(frame, Detector="RGB 1 class")[WEB].tolist() == ["4", "4", "0", "0", "0", "0.4"]
    assert frame["Detector"].tolist() == ["RGB 1 class", "MTCNN", "RetinaFace", "Faster R-CNN"]
    assert "| MTCNN | 4 | 4 | 2 | 0.50 [0.15, 0.85] | 1 | 0.25 [0.05, 0.70] | 2 | 0.700 |" in text
    assert set(row(frame, Detector="Faster R-CNN").drop("Detector")) == {NOT_RUN} and WHY in text
    assert "twelve unpublished photos" in text


def test_web_photos_without_labels_count_a_face_each_and_judge_none(tmp_path: Path) -> None:
    assert main(web(tmp_path, labelled=False)) == 0
    frame, text = read(tmp_path, "table_web")
    # Of two boxes in one photo, one at least is false.
    assert row(frame, Detector="MTCNN")[WEB].tolist() == ["4", "4", "2", "n/a", "1", "0.7"]
    assert row(frame, Detector="MTCNN")["Found share"] == "n/a"
    assert "| False detections, at least | Conf |" in text and "one face per photo is assumed" in text


def cascade_row(set_name: str, detector: str, rescue: str, found: int, **others: object) -> dict[str, object]:
    """Ten photos with ten faces; a rescue finds two faces more than a lower threshold."""
    cells: dict[str, object] = dict.fromkeys(COLUMNS)
    cells |= {"set": set_name, "detector": detector, "rescue": rescue, "confidence": 0.4, "photos": 10, "faces": 10}
    cells |= {"missed": 3, "found": found, "share": found / 10, "share_low": 0.1, "share_high": 0.9}
    cells |= {"false_boxes": 2, "false_per_photo": 0.2}
    if rescue != "none":
        cells |= {"rescue_confidence": 0.31, "same_confidence": 0.2, "same_share": found / 10 - 0.2}
        cells |= {"same_low": 0.1, "same_high": 0.8, "gain": 0.2, "gain_low": -0.1, "gain_high": 0.3}
    return cells | others


def write_cascade(root: Path, rows: list[dict[str, object]]) -> list[str]:
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(root / "rescue_cascade.csv", index=False)
    return ["rescue_summary", "baselines", str(root / "out"), "--cascade", str(root / "rescue_cascade.csv")]


def test_every_detector_stands_alone_and_with_each_rescue(tmp_path: Path) -> None:
    rows = [
        cascade_row("slapi_hard", "mtcnn", "none", 3, confidence=0.7),
        cascade_row("slapi_hard", "rgb10", "none", 5),
        cascade_row("slapi_hard", "rgb10", "gradcampp_avg", 7),
        cascade_row("slapi_hard", "rgb10", "multi_scale", 8, rescue_confidence=None),
        cascade_row("merl", "rgb10", "none", 9, share_low=None, share_high=None),
    ]
    assert main([*write_cascade(tmp_path, rows), *NOT_RUN_WORDS]) == 0
    frame, text = read(tmp_path, "rescue_summary_baselines")
    assert tuple(frame.columns) == COLUMNS
    detectors = ["rgb10", "rgb10", "rgb10", "mtcnn", "retinaface", "faster_rcnn"]
    assert frame["detector"].tolist() == ["rgb10", "retinaface", "faster_rcnn", *detectors]
    assert frame["found"].tolist() == ["9", NOT_RUN, NOT_RUN, "5", "7", "8", "3", NOT_RUN, NOT_RUN]
    assert frame["set"].tolist() == ["merl"] * 3 + ["slapi_hard"] * 6
    merl, hard = text.split("# Detectors alone and with rescue: ")[1:]
    assert merl.startswith("MERL-RAV test photos (photos: 10, faces: 10)")
    assert "| RGB 10 classes | none | 3 | 0.90 | 0.20 | – | – |" in merl
    assert hard.splitlines()[2:] == [
        "| Detector | Rescue | Missed photos | Found | False positives per photo | Alone at as many false positives"
        " | Gain |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| RGB 10 classes | none | 3 | 0.50 [0.10, 0.90] | 0.20 | – | – |",
        "| RGB 10 classes | heatmaps: GradCAM++ (avg) | 3 | 0.70 [0.10, 0.90] | 0.20 | 0.50 | +0.20 [-0.10, +0.30] |",
        "| RGB 10 classes | multi-scale inference | 3 | 0.80 [0.10, 0.90] | 0.20 | 0.60 | +0.20 [-0.10, +0.30] |",
        "| MTCNN | none | 3 | 0.30 [0.10, 0.90] | 0.20 | – | – |",
        "| RetinaFace | – | not run | not run | not run | not run | not run |",
        "| Faster R-CNN | – | not run | not run | not run | not run | not run |",
    ]
    # Said once, below the first table.
    assert WHY in merl and WHY not in hard
    assert "RGB 10 classes 0.4, MTCNN 0.7." in merl
    assert "heatmaps: GradCAM++ (avg) 0.31; multi-scale inference n/a." in merl


def test_a_cascade_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strange = write_cascade(tmp_path, [cascade_row("merl", "hirescam_10", "none", 1)])
    assert "detector 'hirescam_10'; expected one of rgb10, rgb1, mtcnn" in refused(capsys, *strange)
    words = write_cascade(tmp_path, [cascade_row("merl", "rgb10", "none", 1, gain="much")])
    assert "column gain has text; expected a record of 'uncover rescue_cascade'" in refused(capsys, *words)
    known = write_cascade(tmp_path, [cascade_row("merl", "mtcnn", "none", 1)])
    assert "--not-run mtcnn: " in refused(capsys, *known, "--not-run", "mtcnn=x")
    (tmp_path / "rescue_cascade.csv").write_text("set,detector\n", encoding="utf-8")
    assert "no column rescue; expected a table of 'uncover rescue_cascade'" in refused(capsys, *known)
    assert main([*write_cascade(tmp_path, []), *NOT_RUN_WORDS]) == 0
    assert "This run has no results on a labelled set." in read(tmp_path, "rescue_summary_baselines")[1]
