# What jobs ask for, and what happens around a run. Nothing in here changes a result.

# By the names that this workflow gives them: another one that imports it gives them names of its own.
ASKING_RULES = []


# How many jobs of seconds run at once within the one SLURM job that does several of them.
resource_scopes:
    small="local",


# Rules of which it was told that they ask for less time than they think right.
SHORTENED = set()


def needs(rule, mem_mb, runtime, gpu=0, group="", resumes=False):
    """Resources of a rule: what it thinks right, in MB, minutes and GPUs; the config may know better.

    What the config leaves open is not defined at all: the defaults of a site (--default-resources) count. Rules that
    take seconds stand in a group: on a cluster several of them are one job. One that `resumes` goes on where it was when
    it is tried again.
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
            form = settings.gpu_as if site else "gpus"
            count = gpu(wildcards) if callable(gpu) else gpu
            right = demand(
                settings, rule, attempt, **own, gpu=count, resumes=resumes, form=form
            )
            asked = right.get(name)
            if site and name in own:
                gpus = gpus_for(settings, rule, count)
                limits = site.limits(
                    value_of("slurm_partition"),
                    threads,
                    gpus,
                    settings.gpu_model,
                    group,
                )
                asked = demand(
                    settings, rule, attempt, **own, resumes=resumes, limits=limits
                )[name]
                if asked < right[name] and attempt == 1 and not resumes:
                    tell_once(rule, asked, right[name])
            if asked is not None and not (site and name in WAYS[form]):
                return asked
            default = engine.default_of(workflow, rulename, name, given)
            if asked is None or asks_elsewhere(form, value_of, default):
                return default
            # Other options of the site's stay beside ours.
            return f"{default} {asked}" if default and name == "slurm_extra" else asked

        return resource

    possible = [0, 2] if callable(gpu) else [gpu]
    names = {
        name: None
        for count in possible
        for form in ("gpus", settings.gpu_as)
        for name in demand(settings, rule, 1, **own, gpu=count, form=form)
    }
    asked = {name: ask(name) for name in names}
    return {**asked, "small": 1} if group else asked


def tell_once(rule, minutes, right):
    if engine.is_main(workflow) and rule not in SHORTENED:
        SHORTENED.add(rule)
        print(
            f"note: {rule} asks for {minutes} minutes, not for {right}: its partition allows no more",
            file=sys.stderr,
        )


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
if engine.is_main(workflow):
    os.environ.pop(engine.SITE, None)
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
