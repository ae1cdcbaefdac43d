"""Everything that is counted of one detector of the second step: scores on whole sets, and on what was missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from uncover.atomic import new_file
from uncover.data.blocks import Blocks, read_blocks
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.data.yolo import LABELS
from uncover.errors import InputError
from uncover.metrics.evaluation import Evaluation, evaluate
from uncover.metrics.predictions import Alike, Predictions, read_predictions
from uncover.metrics.truth import find_labels, read_truth
from uncover.rescue.counts import Missed, as_table, best_confidence, count_set, of_images
from uncover.rescue.methods import FIXED, OF_SET, OF_VAL, by_set
from uncover.rescue.missed import check_same_images, looked_at, read_missed

VAL = "val"
WHOLE, MISSED, RESCUE = "whole_face", "missed", "rescue.csv"


@dataclass(frozen=True)
class ASet:
    """A set as a detector of the second step meets it.

    Attributes:
        predictions: On all its photos.
        truth: True boxes in these, as `read_truth` returns them; None where the set has no labels.
        missed: Its list of missed photos, as `read_missed` returns it; None where nobody asks for them.
        unpredicted: Label files of photos that were not predicted on.
        blocks: What its photos belong to; None where nobody says.
    """

    predictions: Predictions
    truth: pd.DataFrame | None
    missed: pd.DataFrame | None = None
    unpredicted: int = 0
    blocks: Blocks | None = None


@dataclass(frozen=True)
class Choice:
    """What is counted.

    Attributes:
        whole: Sets that are scored as a whole, val among them.
        maps: What the detector looks at, `<variant>:<input>`; None for photos, which are never blank.
        confidence: From which boxes count, whatever is best on a set.
        true_iou: Overlap with a true face from which a box is correct.
        resamples: Of photos, or of blocks of them, behind the intervals of scores.
        seed: Of the resamples.
    """

    whole: Sequence[str]
    maps: str | None
    confidence: float
    true_iou: float
    resamples: int
    seed: int


@dataclass(frozen=True)
class Second:
    """What is said of a detector of the second step.

    Attributes:
        whole: Scores on all photos, by set.
        missed: Scores on the missed photos with something to look at, by set with labels.
        counts: A row per set and threshold, with the columns of `counts.COLUMNS`.
    """

    whole: dict[str, Evaluation]
    missed: dict[str, Evaluation]
    counts: pd.DataFrame

    def write(self, out: Path) -> None:
        """Write `<set>/whole_face/`, `<set>/missed/` and, when all is there, `rescue.csv`."""
        for scope, evaluations in ((WHOLE, self.whole), (MISSED, self.missed)):
            for name, evaluation in evaluations.items():
                evaluation.write(out / name / scope)
        with new_file(out / RESCUE) as path:
            self.counts.to_csv(path, index=False, lineterminator="\n")


def count_all(sets: Mapping[str, ASet], choice: Choice) -> Second:
    """Score and count.

    Args:
        sets: By name.
        choice: What of them.

    Raises:
        InputError: The detector knows no whole face.
    """
    whole = {}
    for name in choice.whole:
        evaluation = _score(sets[name].predictions, sets[name].truth, sets[name].blocks, choice)
        whole[name] = evaluation.with_unpredicted(sets[name].unpredicted)
    of_val = best_confidence(whole[VAL])
    missed, rows = {}, []
    for name, own in sets.items():
        if own.missed is None:
            continue
        some = missed_photos(own.predictions, own.truth, own.missed, choice.maps)
        thresholds, f1 = {OF_VAL: of_val, FIXED: choice.confidence}, None
        if some.truth is not None:
            missed[name] = _score(some.predictions, some.truth, own.blocks, choice)
            thresholds = {OF_SET: best_confidence(missed[name]), **thresholds}
            f1 = missed[name].rates["F1"].value
        rows += count_set(name, some, f1, thresholds, choice.true_iou, own.blocks)
    return Second(whole, missed, as_table(rows))


def missed_photos(
    predictions: Predictions, truth: pd.DataFrame | None, missed: pd.DataFrame, maps: str | None
) -> Missed:
    """The missed photos of a set in which there is something to look at; what else is in the set does not matter.

    Args:
        predictions: On the set.
        truth: True boxes in it; None where it has no labels.
        missed: Its list, as `read_missed` returns it.
        maps: What the detector looks at, `<variant>:<input>`; None for photos.
    """
    images = missed.loc[looked_at(missed, maps), "image"]
    some = None if truth is None else truth[truth["image"].isin(images)].reset_index(drop=True)
    return Missed(int(missed["missed"].sum()), of_images(predictions, images), some)


def read_sets(
    predictions: Sequence[Path],
    datasets: Sequence[Path],
    missed: Sequence[Path],
    unlabelled: Sequence[str],
    choice: Choice,
) -> dict[str, ASet]:
    """Read what `count_all` needs, by set, in the order of `predictions`.

    Args:
        predictions: Files of one detector, named after their sets.
        datasets: Folders of the sets, named likewise, for labels and for what belongs together.
        missed: Lists of missed photos, named likewise.
        unlabelled: Sets that have no labels.
        choice: What will be counted.

    Raises:
        InputError: A file is missing, not what it should be, or of another set; a set has no predictions or labels; or
            predictions of two sets were not made alike.
    """
    files, folders, lists = (
        by_set(paths, option)
        for paths, option in ((predictions, "--predictions"), (datasets, "--datasets"), (missed, "--missed"))
    )
    if VAL not in choice.whole:
        raise InputError(f"--whole {' '.join(choice.whole)}: lacks {VAL}, which the honest threshold is taken from")
    for option, names in (("--whole", choice.whole), ("--missed", lists)):
        for name in names:
            if name not in files:
                raise InputError(f"{option} {name}: no predictions; give {name}.parquet among --predictions")
    sets, alike = {}, Alike()
    for name, path in files.items():
        if name not in choice.whole and name not in lists:
            continue
        found = read_predictions(path, choice.confidence)
        alike.add(path, found.settings, "detector")
        table, blocks = None, None
        if name in folders:
            blocks = read_blocks(folders[name], found.images["image"])
        if name in lists:
            table = read_missed(lists[name], [choice.maps] if choice.maps else [])
            check_same_images(path, found.images["image"], table["image"], lists[name])
        if name not in unlabelled:
            if name not in folders:
                raise InputError(f"{path}: no labels; give datasets/{name} among --datasets, or --unlabelled {name}")
            labels = folders[name] / LABELS
            files_of_others = len(find_labels(labels, found.images["image"]).unpredicted)
            sets[name] = ASet(found, read_truth(labels, found.images), table, files_of_others, blocks)
        elif name in choice.whole:
            raise InputError(f"--unlabelled {name}: is also a set of --whole, which needs labels")
        else:
            sets[name] = ASet(found, None, table, blocks=blocks)
    return sets


def _score(predictions: Predictions, truth: pd.DataFrame | None, blocks: Blocks | None, choice: Choice) -> Evaluation:
    assert truth is not None
    return evaluate(predictions, truth, [CLASS_NAMES[WHOLE_FACE]], choice.resamples, choice.seed, blocks)
