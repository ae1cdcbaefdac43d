# The second step: heatmap detectors and controls, photos that the first detector missed, and what finds faces in them.

THESIS_MODELS, VARIANT_MODELS = (
    [name for name, model in SECOND_MODELS.items() if model.role == role]
    for role in ("thesis", "variant")
)
# Groups of the rescue summary, by role.
GROUPS = {
    "thesis": "heatmaps",
    "variant": "variant",
    "control": "control",
    "ours": "ours",
}
# Preterm infants of the web are for ready-made detectors alone.
TRIED_SETS = [name for name in HEATMAP_SETS if name not in ("train", "preterm_web")]
UNLABELLED_SETS = [name for name in TRIED_SETS if name not in LABELLED_SETS]
MISSED_SETS = [name for name in TRIED_SETS if name != "val"]
LABELLED_MISSED_SETS = [name for name in MISSED_SETS if name in LABELLED_SETS]
DRAWN = (
    [DRAWN_BOXES]
    if any(m.heatmaps == DRAWN_BOXES for m in SECOND_MODELS.values())
    else []
)
MISSED = [f"{RUN}/missed/{name}.csv" for name in TRIED_SETS]
LOOKS_OF = CONFIG.looks_of
LOOKS = [f"{LOOKS_OF}_look{number + 1}" for number in range(len(CONFIG.rescue.looks))]
# The look at the size of its training counts as one.
ALL_LOOKS = [LOOKS_OF, *LOOKS] if LOOKS else []
RIVALS_PROPOSED = [
    name for name, rival in RIVALS.items() if LOOKS or not rival.needs_looks
]
RECORD = ("summary.json", "classes.csv", "curves.parquet", "confusion.csv")


wildcard_constraints:
    second="|".join(SECOND_MODELS),
    look="|".join(LOOKS) or "none",


def looked_at(model, name):
    """The folder of a set that a detector of the second step looks at."""
    kind = SECOND_MODELS[model].heatmaps
    return f"{RUN}/heatmaps/{kind}/{name}" if kind else f"{RUN}/datasets/{name}"


def maps_of(model, names):
    """Manifests of the heatmaps of some sets, for a detector that looks at heatmaps."""
    if SECOND_MODELS[model].heatmaps is None:
        return []
    return [f"{looked_at(model, name)}/manifest.parquet" for name in names]


def blank_column(model):
    """The column of missed/<set>.csv that says where a detector has something to look at."""
    own = SECOND_MODELS[model]
    return f"{own.heatmaps}:{own.input}" if own.heatmaps else ""


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


rule draw_boxes:
    input:
        predictions=f"{RUN}/predictions/rgb10/{{set}}.parquet",
    output:
        manifest=f"{RUN}/heatmaps/{DRAWN_BOXES}/{{set}}/manifest.parquet",
    log:
        f"{LOGS}/draw_boxes/{{set}}.log",
    benchmark:
        f"{BENCHMARKS}/draw_boxes/{{set}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        out=f"{RUN}/heatmaps/{DRAWN_BOXES}/{{set}}",
        confidence=CONFIG.heatmaps.confidence,
        code=code_digest("uncover.commands.draw_boxes"),
    shell:
        "uncover draw_boxes --predictions {input.predictions} --confidence {params.confidence}"
        " --out {params.out} 2>&1 | tee {log}"


rule find_missed:
    input:
        predictions=f"{RUN}/predictions/rgb10/{{set}}.parquet",
        boxes=f"{RUN}/datasets/{{set}}/boxes.parquet",
        heatmaps=[
            f"{RUN}/heatmaps/{variant}/{{set}}/manifest.parquet"
            for variant in [*VARIANTS, *DRAWN]
        ],
    output:
        missed=f"{RUN}/missed/{{set}}.csv",
    log:
        f"{LOGS}/find_missed/{{set}}.log",
    benchmark:
        f"{BENCHMARKS}/find_missed/{{set}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        labels=lambda wildcards: (
            f"--labels {RUN}/datasets/{wildcards.set}/labels"
            if wildcards.set in LABELLED_SETS
            else ""
        ),
        heatmaps=[
            f"{RUN}/heatmaps/{variant}/{{set}}" for variant in [*VARIANTS, *DRAWN]
        ],
        confidence=CONFIG.rescue.missed_confidence,
        code=code_digest("uncover.commands.missed"),
    shell:
        "uncover missed {output.missed} --predictions {input.predictions} --heatmaps {params.heatmaps}"
        " {params.labels} --confidence {params.confidence} 2>&1 | tee {log}"


# One job for all sets of a detector: it is loaded once.
rule predict_second:
    input:
        weights=f"{RUN}/models/{{second}}/weights.pt",
        manifests=[f"{RUN}/datasets/{name}/manifest.parquet" for name in TRIED_SETS],
        maps=lambda wildcards: maps_of(wildcards.second, TRIED_SETS),
    output:
        predictions=[
            f"{RUN}/predictions/{{second}}/{name}.parquet" for name in TRIED_SETS
        ],
    log:
        f"{LOGS}/predict_second/{{second}}.log",
    benchmark:
        f"{BENCHMARKS}/predict_second/{{second}}.tsv"
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        mem_mb=8000,
        runtime=480,
    params:
        sets=lambda wildcards: [
            looked_at(wildcards.second, name) for name in TRIED_SETS
        ],
        out=f"{RUN}/predictions/{{second}}",
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.rescue.missed_nms_iou,
        code=code_digest("uncover.commands.predict_sets"),
    shell:
        "uncover predict sets --weights {input.weights} {params.sets} --out {params.out}"
        " --confidence {params.confidence} --nms-iou {params.nms_iou} 2>&1 | tee {log}"


rule evaluate_second:
    input:
        predictions=[
            f"{RUN}/predictions/{{second}}/{name}.parquet" for name in TRIED_SETS
        ],
        boxes=[f"{RUN}/datasets/{name}/boxes.parquet" for name in TRIED_SETS],
        missed=[f"{RUN}/missed/{name}.csv" for name in MISSED_SETS],
    output:
        whole=[
            f"{RUN}/metrics/{{second}}/{name}/whole_face/{file}"
            for name in SCORED_SETS
            for file in RECORD
        ],
        missed=[
            f"{RUN}/metrics/{{second}}/{name}/missed/{file}"
            for name in LABELLED_MISSED_SETS
            for file in RECORD
        ],
        counts=f"{RUN}/metrics/{{second}}/rescue.csv",
    log:
        f"{LOGS}/evaluate_second/{{second}}.log",
    benchmark:
        f"{BENCHMARKS}/evaluate_second/{{second}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        out=f"{RUN}/metrics/{{second}}",
        datasets=[f"{RUN}/datasets/{name}" for name in TRIED_SETS],
        whole=SCORED_SETS,
        unlabelled=" ".join(
            ["--unlabelled", *UNLABELLED_SETS] if UNLABELLED_SETS else []
        ),
        maps=lambda wildcards: (
            f"--maps {blank_column(wildcards.second)}"
            if blank_column(wildcards.second)
            else ""
        ),
        confidence=CONFIG.rescue.missed_confidence,
        true_iou=CONFIG.rescue.true_iou,
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_digest("uncover.commands.evaluate_second"),
    shell:
        "uncover evaluate second {params.out} --predictions {input.predictions} --datasets {params.datasets}"
        " --whole {params.whole} --missed {input.missed} {params.unlabelled} {params.maps}"
        " --confidence {params.confidence} --true-iou {params.true_iou} --bootstrap {params.bootstrap} 2>&1 | tee {log}"


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
