"""Missing inputs of a config (raw data and weights), and the outputs that cannot be made without them.

Only names and folders are checked. The job that reads a download checks that it is complete and has the stated hash.
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
"""Input files of tables and figures, by name."""


@dataclass(frozen=True)
class Absent:
    """A missing input.

    Attributes:
        key: Config key.
        found: What is missing, and how to get it.
        without: What happens without it.
        sets: Sets that cannot be made without it.
        models: Models that cannot be trained without it, even if their sets exist.
    """

    key: str
    found: str
    without: str = ""
    sets: Collection[str] = field(default=())
    models: Collection[str] = field(default=())

    def __str__(self) -> str:
        return "; ".join(filter(None, (f"{self.key}: {self.found}", self.without)))


def absent(run: Run) -> list[Absent]:
    """Missing inputs of a run: raw data first, then weights."""
    return [*_raw_data(run), *_start_weights(run), *_weights_of_baselines(run)]


def absent_text(run: Run, made: Inputs) -> str:
    """The missing inputs as a note to print, with the outputs that cannot be made; empty if nothing is missing.

    Args:
        run: The run to check.
        made: Declared tables and figures that the run makes, with their input files.
    """
    found = absent(run)
    if not found:
        return ""
    lines = [f"note: missing inputs of the run {run.config.run}", *(f"  {each}" for each in found)]
    sets = [name for name in run.sets if any(name in each.sets for each in found)]
    models = _blocked_models(run, found)
    if sets or models:
        every = [*run.rgb_models, *run.second_models, *run.trained_baselines]
        lines += [
            "outputs that cannot be made without them",
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
                yield Absent(
                    key, f"{folder} contains no video with a CSV file of true boxes beside it", "videos are skipped"
                )
            continue
        whole = _sets_of(run, name)
        if state := _lacks_files(folder):
            whom = "" if own else f" ({RAW_DATA[name]})"
            yield Absent(key, f"{folder} {state}{whom}", _needed_by(run, name, whole), whole)
        elif own is None and name in CATALOGUE and CATALOGUE[name].graded:
            for grade, place in run.config.raw.grades.items():
                if isinstance(place, str) and not (folder / place / "images").is_dir():
                    found = f"{folder / place / 'images'} does not exist; set the key to null to skip this grade"
                    yield Absent(f"raw.grades.{grade}", found, sets=[f"{name}_{grade}"])
        if own is not None and own.photos:
            photos = Path(run.config.raw.folder, own.photos)
            if state := _lacks_files(photos):
                yield Absent(f"{key}.photos", f"{photos} {state}", _needed_by(run, name, whole), whole)


def _needed_by(run: Run, name: str, sets: Collection[str]) -> str:
    if name == "aflw":
        return "needed with the label tree of MERL-RAV; its organised tree contains the photos"
    return f"needed for {', '.join(sets)}" if sets else ""


def _sets_of(run: Run, source: str) -> list[str]:
    """Sets that contain photos of a raw data set."""
    landmarks = [name for name, (_, sources) in run.landmark_sets.items() if source in sources]
    return [*landmarks, *(name for name, (each, _) in run.frame_sets.items() if each == source)]


def _lacks_files(folder: Path) -> str:
    """Why nothing can be read from a folder; empty if it has entries."""
    try:
        with os.scandir(folder) as entries:
            return "" if next(entries, None) else "is empty"
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _start_weights(run: Run) -> Iterator[Absent]:
    """Weights of upstream YOLOv5; such a file needs no hash, because none of its code is run."""
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
    """Third-party weights; without them, only the detector that needs them is left out."""
    for name in baselines_wanted(run.config)[1]:
        key = run.config.baselines.weights_of(name)
        if name not in run.config.baselines.detectors:
            continue
        without = f"{BASELINES[name].title} is left out"
        if key is not None and key not in run.config.weights:
            yield Absent(f"weights.{key}", "no such entry in the config", without)
        else:
            yield Absent(f"baselines.{name}", lacking_package(name), without)
    for name, key in run.fetched_weights.items():
        fetched = read_fetched(Path(run.paths.fetched_weights(key)))
        lacking, lost = _lacking(run.config.weights[key], needs_hash=True)
        if lacking and (fetched is None or fetched.why):
            yield Absent(f"weights.{key}", lacking, f"{BASELINES[name].title} is left out" if lost else "")


def _lacking(weights: Weights, needs_hash: bool) -> tuple[str, bool]:
    """What is missing of weights (empty if nothing is), and whether their job cannot fetch it."""
    state = "set it to the hash of the file that you trust (sha256sum FILE)"
    if weights.path and Path(weights.path).is_file():
        if weights.sha256 or not needs_hash:
            return "", False
        return f"{weights.path} is not opened without a sha256; {state}", True
    place = f"{weights.path} does not exist" if weights.path else "no path is set"
    if weights.url is None:
        return f"{place}, and no url is set", True
    if weights.sha256 is None:
        return f"{place}, and {weights.url} is not fetched without a sha256; {state}", True
    return f"{place}; it is fetched from {weights.url}", False


def _blocked_models(run: Run, found: Iterable[Absent]) -> list[str]:
    """Detectors that cannot be trained, and those that depend on outputs of such detectors."""
    found = list(found)
    if any(name in each.sets for each in found for name in TRAINING_SETS):
        return [*run.rgb_models, *run.second_models, *run.trained_baselines]
    blocked = {name for each in found for name in each.models}
    if "rgb10" in blocked:
        blocked |= {name for name, step in run.second_models.items() if step.heatmaps or step.start == "rgb10"}
    blocked |= {name for name, step in run.second_models.items() if step.start in blocked}
    return [name for name in (*run.rgb_models, *run.second_models) if name in blocked]


def _is_blocked(run: Run, sets: Collection[str], models: Collection[str], files: Iterable[str]) -> bool:
    """Whether one of these files of a run cannot be made: their paths name the sets and models behind them."""
    sources = {source for source in run.sources if set(_sets_of(run, source)) & set(sets)}
    lost = {*sets, *models, *sources}
    # Outputs of jobs that read all sets at once, or that combine outputs of all sets.
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
        # Missed photos and heatmaps are those of rgb10, and all scores of the second step count missed photos.
        if "rgb10" in models:
            if stage in ("missed", "heatmaps", "evolution") or (names[0] in joint and stage == "metrics"):
                return True
            if names[0] in second:
                return True
    return False


def _seen_with(run: Run, stage: str, names: Sequence[str]) -> Collection[str]:
    """Sets that one job of the RGB detectors, of heatmaps or of missed photos reads together with the set of a file."""
    explained = run.joint_heatmap_sets(run.kept_heatmaps(), learned=False)
    if stage == "missed":
        return {*run.tried_sets, *explained, *run.unscored_sets}
    if stage == "heatmaps" and set(names) & {*explained}:
        return explained
    of_rgb = stage in ("predictions", "metrics") and names[0] in run.rgb_models
    return run.unscored_sets if of_rgb and (stage == "metrics" or set(names) & {*run.unscored_sets}) else ()


def _files(inputs: Mapping[str, str | list[str]]) -> Iterator[str]:
    for value in inputs.values():
        yield from [value] if isinstance(value, str) else value


def _some(names: Collection[str], every: Collection[str]) -> str:
    """Names in one line; "all 18" if they are all of them."""
    if not names:
        return "none of them"
    return f"all {len(every)}" if len(names) == len(every) else ", ".join(names)
