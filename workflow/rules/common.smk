# What jobs ask for, and what happens around a run. Nothing in here changes a result.

# By the names that this workflow gives them: another one that imports it gives them names of its own.
ASKING_RULES = []


# How many jobs of seconds run at once within the one SLURM job that does several of them.
resource_scopes:
    small="local",


def needs(rule, mem_mb, runtime, gpu=0, small=0, resumes=False):
    """Resources of a rule: what it thinks right, in MB, minutes and GPUs; the config may know better.

    What the config leaves open is not defined at all: the defaults of a site (--default-resources) count. Rules that
    take seconds are `small`, and stand in a group: on a cluster several of them are one job. One that `resumes` goes on
    where it was when it is tried again.
    """
    ASKING_RULES.append(rule)
    own, settings = dict(mem_mb=mem_mb, runtime=runtime), CONFIG.cluster

    def ask(name):
        def resource(wildcards, input, attempt, threads, rulename):
            given = dict(
                wildcards=wildcards, input=input, attempt=attempt, threads=threads
            )

            def value_of(other):
                return engine.value_of(workflow, rulename, other, given)

            site = engine.site_of(workflow)
            count = gpu(wildcards) if callable(gpu) else gpu
            options = {} if site is None else dict(form=settings.gpu_as)
            if site is not None and name in own:
                gpus = gpus_for(settings, rule, count)
                options["limits"] = site.limits(
                    value_of("slurm_partition"),
                    threads,
                    gpus,
                    settings.gpu_model,
                    small,
                )
            found = demand(
                settings, rule, attempt, **own, gpu=count, resumes=resumes, **options
            )
            if (
                name in found
                and name != "slurm_extra"
                and not (site and name in WAYS[settings.gpu_as])
            ):
                return found[name]
            default = engine.default_of(workflow, rulename, name, given)
            if name not in found or asks_elsewhere(settings.gpu_as, value_of, default):
                return default
            return (
                f"{default} {found[name]}"
                if default and name == "slurm_extra"
                else found[name]
            )

        return resource

    possible = [0, 2] if callable(gpu) else [gpu]
    names = {
        name: None
        for count in possible
        for form in ("gpus", settings.gpu_as)
        for name in demand(settings, rule, 1, **own, gpu=count, form=form)
    }
    asked = {name: ask(name) for name in names}
    return {**asked, "small": 1} if small else asked


def check_rules_of_cluster():
    """Call when all rules are known."""
    known = [*ASKING_RULES, *registry.declared()]
    for name in CONFIG.cluster.rules:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = (
                f"did you mean {close[0]}?" if close else f"rules: {', '.join(known)}"
            )
            raise WorkflowError(
                f"config: key cluster.rules.{name}: no rule of this run; {hint}"
            )


# Only the Snakemake that submits asks SLURM, and tells its jobs.
if workflow.is_main_process:
    os.environ.pop(engine.SITE, None)
if engine.is_on_cluster(workflow):
    engine.record_as_main()

CODE_STATE = code_state(CHECKOUT) if workflow.is_main_process else None
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
