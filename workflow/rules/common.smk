# What jobs ask for, and what happens around a run. Nothing in here changes a result.

RESOURCES = tuple(demand(CONFIG.cluster, "", 1, 0, 0))


# How many jobs of seconds run at once within the one SLURM job that does several of them.
resource_scopes:
    small="local",


def needs(mem_mb, runtime, gpu=0, small=0):
    """Resources of a rule: what it thinks right, in MB, minutes and GPUs; the config may know better.

    Rules that take seconds are `small`, and stand in a group: on a cluster several of them are one job.
    """

    def ask(name):
        def resource(wildcards, attempt, rulename):
            gpus = gpu(wildcards) if callable(gpu) else gpu
            known_as = rulename.removesuffix(engine.AS_BEFORE)
            return demand(CONFIG.cluster, known_as, attempt, mem_mb, runtime, gpus)[
                name
            ]

        return resource

    asked = {name: ask(name) for name in RESOURCES}
    return {**asked, "small": 1} if small else asked


def check_rules_of_cluster():
    """Call when all rules are known."""
    rules_of_run = engine.rule_names(workflow)
    known = [*rules_of_run, *registry.declared()]
    for name in CONFIG.cluster.rules if rules_of_run else ():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = (
                f"did you mean {close[0]}?" if close else f"rules: {', '.join(known)}"
            )
            raise WorkflowError(
                f"config: key cluster.rules.{name}: no rule of this run; {hint}"
            )


if engine.is_on_cluster(workflow):
    engine.record_as_main()

CODE_STATE = code_state(CHECKOUT) if engine.is_main(workflow) else None
RUN_RECORD = []


onstart:
    if not engine.only_touches(workflow):
        try:
            RUN_RECORD.append(
                before_jobs(
                    workflow,
                    CONFIG,
                    Path(RUN.paths.root),
                    CHECKOUT,
                    CODE_STATE,
                    [log] if isinstance(log, str) else log,
                )
            )
        except (InputError, OSError) as error:
            # An exception would be told with lines of this file, which are no help.
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)
        # Jobs of this very process; others read the Snakefile of the copy.
        use_code_of(RUN_RECORD[0].about["code_folder"])


onsuccess:
    for record in RUN_RECORD:
        after_jobs(record, "complete", Path(RUN.paths.root))


onerror:
    for record in RUN_RECORD:
        after_jobs(record, "failed", Path(RUN.paths.root))
