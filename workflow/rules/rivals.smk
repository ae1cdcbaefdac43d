# Face detectors of others: those that the thesis started from, and today's.

# Those that this run asks for, and why it does without the rest.
RIVALS_WANTED, RIVALS_LEFT_OUT = targets.rivals_wanted(CONFIG)
RIVALS_TRAINED = [name for name in RIVALS_WANTED if name in TRAINED_NAMES]
RIVAL_SETS = [
    *TRIED_SETS,
    *(["preterm_web"] if "preterm_web" in FRAME_SETS else []),
]
# Whose weights somebody else made, by detector.
FETCHED = {
    name: key
    for name in RIVALS_WANTED
    if (key := CONFIG.rivals.weights_of(name)) is not None
}
# Each with its own module.
RIVAL_CODE = {
    (verb, name): code_of(f"uncover.commands.{verb}_rival", RIVALS[name].module)
    for verb in ("train", "predict")
    for name in RIVALS_WANTED
}
# From which confidence a box counts as a face.
CONFIDENCES = {
    **dict.fromkeys(RGB_MODELS, CONFIG.rescue.missed_confidence),
    **{name: getattr(CONFIG.rivals, name).confidence for name in RIVALS_WANTED},
}
ALL_PREDICTIONS += [
    f"{RUN}/predictions/{rival}/{name}.parquet"
    for rival in RIVALS_WANTED
    for name in RIVAL_SETS
]
ALL_EVALUATIONS += [
    f"{RUN}/metrics/{rival}/{name}/whole_face/summary.json"
    for rival in RIVALS_WANTED
    for name in LABELLED_SETS
]


wildcard_constraints:
    rival="|".join(RIVALS_WANTED) or "none",
    trained_rival="|".join(RIVALS_TRAINED) or "none",
    fetched="|".join(FETCHED.values()) or "none",


# Weights that cannot be had stop what needs them, and nothing else: whoever can do without them asks here first.
def rivals_at_hand():
    """Detectors of others that can be run; only for functions of inputs."""
    at_hand = []
    for name in RIVALS_WANTED:
        if name in FETCHED:
            folder = checkpoints.fetch_weights.get(fetched=FETCHED[name]).output.folder
            fetched = read_fetched(Path(folder))
            if fetched is None or fetched.why:
                continue
        at_hand.append(name)
    return at_hand


def rivals_not_run():
    """Why detectors of others were not run, by name."""
    why = dict(RIVALS_LEFT_OUT)
    for name, key in FETCHED.items():
        fetched = read_fetched(Path(f"{RUN}/weights/{key}"))
        if fetched is not None and fetched.why:
            why[name] = (
                f"its weights are not at hand (weights.{key}; the job's log says why)"
            )
    return why


def not_run_options(wildcards):
    words = [f"{name}={why}" for name, why in rivals_not_run().items()]
    return ["--not-run", *words] if words else []


def first_and_rivals():
    """Detectors of photos that stand in one table with those of others; only for functions of inputs."""
    return [*RGB_MODELS, *rivals_at_hand()]


def confidence_words(wildcards):
    not_run = rivals_not_run()
    return [
        f"{name}={confidence}"
        for name, confidence in CONFIDENCES.items()
        if name not in not_run
    ]


checkpoint fetch_weights:
    output:
        folder=directory(f"{RUN}/weights/{{fetched}}"),
    log:
        f"{LOGS}/fetch_weights/{{fetched}}.log",
    benchmark:
        f"{BENCHMARKS}/fetch_weights/{{fetched}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=4000, runtime=30),
    params:
        weights=lambda wildcards: checkpoint_options(CONFIG.weights[wildcards.fetched]),
        # A new number makes Snakemake try again what failed.
        attempt=lambda wildcards: next_attempt(
            Path(f"{RUN}/weights/{wildcards.fetched}")
        ),
        code=code_of("uncover.commands.fetch_weights"),
    shell:
        "uncover fetch_weights {params.weights:q} {output.folder} --attempt {params.attempt} 2>&1 | tee {log}"


def fetched_folder(rival):
    return [f"{RUN}/weights/{FETCHED[rival]}"] if rival in FETCHED else []


def rival_settings(rival):
    settings = getattr(CONFIG.rivals, rival)
    # From where on a box counts as a face is asked of stored predictions.
    pairs = [pair for pair in as_pairs(settings) if not pair.startswith("confidence=")]
    return ["--set", *pairs] if pairs else []


rule train_rival:
    input:
        train=f"{RUN}/datasets/train/manifest.parquet",
        train_boxes=f"{RUN}/datasets/train/boxes.parquet",
        val=f"{RUN}/datasets/val/manifest.parquet",
        val_boxes=f"{RUN}/datasets/val/boxes.parquet",
        start=lambda wildcards: fetched_folder(wildcards.trained_rival),
    output:
        weights=f"{RUN}/models/{{trained_rival}}/weights.pt",
        record=f"{RUN}/models/{{trained_rival}}/results.csv",
        summary=f"{RUN}/models/{{trained_rival}}/summary.json",
    log:
        f"{LOGS}/train_rival/{{trained_rival}}.log",
    benchmark:
        f"{BENCHMARKS}/train_rival/{{trained_rival}}.tsv"
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        **needs(mem_mb=16000, runtime=2880, gpu=1),
    params:
        data=f"{RUN}/datasets",
        out=f"{RUN}/models/{{trained_rival}}",
        start=lambda wildcards, input: f"--start {input.start}" if input.start else "",
        settings=lambda wildcards: rival_settings(wildcards.trained_rival),
        code=lambda wildcards: RIVAL_CODE["train", wildcards.trained_rival](wildcards),
    shell:
        "uncover train rival {wildcards.trained_rival} {params.data} {params.out} {params.start}"
        " {params.settings:q} 2>&1 | tee {log}"


def rival_weights(wildcards):
    if wildcards.rival in RIVALS_TRAINED:
        return [f"{RUN}/models/{wildcards.rival}/weights.pt"]
    return fetched_folder(wildcards.rival)


rule predict_rival:
    input:
        weights=rival_weights,
        manifests=[f"{RUN}/datasets/{name}/manifest.parquet" for name in RIVAL_SETS],
    output:
        predictions=predicted("{rival}", RIVAL_SETS),
    log:
        f"{LOGS}/predict_rival/{{rival}}{OF_SHARD}.log",
    benchmark:
        f"{BENCHMARKS}/predict_rival/{{rival}}{OF_SHARD}.tsv"
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        **needs(mem_mb=8000, runtime=480, gpu=1),
    params:
        sets=[f"{RUN}/datasets/{name}" for name in RIVAL_SETS],
        out=f"{RUN}/predictions/{{rival}}",
        weights=lambda wildcards, input: (
            f"--weights {input.weights}" if input.weights else ""
        ),
        settings=lambda wildcards: rival_settings(wildcards.rival),
        nms_iou=CONFIG.prediction.nms_iou,
        shard=shard_option,
        code=lambda wildcards: RIVAL_CODE["predict", wildcards.rival](wildcards),
    shell:
        "uncover predict rival {wildcards.rival} {params.sets} --out {params.out} {params.weights}"
        " --nms-iou {params.nms_iou} {params.settings:q} {params.shard} 2>&1 | tee {log}"


# What is counted of a detector of the second step, and every labelled set as a whole.
use rule evaluate_second as evaluate_rival with:
    output:
        whole=[
            f"{RUN}/metrics/{{second}}/{name}/whole_face/{file}"
            for name in LABELLED_SETS
            for file in RECORD
        ],
        missed=[
            f"{RUN}/metrics/{{second}}/{name}/missed/{file}"
            for name in LABELLED_MISSED_SETS
            for file in RECORD
        ],
        counts=f"{RUN}/metrics/{{second}}/rescue.csv",
    log:
        f"{LOGS}/evaluate_rival/{{second}}.log",
    benchmark:
        f"{BENCHMARKS}/evaluate_rival/{{second}}.tsv"
    wildcard_constraints:
        second="|".join(RIVALS_WANTED) or "none",
