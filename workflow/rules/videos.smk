# Videos with true boxes: what is found in them, step by step. Without such videos none of this is made.

if CONFIG.raw.videos and not RUN.video_files and workflow.is_main_process:
    print(
        f"note: {raw_folder(CONFIG, 'videos')}: no video with a CSV of its true boxes in it; none is looked at",
        file=sys.stderr,
    )

# By name, options of `uncover detect`: the detector alone, as the thesis rescues, and what this run found best.
DETECTION_STEPS = {
    "rgb": "--rescue none",
    "heatmap": "--rescue heatmap:gradcampp_avg",
    "rescue": "--rescue best",
    "online": "--rescue best --temporal online",
    "offline": "--rescue best --temporal offline",
}


wildcard_constraints:
    steps="|".join(DETECTION_STEPS),


def detecting_models(steps):
    """Models that may be at work: which rescue is best is known when the trial has ended."""
    if steps == "rgb":
        return ["rgb10"]
    return [
        "rgb10",
        *(["gradcampp_avg"] if steps == "heatmap" else ["rgb1", *RUN.second_models]),
    ]


def rescue_records(wildcards):
    """What else `uncover detect --run` reads of a run to rescue."""
    if wildcards.steps == "rgb":
        return []
    trial = [RUN.paths.rescue_trial]
    if wildcards.steps == "heatmap":
        return trial
    # Sizes of multi-scale inferences, and how heatmaps were made that boxes were drawn in, stand with what was predicted.
    looks = RUN.predictions([*RUN.scales, "heatmap_boxes"], RUN.tried_sets)
    return [
        *trial,
        *looks,
        RUN.paths.heatmaps(RUN.boxed_heatmaps, "val").manifest,
        RUN.paths.dataset("train").boxes,
        RUN.paths.dataset("train").manifest,
    ]


rule detect_videos:
    input:
        summary=raw_summary("videos"),
        weights=lambda wildcards: [
            RUN.paths.model(model).weights
            for model in detecting_models(wildcards.steps)
        ],
        records=rescue_records,
    output:
        RUN.paths.videos("{steps}").files,
    log:
        RUN.paths.log("detect_videos", "{steps}"),
    benchmark:
        RUN.paths.benchmark("detect_videos", "{steps}")
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        **needs(mem_mb=8000, runtime=480, gpu=1),
    params:
        videos=[str(path) for path in RUN.video_files.values()],
        run=str(RUN.paths),
        out=RUN.paths.videos("{steps}"),
        options=lambda wildcards: DETECTION_STEPS[wildcards.steps],
        confidence=CONFIG.rescue.missed_confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        raw_state=lambda wildcards: raw_state("videos"),
        code=code_of_verb("detect"),
    shell:
        "uncover detect {params.videos:q} --run {params.run} --out {params.out} {params.options}"
        " --confidence {params.confidence} --nms-iou {params.nms_iou} 2>&1 | tee {log}"


rule evaluate_videos:
    input:
        summary=raw_summary("videos"),
        detections=[
            file
            for steps in DETECTION_STEPS
            for file in (RUN.paths.videos(steps).boxes, RUN.paths.videos(steps).frames)
        ],
    output:
        scores=RUN.paths.video_scores,
        frames=RUN.paths.scored_frames,
    log:
        RUN.paths.log("evaluate_videos"),
    benchmark:
        RUN.paths.benchmark("evaluate_videos")
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=4000, runtime=60),
    params:
        truth=lambda wildcards: raw_folder(CONFIG, "videos"),
        detections=[f"{steps}={RUN.paths.videos(steps)}" for steps in DETECTION_STEPS],
        true_iou=CONFIG.rescue.true_iou,
        bootstrap=CONFIG.prediction.bootstrap,
        raw_state=lambda wildcards: raw_state("videos"),
        code=code_of_verb("evaluate videos"),
    shell:
        "uncover evaluate videos {output.scores} --frames {output.frames} --truth {params.truth:q}"
        " --detections {params.detections} --true-iou {params.true_iou} --bootstrap {params.bootstrap} 2>&1 | tee {log}"
