"""The trial from files: lists of missed photos, stored predictions and labels in, one record out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from uncover.errors import InputError
from uncover.metrics.predictions import Predictions, read_predictions
from uncover.metrics.truth import read_truth
from uncover.rescue.by_set import by_set
from uncover.rescue.methods import Method
from uncover.rescue.missed import check_same_images, read_missed
from uncover.rescue.trial import Row, Settings, TrialSet, try_set, val_thresholds


def run_trial(
    methods: Sequence[Method],
    predictions: Path,
    missed: Sequence[Path],
    datasets: Sequence[Path],
    val: str,
    settings: Settings,
) -> list[Row]:
    """Try all methods on all sets but `val`, which gives thresholds only: it was chosen from, so it proves nothing.

    Args:
        methods: To try.
        predictions: Folder with `<method>/<set>.parquet`.
        missed: Lists `<set>.csv` of `uncover missed`, that of `val` among them.
        datasets: Data sets with `labels/`, in folders named as the set; a set without labels needs none.
        val: Name of the set that thresholds are taken from.
        settings: Of the trial.

    Returns:
        Rows of the record, by set, method, rate and threshold.

    Raises:
        InputError: A file is missing or not what it should be, or files are not about the same photos.
    """
    maps = {method.maps for method in methods if method.maps is not None}
    lists, folders = by_set(missed, "--missed"), by_set(datasets, "--datasets")
    if val not in lists:
        raise InputError(f"--val {val}: no list {val}.csv among --missed; thresholds are taken from this set")
    sets = {name: _read_set(path, folders, maps) for name, path in lists.items()}
    thresholds = {
        method: val_thresholds(
            sets[val], method, _predictions(predictions, method, val, lists[val], sets[val]), settings
        )
        for method in methods
    }
    rows = []
    for name, trial_set in sets.items():
        if name != val:
            matched = {
                method: trial_set.match(
                    method,
                    _predictions(predictions, method, name, lists[name], trial_set),
                    settings.true_iou,
                    only_missed=True,
                )
                for method in methods
            }
            rows += try_set(trial_set, matched, thresholds, settings)
    return rows


def _read_set(path: Path, folders: dict[str, Path], maps: set[str]) -> TrialSet:
    table = read_missed(path, sorted(maps))
    if table["faces"].isna().any():
        return TrialSet(path.stem, table, None)
    if path.stem not in folders:
        raise InputError(f"{path}: its photos have labels, but --datasets names no folder {path.stem}; name it")
    truth = read_truth(folders[path.stem], table[["image", "width", "height"]])
    return TrialSet(path.stem, table, truth)


def _predictions(folder: Path, method: Method, name: str, missed: Path, trial_set: TrialSet) -> Predictions:
    path = folder / method.name / f"{name}.parquet"
    predictions = read_predictions(path)
    check_same_images(path, predictions.images["image"], trial_set.missed["image"], missed)
    return predictions
