# Raw data: downloads are taken as they are, the embedded stand-in is made here.


def standin_options(wildcards):
    settings = CONFIG.standin
    sizes = getattr(settings, wildcards.source)
    options = {
        "wflw": lambda: f"--train {sizes.train} --test {sizes.test}",
        "merl_rav": lambda: f"--train {sizes.train} --test {sizes.test}",
        "hof": lambda: f"--frames {sizes}",
        "slapi": lambda: f"--none {sizes.none} --easy {sizes.easy} --medium {sizes.medium} --hard {sizes.hard}",
        "preterm_web": lambda: f"--photos {sizes}",
        "videos": lambda: f"--infants {sizes.infants} --seconds {sizes.seconds} --rate {sizes.rate}",
    }
    return (
        f"{options[wildcards.source]()} --size {settings.size} --seed {settings.seed}"
    )


rule make_standin:
    output:
        summary=f"{RUN}/raw/{{source}}/standin.json",
    log:
        f"{LOGS}/make_standin/{{source}}.log",
    benchmark:
        f"{BENCHMARKS}/make_standin/{{source}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=1000, runtime=60),
    params:
        out=f"{RUN}/raw/{{source}}",
        options=standin_options,
        code=code_of("uncover.commands.make_standin"),
    shell:
        "uncover make_standin {wildcards.source} {params.out} {params.options} 2>&1 | tee {log}"


def raw_summary(source):
    """What to wait for before a raw data set can be read: nothing, for a download."""
    return [f"{RUN}/raw/{source}/standin.json"] if CONFIG.raw.standin else []


@functools.cache
def raw_state(source):
    """What stands for the content of a download; the stand-in's summary says it for the stand-in."""
    if CONFIG.raw.standin:
        return ""
    return folder_fingerprint(
        targets.raw_folder(CONFIG, source), CONFIG.raw.watch == "sizes"
    )
