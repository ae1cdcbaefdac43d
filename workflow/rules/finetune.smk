# Fine-tuning on a few frames of videos, each infant left out in turn (thesis section 5.2).

# What neither draws frames nor trains: the experiment's size, and what is a path or a wildcard here.
OF_EXPERIMENT = ("start=", "counts=", "freeze=", "frames_per_video=", "gap=")


wildcard_constraints:
    left_out="|".join(re.escape(name) for name in RUN.infants) or "none",
    freeze=r"\d+",
    amount=r"\d+",


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
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=240),
    params:
        videos=[str(path) for path in RUN.video_files.values()],
        truths=[str(path.with_suffix(".csv")) for path in RUN.video_files.values()],
        out=RUN.paths.picked_frames,
        frames=CONFIG.finetune.frames_per_video,
        gap=CONFIG.finetune.gap,
        raw_state=lambda wildcards: raw_state("videos"),
        code=code_of_verb("frames"),
    shell:
        "uncover frames {params.videos:q} {params.out} --count {params.frames} --gap {params.gap}"
        " --boxes {params.truths:q} 2>&1 | tee {log}"


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
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=30),
    params:
        raw=RUN.paths.picked_frames,
        out=RUN.paths.finetune_dataset,
        code=code_of_verb("labels"),
    shell:
        "uncover labels --layout graded {params.raw} {params.out} 2>&1 | tee {log}"


rule fine_tune:
    input:
        manifest=RUN.paths.finetune_dataset.manifest,
        boxes=RUN.paths.finetune_dataset.boxes,
        start=RUN.paths.model(CONFIG.finetune.start).weights,
    output:
        weights=RUN.paths.finetuned("{left_out}", "{freeze}", "{amount}").weights,
        record=RUN.paths.finetuned("{left_out}", "{freeze}", "{amount}").record,
    log:
        RUN.paths.log("fine_tune", "{left_out}", "{freeze}", "{amount}"),
    benchmark:
        RUN.paths.benchmark("fine_tune", "{left_out}", "{freeze}", "{amount}")
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        **needs(mem_mb=8000, runtime=240, gpu=1),
    params:
        data=RUN.paths.finetune_dataset,
        out=RUN.paths.finetuned("{left_out}", "{freeze}", "{amount}"),
        settings=[
            pair
            for pair in as_pairs(CONFIG.finetune)
            if not pair.startswith(OF_EXPERIMENT)
        ],
        confidence=CONFIG.rescue.missed_confidence,
        code=code_of_verb("fine_tune"),
    shell:
        "uncover fine_tune {params.data} {params.out} --from {input.start} --count {wildcards.amount}"
        " --leave-out {wildcards.left_out:q} --confidence {params.confidence} --finetune {params.settings:q}"
        " --set freeze={wildcards.freeze} 2>&1 | tee {log}"


# The start weights as they are, count 0, are the same whatever is frozen.
rule learning_curve:
    input:
        records=[
            RUN.paths.finetuned(name, freeze, count).record
            for freeze in CONFIG.finetune.freeze
            for count in (
                *((0,) if freeze == CONFIG.finetune.freeze[0] else ()),
                *CONFIG.finetune.counts,
            )
            for name in RUN.infants
        ],
    output:
        curve=RUN.paths.learning_curve,
    log:
        RUN.paths.log("learning_curve"),
    benchmark:
        RUN.paths.benchmark("learning_curve")
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10),
    params:
        code=code_of_verb("learning_curve"),
    shell:
        "uncover learning_curve {output.curve} {input.records:q} 2>&1 | tee {log}"
