# Resources of jobs, and what happens before and after a run. Nothing in this file changes a result.

# Rules by their names in this workflow; an importing workflow may rename them.
ASKING_RULES = []


# Limits how many short jobs run at once within the SLURM job of their group.
resource_scopes:
    small="local",


# Rules whose shortened time limit was reported.
SHORTENED = set()


def needs(rule, mem_mb, runtime, gpu=0, group="", resumes=False):
    """Resources of a rule: its defaults, in MB, minutes and GPUs, which the config may override.

    Resources that the config does not set stay undefined, so that site defaults (--default-resources) apply. Rules that
    take seconds are in a group: on a cluster several of them are one job. A retry of a rule that `resumes` continues
    from its saved state.
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
            # Other options of the site are kept beside ours.
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
            f"note: {rule} requests {minutes} minutes instead of {right}: the time limit of its partition",
            file=sys.stderr,
        )


def check_rules_of_cluster():
    """Check the names in `cluster.rules`; call after all rules are declared."""
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


# Only the submitting Snakemake queries SLURM; it passes the limits to its jobs.
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
            # An exception would be printed with lines of this file, which do not help the user.
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)
        # For jobs of this process; others read the Snakefile of the copy.
        use_code_of(RUN_RECORD[0].about["code_folder"])


onsuccess:
    for record in RUN_RECORD:
        after_jobs(record, "complete", Path(RUN.paths.root))


onerror:
    for record in RUN_RECORD:
        after_jobs(record, "failed", Path(RUN.paths.root))
