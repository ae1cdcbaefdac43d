# Raw data: downloads and data sets of somebody's own are taken as they are, the embedded synthetic data is made here.


def synthetic_options(wildcards):
    settings = CONFIG.synthetic
    sizes = getattr(settings, wildcards.source)
    # One number is of photos that have no parts.
    counts = (
        sizes.model_dump()
        if hasattr(sizes, "model_dump")
        else {PHOTOS_OF_SYNTHETIC[wildcards.source]: sizes}
    )
    options = " ".join(f"--{name} {count}" for name, count in counts.items())
    return f"{options} --size {settings.size} --seed {settings.seed}"


PHOTOS_OF_SYNTHETIC = {"hof": "frames", "preterm_web": "photos"}


rule make_synthetic:
    output:
        summary=RUN.paths.raw_summary("{source}"),
    log:
        RUN.paths.log("make_synthetic", "{source}"),
    benchmark:
        RUN.paths.benchmark("make_synthetic", "{source}")
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=60),
    params:
        out=RUN.paths.raw("{source}"),
        options=synthetic_options,
        code=code_of_verb("make_synthetic"),
    shell:
        "uncover make_synthetic {wildcards.source} {params.out} {params.options} 2>&1 | tee {log}"


def raw_summary(source):
    """What to wait for before a raw data set can be read: nothing, for a download."""
    return [RUN.paths.raw_summary(source)] if is_rendered(CONFIG, source) else []


@functools.cache
def raw_state(source):
    """What stands for the content of a download; the synthetic data's summary says it for the synthetic data."""
    if is_rendered(CONFIG, source):
        return ""
    return folder_fingerprint(raw_folder(CONFIG, source), CONFIG.raw.watch == "sizes")
