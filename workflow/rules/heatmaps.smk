# Heatmaps of the first detector on every data set: all variants in one pass, shared by the shards of a set.

VARIANTS = CONFIG.heatmaps.named()
HEATMAP_SETS = [*LANDMARK_SETS, *FRAME_SETS]
ALL_HEATMAPS = [
    f"{RUN}/heatmaps/{variant}/{name}/manifest.parquet"
    for variant in VARIANTS
    for name in HEATMAP_SETS
]


wildcard_constraints:
    shards=r"\d+",


def heatmap_options():
    """All that a map depends on but the weights and the photo."""
    settings = CONFIG.heatmaps
    options = [
        f"--variant {name}={kind.method}:{','.join(map(str, kind.layers))}:{kind.target}"
        for name, kind in VARIANTS.items()
    ]
    options += [f"--confidence {settings.confidence}", f"--nms-iou {settings.nms_iou}"]
    options += [f"--image-size {settings.image_size}"] if settings.image_size else []
    return " ".join(options)


# A shard that is made again keeps the maps that still are what they should be.
rule make_heatmaps:
    input:
        weights=f"{RUN}/models/rgb10/weights.pt",
        manifest=f"{RUN}/datasets/{{set}}/manifest.parquet",
    output:
        records=[
            f"{RUN}/heatmaps/{variant}/{{set}}/shards/{{shard}}-of-{{shards}}.parquet"
            for variant in VARIANTS
        ],
    log:
        f"{LOGS}/make_heatmaps/{{set}}/{{shard}}-of-{{shards}}.log",
    benchmark:
        f"{BENCHMARKS}/make_heatmaps/{{set}}/{{shard}}-of-{{shards}}.tsv"
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        **needs(mem_mb=8000, runtime=480, gpu=1),
    params:
        images=f"{RUN}/datasets/{{set}}",
        out=f"{RUN}/heatmaps",
        options=heatmap_options(),
        code=code_of("uncover.commands.heatmaps"),
    # How many images go together changes no map, so it is no parameter.
    shell:
        "uncover heatmaps --weights {input.weights} {params.images} {params.out} --name {wildcards.set}"
        " --shard {wildcards.shard}/{wildcards.shards} {params.options} --batch {CONFIG.heatmaps.batch} 2>&1 | tee {log}"


rule collect_heatmaps:
    input:
        records=lambda wildcards: [
            f"{RUN}/heatmaps/{variant}/{wildcards.set}/shards/{shard}.parquet"
            for variant in VARIANTS
            for shard in Shard.all(CONFIG.heatmaps.shards_of(wildcards.set))
        ],
        train=f"{RUN}/datasets/train/manifest.parquet",
    output:
        manifests=[
            f"{RUN}/heatmaps/{variant}/{{set}}/manifest.parquet"
            for variant in VARIANTS
        ],
        lints=[f"{RUN}/heatmaps/{variant}/{{set}}/lint.csv" for variant in VARIANTS],
    log:
        f"{LOGS}/collect_heatmaps/{{set}}.log",
    benchmark:
        f"{BENCHMARKS}/collect_heatmaps/{{set}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=30),
    params:
        folders=[f"{RUN}/heatmaps/{variant}/{{set}}" for variant in VARIANTS],
        trained_on=f"{RUN}/datasets/train",
        code=code_of("uncover.commands.heatmaps_collect"),
    shell:
        "uncover heatmaps collect {params.folders} --trained-on {params.trained_on} 2>&1 | tee {log}"
