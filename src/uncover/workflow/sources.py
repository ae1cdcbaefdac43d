"""Raw data sets of a run, of the catalogue and of the user, and the sets made from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from uncover.config.catalogue import CATALOGUE, FURTHER_RAW, GRADES, TRAINING_SETS, name_of_test_set
from uncover.config.datasets import DataSet, SplitSizes
from uncover.config.model import Config
from uncover.config.raw import NameBlocks
from uncover.paths import RunPaths


@dataclass(frozen=True)
class RawSource:
    """A raw data set that a run uses.

    Attributes:
        name: Its key in `raw` or `data_sets`.
        layout: One of `uncover.config.catalogue.LAYOUTS`.
        folder: Its folder.
        has_landmarks: Whether its faces have landmarks; otherwise they have at most a box of the whole face.
        labelled: Whether its test sets have true boxes.
        tried: Whether our detectors are evaluated on missed faces in its test sets.
        split: Number of images in each set; None if all of it is one test set.
        own: Its entry in `data_sets`; None for data sets of the catalogue.
        blocks: How names of images state which of them belong together.
    """

    name: str
    layout: str
    folder: Path
    has_landmarks: bool
    labelled: bool = True
    tried: bool = True
    split: SplitSizes | None = None
    own: DataSet | None = None
    blocks: NameBlocks | None = None

    def joins(self, split: str) -> bool:
        """Whether some of its images may go into "train", "val" or "test"."""
        if self.split is None:
            return split == "test"
        return self.own is None or getattr(self.split, split) != 0


def raw_folder(config: Config, name: str) -> Path | None:
    """Folder of raw data of any kind; None if the run does not use it."""
    own = config.data_sets.get(name)
    if own is not None:
        return Path(config.raw.folder, own.path)
    if config.raw.synthetic:
        made = name != "aflw" and (name != "videos" or config.synthetic.videos.infants > 0)
        return Path(RunPaths.of_run(config.run).raw(name)) if made else None
    path = getattr(config.raw, name)
    return None if path is None else Path(config.raw.folder, path)


def raw_names(config: Config) -> list[str]:
    """Names of all raw data that a run may use: with landmarks, with frames, further data, and the user's own."""
    landmarks = [name for name, known in CATALOGUE.items() if known.has_landmarks]
    frames = [name for name, known in CATALOGUE.items() if not known.has_landmarks]
    photos, *rest = FURTHER_RAW
    return [*landmarks, photos, *frames, *rest, *config.data_sets]


def is_rendered(config: Config, name: str) -> bool:
    """Whether the run renders this raw data itself."""
    return config.raw.synthetic and name not in config.data_sets


def all_sources(config: Config) -> dict[str, RawSource]:
    """The raw data sets that the run uses, by name: those of the catalogue, then the user's own."""
    known = {
        name: RawSource(
            name,
            each.layout,
            folder,
            each.has_landmarks,
            each.labelled,
            each.tried,
            getattr(config.splits, name) if each.has_landmarks else None,
            blocks=config.raw.blocks.get(name),
        )
        for name, each in CATALOGUE.items()
        if (folder := raw_folder(config, name)) is not None
    }
    own = {
        name: RawSource(
            name,
            each.layout,
            Path(config.raw.folder, each.path),
            each.has_landmarks,
            labelled=each.layout != "images",
            split=each.split,
            own=each,
            blocks=each.blocks,
        )
        for name, each in config.data_sets.items()
    }
    return known | own


def sources_at_hand(config: Config) -> tuple[list[str], list[str]]:
    """Names of the raw data sets that the run uses: those with landmarks, and those with frames."""
    sources = all_sources(config).values()
    return (
        [each.name for each in sources if each.has_landmarks],
        [each.name for each in sources if not each.has_landmarks],
    )


def landmark_sets(config: Config) -> dict[str, tuple[str, list[str]]]:
    """Sets made from landmarks: split and sources, by set."""
    sources = [each for each in all_sources(config).values() if each.has_landmarks]
    joined = {name: [each.name for each in sources if each.joins(name)] for name in TRAINING_SETS}
    sets = {name: (name, names) for name, names in joined.items() if names}
    return sets | {name_of_test_set(each.name): ("test", [each.name]) for each in sources if each.joins("test")}


def graded_by_words(config: Config, name: str) -> bool:
    """Whether words in the labels of a raw data set give its grades, instead of its folders."""
    known = CATALOGUE.get(name)
    return known is not None and known.graded and any(not isinstance(each, str) for each in config.raw.grades.values())


def frame_sets(config: Config) -> dict[str, tuple[str, str | None]]:
    """Sets made from frames: source and folder or name of the grade, by set; graded sets come first."""
    sets: dict[str, tuple[str, str | None]] = {}
    whole: dict[str, tuple[str, str | None]] = {}
    for name, source in all_sources(config).items():
        if source.has_landmarks:
            continue
        if source.own is None and CATALOGUE[name].graded:
            grades = config.raw.grades
            by_words = graded_by_words(config, name)
            folders = {grade: grade if by_words else str(grades[grade]) for grade in GRADES if grade in grades}
            sets |= {f"{name}_{grade}": (name, folder) for grade, folder in folders.items()}
        else:
            whole[name] = (name, source.own.grade if source.own else None)
    return sets | whole


def labelled_sets(config: Config) -> list[str]:
    """Sets with true boxes: those with landmarks, except `train`, and labelled frames."""
    sources = all_sources(config)
    frames = [name for name, (source, _) in frame_sets(config).items() if sources[source].labelled]
    return [name for name in landmark_sets(config) if name != "train"] + frames


def tried_sets(config: Config) -> list[str]:
    """Sets on which the rescue of missed faces is evaluated: `val`, and all test sets not only for baselines."""
    sources = all_sources(config)
    frames = [name for name, (source, _) in frame_sets(config).items() if sources[source].tried]
    return [name for name in landmark_sets(config) if name != "train"] + frames


def graded_sets(config: Config) -> list[str]:
    """The thesis's sets of one occlusion grade each."""
    return [
        name for name, (source, _) in frame_sets(config).items() if source in CATALOGUE and CATALOGUE[source].graded
    ]


def own_sets(config: Config) -> list[str]:
    """Test sets of the user's own data sets."""
    sets = {name: sources for name, (_, sources) in landmark_sets(config).items() if name not in TRAINING_SETS}
    sets |= {name: [source] for name, (source, _) in frame_sets(config).items()}
    return [name for name, sources in sets.items() if sources[0] in config.data_sets]
