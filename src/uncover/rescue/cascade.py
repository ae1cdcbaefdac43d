"""Detectors alone and with a rescue: share of all faces found, and number of false positives.

A rescue runs only on photos in which the detector found nothing, at a threshold that keeps a rate of false positives on
`val`. More faces for more false positives prove little, since a lower threshold of the detector has the same effect. So
each pair is compared with the detector alone, with its threshold lowered until it has as many false positives. That
threshold is chosen on the evaluated photos, which favours the detector alone, because the rescue's threshold is from
`val`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uncover.metrics.intervals import ratio
from uncover.rescue.matched_photos import MatchedPhotos, threshold_within
from uncover.rescue.methods import NO_RESCUE, Method, TriedDetector
from uncover.rescue.trial import (
    BLOCK_COLUMNS,
    Drawn,
    Ints,
    Row,
    Settings,
    TrialFiles,
    TrialSet,
    interval,
    read_files,
    resampled_sums,
    write_rows,
)

COLUMNS = (
    *("set", "detector", "rescue", "confidence", "rescue_confidence", "photos", "faces", "missed", "found", "share"),
    *("share_low", "share_high", "false_boxes", "false_per_photo", "same_confidence", "same_share", "same_low"),
    *("same_high", "gain", "gain_low", "gain_high", *BLOCK_COLUMNS),
)


PHOTOS = Drawn()
"""Resample single photos."""


@dataclass(frozen=True)
class TriedRescue:
    """A rescue on a set.

    Attributes:
        name: Name of the method.
        confidence: Its threshold; None if no threshold keeps the rate on `val`, so that it returns no boxes.
        matched: Its boxes on all photos of the set.
    """

    name: str
    confidence: float | None
    matched: MatchedPhotos


@dataclass(frozen=True)
class _Pair:
    """A detector on P photos, alone or with a rescue.

    Attributes:
        row: Values that do not depend on the faces.
        found: int64 (P,), correct boxes.
        same: int64 (P,), correct boxes of the detector alone at as many false positives; None without a rescue.
    """

    row: Row
    found: Ints
    same: Ints | None = None


def try_cascades(
    name: str,
    faces: Ints,
    detectors: Mapping[TriedDetector, MatchedPhotos],
    rescues: Sequence[TriedRescue],
    settings: Settings,
    drawn: Drawn = PHOTOS,
) -> list[Row]:
    """Rows of one labelled set.

    Args:
        name: Name of the set.
        faces: int64 (P,), true whole faces in each of its photos.
        detectors: Boxes of every detector on these photos.
        rescues: Rescues on these photos.
        settings: Settings of the resamples, which are the same for all rows.
        drawn: Units of resampling.

    Returns:
        Rows with `COLUMNS`, of every detector alone and then with each rescue; None for missing values.
    """
    pairs = [pair for detector, matched in detectors.items() for pair in _pairs(detector, matched, rescues)]
    if not pairs:
        return []
    same = [pair.found if pair.same is None else pair.same for pair in pairs]
    sums = resampled_sums([*(pair.found for pair in pairs), *same, faces], drawn, settings)
    found, found_same, true = np.split(sums, [len(pairs), 2 * len(pairs)], axis=1)
    shares, same_shares = ratio(found, true), ratio(found_same, true)
    rows = []
    for pair, share, same_share in zip(pairs, shares.T, same_shares.T, strict=True):
        row = dict.fromkeys(COLUMNS) | {"set": name, "faces": int(faces.sum())} | pair.row | drawn.as_row()
        row |= interval(share).as_columns("share")
        if pair.same is not None:
            at_same = interval(same_share).as_columns("same")
            row |= {"same_share": at_same.pop("same"), **at_same}
            row |= interval(share - same_share).as_columns("gain")
        rows.append(row)
    return rows


def confidence_at(detector: TriedDetector, matched: MatchedPhotos, false_boxes: int) -> float:
    """Lowest threshold of a detector alone with at most this number of false positives.

    Args:
        detector: The detector with its threshold.
        matched: Its boxes on these photos.
        false_boxes: Number of false positives, at least that at the detector's own threshold.

    Returns:
        The lowest confidence with at most this number, limited by the stored boxes and at most the detector's own
        threshold. Faces found before the next false positive count for the detector alone, even if the rescue adds
        none.
    """
    lowest = threshold_within(matched, false_boxes)
    # Compare in single precision, in which confidences are stored.
    lower = lowest is not None and np.float32(lowest) < np.float32(detector.confidence)
    return lowest if lowest is not None and lower else detector.confidence


def write_cascades(path: Path, rows: Sequence[Row]) -> None:
    """Write the record as CSV."""
    write_rows(path, COLUMNS, rows)


def _pairs(detector: TriedDetector, matched: MatchedPhotos, rescues: Sequence[TriedRescue]) -> Iterator[_Pair]:
    found, false = matched.count(detector.confidence)
    missed = found + false == 0
    of_all = {
        "detector": detector.name,
        "confidence": detector.confidence,
        "photos": matched.photos,
        "missed": int(missed.sum()),
    }
    yield _Pair(of_all | {"rescue": NO_RESCUE} | _counts(found, false), found)
    for rescue in rescues:
        # The detector has no box in a missed photo, so no face is counted twice.
        more_found, more_false = (np.where(missed, count, 0) for count in rescue.matched.count(rescue.confidence))
        counts = _counts(found + more_found, false + more_false)
        same = confidence_at(detector, matched, counts["false_boxes"])
        row = of_all | {"rescue": rescue.name, "rescue_confidence": rescue.confidence, "same_confidence": same}
        yield _Pair(row | counts, found + more_found, matched.count(same)[0])


def _counts(found: Ints, false: Ints) -> Row:
    """Counts over all photos."""
    boxes = int(false.sum())
    per_photo = boxes / len(false) if len(false) else None
    return {"found": int(found.sum()), "false_boxes": boxes, "false_per_photo": per_photo}


def run_cascade(
    detectors: Sequence[TriedDetector],
    rescues: Sequence[Method],
    predictions: Path,
    missed: Sequence[Path],
    datasets: Sequence[Path],
    val: str,
    settings: Settings,
) -> list[Row]:
    """Evaluate all detectors, alone and with each rescue, on all photos of the labelled sets except `val`.

    Args:
        detectors: Detectors with their thresholds.
        rescues: Rescues to combine with each of them.
        predictions: As for `read_files`, like the following arguments.
        missed: Lists of all sets; used for blank heatmaps, not for missed photos.
        datasets: Labelled sets.
        val: Set that gives the thresholds of the rescues.
        settings: Settings of the trial; its only rate is that of the thresholds.

    Returns:
        Rows of the record, by set, detector and rescue.

    Raises:
        InputError: A file is missing or not valid, or files are of different photos.
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
                TriedRescue(
                    rescue.name, threshold, files.match(rescue, trial_set, settings.true_iou, only_missed=False)
                )
                for rescue, threshold in thresholds.items()
            ]
            drawn = trial_set.drawn(only_missed=False)
            rows += try_cascades(trial_set.name, trial_set.faces(only_missed=False), found, behind, settings, drawn)
    return rows


def _match(files: TrialFiles, detector: TriedDetector, trial_set: TrialSet, true_iou: float) -> MatchedPhotos:
    """Boxes of a detector on a set.

    Raises:
        InputError: As for `TrialFiles.read`, or the boxes were stored above the threshold.
    """
    method = Method(detector.name)
    found = files.read(method, trial_set.name, detector.confidence)
    return trial_set.match(method, found, true_iou, only_missed=False)
