# The second step: photos that the first detector missed, and what heatmap detectors and controls find in them.

THESIS_MODELS, VARIANT_MODELS = (
    [name for name, model in SECOND_MODELS.items() if model.role == role]
    for role in ("thesis", "variant")
)
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
RECORD = ("summary.json", "classes.csv", "curves.parquet", "confusion.csv")


wildcard_constraints:
    second="|".join(SECOND_MODELS),


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
    """The column of missed/<set>.csv that says where a detector has something to look at; empty for what sees photos."""
    own = SECOND_MODELS.get(model)
    return f"{own.heatmaps}:{own.input}" if own and own.heatmaps else ""


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
        **needs(mem_mb=4000, runtime=60),
    params:
        out=f"{RUN}/heatmaps/{DRAWN_BOXES}/{{set}}",
        confidence=CONFIG.heatmaps.confidence,
        code=code_of("uncover.commands.draw_boxes"),
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
        **needs(mem_mb=2000, runtime=20),
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
        code=code_of("uncover.commands.missed"),
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
        predictions=predicted("{second}", TRIED_SETS),
    log:
        f"{LOGS}/predict_second/{{second}}{OF_SHARD}.log",
    benchmark:
        f"{BENCHMARKS}/predict_second/{{second}}{OF_SHARD}.tsv"
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        **needs(mem_mb=8000, runtime=480, gpu=1),
    params:
        sets=lambda wildcards: [
            looked_at(wildcards.second, name) for name in TRIED_SETS
        ],
        out=f"{RUN}/predictions/{{second}}",
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        shard=shard_option,
        code=code_of("uncover.commands.predict_sets"),
    shell:
        "uncover predict sets --weights {input.weights} {params.sets} --out {params.out}"
        " --confidence {params.confidence} --nms-iou {params.nms_iou} {params.shard} 2>&1 | tee {log}"


rule evaluate_second:
    input:
        predictions=[
            f"{RUN}/predictions/{{second}}/{name}.parquet" for name in TRIED_SETS
        ],
        boxes=[f"{RUN}/datasets/{name}/boxes.parquet" for name in TRIED_SETS],
        manifests=[f"{RUN}/datasets/{name}/manifest.parquet" for name in TRIED_SETS],
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
    group:
        "scores"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=4000, runtime=60, small=1),
    params:
        out=f"{RUN}/metrics/{{second}}",
        datasets=[f"{RUN}/datasets/{name}" for name in TRIED_SETS],
        whole=lambda wildcards: (
            SCORED_SETS if wildcards.second in SECOND_MODELS else LABELLED_SETS
        ),
        unlabelled=" ".join(
            ["--unlabelled", *UNLABELLED_SETS] if UNLABELLED_SETS else []
        ),
        maps=lambda wildcards: (
            f"--maps {blank_column(wildcards.second)}"
            if blank_column(wildcards.second)
            else ""
        ),
        confidence=lambda wildcards: CONFIDENCES.get(
            wildcards.second, CONFIG.rescue.missed_confidence
        ),
        true_iou=CONFIG.rescue.true_iou,
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of("uncover.commands.evaluate_second"),
    shell:
        "uncover evaluate second {params.out} --predictions {input.predictions} --datasets {params.datasets}"
        " --whole {params.whole} --missed {input.missed} {params.unlabelled} {params.maps}"
        " --confidence {params.confidence} --true-iou {params.true_iou} --bootstrap {params.bootstrap} 2>&1 | tee {log}"
