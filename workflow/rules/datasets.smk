# From raw data to the data sets of the thesis (sections 3.3 and 4.1).

LANDMARK_SOURCES, FRAME_SOURCES = targets.sources_at_hand(CONFIG)
LANDMARK_SETS = targets.landmark_sets(CONFIG)
FRAME_SETS = targets.frame_sets(CONFIG)
ALL_DATASETS = [
    f"{RUN}/datasets/{name}/manifest.parquet" for name in [*LANDMARK_SETS, *FRAME_SETS]
]


def read_options(wildcards):
    options = []
    if wildcards.source == "merl_rav" and CONFIG.raw.aflw and not CONFIG.raw.standin:
        options.append(f"--photos {targets.raw_folder(CONFIG, 'aflw')}")
    if not getattr(CONFIG.labels.merge, wildcards.source):
        options.append("--no-merge")
    return " ".join(options)


rule read_faces:
    input:
        summary=lambda wildcards: raw_summary(wildcards.source),
    output:
        faces=f"{RUN}/faces/{{source}}.parquet",
        rejected=f"{RUN}/faces/{{source}}.rejected.csv",
    log:
        f"{LOGS}/read_faces/{{source}}.log",
    benchmark:
        f"{BENCHMARKS}/read_faces/{{source}}.tsv"
    wildcard_constraints:
        source="wflw|merl_rav",
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=30),
    params:
        raw=lambda wildcards: targets.raw_folder(CONFIG, wildcards.source),
        options=read_options,
        raw_state=lambda wildcards: raw_state(wildcards.source),
        code=code_of("uncover.commands.read_faces"),
    shell:
        "uncover read_faces --layout {wildcards.source} {params.options}"
        " {params.raw} {output.faces} {output.rejected} 2>&1 | tee {log}"


def split_options(wildcards):
    settings = CONFIG.splits
    wishes = getattr(settings, wildcards.source)
    wanted = {name: getattr(wishes, name) for name in ("train", "val", "test")}
    options = [
        "--split",
        ",".join(f"{name}={'all' if n is None else n}" for name, n in wanted.items()),
    ]
    options += ["--procedure", settings.procedure, "--seed", str(settings.seed)]
    if wildcards.source == "merl_rav":
        options += ["--poses", ",".join(settings.poses)]
    if settings.strict:
        options.append("--strict")
    return " ".join(options)


rule split_photos:
    input:
        faces=f"{RUN}/faces/{{source}}.parquet",
        exclude=[CONFIG.splits.exclude] if CONFIG.splits.exclude else [],
    output:
        split=f"{RUN}/splits/{{source}}.parquet",
        summary=f"{RUN}/splits/{{source}}.json",
    log:
        f"{LOGS}/split_photos/{{source}}.log",
    benchmark:
        f"{BENCHMARKS}/split_photos/{{source}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=10),
    params:
        options=split_options,
        exclude=lambda wildcards, input: (
            f"--exclude {input.exclude}" if input.exclude else ""
        ),
        code=code_of("uncover.commands.split_photos"),
    shell:
        "uncover split_photos {input.faces} {output.split} {output.summary} {params.options} {params.exclude} 2>&1 | tee {log}"


rule label_faces:
    input:
        faces=lambda wildcards: [
            f"{RUN}/faces/{source}.parquet"
            for source in LANDMARK_SETS[wildcards.set][1]
        ],
        splits=lambda wildcards: [
            f"{RUN}/splits/{source}.parquet"
            for source in LANDMARK_SETS[wildcards.set][1]
        ],
    output:
        manifest=f"{RUN}/datasets/{{set}}/manifest.parquet",
        boxes=f"{RUN}/datasets/{{set}}/boxes.parquet",
        rejected=f"{RUN}/datasets/{{set}}/rejected.csv",
        summary=f"{RUN}/datasets/{{set}}/summary.json",
    log:
        f"{LOGS}/label_faces/{{set}}.log",
    benchmark:
        f"{BENCHMARKS}/label_faces/{{set}}.tsv"
    wildcard_constraints:
        set="|".join(LANDMARK_SETS) or "none",
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=4000, runtime=30),
    params:
        out=f"{RUN}/datasets/{{set}}",
        split=lambda wildcards: LANDMARK_SETS[wildcards.set][0],
        parts=CONFIG.labels.parts,
        outside=CONFIG.labels.outside,
        poses=(
            f"--poses {','.join(CONFIG.splits.poses)}"
            if CONFIG.splits.procedure == "released"
            else ""
        ),
        code=code_of("uncover.commands.label_faces"),
    shell:
        "uncover label_faces {params.out} --set {params.split} --faces {input.faces} --splits {input.splits}"
        " --parts {params.parts} --outside {params.outside} {params.poses} 2>&1 | tee {log}"


rule label_frames:
    input:
        summary=lambda wildcards: raw_summary(FRAME_SETS[wildcards.set][0]),
    output:
        manifest=f"{RUN}/datasets/{{set}}/manifest.parquet",
        boxes=f"{RUN}/datasets/{{set}}/boxes.parquet",
        rejected=f"{RUN}/datasets/{{set}}/rejected.csv",
        summary=f"{RUN}/datasets/{{set}}/summary.json",
    log:
        f"{LOGS}/label_frames/{{set}}.log",
    benchmark:
        f"{BENCHMARKS}/label_frames/{{set}}.tsv"
    wildcard_constraints:
        set="|".join(FRAME_SETS) or "none",
    conda:
        ENVIRONMENT
    resources:
        **needs(mem_mb=2000, runtime=30),
    params:
        raw=lambda wildcards: targets.raw_folder(CONFIG, FRAME_SETS[wildcards.set][0]),
        out=f"{RUN}/datasets/{{set}}",
        source=lambda wildcards: FRAME_SETS[wildcards.set][0],
        grade=lambda wildcards: (
            f"--grade {FRAME_SETS[wildcards.set][1]}"
            if FRAME_SETS[wildcards.set][1]
            else ""
        ),
        raw_state=lambda wildcards: raw_state(FRAME_SETS[wildcards.set][0]),
        code=code_of("uncover.commands.label_frames"),
    shell:
        "uncover label_frames {params.raw} {params.out} --source {params.source} {params.grade} 2>&1 | tee {log}"
