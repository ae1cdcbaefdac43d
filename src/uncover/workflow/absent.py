"""What a config asks for and is not at hand, raw data and weights, and what cannot be made without it.

Names and folders are looked at, files are not: whether a download is whole, or has the stated hash, its job says.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from uncover.baselines.fetched import read_fetched
from uncover.baselines.registry import lacking_package
from uncover.config.baselines import BASELINES
from uncover.config.catalogue import CATALOGUE, TRAINING_SETS
from uncover.config.detectors import Weights
from uncover.data.sources import RAW_DATA
from uncover.workflow.sources import is_rendered, raw_folder, raw_names
from uncover.workflow.targets import Run, baselines_wanted, checkpoint

Inputs = Mapping[str, Mapping[str, str | list[str]]]
"""Files that tables and figures are made of, by name."""


@dataclass(frozen=True)
class Absent:
    """Something that is not at hand.

    Attributes:
        key: Of the config.
        found: What is missing, and how to get it.
        without: What happens without it.
        sets: That cannot be made without it.
        models: That cannot be trained without it, though the sets are there.
    """

    key: str
    found: str
    without: str = ""
    sets: Collection[str] = field(default=())
    models: Collection[str] = field(default=())

    def __str__(self) -> str:
        return "; ".join(filter(None, (f"{self.key}: {self.found}", self.without)))


def absent(run: Run) -> list[Absent]:
    """What a run asks for and is not at hand: raw data first, then weights."""
    return [*_raw_data(run), *_start_weights(run), *_weights_of_baselines(run)]


def absent_text(run: Run, made: Inputs) -> str:
    """The same as a note for people, with what cannot be made; empty where everything is at hand.

    Args:
        run: Whose config it is.
        made: What the run makes of declared tables and figures, and of which files.
    """
    found = absent(run)
    if not found:
        return ""
    lines = [f"note: not at hand, of what the run {run.config.run} asks for", *(f"  {each}" for each in found)]
    sets = [name for name in run.sets if any(name in each.sets for each in found)]
    models = _blocked_models(run, found)
    if sets or models:
        every = [*run.rgb_models, *run.second_models, *run.trained_baselines]
        lines += [
            "what cannot be made without it",
            f"  sets: {_some(sets, run.sets)}",
            f"  detectors: {_some(models, every)}",
        ]
        for kind in ("table", "figure"):
            names = [name for name in made if name.startswith("figure") == (kind == "figure")]
            blocked = [name for name in names if _is_blocked(run, sets, models, _files(made[name]))]
            lines.append(f"  {kind}s: {_some(blocked, names)}")
    return "\n".join(lines) + "\n"


def _raw_data(run: Run) -> Iterator[Absent]:
    for name in raw_names(run.config):
        folder = raw_folder(run.config, name)
        if folder is None or is_rendered(run.config, name):
            continue
        own = run.config.data_sets.get(name)
        key = f"data_sets.{name}" if own else f"raw.{name}"
        if name == "videos":
            if not run.video_files:
                yield Absent(key, f"{folder} has no video with a CSV of its true boxes beside it", "none is looked at")
            continue
        whole = _sets_of(run, name)
        if state := _lacks_files(folder):
            whom = "" if own else f" ({RAW_DATA[name]})"
            yield Absent(key, f"{folder} {state}{whom}", _needed_by(run, name, whole), whole)
        elif own is None and name in CATALOGUE and CATALOGUE[name].graded:
            for grade, place in run.config.raw.grades.items():
                if isinstance(place, str) and not (folder / place / "images").is_dir():
                    found = f"{folder / place / 'images'} does not exist; null does without"
                    yield Absent(f"raw.grades.{grade}", found, sets=[f"{name}_{grade}"])
        if own is not None and own.photos:
            photos = Path(run.config.raw.folder, own.photos)
            if state := _lacks_files(photos):
                yield Absent(f"{key}.photos", f"{photos} {state}", _needed_by(run, name, whole), whole)


def _needed_by(run: Run, name: str, sets: Collection[str]) -> str:
    if name == "aflw":
        return "the label tree of MERL-RAV needs it, its organised tree has the photos"
    return f"needed for {', '.join(sets)}" if sets else ""


def _sets_of(run: Run, source: str) -> list[str]:
    """Sets that photos of a raw data set go into."""
    landmarks = [name for name, (_, sources) in run.landmark_sets.items() if source in sources]
    return [*landmarks, *(name for name, (each, _) in run.frame_sets.items() if each == source)]


def _lacks_files(folder: Path) -> str:
    """Why nothing can be read from a folder; empty where there is something in it."""
    try:
        with os.scandir(folder) as entries:
            return "" if next(entries, None) else "is empty"
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _start_weights(run: Run) -> Iterator[Absent]:
    """Upstream's weights of YOLOv5; a file of them needs no hash, as none of its code is run."""
    starting: dict[str, list[str]] = {}
    for model in (*run.rgb_models, *run.second_models):
        network = run.detector(model).model
        imported = run.paths.start_weights(network)
        if imported in run.start_weights(model) and not Path(imported).is_file():
            starting.setdefault(network, []).append(model)
    for name, models in starting.items():
        lacking, lost = _lacking(checkpoint(run.config, name), needs_hash=False)
        if lacking:
            without = f"needed for {', '.join(models)}" if lost else ""
            yield Absent(f"weights.{name}", lacking, without, models=models if lost else ())


def _weights_of_baselines(run: Run) -> Iterator[Absent]:
    """Those that somebody else made; without them a detector is left out, and everything else goes on."""
    for name in baselines_wanted(run.config)[1]:
        key = run.config.baselines.weights_of(name)
        if name not in run.config.baselines.detectors:
            continue
        without = f"{BASELINES[name].title} is left out"
        if key is not None and key not in run.config.weights:
            yield Absent(f"weights.{key}", "there is no such entry", without)
        else:
            yield Absent(f"baselines.{name}", lacking_package(name), without)
    for name, key in run.fetched_weights.items():
        fetched = read_fetched(Path(run.paths.fetched_weights(key)))
        lacking, lost = _lacking(run.config.weights[key], needs_hash=True)
        if lacking and (fetched is None or fetched.why):
            yield Absent(f"weights.{key}", lacking, f"{BASELINES[name].title} is left out" if lost else "")


def _lacking(weights: Weights, needs_hash: bool) -> tuple[str, bool]:
    """What is missing of weights, empty where nothing is; and whether their job cannot make up for it."""
    state = "state that of the file that you trust (sha256sum FILE)"
    if weights.path and Path(weights.path).is_file():
        if weights.sha256 or not needs_hash:
            return "", False
        return f"{weights.path} is not opened without a sha256; {state}", True
    place = f"{weights.path} does not exist" if weights.path else "no file is named"
    if weights.url is None:
        return f"{place}, and no url is stated", True
    if weights.sha256 is None:
        return f"{place}, and nothing is fetched from {weights.url} without a sha256; {state}", True
    return f"{place}; it is fetched from {weights.url}", False


def _blocked_models(run: Run, found: Iterable[Absent]) -> list[str]:
    """Detectors that cannot be trained, and those that look at what they would have made."""
    found = list(found)
    if any(name in each.sets for each in found for name in TRAINING_SETS):
        return [*run.rgb_models, *run.second_models, *run.trained_baselines]
    blocked = {name for each in found for name in each.models}
    if "rgb10" in blocked:
        blocked |= {name for name, step in run.second_models.items() if step.heatmaps or step.start == "rgb10"}
    blocked |= {name for name, step in run.second_models.items() if step.start in blocked}
    return [name for name in (*run.rgb_models, *run.second_models) if name in blocked]


def _is_blocked(run: Run, sets: Collection[str], models: Collection[str], files: Iterable[str]) -> bool:
    """Whether one of these files of a run cannot be made: paths name the sets and models that they come from."""
    sources = {source for source in run.sources if set(_sets_of(run, source)) & set(sets)}
    lost = {*sets, *models, *sources}
    # What looks at all sets in one job, or is made of what is known of all of them.
    second = dict.fromkeys([*run.second_models, *run.strategies, *run.scales], run.tried_sets)
    joint = {**second, **dict.fromkeys(run.baselines, run.baseline_sets)}
    joint |= {"rescue_trial": run.tried_sets, "rescue_cascade": run.baseline_sets if run.baselines else run.tried_sets}
    for file in files:
        _, _, place = file.partition(f"{run.paths.root}/")
        stage, *names = (part.partition(".")[0] for part in place.split("/"))
        if lost & {*names}:
            return True
        if stage in ("predictions", "metrics") and any(name in sets for name in joint.get(names[0], ())):
            return True
        if any(name in sets for name in _seen_with(run, stage, names)):
            return True
        # Photos are missed by this detector, which all scores of the second step count, and explained by it.
        if "rgb10" in models:
            if stage in ("missed", "heatmaps", "evolution") or (names[0] in joint and stage == "metrics"):
                return True
            if names[0] in second:
                return True
    return False


def _seen_with(run: Run, stage: str, names: Sequence[str]) -> Collection[str]:
    """Sets that a job of the RGB detectors, or of heatmaps, looks at together with that of a file."""
    explained = run.joint_heatmap_sets(run.kept_heatmaps(), learned=False)
    if stage in ("missed", "heatmaps") and set(names) & {*explained}:
        return {*explained, *run.unscored_sets}
    if stage == "metrics" and names[0] in run.rgb_models:
        return run.unscored_sets
    of_rgb = stage == "missed" or (stage == "predictions" and names[0] in run.rgb_models)
    return run.unscored_sets if of_rgb and set(names) & {*run.unscored_sets} else ()


def _files(inputs: Mapping[str, str | list[str]]) -> Iterator[str]:
    for value in inputs.values():
        yield from [value] if isinstance(value, str) else value


def _some(names: Collection[str], every: Collection[str]) -> str:
    """Names in one line; "all 18" where none is left out."""
    if not names:
        return "none of them"
    return f"all {len(every)}" if len(names) == len(every) else ", ".join(names)
