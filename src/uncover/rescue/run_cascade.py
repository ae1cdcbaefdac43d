"""The record of detectors with rescues from files: lists of photos, stored predictions and labels in, rows out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from uncover.rescue.cascade import Rescue, try_cascades
from uncover.rescue.matched_photos import MatchedPhotos
from uncover.rescue.methods import Detector, Method
from uncover.rescue.run_trial import TrialFiles, read_files
from uncover.rescue.trial import Row, Settings, TrialSet


def run_cascade(
    detectors: Sequence[Detector],
    rescues: Sequence[Method],
    predictions: Path,
    missed: Sequence[Path],
    datasets: Sequence[Path],
    val: str,
    settings: Settings,
) -> list[Row]:
    """Try all detectors, alone and with each rescue, on all photos of the sets with labels but `val`.

    Args:
        detectors: To try.
        rescues: To try behind each of them.
        predictions: As for `read_files`, as are those that follow.
        missed: Of all sets. Who missed what in them does not matter here, but which heatmaps are blank does.
        datasets: Of sets with labels.
        val: Gives the thresholds of the rescues.
        settings: Of the trial; its one rate is what these keep there.

    Returns:
        Rows of the record, by set, detector and rescue.

    Raises:
        InputError: A file is missing or not what it should be, or files are not about the same photos.
    """
    maps = {rescue.maps for rescue in rescues if rescue.maps is not None}
    files = read_files(predictions, missed, datasets, val, maps)
    (rate,) = settings.rates
    thresholds = {rescue: files.thresholds(rescue, settings)[rate] for rescue in rescues}
    rows = []
    for trial_set in files.tried:
        if trial_set.truth is not None:
            found = {detector: _match(files, detector, trial_set, settings.true_iou) for detector in detectors}
            behind = [
                Rescue(rescue.name, threshold, files.match(rescue, trial_set, settings.true_iou, only_missed=False))
                for rescue, threshold in thresholds.items()
            ]
            drawn = trial_set.drawn(only_missed=False)
            rows += try_cascades(trial_set.name, trial_set.faces(only_missed=False), found, behind, settings, drawn)
    return rows


def _match(files: TrialFiles, detector: Detector, trial_set: TrialSet, true_iou: float) -> MatchedPhotos:
    """Boxes of a detector on a set.

    Raises:
        InputError: As `TrialFiles.read`, or boxes that would count were not stored.
    """
    method = Method(detector.name)
    found = files.read(method, trial_set.name, detector.confidence)
    return trial_set.match(method, found, true_iou, only_missed=False)
