# Heatmaps of the first detector on every data set: all variants in one pass, shared by the shards of a set.


wildcard_constraints:
    shards=r"\d+",


def heatmap_options():
    """All that a map depends on but the weights and the photo."""
    settings = CONFIG.heatmaps
    options = [
        f"--variant {name}={kind.method}:{','.join(map(str, kind.layers))}:{kind.target}"
        for name, kind in RUN.heatmap_kinds.items()
    ]
    options += [f"--confidence {settings.confidence}", f"--nms-iou {settings.nms_iou}"]
    options += [f"--image-size {settings.image_size}"] if settings.image_size else []
    return " ".join(options)


# A shard that is made again keeps the maps that still are what they should be.
rule make_heatmaps:
    input:
        weights=RUN.paths.model("rgb10").weights,
        manifest=RUN.paths.dataset("{set}").manifest,
    output:
        records=[
            RUN.paths.heatmaps(kind, "{set}").shard("{shard}-of-{shards}")
            for kind in RUN.heatmap_kinds
        ],
    log:
        RUN.paths.log("make_heatmaps", "{set}", "{shard}-of-{shards}"),
    benchmark:
        RUN.paths.benchmark("make_heatmaps", "{set}", "{shard}-of-{shards}")
    conda:
        ENVIRONMENT
    threads: DETECTOR_THREADS
    resources:
        **needs(mem_mb=8000, runtime=480, gpu=1),
    params:
        images=RUN.paths.dataset("{set}"),
        out=RUN.paths.all_heatmaps,
        options=heatmap_options(),
        code=code_of_verb("heatmaps"),
    # How many images go together changes no map, so it is no parameter.
    shell:
        "uncover heatmaps --weights {input.weights} {params.images} {params.out} --name {wildcards.set}"
        " --shard {wildcards.shard}/{wildcards.shards} {params.options} --batch {CONFIG.heatmaps.batch} 2>&1 | tee {log}"


rule collect_heatmaps:
    input:
        records=lambda wildcards: [
            RUN.paths.heatmaps(kind, wildcards.set).shard(shard)
            for kind in RUN.heatmap_kinds
            for shard in Shard.all(CONFIG.heatmaps.shards_of(wildcards.set))
        ],
        train=RUN.paths.dataset("train").manifest,
    output:
        manifests=RUN.heatmaps(RUN.heatmap_kinds, ["{set}"]),
        lints=[RUN.paths.heatmaps(kind, "{set}").lint for kind in RUN.heatmap_kinds],
    log:
        RUN.paths.log("collect_heatmaps", "{set}"),
    benchmark:
        RUN.paths.benchmark("collect_heatmaps", "{set}")
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=30),
    params:
        folders=[RUN.paths.heatmaps(kind, "{set}") for kind in RUN.heatmap_kinds],
        trained_on=RUN.paths.dataset("train"),
        code=code_of_verb("heatmaps collect"),
    shell:
        "uncover heatmaps collect {params.folders} --trained-on {params.trained_on} 2>&1 | tee {log}"
