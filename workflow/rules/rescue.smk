# Rescue of missed faces: strategies besides the heatmap detectors, and the trial of all methods.


wildcard_constraints:
    scale="|".join(RUN.scales) or "none",


def rescue_predictions(wildcards):
    """Predictions of all methods that may find a missed face."""
    wait_for_weights()
    methods = [*RUN.second_models, *RUN.strategies, *RUN.baselines_at_hand()]
    return RUN.predictions(methods, RUN.tried_sets)


def rescue_methods(wildcards):
    return RUN.rescue_methods()


# Multi-scale inference: a detector at further input sizes, for small faces.
rule predict_at_scales:
    input:
        weights=RUN.paths.model(RUN.scale_model).weights,
        manifests=RUN.manifests(RUN.tried_sets),
    output:
        predictions=predicted("{scale}", RUN.tried_sets),
    log:
        RUN.paths.log("predict_at_scales", "{scale}", *SHARD),
    benchmark:
        RUN.paths.benchmark("predict_at_scales", "{scale}", *SHARD)
    wildcard_constraints:
        scale=as_configured(RUN.scales),
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("predict_at_scales", mem_mb=8000, runtime=480, gpu=1),
    params:
        sets=RUN.datasets(RUN.tried_sets),
        out=RUN.paths.predictions_of("{scale}"),
        image_size=lambda wildcards: targets.size_at_scale(
            CONFIG, RUN.scales.index(wildcards.scale)
        ),
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        shard=shard_option,
        code=code_of_verb("predict sets"),
    shell:
        "uncover predict sets --weights {input.weights:q} {params.sets:q} --out {params.out:q} --image-size {params.image_size:q}"
        " --confidence {params.confidence:q} --nms-iou {params.nms_iou:q} {params.shard:q} 2>&1 | tee {log:q}"


if OTHERS:

    use rule predict_at_scales as predict_at_scales_as_before with:
        output:
            predictions=predicted("{scale}", RUN.tried_sets, shard=OTHER_SHARD),
        log:
            RUN.paths.log("predict_at_scales", "{scale}", *OTHER_SHARD),
        benchmark:
            RUN.paths.benchmark("predict_at_scales", "{scale}", *OTHER_SHARD)
        wildcard_constraints:
            scale=as_before(RUN.scales),


rule propose_faces:
    input:
        rgb10=RUN.predictions(["rgb10"], RUN.tried_sets),
        rgb1=RUN.predictions(["rgb1"], RUN.tried_sets),
        scales=RUN.predictions(RUN.all_scales, RUN.tried_sets),
        boxes=RUN.paths.dataset("train").boxes,
        heatmaps=RUN.heatmaps([RUN.boxed_heatmaps], RUN.tried_sets),
    output:
        predictions=RUN.predictions(RUN.strategies, RUN.tried_sets),
    log:
        RUN.paths.log("propose_faces"),
    benchmark:
        RUN.paths.benchmark("propose_faces")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("propose_faces", mem_mb=4000, runtime=60),
    params:
        out=RUN.paths.all_predictions,
        train=RUN.paths.dataset("train"),
        scales=(
            [
                "--scales",
                *(RUN.paths.predictions_of(scale) for scale in RUN.all_scales),
            ]
            if RUN.all_scales
            else []
        ),
        heatmaps=RUN.paths.heatmaps_of(RUN.boxed_heatmaps),
        nms_iou=CONFIG.prediction.nms_iou,
        code=code_of_verb("propose"),
    shell:
        "uncover propose {params.out:q} --train {params.train:q} --rgb10 {input.rgb10:q} --rgb1 {input.rgb1:q}"
        " {params.scales:q} --heatmaps {params.heatmaps:q} --nms-iou {params.nms_iou:q} 2>&1 | tee {log:q}"


rule rescue_trial:
    input:
        missed=RUN.missed(RUN.tried_sets),
        boxes=RUN.boxes(RUN.tried_sets),
        manifests=RUN.manifests(RUN.tried_sets),
        predictions=rescue_predictions,
    output:
        trial=RUN.paths.rescue_trial,
    log:
        RUN.paths.log("rescue_trial"),
    benchmark:
        RUN.paths.benchmark("rescue_trial")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("rescue_trial", mem_mb=4000, runtime=60),
    params:
        methods=rescue_methods,
        predictions=RUN.paths.all_predictions,
        datasets=RUN.datasets(RUN.tried_sets),
        rates=CONFIG.rescue.false_positives_per_photo,
        true_iou=CONFIG.rescue.true_iou,
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of_verb("rescue_trial"),
    shell:
        "uncover rescue_trial {output.trial:q} --methods {params.methods:q} --predictions {params.predictions:q}"
        " --missed {input.missed:q} --datasets {params.datasets:q} --val val --rates {params.rates:q}"
        " --true-iou {params.true_iou:q} --bootstrap {params.bootstrap:q} 2>&1 | tee {log:q}"


# Every detector alone, and with each rescue on the images without a detection.
rule rescue_cascade:
    input:
        missed=RUN.missed(RUN.labelled_sets),
        boxes=RUN.boxes(RUN.labelled_sets),
        manifests=RUN.manifests(RUN.labelled_sets),
        detectors=lambda wildcards: RUN.predictions(
            detectors_of_photos(), RUN.labelled_sets
        ),
        rescues=RUN.predictions(RUN.rescuers, RUN.labelled_sets),
    output:
        cascade=RUN.paths.rescue_cascade,
    log:
        RUN.paths.log("rescue_cascade"),
    benchmark:
        RUN.paths.benchmark("rescue_cascade")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("rescue_cascade", mem_mb=4000, runtime=60),
    params:
        detectors=confidence_words,
        rescues=[
            ":".join(filter(None, (name, RUN.blank_column(name))))
            for name in RUN.rescuers
        ],
        predictions=RUN.paths.all_predictions,
        datasets=RUN.datasets(RUN.labelled_sets),
        rate=CONFIG.rescue.rate,
        true_iou=CONFIG.rescue.true_iou,
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of_verb("rescue_cascade"),
    shell:
        "uncover rescue_cascade {output.cascade:q} --detectors {params.detectors:q} --rescues {params.rescues:q}"
        " --predictions {params.predictions:q} --datasets {params.datasets:q} --missed {input.missed:q} --val val"
        " --rate {params.rate:q} --true-iou {params.true_iou:q} --bootstrap {params.bootstrap:q} 2>&1 | tee {log:q}"
