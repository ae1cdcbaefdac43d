"""The trial from files: lists of missed photos, stored predictions and labels in, one record out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from uncover.datasets.blocks import read_blocks
from uncover.errors import InputError
from uncover.metrics.alike import Alike
from uncover.metrics.predictions import Predictions, read_predictions
from uncover.metrics.truth import read_truth
from uncover.rescue.by_set import by_set
from uncover.rescue.matched_photos import MatchedPhotos
from uncover.rescue.methods import Method
from uncover.rescue.missed import check_same_images, read_missed
from uncover.rescue.trial import Row, Settings, TrialSet, try_set, val_thresholds


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
