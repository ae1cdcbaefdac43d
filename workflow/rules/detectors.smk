# Detectors: start weights, evolution of hyperparameters, training, stored predictions, evaluation.

RGB_MODELS = ("rgb10", "rgb1")
SECOND_MODELS = CONFIG.second_detectors()
LABELLED_SETS = targets.labelled_sets(CONFIG)
# What tables 4 to 7 score.
SCORED_SETS = [name for name in ("val", "merl", "wflw") if name in LANDMARK_SETS]
UNSCORED_SETS = [
    name for name in [*LANDMARK_SETS, *FRAME_SETS] if name not in SCORED_SETS
]
# Boxes and scores behind tables 4 to 6 and figures 17 to 20, in folders as those of the run.
RGB_TABLES = f"{RUN}/{text_numbers.RGB_TABLES}"
# Ten parts are labelled where faces have landmarks; frames have whole faces at most.
SCOPES = {
    "rgb10": lambda name: (
        ("all", "whole_face") if name in LANDMARK_SETS else ("whole_face",)
    ),
    "rgb1": lambda name: ("whole_face",),
}
EVALUATION = {
    "summary": "summary.json",
    "classes": "classes.csv",
    "curves": "curves.parquet",
    "confusion": "confusion.csv",
}
ALL_EVALUATIONS = [
    f"{RUN}/metrics/{model}/{name}/{scope}/summary.json"
    for model in RGB_MODELS
    for name in LABELLED_SETS
    for scope in SCOPES[model](name)
]
ALL_PREDICTIONS = [
    f"{RUN}/predictions/{model}/{name}.parquet"
    for model in RGB_MODELS
    for name in [
        *LABELLED_SETS,
        *(name for name in ("hof", "preterm_web") if name in FRAME_SETS),
    ]
]
# Half of the cores: two small jobs side by side use a machine better than one after the other. A report knows no cores,
# and what a job on a cluster was given is not the whole node.
_cores = None if engine.is_on_cluster(workflow) else workflow.resource_settings.cores
DETECTOR_THREADS = CONFIG.cluster.threads or max(1, min(8, (_cores or 16) // 2))


# Jobs that share the images of a detector, and what stands for their number in paths.
PREDICTION_SHARDS = CONFIG.prediction.shards
OF_SHARD = "/{shard}" if PREDICTION_SHARDS > 1 else ""


wildcard_constraints:
    model="[a-z0-9_]+",
    shard=r"\d+",
    scope="all|whole_face",
    generation=r"\d+",


def predicted(model, names, folder=RUN):
    """Patterns of what a job that predicts leaves: the tables of sets, or of its share of each."""
    ending = (
        f"/shards/{{shard}}-of-{PREDICTION_SHARDS}.parquet" if OF_SHARD else ".parquet"
    )
    return [f"{folder}/predictions/{model}/{name}{ending}" for name in names]


def shard_option(wildcards):
    return f"--shard {wildcards.shard}/{PREDICTION_SHARDS}" if OF_SHARD else ""


def detector(model):
    """Settings of a model of either step."""
    if model in SECOND_MODELS:
        return SECOND_MODELS[model].settings
    return getattr(CONFIG.detectors, model)


def training_settings(settings):
    """As words; with the network, also where it is the default: a training without one takes that of its start."""
    words = [f"model={settings.model}", *as_pairs(settings)]
    return sorted(dict.fromkeys(words))


def start_weights(model):
    """The weights that a model starts from, if it does not start anew: those of another, or an imported checkpoint."""
    second = SECOND_MODELS.get(model)
    if second and second.start:
        return [f"{RUN}/models/{second.start}/weights.pt"]
    # Upstream's are of three channels.
    if detector(model).weights != "coco" or (second and second.input != "photo"):
        return []
    return [f"{RUN}/weights/{detector(model).model}.pt"]


def heatmaps_to_train_on(model):
    """Manifests of the heatmaps that a model trains on and is validated on; none for models of photos."""
    kind = model in SECOND_MODELS and SECOND_MODELS[model].heatmaps
    names = ("train", "val") if kind else ()
    return [f"{RUN}/heatmaps/{kind}/{name}/manifest.parquet" for name in names]


def input_options(model):
    """What a model looks at, as options of `uncover train`."""
    second = SECOND_MODELS.get(model)
    if second is None or second.input == "photo":
        return ""
    if second.heatmaps is None:
        return f"--input {second.input}"
    folder = f"{RUN}/heatmaps/{second.heatmaps}"
    return f"--heatmaps {folder} --input {second.input} --padding {CONFIG.heatmaps.padding}"


def checkpoint_options(weights):
    """A third party's file, as options of what reads or fetches it."""
    options = {"--url": weights.path and weights.url, "--sha256": weights.sha256}
    named = [word for name, value in options.items() if value for word in (name, value)]
    return [weights.path or weights.url, *named]


rule import_weights:
    output:
        weights=f"{RUN}/weights/{{network}}.pt",
    log:
        f"{LOGS}/import_weights/{{network}}.log",
    benchmark:
        f"{BENCHMARKS}/import_weights/{{network}}.tsv"
    wildcard_constraints:
        network="yolov5[nsmlx]",
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=4000, runtime=30),
    params:
        checkpoint=lambda wildcards: checkpoint_options(
            targets.checkpoint(CONFIG, wildcards.network)
        ),
        code=code_of("uncover.commands.import_weights"),
    shell:
        "uncover import_weights {params.checkpoint:q} --model {wildcards.network} {output.weights} 2>&1 | tee {log}"


rule evolve_generation:
    input:
        train=f"{RUN}/datasets/train/manifest.parquet",
        val=f"{RUN}/datasets/val/manifest.parquet",
        start=start_weights("rgb10"),
        history=lambda wildcards: [
            f"{RUN}/evolution/generations/{earlier}.json"
            for earlier in visible_generations(
                int(wildcards.generation), CONFIG.evolution.parallel
            )
        ],
    output:
        record=f"{RUN}/evolution/generations/{{generation}}.json",
    log:
        f"{LOGS}/evolve_generation/{{generation}}.log",
    benchmark:
        f"{BENCHMARKS}/evolve_generation/{{generation}}.tsv"
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS * CONFIG.detectors.rgb10.processes
    resources:
        **needs(mem_mb=16000, runtime=1440, gpu=CONFIG.detectors.rgb10.processes),
    params:
        data=f"{RUN}/datasets",
        start=lambda wildcards, input: f"--start {input.start}" if input.start else "",
        settings=training_settings(CONFIG.detectors.rgb10),
        # How many follow changes nothing in those that went before.
        search=[
            pair
            for pair in as_pairs(CONFIG.evolution)
            if not pair.startswith("generations=")
        ],
        code=code_of("uncover.commands.evolve_generation"),
    shell:
        "uncover evolve_generation {params.data} {output.record} --generation {wildcards.generation}"
        " --history {input.history} --evolution {params.search:q} --set {params.settings:q} {params.start} 2>&1 | tee {log}"


rule evolution_history:
    input:
        records=[
            f"{RUN}/evolution/generations/{generation}.json"
            for generation in range(CONFIG.evolution.generations)
        ],
    output:
        history=f"{RUN}/evolution/history.csv",
        best=f"{RUN}/evolution/best.json",
    log:
        f"{LOGS}/evolution_history.log",
    benchmark:
        f"{BENCHMARKS}/evolution_history.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10),
    params:
        code=code_of("uncover.commands.evolution_history"),
    shell:
        "uncover evolution_history {output.history} {output.best} {input.records} 2>&1 | tee {log}"


rule train:
    input:
        train=f"{RUN}/datasets/train/manifest.parquet",
        train_boxes=f"{RUN}/datasets/train/boxes.parquet",
        val=f"{RUN}/datasets/val/manifest.parquet",
        val_boxes=f"{RUN}/datasets/val/boxes.parquet",
        start=lambda wildcards: start_weights(wildcards.model),
        heatmaps=lambda wildcards: heatmaps_to_train_on(wildcards.model),
        evolved=lambda wildcards: (
            [f"{RUN}/evolution/best.json"] if detector(wildcards.model).evolved else []
        ),
    output:
        weights=f"{RUN}/models/{{model}}/weights.pt",
        record=f"{RUN}/models/{{model}}/results.csv",
        summary=f"{RUN}/models/{{model}}/summary.json",
    log:
        f"{LOGS}/train/{{model}}.log",
    benchmark:
        f"{BENCHMARKS}/train/{{model}}.tsv"
    wildcard_constraints:
        model="|".join([*RGB_MODELS, *SECOND_MODELS]),
    conda:
        ENVIRONMENT
    threads: lambda wildcards: DETECTOR_THREADS * detector(wildcards.model).processes
    resources:
        **needs(
            mem_mb=16000,
            runtime=2880,
            gpu=lambda wildcards: detector(wildcards.model).processes,
        ),
    params:
        data=f"{RUN}/datasets",
        out=f"{RUN}/models/{{model}}",
        start=lambda wildcards, input: f"--start {input.start}" if input.start else "",
        evolved=lambda wildcards, input: (
            f"--hyperparameters {input.evolved}" if input.evolved else ""
        ),
        looks_at=lambda wildcards: input_options(wildcards.model),
        settings=lambda wildcards: training_settings(detector(wildcards.model)),
        # Not what the same command does with frames of videos.
        code=code_of(
            "uncover.commands._train_on_sets", "uncover.commands._training_arguments"
        ),
    shell:
        "uncover train {params.data} {params.out} {params.start} {params.evolved} {params.looks_at}"
        " --set {params.settings:q} 2>&1 | tee {log}"


rule predict:
    input:
        weights=f"{RUN}/models/{{model}}/weights.pt",
        manifest=f"{RUN}/datasets/{{set}}/manifest.parquet",
    output:
        predictions=predicted("{model}", ["{set}"]),
    log:
        f"{LOGS}/predict/{{model}}/{{set}}{OF_SHARD}.log",
    benchmark:
        f"{BENCHMARKS}/predict/{{model}}/{{set}}{OF_SHARD}.tsv"
    wildcard_constraints:
        model="|".join(RGB_MODELS),
        set="|".join(UNSCORED_SETS),
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        **needs(mem_mb=8000, runtime=240, gpu=1),
    params:
        images=f"{RUN}/datasets/{{set}}",
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        options=shard_option,
        code=code_of("uncover.commands.predict"),
    shell:
        "uncover predict --weights {input.weights} {params.images} {output.predictions}"
        " --confidence {params.confidence} --nms-iou {params.nms_iou} {params.options} 2>&1 | tee {log}"


# The thesis validates at another IoU of non-maximum suppression. What tables 4 to 6 rest on is stored apart, from the same
# look at the photos: boxes of one IoU are compared with those of another nowhere.
use rule predict as predict_rgb_tables with:
    output:
        predictions=predicted("{model}", ["{set}"]),
        of_tables=predicted("{model}", ["{set}"], RGB_TABLES),
    log:
        f"{LOGS}/predict_rgb_tables/{{model}}/{{set}}{OF_SHARD}.log",
    benchmark:
        f"{BENCHMARKS}/predict_rgb_tables/{{model}}/{{set}}{OF_SHARD}.tsv"
    wildcard_constraints:
        model="|".join(RGB_MODELS),
        set="|".join(SCORED_SETS) or "none",
    params:
        images=f"{RUN}/datasets/{{set}}",
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        options=lambda wildcards, output: (
            f"--also {CONFIG.prediction.nms_iou_rgb_tables} {output.of_tables} {shard_option(wildcards)}"
        ),
        code=code_of("uncover.commands.predict"),


rule evaluate:
    input:
        predictions=f"{RUN}/predictions/{{model}}/{{set}}.parquet",
        boxes=f"{RUN}/datasets/{{set}}/boxes.parquet",
        manifest=f"{RUN}/datasets/{{set}}/manifest.parquet",
    output:
        **{
            name: f"{RUN}/metrics/{{model}}/{{set}}/{{scope}}/{file}"
            for name, file in EVALUATION.items()
        },
    log:
        f"{LOGS}/evaluate/{{model}}/{{set}}/{{scope}}.log",
    benchmark:
        f"{BENCHMARKS}/evaluate/{{model}}/{{set}}/{{scope}}.tsv"
    wildcard_constraints:
        model="|".join(RGB_MODELS),
    group:
        "scores"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=4000, runtime=60, small=1),
    params:
        labels=f"{RUN}/datasets/{{set}}/labels",
        out=f"{RUN}/metrics/{{model}}/{{set}}/{{scope}}",
        classes=lambda wildcards: (
            "--class 'whole face'" if wildcards.scope == "whole_face" else ""
        ),
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of("uncover.commands.evaluate"),
    shell:
        "uncover evaluate --labels {params.labels} {input.predictions} --out {params.out}"
        " {params.classes} --bootstrap {params.bootstrap} 2>&1 | tee {log}"


use rule evaluate as evaluate_rgb_tables with:
    input:
        predictions=f"{RGB_TABLES}/predictions/{{model}}/{{set}}.parquet",
        boxes=f"{RUN}/datasets/{{set}}/boxes.parquet",
        manifest=f"{RUN}/datasets/{{set}}/manifest.parquet",
    output:
        **{
            name: f"{RGB_TABLES}/metrics/{{model}}/{{set}}/{{scope}}/{file}"
            for name, file in EVALUATION.items()
        },
    log:
        f"{LOGS}/evaluate_rgb_tables/{{model}}/{{set}}/{{scope}}.log",
    benchmark:
        f"{BENCHMARKS}/evaluate_rgb_tables/{{model}}/{{set}}/{{scope}}.tsv"
    params:
        labels=f"{RUN}/datasets/{{set}}/labels",
        out=f"{RGB_TABLES}/metrics/{{model}}/{{set}}/{{scope}}",
        classes=lambda wildcards: (
            "--class 'whole face'" if wildcards.scope == "whole_face" else ""
        ),
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of("uncover.commands.evaluate"),
