# Baseline detectors: those that the thesis tried, and current ones.

# The code of each includes its own module.
BASELINE_CODE = {
    (verb, name): code_of(*VERBS[f"{verb} baseline"].code, module_of(name))
    for verb in ("train", "predict")
    for name in RUN.baselines
}


wildcard_constraints:
    baseline="|".join(RUN.baselines) or "none",
    trained_baseline="|".join(RUN.trained_baselines) or "none",
    fetched="|".join([*RUN.fetched_weights.values(), *RUN.teacher_weights]) or "none",


def wait_for_weights():
    """Wait for the checkpoint; call in input functions that depend on which baseline detectors can run.

    Missing weights stop only the jobs that need them. Callers that can do without them ask RUN afterwards.
    """
    for key in RUN.fetched_weights.values():
        checkpoints.fetch_weights.get(fetched=key)


def detectors_of_photos():
    """Our detectors and the baseline detectors; for input functions only."""
    wait_for_weights()
    return RUN.detectors_of_photos()


def confidence_words(wildcards):
    not_run = RUN.baselines_not_run()
    return [
        f"{name}={confidence}"
        for name, confidence in RUN.confidences.items()
        if name not in not_run
    ]


# Runs on the host of Snakemake: nodes of a cluster often have no network, and would record missing weights.
checkpoint fetch_weights:
    output:
        folder=directory(RUN.paths.fetched_weights("{fetched}")),
    log:
        RUN.paths.log("fetch_weights", "{fetched}"),
    benchmark:
        RUN.paths.benchmark("fetch_weights", "{fetched}")
    localrule: True
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    resources:
        **needs("fetch_weights", mem_mb=4000, runtime=30),
    params:
        weights=lambda wildcards: checkpoint_options(CONFIG.weights[wildcards.fetched]),
        # A new number makes Snakemake retry a failed attempt: when the file exists by now, or has changed.
        attempt=lambda wildcards: attempt_of(
            Path(RUN.paths.fetched_weights(wildcards.fetched)),
            str(CONFIG.weights[wildcards.fetched].path or ""),
        ),
        code=code_of_verb("fetch_weights"),
    shell:
        "uncover fetch_weights {params.weights:q} {output.folder:q} --attempt {params.attempt:q} 2>&1 | tee {log:q}"


def fetched_folder(baseline):
    keys = RUN.fetched_weights
    return [RUN.paths.fetched_weights(keys[baseline])] if baseline in keys else []


def baseline_settings(baseline):
    settings = getattr(CONFIG.baselines, baseline)
    # The confidence threshold is applied to stored predictions later.
    pairs = [pair for pair in as_pairs(settings) if not pair.startswith("confidence=")]
    return ["--set", *pairs] if pairs else []


rule train_baseline:
    input:
        train=RUN.paths.dataset("train").manifest,
        train_boxes=RUN.paths.dataset("train").boxes,
        val=RUN.paths.dataset("val").manifest,
        val_boxes=RUN.paths.dataset("val").boxes,
        start=lambda wildcards: fetched_folder(wildcards.trained_baseline),
    output:
        weights=RUN.paths.model("{trained_baseline}").weights,
        record=RUN.paths.model("{trained_baseline}").record,
        summary=RUN.paths.model("{trained_baseline}").summary,
    log:
        RUN.paths.log("train_baseline", "{trained_baseline}"),
    benchmark:
        RUN.paths.benchmark("train_baseline", "{trained_baseline}")
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("train_baseline", mem_mb=16000, runtime=2880, gpu=1, resumes=True),
    params:
        data=RUN.paths.datasets,
        out=RUN.paths.model("{trained_baseline}"),
        start=start_option,
        settings=lambda wildcards: baseline_settings(wildcards.trained_baseline),
        code=lambda wildcards: BASELINE_CODE["train", wildcards.trained_baseline](
            wildcards
        ),
    shell:
        "uncover train baseline {wildcards.trained_baseline:q} {params.data:q} {params.out:q} {params.start:q}"
        " {params.settings:q} 2>&1 | tee {log:q}"


def baseline_weights(wildcards):
    if wildcards.baseline in RUN.trained_baselines:
        return [RUN.paths.model(wildcards.baseline).weights]
    return fetched_folder(wildcards.baseline)


def gpu_of_baseline(wildcards):
    return int(BASELINES[wildcards.baseline].gpu)


rule predict_baseline:
    input:
        weights=baseline_weights,
        manifests=RUN.manifests(RUN.baseline_sets),
    output:
        predictions=predicted("{baseline}", RUN.baseline_sets),
    log:
        RUN.paths.log("predict_baseline", "{baseline}", *SHARD),
    benchmark:
        RUN.paths.benchmark("predict_baseline", "{baseline}", *SHARD)
    wildcard_constraints:
        baseline=as_configured(RUN.baselines),
    conda:
        "../../envs/uncover.yaml"
    container:
        CONFIG.cluster.container
    threads: DETECTOR_THREADS
    resources:
        **needs("predict_baseline", mem_mb=8000, runtime=480, gpu=gpu_of_baseline),
    params:
        sets=RUN.datasets(RUN.baseline_sets),
        out=RUN.paths.predictions_of("{baseline}"),
        weights=lambda wildcards, input: (
            ["--weights", *input.weights] if input.weights else []
        ),
        settings=lambda wildcards: baseline_settings(wildcards.baseline),
        nms_iou=CONFIG.prediction.nms_iou,
        shard=shard_option,
        code=lambda wildcards: BASELINE_CODE["predict", wildcards.baseline](wildcards),
    shell:
        "uncover predict baseline {wildcards.baseline:q} {params.sets:q} --out {params.out:q} {params.weights:q}"
        " --nms-iou {params.nms_iou:q} {params.settings:q} {params.shard:q} 2>&1 | tee {log:q}"


if OTHERS:

    use rule predict_baseline as predict_baseline_as_before with:
        output:
            predictions=predicted("{baseline}", RUN.baseline_sets, shard=OTHER_SHARD),
        log:
            RUN.paths.log("predict_baseline", "{baseline}", *OTHER_SHARD),
        benchmark:
            RUN.paths.benchmark("predict_baseline", "{baseline}", *OTHER_SHARD)
        wildcard_constraints:
            baseline=as_before(RUN.baselines),


# The counts of a heatmap detector, plus every labelled set as a whole.
use rule evaluate_second as evaluate_baseline with:
    output:
        whole=RUN.evaluations(["{second}"], RUN.labelled_sets, "whole_face"),
        missed=RUN.evaluations(["{second}"], RUN.labelled_missed_sets, "missed"),
        counts=RUN.paths.rescue_counts("{second}"),
    log:
        RUN.paths.log("evaluate_baseline", "{second}"),
    benchmark:
        RUN.paths.benchmark("evaluate_baseline", "{second}")
    wildcard_constraints:
        second="|".join(RUN.baselines) or "none",
    resources:
        **needs("evaluate_baseline", mem_mb=4000, runtime=60, group="scores"),
