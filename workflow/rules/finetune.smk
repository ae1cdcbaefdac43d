# Fine-tuning on a few frames of videos, each infant left out in turn (thesis section 5.2).

# Leaving one out needs another one to learn from.
LEFT_OUT = targets.infants_at_hand(CONFIG)
FINETUNES = bool(CONFIG.finetune.counts) and len(LEFT_OUT) > 1
# What neither draws frames nor trains: the experiment's size, and what is a path or a wildcard here.
OF_EXPERIMENT = ("start=", "counts=", "freeze=", "frames_per_video=", "gap=")
if FINETUNES:
    ALL_FIGURES += [f"{RUN}/figures/figure_learning_curve.png"]


wildcard_constraints:
    left_out="|".join(re.escape(name) for name in LEFT_OUT) or "none",
    freeze=r"\d+",
    amount=r"\d+",


rule pick_frames:
    input:
        summary=raw_summary("videos"),
    output:
        frames=f"{RUN}/finetune/frames/frames.csv",
    log:
        f"{LOGS}/pick_frames.log",
    benchmark:
        f"{BENCHMARKS}/pick_frames.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=240),
    params:
        videos=[str(path) for path in VIDEO_FILES.values()],
        truths=[str(path.with_suffix(".csv")) for path in VIDEO_FILES.values()],
        out=f"{RUN}/finetune/frames",
        frames=CONFIG.finetune.frames_per_video,
        gap=CONFIG.finetune.gap,
        raw_state=lambda wildcards: raw_state("videos"),
        code=code_of("uncover.commands.frames"),
    shell:
        "uncover frames {params.videos:q} {params.out} --count {params.frames} --gap {params.gap}"
        " --boxes {params.truths:q} 2>&1 | tee {log}"


rule label_picked:
    input:
        frames=f"{RUN}/finetune/frames/frames.csv",
    output:
        manifest=f"{RUN}/finetune/dataset/manifest.parquet",
        boxes=f"{RUN}/finetune/dataset/boxes.parquet",
        rejected=f"{RUN}/finetune/dataset/rejected.csv",
        summary=f"{RUN}/finetune/dataset/summary.json",
    log:
        f"{LOGS}/label_picked.log",
    benchmark:
        f"{BENCHMARKS}/label_picked.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=30),
    params:
        raw=f"{RUN}/finetune/frames",
        out=f"{RUN}/finetune/dataset",
        code=code_of("uncover.commands.labels"),
    shell:
        "uncover labels --layout graded {params.raw} {params.out} 2>&1 | tee {log}"


rule fine_tune:
    input:
        manifest=f"{RUN}/finetune/dataset/manifest.parquet",
        boxes=f"{RUN}/finetune/dataset/boxes.parquet",
        start=f"{RUN}/models/{CONFIG.finetune.start}/weights.pt",
    output:
        weights=f"{RUN}/finetune/left_out/{{left_out}}/freeze_{{freeze}}/{{amount}}/weights.pt",
        record=f"{RUN}/finetune/left_out/{{left_out}}/freeze_{{freeze}}/{{amount}}/left_out.json",
    log:
        f"{LOGS}/fine_tune/{{left_out}}/{{freeze}}/{{amount}}.log",
    benchmark:
        f"{BENCHMARKS}/fine_tune/{{left_out}}/{{freeze}}/{{amount}}.tsv"
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        **needs(mem_mb=8000, runtime=240, gpu=1),
    params:
        data=f"{RUN}/finetune/dataset",
        out=f"{RUN}/finetune/left_out/{{left_out}}/freeze_{{freeze}}/{{amount}}",
        settings=[
            pair
            for pair in as_pairs(CONFIG.finetune)
            if not pair.startswith(OF_EXPERIMENT)
        ],
        confidence=CONFIG.rescue.missed_confidence,
        code=code_of("uncover.commands.fine_tune"),
    shell:
        "uncover fine_tune {params.data} {params.out} --from {input.start} --count {wildcards.amount}"
        " --leave-out {wildcards.left_out:q} --confidence {params.confidence} --finetune {params.settings:q}"
        " --set freeze={wildcards.freeze} 2>&1 | tee {log}"


# The start weights as they are, count 0, are the same whatever is frozen.
rule learning_curve:
    input:
        records=[
            f"{RUN}/finetune/left_out/{name}/freeze_{freeze}/{count}/left_out.json"
            for freeze in CONFIG.finetune.freeze
            for count in (
                *((0,) if freeze == CONFIG.finetune.freeze[0] else ()),
                *CONFIG.finetune.counts,
            )
            for name in LEFT_OUT
        ],
    output:
        curve=f"{RUN}/metrics/learning_curve.csv",
    log:
        f"{LOGS}/learning_curve.log",
    benchmark:
        f"{BENCHMARKS}/learning_curve.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10),
    params:
        code=code_of("uncover.commands.learning_curve"),
    shell:
        "uncover learning_curve {output.curve} {input.records:q} 2>&1 | tee {log}"


rule figure_learning_curve:
    input:
        record=f"{RUN}/metrics/learning_curve.csv",
    output:
        **figure_outputs("figure_learning_curve", "fine-tuning on a few frames"),
    log:
        f"{LOGS}/figure_learning_curve.log",
    benchmark:
        f"{BENCHMARKS}/figure_learning_curve.tsv"
    group:
        "figures"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/figures",
        code=code_of("uncover.commands.figure_learning_curve"),
    shell:
        "uncover figure_learning_curve {params.out} --record {input.record} 2>&1 | tee {log}"
