"""The report's first paragraph: who finds the faces that the first detector missed, in one sentence per set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from uncover.config.baselines import BASELINES
from uncover.report.records import block_count, read_evaluation
from uncover.report.rescue_names import SET_TITLES, method_title, set_title
from uncover.report.rescue_records import HEATMAPS, at_rate, ranked, rate_of, read_rescue, unlabelled
from uncover.report.titles import THESIS_MODELS
from uncover.rescue.methods import FIXED, OF_SET
from uncover.rescue.trial import BASELINE
from uncover.rescue.trial_record import read_trial
from uncover.tables import read_summary

FEW_FACES = 10
"""With fewer faces, one face more or less decides who is first."""

NAMED = 3
"""Of methods that tie."""

DETECTOR = "detector"
"""Group of the baseline detectors, which need no first detector and no rescue."""

READY = (
    "is a ready-made face detector, trained by others on other photos",
    "are ready-made face detectors, trained by others on other photos",
)
TRAINED = (
    "is a detector of another design, trained on this run's own photos",
    "are detectors of other designs, trained on this run's own photos",
)
"""What they are, of one and of several."""

SAME_AP50 = 0.005
"""Up to this difference two AP50 count as one number: half a unit of the thesis's last but one digit."""

ZERO_MODEL = "gradcampp_10"
"""The detector of whose detections the thesis prints none, beside a validation F1 of 0.977."""

INTRODUCTION = (
    "Who finds the faces that the first detector missed? All methods are cut at {rate:g} false boxes per missed photo"
    " on each set itself; beside each share stands its 95 % interval, and whoever is first was chosen on the same"
    " photos."
)
NO_LABELS = "The rescue trial has no set with labels."


def verdict(
    trial: Path | None, rescues: Mapping[str, Path], validations: Mapping[str, Path], trainings: Mapping[str, Path]
) -> list[str]:
    """Write the paragraph.

    Args:
        trial: `rescue_trial.csv`; None where the run has none.
        rescues: `rescue.csv` by heatmap detector.
        validations: `summary.json` of evaluations of the whole face on val, by detector.
        trainings: `summary.json` of trainings, by detector.

    Returns:
        Sentences: one per set of the trial, one on the thesis's "0 detections", one on the path of the numbers.

    Raises:
        InputError: A file is not what it should be.
    """
    sentences = ["This run has no rescue trial, so nothing can be said of missed faces."]
    if trial is not None:
        table = read_trial(trial)
        rows, no_labels = at_rate(table), unlabelled(table)
        told = {str(name): set_sentence(str(name), own) for name, own in rows.groupby("set", sort=False)}
        told |= {name: unlabelled_sentence(name, photos) for name, photos in no_labels.items()}
        order = [*SET_TITLES, *sorted(told.keys() - SET_TITLES.keys())]
        first = f"{INTRODUCTION.format(rate=rate_of(table))} {_drawn(rows)}".strip() if len(rows) else NO_LABELS
        sentences = [first, *(told[name] for name in order if name in told)]
    zero = zero_sentence(rescues.get(ZERO_MODEL), validations.get(ZERO_MODEL))
    path = path_sentence(validations, trainings)
    return [*sentences, *([zero] if zero else []), *([path] if path else [])]


def _drawn(rows: pd.DataFrame) -> str:
    """What the intervals of sets with missed photos take as independent, in one sentence."""
    of_sets = rows[rows["photos"] > 0].drop_duplicates("set").to_dict("records")
    counts = {str(row["set"]): block_count(row) for row in of_sets}
    if not counts:
        return ""
    told = [
        f"{set_title(name)} in {_count(count.blocks, 'block')} ({count.kind})"
        for name, count in counts.items()
        if count
    ]
    if not told:
        return "Intervals treat photos as independent, which those of one infant, person or video are not."
    drawn = f"Photos that belong together are drawn together: {', '.join(told)}"
    return f"{drawn}{'; those of the other sets count as independent' if len(told) < len(counts) else ''}."


def set_sentence(name: str, rows: pd.DataFrame) -> str:
    """What the trial says of one set.

    Args:
        name: Of the set.
        rows: One per method, at one rate of false boxes and one kind of threshold.
    """
    photos, faces = (int(rows[column].max()) for column in ("photos", "faces"))
    title = set_title(name)
    if not photos:
        return f"{title}: no photo missed, so there is nothing to find."
    missed = f"{title}: {_count(photos, 'photo')} missed with {_count(faces, 'face')}"
    if not faces:
        return f"{missed}: nothing to find."
    order = ranked(rows)
    most = int(order["found"].iloc[0])
    if not most:
        return f"{missed}; no method found any."
    best = order[order["found"] == most]
    heatmaps = order[order["group"] == HEATMAPS].head(1)
    parts = [f"{missed}; {_found_most(best)}", *_what_they_are(best)]
    told = [str(name) for name in best["method"]]
    for what, row, named in (
        ("the best of the thesis's heatmap detectors", heatmaps, True),
        ("the mere lower threshold", order[order["method"] == BASELINE].head(1), False),
        ("the best baseline detector", order[order["group"] == DETECTOR].head(1), True),
    ):
        if len(row) and row["method"].iloc[0] not in told:
            name = str(row["method"].iloc[0])
            parts.append(f"{what}{f', {method_title(name)},' if named else ''} found {_share(row.iloc[0])}")
            told.append(name)
    parts += _without_detectors(order, told) if (best["group"] == DETECTOR).all() else []
    if faces < FEW_FACES:
        parts.append(f"{_count(faces, 'face')} are too few to tell methods apart")
    elif len(heatmaps):
        parts.append(_lead(best, heatmaps.iloc[0]))
    return "; ".join(parts) + "."


def unlabelled_sentence(name: str, photos: int) -> str:
    """What can be said of a set that nobody labelled."""
    return f"{set_title(name)}: {_count(photos, 'photo')} missed; nobody labelled them, so boxes are only counted."


def zero_sentence(rescue: Path | None, validation: Path | None) -> str:
    """Whether GradCAM++ (10 class) finds nothing although it validates well, as the thesis has it."""
    if rescue is None or validation is None:
        return ""
    counts = read_rescue(rescue)
    # The thesis cuts at the best confidence of the set itself, and at a fixed one where nobody labelled the set.
    labelled = {name for name, threshold in counts if threshold == OF_SET}
    tried = {
        name: (each.heatmaps, each.predictions or 0)
        for (name, threshold), each in counts.items()
        if each.heatmaps and threshold == (OF_SET if name in labelled else FIXED)
    }
    f1 = read_evaluation(validation).scores["F1"].value
    beside = f"a validation F1 of {'n/a' if math.isnan(f1) else f'{f1:.2f}'}"
    claim = f'The thesis\'s "0 detections" of {THESIS_MODELS[ZERO_MODEL]} on missed photos'
    if not tried:
        return f"{claim}, beside {beside} here, cannot be tried: no missed photo has a heatmap."
    drawn = [predictions > 0 for _, predictions in tried.values()]
    how = "does not appear here" if all(drawn) else "appears in part here" if any(drawn) else "appears here"
    told = ", ".join(
        f"{_count(predictions, 'box', 'es')} in {_count(heatmaps, 'heatmap')} of {set_title(name)}"
        for name, (heatmaps, predictions) in tried.items()
    )
    return f"{claim} {how}: {told}, at the thesis's choice of threshold, beside {beside}."


def path_sentence(validations: Mapping[str, Path], trainings: Mapping[str, Path]) -> str:
    """Whether stored predictions score on val what the validation inside the training said."""
    differences = {}
    for model in sorted(set(validations) & set(trainings) - {"rgb10", "rgb1"}):
        scored = read_evaluation(validations[model]).scores["AP50"].value
        trained = float(read_summary(trainings[model], ("best",), "train")["best"]["metrics/mAP_0.5"])
        if not math.isnan(scored):
            differences[model] = abs(scored - trained)
    if not differences:
        return ""
    worst = max(differences, key=lambda model: differences[model])
    same = "equals" if differences[worst] <= SAME_AP50 else "does not equal"
    return (
        f"There is one path: the AP50 of stored predictions on val {same} that of the validation in training"
        f" (largest difference {differences[worst]:.4f}, {method_title(worst)};"
        f" {_count(len(differences), 'detector')} of the second step)."
    )


def _found_most(best: pd.DataFrame) -> str:
    return f"{_names(best['method'])} found most, {_share(best.iloc[0])}{_tied(best)}"


def _what_they_are(best: pd.DataFrame) -> list[str]:
    """What the baseline detectors among the first are: whether they know this run's photos makes a difference."""
    names = [str(name) for name in best.loc[best["group"] == DETECTOR, "method"]]
    trained = [name for name in names if BASELINES[name].trained]
    ready = [name for name in names if not BASELINES[name].trained]
    return [f"{_names(own)} {words[len(own) > 1]}" for own, words in ((ready, READY), (trained, TRAINED)) if own]


def _without_detectors(order: pd.DataFrame, told: Sequence[str]) -> list[str]:
    """What the best of the other methods found, where it is not told yet and found anything."""
    others = order[order["group"] != DETECTOR]
    best = others[others["found"] == others["found"].max()]
    if best.empty or not best["found"].iloc[0] or set(best["method"]) & set(told):
        return []
    return [f"of the other methods, {_found_most(best)}"]


def _lead(best: pd.DataFrame, heatmaps: pd.Series) -> str:
    """Whether the first is ahead of the heatmap detector by more than chance, by their intervals."""
    first = best.iloc[0]
    if heatmaps["method"] in set(best["method"]):
        others = "" if len(best) == 1 else ", in a tie"
        beyond = bool(heatmaps["difference_low"] > 0)
        if first["method"] == BASELINE or BASELINE in set(best["method"]):
            return f"a heatmap detector of the thesis is first{others}, not ahead of the mere lower threshold"
        chance = "beyond chance" if beyond else "which may be chance"
        return f"a heatmap detector of the thesis is first{others}, ahead of the mere lower threshold, {chance}"
    apart = first["share_low"] > heatmaps["share_high"]
    if apart:
        return "the lead over the heatmap detector is beyond chance (the intervals do not overlap)"
    return "the lead over the heatmap detector may be chance (the intervals overlap)"


def _names(methods: Sequence[str] | pd.Series) -> str:
    names = [method_title(name) for name in methods]
    if len(names) > NAMED:
        names = [*names[:NAMED], f"{len(names) - NAMED} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _tied(best: pd.DataFrame) -> str:
    return "" if len(best) == 1 else ", a tie"


def _share(row: pd.Series) -> str:
    interval = "" if pd.isna(row["share_low"]) else f" [{row['share_low']:.2f}, {row['share_high']:.2f}]"
    return f"{int(row['found'])} of {int(row['faces'])} ({row['share']:.2f}{interval})"


def _count(number: int, what: str, plural: str = "s") -> str:
    return f"{'no' if number == 0 else number} {what}{'' if number == 1 else plural}"
