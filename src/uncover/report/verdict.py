"""The report's conclusions on missed faces: an answer of two sentences, and one sentence per set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from uncover.config.baselines import BASELINES
from uncover.report.records import block_count, read_evaluation
from uncover.report.rescue_names import SET_TITLES, method_title, set_title
from uncover.report.rescue_records import HEATMAPS, at_rate, interval_of, ranked, rate_of, read_rescue, unlabelled
from uncover.report.titles import THESIS_MODELS
from uncover.rescue.methods import FIXED, OF_SET
from uncover.rescue.trial import BASELINE
from uncover.rescue.trial_record import read_trial
from uncover.tables import read_summary

FEW_FACES = 10
"""With fewer faces, a single face decides the ranking."""

NAMED = 3
"""Maximum number of tied methods that are named."""

DETECTOR = "detector"
"""Group of the baseline detectors, which need neither a first detector nor a rescue."""

READY = (
    "is a pretrained face detector, trained on other photos",
    "are pretrained face detectors, trained on other photos",
)
TRAINED = (
    "has another architecture and was trained on the photos of this run",
    "have other architectures and were trained on the photos of this run",
)
"""Descriptions of baseline detectors, singular and plural."""

ROUNDING = 1e-9
"""An interval end closer to zero than this counts as zero."""

SAME_AP50 = 0.005
"""Two AP50 count as equal up to this difference: half a unit of the last but one digit in the thesis."""

ZERO_MODEL = "gradcampp_10"
"""The detector for which the thesis reports 0 detections, despite a validation F1 of 0.977."""

INTRODUCTION = (
    "Which methods find the faces that the first detector missed? On each set, thresholds give all methods {rate:g}"
    " false positives per missed photo. Shares have 95 % intervals. The best method of a set was chosen on the same"
    " photos."
)
NO_TRIAL = "This run has no rescue trial, so it has no results on missed faces."
NO_LABELS = "The rescue trial has no set with labels."


def verdict(
    trial: Path | None, rescues: Mapping[str, Path], validations: Mapping[str, Path], trainings: Mapping[str, Path]
) -> list[str]:
    """Write the sentences on missed faces.

    Args:
        trial: `rescue_trial.csv`; None if the run has none.
        rescues: `rescue.csv` by heatmap detector.
        validations: `summary.json` of evaluations of the whole face on val, by detector.
        trainings: `summary.json` of trainings, by detector.

    Returns:
        One sentence per set of the trial, one on the thesis's "0 detections", one on the consistency of AP50.

    Raises:
        InputError: A file is not valid.
    """
    sentences = [NO_TRIAL]
    if trial is not None:
        table = read_trial(trial)
        rows, no_labels = at_rate(table), unlabelled(table)
        told = {str(name): set_sentence(str(name), own) for name, own in rows.groupby("set", sort=False)}
        told |= {name: unlabelled_sentence(name, photos) for name, photos in no_labels.items()}
        order = [*SET_TITLES, *sorted(told.keys() - SET_TITLES.keys())]
        missed = rows.groupby("set")["photos"].max()
        empty = [name for name in order if name in told and missed.get(name) == 0]
        if empty:
            # All such sets share one sentence, at the place of the first one.
            titles = ", ".join(set_title(name) for name in empty)
            told[empty[0]] = f"{titles}: no photo missed, so there is no face to find."
            told = {name: text for name, text in told.items() if name not in empty[1:]}
        first = f"{INTRODUCTION.format(rate=rate_of(table))} {_drawn(rows)}".strip() if len(rows) else NO_LABELS
        sentences = [first, *(told[name] for name in order if name in told)]
    zero = zero_sentence(rescues.get(ZERO_MODEL), validations.get(ZERO_MODEL))
    path = path_sentence(validations, trainings)
    return [*sentences, *([zero] if zero else []), *([path] if path else [])]


def _drawn(rows: pd.DataFrame) -> str:
    """What the intervals of sets with missed photos treat as independent, in one sentence."""
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
        return "Intervals treat photos as independent, although those of one infant, person or video are not."
    drawn = f"Intervals resample photos that belong together as one block: {', '.join(told)}"
    return f"{drawn}{'; photos of the other sets are treated as independent' if len(told) < len(counts) else ''}."


def set_sentence(name: str, rows: pd.DataFrame) -> str:
    """Results of the trial on one set.

    Args:
        name: Name of the set.
        rows: One row per method, at one rate of false positives and one kind of threshold.
    """
    photos, faces = (int(rows[column].max()) for column in ("photos", "faces"))
    title = set_title(name)
    if not photos:
        return f"{title}: no photo missed, so there is no face to find."
    missed = f"{title}: {_count(photos, 'photo')} missed with {_count(faces, 'face')}"
    if not faces:
        return f"{missed}: no face to find."
    order = ranked(rows)
    most = int(order["found"].iloc[0])
    if not most:
        return f"{missed}; no method found a face."
    best = order[order["found"] == most]
    heatmaps = order[order["group"] == HEATMAPS].head(1)
    parts = [f"{missed}; {_found_most(best)}", *_what_they_are(best)]
    told = [str(name) for name in best["method"]]
    for what, row, named in (
        ("the best of the thesis's heatmap detectors", heatmaps, True),
        ("the lower threshold alone", order[order["method"] == BASELINE].head(1), False),
        ("the best baseline detector", order[order["group"] == DETECTOR].head(1), True),
    ):
        if len(row) and row["method"].iloc[0] not in told:
            name = str(row["method"].iloc[0])
            parts.append(f"{what}{f', {method_title(name)},' if named else ''} found {_share(row.iloc[0])}")
            told.append(name)
    parts += _without_detectors(order, told) if (best["group"] == DETECTOR).all() else []
    if faces < FEW_FACES:
        parts.append(f"{_count(faces, 'face')} are too few to compare methods")
    elif len(heatmaps):
        parts.append(_lead(best, heatmaps.iloc[0]))
    return "; ".join(parts) + "."


def unlabelled_sentence(name: str, photos: int) -> str:
    """Sentence on a set without labels."""
    return f"{set_title(name)}: {_count(photos, 'photo')} missed; without labels, boxes are only counted."


def zero_sentence(rescue: Path | None, validation: Path | None) -> str:
    """Whether GradCAM++ (10 class) has no detections despite a good validation score, as the thesis reports."""
    if rescue is None or validation is None:
        return ""
    counts = read_rescue(rescue)
    # As in the thesis: the best confidence of the set itself if it has labels, a fixed one otherwise.
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
        return f"{claim} cannot be checked here ({beside}): no missed photo has a heatmap."
    drawn = [predictions > 0 for _, predictions in tried.values()]
    how = "does not appear here" if all(drawn) else "appears in part here" if any(drawn) else "appears here"
    told = ", ".join(
        f"{_count(predictions, 'box', 'es')} in {_count(heatmaps, 'heatmap')} of {set_title(name)}"
        for name, (heatmaps, predictions) in tried.items()
    )
    return f"{claim} {how}: {told}, at the threshold chosen as in the thesis, with {beside}."


def path_sentence(validations: Mapping[str, Path], trainings: Mapping[str, Path]) -> str:
    """Whether stored predictions reproduce the AP50 on val that was computed during training."""
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
        f"Consistency: the AP50 of the stored predictions on val {same} the AP50 computed during training"
        f" (largest difference {differences[worst]:.4f}, {method_title(worst)};"
        f" {_count(len(differences), 'detector')} of the second step)."
    )


def _found_most(best: pd.DataFrame) -> str:
    return f"{_names(best['method'])} found most, {_share(best.iloc[0])}{_tied(best)}"


def _what_they_are(best: pd.DataFrame) -> list[str]:
    """What the best methods are, if they are baseline detectors: it matters whether they were trained on this run."""
    names = [str(name) for name in best.loc[best["group"] == DETECTOR, "method"]]
    trained = [name for name in names if BASELINES[name].trained]
    ready = [name for name in names if not BASELINES[name].trained]
    return [f"{_names(own)} {words[len(own) > 1]}" for own, words in ((ready, READY), (trained, TRAINED)) if own]


def _without_detectors(order: pd.DataFrame, told: Sequence[str]) -> list[str]:
    """The best of the other methods, if it is not mentioned yet and found a face."""
    others = order[order["group"] != DETECTOR]
    best = others[others["found"] == others["found"].max()]
    if best.empty or not best["found"].iloc[0] or set(best["method"]) & set(told):
        return []
    return [f"of the other methods, {_found_most(best)}"]


def _lead(best: pd.DataFrame, heatmaps: pd.Series) -> str:
    """Whether the lead of the best method over the heatmap detector is larger than chance, by their intervals."""
    first = best.iloc[0]
    if heatmaps["method"] in set(best["method"]):
        others = "" if len(best) == 1 else ", in a tie"
        beyond = bool(heatmaps["difference_low"] > 0)
        if first["method"] == BASELINE or BASELINE in set(best["method"]):
            return f"a heatmap detector of the thesis is first{others}, not ahead of the lower threshold alone"
        chance = "beyond chance" if beyond else "which may be chance"
        return f"a heatmap detector of the thesis is first{others}, ahead of the lower threshold alone, {chance}"
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
    low, high = interval_of(row)
    interval = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    return f"{int(row['found'])} of {int(row['faces'])} ({row['share']:.2f}{interval})"


def _count(number: int, what: str, plural: str = "s") -> str:
    return f"{'no' if number == 0 else number} {what}{'' if number == 1 else plural}"


@dataclass(frozen=True)
class Pooled:
    """What a method found in all labelled sets together.

    Attributes:
        method: Name.
        group: Group in the trial.
        found: Missed faces that it found.
        faces: Missed faces.
        low: Lower end of the interval of the share.
        high: Upper end.
    """

    method: str
    group: str
    found: int
    faces: int
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.found} of {self.faces} ({self.share})"

    @property
    def share(self) -> str:
        """Share in percent, with its interval."""
        return f"{100 * self.found / self.faces:.0f} % [{100 * self.low:.0f}, {100 * self.high:.0f}]"


def pooled(rows: pd.DataFrame) -> list[Pooled]:
    """Add up what each method found in all sets.

    If a set has no interval, because it is a single photo or block, its share is taken as unknown (0 to 1).

    Args:
        rows: Rows of the trial, one per set and method.

    Returns:
        Methods sorted by faces found; ties keep the order of the record. Methods that lack a set are left out.
    """
    rows = rows[rows["faces"] > 0]
    sets, faces = rows["set"].nunique(), int(rows.groupby("set")["faces"].max().sum())
    told = []
    for (group, method), own in rows.groupby(["group", "method"], sort=False):
        if len(own) < sets:
            continue
        of_sets = []
        for row in own.to_dict("records"):
            low, high = interval_of(row)
            of_sets.append((row["found"], row["faces"], *((0.0, 1.0) if math.isnan(low) else (low, high))))
        found = int(own["found"].sum())
        told.append(Pooled(str(method), str(group), found, faces, *_interval_of_all(of_sets, 0.0)))
    return sorted(told, key=lambda each: -each.found)


def answer(trial: Path | None) -> list[str]:
    """The report's answer: do heatmaps of a detector find the faces that it misses, and are they worth it?

    Args:
        trial: `rescue_trial.csv`; None if the run has none.

    Returns:
        Two sentences, or one if there is no result.

    Raises:
        InputError: The file is not such a record.
    """
    if trial is None:
        return [NO_TRIAL]
    table = read_trial(trial)
    rows = at_rate(table)
    rows = rows[rows["faces"] > 0]
    order = pooled(rows)
    if not order:
        photos = sum(unlabelled(table).values())
        if photos:
            return [
                f"No answer from this run: {_count(photos, 'missed photo')} without labels, so boxes are only counted."
            ]
        return ["No answer from this run: the first detector missed no labelled face."]
    by_name = {each.method: each for each in order}
    heatmaps = next((each for each in order if each.group == HEATMAPS), None)
    if heatmaps is None:
        return [f"This run has no heatmap detector of the thesis; {method_title(order[0].method)} found {order[0]}."]
    lower, rival = by_name.get(BASELINE), next((each for each in order if each.group == DETECTOR), None)
    others = [
        f"{words} {each.found} ({each.share})"
        for words, each in (
            ("a lower threshold of the first detector", lower),
            (f"the best baseline detector, {method_title(rival.method)}," if rival else "", rival),
        )
        if each is not None
    ]
    best = f"{_how_many(heatmaps)}: the best of the thesis's heatmap detectors, {method_title(heatmaps.method)},"
    first = f"{best} finds {heatmaps} of the missed faces{f'; {_joined(others)}' if others else ''}."
    return [first, f"{_worth(heatmaps, lower, order, rows)}."]


def answered(trial: Path | None) -> str:
    """Small print of the answer: number of faces, rate and intervals; empty if there is no answer."""
    if trial is None:
        return ""
    table = read_trial(trial)
    rows = at_rate(table)
    rows = rows[rows["faces"] > 0]
    if rows.empty:
        return ""
    faces, photos = (int(rows.groupby("set")[name].max().sum()) for name in ("faces", "photos"))
    sets = _count(rows["set"].nunique(), "test set")
    return (
        f"{_count(faces, 'missed face')} in {_count(photos, 'photo')} of {sets}, all methods at {rate_of(table):g}"
        " false positives per missed photo; 95 % intervals in brackets. The best method was chosen on the same photos."
    )


def others_sentence(trial: Path | None) -> list[str]:
    """What each baseline detector finds of the faces that the first detector missed; empty if there is none."""
    rows = at_rate(read_trial(trial)) if trial is not None else pd.DataFrame()
    found = [each for each in pooled(rows) if each.group == DETECTOR] if len(rows) else []
    if not found:
        return []
    told = "; ".join(f"{method_title(each.method)} {each}" for each in found)
    return [f"Of the faces that the first detector missed, in all labelled sets: {told}."]


def _how_many(heatmaps: Pooled) -> str:
    share = heatmaps.found / heatmaps.faces
    return "None" if not heatmaps.found else "A few" if share < 0.2 else "Some" if share < 0.5 else "Most"


def _worth(heatmaps: Pooled, lower: Pooled | None, order: Sequence[Pooled], rows: pd.DataFrame) -> str:
    """Whether the heatmaps are worth it, if there are enough faces to decide."""
    if heatmaps.faces < FEW_FACES:
        return "These are too few faces to compare methods"
    parts = []
    if lower is not None:
        difference = heatmaps.found - lower.found
        low, high = _difference(rows, heatmaps.method)
        if not difference:
            parts.append("That is no more than the lower threshold finds")
        else:
            chance = "beyond chance" if low > ROUNDING or high < -ROUNDING else "which may be chance"
            sign = 1 if difference > 0 else -1
            ends = " to ".join(f"{end:.0f}" for end in sorted(100 * sign * end + 0.0 for end in (low, high)))
            points = f"{100 * abs(difference) / heatmaps.faces:.0f} points [{ends}]"
            side = "ahead of" if difference > 0 else "behind"
            parts.append(f"That is {points.replace('-', '−')} {side} the lower threshold, {chance}")
    best = [each for each in order if each.found == order[0].found]
    if heatmaps.method in [each.method for each in best]:
        others = len(best) - 1
        tie = f", {_count(others, 'other')} {'finds' if others == 1 else 'find'} as many" if others else ""
        parts.append(f"no method tried finds more{tie}")
    else:
        names = _names([each.method for each in best])
        chance = "a lead beyond chance" if best[0].low > heatmaps.high else "a lead that may be chance"
        parts.append(f"the best result is that of {names}: {best[0]}, {chance}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def _difference(rows: pd.DataFrame, method: str) -> tuple[float, float]:
    """Interval of the share that a method finds of all faces minus that of the lower threshold."""
    own = rows[rows["method"] == method].set_index("set")
    lower = rows[rows["method"] == BASELINE].set_index("set")
    of_sets = []
    for name, row in own.iterrows():
        low, high = row["difference_low"], row.get("difference_high", math.nan)
        ends = (-1.0, 1.0) if pd.isna(low) or pd.isna(high) else (low, high)
        of_sets.append((row["found"] - lower["found"].get(name, 0), row["faces"], *ends))
    return _interval_of_all(of_sets, -1.0)


def _interval_of_all(of_sets: Sequence[tuple[float, float, float, float]], least: float) -> tuple[float, float]:
    """Combine the intervals of sets as those of independent shares (MOVER, Zou and Donner).

    Args:
        of_sets: Count, faces, and both ends of the interval of their ratio, for each set.
        least: Lower bound of the ratio; the upper bound is 1.
    """
    faces = sum(each[1] for each in of_sets)
    middle, below, above = 0.0, 0.0, 0.0
    for count, own, low, high in of_sets:
        share = count / own
        middle += count / faces
        below += (own / faces * (share - min(low, share))) ** 2
        above += (own / faces * (max(high, share) - share)) ** 2
    return max(least, middle - math.sqrt(below)), min(1.0, middle + math.sqrt(above))


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"
