# Tables: each is a pure function of records that earlier rules left.

ALL_TABLES = [
    f"{RUN}/tables/{name}.csv" for name in ("table_01", "table_02", "table_parts")
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
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        out=f"{RUN}/tables",
        code=code_digest("uncover.commands.table_01"),
    shell:
        "uncover table_01 {params.out} --faces {input.faces} --frames {input.frames} 2>&1 | tee {log}"


rule table_02:
    input:
        manifests=[f"{RUN}/datasets/{name}/manifest.parquet" for name in LANDMARK_SETS],
        splits=[f"{RUN}/splits/{source}.json" for source in LANDMARK_SOURCES],
        published="config/published.yaml",
    output:
        **table_outputs("table_02", "2: train, val and test"),
    log:
        f"{LOGS}/table_02.log",
    benchmark:
        f"{BENCHMARKS}/table_02.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        out=f"{RUN}/tables",
        code=code_digest("uncover.commands.table_02"),
    shell:
        "uncover table_02 {params.out} --manifests {input.manifests} --splits {input.splits}"
        " --published {input.published} 2>&1 | tee {log}"


rule table_parts:
    input:
        faces=[f"{RUN}/faces/{source}.parquet" for source in LANDMARK_SOURCES],
    output:
        **table_outputs("table_parts", "what the released part boxes change"),
    log:
        f"{LOGS}/table_parts.log",
    benchmark:
        f"{BENCHMARKS}/table_parts.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        out=f"{RUN}/tables",
        code=code_digest("uncover.commands.table_parts"),
    shell:
        "uncover table_parts {params.out} --faces {input.faces} 2>&1 | tee {log}"
