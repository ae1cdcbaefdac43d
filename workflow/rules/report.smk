# What a run says as a whole: every number beside the thesis's, and one page of all tables and figures.

# A number of the thesis is held against ours only where data and settings are the thesis's.
NOT_COMPARABLE = targets.not_comparable(CONFIG)
# Tables by name, not by number: what the thesis prints comes first.
PAGE_TABLES = sorted(ALL_TABLES)


def is_made(record):
    """Whether this run makes a record, by its name below the run's folder; tables come on their own."""
    stage, *names = record.split("/")
    return {
        "datasets": lambda: names[0] in HEATMAP_SETS,
        "evolution": lambda: CONFIG.evolution.generations > 0,
        "metrics": lambda: names[0] in SECOND_MODELS or names[1] in LABELLED_SETS,
        "missed": lambda: names[0].removesuffix(".csv") in TRIED_SETS,
        "models": lambda: True,
        # Below the name of the folder stands what stands below that of the run.
        "rgb_tables": lambda: names[2] in SCORED_SETS,
        "tables": lambda: False,
    }[stage]()


rule comparison:
    input:
        tables=ALL_TABLES,
        records=[f"{RUN}/{name}" for name in text_numbers.RECORDS if is_made(name)],
    output:
        comparison=f"{RUN}/comparison.csv",
    log:
        f"{LOGS}/comparison.log",
    benchmark:
        f"{BENCHMARKS}/comparison.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10),
    params:
        settings=targets.telling_settings(CONFIG),
        why=f"--not-comparable '{NOT_COMPARABLE}'" if NOT_COMPARABLE else "",
        published=content_of("config/published.yaml"),
        code=code_of("uncover.commands.comparison"),
    shell:
        "uncover comparison {output.comparison} --tables {input.tables} --records {input.records}"
        " --published {PUBLISHED} --settings {params.settings:q} {params.why} 2>&1 | tee {log}"


rule report_page:
    input:
        tables=[path.replace(".csv", ".md") for path in PAGE_TABLES],
        figures=ALL_FIGURES,
        trial=f"{RUN}/metrics/rescue_trial.csv",
        videos=[f"{RUN}/metrics/videos.csv"] if VIDEO_FILES else [],
        comparison=f"{RUN}/comparison.csv",
        rescues=[f"{RUN}/metrics/{model}/rescue.csv" for model in THESIS_MODELS],
        validations=summaries_of(SECOND_MODELS, ["val"], "whole_face"),
        trainings=[
            f"{RUN}/models/{model}/summary.json"
            for model in [*RGB_MODELS, *SECOND_MODELS]
        ],
    output:
        page=f"{RUN}/report.html",
    log:
        f"{LOGS}/report_page.log",
    benchmark:
        f"{BENCHMARKS}/report_page.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10),
    params:
        run=CONFIG.run,
        captions=content_of(
            *(
                f"workflow/report/{Path(path).stem}.rst"
                for path in [*PAGE_TABLES, *ALL_FIGURES]
            )
        ),
        videos=lambda wildcards, input: (
            f"--videos {input.videos}" if input.videos else ""
        ),
        # No module, so the digest of the code does not know it.
        template=content_of("src/uncover/report/page.html.j2"),
        settings=targets.telling_settings(CONFIG),
        code=code_of("uncover.commands.page"),
    shell:
        "uncover page {output.page} --run {params.run} --tables {input.tables} --figures {input.figures}"
        " --captions {CAPTIONS} --trial {input.trial} {params.videos} --comparison {input.comparison} --rescues {input.rescues}"
        " --validations {input.validations} --trainings {input.trainings} --settings {params.settings:q} 2>&1 | tee {log}"
