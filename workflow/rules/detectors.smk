# Detectors: start weights, evolution of hyperparameters, training, stored predictions, evaluation.

# Half of the cores: two small jobs side by side use a machine better than one after the other. A report knows no cores,
# and what a job on a cluster was given is not the whole node.
_cores = None if engine.is_on_cluster(workflow) else workflow.resource_settings.cores
DETECTOR_THREADS = CONFIG.cluster.threads or max(1, min(8, (_cores or 16) // 2))


# Jobs that share the images of a set, and what tells them apart in paths.
PREDICTION_SHARDS = CONFIG.prediction.shards
SHARD = ("{shard}",) if PREDICTION_SHARDS > 1 else ()


wildcard_constraints:
    model="[a-z0-9_]+",
    shard=r"\d+",
    scope="all|whole_face",
    generation=r"\d+",


def predicted(model, names, paths=RUN.paths):
    """What a job that predicts leaves: the predictions of sets, or its share of each."""
    if not SHARD:
        return [paths.predictions(model, name) for name in names]
    share = f"{{shard}}-of-{PREDICTION_SHARDS}"
    return [paths.prediction_shard(model, name, share) for name in names]


def shard_option(wildcards):
    return f"--shard {wildcards.shard}/{PREDICTION_SHARDS}" if SHARD else ""


def processes(wildcards):
    return RUN.detector(wildcards.model).processes


def start_option(wildcards, input):
    return f"--start {input.start}" if input.start else ""


def training_settings(settings):
    """As words; with the network, also where it is the default: a training without one takes that of its start."""
    words = [f"model={settings.model}", *as_pairs(settings)]
    return sorted(dict.fromkeys(words))


def input_options(wildcards):
    """What a model looks at, as options of `uncover train`."""
    second = RUN.second_models.get(wildcards.model)
    if second is None or second.input == "photo":
        return ""
    if second.heatmaps is None:
        return f"--input {second.input}"
    folder = RUN.paths.heatmaps_of(second.heatmaps)
    return f"--heatmaps {folder} --input {second.input} --padding {CONFIG.heatmaps.padding}"


def scope_option(wildcards):
    return "--class 'whole face'" if wildcards.scope == "whole_face" else ""


def checkpoint_options(weights):
    """A third party's file, as options of what reads or fetches it."""
    options = {"--url": weights.path and weights.url, "--sha256": weights.sha256}
    named = [word for name, value in options.items() if value for word in (name, value)]
    return [weights.path or weights.url, *named]


rule import_weights:
    output:
        weights=RUN.paths.start_weights("{network}"),
    log:
        RUN.paths.log("import_weights", "{network}"),
    benchmark:
        RUN.paths.benchmark("import_weights", "{network}")
    wildcard_constraints:
        network="yolov5[nsmlx]",
    conda:
        "../../envs/uncover.yaml"
    resources:
        **needs("import_weights", mem_mb=4000, runtime=30),
    params:
        checkpoint=lambda wildcards: checkpoint_options(
            targets.checkpoint(CONFIG, wildcards.network)
        ),
        code=code_of_verb("import_weights"),
    shell:
        "uncover import_weights {params.checkpoint:q} --model {wildcards.network} {output.weights} 2>&1 | tee {log}"


rule evolve_generation:
    input:
        train=RUN.paths.dataset("train").manifest,
        val=RUN.paths.dataset("val").manifest,
        start=RUN.start_weights("rgb10"),
        history=lambda wildcards: [
            RUN.paths.generation(earlier)
            for earlier in visible_generations(
                int(wildcards.generation), CONFIG.evolution.parallel
            )
        ],
    output:
        record=RUN.paths.generation("{generation}"),
    log:
        RUN.paths.log("evolve_generation", "{generation}"),
    benchmark:
        RUN.paths.benchmark("evolve_generation", "{generation}")
    conda:
        "../../envs/uncover.yaml"
    threads: DETECTOR_THREADS * CONFIG.detectors.rgb10.processes
    resources:
        **needs(
            "evolve_generation",
            mem_mb=16000,
            runtime=1440,
            gpu=CONFIG.detectors.rgb10.processes,
            resumes=True,
        ),
    params:
        data=RUN.paths.datasets,
        start=start_option,
        settings=training_settings(CONFIG.detectors.rgb10),
        # How many follow changes nothing in those that went before.
        search=[
            pair
            for pair in as_pairs(CONFIG.evolution)
            if not pair.startswith("generations=")
        ],
        code=code_of_verb("evolve_generation"),
    shell:
        "uncover evolve_generation {params.data} {output.record} --generation {wildcards.generation}"
        " --history {input.history} --evolution {params.search:q} --set {params.settings:q} {params.start} 2>&1 | tee {log}"


rule evolution_history:
    input:
        records=[
            RUN.paths.generation(number)
            for number in range(CONFIG.evolution.generations)
        ],
    output:
        history=RUN.paths.evolution_history,
        best=RUN.paths.evolved,
    log:
        RUN.paths.log("evolution_history"),
    benchmark:
        RUN.paths.benchmark("evolution_history")
    conda:
        "../../envs/uncover.yaml"
    resources:
        **needs("evolution_history", mem_mb=1000, runtime=10),
    params:
        code=code_of_verb("evolution_history"),
    shell:
        "uncover evolution_history {output.history} {output.best} {input.records} 2>&1 | tee {log}"


rule train:
    input:
        train=RUN.paths.dataset("train").manifest,
        train_boxes=RUN.paths.dataset("train").boxes,
        val=RUN.paths.dataset("val").manifest,
        val_boxes=RUN.paths.dataset("val").boxes,
        start=lambda wildcards: RUN.start_weights(wildcards.model),
        heatmaps=lambda wildcards: RUN.seen_heatmaps(wildcards.model, ["train", "val"]),
        evolved=lambda wildcards: (
            [RUN.paths.evolved] if RUN.detector(wildcards.model).evolved else []
        ),
    output:
        weights=RUN.paths.model("{model}").weights,
        record=RUN.paths.model("{model}").record,
        summary=RUN.paths.model("{model}").summary,
    log:
        RUN.paths.log("train", "{model}"),
    benchmark:
        RUN.paths.benchmark("train", "{model}")
    wildcard_constraints:
        model="|".join([*RUN.rgb_models, *RUN.second_models]),
    conda:
        "../../envs/uncover.yaml"
    threads: lambda wildcards: DETECTOR_THREADS * processes(wildcards)
    resources:
        **needs(
            "train",
            mem_mb=16000,
            runtime=2880,
            gpu=processes,
            resumes=True,
        ),
    params:
        data=RUN.paths.datasets,
        out=RUN.paths.model("{model}"),
        start=start_option,
        evolved=lambda wildcards, input: (
            f"--hyperparameters {input.evolved}" if input.evolved else ""
        ),
        input_options=input_options,
        settings=lambda wildcards: training_settings(RUN.detector(wildcards.model)),
        # Not what the same command does with frames of videos.
        code=code_of(
            *(
                f"uncover.commands.train:{name}"
                for name in (
                    "train_on_sets",
                    "add_training_arguments",
                    "check_training_arguments",
                    "processes",
                )
            )
        ),
    shell:
        "uncover train {params.data} {params.out} {params.start} {params.evolved} {params.input_options}"
        " --set {params.settings:q} 2>&1 | tee {log}"


rule predict:
    input:
        weights=RUN.paths.model("{model}").weights,
        manifest=RUN.paths.dataset("{set}").manifest,
    output:
        predictions=predicted("{model}", ["{set}"]),
    log:
        RUN.paths.log("predict", "{model}", "{set}", *SHARD),
    benchmark:
        RUN.paths.benchmark("predict", "{model}", "{set}", *SHARD)
    wildcard_constraints:
        model="|".join(RUN.rgb_models),
        set="|".join(RUN.unscored_sets),
    conda:
        "../../envs/uncover.yaml"
    threads: DETECTOR_THREADS
    resources:
        **needs("predict", mem_mb=8000, runtime=240, gpu=1),
    params:
        images=RUN.paths.dataset("{set}"),
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        options=shard_option,
        code=code_of_verb("predict"),
    shell:
        "uncover predict --weights {input.weights} {params.images} {output.predictions}"
        " --confidence {params.confidence} --nms-iou {params.nms_iou} {params.options} 2>&1 | tee {log}"


# The thesis validates at another IoU of non-maximum suppression. What tables 4 to 6 rest on is stored apart, from the same
# look at the photos: boxes of one IoU are compared with those of another nowhere.
use rule predict as predict_rgb_tables with:
    output:
        predictions=predicted("{model}", ["{set}"]),
        of_tables=predicted("{model}", ["{set}"], RUN.paths.rgb_tables),
    log:
        RUN.paths.log("predict_rgb_tables", "{model}", "{set}", *SHARD),
    benchmark:
        RUN.paths.benchmark("predict_rgb_tables", "{model}", "{set}", *SHARD)
    wildcard_constraints:
        model="|".join(RUN.rgb_models),
        set="|".join(RUN.scored_sets) or "none",
    resources:
        **needs("predict_rgb_tables", mem_mb=8000, runtime=240, gpu=1),
    params:
        images=RUN.paths.dataset("{set}"),
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        options=lambda wildcards, output: (
            f"--also {CONFIG.prediction.nms_iou_rgb_tables} {output.of_tables} {shard_option(wildcards)}"
        ),
        code=code_of_verb("predict"),


rule evaluate:
    input:
        predictions=RUN.paths.predictions("{model}", "{set}"),
        boxes=RUN.paths.dataset("{set}").boxes,
        manifest=RUN.paths.dataset("{set}").manifest,
    output:
        **RUN.paths.metrics("{model}", "{set}", "{scope}").files,
    log:
        RUN.paths.log("evaluate", "{model}", "{set}", "{scope}"),
    benchmark:
        RUN.paths.benchmark("evaluate", "{model}", "{set}", "{scope}")
    wildcard_constraints:
        model="|".join(RUN.rgb_models),
    group:
        "scores"
    conda:
        "../../envs/uncover.yaml"
    resources:
        **needs("evaluate", mem_mb=4000, runtime=60, group="scores"),
    params:
        labels=RUN.paths.dataset("{set}").labels,
        out=RUN.paths.metrics("{model}", "{set}", "{scope}"),
        classes=scope_option,
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of_verb("evaluate"),
    shell:
        "uncover evaluate --labels {params.labels} {input.predictions} --out {params.out}"
        " {params.classes} --bootstrap {params.bootstrap} 2>&1 | tee {log}"


use rule evaluate as evaluate_rgb_tables with:
    input:
        predictions=RUN.paths.rgb_tables.predictions("{model}", "{set}"),
        boxes=RUN.paths.dataset("{set}").boxes,
        manifest=RUN.paths.dataset("{set}").manifest,
    output:
        **RUN.paths.rgb_tables.metrics("{model}", "{set}", "{scope}").files,
    log:
        RUN.paths.log("evaluate_rgb_tables", "{model}", "{set}", "{scope}"),
    benchmark:
        RUN.paths.benchmark("evaluate_rgb_tables", "{model}", "{set}", "{scope}")
    resources:
        **needs("evaluate_rgb_tables", mem_mb=4000, runtime=60, group="scores"),
    params:
        labels=RUN.paths.dataset("{set}").labels,
        out=RUN.paths.rgb_tables.metrics("{model}", "{set}", "{scope}"),
        classes=scope_option,
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of_verb("evaluate"),


# Where several jobs look at the images of a set, their shares are joined: of the RGB detectors set by set, of the others all
# sets of a detector at once, as they predict.
def shares_of(model, names, paths=RUN.paths):
    return [
        paths.prediction_shard(model, name, shard)
        for name in names
        for shard in Shard.all(PREDICTION_SHARDS)
    ]


if SHARD:

    rule collect_predictions:
        input:
            shares=shares_of("{model}", ["{set}"]),
        output:
            predictions=RUN.paths.predictions("{model}", "{set}"),
        log:
            RUN.paths.log("collect_predictions", "{model}", "{set}"),
        benchmark:
            RUN.paths.benchmark("collect_predictions", "{model}", "{set}")
        wildcard_constraints:
            model="|".join(RUN.rgb_models),
            set="|".join(RUN.unscored_sets),
        conda:
            "../../envs/uncover.yaml"
        resources:
            **needs("collect_predictions", mem_mb=8000, runtime=30),
        params:
            code=code_of_verb("predict collect"),
        shell:
            "uncover predict collect {input.shares} 2>&1 | tee {log}"

    use rule collect_predictions as collect_rgb_tables with:
        input:
            shares=[
                *shares_of("{model}", ["{set}"]),
                *shares_of("{model}", ["{set}"], RUN.paths.rgb_tables),
            ],
        output:
            predictions=RUN.paths.predictions("{model}", "{set}"),
            of_tables=RUN.paths.rgb_tables.predictions("{model}", "{set}"),
        log:
            RUN.paths.log("collect_rgb_tables", "{model}", "{set}"),
        benchmark:
            RUN.paths.benchmark("collect_rgb_tables", "{model}", "{set}")
        wildcard_constraints:
            model="|".join(RUN.rgb_models),
            set="|".join(RUN.scored_sets) or "none",
        resources:
            **needs("collect_rgb_tables", mem_mb=8000, runtime=30),

    use rule collect_predictions as collect_second with:
        input:
            shares=shares_of("{model}", RUN.tried_sets),
        output:
            predictions=RUN.predictions(["{model}"], RUN.tried_sets),
        log:
            RUN.paths.log("collect_second", "{model}"),
        benchmark:
            RUN.paths.benchmark("collect_second", "{model}")
        wildcard_constraints:
            model="|".join([*RUN.second_models, *RUN.scales]),
        resources:
            **needs("collect_second", mem_mb=8000, runtime=30),

    use rule collect_predictions as collect_baseline with:
        input:
            shares=shares_of("{model}", RUN.baseline_sets),
        output:
            predictions=RUN.predictions(["{model}"], RUN.baseline_sets),
        log:
            RUN.paths.log("collect_baseline", "{model}"),
        benchmark:
            RUN.paths.benchmark("collect_baseline", "{model}")
        wildcard_constraints:
            model="|".join(RUN.baselines) or "none",
        resources:
            **needs("collect_baseline", mem_mb=8000, runtime=30),
