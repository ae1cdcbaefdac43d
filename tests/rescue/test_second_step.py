"""What is counted of a detector of the second step, against counts by hand, and where there is nothing to count."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.rescue.sets import Face, Found, missed_list, predicted, write_set
from uncover.cli import main
from uncover.metrics.predictions import Predictions, read_predictions, write_predictions
from uncover.rescue.second_step import COLUMNS

FACE: Face = (10.0, 10.0, 50.0, 50.0)
OTHER: Face = (60.0, 60.0, 90.0, 90.0)
MOST_OF_OTHER: Face = (60.0, 60.0, 90.0, 78.0)
"""Overlaps it by 0.6."""

ELSEWHERE: Face = (0.0, 80.0, 10.0, 99.0)
# Below 0.9 every face of val is found, below 0.5 boxes are wrong: the best confidence lies between.
VAL_FACES = {"v.jpg": [FACE], "w.jpg": [FACE]}
VAL_FOUND: list[Found] = [("v.jpg", 0.9, FACE), ("w.jpg", 0.9, FACE)]
VAL_FOUND += [(image, 0.5, corners) for image in VAL_FACES for corners in (ELSEWHERE, OTHER)]
# a was not missed, d is blank; b shows two faces, f none.
MERL = {
    "a": (False, True),
    "b": (True, True),
    "c": (True, True),
    "d": (True, False),
    "e": (True, True),
    "f": (True, True),
}
MERL_LIST = {f"{name}.jpg": row for name, row in MERL.items()}
MERL_FACES = {"a.jpg": [FACE], "b.jpg": [FACE, OTHER], "c.jpg": [FACE], "d.jpg": [FACE], "e.jpg": [FACE], "f.jpg": []}
MERL_FOUND: list[Found] = [
    ("a.jpg", 0.99, FACE),
    ("b.jpg", 0.95, FACE),
    ("b.jpg", 0.55, FACE),
    ("b.jpg", 0.45, MOST_OF_OTHER),
    ("c.jpg", 0.95, ELSEWHERE),
    ("d.jpg", 0.99, FACE),
    ("f.jpg", 0.97, FACE),
    ("e.jpg", 0.30, FACE),
]
RECORD = {"summary.json", "classes.csv", "curves.parquet", "confusion.csv"}


def make_run(
    root: Path,
    merl: Predictions | None = None,
    faces: dict[str, list[Face]] | None = MERL_FACES,
    missed: dict[str, tuple[bool, bool]] = MERL_LIST,
    val: list[Found] = VAL_FOUND,
) -> Path:
    write_set(root, "val", predicted(list(VAL_FACES), val), VAL_FACES, None)
    write_set(root, "merl", merl or predicted(list(MERL_LIST), MERL_FOUND), faces, missed_list(missed))
    return root


def run(root: Path, *more: str, maps: str | None = "hirescam:joint", whole: tuple[str, ...] = ("val",)) -> int:
    sets = ("val", "merl")
    words = [root / "metrics", "--predictions", *(root / f"predictions/{name}.parquet" for name in sets)]
    words += ["--datasets", *(root / f"datasets/{name}" for name in sets), "--whole", *whole]
    words += ["--missed", root / "missed/merl.csv", "--bootstrap", 20, *(["--maps", maps] if maps else [])]
    return main(["evaluate", "second", *map(str, words), *more])


def counted(root: Path) -> pd.DataFrame:
    text = (root / "metrics/rescue.csv").read_text()
    assert "nan" not in text.lower() and "inf" not in text
    table = pd.read_csv(root / "metrics/rescue.csv")
    assert list(table.columns) == list(COLUMNS)
    return table.set_index("threshold")


def summary(root: Path, name: str, scope: str) -> dict:
    folder = root / "metrics" / name / scope
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == RECORD
    text = (folder / "summary.json").read_text()
    assert "NaN" not in text
    return json.loads(text)


def test_predictions_of_sets_that_were_not_made_alike_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The threshold from val says nothing of boxes that another suppression left."""
    root = make_run(tmp_path)
    path = root / "predictions/merl.parquet"
    found = read_predictions(path)
    for name, other in (("nms_iou", 0.5), ("precision", "bfloat16"), ("image_size", 96)):
        write_predictions(path, Predictions(found.boxes, found.images, {**found.settings, name: other}))
        assert run(root) == 2
        error = capsys.readouterr().err
        assert f"{path}: {name} is {other}, but {found.settings[name]} in {root}/predictions/val.parquet;" in error
    assert not (root / "metrics").exists()


def test_counts_by_hand(tmp_path: Path) -> None:
    assert run(make_run(tmp_path), whole=("val", "merl")) == 0
    table = counted(tmp_path)
    assert table.index.tolist() == ["set", "val", "fixed"] and set(table["set"]) == {"merl"}
    for name, number in {"missed": 5, "heatmaps": 4, "faces": 4}.items():
        assert (table[name] == number).all()
    assert 0.5 < table.loc["val", "confidence"] < 0.9
    # From there on the first face of b is right, c and f are wrong.
    assert table.loc["val", ["predictions", "correct", "images_with_boxes"]].tolist() == [3, 1, 3]
    assert table.loc["val", ["precision", "coverage"]].tolist() == pytest.approx([1 / 3, 3 / 4])
    # By photos, of which the surest box counts: b is right.
    assert table.loc["val", ["images_correct", "image_precision"]].tolist() == pytest.approx([1, 1 / 3])
    assert table["blocks"].isna().all() and table["block_kind"].isna().all()
    # Down to 0.4 the second box on the same face is wrong too, the other face is right.
    assert table.loc["fixed", ["confidence", "predictions", "correct", "images_with_boxes"]].tolist() == [0.4, 5, 2, 3]
    assert table.loc["fixed", ["precision", "coverage"]].tolist() == pytest.approx([2 / 5, 3 / 4])
    assert table.loc["fixed", ["images_correct", "image_precision"]].tolist() == pytest.approx([1, 1 / 3])
    # Wilson's intervals of 2 in 5 and 3 in 4, from published tables.
    assert table.loc["fixed", ["precision_low", "precision_high"]].tolist() == pytest.approx([0.118, 0.769], abs=5e-4)
    assert table.loc["fixed", ["coverage_low", "coverage_high"]].tolist() == pytest.approx([0.301, 0.954], abs=5e-4)


def test_shares_of_photos_of_one_person_are_worth_less(tmp_path: Path) -> None:
    """Of four photos with a map, three have a box: b and c, of one person, and f, of another, with e."""
    root = make_run(tmp_path)
    assert run(root, whole=("val", "merl")) == 0
    plain = counted(root).loc["fixed"]
    (root / "datasets/merl/blocks.csv").write_text("image,person\nb.jpg,x\nc.jpg,x\nf.jpg,y\ne.jpg,y\n")
    assert run(root, whole=("val", "merl")) == 0
    fixed = counted(root).loc["fixed"]
    assert fixed[["blocks", "block_kind", "alone"]].tolist() == [2, "person", 0]
    assert fixed["coverage"] == plain["coverage"] == 0.75
    assert fixed["coverage_low"] < plain["coverage_low"] and fixed["coverage_high"] > plain["coverage_high"]
    missed = summary(root, "merl", "missed")
    assert missed["blocks"] == {"kind": "person", "blocks": 2, "alone": 0}
    # a and d are two more photos of the whole set, of whom nobody speaks.
    assert summary(root, "merl", "whole_face")["blocks"] == {"kind": "person", "blocks": 4, "alone": 2}


def test_thresholds_and_f1_are_those_of_the_records(tmp_path: Path) -> None:
    assert run(make_run(tmp_path), whole=("val", "merl")) == 0
    table = counted(tmp_path)
    assert table.loc["val", "confidence"] == summary(tmp_path, "val", "whole_face")["confidence"]
    missed = summary(tmp_path, "merl", "missed")
    assert table.loc["set", "confidence"] == missed["confidence"]
    assert table["f1"].tolist() == [missed["F1"]["value"]] * 3
    assert (missed["images"], missed["labels"], missed["predictions"]) == (4, 4, 6)
    assert summary(tmp_path, "merl", "whole_face")["images"] == 6
    assert not (tmp_path / "metrics/val/missed").exists()


def test_the_overlap_decides_what_is_correct(tmp_path: Path) -> None:
    assert run(make_run(tmp_path), "--true-iou", "0.7") == 0
    assert counted(tmp_path)["correct"].to_dict()["fixed"] == 1


def test_for_a_detector_of_photos_nothing_is_blank(tmp_path: Path) -> None:
    assert run(make_run(tmp_path), maps=None) == 0
    fixed = counted(tmp_path).loc["fixed"]
    assert fixed[["missed", "heatmaps", "faces", "predictions", "correct"]].tolist() == [5, 5, 5, 6, 3]


def test_what_else_is_in_the_set_changes_nothing(tmp_path: Path) -> None:
    first, second = make_run(tmp_path / "first"), tmp_path / "second"
    elsewhere = [(image, 0.9, ELSEWHERE) for image in ("a.jpg", "d.jpg", "new.jpg")]
    own = [found for found in MERL_FOUND if found[0] not in ("a.jpg", "d.jpg")]
    images = {"new.jpg": (False, False), **MERL_LIST}
    make_run(
        second, predicted(list(images), [*own, *elsewhere]), MERL_FACES | {"a.jpg": [OTHER] * 2, "d.jpg": []}, images
    )
    assert run(first) == run(second) == 0
    assert (first / "metrics/rescue.csv").read_bytes() == (second / "metrics/rescue.csv").read_bytes()
    for name in RECORD:
        one, two = (root / "metrics/merl/missed" / name for root in (first, second))
        assert one.read_bytes() == two.read_bytes()


NONE_MISSED = {image: (False, drawn) for image, (_, drawn) in MERL_LIST.items()}
ALL_BLANK = {image: (missed, False) for image, (missed, _) in MERL_LIST.items()}


@pytest.mark.parametrize(("missed", "count"), [(NONE_MISSED, 0), (ALL_BLANK, 5)])
def test_nothing_to_look_at(tmp_path: Path, missed: dict[str, tuple[bool, bool]], count: int) -> None:
    assert run(make_run(tmp_path, missed=missed)) == 0
    table = counted(tmp_path)
    assert (table["missed"] == count).all()
    assert (table[["heatmaps", "faces", "predictions", "correct", "images_with_boxes"]] == 0).all(axis=None)
    assert table[["f1", "precision", "precision_low", "coverage", "coverage_high"]].isna().all(axis=None)
    assert table["confidence"].isna().tolist() == [True, False, False]
    record = summary(tmp_path, "merl", "missed")
    assert (record["images"], record["labels"], record["confidence"]) == (0, 0, None)
    assert record["F1"] == {"value": None, "low": None, "high": None}


def test_a_set_without_labels_has_detections_only(tmp_path: Path) -> None:
    assert run(make_run(tmp_path, faces=None), "--unlabelled", "merl", "hof") == 0
    table = counted(tmp_path)
    assert table.index.tolist() == ["val", "fixed"]
    assert table["predictions"].tolist() == [3, 5] and table["coverage"].tolist() == [0.75, 0.75]
    assert table[["f1", "faces", "correct", "precision", "precision_low", "precision_high"]].isna().all(axis=None)
    assert not (tmp_path / "metrics/merl").exists()


@pytest.mark.parametrize("faces", [{}, {image: [] for image in MERL_LIST}])
def test_a_labelled_set_in_which_nobody_labelled_a_face(tmp_path: Path, faces: dict[str, list[Face]]) -> None:
    assert run(make_run(tmp_path, faces=faces), whole=("val", "merl")) == 0
    table = counted(tmp_path)
    assert (table["faces"] == 0).all() and table["f1"].isna().all()
    # Without a face there is no best confidence, and so nothing to count from there on.
    assert table.loc["set"][["confidence", "predictions", "correct", "coverage"]].isna().all()
    assert table.loc["fixed", ["predictions", "correct", "precision"]].tolist() == [5, 0, 0]
    assert summary(tmp_path, "merl", "missed")["F1"]["value"] is None


def test_a_set_without_any_prediction(tmp_path: Path) -> None:
    assert run(make_run(tmp_path, predicted(list(MERL_LIST), [])), whole=("val", "merl")) == 0
    table = counted(tmp_path)
    assert table["f1"].tolist() == [0, 0, 0] and (table["faces"] == 4).all()
    rows = table.loc[["val", "fixed"]]
    assert (rows[["predictions", "correct", "images_with_boxes", "coverage"]] == 0).all(axis=None)
    assert rows["precision"].isna().all() and pd.isna(table.loc["set", "confidence"])
    assert summary(tmp_path, "merl", "missed")["F1"]["value"] == 0


def test_where_nothing_on_val_is_right_val_gives_no_threshold(tmp_path: Path) -> None:
    assert run(make_run(tmp_path, val=[("v.jpg", 0.9, ELSEWHERE)])) == 0
    table = counted(tmp_path)
    assert table.loc["val"][["confidence", "predictions", "correct", "precision", "coverage"]].isna().all()
    assert table.loc["fixed", "predictions"] == 5 and table.loc["set", "predictions"] > 0


def test_no_list_of_missed_photos_at_all(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    words = ["--predictions", f"{root}/predictions/val.parquet", "--datasets", f"{root}/datasets/val", "--whole", "val"]
    assert main(["evaluate", "second", f"{root}/metrics", *words, "--bootstrap", "0"]) == 0
    assert counted(root).empty and summary(root, "val", "whole_face")["R"]["value"] == 1


def test_label_files_of_other_photos_are_counted_and_left_out(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    (root / "datasets/val/labels/z.txt").write_text("2 0.5 0.5 0.5 0.5\n")
    assert run(root) == 0
    record = summary(root, "val", "whole_face")
    assert (record["label_files_without_predictions"], record["labels"]) == (1, 2)


def other_list(root: Path) -> None:
    missed_list({"z.jpg": (True, True)}).to_csv(root / "missed/merl.csv", index=False)


@pytest.mark.parametrize(
    ("spoil", "words", "says"),
    [
        (lambda root: (root / "predictions/merl.parquet").unlink(), [], "merl.parquet: does not exist"),
        (
            lambda root: (root / "missed/merl.csv").unlink(),
            [],
            "merl.csv: does not exist; expected a table of 'uncover missed'",
        ),
        (lambda root: (root / "missed/merl.csv").write_text("image\na\n"), [], "merl.csv: no column width; expected"),
        (other_list, [], "merl.parquet: names a.jpg, which {root}/missed/merl.csv does not;"),
        (
            lambda root: write_predictions(root / "predictions/merl.parquet", predicted(["a.jpg"], [])),
            [],
            "merl.parquet: does not name b.jpg, which {root}/missed/merl.csv does; expected records of the same set",
        ),
        (
            lambda root: write_predictions(
                root / "predictions/val.parquet", predicted([*VAL_FACES], [], confidence=0.5)
            ),
            [],
            "val.parquet: was stored at confidence 0.5; expected 0.4 or less",
        ),
        (
            lambda root: None,
            ["--maps", "fine:joint"],
            "merl.csv: no column fine:joint; it has columns for:",
        ),
        (lambda root: None, ["--whole", "merl"], "--whole merl: lacks val, which gives the threshold"),
        (lambda root: None, ["--whole", "val", "wflw"], "--whole wflw: no predictions; add wflw.parquet to"),
        (
            lambda root: None,
            ["--missed", "{root}/missed/hof.csv"],
            "--missed hof: no predictions; add hof.parquet to",
        ),
        (lambda root: None, ["--datasets", "{root}/datasets/val"], "merl.parquet: no labels; add datasets/merl to"),
        (
            lambda root: None,
            ["--datasets", "a/val", "b/val"],
            "b/val: set val is given twice",
        ),
        (lambda root: None, ["--datasets", "{root}/none/val", "{root}/none/merl"], "none/val/labels: is not a folder"),
        (lambda root: None, ["--unlabelled", "val"], "--unlabelled val: also in --whole, which requires labels"),
        (lambda root: None, ["--true-iou", "50"], "--true-iou 50.0: expected 0 to 1"),
        (lambda root: None, ["--bootstrap", "-1"], "--bootstrap -1: expected 0 or more"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], object],
    words: list[str],
    says: str,
) -> None:
    root = make_run(tmp_path)
    spoil(root)
    code = run(root, *(word.format(root=root) for word in words))
    (line,) = capsys.readouterr().err.splitlines()
    assert code == 2 and line.startswith("uncover evaluate second: error: ") and says.format(root=root) in line
    assert not (root / "metrics").exists()
