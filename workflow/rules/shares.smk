# Where several jobs look at the images of a set, their shares are joined: of the first detectors set by set, of the others
# all sets of a detector at once, as they predict.


def shares_of(model, names, folder=RUN):
    return [
        f"{folder}/predictions/{model}/{name}/shards/{shard}.parquet"
        for name in names
        for shard in Shard.all(PREDICTION_SHARDS)
    ]


if OF_SHARD:

    rule collect_predictions:
        input:
            shares=shares_of("{model}", ["{set}"]),
        output:
            predictions=f"{RUN}/predictions/{{model}}/{{set}}.parquet",
        log:
            f"{LOGS}/collect_predictions/{{model}}/{{set}}.log",
        benchmark:
            f"{BENCHMARKS}/collect_predictions/{{model}}/{{set}}.tsv"
        wildcard_constraints:
            model="|".join(RGB_MODELS),
            set="|".join(UNSCORED_SETS),
        conda:
            ENVIRONMENT
        resources:
            **needs(mem_mb=8000, runtime=30),
        params:
            code=code_of("uncover.commands.predict_collect"),
        shell:
            "uncover predict collect {input.shares} 2>&1 | tee {log}"

    use rule collect_predictions as collect_rgb_tables with:
        input:
            shares=[
                *shares_of("{model}", ["{set}"]),
                *shares_of("{model}", ["{set}"], RGB_TABLES),
            ],
        output:
            predictions=f"{RUN}/predictions/{{model}}/{{set}}.parquet",
            of_tables=f"{RGB_TABLES}/predictions/{{model}}/{{set}}.parquet",
        log:
            f"{LOGS}/collect_rgb_tables/{{model}}/{{set}}.log",
        benchmark:
            f"{BENCHMARKS}/collect_rgb_tables/{{model}}/{{set}}.tsv"
        wildcard_constraints:
            model="|".join(RGB_MODELS),
            set="|".join(SCORED_SETS) or "none",

    use rule collect_predictions as collect_second with:
        input:
            shares=shares_of("{model}", TRIED_SETS),
        output:
            predictions=[
                f"{RUN}/predictions/{{model}}/{name}.parquet" for name in TRIED_SETS
            ],
        log:
            f"{LOGS}/collect_second/{{model}}.log",
        benchmark:
            f"{BENCHMARKS}/collect_second/{{model}}.tsv"
        wildcard_constraints:
            model="|".join([*SECOND_MODELS, *LOOKS]),

    use rule collect_predictions as collect_rival with:
        input:
            shares=shares_of("{model}", RIVAL_SETS),
        output:
            predictions=[
                f"{RUN}/predictions/{{model}}/{name}.parquet" for name in RIVAL_SETS
            ],
        log:
            f"{LOGS}/collect_rival/{{model}}.log",
        benchmark:
            f"{BENCHMARKS}/collect_rival/{{model}}.tsv"
        wildcard_constraints:
            model="|".join(RIVALS_WANTED) or "none",
