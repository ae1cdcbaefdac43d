# Where several jobs look at the images of a set, their shares are joined: of the first detectors set by set, of the others
# all sets of a detector at once, as they predict.


def shares_of(model, names, paths=RUN.paths):
    return [
        paths.prediction_shard(model, name, shard)
        for name in names
        for shard in Shard.all(PREDICTION_SHARDS)
    ]


if SHARD:

    rule collect_predictions:
        input:
            shares=shares_of("{model}", ["{set}"]),
        output:
            predictions=RUN.paths.predictions("{model}", "{set}"),
        log:
            RUN.paths.log("collect_predictions", "{model}", "{set}"),
        benchmark:
            RUN.paths.benchmark("collect_predictions", "{model}", "{set}")
        wildcard_constraints:
            model="|".join(RUN.rgb_models),
            set="|".join(RUN.unscored_sets),
        conda:
            ENVIRONMENT
        resources:
            **needs(mem_mb=8000, runtime=30),
        params:
            code=code_of_verb("predict collect"),
        shell:
            "uncover predict collect {input.shares} 2>&1 | tee {log}"

    use rule collect_predictions as collect_rgb_tables with:
        input:
            shares=[
                *shares_of("{model}", ["{set}"]),
                *shares_of("{model}", ["{set}"], RUN.paths.rgb_tables),
            ],
        output:
            predictions=RUN.paths.predictions("{model}", "{set}"),
            of_tables=RUN.paths.rgb_tables.predictions("{model}", "{set}"),
        log:
            RUN.paths.log("collect_rgb_tables", "{model}", "{set}"),
        benchmark:
            RUN.paths.benchmark("collect_rgb_tables", "{model}", "{set}")
        wildcard_constraints:
            model="|".join(RUN.rgb_models),
            set="|".join(RUN.scored_sets) or "none",

    use rule collect_predictions as collect_second with:
        input:
            shares=shares_of("{model}", RUN.tried_sets),
        output:
            predictions=RUN.predictions(["{model}"], RUN.tried_sets),
        log:
            RUN.paths.log("collect_second", "{model}"),
        benchmark:
            RUN.paths.benchmark("collect_second", "{model}")
        wildcard_constraints:
            model="|".join([*RUN.second_models, *RUN.scales]),

    use rule collect_predictions as collect_baseline with:
        input:
            shares=shares_of("{model}", RUN.baseline_sets),
        output:
            predictions=RUN.predictions(["{model}"], RUN.baseline_sets),
        log:
            RUN.paths.log("collect_baseline", "{model}"),
        benchmark:
            RUN.paths.benchmark("collect_baseline", "{model}")
        wildcard_constraints:
            model="|".join(RUN.baselines) or "none",
