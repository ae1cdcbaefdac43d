# Heatmaps of the first detector on every data set: all variants in one pass, many sets in one job or one set shared by
# several. Then the missed faces of this detector, and what heatmap detectors and controls find.


wildcard_constraints:
    shards=r"\d+",
    second="|".join(RUN.second_models),


def heatmap_shards(name):
    return Shard.all(KEPT_HEATMAPS.get(name, CONFIG.heatmaps.shards_of(name)))


def heatmap_options():
    """Everything that a map depends on, except the weights and the image."""
    settings = CONFIG.heatmaps
    options = [
        (
            "--variant",
            f"{name}={kind.method}:{','.join(map(str, kind.layers))}:{kind.target}",
        )
        for name, kind in RUN.heatmap_kinds.items()
    ]
    options += [("--confidence", settings.confidence), ("--nms-iou", settings.nms_iou)]
    options += [("--image-size", settings.image_size)] if settings.image_size else []
    return [word for pair in options for word in pair]


# Training sets are separate from the rest: an additional test set retrains nothing.
LEARNED_HEATMAPS = RUN.joint_heatmap_sets(KEPT_HEATMAPS, learned=True)
TESTED_HEATMAPS = RUN.joint_heatmap_sets(KEPT_HEATMAPS, learned=False)
SHARED_HEATMAPS = [
    name for name in RUN.sets if name not in (*LEARNED_HEATMAPS, *TESTED_HEATMAPS)
]


# A rerun keeps the maps that are still up to date.
rule make_heatmaps_learned:
    input:
        weights=RUN.paths.model("rgb10").weights,
        images=RUN.manifests(LEARNED_HEATMAPS),
        train=RUN.paths.dataset("train").manifest,
    output:
        manifests=RUN.heatmaps(RUN.heatmap_kinds, LEARNED_HEATMAPS),
        lints=RUN.lints(LEARNED_HEATMAPS),
    log:
        RUN.paths.log("make_heatmaps_learned"),
    benchmark:
        RUN.paths.benchmark("make_heatmaps_learned")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("make_heatmaps_learned", mem_mb=8000, runtime=480, gpu=1, resumes=True),
    params:
        sets=RUN.datasets(LEARNED_HEATMAPS),
        out=RUN.paths.all_heatmaps,
        trained_on=RUN.paths.dataset("train"),
        options=heatmap_options(),
        # The batch size changes no map: a function of outputs, because Snakemake does not compare its value.
        batch=lambda wildcards, output: CONFIG.heatmaps.batch,
        code=code_of_verb("heatmaps sets"),
    shell:
        "uncover heatmaps sets --weights {input.weights:q} {params.sets:q} --out {params.out:q}"
        " --trained-on {params.trained_on:q} {params.options:q} --batch {params.batch:q} 2>&1 | tee {log:q}"


use rule make_heatmaps_learned as make_heatmaps_tested with:
    input:
        weights=RUN.paths.model("rgb10").weights,
        images=RUN.manifests(TESTED_HEATMAPS),
        train=RUN.paths.dataset("train").manifest,
    output:
        manifests=RUN.heatmaps(RUN.heatmap_kinds, TESTED_HEATMAPS),
        lints=RUN.lints(TESTED_HEATMAPS),
    log:
        RUN.paths.log("make_heatmaps_tested"),
    benchmark:
        RUN.paths.benchmark("make_heatmaps_tested")
    resources:
        **needs("make_heatmaps_tested", mem_mb=8000, runtime=480, gpu=1, resumes=True),
    params:
        sets=RUN.datasets(TESTED_HEATMAPS),
        out=RUN.paths.all_heatmaps,
        trained_on=RUN.paths.dataset("train"),
        options=heatmap_options(),
        batch=lambda wildcards, output: CONFIG.heatmaps.batch,
        code=code_of_verb("heatmaps sets"),


rule make_heatmaps:
    input:
        weights=RUN.paths.model("rgb10").weights,
        manifest=RUN.paths.dataset("{set}").manifest,
    output:
        records=[
            RUN.paths.heatmaps(kind, "{set}").shard("{shard}-of-{shards}")
            for kind in RUN.heatmap_kinds
        ],
    log:
        RUN.paths.log("make_heatmaps", "{set}", "{shard}-of-{shards}"),
    benchmark:
        RUN.paths.benchmark("make_heatmaps", "{set}", "{shard}-of-{shards}")
    wildcard_constraints:
        set="|".join(SHARED_HEATMAPS) or "none",
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("make_heatmaps", mem_mb=8000, runtime=480, gpu=1, resumes=True),
    params:
        images=RUN.paths.dataset("{set}"),
        out=RUN.paths.all_heatmaps,
        options=heatmap_options(),
        batch=lambda wildcards, output: CONFIG.heatmaps.batch,
        code=code_of_verb("heatmaps"),
    shell:
        "uncover heatmaps --weights {input.weights:q} {params.images:q} {params.out:q} --name {wildcards.set:q}"
        " --shard {wildcards.shard:q}/{wildcards.shards:q} {params.options:q} --batch {params.batch:q} 2>&1 | tee {log:q}"


rule collect_heatmaps:
    input:
        records=lambda wildcards: [
            RUN.paths.heatmaps(kind, wildcards.set).shard(shard)
            for kind in RUN.heatmap_kinds
            for shard in heatmap_shards(wildcards.set)
        ],
        train=RUN.paths.dataset("train").manifest,
    output:
        manifests=RUN.heatmaps(RUN.heatmap_kinds, ["{set}"]),
        lints=RUN.lints(["{set}"]),
    log:
        RUN.paths.log("collect_heatmaps", "{set}"),
    benchmark:
        RUN.paths.benchmark("collect_heatmaps", "{set}")
    wildcard_constraints:
        set="|".join(SHARED_HEATMAPS) or "none",
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("collect_heatmaps", mem_mb=2000, runtime=30),
    params:
        folders=[RUN.paths.heatmaps(kind, "{set}") for kind in RUN.heatmap_kinds],
        trained_on=RUN.paths.dataset("train"),
        code=code_of_verb("heatmaps collect"),
    shell:
        "uncover heatmaps collect {params.folders:q} --trained-on {params.trained_on:q} 2>&1 | tee {log:q}"


rule draw_boxes:
    input:
        predictions=RUN.paths.predictions("rgb10", "{set}"),
    output:
        manifest=RUN.paths.heatmaps(DRAWN_BOXES, "{set}").manifest,
    log:
        RUN.paths.log("draw_boxes", "{set}"),
    benchmark:
        RUN.paths.benchmark("draw_boxes", "{set}")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("draw_boxes", mem_mb=4000, runtime=60),
    params:
        out=RUN.paths.heatmaps(DRAWN_BOXES, "{set}"),
        confidence=CONFIG.heatmaps.confidence,
        code=code_of_verb("draw_boxes"),
    shell:
        "uncover draw_boxes --predictions {input.predictions:q} --confidence {params.confidence:q}"
        " --out {params.out:q} 2>&1 | tee {log:q}"


rule find_missed:
    input:
        predictions=RUN.predictions(["rgb10"], RUN.tried_sets),
        boxes=RUN.boxes(RUN.tried_sets),
        heatmaps=RUN.heatmaps(RUN.all_heatmap_kinds, RUN.tried_sets),
    output:
        missed=RUN.missed(RUN.tried_sets),
    log:
        RUN.paths.log("find_missed"),
    benchmark:
        RUN.paths.benchmark("find_missed")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("find_missed", mem_mb=2000, runtime=60),
    params:
        out=RUN.paths.all_missed,
        datasets=RUN.datasets(
            name for name in RUN.tried_sets if name in RUN.labelled_sets
        ),
        heatmaps=[RUN.paths.heatmaps_of(kind) for kind in RUN.all_heatmap_kinds],
        confidence=CONFIG.rescue.missed_confidence,
        code=code_of_verb("missed sets"),
    shell:
        "uncover missed sets {params.out:q} --predictions {input.predictions:q} --heatmaps {params.heatmaps:q}"
        " --datasets {params.datasets:q} --confidence {params.confidence:q} 2>&1 | tee {log:q}"


# One job for all sets of a detector, which is loaded once.
rule predict_second:
    input:
        weights=RUN.paths.model("{second}").weights,
        manifests=RUN.manifests(RUN.tried_sets),
        maps=lambda wildcards: RUN.seen_heatmaps(wildcards.second, RUN.tried_sets),
    output:
        predictions=predicted("{second}", RUN.tried_sets),
    log:
        RUN.paths.log("predict_second", "{second}", *SHARD),
    benchmark:
        RUN.paths.benchmark("predict_second", "{second}", *SHARD)
    wildcard_constraints:
        second=as_configured(RUN.second_models),
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("predict_second", mem_mb=8000, runtime=480, gpu=1),
    params:
        sets=lambda wildcards: RUN.seen_folders(wildcards.second, RUN.tried_sets),
        out=RUN.paths.predictions_of("{second}"),
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        shard=shard_option,
        code=code_of_verb("predict sets"),
    shell:
        "uncover predict sets --weights {input.weights:q} {params.sets:q} --out {params.out:q}"
        " --confidence {params.confidence:q} --nms-iou {params.nms_iou:q} {params.shard:q} 2>&1 | tee {log:q}"


if OTHERS:

    use rule predict_second as predict_second_as_before with:
        output:
            predictions=predicted("{second}", RUN.tried_sets, shard=OTHER_SHARD),
        log:
            RUN.paths.log("predict_second", "{second}", *OTHER_SHARD),
        benchmark:
            RUN.paths.benchmark("predict_second", "{second}", *OTHER_SHARD)
        wildcard_constraints:
            second=as_before(RUN.second_models),


rule evaluate_second:
    input:
        predictions=RUN.predictions(["{second}"], RUN.tried_sets),
        boxes=RUN.boxes(RUN.tried_sets),
        manifests=RUN.manifests(RUN.tried_sets),
        missed=RUN.missed(RUN.missed_sets),
    output:
        whole=RUN.evaluations(["{second}"], RUN.scored_sets, "whole_face"),
        missed=RUN.evaluations(["{second}"], RUN.labelled_missed_sets, "missed"),
        counts=RUN.paths.rescue_counts("{second}"),
    log:
        RUN.paths.log("evaluate_second", "{second}"),
    benchmark:
        RUN.paths.benchmark("evaluate_second", "{second}")
    group:
        "scores"
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("evaluate_second", mem_mb=4000, runtime=60, group="scores"),
    params:
        out=RUN.paths.metrics_of("{second}"),
        datasets=RUN.datasets(RUN.tried_sets),
        whole=lambda wildcards: (
            RUN.scored_sets
            if wildcards.second in RUN.second_models
            else RUN.labelled_sets
        ),
        unlabelled=(
            ["--unlabelled", *RUN.unlabelled_sets] if RUN.unlabelled_sets else []
        ),
        maps=lambda wildcards: (
            ["--maps", RUN.blank_column(wildcards.second)]
            if RUN.blank_column(wildcards.second)
            else []
        ),
        confidence=lambda wildcards: RUN.confidences.get(
            wildcards.second, CONFIG.rescue.missed_confidence
        ),
        true_iou=CONFIG.rescue.true_iou,
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of_verb("evaluate second"),
    shell:
        "uncover evaluate second {params.out:q} --predictions {input.predictions:q} --datasets {params.datasets:q}"
        " --whole {params.whole:q} --missed {input.missed:q} {params.unlabelled:q} {params.maps:q}"
        " --confidence {params.confidence:q} --true-iou {params.true_iou:q} --bootstrap {params.bootstrap:q} 2>&1 | tee {log:q}"
