# Tables 7 to 13, what they say of other kinds of heatmaps, and the rescue summary.

RESCUE_COUNTS = [f"{RUN}/metrics/{model}/rescue.csv" for model in THESIS_MODELS]


def summaries_of(models, names, scope):
    return [
        f"{RUN}/metrics/{model}/{name}/{scope}/summary.json"
        for model in models
        for name in names
    ]


def counts_of(models, names, scope):
    return [f"{RUN}/metrics/{model}/rescue.csv" for model in models]


# Table: title, option that its records stand behind, what they are, of which sets and scope.
MODEL_TABLES = {
    "table_07": (
        "7: heatmap detectors",
        "summaries",
        summaries_of,
        SCORED_SETS,
        "whole_face",
    ),
    "table_08": (
        "8: missed in MERL-RAV and WFLW",
        "records",
        counts_of,
        SCORED_SETS,
        None,
    ),
    "table_09": (
        "9: missed in Hand Over Face",
        "records",
        counts_of,
        [name for name in RUN.unlabelled_sets if name not in RUN.own_sets],
        None,
    ),
    "table_12": (
        "12: heatmap detectors by grade",
        "summaries",
        summaries_of,
        OCCLUDED_SETS,
        "missed",
    ),
    "table_13": ("13: detections by grade", "records", counts_of, OCCLUDED_SETS, None),
}
GRADE_TABLES = ["table_10", "table_11"] if GRADED_SETS else []
SECOND_TABLES = [
    *(name for name, (*_, names, _) in MODEL_TABLES.items() if names),
    *(
        f"{name}_variants"
        for name, (*_, names, _) in MODEL_TABLES.items()
        if names and VARIANT_MODELS
    ),
    *GRADE_TABLES,
    "rescue_summary",
]
ALL_TABLES += [f"{RUN}/tables/{name}.csv" for name in SECOND_TABLES]

for table, (title, option, records, names, scope) in MODEL_TABLES.items():
    for ending, models in (("", THESIS_MODELS), ("_variants", VARIANT_MODELS)):

        rule:
            name:
                f"{table}{ending}"
            input:
                records=records(models, names, scope),
            output:
                **table_outputs(
                    f"{table}{ending}", title + (", variants" if ending else "")
                ),
            log:
                f"{LOGS}/{table}{ending}.log",
            benchmark:
                f"{BENCHMARKS}/{table}{ending}.tsv"
            group:
                "tables"
            conda:
                ENVIRONMENT
            resources:
                **needs(mem_mb=1000, runtime=10, small=1),
            params:
                command=table,
                option=option,
                out=f"{RUN}/tables",
                kind=f"--variants {' '.join(models)}" if ending else "",
                # Tables of variants are given the thesis's numbers too, and have no use for them.
                published="" if ending else content_of("config/published.yaml"),
                code=code_of(f"uncover.commands.{table}"),
            shell:
                "uncover {params.command} {params.out} --{params.option} {input.records} {params.kind}"
                " --published {PUBLISHED} 2>&1 | tee {log}"


rule table_10:
    input:
        summaries=summaries_of(["rgb10"], GRADED_SETS, "whole_face"),
    output:
        **table_outputs("table_10", "10: ten parts, whole face by grade"),
    log:
        f"{LOGS}/table_10.log",
    benchmark:
        f"{BENCHMARKS}/table_10.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        published=content_of("config/published.yaml"),
        code=code_of("uncover.commands.table_10"),
    shell:
        "uncover table_10 {params.out} --summaries {input.summaries} --published {PUBLISHED} 2>&1 | tee {log}"


rule table_11:
    input:
        predictions=[f"{RUN}/predictions/rgb10/{name}.parquet" for name in GRADED_SETS],
        boxes=[f"{RUN}/datasets/{name}/boxes.parquet" for name in GRADED_SETS],
        missed=[f"{RUN}/missed/{name}.csv" for name in GRADED_SETS],
    output:
        **table_outputs("table_11", "11: found and missed by grade"),
    log:
        f"{LOGS}/table_11.log",
    benchmark:
        f"{BENCHMARKS}/table_11.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        datasets=[f"{RUN}/datasets/{name}" for name in GRADED_SETS],
        confidence=CONFIG.rescue.missed_confidence,
        true_iou=CONFIG.rescue.true_iou,
        published=content_of("config/published.yaml"),
        code=code_of("uncover.commands.table_11"),
    shell:
        "uncover table_11 {params.out} --predictions {input.predictions} --datasets {params.datasets}"
        " --missed {input.missed} --confidence {params.confidence} --true-iou {params.true_iou} --published {PUBLISHED} 2>&1 | tee {log}"


rule rescue_summary:
    input:
        trial=f"{RUN}/metrics/rescue_trial.csv",
    output:
        **table_outputs("rescue_summary", "what finds missed faces"),
    log:
        f"{LOGS}/rescue_summary.log",
    benchmark:
        f"{BENCHMARKS}/rescue_summary.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        not_run=not_run_options,
        code=code_of("uncover.commands.rescue_summary"),
    shell:
        "uncover rescue_summary {params.out} --trial {input.trial} {params.not_run:q} 2>&1 | tee {log}"
