# What face detectors of others find: siblings of tables 10 and 11, the web photos, figures 22 and 23.

SHOWS_WEB = "preterm_web" in FRAME_SETS
SHOWN_SET = RUN.shown_set
RIVAL_TABLES = [
    "table_10_rivals",
    "table_11_rivals",
    *(["table_web"] if SHOWS_WEB else []),
    "rescue_summary_rivals",
]
RIVAL_FIGURES = {"figure_22": "retinaface", "figure_23": "mtcnn"}
ALL_TABLES += [f"{RUN}/tables/{name}.csv" for name in RIVAL_TABLES]
ALL_FIGURES += [f"{RUN}/figures/{name}.png" for name in RIVAL_FIGURES]


rule table_10_rivals:
    input:
        summaries=lambda wildcards: summaries_of(
            first_and_rivals(), RUN.table_sets, "whole_face"
        ),
    output:
        **table_outputs("table_10_rivals", "10, rivals: whole face by set"),
    log:
        f"{LOGS}/table_10_rivals.log",
    benchmark:
        f"{BENCHMARKS}/table_10_rivals.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        not_run=not_run_options,
        code=code_of("uncover.commands.table_10_rivals"),
    shell:
        "uncover table_10 rivals {params.out} --summaries {input.summaries} {params.not_run:q} 2>&1 | tee {log}"


rule table_11_rivals:
    input:
        predictions=lambda wildcards: predictions_of(first_and_rivals(), RUN.table_sets),
        boxes=[f"{RUN}/datasets/{name}/boxes.parquet" for name in RUN.table_sets],
        manifests=[f"{RUN}/datasets/{name}/manifest.parquet" for name in RUN.table_sets],
    output:
        **table_outputs("table_11_rivals", "11, rivals: found and missed by set"),
    log:
        f"{LOGS}/table_11_rivals.log",
    benchmark:
        f"{BENCHMARKS}/table_11_rivals.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        datasets=[f"{RUN}/datasets/{name}" for name in RUN.table_sets],
        confidences=confidence_words,
        true_iou=CONFIG.rescue.true_iou,
        not_run=not_run_options,
        code=code_of("uncover.commands.table_11_rivals"),
    shell:
        "uncover table_11 rivals {params.out} --predictions {input.predictions} --datasets {params.datasets}"
        " --confidences {params.confidences} --true-iou {params.true_iou} {params.not_run:q} 2>&1 | tee {log}"


rule table_web:
    input:
        predictions=lambda wildcards: predictions_of(
            first_and_rivals(), ["preterm_web"]
        ),
        boxes=f"{RUN}/datasets/preterm_web/boxes.parquet",
        manifest=f"{RUN}/datasets/preterm_web/manifest.parquet",
    output:
        **table_outputs("table_web", "3.1: preterm infants of the web"),
    log:
        f"{LOGS}/table_web.log",
    benchmark:
        f"{BENCHMARKS}/table_web.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        dataset=f"{RUN}/datasets/preterm_web",
        confidences=confidence_words,
        true_iou=CONFIG.rescue.true_iou,
        not_run=not_run_options,
        code=code_of("uncover.commands.table_web"),
    shell:
        "uncover table_web {params.out} --predictions {input.predictions} --dataset {params.dataset}"
        " --confidences {params.confidences} --true-iou {params.true_iou} {params.not_run:q} 2>&1 | tee {log}"


rule rescue_summary_rivals:
    input:
        cascade=f"{RUN}/metrics/rescue_cascade.csv",
    output:
        **table_outputs("rescue_summary_rivals", "detectors alone and with rescue"),
    log:
        f"{LOGS}/rescue_summary_rivals.log",
    benchmark:
        f"{BENCHMARKS}/rescue_summary_rivals.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        not_run=not_run_options,
        code=code_of("uncover.commands.rescue_summary_rivals"),
    shell:
        "uncover rescue_summary rivals {params.out} --cascade {input.cascade} {params.not_run:q} 2>&1 | tee {log}"


for figure, rival in RIVAL_FIGURES.items():

    rule:
        name:
            figure
        input:
            predictions=lambda wildcards, rival=rival: predictions_of(
                [name for name in rivals_at_hand() if name == rival], [SHOWN_SET]
            ),
            manifest=f"{RUN}/datasets/{SHOWN_SET}/manifest.parquet",
            boxes=f"{RUN}/datasets/{SHOWN_SET}/boxes.parquet",
        output:
            **figure_outputs(figure, f"{figure[-2:]}: detections of {rival}"),
        log:
            f"{LOGS}/{figure}.log",
        benchmark:
            f"{BENCHMARKS}/{figure}.tsv"
        group:
            "figures"
        conda:
            ENVIRONMENT
        resources:
            **needs(mem_mb=2000, runtime=10, small=1),
        params:
            command=figure,
            out=f"{RUN}/figures",
            dataset=f"{RUN}/datasets/{SHOWN_SET}",
            shown=lambda wildcards, input, rival=rival: (
                [
                    "--predictions",
                    input.predictions,
                    "--confidence",
                    str(CONFIDENCES[rival]),
                ]
                # Before weights were fetched Snakemake has a placeholder here, whoever is wanted.
                if rival in RIVALS_WANTED and input.predictions
                else ["--not-run", rivals_not_run().get(rival, "not tried yet")]
            ),
            true_iou=CONFIG.rescue.true_iou,
            privacy=CONFIG.report.privacy,
            code=code_of(f"uncover.commands.{figure}"),
        shell:
            "uncover {params.command} {params.out} {params.shown:q} --dataset {params.dataset}"
            " --true-iou {params.true_iou} --privacy {params.privacy} 2>&1 | tee {log}"
