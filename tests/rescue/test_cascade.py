"""Detectors alone and with a rescue behind them, counted by hand."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rescue.sets import Face, Found, missed_list, predicted, true_faces, write_labels
from uncover.cli import main
from uncover.data.blocks import BlockCount
from uncover.metrics.predictions import Predictions, write_predictions
from uncover.rescue.cascade import COLUMNS, TriedRescue, confidence_at, try_cascades
from uncover.rescue.matched_photos import MatchedPhotos
from uncover.rescue.methods import Method, TriedDetector
from uncover.rescue.trial import Drawn, Row, Settings, TrialSet

LEFT, RIGHT, BELOW = (10.0, 10.0, 30.0, 30.0), (60.0, 10.0, 80.0, 30.0), (60.0, 60.0, 80.0, 80.0)
PHOTOS = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
FACES: Mapping[str, Sequence[Face]] = {"a.jpg": [LEFT, RIGHT], "b.jpg": [LEFT], "c.jpg": [LEFT], "d.jpg": []}
FOUND: Sequence[Found] = (
    ("a.jpg", 0.9, LEFT),
    ("a.jpg", 0.375, RIGHT),
    ("b.jpg", 0.8, BELOW),  # so b is not missed, though its face is
    ("b.jpg", 0.125, LEFT),
    ("c.jpg", 0.25, LEFT),
    ("c.jpg", 0.3125, BELOW),
    ("d.jpg", 0.1875, BELOW),
)
RESCUED: Sequence[Found] = (
    ("a.jpg", 0.9, RIGHT),  # the detector found something here, so nobody asks
    ("b.jpg", 0.9, LEFT),
    ("c.jpg", 0.5, LEFT),
    ("d.jpg", 0.75, RIGHT),
    ("d.jpg", 0.25, LEFT),
)
AT_WORK = TriedDetector("mtcnn", 0.4)


def on_set(found: Sequence[Found], blank: Sequence[str] = (), photos: Sequence[str] = PHOTOS) -> MatchedPhotos:
    """Boxes on all photos; those that are blank hide from whoever looks at heatmaps."""
    faces = {photo: FACES[photo] for photo in photos}
    # The list is of another detector, which found a face in each photo: that plays no part.
    table = missed_list({photo: (False, photo not in blank) for photo in photos}) if photos else no_photos()
    looks = Method("any", maps="hirescam:joint") if blank else Method("any")
    return TrialSet("test", table, true_faces(faces)).match(looks, predicted(photos, found), 0.5, only_missed=False)


def no_photos() -> pd.DataFrame:
    return missed_list({PHOTOS[0]: (False, True)}).iloc[:0]


def faces_of(photos: Sequence[str] = PHOTOS) -> np.ndarray:
    return np.array([len(FACES[photo]) for photo in photos], np.int64)


def rows_of(detector: TriedDetector, found: MatchedPhotos, *rescues: TriedRescue, resamples: int = 50) -> list[Row]:
    photos = PHOTOS[: found.photos]
    return try_cascades("test", faces_of(photos), {detector: found}, rescues, Settings(resamples=resamples))


def some(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_a_rescue_helps_where_the_detector_found_nothing() -> None:
    alone, helped = rows_of(AT_WORK, on_set(FOUND), TriedRescue("ours", 0.25, on_set(RESCUED)))
    of_both = ("set", "detector", "confidence", "photos", "faces", "missed")
    assert some(alone, *of_both) == some(helped, *of_both) == ("test", "mtcnn", 0.4, 4, 4, 2)
    assert some(alone, "rescue", "rescue_confidence", "found", "share") == ("none", None, 1, 0.25)
    assert some(alone, "false_boxes", "false_per_photo") == (1, 0.25)
    assert {alone[name] for name in COLUMNS if name.startswith(("same", "gain"))} == {None}
    # Of the rescue's boxes those in c and d count: one face more, and two false boxes more.
    assert some(helped, "rescue", "rescue_confidence", "found", "share") == ("ours", 0.25, 2, 0.5)
    assert some(helped, "false_boxes", "false_per_photo") == (3, 0.75)
    # For three false boxes, the detector alone goes down to its last box, and finds all faces on the way.
    assert some(helped, "same_confidence", "same_share", "gain") == (0.125, 1, -0.5)


def test_as_many_false_boxes_alone() -> None:
    rows = rows_of(AT_WORK, on_set(FOUND), TriedRescue("ours", 0.75, on_set(RESCUED)))
    # One false box more buys the one in c, and all faces before the next false box, in d: one in a and one in c.
    assert some(rows[1], "found", "false_boxes", "same_confidence", "same_share", "gain") == (1, 2, 0.25, 0.75, -0.5)


def test_for_no_further_false_box_the_detector_has_what_comes_before_it() -> None:
    rows = rows_of(
        AT_WORK, on_set(FOUND), TriedRescue("ours", 0.5, on_set([box for box in RESCUED if box[0] != "d.jpg"]))
    )
    found, false, confidence, share, gain = some(
        rows[1], "found", "false_boxes", "same_confidence", "same_share", "gain"
    )
    # Alone, it has the second face of a for nothing.
    assert (found, false, share, gain) == (2, 1, 0.5, 0) and confidence < 0.4


def test_a_rescue_that_keeps_the_rate_nowhere_proposes_nothing() -> None:
    alone, helped = rows_of(AT_WORK, on_set(FOUND), TriedRescue("ours", None, on_set(RESCUED)))
    assert helped["rescue_confidence"] is None
    assert some(helped, "found", "share", "false_boxes") == some(alone, "found", "share", "false_boxes")
    assert some(helped, "same_share", "gain") == (0.5, -0.25)


def test_nothing_is_found_on_blank_maps() -> None:
    rows = rows_of(AT_WORK, on_set(FOUND), TriedRescue("blind", 0.25, on_set(RESCUED, blank=["c.jpg"])))
    assert some(rows[1], "missed", "found", "false_boxes") == (2, 1, 3)


def test_confidences_are_those_of_single_precision() -> None:
    """0.4 in single precision is above 0.4, 0.7 is below."""
    found = on_set([("a.jpg", 0.7, LEFT), ("b.jpg", 0.4, LEFT)])
    rescued = on_set([("b.jpg", 0.3, LEFT), ("c.jpg", 0.3, LEFT)])
    sure, unsure = (rows_of(TriedDetector("mtcnn", at), found, TriedRescue("ours", 0.3, rescued)) for at in (0.7, 0.4))
    assert some(sure[0], "missed", "found") == (3, 1) and some(sure[1], "found", "same_confidence") == (3, 0.4)
    assert some(unsure[0], "missed", "found") == (2, 2) and some(unsure[1], "found", "same_confidence") == (3, 0.4)


def test_the_threshold_is_never_raised() -> None:
    found = on_set([("a.jpg", 0.9, LEFT), ("d.jpg", 0.8, LEFT)])
    for confidence, false in ((0.4, 1), (0.4, 7), (0.85, 0)):
        assert confidence_at(TriedDetector("mtcnn", confidence), found, false) == confidence
    assert confidence_at(TriedDetector("mtcnn", 0.85), found, 1) == 0.8
    assert confidence_at(TriedDetector("mtcnn", 0.95), found, 0) == 0.9
    # In single precision, 0.80000001 is no higher than 0.8.
    assert confidence_at(TriedDetector("mtcnn", 0.80000001), found, 2) == 0.80000001
    assert confidence_at(AT_WORK, on_set([]), 3) == 0.4


def test_photos_without_faces_and_no_photos() -> None:
    found, rescued = on_set(FOUND), on_set(RESCUED)
    empty = try_cascades(
        "test", np.zeros(4, np.int64), {AT_WORK: found}, [TriedRescue("ours", 0.5, rescued)], Settings(resamples=5)
    )
    nowhere = rows_of(AT_WORK, on_set([], photos=()), TriedRescue("ours", 0.5, on_set([], photos=())))
    undefined = ("share", "share_low", "share_high", "same_share", "same_low", "gain", "gain_low", "gain_high")
    for row in (*empty, *nowhere):
        assert {row[name] for name in undefined} == {None} and row["faces"] == 0
    assert some(empty[1], "photos", "false_boxes", "false_per_photo") == (4, 2, 0.5)
    assert some(nowhere[1], "photos", "missed", "false_boxes", "false_per_photo") == (0, 0, 0, None)


def test_intervals_are_those_of_copied_photos() -> None:
    row = rows_of(AT_WORK, on_set(FOUND), TriedRescue("ours", 0.25, on_set(RESCUED)), resamples=400)[1]
    draws = np.random.default_rng(0).multinomial(4, [1 / 4] * 4, size=400)
    faces, helped, alone = (draws @ counts for counts in ([2, 1, 1, 0], [1, 0, 1, 0], [2, 1, 1, 0]))
    some_faces = faces > 0
    share, same = (found[some_faces] / faces[some_faces] for found in (helped, alone))
    for name, resampled in {"share": share, "same": same, "gain": share - same}.items():
        low, high = np.quantile(resampled, [0.025, 0.975])
        assert some(row, f"{name}_low", f"{name}_high") == (pytest.approx(low), pytest.approx(high))


def test_photos_of_one_infant_are_drawn_together() -> None:
    """Against draws of two infants that numpy makes: a and c are of one, b and d of another."""
    photos, of = Drawn(np.array([0, 1, 0, 1]), BlockCount("infant", 2)), [0, 1, 0, 1]
    rescue = TriedRescue("ours", 0.25, on_set(RESCUED))
    found, settings = {AT_WORK: on_set(FOUND)}, Settings(resamples=400)
    row = try_cascades("test", faces_of(), found, [rescue], settings, photos)[1]
    draws = np.random.default_rng(0).multinomial(2, [1 / 2] * 2, size=400)[:, of]
    faces, helped, alone = (draws @ counts for counts in ([2, 1, 1, 0], [1, 0, 1, 0], [2, 1, 1, 0]))
    share, same = helped / faces, alone / faces
    for name, resampled in {"share": share, "same": same, "gain": share - same}.items():
        low, high = np.quantile(resampled, [0.025, 0.975])
        assert some(row, f"{name}_low", f"{name}_high") == (pytest.approx(low), pytest.approx(high))
    assert some(row, "blocks", "block_kind", "alone") == (2, "infant", 0)
    single = Drawn(np.arange(4), BlockCount("infant", 4))
    plain, apart = (try_cascades("test", faces_of(), found, [rescue], settings, own)[1] for own in (Drawn(), single))
    assert {name: apart[name] for name in apart if plain[name] is not None} == {
        name: value for name, value in plain.items() if value is not None
    }


def random_boxes(random: np.random.Generator, faces: np.ndarray) -> MatchedPhotos:
    """Boxes on some photos; no more correct ones than faces."""
    count = int(random.integers(0, 15))
    photo = np.sort(random.integers(0, len(faces), count))
    place = np.arange(count) - np.searchsorted(photo, photo)
    confidence = random.uniform(0, 1, count).round(1).astype(np.float32)
    return MatchedPhotos(len(faces), 0, photo, confidence, (place < faces[photo]) & (random.random(count) < 0.7))


@given(seed=st.integers(0, 10_000), confidence=st.floats(0, 1), threshold=st.none() | st.floats(0, 1))
def test_a_rescue_never_costs_a_face(seed: int, confidence: float, threshold: float | None) -> None:
    random = np.random.default_rng(seed)
    faces = random.integers(0, 3, int(random.integers(1, 7)))
    detector, found = TriedDetector("mtcnn", confidence), random_boxes(random, faces)
    rescues = [TriedRescue("ours", threshold, random_boxes(random, faces)), TriedRescue("nothing", None, found)]
    alone, helped, nothing = try_cascades("test", faces, {detector: found}, rescues, Settings(resamples=100))
    assert alone["found"] <= helped["found"] <= faces.sum() and alone["false_boxes"] <= helped["false_boxes"]
    assert helped["same_confidence"] <= confidence
    assert found.count(helped["same_confidence"])[1].sum() <= helped["false_boxes"]
    assert nothing["same_confidence"] <= confidence and (nothing["same_share"] or 0) >= (alone["share"] or 0)
    for name in ("share", "same", "gain"):
        value, low, high = some(helped, {"same": "same_share"}.get(name, name), f"{name}_low", f"{name}_high")
        assert low is None or low - 1e-12 <= value <= high + 1e-12


class TestCommand:
    """`uncover rescue_cascade` on a run of three sets: val, test and hof, which nobody labelled."""

    @pytest.fixture
    def words(self, tmp_path: Path) -> list[str]:
        (tmp_path / "missed").mkdir()
        for name in ("val", "test", "hof"):
            # The first model missed c only; its map of d is blank.
            table = missed_list({photo: (photo == "c.jpg", photo != "d.jpg") for photo in PHOTOS})
            counts = [pd.NA if name == "hof" else len(FACES[photo]) for photo in PHOTOS]
            table.assign(faces=pd.array(counts, dtype="Int64")).to_csv(tmp_path / f"missed/{name}.csv", index=False)
            if name != "hof":
                write_labels(tmp_path / "datasets" / name, FACES)
                for method, found in {"mtcnn": FOUND, "rgb10": [], "blind": RESCUED, "multi_scale": RESCUED}.items():
                    write_predictions(tmp_path / f"predictions/{method}/{name}.parquet", predicted(PHOTOS, found))
        words: list[Any] = ["rescue_cascade", tmp_path / "cascade.csv", "--predictions", tmp_path / "predictions"]
        words += ["--detectors", "rgb10=0.4", "mtcnn=0.4", "--rescues", "blind:hirescam:joint", "multi_scale"]
        words += ["--missed", *sorted((tmp_path / "missed").iterdir())]
        words += ["--datasets", tmp_path / "datasets/test", tmp_path / "datasets/val", "--rate", "0.25"]
        return [*map(str, words), "--bootstrap", "20"]

    def test_a_record(self, words: list[str], tmp_path: Path) -> None:
        assert main(words) == 0
        assert "nan" not in (tmp_path / "cascade.csv").read_text().lower()
        with (tmp_path / "cascade.csv").open() as file:
            rows = {(row["set"], row["detector"], row["rescue"]): row for row in csv.DictReader(file)}
        pairs = [(one, other) for one in ("rgb10", "mtcnn") for other in ("none", "blind", "multi_scale")]
        # Of val there are thresholds only, and of hof nobody knows the faces.
        assert list(rows) == [("test", *pair) for pair in pairs]
        assert tuple(next(iter(rows.values()))) == COLUMNS
        found = ("missed", "rescue_confidence", "found", "false_boxes", "same_confidence")
        assert some(rows["test", "rgb10", "none"], *found) == ("4", "", "0", "0", "")
        # One false box in four photos keeps the rate. Whoever looks at maps makes none, where d's is blank.
        assert some(rows["test", "rgb10", "blind"], *found) == ("4", "0.5", "3", "0", "0.4")
        assert some(rows["test", "rgb10", "multi_scale"], *found) == ("4", "0.5", "3", "1", "0.4")
        # Not a and b, where this detector has boxes; and d, though the first model found a face there.
        assert some(rows["test", "mtcnn", "blind"], *found) == ("2", "0.5", "2", "1", "0.375")
        assert some(rows["test", "mtcnn", "multi_scale"], *found) == ("2", "0.5", "2", "2", "0.25")

    def test_detectors_alone(self, words: list[str], tmp_path: Path) -> None:
        assert main([*words, "--rescues"]) == 0
        with (tmp_path / "cascade.csv").open() as file:
            assert [row["rescue"] for row in csv.DictReader(file)] == ["none", "none"]

    def test_the_same_again(self, words: list[str], tmp_path: Path) -> None:
        records = []
        for _ in range(2):
            assert main(words) == 0
            records.append((tmp_path / "cascade.csv").read_bytes())
        assert records[0] == records[1]

    @pytest.mark.parametrize(
        ("more", "says"),
        [
            (["--detectors", "mtcnn"], "--detectors mtcnn: expected name=confidence, from 0 to 1"),
            (["--detectors", "mtcnn=sure"], "--detectors mtcnn=sure: expected name=confidence, from 0 to 1"),
            (["--detectors", "mtcnn=nan"], "--detectors mtcnn=nan: expected name=confidence, from 0 to 1"),
            (["--detectors", "mtcnn=1.5"], "--detectors mtcnn=1.5: expected name=confidence, from 0 to 1"),
            (["--detectors", "=0.5"], "--detectors =0.5: expected name=confidence, from 0 to 1"),
            (["--detectors", "a=0.1", "a=0.2"], "--detectors a=0.2: a is given twice; pass each detector once"),
            (["--detectors", "mtcnn=0.0005"], "test.parquet: was stored at confidence 0.001; expected 0.0005"),
            (["--detectors", "retinaface=0.8"], "predictions/retinaface/test.parquet: does not exist"),
            (["--rescues", "a:hirescam"], "--rescues a:hirescam: expected name or name:heatmaps:input"),
            (["--rescues", "none"], "--rescues none: expected name or name:heatmaps:input, name not none"),
            (["--rescues", "a:hirescam:all"], "input all; expected one of classes, joint, mean, whole_face"),
            (["--rescues", "a", "a:t1:joint"], "--rescues a:t1:joint: a is given twice; pass each rescue once"),
            (["--rescues", "a:t1:joint"], "no column t1:joint"),
            (["--rescues", "votes"], "predictions/votes/val.parquet: does not exist"),
            (["--val", "train"], "--val train: no train.csv in --missed"),
            (["--rate", "-1"], "--rate -1.0: expected 0 or more"),
            (["--true-iou", "2"], "--true-iou 2.0: expected 0 to 1"),
            (["--bootstrap", "-1"], "--bootstrap -1: expected 0 or more"),
            (["--datasets", "val"], "test.csv: its photos have labels, but --datasets has no folder test; add it"),
        ],
    )
    def test_wrong_arguments(
        self, words: list[str], more: list[str], says: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([*words, *more]) == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1

    def test_val_without_labels(self, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for method in ("blind", "multi_scale"):
            write_predictions(tmp_path / f"predictions/{method}/hof.parquet", predicted(PHOTOS, RESCUED))
        assert main([*words, "--val", "hof"]) == 2
        assert "hof: has no labelled faces" in capsys.readouterr().err

    def test_a_record_of_another_kind(self, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main([words[0], "cascade.txt", *words[2:]]) == 2
        assert "cascade.txt: expected OUT.csv" in capsys.readouterr().err

    @pytest.mark.parametrize("who", ["mtcnn", "multi_scale"])
    def test_predictions_of_other_photos(
        self, words: list[str], tmp_path: Path, who: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / f"predictions/{who}/test.parquet"
        write_predictions(path, predicted(PHOTOS[:3], []))
        assert main(words) == 2
        assert f"{who}/test.parquet: does not name d.jpg, which" in capsys.readouterr().err
        own = predicted(PHOTOS, [])
        write_predictions(path, Predictions(own.boxes, own.images.assign(width=[100, 100, 90, 100]), own.settings))
        assert main(words) == 2
        assert f"{who}/test.parquet: image c.jpg is 90 x 100, but 100 x 100 in" in capsys.readouterr().err
