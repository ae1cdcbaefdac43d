"""The trial of the second step: what share of the missed faces does each method find, at equally many false boxes?

Thresholds are taken in two ways. `set`: on the very photos that are scored, so that all methods reach the same rate of
false boxes; this compares methods and promises nothing. `val`: once on `val`, applied unchanged. There it is taken on
all photos, because `val` is like the training set and the first detector misses few of it; a method then meets photos
that are harder than those, and the rate that it reaches is part of the answer.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.data.blocks import BlockCount, Blocks, read_blocks
from uncover.errors import InputError
from uncover.metrics.intervals import Rate, percentile_interval, ratio, resample_images
from uncover.metrics.predictions import Alike, Predictions, read_predictions
from uncover.metrics.truth import TRUTH_COLUMNS, read_truth
from uncover.rescue.matched_photos import MatchedPhotos, match_photos, threshold_at
from uncover.rescue.methods import Method, by_set
from uncover.rescue.missed import check_same_images, read_missed

BASELINE = "lower_threshold"
"""Baseline a, which every method is compared with."""

BLOCK_COLUMNS = ("blocks", "block_kind", "alone")
"""Blocks of photos that the intervals draw as a whole (`uncover.data.blocks`); empty where photos are drawn."""

COLUMNS = (
    *("set", "method", "group", "fp_per_photo", "threshold", "confidence", "photos", "faces", "blank", "found"),
    *("share", "share_low", "share_high", "false_boxes", "false_per_photo", "precision", "precision_low"),
    *("precision_high", "difference", "difference_low", "difference_high", "attained", "detected"),
    *BLOCK_COLUMNS,
)

Row = dict[str, Any]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Settings:
    """Of a trial.

    Attributes:
        rates: False boxes per photo that the methods are cut at.
        true_iou: IoU from which a box is correct.
        resamples: Of photos, or of blocks of them, behind the intervals.
        seed: Of the resamples; the same draws for all methods of a set.
    """

    rates: Sequence[float] = (0.1, 0.25, 0.5)
    true_iou: float = 0.5
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class Drawn:
    """What intervals draw of some photos: these one by one, or blocks of those that belong together.

    Attributes:
        blocks: int64 (photos,), number of each photo's block; None draws photos.
        count: Of the blocks.
    """

    blocks: Ints | None = None
    count: BlockCount | None = None

    def as_row(self) -> Row:
        """With `BLOCK_COLUMNS`; empty where photos are drawn."""
        if self.count is None:
            return {}
        return {"blocks": self.count.blocks, "block_kind": self.count.kind, "alone": self.count.alone}


@dataclass(frozen=True)
class TrialSet:
    """A set as the trial sees it.

    Attributes:
        name: Of the set.
        missed: Its photos, as `read_missed` returns them.
        truth: True boxes, as `read_truth` returns them; None where nobody labelled the set.
        blocks: What its photos belong to; None where nobody says.
    """

    name: str
    missed: pd.DataFrame
    truth: pd.DataFrame | None
    blocks: Blocks | None = None

    def match(self, method: Method, predictions: Predictions, true_iou: float, only_missed: bool) -> MatchedPhotos:
        """Boxes of a method on the missed photos, or on all."""
        table = self.missed[self.missed["missed"]] if only_missed else self.missed
        to_see = np.ones(len(table), np.bool_) if method.maps is None else table[method.maps].to_numpy(np.bool_)
        truth = pd.DataFrame(columns=list(TRUTH_COLUMNS))
        return match_photos(predictions, truth if self.truth is None else self.truth, table["image"], to_see, true_iou)

    def faces(self, only_missed: bool = True) -> Ints:
        """int64 (photos,): true whole faces in each missed photo, or in all; 0 where nobody labelled the set."""
        table = self.missed[self.missed["missed"]] if only_missed else self.missed
        return table["faces"].fillna(0).to_numpy(np.int64)

    def drawn(self, only_missed: bool = True) -> Drawn:
        """What intervals draw of its missed photos, or of all."""
        images = self.missed.loc[self.missed["missed"] | (not only_missed), "image"]
        return Drawn() if self.blocks is None else Drawn(self.blocks.numbers(images), self.blocks.count(images))


@dataclass(frozen=True)
class _Cut:
    """A method on the missed photos of a set, cut at a threshold; found and false are int64 (photos,)."""

    method: Method
    matched: MatchedPhotos
    rate: float
    threshold: str
    confidence: float | None
    found: Ints
    false: Ints


def val_thresholds(
    val: TrialSet, method: Method, predictions: Predictions, settings: Settings
) -> dict[float, float | None]:
    """Thresholds by rate, from all photos of `val` where there is something to look at.

    Raises:
        InputError: Nobody labelled `val`.
    """
    if val.truth is None:
        raise InputError(f"{val.name}: has no labelled faces; expected a set on which false boxes can be told")
    matched = val.match(method, predictions, settings.true_iou, only_missed=False)
    return {rate: threshold_at(matched, rate) for rate in settings.rates}


def try_set(
    trial_set: TrialSet,
    matched: Mapping[Method, MatchedPhotos],
    from_val: Mapping[Method, Mapping[float, float | None]],
    settings: Settings,
) -> list[Row]:
    """Rows of one set.

    Args:
        trial_set: The set.
        matched: Boxes of every method on its missed photos.
        from_val: Thresholds by method and rate.
        settings: Of the trial.

    Returns:
        Rows with `COLUMNS`, by method, rate and way of taking the threshold; None stands for what has no value. A set
        without labels has rows for thresholds from `val` only, and no word about right and wrong.
    """
    cuts = [
        _cut(method, boxes, rate, way, from_val[method][rate] if way == "val" else threshold_at(boxes, rate))
        for method, boxes in matched.items()
        for rate in settings.rates
        for way in (("val", "set") if trial_set.truth is not None else ("val",))
    ]
    faces, drawn = trial_set.faces(), trial_set.drawn()
    rows = [_counts(trial_set, cut, faces) | drawn.as_row() for cut in cuts]
    if trial_set.truth is not None:
        for row, rates in zip(rows, _rates(cuts, faces, drawn, settings), strict=True):
            row.update(rates)
    return rows


def write_trial(path: Path, rows: Sequence[Row]) -> None:
    """Write the record of a trial as CSV."""
    write_rows(path, COLUMNS, rows)


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write rows with these columns as CSV; what has no value is empty."""
    with new_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def resampled_sums(counts: Sequence[Ints], drawn: Drawn, settings: Settings) -> NDArray[np.float64]:
    """Sums over the photos of a set, and over resamples of these: the same photos, or blocks, for all K counts.

    Args:
        counts: K times int64 (photos,).
        drawn: What the resamples draw.
        settings: Of the trial.

    Returns:
        float64 (1 + resamples, K), that of the photos themselves first; of one photo or block there are no resamples.
    """
    table = np.stack(counts, axis=1).astype(np.float64)
    resamples = resample_images(len(table), settings.resamples, settings.seed, blocks=drawn.blocks)
    return np.concatenate([table.sum(axis=0, keepdims=True), *(draws @ table for draws in resamples)])


def interval(values: NDArray[np.float64]) -> Rate:
    """Of the photos themselves, which come first, with the interval that the resamples span."""
    return percentile_interval(float(values[0]), values[1:])


def _cut(method: Method, matched: MatchedPhotos, rate: float, threshold: str, confidence: float | None) -> _Cut:
    return _Cut(method, matched, rate, threshold, confidence, *matched.count(confidence))


def _counts(trial_set: TrialSet, cut: _Cut, faces: Ints) -> Row:
    photos = cut.matched.photos
    row: Row = dict.fromkeys(COLUMNS)
    row |= {
        "set": trial_set.name,
        "method": cut.method.name,
        "group": cut.method.group,
        "fp_per_photo": cut.rate,
        "threshold": cut.threshold,
        "confidence": cut.confidence,
        "photos": photos,
        "blank": cut.matched.blank / photos if photos else None,
        "attained": cut.confidence is not None,
        "detected": int((cut.found + cut.false > 0).sum()),
    }
    if trial_set.truth is not None:
        false = int(cut.false.sum())
        row |= {"faces": int(faces.sum()), "found": int(cut.found.sum()), "false_boxes": false}
        row["false_per_photo"] = false / photos if photos else None
    return row


def _rates(cuts: Sequence[_Cut], faces: Ints, drawn: Drawn, settings: Settings) -> Iterator[Row]:
    """Shares, precisions and differences to the baseline of all cuts, with intervals from the same draws."""
    if not cuts:
        return
    sums = resampled_sums([*(cut.found for cut in cuts), *(cut.false for cut in cuts), faces], drawn, settings)
    found, false, true = np.split(sums, [len(cuts), 2 * len(cuts)], axis=1)
    share, precision = ratio(found, true), ratio(found, found + false)
    baseline = {(cut.rate, cut.threshold): place for place, cut in enumerate(cuts) if cut.method.name == BASELINE}
    for place, cut in enumerate(cuts):
        row = interval(share[:, place]).as_columns("share") | interval(precision[:, place]).as_columns("precision")
        other = baseline.get((cut.rate, cut.threshold))
        if other is not None:
            row |= interval(share[:, place] - share[:, other]).as_columns("difference")
        yield row


@dataclass(frozen=True)
class TrialFiles:
    """What is read of a run.

    Attributes:
        predictions: Folder with `<method>/<set>.parquet`.
        lists: List of missed photos, by set.
        sets: All sets of the lists.
        val: Name of the set that thresholds are taken from.
        alike: What was read so far: thresholds hold only for boxes that were made as those that they were taken from.
    """

    predictions: Path
    lists: Mapping[str, Path]
    sets: Mapping[str, TrialSet]
    val: str
    alike: Alike = field(default_factory=Alike)

    @property
    def tried(self) -> list[TrialSet]:
        """All sets but `val`, which gives thresholds only: it was chosen from, so it proves nothing."""
        return [trial_set for name, trial_set in self.sets.items() if name != self.val]

    def path(self, method: Method, name: str) -> Path:
        """Of the predictions of a method on a set."""
        return self.predictions / method.name / f"{name}.parquet"

    def read(self, method: Method, name: str, confidence: float = 1.0) -> Predictions:
        """Predictions of a method on a set, of which boxes from a confidence on will count.

        Raises:
            InputError: The file is missing or not what it should be, is not about the photos of the set's list, or was
                made otherwise than those that were read before.
        """
        path = self.path(method, name)
        predictions = read_predictions(path, confidence)
        self.alike.add(path, predictions.settings, method.name)
        check_same_images(path, predictions.images["image"], self.sets[name].missed["image"], self.lists[name])
        self._check_sizes(path, predictions, name)
        return predictions

    def match(self, method: Method, trial_set: TrialSet, true_iou: float, only_missed: bool) -> MatchedPhotos:
        """Boxes of a method on a set, as `TrialSet.match`.

        Raises:
            InputError: As `read`.
        """
        return trial_set.match(method, self.read(method, trial_set.name), true_iou, only_missed)

    def thresholds(self, method: Method, settings: Settings) -> dict[float, float | None]:
        """Thresholds by rate, from all photos of `val`.

        Raises:
            InputError: As `read`, or nobody labelled `val`.
        """
        return val_thresholds(self.sets[self.val], method, self.read(method, self.val), settings)

    def _check_sizes(self, path: Path, predictions: Predictions, name: str) -> None:
        listed = self.sets[name].missed.set_index("image")
        own = predictions.images[["width", "height"]].to_numpy(np.int64)
        others = listed.loc[predictions.images["image"], ["width", "height"]].to_numpy(np.int64)
        differ = np.flatnonzero((own != others).any(axis=1))
        if len(differ):
            image = predictions.images["image"].iloc[differ[0]]
            size, other = (" x ".join(map(str, sizes[differ[0]])) for sizes in (own, others))
            raise InputError(
                f"{path}: image {image} is {size}, but {other} in {self.lists[name]}; expected records of the same set"
            )


def read_files(
    predictions: Path, missed: Sequence[Path], datasets: Sequence[Path], val: str, maps: Collection[str]
) -> TrialFiles:
    """Read what all methods of a trial meet.

    Args:
        predictions: Folder with `<method>/<set>.parquet`.
        missed: Lists `<set>.csv` of `uncover missed`, that of `val` among them.
        datasets: Data sets with `labels/`, in folders named as the set; a set without labels needs none.
        val: Name of the set that thresholds are taken from.
        maps: Columns `<variant>:<input>` that the lists must have.

    Raises:
        InputError: A file is missing or not what it should be.
    """
    lists, folders = by_set(missed, "--missed"), by_set(datasets, "--datasets")
    if val not in lists:
        raise InputError(f"--val {val}: no list {val}.csv among --missed; thresholds are taken from this set")
    sets = {name: _read_set(path, folders, maps) for name, path in lists.items()}
    return TrialFiles(predictions, lists, sets, val)


def run_trial(
    methods: Sequence[Method],
    predictions: Path,
    missed: Sequence[Path],
    datasets: Sequence[Path],
    val: str,
    settings: Settings,
) -> list[Row]:
    """Try all methods on the missed photos of all sets but `val`.

    Args:
        methods: To try.
        predictions: As for `read_files`, as are those that follow.
        missed: Of all sets.
        datasets: Of sets with labels.
        val: Gives thresholds.
        settings: Of the trial.

    Returns:
        Rows of the record, by set, method, rate and threshold.

    Raises:
        InputError: A file is missing or not what it should be, or files are not about the same photos.
    """
    maps = {method.maps for method in methods if method.maps is not None}
    files = read_files(predictions, missed, datasets, val, maps)
    thresholds = {method: files.thresholds(method, settings) for method in methods}
    rows = []
    for trial_set in files.tried:
        matched = {method: files.match(method, trial_set, settings.true_iou, only_missed=True) for method in methods}
        rows += try_set(trial_set, matched, thresholds, settings)
    return rows


def _read_set(path: Path, folders: Mapping[str, Path], maps: Collection[str]) -> TrialSet:
    table = read_missed(path, sorted(maps))
    blocks = read_blocks(folders[path.stem], table["image"]) if path.stem in folders else None
    if table["faces"].isna().any():
        return TrialSet(path.stem, table, None, blocks)
    if path.stem not in folders:
        raise InputError(f"{path}: its photos have labels, but --datasets names no folder {path.stem}; name it")
    truth = read_truth(folders[path.stem], table[["image", "width", "height"]])
    return TrialSet(path.stem, table, truth, blocks)
