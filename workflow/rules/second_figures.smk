# Figures of the second step: 21, 31, and photos that were missed beside what was found in them.

SHOWS_HOF = "hof" in FRAME_SETS and {"gradcampp", "hirescam"} <= VARIANTS.keys()
ALL_FIGURES += [
    f"{RUN}/figures/{name}.png"
    for name in (
        *(["figure_21"] if SHOWS_HOF else []),
        *(["figure_31"] if OCCLUDED_SETS else []),
        "figure_rescue",
    )
]


rule figure_21:
    input:
        missed=f"{RUN}/missed/hof.csv",
        predictions=[
            f"{RUN}/predictions/{model}/hof.parquet"
            for model in ("gradcampp_avg", "hirescam_avg")
        ],
        heatmaps=[
            f"{RUN}/heatmaps/{variant}/hof/manifest.parquet"
            for variant in ("gradcampp", "hirescam")
        ],
    output:
        **figure_outputs("figure_21", "21: a missed frame and its heatmaps"),
    log:
        f"{LOGS}/figure_21.log",
    benchmark:
        f"{BENCHMARKS}/figure_21.tsv"
    group:
        "figures"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/figures",
        heatmaps=[
            f"{RUN}/heatmaps/{variant}/hof" for variant in ("gradcampp", "hirescam")
        ],
        dataset=f"{RUN}/datasets/hof",
        confidence=CONFIG.rescue.missed_confidence,
        code=code_of("uncover.commands.figure_21"),
    shell:
        "uncover figure_21 {params.out} --missed {input.missed} --predictions {input.predictions}"
        " --heatmaps {params.heatmaps} --dataset {params.dataset} --confidence {params.confidence} 2>&1 | tee {log}"


rule figure_31:
    input:
        summaries=summaries_of(THESIS_MODELS, OCCLUDED_SETS, "missed"),
    output:
        **figure_outputs("figure_31", "31: F1 against confidence by grade"),
    log:
        f"{LOGS}/figure_31.log",
    benchmark:
        f"{BENCHMARKS}/figure_31.tsv"
    group:
        "figures"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/figures",
        evaluations=[
            f"{RUN}/metrics/{model}/{name}/missed"
            for model in THESIS_MODELS
            for name in OCCLUDED_SETS
        ],
        published=content_of("config/published.yaml"),
        code=code_of("uncover.commands.figure_31"),
    shell:
        "uncover figure_31 {params.out} --evaluations {params.evaluations} --published {PUBLISHED} 2>&1 | tee {log}"


rule figure_rescue:
    input:
        trial=f"{RUN}/metrics/rescue_trial.csv",
        missed=[f"{RUN}/missed/{name}.csv" for name in LABELLED_MISSED_SETS],
        found=rescue_predictions,
        boxes=[f"{RUN}/datasets/{name}/boxes.parquet" for name in LABELLED_MISSED_SETS],
    output:
        **figure_outputs("figure_rescue", "missed photos and what was found"),
    log:
        f"{LOGS}/figure_rescue.log",
    benchmark:
        f"{BENCHMARKS}/figure_rescue.tsv"
    group:
        "figures"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=10, small=1),
    params:
        out=f"{RUN}/figures",
        datasets=[f"{RUN}/datasets/{name}" for name in LABELLED_MISSED_SETS],
        predictions=f"{RUN}/predictions",
        methods=rescue_methods,
        true_iou=CONFIG.rescue.true_iou,
        privacy=CONFIG.report.privacy,
        code=code_of("uncover.commands.figure_rescue"),
    shell:
        "uncover figure_rescue {params.out} --trial {input.trial} --datasets {params.datasets} --missed {input.missed}"
        " --predictions {params.predictions} --methods {params.methods} --true-iou {params.true_iou}"
        " --privacy {params.privacy} 2>&1 | tee {log}"
