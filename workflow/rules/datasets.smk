# Raw data to data sets: those of the thesis (sections 3.3 and 4.1), and those of `data_sets`. Downloads are used as they
# are; synthetic data is made here.

PHOTOS_OF_SYNTHETIC = {"hof": "frames", "preterm_web": "photos"}
HARDER_SYNTHETIC = ("wflw", "merl_rav", "hof", "slapi")


def synthetic_options(wildcards):
    settings = CONFIG.synthetic
    sizes = getattr(settings, wildcards.source)
    # A single number counts photos without parts.
    counts = (
        sizes.model_dump()
        if hasattr(sizes, "model_dump")
        else {PHOTOS_OF_SYNTHETIC[wildcards.source]: sizes}
    )
    counts |= {"size": settings.size, "seed": settings.seed}
    if settings.harder and wildcards.source in HARDER_SYNTHETIC:
        counts["harder"] = settings.harder
    return [word for name, value in counts.items() for word in (f"--{name}", value)]


rule make_synthetic:
    output:
        summary=RUN.paths.raw_summary("{source}"),
    log:
        RUN.paths.log("make_synthetic", "{source}"),
    benchmark:
        RUN.paths.benchmark("make_synthetic", "{source}")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("make_synthetic", mem_mb=1000, runtime=60),
    params:
        out=RUN.paths.raw("{source}"),
        options=synthetic_options,
        code=code_of_verb("make_synthetic"),
    shell:
        "uncover make_synthetic {wildcards.source:q} {params.out:q} {params.options:q} 2>&1 | tee {log:q}"


def raw_summary(source):
    """Input needed before a raw data set can be read: none for a download."""
    return [RUN.paths.raw_summary(source)] if is_rendered(CONFIG, source) else []


@functools.cache
def raw_state(source):
    """Fingerprint of a download; synthetic data has its summary instead."""
    if is_rendered(CONFIG, source):
        return ""
    return folder_fingerprint(raw_folder(CONFIG, source), CONFIG.raw.watch == "sizes")


def read_options(wildcards):
    source = RUN.sources[wildcards.source]
    options = ["--layout", source.layout]
    if source.own is not None:
        options += ["--source", source.name]
        if source.own.photos:
            options += ["--photos", str(Path(CONFIG.raw.folder, source.own.photos))]
        return options
    if source.name == "merl_rav" and CONFIG.raw.aflw and not CONFIG.raw.synthetic:
        options += ["--photos", str(raw_folder(CONFIG, "aflw"))]
    if not getattr(CONFIG.labels.merge, source.name):
        options.append("--no-merge")
    return options


rule read_faces:
    input:
        summary=lambda wildcards: raw_summary(wildcards.source),
    output:
        faces=RUN.paths.faces("{source}"),
        rejected=RUN.paths.rejected_faces("{source}"),
    log:
        RUN.paths.log("read_faces", "{source}"),
    benchmark:
        RUN.paths.benchmark("read_faces", "{source}")
    wildcard_constraints:
        source="|".join(RUN.landmark_sources) or "none",
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("read_faces", mem_mb=2000, runtime=30),
    params:
        raw=lambda wildcards: str(RUN.sources[wildcards.source].folder),
        options=read_options,
        raw_state=lambda wildcards: raw_state(wildcards.source),
        code=code_of_verb("read_faces"),
    shell:
        "uncover read_faces {params.options:q}"
        " {params.raw:q} {output.faces:q} {output.rejected:q} 2>&1 | tee {log:q}"


def blocks_options(*sources):
    """Options for blocks by file names; none if the config does not define them."""
    found = {name: RUN.sources[name].blocks for name in sources}
    return [
        word
        for name, own in found.items()
        if own is not None
        for word in ("--blocks", name, own.kind, own.name, str(own.every or 0))
    ]


def split_options(wildcards):
    source, settings = RUN.sources[wildcards.source], CONFIG.splits
    if source.split is None:
        return ["--split", "test=all", "--procedure", "all_to_test"]
    wanted = {name: getattr(source.split, name) for name in ("train", "val", "test")}
    options = [
        "--split",
        ",".join(f"{name}={'all' if n is None else n}" for name, n in wanted.items()),
    ]
    # The released scripts support the data of the thesis only.
    procedure = settings.procedure if source.own is None else "by_photo"
    options += ["--procedure", procedure, "--seed", str(settings.seed)]
    if source.own is not None:
        options.append("--any-part")
    if source.layout == "merl_rav":
        options += ["--poses", ",".join(settings.poses)]
    if settings.strict:
        options.append("--strict")
    return options + blocks_options(source.name)


rule split_photos:
    input:
        faces=RUN.paths.faces("{source}"),
        exclude=[CONFIG.splits.exclude] if CONFIG.splits.exclude else [],
    output:
        split=RUN.paths.split("{source}"),
        summary=RUN.paths.split_summary("{source}"),
    log:
        RUN.paths.log("split_photos", "{source}"),
    benchmark:
        RUN.paths.benchmark("split_photos", "{source}")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("split_photos", mem_mb=2000, runtime=10),
    params:
        options=split_options,
        exclude=lambda wildcards, input: (
            ["--exclude", *input.exclude] if input.exclude else []
        ),
        code=code_of_verb("split_photos"),
    shell:
        "uncover split_photos {input.faces:q} {output.split:q} {output.summary:q} {params.options:q} {params.exclude:q} 2>&1 | tee {log:q}"


def poses_option(wildcards):
    """The released scripts leave faces of other poses unlabelled; in sets of `data_sets` all faces count."""
    released = (
        CONFIG.splits.procedure == "released" and wildcards.set not in RUN.own_sets
    )
    return ["--poses", ",".join(CONFIG.splits.poses)] if released else []


rule label_faces:
    input:
        faces=lambda wildcards: [
            RUN.paths.faces(name) for name in RUN.landmark_sets[wildcards.set][1]
        ],
        splits=lambda wildcards: [
            RUN.paths.split(name) for name in RUN.landmark_sets[wildcards.set][1]
        ],
    output:
        manifest=RUN.paths.dataset("{set}").manifest,
        boxes=RUN.paths.dataset("{set}").boxes,
        rejected=RUN.paths.dataset("{set}").rejected,
        summary=RUN.paths.dataset("{set}").summary,
    log:
        RUN.paths.log("label_faces", "{set}"),
    benchmark:
        RUN.paths.benchmark("label_faces", "{set}")
    wildcard_constraints:
        set="|".join(RUN.landmark_sets) or "none",
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("label_faces", mem_mb=4000, runtime=30),
    params:
        out=RUN.paths.dataset("{set}"),
        split=lambda wildcards: RUN.landmark_sets[wildcards.set][0],
        parts=CONFIG.labels.parts,
        outside=CONFIG.labels.outside,
        poses=poses_option,
        blocks=lambda wildcards: blocks_options(*RUN.landmark_sets[wildcards.set][1]),
        code=code_of_verb("label_faces"),
    shell:
        "uncover label_faces {params.out:q} --set {params.split:q} --faces {input.faces:q} --splits {input.splits:q}"
        " --parts {params.parts:q} --outside {params.outside:q} {params.poses:q} {params.blocks:q} 2>&1 | tee {log:q}"


def source_options(name, grade=None):
    """Options of `uncover label_frames` for a raw data set, or one grade of it."""
    own = RUN.sources[name].own
    options = ["--source", name, *(["--grade", grade] if grade else [])]
    if own is not None:
        options += ["--layout", own.layout]
        options += [word for each in own.classes for word in ("--class", each)]
        options += [word for each in own.words for word in ("--word", each)]
        options += ["--only", own.only] if own.only else []
        options += ["--smallest", str(own.smallest)] if own.smallest > 1 else []
    elif graded_by_words(CONFIG, name):
        grades = CONFIG.raw.grades
        words = [
            f"{each}={','.join(grades[each])}" for each in GRADES if each in grades
        ]
        options += ["--grade-words", *words]
    return options + blocks_options(name)


def frame_options(wildcards):
    return source_options(*RUN.frame_sets[wildcards.set])


rule label_frames:
    input:
        summary=lambda wildcards: raw_summary(RUN.frame_sets[wildcards.set][0]),
    output:
        manifest=RUN.paths.dataset("{set}").manifest,
        boxes=RUN.paths.dataset("{set}").boxes,
        rejected=RUN.paths.dataset("{set}").rejected,
        summary=RUN.paths.dataset("{set}").summary,
    log:
        RUN.paths.log("label_frames", "{set}"),
    benchmark:
        RUN.paths.benchmark("label_frames", "{set}")
    wildcard_constraints:
        set="|".join(RUN.frame_sets) or "none",
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("label_frames", mem_mb=2000, runtime=30),
    params:
        raw=lambda wildcards: str(RUN.sources[RUN.frame_sets[wildcards.set][0]].folder),
        out=RUN.paths.dataset("{set}"),
        options=frame_options,
        raw_state=lambda wildcards: raw_state(RUN.frame_sets[wildcards.set][0]),
        code=code_of_verb("label_frames"),
    shell:
        "uncover label_frames {params.raw:q} {params.out:q} {params.options:q} 2>&1 | tee {log:q}"
