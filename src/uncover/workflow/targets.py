"""Which sets, sources and results a config asks for: what the rules take their wildcards from."""

from __future__ import annotations

from pathlib import Path

from uncover.config.detectors import Weights
from uncover.config.model import Config
from uncover.config.raw import GRADES
from uncover.config.rivals import RIVAL_NAMES
from uncover.config.values import as_pairs, may_be_told
from uncover.datasets.blocks import INFANTS, block_of_video, read_infants
from uncover.datasets.names import TEST_SET_OF_SOURCE
from uncover.errors import InputError
from uncover.footage.sources import VIDEOS
from uncover.images.letterbox import STRIDE

LANDMARK_SOURCES = ("wflw", "merl_rav")
FRAME_SOURCES = ("hof", "slapi", "preterm_web")
YOLOV5_URL = "https://github.com/ultralytics/yolov5/releases/download/v7.0/{}.pt"


def raw_folder(config: Config, source: str) -> Path | None:
    """Folder of a raw data set, or None where the run does without it."""
    if config.raw.standin:
        made = source != "aflw" and (source != "videos" or config.standin.videos.infants > 0)
        return Path("results", config.run, "raw", source) if made else None
    path = getattr(config.raw, source)
    return None if path is None else Path(config.raw.folder, path)


def sources_at_hand(config: Config) -> tuple[list[str], list[str]]:
    """Names of the raw data sets that the run uses: those with landmarks, those of frames."""
    landmarks, frames = (
        [source for source in sources if raw_folder(config, source) is not None]
        for sources in (LANDMARK_SOURCES, FRAME_SOURCES)
    )
    return landmarks, frames


def video_files(config: Config) -> dict[str, Path]:
    """Videos with a truth beside them, a CSV of the same name, by that name without its ending.

    Those of the stand-in are known before they are made; those of a folder are looked for there.

    Raises:
        InputError: Two videos of the folder share a name, and so a truth.
    """
    folder = raw_folder(config, "videos")
    if folder is None:
        return {}
    if config.raw.standin:
        names = [f"infant_{number:02}" for number in range(1, config.standin.videos.infants + 1)]
        return {name: folder / f"{name}.mp4" for name in names}
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() in VIDEOS and path.with_suffix(".csv").is_file():
            if path.stem in files:
                raise InputError(f"{path}: has the name and the truth of {files[path.stem]}; rename one of the two")
            files[path.stem] = path
    return files


def videos_at_hand(config: Config) -> list[str]:
    """Names of the videos with true boxes that the run uses, without their ending."""
    return list(video_files(config))


def infants_at_hand(config: Config) -> list[str]:
    """Infants, or what else is left out in turn, in the videos with true boxes, in the order of their names.

    Raises:
        InputError: `infants.csv` beside the videos is spoilt, or names an infant as no folder can be named.
    """
    folder, files = raw_folder(config, "videos"), video_files(config)
    if folder is None:
        return []
    infants = {} if config.raw.standin else read_infants(folder)
    names = sorted({block_of_video(name, infants).name for name in files})
    for name in names:
        if not name.strip(".") or "/" in name or "\\" in name:
            raise InputError(f"{folder / INFANTS}: infant {name!r} is no name of a folder; rename it")
    return names


def landmark_sets(config: Config) -> dict[str, tuple[str, list[str]]]:
    """Sets made from landmarks: split and sources, by set."""
    sources, _ = sources_at_hand(config)
    sets = {name: (name, sources) for name in ("train", "val") if sources}
    return sets | {TEST_SET_OF_SOURCE[source]: ("test", [source]) for source in sources}


def frame_sets(config: Config) -> dict[str, tuple[str, str | None]]:
    """Sets made from frames: source and folder of the grade, by set."""
    _, sources = sources_at_hand(config)
    sets: dict[str, tuple[str, str | None]] = {}
    if "slapi" in sources:
        sets = {f"slapi_{grade}": ("slapi", config.raw.grades[grade]) for grade in GRADES if grade in config.raw.grades}
    return sets | {source: (source, None) for source in ("hof", "preterm_web") if source in sources}


def labelled_sets(config: Config) -> list[str]:
    """Sets with boxes to score against: those from landmarks but for `train`, and the graded frames."""
    frames = [name for name, (source, _) in frame_sets(config).items() if source == "slapi"]
    return [name for name in landmark_sets(config) if name != "train"] + frames


def telling_settings(config: Config) -> list[str]:
    """Settings that are not the defaults and change a result, as `key=value` words: places and batches do not."""
    of_work = ("heatmaps.batch=", "heatmaps.shards=", "prediction.shards=", "cluster.")
    return [pair for pair in as_pairs(config) if may_be_told(pair) and not pair.startswith(of_work)]


def not_comparable(config: Config) -> str:
    """Why this run's numbers cannot be held against the thesis's; empty where they can."""
    if config.raw.standin:
        return "stand-in data"
    _, frames = sources_at_hand(config)
    absent = [source for source in ("hof", "slapi") if source not in frames]
    if absent:
        return f"without {', '.join(absent)}"
    return "" if config.detectors.rgb10.model == "yolov5m" else f"another network: {config.detectors.rgb10.model}"


def rivals_wanted(config: Config) -> tuple[list[str], dict[str, str]]:
    """Face detectors of others that the run tries, and why it does without the rest, by name."""
    wanted: list[str] = []
    left_out: dict[str, str] = {}
    for name in RIVAL_NAMES:
        key = config.rivals.weights_of(name)
        if name not in config.rivals.detectors:
            left_out[name] = "this run does without it (rivals.detectors)"
        elif key is not None and key not in config.weights:
            left_out[name] = f"no weights are configured (weights.{key})"
        else:
            wanted.append(name)
    return wanted, left_out


def look_size(config: Config, number: int) -> int:
    """Longest side of the input, in pixels, of the closer look of this number, which counts from 0."""
    of = config.looks_of
    settings = config.detectors.rgb1 if of == "rgb1" else config.second_detectors()[of].settings
    wished = config.rescue.looks[number] * settings.image_size
    return max(1, round(wished / STRIDE)) * STRIDE


def checkpoint(config: Config, network: str) -> Weights:
    """Where a network's start weights come from; upstream's release, when the config says nothing."""
    return config.weights.get(network, Weights(path=None, url=YOLOV5_URL.format(network), sha256=None))
