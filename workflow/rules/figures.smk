# Figures: each is a pure function of records and photos.

ALL_FIGURES = [f"{RUN}/figures/{name}.png" for name in ("figure_15", "figure_16")]


def figure_outputs(name, title):
    """The two forms of a figure; the PNG stands in the report."""
    return {
        "png": report(
            f"{RUN}/figures/{name}.png",
            caption=f"../report/{name}.rst",
            category="Figures",
            labels={"figure": title},
        ),
        "pdf": f"{RUN}/figures/{name}.pdf",
    }


rule figure_15:
    input:
        faces=[f"{RUN}/faces/{source}.parquet" for source in LANDMARK_SOURCES],
        boxes=f"{RUN}/datasets/train/boxes.parquet",
    output:
        **figure_outputs("figure_15", "15: landmarks and boxes"),
    log:
        f"{LOGS}/figure_15.log",
    benchmark:
        f"{BENCHMARKS}/figure_15.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        out=f"{RUN}/figures",
        photo=(
            f"--photo {CONFIG.report.figure_15_photo}"
            if CONFIG.report.figure_15_photo
            else ""
        ),
        code=code_digest("uncover.commands.figure_15"),
    shell:
        "uncover figure_15 {params.out} --faces {input.faces} --boxes {input.boxes} {params.photo} 2>&1 | tee {log}"


rule figure_16:
    input:
        manifest=f"{RUN}/datasets/train/manifest.parquet",
        boxes=f"{RUN}/datasets/train/boxes.parquet",
    output:
        **figure_outputs("figure_16", "16: label statistics"),
    log:
        f"{LOGS}/figure_16.log",
    benchmark:
        f"{BENCHMARKS}/figure_16.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        out=f"{RUN}/figures",
        code=code_digest("uncover.commands.figure_16"),
    shell:
        "uncover figure_16 {params.out} --manifest {input.manifest} --boxes {input.boxes} 2>&1 | tee {log}"
