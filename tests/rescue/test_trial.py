"""The trial of the second step, counted by hand."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rescue.sets import Face, Found, missed_list, predicted, true_faces, write_labels
from uncover.cli import main
from uncover.data.blocks import Block, Blocks
from uncover.metrics.predictions import LANDMARK_COLUMNS, Predictions, write_predictions
from uncover.rescue.matched_photos import MatchedPhotos, match_photos, threshold_at
from uncover.rescue.methods import Method
from uncover.rescue.trial import BASELINE, BLOCK_COLUMNS, Row, Settings, TrialSet, try_set

LEFT, RIGHT, BELOW = (10.0, 10.0, 30.0, 30.0), (60.0, 10.0, 80.0, 30.0), (60.0, 60.0, 80.0, 80.0)
NEAR_LEFT = (10.0, 10.0, 30.0, 28.0)
PHOTOS = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
FACES: Mapping[str, Sequence[Face]] = {"a.jpg": [LEFT, RIGHT], "b.jpg": [LEFT], "c.jpg": [], "d.jpg": [LEFT]}
FOUND: Sequence[Found] = (
    ("a.jpg", 0.75, LEFT),
    ("a.jpg", 0.5, NEAR_LEFT),  # the face has its box already
    ("a.jpg", 0.25, RIGHT),
    ("b.jpg", 0.5, LEFT),
    ("c.jpg", 0.5, BELOW),
    ("d.jpg", 0.9, BELOW),  # not missed by the first model, so no photo of the trial
)
OURS, BLIND = Method("ours", "ours"), Method("blind", "heatmaps", "hirescam:joint")
BASE = Method(BASELINE, "baseline")


def trial_set(faces: Mapping[str, Sequence[Face]] | None = FACES, blank: Sequence[str] = ()) -> TrialSet:
    """A, b and c were missed."""
    table = missed_list({photo: (photo != "d.jpg", photo not in blank) for photo in PHOTOS})
    if faces is None:
        return TrialSet("test", table.assign(faces=pd.array([pd.NA] * 4, dtype="Int64")), None)
    counts = pd.array([len(faces[photo]) for photo in PHOTOS], dtype="Int64")
    return TrialSet("test", table.assign(faces=counts), true_faces(faces))


def rows_of(
    own: TrialSet,
    found: Mapping[Method, Predictions],
    rates: Sequence[float] = (0.34, 0.7),
    val: float | None = 0.25,
    resamples: int = 50,
) -> dict[tuple[str, float, str], Row]:
    """Rows by method, rate and way of the threshold; `val` is the threshold from val at all rates."""
    matched = {method: own.match(method, boxes, 0.5, only_missed=True) for method, boxes in found.items()}
    thresholds = {method: dict.fromkeys(rates, val) for method in found}
    rows = try_set(own, matched, thresholds, Settings(rates, resamples=resamples))
    return {(row["method"], row["fp_per_photo"], row["threshold"]): row for row in rows}


def test_the_lowest_confidence_that_keeps_the_rate() -> None:
    rows = rows_of(trial_set(), {OURS: predicted(PHOTOS, FOUND)})
    # One false box may be taken, but two are equally sure, so the threshold stays above them.
    row = rows["ours", 0.34, "set"]
    assert (row["confidence"], row["found"], row["faces"], row["false_boxes"]) == (0.75, 1, 3, 0)
    assert (row["photos"], row["share"], row["precision"], row["detected"]) == (3, pytest.approx(1 / 3), 1, 1)
    # Two may: then the second face of a comes along for nothing.
    row = rows["ours", 0.7, "set"]
    assert (row["confidence"], row["found"], row["false_boxes"], row["false_per_photo"]) == (0.25, 3, 2, 2 / 3)
    assert (row["share"], row["precision"], row["detected"], row["attained"]) == (1, 0.6, 3, True)
    assert {row["blank"] for row in rows.values()} == {0}


def test_a_threshold_from_val_is_applied_unchanged() -> None:
    rows = rows_of(trial_set(), {OURS: predicted(PHOTOS, FOUND)}, val=0.5)
    row = rows["ours", 0.34, "val"]
    assert (row["confidence"], row["found"], row["false_boxes"], row["false_per_photo"]) == (0.5, 2, 2, 2 / 3)


def test_nothing_is_taken_where_the_surest_box_breaks_the_rate() -> None:
    found = predicted(PHOTOS, [*FOUND, ("c.jpg", 1.0, LEFT)])
    row = rows_of(trial_set(), {OURS: found}, rates=(0.1,), val=None)["ours", 0.1, "set"]
    assert (row["attained"], row["confidence"], row["share"], row["found"], row["detected"]) == (False, None, 0, 0, 0)
    assert (row["precision"], row["precision_low"], row["false_per_photo"]) == (None, None, 0)


def test_boxes_on_blank_maps_do_not_count() -> None:
    found = predicted(PHOTOS, FOUND)
    rows = rows_of(trial_set(blank=["c.jpg", "d.jpg"]), {OURS: found, BLIND: found}, rates=(0.34,))
    assert (rows["ours", 0.34, "set"]["blank"], rows["blind", 0.34, "set"]["blank"]) == (0, 1 / 3)
    # Without c's false box, one false box is left, which the rate over all three photos allows.
    assert (rows["blind", 0.34, "set"]["found"], rows["blind", 0.34, "set"]["false_boxes"]) == (3, 1)


def test_only_blank_maps() -> None:
    own = trial_set(blank=PHOTOS)
    rows = rows_of(own, {BLIND: predicted(PHOTOS, FOUND), BASE: predicted(PHOTOS, FOUND)}, rates=(0.7,))
    row = rows["blind", 0.7, "set"]
    assert (row["blank"], row["share"], row["detected"], row["attained"]) == (1, 0, 0, False)
    assert row["difference"] == -1 and row["precision"] is None


def test_no_missed_photos() -> None:
    own = trial_set()
    own = TrialSet("test", own.missed.assign(missed=False), own.truth)
    for row in rows_of(own, {OURS: predicted(PHOTOS, FOUND), BASE: predicted(PHOTOS, [])}).values():
        assert [row[name] for name in ("photos", "faces", "found", "false_boxes", "detected")] == [0] * 5
        assert {row[name] for name in ("share", "share_low", "precision", "false_per_photo", "difference")} == {None}


def test_no_labels() -> None:
    rows = rows_of(trial_set(None), {OURS: predicted(PHOTOS, FOUND)}, val=0.5)
    assert {way for _, _, way in rows} == {"val"}
    row = rows["ours", 0.34, "val"]
    assert (row["photos"], row["detected"], row["confidence"]) == (3, 3, 0.5)
    empty = ("faces", "found", "share", "false_boxes", "false_per_photo", "precision", "difference", "difference_low")
    assert {row[name] for name in empty} == {None}


def test_intervals_are_those_of_copied_photos() -> None:
    base, ours = predicted(PHOTOS, [("a.jpg", 0.5, LEFT)]), predicted(PHOTOS, FOUND)
    rows = rows_of(trial_set(), {BASE: base, OURS: ours}, rates=(0.7,), resamples=400)
    draws = np.random.default_rng(0).multinomial(3, [1 / 3] * 3, size=400)
    faces, found, false, other = (draws @ counts for counts in ([2, 1, 0], [2, 1, 0], [1, 0, 1], [1, 0, 0]))
    some, taken = faces > 0, found + false > 0
    share = found[some] / faces[some]
    expected = {
        "share": share,
        "precision": found[taken] / (found + false)[taken],
        "difference": share - other[some] / faces[some],
    }
    row = rows["ours", 0.7, "set"]
    for name, resampled in expected.items():
        low, high = np.quantile(resampled, [0.025, 0.975])
        assert (row[f"{name}_low"], row[f"{name}_high"]) == (pytest.approx(low), pytest.approx(high))
    assert row["difference"] == pytest.approx(2 / 3)
    assert [rows[BASELINE, 0.7, "set"][name] for name in ("difference", "difference_low", "difference_high")] == [0] * 3


def of_infants(own: TrialSet, infants: Mapping[str, str]) -> TrialSet:
    return replace(own, blocks=Blocks({photo: Block(infant, "infant") for photo, infant in infants.items()}))


def test_photos_of_one_infant_are_drawn_together_and_so_are_those_of_the_baseline() -> None:
    """Against draws of two infants that numpy makes: a and b are of one, c of another, d was not missed."""
    base, ours = predicted(PHOTOS, [("a.jpg", 0.5, LEFT)]), predicted(PHOTOS, FOUND)
    infants = {"a.jpg": "x", "b.jpg": "x", "c.jpg": "y", "d.jpg": "z"}
    rows = rows_of(of_infants(trial_set(), infants), {BASE: base, OURS: ours}, rates=(0.7,), resamples=400)
    draws = np.random.default_rng(0).multinomial(2, [1 / 2] * 2, size=400)[:, [0, 0, 1]]
    faces, found, false, other = (draws @ counts for counts in ([2, 1, 0], [2, 1, 0], [1, 0, 1], [1, 0, 0]))
    some, taken = faces > 0, found + false > 0
    expected = {
        "share": found[some] / faces[some],
        "precision": found[taken] / (found + false)[taken],
        "difference": found[some] / faces[some] - other[some] / faces[some],
    }
    row = rows["ours", 0.7, "set"]
    for name, resampled in expected.items():
        low, high = np.quantile(resampled, [0.025, 0.975])
        assert (row[f"{name}_low"], row[f"{name}_high"]) == (pytest.approx(low), pytest.approx(high))
    assert (row["blocks"], row["block_kind"], row["alone"]) == (2, "infant", 0)


def test_infants_of_one_photo_each_are_photos_and_one_infant_alone_has_no_interval() -> None:
    found = {BASE: predicted(PHOTOS, [("a.jpg", 0.5, LEFT)]), OURS: predicted(PHOTOS, FOUND)}
    plain = rows_of(trial_set(), found)
    single = rows_of(of_infants(trial_set(), {photo: photo for photo in PHOTOS}), found)
    counted = set(BLOCK_COLUMNS)
    assert all(plain[key][name] == single[key][name] for key in plain for name in plain[key].keys() - counted)
    assert {row["blocks"] for row in plain.values()} == {None} and {row["blocks"] for row in single.values()} == {3}
    for row in rows_of(of_infants(trial_set(), dict.fromkeys(PHOTOS, "x")), found).values():
        assert row["share"] is not None and {row[f"{name}_low"] for name in ("share", "difference")} == {None}


def random_boxes(seed: int, photos: int = 5) -> MatchedPhotos:
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 20))
    confidence = random.uniform(0, 1, count).round(1).astype(np.float32)
    return MatchedPhotos(photos, 0, random.integers(0, photos, count), confidence, random.random(count) < 0.5)


@given(seed=st.integers(0, 10_000), rates=st.tuples(st.floats(0, 3), st.floats(0, 3)))
def test_found_and_false_never_fall_when_the_rate_rises(seed: int, rates: tuple[float, float]) -> None:
    matched = random_boxes(seed)
    counts = [tuple(map(np.sum, matched.count(threshold_at(matched, rate)))) for rate in sorted(rates)]
    assert counts[0][0] <= counts[1][0] and counts[0][1] <= counts[1][1]


@given(seed=st.integers(0, 10_000), rate=st.floats(0, 3))
def test_the_threshold_is_the_lowest_that_keeps_the_rate(seed: int, rate: float) -> None:
    matched = random_boxes(seed)
    chosen = threshold_at(matched, rate)
    for confidence in np.unique(matched.confidence):
        keeps = matched.count(float(confidence))[1].sum() <= rate * matched.photos + 1e-9
        assert keeps == (chosen is not None and np.float32(chosen) <= confidence)


@given(order=st.permutations(PHOTOS), rows=st.permutations(range(len(FOUND))))
def test_the_order_of_photos_and_boxes_changes_nothing(order: list[str], rows: list[int]) -> None:
    found = predicted(PHOTOS, FOUND)
    mixed = Predictions(found.boxes.iloc[rows], found.images.set_index("image").loc[order].reset_index(), {})
    seen = np.ones(4, np.bool_)
    one = match_photos(found, true_faces(FACES), pd.Series(PHOTOS), seen, 0.5)
    other = match_photos(mixed, true_faces(FACES), pd.Series(order), seen, 0.5)
    for rate in (0, 0.3, 0.5, 1):
        assert threshold_at(one, rate) == threshold_at(other, rate)
        counts = [dict(zip(PHOTOS, np.transpose(one.count(threshold_at(one, rate))).tolist(), strict=True))]
        counts.append(dict(zip(order, np.transpose(other.count(threshold_at(other, rate))).tolist(), strict=True)))
        assert counts[0] == counts[1]


class TestCommand:
    """`uncover rescue_trial` on a run of three sets: val, test and hof, which nobody labelled."""

    @pytest.fixture
    def words(self, tmp_path: Path) -> list[str]:
        (tmp_path / "missed").mkdir()
        for name, own in {"val": trial_set(), "test": trial_set(), "hof": trial_set(None)}.items():
            own.missed.to_csv(tmp_path / f"missed/{name}.csv", index=False)
            if own.truth is not None:
                write_labels(tmp_path / "datasets" / name, FACES)
            for method in ("blind", BASELINE):
                write_predictions(tmp_path / f"predictions/{method}/{name}.parquet", predicted(PHOTOS, FOUND))
        words: list[Any] = ["rescue_trial", tmp_path / "trial.csv", "--predictions", tmp_path / "predictions"]
        words += ["--methods", "blind=heatmaps:hirescam:joint", f"{BASELINE}=baseline"]
        words += ["--missed", *sorted((tmp_path / "missed").iterdir())]
        words += ["--datasets", tmp_path / "datasets/test", tmp_path / "datasets/val", "--rates", "0.25", "0.8"]
        return [*map(str, words), "--bootstrap", "20"]

    def test_a_record(self, words: list[str], tmp_path: Path) -> None:
        assert main(words) == 0
        with (tmp_path / "trial.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert "nan" not in (tmp_path / "trial.csv").read_text().lower()
        keys = [(row["set"], row["method"], row["fp_per_photo"], row["threshold"]) for row in rows]
        assert len(set(keys)) == len(keys) == 2 * 2 * (1 + 2)
        # On val, d counts too: its surest box is false, so one false box in four photos keeps the first rate.
        row = rows[keys.index(("test", BASELINE, "0.25", "val"))]
        assert (row["confidence"], row["found"], row["false_boxes"], row["attained"]) == ("0.75", "1", "0", "True")
        row = rows[keys.index(("hof", "blind", "0.8", "val"))]
        assert (row["confidence"], row["detected"], row["share"], row["faces"]) == ("0.25", "3", "", "")

    def test_blocks_are_those_of_the_data_sets(self, words: list[str], tmp_path: Path) -> None:
        rows = ["image,infant", "a.jpg,x", "images/b.jpg,x", "d.jpg,x"]
        (tmp_path / "datasets/test/blocks.csv").write_text("\n".join(rows) + "\n")
        assert main(words) == 0
        table = pd.read_csv(tmp_path / "trial.csv").set_index("set")
        # Of the missed photos a, b and c, nobody says whom c shows.
        assert {tuple(row) for row in table.loc["test", list(BLOCK_COLUMNS)].to_numpy()} == {(2, "infant", 1)}
        assert table.loc["hof", list(BLOCK_COLUMNS)].isna().all(axis=None)

    def test_a_detector_of_others(self, words: list[str], tmp_path: Path) -> None:
        """On the photos that the first detector missed it is a method as any, wherever it stores its landmarks."""
        for name in ("val", "test", "hof"):
            found = predicted(PHOTOS, FOUND)
            boxes = found.boxes.assign(**dict.fromkeys(LANDMARK_COLUMNS, 20.0))
            path = tmp_path / f"predictions/mtcnn/{name}.parquet"
            write_predictions(path, Predictions(boxes, found.images, found.settings))
        assert main([*words, "--methods", f"{BASELINE}=baseline", "mtcnn=detector"]) == 0
        with (tmp_path / "trial.csv").open() as file:
            rows = list(csv.DictReader(file))
        rows_of_group = [
            [{**row, "method": "", "group": ""} for row in rows if row["group"] == group]
            for group in ("baseline", "detector")
        ]
        assert len(rows_of_group[0]) == 2 * (1 + 2) and rows_of_group[0] == rows_of_group[1]

    @pytest.mark.parametrize(
        ("where", "name", "own", "other"),
        [
            # Thresholds from val at one IoU, applied to boxes of another.
            ("blind/test", "nms_iou", 0.5, 0.6),
            ("blind/hof", "nms_iou", 0.5, 0.6),
            # The baseline of every difference at another IoU than the methods, on all sets alike.
            (f"{BASELINE}/*", "nms_iou", 0.5, 0.6),
            (f"{BASELINE}/*", "max_boxes_per_class", 100, 300),
            ("blind/*", "precision", "float16", "float32"),
            # Methods may see photos at other sizes, but each at one.
            ("blind/test", "image_size", 320, 160),
        ],
    )
    def test_unequal_predictions_are_refused(
        self,
        words: list[str],
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        where: str,
        name: str,
        own: object,
        other: object,
    ) -> None:
        changed = [*tmp_path.glob(f"predictions/{where}.parquet")]
        for path in changed:
            write_predictions(path, predicted(PHOTOS, FOUND, **{name: own}))
        assert main(words) == 2
        error = capsys.readouterr().err
        told = [
            (f"{path}: {name} is {own}, but {other} in ", f"{name} is {other}, but {own} in {path}") for path in changed
        ]
        assert any(one in error or two in error for one, two in told) and error.count("\n") == 1
        assert error.count("predictions/") == 2 and not (tmp_path / "trial.csv").exists()

    def test_each_method_sees_photos_at_a_size_of_its_own(self, words: list[str], tmp_path: Path) -> None:
        for path in tmp_path.glob("predictions/blind/*.parquet"):
            write_predictions(path, predicted(PHOTOS, FOUND, image_size={"rgb10": 320, "rgb1": 320}))
        assert main(words) == 0

    def test_predictions_of_an_earlier_version_are_refused(
        self, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / f"predictions/{BASELINE}/test.parquet"
        old = predicted(PHOTOS, FOUND)
        del old.settings["max_boxes_per_class"]
        write_predictions(path, old)
        assert main(words) == 2
        error = capsys.readouterr().err
        assert f"{path}: does not state max_boxes_per_class" in error and "again" in error and error.count("\n") == 1

    @pytest.mark.parametrize(
        ("more", "says"),
        [
            (["--methods", "ours"], "--methods ours: expected name=group or name=group:heatmaps:input"),
            (["--methods", "ours=best"], "--methods ours=best: expected name=group"),
            (["--methods", "a=variant:hirescam:all"], "input all; expected one of classes, joint, mean, whole_face"),
            (["--methods", "a=baseline", "a=ours"], "a is given twice; pass each method once"),
            (["--methods", "a=variant:t1:joint"], "no column t1:joint"),
            (["--methods", "none=ours"], "predictions/none/val.parquet: does not exist"),
            (["--val", "train"], "--val train: no train.csv in --missed"),
            (["--val", "hof"], "hof: has no labelled faces"),
            (["--datasets"], "its photos have labels, but --datasets has no folder"),
            (["--rates", "-1"], "--rates -1.0: expected 0 or more"),
            (["--rates", "1", "1"], "a rate is given twice"),
            (["--true-iou", "2"], "--true-iou 2.0: expected 0 to 1"),
        ],
    )
    def test_wrong_arguments(
        self, words: list[str], more: list[str], says: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        if more == ["--datasets"]:
            more = ["--datasets", words[words.index("--predictions") + 1]]
        assert main([*words, *more]) == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1

    def test_predictions_of_other_photos(
        self, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_predictions(tmp_path / "predictions/blind/test.parquet", predicted(PHOTOS[:3], []))
        assert main(words) == 2
        assert "blind/test.parquet: does not name d.jpg, which" in capsys.readouterr().err

    def test_predictions_of_photos_of_another_size(
        self, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        own = predicted(PHOTOS, [])
        path = tmp_path / "predictions/blind/test.parquet"
        write_predictions(path, Predictions(own.boxes, own.images.assign(height=[100, 50, 100, 100]), own.settings))
        assert main(words) == 2
        error = capsys.readouterr().err
        assert "blind/test.parquet: image b.jpg is 100 x 50, but 100 x 100 in" in error and error.count("\n") == 1
