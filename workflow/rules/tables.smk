# Tables: each is a pure function of records that earlier rules left.

# Tables 4 to 6: model, scope and title.
SCORE_TABLES = {
    "table_04": ("rgb10", "all", "4: ten parts"),
    "table_05": ("rgb10", "whole_face", "5: ten parts, scored on the whole face"),
    "table_06": ("rgb1", "whole_face", "6: whole face only"),
}
ALL_TABLES = [
    f"{RUN}/tables/{name}.csv"
    for name in (
        "table_01",
        "table_02",
        "table_03",
        *SCORE_TABLES,
        "table_parts",
        "table_val_counts",
        "table_heatmaps",
        *(["table_hof"] if "hof" in FRAME_SETS else []),
    )
]


def table_outputs(name, title):
    """The three forms of a table; the CSV stands in the report."""
    return {
        "csv": report(
            f"{RUN}/tables/{name}.csv",
            caption=f"../report/{name}.rst",
            category="Tables",
            labels={"table": title},
        ),
        "md": f"{RUN}/tables/{name}.md",
        "tex": f"{RUN}/tables/{name}.tex",
    }


def frame_manifests(wildcards):
    return [f"{RUN}/datasets/hof/manifest.parquet"] if "hof" in FRAME_SETS else []


rule table_01:
    input:
        faces=[f"{RUN}/faces/{source}.parquet" for source in LANDMARK_SOURCES],
        frames=frame_manifests,
    output:
        **table_outputs("table_01", "1: original data sets"),
    log:
        f"{LOGS}/table_01.log",
    benchmark:
        f"{BENCHMARKS}/table_01.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        code=code_of("uncover.commands.table_01"),
    shell:
        "uncover table_01 {params.out} --faces {input.faces} --frames {input.frames} 2>&1 | tee {log}"


rule table_02:
    input:
        manifests=[f"{RUN}/datasets/{name}/manifest.parquet" for name in LANDMARK_SETS],
        splits=[f"{RUN}/splits/{source}.json" for source in LANDMARK_SOURCES],
    output:
        **table_outputs("table_02", "2: train, val and test"),
    log:
        f"{LOGS}/table_02.log",
    benchmark:
        f"{BENCHMARKS}/table_02.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        published=content_of("config/published.yaml"),
        code=code_of("uncover.commands.table_02"),
    shell:
        "uncover table_02 {params.out} --manifests {input.manifests} --splits {input.splits}"
        " --published {PUBLISHED} 2>&1 | tee {log}"


rule table_parts:
    input:
        faces=[f"{RUN}/faces/{source}.parquet" for source in LANDMARK_SOURCES],
    output:
        **table_outputs("table_parts", "what the released part boxes change"),
    log:
        f"{LOGS}/table_parts.log",
    benchmark:
        f"{BENCHMARKS}/table_parts.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=4000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        code=code_of("uncover.commands.table_parts"),
    shell:
        "uncover table_parts {params.out} --faces {input.faces} 2>&1 | tee {log}"


rule table_03:
    input:
        training=f"{RUN}/models/rgb10/summary.json",
        history=(
            [f"{RUN}/evolution/history.csv"] if CONFIG.evolution.generations else []
        ),
        best=[f"{RUN}/evolution/best.json"] if CONFIG.evolution.generations else [],
    output:
        **table_outputs("table_03", "3: evolved hyperparameters"),
    log:
        f"{LOGS}/table_03.log",
    benchmark:
        f"{BENCHMARKS}/table_03.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        evolution=lambda wildcards, input: (
            f"--history {input.history} --best {input.best}" if input.history else ""
        ),
        published=content_of("config/published.yaml"),
        code=code_of("uncover.commands.table_03"),
    shell:
        "uncover table_03 {params.out} --training {input.training} --published {PUBLISHED}"
        " {params.evolution} 2>&1 | tee {log}"


for table, (model, scope, title) in SCORE_TABLES.items():

    rule:
        name:
            table
        input:
            summaries=[
                f"{RGB_TABLES}/metrics/{model}/{name}/{scope}/summary.json"
                for name in SCORED_SETS
            ],
        output:
            **table_outputs(table, title),
        log:
            f"{LOGS}/{table}.log",
        benchmark:
            f"{BENCHMARKS}/{table}.tsv"
        group:
            "tables"
        conda:
            ENVIRONMENT
        resources:
            **needs(mem_mb=1000, runtime=10, small=1),
        params:
            out=f"{RUN}/tables",
            published=content_of("config/published.yaml"),
            code=code_of(f"uncover.commands.{table}"),
        shell:
            "uncover {rule} {params.out} --summaries {input.summaries} --published {PUBLISHED} 2>&1 | tee {log}"


rule table_val_counts:
    input:
        classes=[
            f"{RGB_TABLES}/metrics/{model}/val/whole_face/classes.csv"
            for model in ("rgb10", "rgb1")
        ],
    output:
        **table_outputs("table_val_counts", "whole faces found on val"),
    log:
        f"{LOGS}/table_val_counts.log",
    benchmark:
        f"{BENCHMARKS}/table_val_counts.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        published=content_of("config/published.yaml"),
        code=code_of("uncover.commands.table_val_counts"),
    shell:
        "uncover table_val_counts {params.out} --classes {input.classes}"
        " --published {PUBLISHED} 2>&1 | tee {log}"


rule table_hof:
    input:
        predictions=[
            f"{RUN}/predictions/{model}/hof.parquet" for model in ("rgb10", "rgb1")
        ],
        manifest=f"{RUN}/datasets/hof/manifest.parquet",
    output:
        **table_outputs("table_hof", "faces found in Hand Over Face"),
    log:
        f"{LOGS}/table_hof.log",
    benchmark:
        f"{BENCHMARKS}/table_hof.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        dataset=f"{RUN}/datasets/hof",
        confidence=CONFIG.rescue.missed_confidence,
        published=content_of("config/published.yaml"),
        code=code_of("uncover.commands.table_hof"),
    shell:
        "uncover table_hof {params.out} --predictions {input.predictions} --dataset {params.dataset}"
        " --confidence {params.confidence} --published {PUBLISHED} 2>&1 | tee {log}"


rule table_heatmaps:
    input:
        lints=[
            f"{path.removesuffix('manifest.parquet')}lint.csv" for path in ALL_HEATMAPS
        ],
    output:
        **table_outputs("table_heatmaps", "blank and doubtful heatmaps"),
    log:
        f"{LOGS}/table_heatmaps.log",
    benchmark:
        f"{BENCHMARKS}/table_heatmaps.tsv"
    group:
        "tables"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/tables",
        code=code_of("uncover.commands.table_heatmaps"),
    shell:
        "uncover table_heatmaps {params.out} --lints {input.lints} 2>&1 | tee {log}"
