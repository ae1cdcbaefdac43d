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
    name for name, rival in PROPOSALS.items() if LOOKS or not rival.needs_looks
]
# The heatmaps that boxes are drawn in.
BOXED = CONFIG.rescue.boxed_heatmaps(VARIANTS)
if BOXED not in VARIANTS:
    raise WorkflowError(
        f"config: key rescue.heatmap_boxes: heatmaps {BOXED} are not made; expected one of {', '.join(VARIANTS)}"
    )


wildcard_constraints:
    look="|".join(LOOKS) or "none",


RESCUERS = CONFIG.rescue.rescuers or (
    "gradcampp_avg",
    "closer_look" if LOOKS else "all_votes",
)
for name in RESCUERS:
    if name not in SECOND_MODELS and name not in RIVALS_PROPOSED:
        known = ", ".join([*SECOND_MODELS, *RIVALS_PROPOSED])
        raise WorkflowError(
            f"config: key rescue.rescuers: {name} is no method of this run; expected some of {known}"
        )


def column_of(name):
    """The column of missed/<set>.csv that says where a method has something to look at; empty for what sees photos."""
    if name in PROPOSALS and PROPOSALS[name].needs_maps:
        return f"{BOXED}:joint"
    return blank_column(name)


# All that may find a face in a missed photo, as `uncover rescue_trial` takes it: name, group, what it looks at.
def rescue_methods(wildcards):
    groups = {
        **{name: GROUPS[model.role] for name, model in SECOND_MODELS.items()},
        **{name: PROPOSALS[name].group for name in RIVALS_PROPOSED},
    }
    return [
        *(
            f"{name}={group}" + (f":{column_of(name)}" if column_of(name) else "")
            for name, group in groups.items()
        ),
        *(f"{name}=detector" for name in RIVALS_WANTED if name not in rivals_not_run()),
    ]


def predictions_of(models, names):
    return [
        f"{RUN}/predictions/{model}/{name}.parquet"
        for model in models
        for name in names
    ]


def rescue_predictions(wildcards):
    methods = [*SECOND_MODELS, *RIVALS_PROPOSED, *rivals_at_hand()]
    return predictions_of(methods, TRIED_SETS)


# A detector of photos once more, at other sizes of its input: small faces grow with it.
rule look_closer:
    input:
        weights=f"{RUN}/models/{LOOKS_OF}/weights.pt",
        manifests=[f"{RUN}/datasets/{name}/manifest.parquet" for name in TRIED_SETS],
    output:
        predictions=predicted("{look}", TRIED_SETS),
    log:
        f"{LOGS}/look_closer/{{look}}{OF_SHARD}.log",
    benchmark:
        f"{BENCHMARKS}/look_closer/{{look}}{OF_SHARD}.tsv"
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        **needs(mem_mb=8000, runtime=480, gpu=1),
    params:
        sets=[f"{RUN}/datasets/{name}" for name in TRIED_SETS],
        out=f"{RUN}/predictions/{{look}}",
        image_size=lambda wildcards: targets.look_size(
            CONFIG, LOOKS.index(wildcards.look)
        ),
        confidence=CONFIG.prediction.confidence,
        nms_iou=CONFIG.prediction.nms_iou,
        shard=shard_option,
        code=code_of("uncover.commands.predict_sets"),
    shell:
        "uncover predict sets --weights {input.weights} {params.sets} --out {params.out} --image-size {params.image_size}"
        " --confidence {params.confidence} --nms-iou {params.nms_iou} {params.shard} 2>&1 | tee {log}"


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
        heatmaps=[
            f"{RUN}/heatmaps/{BOXED}/{name}/manifest.parquet" for name in TRIED_SETS
        ],
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
        **needs(mem_mb=4000, runtime=60),
    params:
        out=f"{RUN}/predictions",
        train=f"{RUN}/datasets/train",
        looks=" ".join(
            ["--looks", *(f"{RUN}/predictions/{look}" for look in ALL_LOOKS)]
            if ALL_LOOKS
            else []
        ),
        heatmaps=f"{RUN}/heatmaps/{BOXED}",
        nms_iou=CONFIG.prediction.nms_iou,
        code=code_of("uncover.commands.propose"),
    shell:
        "uncover propose {params.out} --train {params.train} --rgb10 {input.rgb10} --rgb1 {input.rgb1}"
        " {params.looks} --heatmaps {params.heatmaps} --nms-iou {params.nms_iou} 2>&1 | tee {log}"


rule rescue_trial:
    input:
        missed=MISSED,
        boxes=[f"{RUN}/datasets/{name}/boxes.parquet" for name in TRIED_SETS],
        manifests=[f"{RUN}/datasets/{name}/manifest.parquet" for name in TRIED_SETS],
        predictions=rescue_predictions,
    output:
        trial=f"{RUN}/metrics/rescue_trial.csv",
    log:
        f"{LOGS}/rescue_trial.log",
    benchmark:
        f"{BENCHMARKS}/rescue_trial.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=4000, runtime=60),
    params:
        methods=rescue_methods,
        predictions=f"{RUN}/predictions",
        datasets=[f"{RUN}/datasets/{name}" for name in TRIED_SETS],
        rates=CONFIG.rescue.false_positives_per_photo,
        true_iou=CONFIG.rescue.true_iou,
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of("uncover.commands.rescue_trial"),
    shell:
        "uncover rescue_trial {output.trial} --methods {params.methods} --predictions {params.predictions}"
        " --missed {input.missed} --datasets {params.datasets} --val val --rates {params.rates}"
        " --true-iou {params.true_iou} --bootstrap {params.bootstrap} 2>&1 | tee {log}"


# Every detector alone, and with what looks into the photos that it missed.
rule rescue_cascade:
    input:
        missed=[f"{RUN}/missed/{name}.csv" for name in LABELLED_SETS],
        boxes=[f"{RUN}/datasets/{name}/boxes.parquet" for name in LABELLED_SETS],
        manifests=[f"{RUN}/datasets/{name}/manifest.parquet" for name in LABELLED_SETS],
        detectors=lambda wildcards: predictions_of(first_and_rivals(), LABELLED_SETS),
        rescues=predictions_of(RESCUERS, LABELLED_SETS),
    output:
        cascade=f"{RUN}/metrics/rescue_cascade.csv",
    log:
        f"{LOGS}/rescue_cascade.log",
    benchmark:
        f"{BENCHMARKS}/rescue_cascade.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=4000, runtime=60),
    params:
        detectors=confidence_words,
        rescues=[
            f"{name}:{column_of(name)}" if column_of(name) else name
            for name in RESCUERS
        ],
        predictions=f"{RUN}/predictions",
        datasets=[f"{RUN}/datasets/{name}" for name in LABELLED_SETS],
        rate=CONFIG.rescue.rate,
        true_iou=CONFIG.rescue.true_iou,
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of("uncover.commands.rescue_cascade"),
    shell:
        "uncover rescue_cascade {output.cascade} --detectors {params.detectors} --rescues {params.rescues}"
        " --predictions {params.predictions} --datasets {params.datasets} --missed {input.missed} --val val"
        " --rate {params.rate} --true-iou {params.true_iou} --bootstrap {params.bootstrap} 2>&1 | tee {log}"
