"""Paths of all files of a run: the only module that spells paths below results/<run>/.

Every path is a string, and every name in it may be a Snakemake wildcard, so rules and Python use the same calls:

    paths = RunPaths("results/demo")
    paths.predictions("rgb10", "val")           # results/demo/predictions/rgb10/val.parquet
    paths.model("{model}").weights              # results/demo/models/{model}/weights.pt

A folder is a string with properties for its files: `paths.dataset("val")` and `paths.dataset("val").boxes`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

RESULTS = "results"
"""Folder of all runs."""


class DatasetFolder(str):
    """Images with YOLO labels: datasets/<set>/, or another output of `uncover labels`."""

    @property
    def manifest(self) -> str:
        return f"{self}/manifest.parquet"

    @property
    def boxes(self) -> str:
        return f"{self}/boxes.parquet"

    @property
    def rejected(self) -> str:
        return f"{self}/rejected.csv"

    @property
    def summary(self) -> str:
        return f"{self}/summary.json"

    @property
    def labels(self) -> str:
        return f"{self}/labels"


class HeatmapFolder(str):
    """Heatmaps of one kind for the images of one set: heatmaps/<kind>/<set>/."""

    @property
    def manifest(self) -> str:
        return f"{self}/manifest.parquet"

    @property
    def lint(self) -> str:
        return f"{self}/lint.csv"

    def shard(self, shard: object) -> str:
        """Record of a shard, e.g. `0-of-4`."""
        return f"{self}/shards/{shard}.parquet"


class ModelFolder(str):
    """A trained detector: models/<model>/."""

    @property
    def weights(self) -> str:
        return f"{self}/weights.pt"

    @property
    def record(self) -> str:
        """Losses and metrics per epoch."""
        return f"{self}/results.csv"

    @property
    def summary(self) -> str:
        return f"{self}/summary.json"


class EvaluationFolder(str):
    """Scores of stored predictions against labels: metrics/<model>/<set>/<scope>/."""

    @property
    def summary(self) -> str:
        return f"{self}/summary.json"

    @property
    def classes(self) -> str:
        return f"{self}/classes.csv"

    @property
    def curves(self) -> str:
        return f"{self}/curves.parquet"

    @property
    def confusion(self) -> str:
        return f"{self}/confusion.csv"

    @property
    def files(self) -> dict[str, str]:
        """All files of the evaluation, by name."""
        return {
            "summary": self.summary,
            "classes": self.classes,
            "curves": self.curves,
            "confusion": self.confusion,
        }


class DetectionFolder(str):
    """Output of `uncover detect` on videos: videos/<steps>/."""

    @property
    def boxes(self) -> str:
        return f"{self}/boxes.parquet"

    @property
    def frames(self) -> str:
        return f"{self}/frames.parquet"

    @property
    def per_second(self) -> str:
        return f"{self}/per_second.csv"

    @property
    def summary(self) -> str:
        return f"{self}/summary.json"

    @property
    def files(self) -> list[str]:
        """All files of the folder."""
        return [self.boxes, self.frames, self.per_second, self.summary]


class FacePhotosFolder(str):
    """Photos of a source for training on composed images: face_photos/<source>/."""

    @property
    def train(self) -> str:
        """Photos for training."""
        return f"{self}/train"

    @property
    def test(self) -> str:
        """Photos held out."""
        return f"{self}/test"

    @property
    def summary(self) -> str:
        return f"{self}/summary.json"


class FinetuneFolder(str):
    """A detector that was fine-tuned without one infant: finetune/left_out/<infant>/freeze_<layers>/<count>/."""

    @property
    def weights(self) -> str:
        return f"{self}/weights.pt"

    @property
    def record(self) -> str:
        """Detections in the frames of the infant left out."""
        return f"{self}/left_out.json"


class RunPaths:
    """Everything below results/<run>/."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """
        Args:
            root: Folder of the run; any path.
        """
        self.root = os.fspath(root)

    def __str__(self) -> str:
        return self.root

    @classmethod
    def of_run(cls, name: str) -> RunPaths:
        """Paths of a run of this checkout, by the name in its config."""
        return cls(f"{RESULTS}/{name}")

    # Data.

    def raw(self, source: str) -> str:
        """Folder of a raw data set that the run renders itself."""
        return f"{self.root}/raw/{source}"

    def raw_summary(self, source: str) -> str:
        return f"{self.raw(source)}/synthetic.json"

    def faces(self, source: str) -> str:
        """Landmarks and visibility of the faces of a source, one row per face."""
        return f"{self.root}/faces/{source}.parquet"

    def rejected_faces(self, source: str) -> str:
        return f"{self.root}/faces/{source}.rejected.csv"

    def split(self, source: str) -> str:
        """Assignment of the photos of a source to train, val or test."""
        return f"{self.root}/splits/{source}.parquet"

    def split_summary(self, source: str) -> str:
        return f"{self.root}/splits/{source}.json"

    @property
    def datasets(self) -> str:
        """Folder of all data sets."""
        return f"{self.root}/datasets"

    def dataset(self, name: str) -> DatasetFolder:
        return DatasetFolder(f"{self.datasets}/{name}")

    # Detectors and their predictions.

    def start_weights(self, network: str) -> str:
        """Published weights of a network, imported."""
        return f"{self.root}/weights/{network}.pt"

    def fetched_weights(self, key: str) -> str:
        """Folder of third-party weights, by key in the config."""
        return f"{self.root}/weights/{key}"

    def generation(self, number: object) -> str:
        """Record of one generation of the hyperparameter evolution."""
        return f"{self.root}/evolution/generations/{number}.json"

    @property
    def evolution_history(self) -> str:
        return f"{self.root}/evolution/history.csv"

    @property
    def evolved(self) -> str:
        """The best hyperparameters of the evolution."""
        return f"{self.root}/evolution/best.json"

    @property
    def models(self) -> str:
        """Folder of all trained detectors."""
        return f"{self.root}/models"

    def model(self, name: str) -> ModelFolder:
        return ModelFolder(f"{self.models}/{name}")

    @property
    def all_predictions(self) -> str:
        """Folder of the stored predictions of all models."""
        return f"{self.root}/predictions"

    def predictions_of(self, model: str) -> str:
        """Folder of the stored predictions of a model."""
        return f"{self.all_predictions}/{model}"

    def predictions(self, model: str, set_name: str) -> str:
        return f"{self.predictions_of(model)}/{set_name}.parquet"

    def prediction_shard(self, model: str, set_name: str, shard: object) -> str:
        """Predictions of one shard, e.g. `0-of-4`."""
        return f"{self.predictions_of(model)}/{set_name}/shards/{shard}.parquet"

    @property
    def rgb_tables(self) -> RunPaths:
        """Predictions and metrics of tables 4 to 6, at the NMS IoU of the thesis's validation."""
        return RunPaths(f"{self.root}/rgb_tables")

    @property
    def all_heatmaps(self) -> str:
        """Folder of the heatmaps of all kinds."""
        return f"{self.root}/heatmaps"

    def heatmaps_of(self, kind: str) -> str:
        """Folder of the heatmaps of one kind."""
        return f"{self.all_heatmaps}/{kind}"

    def heatmaps(self, kind: str, set_name: str) -> HeatmapFolder:
        return HeatmapFolder(f"{self.heatmaps_of(kind)}/{set_name}")

    @property
    def all_missed(self) -> str:
        """Folder of the lists of images with missed faces, one list per set."""
        return f"{self.root}/missed"

    def missed(self, set_name: str) -> str:
        """Images of a set that contain a face missed by the RGB detector."""
        return f"{self.all_missed}/{set_name}.csv"

    # Scores.

    def metrics_of(self, model: str) -> str:
        """Folder of all scores of a model."""
        return f"{self.root}/metrics/{model}"

    def metrics(self, model: str, set_name: str, scope: str) -> EvaluationFolder:
        """Scores on a set: of all classes (`all`), of whole faces (`whole_face`), or of missed images (`missed`)."""
        return EvaluationFolder(f"{self.metrics_of(model)}/{set_name}/{scope}")

    def rescue_counts(self, model: str) -> str:
        """Number of missed faces that a model finds, by set."""
        return f"{self.metrics_of(model)}/rescue.csv"

    @property
    def rescue_trial(self) -> str:
        return f"{self.root}/metrics/rescue_trial.csv"

    @property
    def rescue_cascade(self) -> str:
        return f"{self.root}/metrics/rescue_cascade.csv"

    @property
    def video_scores(self) -> str:
        return f"{self.root}/metrics/videos.csv"

    @property
    def scored_frames(self) -> str:
        """Frames of videos with the detections in each."""
        return f"{self.root}/metrics/videos_frames.parquet"

    @property
    def learning_curve(self) -> str:
        return f"{self.root}/metrics/learning_curve.csv"

    def further_curve(self, start: str) -> str:
        """Learning curve from other initial weights."""
        return f"{self.root}/metrics/learning_curve_{start}.csv"

    # Videos.

    def videos(self, steps: str) -> DetectionFolder:
        return DetectionFolder(f"{self.root}/videos/{steps}")

    @property
    def picked_frames(self) -> str:
        """Folder of the frames picked from videos for fine-tuning."""
        return f"{self.root}/finetune/frames"

    @property
    def picked_frames_list(self) -> str:
        return f"{self.picked_frames}/frames.csv"

    @property
    def finetune_dataset(self) -> DatasetFolder:
        return DatasetFolder(f"{self.root}/finetune/dataset")

    def finetuned(self, left_out: str, freeze: object, count: object, further: str = "") -> FinetuneFolder:
        """Fine-tuned model; `further` names other initial weights than the first."""
        start = f"from_{further}/" if further else ""
        return FinetuneFolder(f"{self.root}/finetune/{start}left_out/{left_out}/freeze_{freeze}/{count}")

    # Packaged detectors.

    def face_photos(self, source: str) -> FacePhotosFolder:
        return FacePhotosFolder(f"{self.root}/face_photos/{source}")

    def packaged(self, name: str, ending: str = "pt") -> str:
        """File of a packaged detector: weights in half precision (pt), model card (md), scores (csv)."""
        return f"{self.root}/packaged/{name}.{ending}"

    @property
    def packaged_scores(self) -> str:
        """Scores of all packaged detectors."""
        return f"{self.root}/packaged/all/scores.csv"

    # The report.

    @property
    def tables(self) -> str:
        """Folder of all tables."""
        return f"{self.root}/tables"

    def table(self, name: str, ending: str = "csv") -> str:
        """A table as csv, md or tex."""
        return f"{self.tables}/{name}.{ending}"

    @property
    def figures(self) -> str:
        """Folder of all figures."""
        return f"{self.root}/figures"

    def figure(self, name: str, ending: str = "png") -> str:
        """A figure as png or pdf."""
        return f"{self.figures}/{name}.{ending}"

    @property
    def comparison(self) -> str:
        return f"{self.root}/comparison.csv"

    @property
    def report(self) -> str:
        return f"{self.root}/report.html"

    @property
    def workflow_report(self) -> str:
        """Snakemake's own report, written by `make demo`."""
        return f"{self.root}/workflow.html"

    # The run itself.

    @property
    def logs(self) -> str:
        return f"{self.root}/logs"

    def log(self, rule: str, *names: str) -> str:
        """Log of a job of a rule; `names` are the values of its wildcards."""
        return f"{'/'.join([self.logs, rule, *names])}.log"

    @property
    def benchmarks(self) -> str:
        return f"{self.root}/benchmarks"

    def benchmark(self, rule: str, *names: str) -> str:
        """Run time and memory of a job of a rule; `names` are the values of its wildcards."""
        return f"{'/'.join([self.benchmarks, rule, *names])}.tsv"

    @property
    def records(self) -> str:
        """Folder of the records of Snakemake's invocations."""
        return f"{self.root}/record"

    @property
    def code(self) -> str:
        """Folder of the copies of the code that cluster jobs run."""
        return f"{self.root}/code"


def compared_file(run: RunPaths, other: str, ending: str = "csv") -> str:
    """Comparison of the tables of a run with those of another run, as csv, md or tex."""
    return f"{run}/compare/{other}.{ending}"


def job_name(file: Path, folder: str | Path) -> str:
    """Name of the job that a log or benchmark file belongs to, e.g. train/rgb10."""
    return file.relative_to(folder).with_suffix("").as_posix()


def folder_name(file: Path) -> str:
    """Name of the folder that contains a file, e.g. the model of models/<model>/weights.pt."""
    return file.absolute().parent.name


def at_scale(model: str, number: int) -> str:
    """Name under which a model's predictions at a further inference scale are stored; scales are numbered from 1."""
    return f"{model}_scale{number}"


def model_at_scale(name: str) -> str | None:
    """Model in a name made by `at_scale`; None for other names."""
    found = re.fullmatch(r"(.+)_scale[0-9]+", name)
    return found and found[1]
