"""The trial of the second step: the share of missed faces that each method finds at equal false positives.

Thresholds are chosen in two ways. `set`: on the evaluated photos, so that all methods have the same rate of false
positives; this compares methods and does not predict results on new photos. `val`: once on `val`, then applied
unchanged. On `val` all photos are used, because `val` resembles the training set and the first detector misses few of
its photos; the missed photos are harder, and the rate that a method has on them is part of the result.
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
"""Baseline a, with which every method is compared."""

BLOCK_COLUMNS = ("blocks", "block_kind", "alone")
"""Blocks of photos that the intervals resample as one (`uncover.data.blocks`); empty if photos are resampled."""

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
    """Settings of a trial.

    Attributes:
        rates: False positives per photo for the thresholds.
        true_iou: Minimum IoU of a correct box.
        resamples: Bootstrap resamples of photos or blocks for the intervals.
        seed: Seed of the resamples; the same draws for all methods of a set.
    """

    rates: Sequence[float] = (0.1, 0.25, 0.5)
    true_iou: float = 0.5
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class Drawn:
    """Unit of resampling for some photos: single photos, or blocks of photos that belong together.

    Attributes:
        blocks: int64 (photos,), block of each photo; None resamples photos.
        count: Number of blocks.
    """

    blocks: Ints | None = None
    count: BlockCount | None = None

    def as_row(self) -> Row:
        """Values of `BLOCK_COLUMNS`; empty if photos are resampled."""
        if self.count is None:
            return {}
        return {"blocks": self.count.blocks, "block_kind": self.count.kind, "alone": self.count.alone}


@dataclass(frozen=True)
class TrialSet:
    """A set of the trial.

    Attributes:
        name: Name of the set.
        missed: Its photos, as `read_missed` returns them.
        truth: True boxes, as `read_truth` returns them; None if the set has no labels.
        blocks: Photos that belong together; None if unknown.
    """

    name: str
    missed: pd.DataFrame
    truth: pd.DataFrame | None
    blocks: Blocks | None = None

    def match(self, method: Method, predictions: Predictions, true_iou: float, only_missed: bool) -> MatchedPhotos:
        """Boxes of a method on the missed photos, or on all photos."""
        table = self.missed[self.missed["missed"]] if only_missed else self.missed
        to_see = np.ones(len(table), np.bool_) if method.maps is None else table[method.maps].to_numpy(np.bool_)
        truth = pd.DataFrame(columns=list(TRUTH_COLUMNS))
        return match_photos(predictions, truth if self.truth is None else self.truth, table["image"], to_see, true_iou)

    def faces(self, only_missed: bool = True) -> Ints:
        """int64 (photos,): true whole faces in each missed photo, or in all photos; 0 if the set has no labels."""
        table = self.missed[self.missed["missed"]] if only_missed else self.missed
        return table["faces"].fillna(0).to_numpy(np.int64)

    def drawn(self, only_missed: bool = True) -> Drawn:
        """Unit of resampling for its missed photos, or for all photos."""
        images = self.missed.loc[self.missed["missed"] | (not only_missed), "image"]
        return Drawn() if self.blocks is None else Drawn(self.blocks.numbers(images), self.blocks.count(images))


@dataclass(frozen=True)
class _Cut:
    """A method on the missed photos of a set at a threshold; found and false are int64 (photos,)."""

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
    """Thresholds by rate, from all photos of `val` with an input.

    Raises:
        InputError: `val` has no labels.
    """
    if val.truth is None:
        raise InputError(f"{val.name}: has no labelled faces; expected a labelled set for thresholds")
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
        settings: Settings of the trial.

    Returns:
        Rows with `COLUMNS`, by method, rate and origin of the threshold; None for missing values. A set without labels
        has rows for thresholds from `val` only, without counts of correct boxes.
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
    """Write rows with these columns as CSV; missing values are empty."""
    with new_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def resampled_sums(counts: Sequence[Ints], drawn: Drawn, settings: Settings) -> NDArray[np.float64]:
    """Sums over the photos of a set, and over resamples of them: the same photos or blocks for all K counts.

    Args:
        counts: K times int64 (photos,).
        drawn: Unit of resampling.
        settings: Settings of the trial.

    Returns:
        float64 (1 + resamples, K), the sum over the photos themselves first; a single photo or block has no resamples.
    """
    table = np.stack(counts, axis=1).astype(np.float64)
    resamples = resample_images(len(table), settings.resamples, settings.seed, blocks=drawn.blocks)
    return np.concatenate([table.sum(axis=0, keepdims=True), *(draws @ table for draws in resamples)])


def interval(values: NDArray[np.float64]) -> Rate:
    """The first value, with the interval of the others, which are from resamples."""
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
    """Inputs of a trial.

    Attributes:
        predictions: Folder with `<method>/<set>.parquet`.
        lists: List of missed photos, by set.
        sets: All sets of the lists.
        val: Name of the set that gives thresholds.
        alike: Settings of the predictions read so far: thresholds only apply to boxes with the same settings.
    """

    predictions: Path
    lists: Mapping[str, Path]
    sets: Mapping[str, TrialSet]
    val: str
    alike: Alike = field(default_factory=Alike)

    @property
    def tried(self) -> list[TrialSet]:
        """All sets except `val`, which is used to choose thresholds and so cannot be evaluated."""
        return [trial_set for name, trial_set in self.sets.items() if name != self.val]

    def path(self, method: Method, name: str) -> Path:
        """Path of the predictions of a method on a set."""
        return self.predictions / method.name / f"{name}.parquet"

    def read(self, method: Method, name: str, confidence: float = 1.0) -> Predictions:
        """Predictions of a method on a set, stored down to a confidence.

        Raises:
            InputError: The file is missing or not valid, is not of the photos of the set's list, or has other settings
                than those read before.
        """
        path = self.path(method, name)
        predictions = read_predictions(path, confidence)
        self.alike.add(path, predictions.settings, method.name)
        check_same_images(path, predictions.images["image"], self.sets[name].missed["image"], self.lists[name])
        self._check_sizes(path, predictions, name)
        return predictions

    def match(self, method: Method, trial_set: TrialSet, true_iou: float, only_missed: bool) -> MatchedPhotos:
        """Boxes of a method on a set, as for `TrialSet.match`.

        Raises:
            InputError: As for `read`.
        """
        return trial_set.match(method, self.read(method, trial_set.name), true_iou, only_missed)

    def thresholds(self, method: Method, settings: Settings) -> dict[float, float | None]:
        """Thresholds by rate, from all photos of `val`.

        Raises:
            InputError: As for `read`, or `val` has no labels.
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
    """Read the common inputs of all methods of a trial.

    Args:
        predictions: Folder with `<method>/<set>.parquet`.
        missed: Lists `<set>.csv` of `uncover missed`, including that of `val`.
        datasets: Data sets with `labels/`, in folders named after the set; not needed for sets without labels.
        val: Name of the set that gives thresholds.
        maps: Columns `<variant>:<input>` that the lists must have.

    Raises:
        InputError: A file is missing or not valid.
    """
    lists, folders = by_set(missed, "--missed"), by_set(datasets, "--datasets")
    if val not in lists:
        raise InputError(f"--val {val}: no {val}.csv in --missed; add it, because this set gives the thresholds")
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
    """Evaluate all methods on the missed photos of all sets except `val`.

    Args:
        methods: Methods to evaluate.
        predictions: As for `read_files`, like the following arguments.
        missed: Lists of all sets.
        datasets: Labelled sets.
        val: Set that gives thresholds.
        settings: Settings of the trial.

    Returns:
        Rows of the record, by set, method, rate and threshold.

    Raises:
        InputError: A file is missing or not valid, or files are of different photos.
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
        raise InputError(f"{path}: its photos have labels, but --datasets has no folder {path.stem}; add it")
    truth = read_truth(folders[path.stem], table[["image", "width", "height"]])
    return TrialSet(path.stem, table, truth, blocks)
