# Tables and figures, the comparison with the thesis, and the report.

# Declared tables and figures (uncover.report.registry) that this run makes.
MADE = {
    name: entry
    for name, entry in registry.load().items()
    if entry.inputs(RUN) is not None
}
TABLES, FIGURES = (
    [name for name, entry in MADE.items() if entry.kind == kind]
    for kind in ("table", "figure")
)
# Numbers are compared with those of the thesis only if data and settings are those of the thesis.
NOT_COMPARABLE = targets.not_comparable(CONFIG)


def files_of(entry):
    """Files of a table or figure; the first is in the report of Snakemake."""
    path = RUN.paths.table if entry.kind == "table" else RUN.paths.figure
    first, *others = registry.FORMS[entry.kind]
    return {
        first: report(
            path(entry.name, first),
            caption="../report/caption.rst",
            category=f"{entry.kind.capitalize()}s",
            labels={entry.kind: entry.title},
        ),
        **{form: path(entry.name, form) for form in others},
    }


def inputs_of(entry):
    """Inputs by name; an input function if they depend on which baseline detectors can run."""
    if not entry.after_fetching:
        return (), entry.inputs(RUN)

    def inputs(wildcards):
        wait_for_weights()
        return entry.inputs(RUN)

    return (unpack(inputs),), {}


def params_of(entry):
    """Words of the command, and everything else that its result depends on."""

    def files(wildcards, input):
        # An input without a parameter only delays the job.
        named = [name for name in entry.parameters if name in input.keys()]
        return [
            word for name in named for word in command_line.words_of(name, input[name])
        ]

    def options(wildcards):
        pairs = entry.options(RUN).items()
        return [
            word for name, value in pairs for word in command_line.words_of(name, value)
        ]

    reads_published = "published" in entry.parameters
    return {
        "verb": cli.verb_of(entry.command).split(),
        "out": RUN.paths.tables if entry.kind == "table" else RUN.paths.figures,
        "files": files,
        "options": options,
        "fixed": str(dict(entry.fixed)),
        "published": '--published "$UNCOVER_PUBLISHED"' if reads_published else "",
        "numbers": content_of("config/published.yaml") if reads_published else "",
        "code": code_of(*entry.code, *command_line.readers(entry)),
        # A function of outputs, because Snakemake does not compare its value: a changed caption reruns nothing.
        "caption": lambda wildcards, output: entry.caption,
    }


# All differences are parameters, because Snakemake reads the shell command after the loop.
for name, entry in MADE.items():

    rule:
        name:
            name
        input:
            *inputs_of(entry)[0],
            **inputs_of(entry)[1],
        output:
            **files_of(entry),
        log:
            RUN.paths.log(name),
        benchmark:
            RUN.paths.benchmark(name)
        group:
            f"{entry.kind}s"
        conda:
            "../../envs/uncover.yaml"
        container:
            CONFIG.cluster.container
        resources:
            **needs(name, mem_mb=entry.mem_mb, runtime=10, group=f"{entry.kind}s"),
        params:
            **params_of(entry),
        shell:
            "uncover {params.verb:q} {params.out:q} {params.files:q} {params.options:q} {params.published} 2>&1 | tee {log:q}"


def is_made(record):
    """Whether this run makes a record, given its path below the folder of the run; tables are handled separately."""
    stage, *names = record.split("/")
    return {
        "datasets": lambda: names[0] in RUN.sets,
        "evolution": lambda: CONFIG.evolution.generations > 0,
        "metrics": lambda: names[0] in RUN.second_models
        or names[1] in RUN.labelled_sets,
        "missed": lambda: names[0].removesuffix(".csv") in RUN.tried_sets,
        "models": lambda: True,
        # This folder has the same structure as that of the run.
        "rgb_tables": lambda: names[2] in RUN.scored_sets,
        "tables": lambda: False,
    }[stage]()


rule comparison:
    input:
        tables=[RUN.paths.table(name) for name in TABLES],
        records=[
            f"{RUN.paths}/{name}" for name in text_numbers.RECORDS if is_made(name)
        ],
    output:
        comparison=RUN.paths.comparison,
    log:
        RUN.paths.log("comparison"),
    benchmark:
        RUN.paths.benchmark("comparison")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("comparison", mem_mb=1000, runtime=10),
    params:
        settings=targets.telling_settings(CONFIG),
        why=["--not-comparable", NOT_COMPARABLE] if NOT_COMPARABLE else [],
        published=content_of("config/published.yaml"),
        code=code_of_verb("comparison"),
    shell:
        "uncover comparison {output.comparison:q} --tables {input.tables:q} --records {input.records:q}"
        ' --published "$UNCOVER_PUBLISHED" --settings {params.settings:q} {params.why:q} 2>&1 | tee {log:q}'


rule report_page:
    input:
        tables=[RUN.paths.table(name, "md") for name in TABLES],
        figures=[RUN.paths.figure(name) for name in FIGURES],
        trial=RUN.paths.rescue_trial,
        videos=[RUN.paths.video_scores] if RUN.video_files else [],
        comparison=RUN.paths.comparison,
        rescues=RUN.rescue_counts(RUN.thesis_models),
        validations=RUN.summaries(RUN.second_models, ["val"], "whole_face"),
        trainings=[
            RUN.paths.model(model).summary
            for model in [*RUN.rgb_models, *RUN.second_models]
        ],
        missed=RUN.missed(RUN.labelled_missed_sets),
        boxes=RUN.boxes(RUN.labelled_missed_sets),
        found=rescue_predictions,
        manifests=RUN.heatmaps(
            [
                model.heatmaps
                for model in map(RUN.second_models.get, RUN.thesis_models)
            ],
            RUN.labelled_missed_sets,
        ),
    output:
        page=RUN.paths.report,
    log:
        RUN.paths.log("report_page"),
    benchmark:
        RUN.paths.benchmark("report_page")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("report_page", mem_mb=1000, runtime=10),
    params:
        run=CONFIG.run,
        # Not code of the report, but part of its content.
        captions=text_digest(
            {
                f"caption of {name}": f"{MADE[name].caption}{MADE[name].chapter}".encode()
                for name in MADE
            }
        ),
        videos=lambda wildcards, input: (
            ["--videos", *input.videos] if input.videos else []
        ),
        datasets=RUN.datasets(RUN.labelled_missed_sets),
        predictions=RUN.paths.all_predictions,
        heatmaps=RUN.paths.all_heatmaps,
        methods=rescue_methods,
        true_iou=CONFIG.rescue.true_iou,
        privacy=CONFIG.report.privacy,
        # Not a module, so the digest of the code does not cover it.
        template=content_of(
            "src/uncover/report/page.html.j2", PACKAGE / "report" / "page.html.j2"
        ),
        settings=targets.telling_settings(CONFIG),
        code=code_of_verb("page"),
    shell:
        "uncover page {output.page:q} --run {params.run:q} --tables {input.tables:q} --figures {input.figures:q}"
        " --trial {input.trial:q} {params.videos:q} --comparison {input.comparison:q} --rescues {input.rescues:q}"
        " --validations {input.validations:q} --trainings {input.trainings:q} --datasets {params.datasets:q}"
        " --missed {input.missed:q} --predictions {params.predictions:q} --heatmaps {params.heatmaps:q}"
        " --methods {params.methods:q} --true-iou {params.true_iou:q} --privacy {params.privacy:q}"
        " --settings {params.settings:q} 2>&1 | tee {log:q}"


def other_run(wildcards):
    """Files of another run to compare with, read from disk, because only its own config could make them."""
    try:
        return targets.compared_files(RunPaths.of_run(wildcards.other))
    except InputError as error:
        # An exception would be printed with lines of this file, which do not help the user.
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


# Made only if requested by file name, such as results/as_released/compare/thesis.csv.
rule compare_runs:
    input:
        tables=[RUN.paths.table(name) for name in TABLES],
        other=other_run,
    output:
        **{
            form: compared_file(RUN.paths, "{other}", form)
            for form in registry.FORMS["table"]
        },
    log:
        RUN.paths.log("compare_runs", "{other}"),
    benchmark:
        RUN.paths.benchmark("compare_runs", "{other}")
    wildcard_constraints:
        other=f"(?!{re.escape(CONFIG.run)}\\.)[A-Za-z0-9][A-Za-z0-9_.-]*",
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("compare_runs", mem_mb=4000, runtime=120),
    params:
        run=str(RUN.paths),
        other=lambda wildcards: str(RunPaths.of_run(wildcards.other)),
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of_verb("compare"),
    shell:
        "uncover compare {params.run:q} {params.other:q} --out {output.csv:q} --bootstrap {params.bootstrap:q} 2>&1 | tee {log:q}"
