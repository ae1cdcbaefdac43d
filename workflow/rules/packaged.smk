# Pretrained weights of the package: photos under one convention, training on composed images, scores, weights, model cards.
# `snakemake packaged` makes all of them; no other target needs them.

PACKAGED = CONFIG.packaged


wildcard_constraints:
    photos="|".join(PACKAGED.sources) or "none",
    packaged="|".join(RUN.packaged) or "none",


def photos_folder(wildcards):
    return Path(CONFIG.raw.folder, PACKAGED.sources[wildcards.photos].path)


def photos_settings(wildcards):
    """Settings as words, without those passed by other options."""
    settings = PACKAGED.sources[wildcards.photos]
    told = ("path=", "teachers=")
    pairs = [pair for pair in as_pairs(settings) if not pair.startswith(told)]
    return ["--set", *pairs] if pairs else []


def teacher_options(wildcards):
    return [
        word
        for name, files in RUN.teachers(wildcards.photos).items()
        for word in ("--teacher", "=".join([name, *files]))
    ]


PHOTOS_CODE = {
    name: code_of(
        *VERBS["face_photos"].code,
        *(module_of(teacher) for teacher in source.teachers if teacher in BASELINES),
    )
    for name, source in PACKAGED.sources.items()
}


rule face_photos:
    input:
        teachers=lambda wildcards: [
            file for files in RUN.teachers(wildcards.photos).values() for file in files
        ],
    output:
        folder=directory(RUN.paths.face_photos("{photos}")),
    log:
        RUN.paths.log("face_photos", "{photos}"),
    benchmark:
        RUN.paths.benchmark("face_photos", "{photos}")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("face_photos", mem_mb=8000, runtime=480),
    params:
        raw=lambda wildcards: str(photos_folder(wildcards)),
        raw_state=lambda wildcards: folder_fingerprint(
            photos_folder(wildcards), CONFIG.raw.watch == "sizes"
        ),
        settings=photos_settings,
        teachers=teacher_options,
        code=lambda wildcards: PHOTOS_CODE[wildcards.photos](wildcards),
    shell:
        "uncover face_photos {params.raw:q} {output.folder:q} --group {wildcards.photos:q} {params.teachers:q}"
        " {params.settings:q} 2>&1 | tee {log:q}"


def covers_option():
    covers = PACKAGED.covers
    return [] if covers is None else ["--covers", str(Path(CONFIG.raw.folder, covers))]


rule train_composed:
    input:
        photos=lambda wildcards: RUN.packaged_photos(wildcards.packaged),
        start=lambda wildcards: RUN.packaged_start(wildcards.packaged),
    output:
        weights=RUN.paths.model("{packaged}").weights,
        record=RUN.paths.model("{packaged}").record,
        summary=RUN.paths.model("{packaged}").summary,
    log:
        RUN.paths.log("train_composed", "{packaged}"),
    benchmark:
        RUN.paths.benchmark("train_composed", "{packaged}")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("train_composed", mem_mb=16000, runtime=2880, gpu=1, resumes=True),
    params:
        out=RUN.paths.model("{packaged}"),
        photos=lambda wildcards: [
            f"{folder}/train" for folder in RUN.packaged_photos(wildcards.packaged)
        ],
        validation=lambda wildcards: RUN.packaged_validation(wildcards.packaged),
        covers=covers_option(),
        covers_state=lambda wildcards: (
            folder_fingerprint(Path(covers_option()[1])) if PACKAGED.covers else ""
        ),
        start=start_option,
        settings=lambda wildcards: [
            pair
            for pair in training_settings(PACKAGED.detectors[wildcards.packaged])
            if not pair.startswith("start=")
        ],
        code=code_of_verb("train composed"),
    shell:
        "uncover train composed {params.out:q} --photos {params.photos:q} --val {params.validation:q} {params.covers:q}"
        " {params.start:q} --set {params.settings:q} 2>&1 | tee {log:q}"


def scored_folders(wildcards):
    pairs = [pair for _, own in RUN.packaged_scores(wildcards.packaged) for pair in own]
    return {
        "weights": sorted({weights for weights, _ in pairs}),
        "photos": sorted({str(Path(folder).parent) for _, folder in pairs}),
    }


rule score_packaged:
    input:
        unpack(scored_folders),
    output:
        scores=RUN.paths.packaged("{packaged}", "csv"),
    log:
        RUN.paths.log("score_packaged", "{packaged}"),
    benchmark:
        RUN.paths.benchmark("score_packaged", "{packaged}")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("score_packaged", mem_mb=8000, runtime=480, gpu=1),
    params:
        words=lambda wildcards: [
            word
            for name, pairs in RUN.packaged_scores(wildcards.packaged)
            for word in (
                "--score",
                wildcards.packaged,
                name,
                *(place for pair in pairs for place in pair),
            )
        ],
        bootstrap=CONFIG.prediction.bootstrap,
        code=code_of_verb("score_packaged"),
    shell:
        "uncover score_packaged {output.scores:q} --turns 1 4 --bootstrap {params.bootstrap:q} {params.words:q} 2>&1 | tee {log:q}"


# Detectors trained on one half of the infants are used for scores only.
READY_MADE = [
    name
    for name in RUN.packaged
    if not any(name in halves for halves in PACKAGED.crossed.values())
]


rule package_weights:
    input:
        weights=RUN.paths.model("{packaged}").weights,
        scores=RUN.paths.packaged("{packaged}", "csv"),
        photos=lambda wildcards: RUN.packaged_photos(wildcards.packaged),
    output:
        weights=RUN.paths.packaged("{packaged}"),
        card=RUN.paths.packaged("{packaged}", "md"),
    log:
        RUN.paths.log("package_weights", "{packaged}"),
    benchmark:
        RUN.paths.benchmark("package_weights", "{packaged}")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("package_weights", mem_mb=2000, runtime=10),
    params:
        command=lambda wildcards: f"snakemake {RUN.paths.packaged(wildcards.packaged)} --cores",
        code=code_of_verb("package_weights"),
    shell:
        "uncover package_weights {input.weights:q} {output.weights:q} --photos {input.photos:q} --scores {input.scores:q}"
        " --command {params.command:q} 2>&1 | tee {log:q}"


rule packaged_scores:
    input:
        tables=[RUN.paths.packaged(name, "csv") for name in READY_MADE],
    output:
        scores=RUN.paths.packaged_scores,
    log:
        RUN.paths.log("packaged_scores"),
    benchmark:
        RUN.paths.benchmark("packaged_scores")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("packaged_scores", mem_mb=2000, runtime=10, group="scores"),
    params:
        code=code_of_verb("score_packaged"),
    shell:
        "uncover score_packaged {output.scores:q} --tables {input.tables:q} 2>&1 | tee {log:q}"


rule packaged:
    input:
        weights=[RUN.paths.packaged(name) for name in READY_MADE],
        cards=[RUN.paths.packaged(name, "md") for name in READY_MADE],
        scores=[RUN.paths.packaged_scores] if READY_MADE else [],
    localrule: True
