"""Against paths written by hand: those of the contract, and where the files of a run have always lain."""

from __future__ import annotations

from pathlib import Path

import pytest

from uncover.paths import (
    RunPaths,
    at_scale,
    folder_name,
    model_at_scale,
)

RUN = RunPaths("results/demo")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (RUN, "results/demo"),
        (RunPaths.of_run("demo"), "results/demo"),
        (RunPaths(Path("results/demo")), "results/demo"),
        (RUN.raw("wflw"), "results/demo/raw/wflw"),
        (RUN.raw_summary("wflw"), "results/demo/raw/wflw/synthetic.json"),
        (RUN.faces("wflw"), "results/demo/faces/wflw.parquet"),
        (RUN.rejected_faces("wflw"), "results/demo/faces/wflw.rejected.csv"),
        (RUN.split("wflw"), "results/demo/splits/wflw.parquet"),
        (RUN.split_summary("wflw"), "results/demo/splits/wflw.json"),
        (RUN.dataset("val"), "results/demo/datasets/val"),
        (RUN.dataset("val").manifest, "results/demo/datasets/val/manifest.parquet"),
        (RUN.dataset("val").boxes, "results/demo/datasets/val/boxes.parquet"),
        (RUN.dataset("val").rejected, "results/demo/datasets/val/rejected.csv"),
        (RUN.dataset("val").summary, "results/demo/datasets/val/summary.json"),
        (RUN.dataset("val").labels, "results/demo/datasets/val/labels"),
        (RUN.start_weights("yolov5s"), "results/demo/weights/yolov5s.pt"),
        (RUN.fetched_weights("mtcnn"), "results/demo/weights/mtcnn"),
        (RUN.generation(3), "results/demo/evolution/generations/3.json"),
        (RUN.evolution_history, "results/demo/evolution/history.csv"),
        (RUN.evolved, "results/demo/evolution/best.json"),
        (RUN.model("rgb10"), "results/demo/models/rgb10"),
        (RUN.model("{model}").weights, "results/demo/models/{model}/weights.pt"),
        (RUN.model("rgb10").record, "results/demo/models/rgb10/results.csv"),
        (RUN.model("rgb10").summary, "results/demo/models/rgb10/summary.json"),
        (RUN.predictions("rgb10", "val"), "results/demo/predictions/rgb10/val.parquet"),
        (RUN.predictions("{model}", "{set}"), "results/demo/predictions/{model}/{set}.parquet"),
        (RUN.prediction_shard("rgb1", "val", "0-of-4"), "results/demo/predictions/rgb1/val/shards/0-of-4.parquet"),
        (RUN.rgb_tables.predictions("rgb1", "val"), "results/demo/rgb_tables/predictions/rgb1/val.parquet"),
        (
            RUN.rgb_tables.metrics("rgb1", "val", "whole_face").summary,
            "results/demo/rgb_tables/metrics/rgb1/val/whole_face/summary.json",
        ),
        (RUN.heatmaps("gradcampp", "val"), "results/demo/heatmaps/gradcampp/val"),
        (RUN.heatmaps("gradcampp", "val").manifest, "results/demo/heatmaps/gradcampp/val/manifest.parquet"),
        (RUN.heatmaps("gradcampp", "val").lint, "results/demo/heatmaps/gradcampp/val/lint.csv"),
        (
            RUN.heatmaps("gradcampp", "val").shard("{shard}-of-{shards}"),
            "results/demo/heatmaps/gradcampp/val/shards/{shard}-of-{shards}.parquet",
        ),
        (RUN.missed("hof"), "results/demo/missed/hof.csv"),
        (RUN.metrics("rgb10", "val", "all"), "results/demo/metrics/rgb10/val/all"),
        (RUN.metrics("rgb10", "val", "all").classes, "results/demo/metrics/rgb10/val/all/classes.csv"),
        (RUN.metrics("rgb10", "val", "all").curves, "results/demo/metrics/rgb10/val/all/curves.parquet"),
        (RUN.metrics("rgb10", "val", "all").confusion, "results/demo/metrics/rgb10/val/all/confusion.csv"),
        (RUN.rescue_counts("hirescam_10"), "results/demo/metrics/hirescam_10/rescue.csv"),
        (RUN.rescue_trial, "results/demo/metrics/rescue_trial.csv"),
        (RUN.rescue_cascade, "results/demo/metrics/rescue_cascade.csv"),
        (RUN.video_scores, "results/demo/metrics/videos.csv"),
        (RUN.scored_frames, "results/demo/metrics/videos_frames.parquet"),
        (RUN.learning_curve, "results/demo/metrics/learning_curve.csv"),
        (RUN.videos("offline").boxes, "results/demo/videos/offline/boxes.parquet"),
        (RUN.videos("offline").frames, "results/demo/videos/offline/frames.parquet"),
        (RUN.videos("offline").per_second, "results/demo/videos/offline/per_second.csv"),
        (RUN.videos("offline").summary, "results/demo/videos/offline/summary.json"),
        (RUN.picked_frames_list, "results/demo/finetune/frames/frames.csv"),
        (RUN.finetune_dataset.manifest, "results/demo/finetune/dataset/manifest.parquet"),
        (
            RUN.finetuned("baby", 10, 4).record,
            "results/demo/finetune/left_out/baby/freeze_10/4/left_out.json",
        ),
        (RUN.finetuned("baby", 10, 4).weights, "results/demo/finetune/left_out/baby/freeze_10/4/weights.pt"),
        (RUN.table("table_07"), "results/demo/tables/table_07.csv"),
        (RUN.table("table_07", "tex"), "results/demo/tables/table_07.tex"),
        (RUN.figure("figure_31"), "results/demo/figures/figure_31.png"),
        (RUN.figure("figure_31", "pdf"), "results/demo/figures/figure_31.pdf"),
        (RUN.comparison, "results/demo/comparison.csv"),
        (RUN.report, "results/demo/report.html"),
        (RUN.workflow_report, "results/demo/workflow.html"),
        (RUN.log("table_07"), "results/demo/logs/table_07.log"),
        (RUN.log("evaluate", "{model}", "val"), "results/demo/logs/evaluate/{model}/val.log"),
        (RUN.benchmark("train", "{model}"), "results/demo/benchmarks/train/{model}.tsv"),
        (RUN.records, "results/demo/record"),
        (RUN.code, "results/demo/code"),
    ],
)
def test_where_things_lie(path, expected):
    assert str(path) == expected


def test_a_file_says_which_folder_it_lies_in(tmp_path, monkeypatch):
    assert folder_name(Path(RUN.model("rgb1").weights)) == "rgb1"
    (tmp_path / "rgb10").mkdir()
    monkeypatch.chdir(tmp_path / "rgb10")
    assert folder_name(Path("weights.pt")) == "rgb10"


def test_names_of_inference_scales():
    assert at_scale("rgb1", 2) == "rgb1_scale2"
    assert model_at_scale("rgb1_scale12") == "rgb1"
    assert model_at_scale("rgb1") is None
    assert model_at_scale("rgb1_scale") is None
