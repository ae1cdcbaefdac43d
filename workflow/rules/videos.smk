# Videos with true boxes: what is found in them, step by step. Without such videos none of this is made.

VIDEO_FILES = targets.video_files(CONFIG)
if CONFIG.raw.videos and not VIDEO_FILES and workflow.is_main_process:
    say(
        f"note: {targets.raw_folder(CONFIG, 'videos')}: no video with a CSV of its true boxes in it; none is looked at"
    )

# By name, options of `uncover detect`: the detector alone, as the thesis rescues, and what this run found best.
DETECTION_STEPS = {
    "rgb": "--rescue none",
    "heatmap": "--rescue heatmap:gradcampp_avg",
    "rescue": "--rescue best",
    "online": "--rescue best --temporal online",
    "offline": "--rescue best --temporal offline",
}
DETECTED = ("boxes.parquet", "frames.parquet", "per_second.csv", "summary.json")
if VIDEO_FILES:
    ALL_TABLES += [f"{RUN}/tables/table_videos.csv"]
    ALL_FIGURES += [f"{RUN}/figures/figure_videos.png"]


wildcard_constraints:
    steps="|".join(DETECTION_STEPS),


def detecting_models(steps):
    """Models that may be at work: which rescue is best is known when the trial has ended."""
    if steps == "rgb":
        return ["rgb10"]
    return [
        "rgb10",
        *(["gradcampp_avg"] if steps == "heatmap" else ["rgb1", *SECOND_MODELS]),
    ]


def rescue_records(wildcards):
    """What else `uncover detect --run` reads of a run to rescue."""
    if wildcards.steps == "rgb":
        return []
    trial = [f"{RUN}/metrics/rescue_trial.csv"]
    if wildcards.steps == "heatmap":
        return trial
    # Sizes of closer looks, and how heatmaps were made that boxes were drawn in, stand with what was predicted.
    looks = predictions_of([*LOOKS, "heatmap_boxes"], TRIED_SETS)
    return [
        *trial,
        *looks,
        f"{RUN}/heatmaps/{BOXED}/val/manifest.parquet",
        *(f"{RUN}/datasets/train/{name}.parquet" for name in ("boxes", "manifest")),
    ]


rule detect_videos:
    input:
        summary=raw_summary("videos"),
        weights=lambda wildcards: [
            f"{RUN}/models/{model}/weights.pt"
            for model in detecting_models(wildcards.steps)
        ],
        records=rescue_records,
    output:
        [f"{RUN}/videos/{{steps}}/{file}" for file in DETECTED],
    log:
        f"{LOGS}/detect_videos/{{steps}}.log",
    benchmark:
        f"{BENCHMARKS}/detect_videos/{{steps}}.tsv"
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        **needs(mem_mb=8000, runtime=480, gpu=1),
    params:
        videos=[str(path) for path in VIDEO_FILES.values()],
        run=RUN,
        out=f"{RUN}/videos/{{steps}}",
        options=lambda wildcards: DETECTION_STEPS[wildcards.steps],
        confidence=CONFIG.rescue.missed_confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        raw_state=lambda wildcards: raw_state("videos"),
        code=code_of("uncover.commands.detect"),
    shell:
        "uncover detect {params.videos:q} --run {params.run} --out {params.out} {params.options}"
        " --confidence {params.confidence} --nms-iou {params.nms_iou} 2>&1 | tee {log}"


rule evaluate_videos:
    input:
        summary=raw_summary("videos"),
        detections=[
            f"{RUN}/videos/{steps}/{file}"
            for steps in DETECTION_STEPS
            for file in ("boxes.parquet", "frames.parquet")
        ],
    output:
        scores=f"{RUN}/metrics/videos.csv",
        frames=f"{RUN}/metrics/videos_frames.parquet",
    log:
        f"{LOGS}/evaluate_videos.log",
    benchmark:
        f"{BENCHMARKS}/evaluate_videos.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=4000, runtime=60),
    params:
        truth=lambda wildcards: targets.raw_folder(CONFIG, "videos"),
        detections=[f"{steps}={RUN}/videos/{steps}" for steps in DETECTION_STEPS],
        true_iou=CONFIG.rescue.true_iou,
        bootstrap=CONFIG.prediction.bootstrap,
        raw_state=lambda wildcards: raw_state("videos"),
        code=code_of("uncover.commands.evaluate_videos"),
    shell:
        "uncover evaluate videos {output.scores} --frames {output.frames} --truth {params.truth:q}"
        " --detections {params.detections} --true-iou {params.true_iou} --bootstrap {params.bootstrap} 2>&1 | tee {log}"


rule table_videos:
    input:
        scores=f"{RUN}/metrics/videos.csv",
    output:
        **table_outputs("table_videos", "videos, step by step"),
    log:
        f"{LOGS}/table_videos.log",
    benchmark:
        f"{BENCHMARKS}/table_videos.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        code=code_of("uncover.commands.table_videos"),
    shell:
        "uncover table_videos {params.out} --scores {input.scores} 2>&1 | tee {log}"


rule figure_videos:
    input:
        scores=f"{RUN}/metrics/videos.csv",
        frames=f"{RUN}/metrics/videos_frames.parquet",
    output:
        **figure_outputs("figure_videos", "videos, step by step"),
    log:
        f"{LOGS}/figure_videos.log",
    benchmark:
        f"{BENCHMARKS}/figure_videos.tsv"
    group:
        "figures"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=10, small=1),
    params:
        out=f"{RUN}/figures",
        code=code_of("uncover.commands.figure_videos"),
    shell:
        "uncover figure_videos {params.out} --scores {input.scores} --frames {input.frames} 2>&1 | tee {log}"
