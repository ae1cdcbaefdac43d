# The rescue of missed faces: rivals of the heatmap detectors, and the trial of them all.

# Groups of the rescue summary, by role.
GROUPS = {
    "thesis": "heatmaps",
    "variant": "variant",
    "control": "control",
    "ours": "ours",
}
LOOKS_OF = CONFIG.looks_of
LOOKS = [f"{LOOKS_OF}_look{number + 1}" for number in range(len(CONFIG.rescue.looks))]
# The look at the size of its training counts as one.
ALL_LOOKS = [LOOKS_OF, *LOOKS] if LOOKS else []
RIVALS_PROPOSED = [
    name for name, rival in RIVALS.items() if LOOKS or not rival.needs_looks
]


wildcard_constraints:
    look="|".join(LOOKS) or "none",


# All that may find a face in a missed photo, as `uncover rescue_trial` takes it: name, group, what it looks at.
RESCUE_METHODS = [
    *(
        f"{name}={GROUPS[model.role]}"
        + (f":{blank_column(name)}" if blank_column(name) else "")
        for name, model in SECOND_MODELS.items()
    ),
    *(f"{name}={RIVALS[name].group}" for name in RIVALS_PROPOSED),
]
RESCUE_PREDICTIONS = [
    f"{RUN}/predictions/{method}/{name}.parquet"
    for method in [*SECOND_MODELS, *RIVALS_PROPOSED]
    for name in TRIED_SETS
]


# A detector of photos once more, at other sizes of its input: small faces grow with it.
rule look_closer:
    input:
        weights=f"{RUN}/models/{LOOKS_OF}/weights.pt",
        manifests=[f"{RUN}/datasets/{name}/manifest.parquet" for name in TRIED_SETS],
    output:
        predictions=[
            f"{RUN}/predictions/{{look}}/{name}.parquet" for name in TRIED_SETS
        ],
    log:
        f"{LOGS}/look_closer/{{look}}.log",
    benchmark:
        f"{BENCHMARKS}/look_closer/{{look}}.tsv"
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        mem_mb=8000,
        runtime=480,
    params:
        sets=[f"{RUN}/datasets/{name}" for name in TRIED_SETS],
        out=f"{RUN}/predictions/{{look}}",
        image_size=lambda wildcards: targets.look_size(
            CONFIG, LOOKS.index(wildcards.look)
        ),
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.rescue.missed_nms_iou,
        code=code_digest("uncover.commands.predict_sets"),
    shell:
        "uncover predict sets --weights {input.weights} {params.sets} --out {params.out} --image-size {params.image_size}"
        " --confidence {params.confidence} --nms-iou {params.nms_iou} 2>&1 | tee {log}"


rule propose_faces:
    input:
        rgb10=[f"{RUN}/predictions/rgb10/{name}.parquet" for name in TRIED_SETS],
        rgb1=[f"{RUN}/predictions/rgb1/{name}.parquet" for name in TRIED_SETS],
        looks=[
            f"{RUN}/predictions/{look}/{name}.parquet"
            for look in ALL_LOOKS
            for name in TRIED_SETS
        ],
        boxes=f"{RUN}/datasets/train/boxes.parquet",
    output:
        predictions=[
            f"{RUN}/predictions/{rival}/{name}.parquet"
            for rival in RIVALS_PROPOSED
            for name in TRIED_SETS
        ],
    log:
        f"{LOGS}/propose_faces.log",
    benchmark:
        f"{BENCHMARKS}/propose_faces.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        out=f"{RUN}/predictions",
        train=f"{RUN}/datasets/train",
        looks=" ".join(
            ["--looks", *(f"{RUN}/predictions/{look}" for look in ALL_LOOKS)]
            if ALL_LOOKS
            else []
        ),
        code=code_digest("uncover.commands.propose"),
    shell:
        "uncover propose {params.out} --train {params.train} --rgb10 {input.rgb10} --rgb1 {input.rgb1}"
        " {params.looks} 2>&1 | tee {log}"


rule rescue_trial:
    input:
        missed=MISSED,
        boxes=[f"{RUN}/datasets/{name}/boxes.parquet" for name in TRIED_SETS],
        predictions=RESCUE_PREDICTIONS,
    output:
        trial=f"{RUN}/metrics/rescue_trial.csv",
    log:
        f"{LOGS}/rescue_trial.log",
    benchmark:
        f"{BENCHMARKS}/rescue_trial.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        methods=RESCUE_METHODS,
        predictions=f"{RUN}/predictions",
        datasets=[f"{RUN}/datasets/{name}" for name in TRIED_SETS],
        rates=CONFIG.rescue.false_positives_per_photo,
        true_iou=CONFIG.rescue.true_iou,
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_digest("uncover.commands.rescue_trial"),
    shell:
        "uncover rescue_trial {output.trial} --methods {params.methods} --predictions {params.predictions}"
        " --missed {input.missed} --datasets {params.datasets} --val val --rates {params.rates}"
        " --true-iou {params.true_iou} --bootstrap {params.bootstrap} 2>&1 | tee {log}"
