# Detectors: initial weights, evolution of hyperparameters, training, stored predictions, evaluation.

# Half of the cores: two small jobs in parallel use a machine better than one after the other. A report has no number of
# cores, and the cores of a cluster job are not the whole node.
_cores = engine.cores_of(workflow) or 16
DETECTOR_THREADS = CONFIG.cluster.threads or max(1, min(8, _cores // 2))


# Existing heatmaps and predictions keep their number of shards; the number in the config applies to those that do not exist
# yet. Jobs use the numbers that the main process found, even if files have changed since.
KEPT_SHARDS_OF_RUNS = json.loads(os.environ.get("UNCOVER_KEPT_SHARDS", "{}"))
if engine.is_main(workflow):
    KEPT_SHARDS_OF_RUNS[CONFIG.run] = RUN.kept_heatmaps(), RUN.kept_predictions()
    os.environ["UNCOVER_KEPT_SHARDS"] = json.dumps(KEPT_SHARDS_OF_RUNS)
KEPT_HEATMAPS, KEPT_PREDICTIONS = KEPT_SHARDS_OF_RUNS.get(CONFIG.run, ({}, {}))
if engine.is_main(workflow):
    for folder, kept, key in (
        (RUN.paths.all_heatmaps, KEPT_HEATMAPS, "heatmaps.shards"),
        (RUN.paths.all_predictions, KEPT_PREDICTIONS, "prediction.shards"),
    ):
        if kept:
            names = ", ".join([*kept][:3]) + (", ..." if len(kept) > 3 else "")
            print(
                f"note: {folder}: {names} keep their number of shards; remove their folders to apply"
                f" {key}",
                file=sys.stderr,
            )
# Path component of the jobs that share a set: as configured, and in the other form.
SHARD = ("{shard}-of-{shards}",) if CONFIG.prediction.shards > 1 else ()
OTHER_SHARD = () if SHARD else ("{shard}-of-{shards}",)
# Sets without scores of an RGB detector; "none" is never requested.
UNSCORED_SETS = RUN.unscored_sets or ["none"]
# Existing predictions made in the other form.
OTHERS = [
    unit for unit, count in KEPT_PREDICTIONS.items() if (count > 1) != bool(SHARD)
]


wildcard_constraints:
    model="[a-z0-9_]+",
    shard=r"\d+",
    shards=r"\d+",
    generation=r"\d+",


def predicted(model, names, paths=RUN.paths, shard=SHARD):
    """Outputs of a prediction job: the predictions of sets, or its share of each."""
    if not shard:
        return [paths.predictions(model, name) for name in names]
    return [paths.prediction_shard(model, name, *shard) for name in names]


def as_configured(models):
    """Wildcard constraint: models whose predictions are made in as many jobs as configured."""
    names = "|".join(models) or "none"
    return f"(?!(?:{'|'.join(OTHERS)})[./])(?:{names})" if OTHERS else names


def as_before(models):
    """Wildcard constraint: the others; the look-ahead matches the rest of the path."""
    return f"(?=(?:{'|'.join(OTHERS)})[./])(?:{'|'.join(models) or 'none'})"


def in_shares(models):
    """Wildcard constraint: models whose predictions are made by several jobs."""
    return as_configured(models) if SHARD else as_before(models)


def shard_option(wildcards):
    shared = "shard" in wildcards.keys()
    return ["--shard", f"{wildcards.shard}/{wildcards.shards}"] if shared else []


def processes(wildcards):
    return RUN.detector(wildcards.model).processes


def start_option(wildcards, input):
    return ["--start", *input.start] if input.start else []


def training_settings(settings):
    """Settings as words, always with the network: a training without one uses that of its initial weights."""
    words = [f"model={settings.model}", *as_pairs(settings)]
    return sorted(dict.fromkeys(words))


def input_options(wildcards):
    """Input of a model, as options of `uncover train`."""
    second = RUN.second_models.get(wildcards.model)
    if second is None or second.input == "photo":
        return []
    if second.heatmaps is None:
        return ["--input", second.input]
    folder = RUN.paths.heatmaps_of(second.heatmaps)
    options = {
        "--heatmaps": folder,
        "--input": second.input,
        "--padding": CONFIG.heatmaps.padding,
    }
    return [word for pair in options.items() for word in pair]


def checkpoint_options(weights):
    """Third-party file, as options of the command that reads or fetches it."""
    options = {"--url": weights.path and weights.url, "--sha256": weights.sha256}
    named = [word for name, value in options.items() if value for word in (name, value)]
    return [weights.path or weights.url, *named]


# Runs on the host of Snakemake, because it may download; unverified content is never stored on disk.
rule import_weights:
    output:
        weights=RUN.paths.start_weights("{network}"),
    log:
        RUN.paths.log("import_weights", "{network}"),
    benchmark:
        RUN.paths.benchmark("import_weights", "{network}")
    wildcard_constraints:
        network=r"yolov5[nsmlx]|scrfd_2\.5g",
    localrule: True
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("import_weights", mem_mb=4000, runtime=30),
    params:
        checkpoint=lambda wildcards: checkpoint_options(
            targets.checkpoint(CONFIG, wildcards.network)
        ),
        code=code_of_verb("import_weights"),
    shell:
        "uncover import_weights {params.checkpoint:q} --model {wildcards.network:q} {output.weights:q} 2>&1 | tee {log:q}"


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
    container:
        CONFIG.cluster.container
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
        # The number of generations does not change earlier ones.
        search=[
            pair
            for pair in as_pairs(CONFIG.evolution)
            if not pair.startswith("generations=")
        ],
        code=code_of_verb("evolve_generation"),
    shell:
        "uncover evolve_generation {params.data:q} {output.record:q} --generation {wildcards.generation:q}"
        " --history {input.history:q} --evolution {params.search:q} --set {params.settings:q} {params.start:q} 2>&1 | tee {log:q}"


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
    container:
        CONFIG.cluster.container
    resources:
        **needs("evolution_history", mem_mb=1000, runtime=10),
    params:
        code=code_of_verb("evolution_history"),
    shell:
        "uncover evolution_history {output.history:q} {output.best:q} {input.records:q} 2>&1 | tee {log:q}"


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
    container:
        CONFIG.cluster.container
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
            ["--hyperparameters", *input.evolved] if input.evolved else []
        ),
        input_options=input_options,
        settings=lambda wildcards: training_settings(RUN.detector(wildcards.model)),
        # Without the code for frames of videos in the same command.
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
        "uncover train {params.data:q} {params.out:q} {params.start:q} {params.evolved:q} {params.input_options:q}"
        " --set {params.settings:q} 2>&1 | tee {log:q}"


# One job for all sets of a detector, which is loaded once. Scored sets have their own job, so that an additional test set
# does not rerun it, or the drawn boxes that a detector is trained on.
rule predict:
    input:
        weights=RUN.paths.model("{model}").weights,
        manifests=RUN.manifests(UNSCORED_SETS),
    output:
        predictions=predicted("{model}", UNSCORED_SETS),
    log:
        RUN.paths.log("predict", "{model}", *SHARD),
    benchmark:
        RUN.paths.benchmark("predict", "{model}", *SHARD)
    wildcard_constraints:
        model=as_configured(RUN.rgb_models),
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("predict", mem_mb=8000, runtime=480, gpu=1),
    params:
        sets=RUN.datasets(UNSCORED_SETS),
        out=RUN.paths.predictions_of("{model}"),
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        options=shard_option,
        code=code_of_verb("predict sets"),
    shell:
        "uncover predict sets --weights {input.weights:q} {params.sets:q} --out {params.out:q}"
        " --confidence {params.confidence:q} --nms-iou {params.nms_iou:q} {params.options:q} 2>&1 | tee {log:q}"


# The thesis validates at another IoU of non-maximum suppression. Predictions for tables 4 to 6 are stored separately, from
# the same inference: boxes of different IoUs are never compared.
use rule predict as predict_rgb_tables with:
    input:
        weights=RUN.paths.model("{model}").weights,
        manifests=RUN.manifests(RUN.scored_sets),
    output:
        predictions=predicted("{model}", RUN.scored_sets),
        of_tables=predicted("{model}", RUN.scored_sets, RUN.paths.rgb_tables),
    log:
        RUN.paths.log("predict_rgb_tables", "{model}", *SHARD),
    benchmark:
        RUN.paths.benchmark("predict_rgb_tables", "{model}", *SHARD)
    resources:
        **needs("predict_rgb_tables", mem_mb=8000, runtime=480, gpu=1),
    params:
        sets=RUN.datasets(RUN.scored_sets),
        out=RUN.paths.predictions_of("{model}"),
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        options=lambda wildcards: [
            *("--also", CONFIG.prediction.nms_iou_rgb_tables),
            RUN.paths.rgb_tables.predictions_of(wildcards.model),
            *RUN.scored_sets,
            *shard_option(wildcards),
        ],
        code=code_of_verb("predict sets"),


# Boxes in training images are requested only if they are drawn.
use rule predict as predict_train with:
    input:
        weights=RUN.paths.model("{model}").weights,
        manifests=RUN.manifests(["train"]),
    output:
        predictions=predicted("{model}", ["train"]),
    log:
        RUN.paths.log("predict_train", "{model}", *SHARD),
    benchmark:
        RUN.paths.benchmark("predict_train", "{model}", *SHARD)
    resources:
        **needs("predict_train", mem_mb=8000, runtime=240, gpu=1),
    params:
        sets=RUN.datasets(["train"]),
        out=RUN.paths.predictions_of("{model}"),
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        options=shard_option,
        code=code_of_verb("predict sets"),


def of_rgb_tables(model):
    """Predictions behind tables 4 to 6."""
    return [RUN.paths.rgb_tables.predictions(model, name) for name in RUN.scored_sets]


def records(model, names, paths=RUN.paths):
    """Score records of a model, whose name may be a wildcard for several models scored alike."""
    return [
        file
        for name in names
        for scope in RUN.scopes(model, name)
        for file in paths.metrics("{model}", name, scope).files.values()
    ]


def parts_option(wildcards, names):
    """Option with the sets on which a model is also scored for all classes."""
    own = [name for name in names if "all" in RUN.scopes(wildcards.model, name)]
    return ["--parts", *own] if own else []


rule evaluate:
    input:
        predictions=RUN.predictions(["{model}"], RUN.labelled_sets),
        boxes=RUN.boxes(RUN.labelled_sets),
        manifests=RUN.manifests(RUN.labelled_sets),
    output:
        records("rgb10", RUN.labelled_sets),
    log:
        RUN.paths.log("evaluate", "{model}"),
    benchmark:
        RUN.paths.benchmark("evaluate", "{model}")
    wildcard_constraints:
        model="rgb10",
    group:
        "scores"
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("evaluate", mem_mb=4000, runtime=60, group="scores"),
    params:
        out=RUN.paths.metrics_of("{model}"),
        datasets=RUN.datasets(RUN.labelled_sets),
        parts=lambda wildcards: parts_option(wildcards, RUN.labelled_sets),
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of_verb("evaluate sets"),
    shell:
        "uncover evaluate sets {params.out:q} --predictions {input.predictions:q} --datasets {params.datasets:q}"
        " {params.parts:q} --bootstrap {params.bootstrap:q} 2>&1 | tee {log:q}"


use rule evaluate as evaluate_rgb_tables with:
    input:
        predictions=of_rgb_tables("{model}"),
        boxes=RUN.boxes(RUN.scored_sets),
        manifests=RUN.manifests(RUN.scored_sets),
    output:
        records("rgb10", RUN.scored_sets, RUN.paths.rgb_tables),
    log:
        RUN.paths.log("evaluate_rgb_tables", "{model}"),
    benchmark:
        RUN.paths.benchmark("evaluate_rgb_tables", "{model}")
    resources:
        **needs("evaluate_rgb_tables", mem_mb=4000, runtime=60, group="scores"),
    params:
        out=RUN.paths.rgb_tables.metrics_of("{model}"),
        datasets=RUN.datasets(RUN.scored_sets),
        parts=lambda wildcards: parts_option(wildcards, RUN.scored_sets),
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of_verb("evaluate sets"),


# The other detector has no part classes, and therefore fewer records.
use rule evaluate as evaluate_rgb1 with:
    output:
        records("rgb1", RUN.labelled_sets),
    log:
        RUN.paths.log("evaluate_rgb1", "{model}"),
    benchmark:
        RUN.paths.benchmark("evaluate_rgb1", "{model}")
    wildcard_constraints:
        model="rgb1",
    resources:
        **needs("evaluate_rgb1", mem_mb=4000, runtime=60, group="scores"),


use rule evaluate_rgb_tables as evaluate_rgb1_tables with:
    output:
        records("rgb1", RUN.scored_sets, RUN.paths.rgb_tables),
    log:
        RUN.paths.log("evaluate_rgb1_tables", "{model}"),
    benchmark:
        RUN.paths.benchmark("evaluate_rgb1_tables", "{model}")
    wildcard_constraints:
        model="rgb1",
    resources:
        **needs("evaluate_rgb1_tables", mem_mb=4000, runtime=60, group="scores"),


if OTHERS:

    use rule predict as predict_as_before with:
        output:
            predictions=predicted("{model}", UNSCORED_SETS, shard=OTHER_SHARD),
        log:
            RUN.paths.log("predict", "{model}", *OTHER_SHARD),
        benchmark:
            RUN.paths.benchmark("predict", "{model}", *OTHER_SHARD)
        wildcard_constraints:
            model=as_before(RUN.rgb_models),

    use rule predict_rgb_tables as predict_rgb_tables_as_before with:
        output:
            predictions=predicted("{model}", RUN.scored_sets, shard=OTHER_SHARD),
            of_tables=predicted(
                "{model}", RUN.scored_sets, RUN.paths.rgb_tables, OTHER_SHARD
            ),
        log:
            RUN.paths.log("predict_rgb_tables", "{model}", *OTHER_SHARD),
        benchmark:
            RUN.paths.benchmark("predict_rgb_tables", "{model}", *OTHER_SHARD)
        wildcard_constraints:
            model=as_before(RUN.rgb_models),

    use rule predict_train as predict_train_as_before with:
        output:
            predictions=predicted("{model}", ["train"], shard=OTHER_SHARD),
        log:
            RUN.paths.log("predict_train", "{model}", *OTHER_SHARD),
        benchmark:
            RUN.paths.benchmark("predict_train", "{model}", *OTHER_SHARD)
        wildcard_constraints:
            model=as_before(RUN.rgb_models),


# If several jobs share the images of sets, their shares are joined: all sets of a job at once, as they are predicted.
def shares_of(model, names, unit, paths=RUN.paths):
    count = KEPT_PREDICTIONS.get(unit, CONFIG.prediction.shards)
    return [
        paths.prediction_shard(model, name, shard)
        for name in names
        for shard in Shard.all(count)
    ]


def shares_of_rgb(names, paths=RUN.paths):
    """Input function."""
    return lambda wildcards: shares_of(
        wildcards.model, names, f"{wildcards.model}/{names[0]}", paths
    )


if SHARD or OTHERS:

    rule collect_predictions:
        input:
            shares=shares_of_rgb(UNSCORED_SETS),
        output:
            predictions=RUN.predictions(["{model}"], UNSCORED_SETS),
        log:
            RUN.paths.log("collect_predictions", "{model}"),
        benchmark:
            RUN.paths.benchmark("collect_predictions", "{model}")
        wildcard_constraints:
            model=in_shares(RUN.rgb_models),
        conda:
            "../../envs/uncover.yaml"
        container:
            CONFIG.cluster.container
        resources:
            **needs("collect_predictions", mem_mb=8000, runtime=30),
        params:
            code=code_of_verb("predict collect"),
        shell:
            "uncover predict collect {input:q} 2>&1 | tee {log:q}"

    use rule collect_predictions as collect_rgb_tables with:
        input:
            shares=shares_of_rgb(RUN.scored_sets),
            of_tables=shares_of_rgb(RUN.scored_sets, RUN.paths.rgb_tables),
        output:
            predictions=RUN.predictions(["{model}"], RUN.scored_sets),
            of_tables=of_rgb_tables("{model}"),
        log:
            RUN.paths.log("collect_rgb_tables", "{model}"),
        benchmark:
            RUN.paths.benchmark("collect_rgb_tables", "{model}")
        wildcard_constraints:
            model=in_shares(RUN.rgb_models),
        resources:
            **needs("collect_rgb_tables", mem_mb=8000, runtime=30),

    use rule collect_predictions as collect_train with:
        input:
            shares=shares_of_rgb(["train"]),
        output:
            predictions=RUN.predictions(["{model}"], ["train"]),
        log:
            RUN.paths.log("collect_train", "{model}"),
        benchmark:
            RUN.paths.benchmark("collect_train", "{model}")
        wildcard_constraints:
            model=in_shares(RUN.rgb_models),
        resources:
            **needs("collect_train", mem_mb=8000, runtime=30),

    use rule collect_predictions as collect_second with:
        input:
            shares=lambda wildcards: shares_of(
                wildcards.model, RUN.tried_sets, wildcards.model
            ),
        output:
            predictions=RUN.predictions(["{model}"], RUN.tried_sets),
        log:
            RUN.paths.log("collect_second", "{model}"),
        benchmark:
            RUN.paths.benchmark("collect_second", "{model}")
        wildcard_constraints:
            model=in_shares([*RUN.second_models, *RUN.scales]),
        resources:
            **needs("collect_second", mem_mb=8000, runtime=30),

    use rule collect_predictions as collect_baseline with:
        input:
            shares=lambda wildcards: shares_of(
                wildcards.model, RUN.baseline_sets, wildcards.model
            ),
        output:
            predictions=RUN.predictions(["{model}"], RUN.baseline_sets),
        log:
            RUN.paths.log("collect_baseline", "{model}"),
        benchmark:
            RUN.paths.benchmark("collect_baseline", "{model}")
        wildcard_constraints:
            model=in_shares(RUN.baselines),
        resources:
            **needs("collect_baseline", mem_mb=8000, runtime=30),
