# Videos with true boxes: detections after each step. A run without such videos makes none of this.

# Options of `uncover detect` by name: the detector alone, the rescue of the thesis, and the winner of the trial of this run.
DETECTION_STEPS = {
    "rgb": ["--rescue", "none"],
    "heatmap": ["--rescue", "heatmap:gradcampp_avg"],
    "rescue": ["--rescue", "winner"],
    "online": ["--rescue", "winner", "--temporal", "online"],
    "offline": ["--rescue", "winner", "--temporal", "offline"],
}


# Settings that neither pick frames nor train: the size of the experiment, and those that are paths or wildcards here.
OF_EXPERIMENT = (
    *("start=", "further=", "counts=", "freeze=", "frames_per_video=", "gap="),
    *("photos=", "parts=", "image_size="),
)


wildcard_constraints:
    steps="|".join(DETECTION_STEPS),
    left_out="|".join(re.escape(name) for name in RUN.infants) or "none",
    freeze=r"\d+",
    amount=r"\d+",


def detecting_models(steps):
    """Models that may be used: the best rescue is known only after the trial."""
    if steps == "rgb":
        return ["rgb10"]
    return [
        "rgb10",
        *(["gradcampp_avg"] if steps == "heatmap" else ["rgb1", *RUN.second_models]),
    ]


def rescue_records(wildcards):
    """Further files of a run that the rescue of `uncover detect --run` reads."""
    if wildcards.steps == "rgb":
        return []
    trial = [RUN.paths.rescue_trial]
    if wildcards.steps == "heatmap":
        return trial
    # Stored predictions record the sizes of multi-scale inference, and the settings of heatmaps behind heatmap boxes.
    scaled = RUN.predictions([*RUN.scales, "heatmap_boxes"], RUN.tried_sets)
    return [
        *trial,
        *scaled,
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
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("detect_videos", mem_mb=8000, runtime=480, gpu=1, resumes=True),
    params:
        videos=lambda wildcards: [str(path) for path in RUN.video_files.values()],
        run=str(RUN.paths),
        out=RUN.paths.videos("{steps}"),
        options=lambda wildcards: DETECTION_STEPS[wildcards.steps],
        confidence=CONFIG.rescue.missed_confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        raw_state=lambda wildcards: raw_state("videos"),
        code=code_of_verb("detect"),
    shell:
        "uncover detect {params.videos:q} --run {params.run:q} --out {params.out:q} {params.options:q}"
        " --confidence {params.confidence:q} --nms-iou {params.nms_iou:q} 2>&1 | tee {log:q}"


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
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("evaluate_videos", mem_mb=4000, runtime=60),
    params:
        truth=lambda wildcards: str(raw_folder(CONFIG, "videos")),
        detections=[f"{steps}={RUN.paths.videos(steps)}" for steps in DETECTION_STEPS],
        true_iou=CONFIG.rescue.true_iou,
        bootstrap=CONFIG.prediction.bootstrap,
        raw_state=lambda wildcards: raw_state("videos"),
        code=code_of_verb("evaluate videos"),
    shell:
        "uncover evaluate videos {output.scores:q} --frames {output.frames:q} --truth {params.truth:q}"
        " --detections {params.detections:q} --true-iou {params.true_iou:q} --bootstrap {params.bootstrap:q} 2>&1 | tee {log:q}"


# Fine-tuning on a few frames of videos, leaving out each infant in turn (thesis section 5.2).
rule pick_frames:
    input:
        summary=raw_summary("videos"),
    output:
        frames=RUN.paths.picked_frames_list,
    log:
        RUN.paths.log("pick_frames"),
    benchmark:
        RUN.paths.benchmark("pick_frames")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("pick_frames", mem_mb=2000, runtime=240),
    params:
        videos=lambda wildcards: [str(path) for path in RUN.video_files.values()],
        truths=lambda wildcards: [
            str(path.with_suffix(".csv")) for path in RUN.video_files.values()
        ],
        out=RUN.paths.picked_frames,
        frames=CONFIG.finetune.frames_per_video,
        gap=CONFIG.finetune.gap,
        raw_state=lambda wildcards: raw_state("videos"),
        code=code_of_verb("frames"),
    shell:
        "uncover frames {params.videos:q} {params.out:q} --count {params.frames:q} --gap {params.gap:q}"
        " --boxes {params.truths:q} 2>&1 | tee {log:q}"


if CONFIG.finetune.photos is None:

    rule label_picked:
        input:
            frames=RUN.paths.picked_frames_list,
        output:
            manifest=RUN.paths.finetune_dataset.manifest,
            boxes=RUN.paths.finetune_dataset.boxes,
            rejected=RUN.paths.finetune_dataset.rejected,
            summary=RUN.paths.finetune_dataset.summary,
        log:
            RUN.paths.log("label_picked"),
        benchmark:
            RUN.paths.benchmark("label_picked")
        conda:
            "../../envs/uncover.yaml"
        container:
            CONFIG.cluster.container
        resources:
            **needs("label_picked", mem_mb=2000, runtime=30),
        params:
            raw=RUN.paths.picked_frames,
            out=RUN.paths.finetune_dataset,
            code=code_of_verb("labels"),
        shell:
            "uncover labels --layout graded {params.raw:q} {params.out:q} 2>&1 | tee {log:q}"

else:

    rule label_to_learn:
        output:
            manifest=RUN.paths.finetune_dataset.manifest,
            boxes=RUN.paths.finetune_dataset.boxes,
            rejected=RUN.paths.finetune_dataset.rejected,
            summary=RUN.paths.finetune_dataset.summary,
        log:
            RUN.paths.log("label_to_learn"),
        benchmark:
            RUN.paths.benchmark("label_to_learn")
        conda:
            "../../envs/uncover.yaml"
        container:
            CONFIG.cluster.container
        resources:
            **needs("label_to_learn", mem_mb=2000, runtime=30),
        params:
            raw=lambda wildcards: str(RUN.sources[CONFIG.finetune.photos].folder),
            out=RUN.paths.finetune_dataset,
            options=lambda wildcards: source_options(CONFIG.finetune.photos),
            raw_state=lambda wildcards: raw_state(CONFIG.finetune.photos),
            code=code_of_verb("label_frames"),
        shell:
            "uncover label_frames {params.raw:q} {params.out:q} {params.options:q} 2>&1 | tee {log:q}"


def network_options(start):
    """Settings besides those of the initial weights: a network without a face class gets a new head."""
    head = ["classes=whole_face"] if start in UPSTREAM else []
    size = CONFIG.finetune.image_size
    return head + ([] if size is None else [f"image_size={size}"])


rule fine_tune:
    input:
        manifest=RUN.paths.finetune_dataset.manifest,
        boxes=RUN.paths.finetune_dataset.boxes,
        start=RUN.finetune_start(CONFIG.finetune.start),
    output:
        weights=RUN.paths.finetuned("{left_out}", "{freeze}", "{amount}").weights,
        record=RUN.paths.finetuned("{left_out}", "{freeze}", "{amount}").record,
    log:
        RUN.paths.log("fine_tune", "{left_out}", "{freeze}", "{amount}"),
    benchmark:
        RUN.paths.benchmark("fine_tune", "{left_out}", "{freeze}", "{amount}")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("fine_tune", mem_mb=8000, runtime=240, gpu=1, resumes=True),
    params:
        data=RUN.paths.finetune_dataset,
        out=RUN.paths.finetuned("{left_out}", "{freeze}", "{amount}"),
        left_out=lambda wildcards: RUN.left_out[wildcards.left_out],
        settings=[
            pair
            for pair in as_pairs(CONFIG.finetune)
            if not pair.startswith(OF_EXPERIMENT)
        ],
        network=network_options(CONFIG.finetune.start),
        confidence=CONFIG.rescue.missed_confidence,
        true_iou=CONFIG.rescue.true_iou,
        code=code_of_verb("fine_tune"),
    shell:
        "uncover fine_tune {params.data:q} {params.out:q} --from {input.start:q} --count {wildcards.amount:q}"
        " --leave-out {params.left_out:q} --confidence {params.confidence:q} --true-iou {params.true_iou:q}"
        " --finetune {params.settings:q} --set freeze={wildcards.freeze:q} {params.network:q} 2>&1 | tee {log:q}"


rule learning_curve:
    input:
        records=RUN.finetune_records(CONFIG.finetune.start),
    output:
        curve=RUN.paths.learning_curve,
    log:
        RUN.paths.log("learning_curve"),
    benchmark:
        RUN.paths.benchmark("learning_curve")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("learning_curve", mem_mb=1000, runtime=10),
    params:
        code=code_of_verb("learning_curve"),
    shell:
        "uncover learning_curve {output.curve:q} {input.records:q} 2>&1 | tee {log:q}"


# The same from further initial weights.
if CONFIG.finetune.further:

    wildcard_constraints:
        further="|".join(CONFIG.finetune.further),

    use rule fine_tune as fine_tune_further with:
        input:
            manifest=RUN.paths.finetune_dataset.manifest,
            boxes=RUN.paths.finetune_dataset.boxes,
            start=lambda wildcards: RUN.finetune_start(wildcards.further),
        output:
            weights=RUN.paths.finetuned(
                "{left_out}", "{freeze}", "{amount}", "{further}"
            ).weights,
            record=RUN.paths.finetuned(
                "{left_out}", "{freeze}", "{amount}", "{further}"
            ).record,
        log:
            RUN.paths.log(
                "fine_tune", "{further}", "{left_out}", "{freeze}", "{amount}"
            ),
        benchmark:
            RUN.paths.benchmark(
                "fine_tune", "{further}", "{left_out}", "{freeze}", "{amount}"
            )
        resources:
            **needs("fine_tune_further", mem_mb=8000, runtime=240, gpu=1, resumes=True),
        params:
            out=RUN.paths.finetuned("{left_out}", "{freeze}", "{amount}", "{further}"),
            network=lambda wildcards: network_options(wildcards.further),

    use rule learning_curve as learning_curve_further with:
        input:
            records=lambda wildcards: RUN.finetune_records(
                wildcards.further, wildcards.further
            ),
        output:
            curve=RUN.paths.further_curve("{further}"),
        log:
            RUN.paths.log("learning_curve", "{further}"),
        benchmark:
            RUN.paths.benchmark("learning_curve", "{further}")
        resources:
            **needs("learning_curve_further", mem_mb=1000, runtime=10),
