# Figures: each is a pure function of records and photos.

# Figures 18 to 20: set and title. Figures 24, 25 and 27 to 30: model, title, and its record among the thesis's released ones.
CONFUSION_FIGURES = {
    "figure_18": ("val", "18: confusion on val"),
    "figure_19": ("merl", "19: confusion on MERL-RAV"),
    "figure_20": ("wflw", "20: confusion on WFLW"),
}
TRAINING_FIGURES = {
    "figure_24": ("rgb10", "24: training of rgb10", "10classes_rgb_results.csv"),
    "figure_25": ("rgb1", "25: training of rgb1", None),
    "figure_27": ("gradcampp_avg", "27: training of gradcampp_avg", None),
    "figure_28": (
        "hirescam_avg",
        "28: training of hirescam_avg",
        "hirescam_results.csv",
    ),
    "figure_29": ("gradcampp_10", "29: training of gradcampp_10", None),
    "figure_30": (
        "hirescam_10",
        "30: training of hirescam_10",
        "hirescam_perclass_results.csv",
    ),
}
# Figure 26: the thesis's GradCAM++ and HiResCAM, or what stands first in the config.
SHOWN_VARIANTS = list(VARIANTS)[:2]
ALL_FIGURES = [
    f"{RUN}/figures/{name}.png"
    for name in (
        "figure_15",
        "figure_16",
        "figure_17",
        *(name for name, (own, _) in CONFUSION_FIGURES.items() if own in LANDMARK_SETS),
        *TRAINING_FIGURES,
        "figure_26",
    )
]


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
    group:
        "figures"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/figures",
        photo=(
            f"--photo {CONFIG.report.figure_15_photo}"
            if CONFIG.report.figure_15_photo
            else ""
        ),
        code=code_of("uncover.commands.figure_15"),
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
    group:
        "figures"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=10, small=1),
    params:
        out=f"{RUN}/figures",
        code=code_of("uncover.commands.figure_16"),
    shell:
        "uncover figure_16 {params.out} --manifest {input.manifest} --boxes {input.boxes} 2>&1 | tee {log}"


rule figure_17:
    input:
        curves=f"{RGB_TABLES}/metrics/rgb10/val/all/curves.parquet",
        summary=f"{RGB_TABLES}/metrics/rgb10/val/all/summary.json",
    output:
        **figure_outputs("figure_17", "17: F1 against confidence"),
    log:
        f"{LOGS}/figure_17.log",
    benchmark:
        f"{BENCHMARKS}/figure_17.tsv"
    group:
        "figures"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/figures",
        published=content_of("config/published.yaml"),
        code=code_of("uncover.commands.figure_17"),
    shell:
        "uncover figure_17 {params.out} --curves {input.curves} --summary {input.summary}"
        " --published {PUBLISHED} 2>&1 | tee {log}"


for figure, (scored, title) in CONFUSION_FIGURES.items():

    rule:
        name:
            figure
        input:
            confusion=f"{RGB_TABLES}/metrics/rgb10/{scored}/all/confusion.csv",
            summary=f"{RGB_TABLES}/metrics/rgb10/{scored}/all/summary.json",
        output:
            **figure_outputs(figure, title),
        log:
            f"{LOGS}/{figure}.log",
        benchmark:
            f"{BENCHMARKS}/{figure}.tsv"
        group:
            "figures"
        conda:
            ENVIRONMENT
        resources:
            **needs(mem_mb=1000, runtime=10, small=1),
        params:
            out=f"{RUN}/figures",
            published=content_of("config/published.yaml"),
            code=code_of(f"uncover.commands.{figure}"),
        shell:
            "uncover {rule} {params.out} --confusion {input.confusion} --summary {input.summary}"
            " --published {PUBLISHED} 2>&1 | tee {log}"


for figure, (model, title, released) in TRAINING_FIGURES.items():

    rule:
        name:
            figure
        input:
            record=f"{RUN}/models/{model}/results.csv",
            released=(
                [f"{CONFIG.report.released}/{released}"]
                if CONFIG.report.released and released
                else []
            ),
        output:
            **figure_outputs(figure, title),
        log:
            f"{LOGS}/{figure}.log",
        benchmark:
            f"{BENCHMARKS}/{figure}.tsv"
        group:
            "figures"
        conda:
            ENVIRONMENT
        resources:
            **needs(mem_mb=1000, runtime=10, small=1),
        params:
            out=f"{RUN}/figures",
            released=lambda wildcards, input: (
                f"--released {input.released}" if input.released else ""
            ),
            code=code_of(f"uncover.commands.{figure}"),
        shell:
            "uncover {rule} {params.out} --record {input.record} {params.released} 2>&1 | tee {log}"


rule figure_26:
    input:
        manifests=[
            f"{RUN}/heatmaps/{variant}/train/manifest.parquet"
            for variant in SHOWN_VARIANTS
        ],
        boxes=f"{RUN}/datasets/train/boxes.parquet",
    output:
        **figure_outputs("figure_26", "26: a photo and its heatmaps"),
    log:
        f"{LOGS}/figure_26.log",
    benchmark:
        f"{BENCHMARKS}/figure_26.tsv"
    group:
        "figures"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=10, small=1),
    params:
        out=f"{RUN}/figures",
        heatmaps=[f"{RUN}/heatmaps/{variant}/train" for variant in SHOWN_VARIANTS],
        dataset=f"{RUN}/datasets/train",
        photo=(
            f"--photo {CONFIG.report.figure_26_photo}"
            if CONFIG.report.figure_26_photo
            else ""
        ),
        code=code_of("uncover.commands.figure_26"),
    shell:
        "uncover figure_26 {params.out} --dataset {params.dataset} --heatmaps {params.heatmaps}"
        " {params.photo} 2>&1 | tee {log}"
