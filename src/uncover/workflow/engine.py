"""All contact with Snakemake's inside: what a running workflow knows and the few things that we set in it, and what
Snakemake would run, as plain values, for `uncover plan` and `uncover why`.

A run on this machine needs no private name of Snakemake: what it would ask for one has an answer without. The plan and
runs on clusters need them, of the versions in `TRIED`; of another version, whatever is missing or does otherwise is an
`InputError`. tests/workflow/test_engine.py names what is private, `make test-versions` tries versions.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import inspect
import io
import logging
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from uncover.config.model import Config
from uncover.errors import InputError
from uncover.paths import RunPaths, job_name
from uncover.workflow.digest import ROOT
from uncover.workflow.slurm import Asked, Site, asked_of

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

TRIED = ("9.0.1", "9.6.0", "9.10.0", "9.14.0", "9.14.5", "9.15.0", "9.17.0", "9.20.0", "9.24.0", "9.27.1")
"""Versions of Snakemake that plans and runs on clusters were tried with."""

NO_CLUSTER = tuple(f"9.14.{number}" for number in range(5))
"""Versions whose jobs fail on every cluster, whatever the workflow ("assert self.workflow.is_main_process")."""

SLURM_PLUGIN = "snakemake-executor-plugin-slurm"
TRIED_PLUGINS = ("2.8.0",)

SLURM, HERE = "slurm", "local"

SNAKEFILE = ROOT.parents[1] / "workflow" / "Snakefile"
"""Of the checkout that this code stands in."""

OTHERWISE = (AssertionError, AttributeError, ImportError, LookupError, NotImplementedError, TypeError, ValueError)
"""What is raised where a private name is missing, takes other arguments or returns something else."""


@contextlib.contextmanager
def private_names(what: str) -> Iterator[None]:
    """Say in one line that the Snakemake that is installed differs inside from those that were tried.

    Args:
        what: Rests on private names, in here.

    Raises:
        InputError: It differs. Errors of our own code, as the Snakefile's, are raised as they are.
    """
    try:
        yield
    except OTHERWISE as error:
        alone = isinstance(error, ModuleNotFoundError) and error.name == "snakemake"
        if alone or _is_of_our_code(error):
            raise
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{what}: {_others(told)}") from error


def _others(difference: str) -> str:
    return (
        f"needs the inside of Snakemake, which differs in {_installed()} ({difference}); tried with Snakemake"
        f" {', '.join(TRIED)} and {SLURM_PLUGIN} {', '.join(TRIED_PLUGINS)}: install those, such as"
        f" pip install snakemake=={TRIED[-1]} {SLURM_PLUGIN}=={TRIED_PLUGINS[-1]}"
    )


def _installed() -> str:
    found = []
    for name in ("snakemake", SLURM_PLUGIN):
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return " with ".join(found)


def _is_of_our_code(error: BaseException) -> bool:
    """Whether it was raised by, or on behalf of, another file of ours than this one: that is no matter of versions."""
    files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    last = max(number for number, file in enumerate(files) if file == Path(__file__))
    after = files[last + 1 :]
    return any(file.is_relative_to(ROOT) or file.name == "Snakefile" or file.suffix == ".smk" for file in after)


def _asked(workflow: Any, name: str, otherwise: Answer) -> Answer:
    """What a private name stands for; where there is none of the kind, what a run on this machine takes for it."""
    try:
        value = attrgetter(name)(workflow)
    except AttributeError:
        return otherwise
    return value if isinstance(value, type(otherwise)) else otherwise


AS_BEFORE = "_as_before"
"""Ending of rules that make predictions again in as many jobs as those at hand, not in as many as the config says."""


def executor_of(workflow: Any) -> str:
    """Name of what runs the jobs: "local", "slurm" or another."""
    return _asked(workflow, "executor_plugin.name", HERE)


def is_local(workflow: Any) -> bool:
    """Whether jobs run on this machine; a line says where that is only assumed."""
    told = [_asked(workflow, "local_exec", default) for default in (True, False)]
    if told[0] == told[1]:
        return told[0]
    if not _asked(workflow, "executor_plugin.name", ""):
        logger.warning(f"where jobs run {_others('it does not say')}; taken to run on this machine")
    return executor_of(workflow) == HERE


def is_on_cluster(workflow: Any) -> bool:
    """Whether this is the Snakemake within a job that another one has sent somewhere."""
    return _asked(workflow, "remote_exec", False)


def is_main(workflow: Any) -> bool:
    """Whether this is the Snakemake that somebody has started, and not one within a job."""
    return _asked(workflow, "is_main_process", True)


def only_touches(workflow: Any) -> bool:
    """Whether jobs are only marked as done (--touch)."""
    return _asked(workflow, "touch", False)


def has_configfile(workflow: Any, config: Mapping[str, Any]) -> bool:
    """Whether a config file was given on the command line or in a profile.

    Args:
        workflow: Snakemake's.
        config: What it has put together so far.
    """
    try:
        return bool(workflow.config_settings.configfiles)
    except AttributeError:
        if config:
            logger.warning(
                f"{_installed()} does not say whether a config file was given: config/demo.yaml is left out, as"
                " --config or a file was"
            )
        return bool(config)


def config_files(workflow: Any) -> list[Path]:
    """Config files that were read; none where Snakemake does not say."""
    unknown: list[Any] = []
    return [Path(file) for file in _asked(workflow, "configfiles", unknown)]


def given_values(workflow: Any) -> Mapping[str, Any]:
    """Values of --config; none where Snakemake does not say."""
    unknown: dict[str, Any] = {}
    return _asked(workflow, "config_settings.config", unknown)


def cores_of(workflow: Any) -> int | None:
    """Processors of this machine that jobs may use; None where that was not said, as in a report, or runs elsewhere."""
    from snakemake.exceptions import WorkflowError

    try:
        return None if is_on_cluster(workflow) else workflow.cores
    except WorkflowError:
        return None


def rule_names(workflow: Any) -> list[str]:
    """Names of the rules so far; none where Snakemake does not say."""
    try:
        return [rule.name for rule in workflow.rules]
    except (AttributeError, TypeError):
        return []


def main_snakefile(workflow: Any) -> Path:
    """The Snakefile that Snakemake was started with, which may import this one."""
    return Path(_asked(workflow, "main_snakefile", "") or Path(workflow.basedir, "Snakefile"))


def uses_containers(workflow: Any) -> bool:
    """Whether jobs run in containers (--sdm apptainer)."""
    with contextlib.suppress(*OTHERWISE):
        from snakemake.settings.types import DeploymentMethod

        return DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method
    return False


def ignore_environments(workflow: Any) -> None:
    """Let no job run again because it ran without conda or a container, or with another one.

    The packages are the same, and the digests of our code do not depend on them. What somebody chose with
    --rerun-triggers stays. While Snakemake reads the Snakefile it has no settings of the DAG yet; then, and where a
    version of it keeps them elsewhere, nothing happens.
    """
    with contextlib.suppress(*OTHERWISE):
        from snakemake.settings.enums import RerunTrigger

        settings = getattr(workflow, "dag_settings", None)
        if settings is not None and set(settings.rerun_triggers) == set(RerunTrigger.all()):
            settings.rerun_triggers = RerunTrigger.all() - {RerunTrigger.SOFTWARE_ENV}


def moved(workflow: Any, path: str) -> str:
    """Where a path of a rule ends up that an importing workflow, or a storage provider, moves elsewhere."""
    try:
        return str(workflow.modifier.modify_path(path))
    except (AttributeError, TypeError):
        return path


def name_in_queue(workflow: Any) -> str:
    """The name that all SLURM jobs of this run have."""
    return workflow.scheduler._executor.run_uuid


def jobs_ahead(workflow: Any) -> list[Any]:
    """Jobs that are going to be run, and are submitted where there is a cluster."""
    return [job for job in workflow.dag.needrun_jobs() if not job.is_local]


def asked_by(workflow: Any, jobs: Iterable[Any]) -> Iterator[Asked]:
    """What jobs are submitted with, those of a group together; of other clusters than this one nothing is known."""
    groups = {workflow.dag.get_job_group(job) or job for job in jobs}
    for job in groups:
        rules = sorted({each.rule.name for each in job} if job.is_group() else {job.rule.name})
        resources = job.resources
        if not any(resources.get(name) for name in ("cluster", "clusters", "slurm_cluster")):
            name = ", ".join(rules[:3]) + (", ..." if len(rules) > 3 else "")
            yield asked_of(name, resources.get("_cores", 1), resources, _picks_partitions(workflow))


def _picks_partitions(workflow: Any) -> bool:
    """Whether the executor picks a partition for jobs that name none (--slurm-partition-config)."""
    settings = workflow.executor_settings
    return bool(os.environ.get("SNAKEMAKE_SLURM_PARTITIONS") or getattr(settings, "partition_config", None))


SITE = "UNCOVER_SITE"
"""Variable by which the Snakemake that submits to SLURM tells its jobs what it was told: jobs do not ask themselves."""


def site_of(workflow: Any) -> Site | None:
    """What the SLURM allows that jobs are submitted to; None where they are not."""
    if not is_main(workflow):
        return site_told()
    if not _submits_to_slurm(workflow):
        return None
    sizes = (workflow.group_settings and workflow.group_settings.group_components) or {}
    small = workflow.global_resources.get("small")
    at_once = getattr(small, "value", small) or max(sizes.values(), default=1)
    return _ask_site(tuple(sizes.items()), int(at_once), _picks_partitions(workflow))


def site_told() -> Site | None:
    """What SLURM has told this Snakemake, or the one that started this job; None where nobody has asked."""
    told = os.environ.get(SITE)
    return Site.heard(told) if told else None


@functools.cache
def _ask_site(sizes: tuple[tuple[str, int], ...], at_once: int, picks: bool) -> Site:
    site = Site.ask(dict(sizes), at_once, picks)
    os.environ[SITE] = site.told()
    return site


def _submits_to_slurm(workflow: Any) -> bool:
    # In a dry run, Snakemake does not tell for which executor; those that submit have threads.
    dry_run = _asked(workflow, "dryrun", False) and _asked(workflow, "execution_settings.use_threads", False)
    return executor_of(workflow) == SLURM or dry_run


def value_of(workflow: Any, rule: str, name: str, given: dict[str, Any]) -> int | str | None:
    """What a job asks for by the name of a resource, whether its rule, --set-resources or a default says so.

    Args:
        workflow: Snakemake's.
        rule: Name that Snakemake gives the rule.
        name: Of the resource.
        given: What functions of resources are called with.
    """
    return _evaluated(workflow, workflow.get_rule(rule).resources.get(name), rule, given)


def default_of(workflow: Any, rule: str, name: str, given: dict[str, Any]) -> int | str | None:
    """The site's default (--default-resources) for what a rule has a function for that says nothing for a job."""
    settings = getattr(workflow, "resource_settings", None)
    # Earlier versions have a class of its own for them; where there is neither, runs on this machine need none.
    earlier = getattr(getattr(settings, "default_resources", None), "parsed", {})
    defaults = getattr(settings, "_parsed_default_resources", None) or earlier
    return _evaluated(workflow, defaults.get(name), rule, given)


def _evaluated(workflow: Any, resource: Any, rule: str, given: dict[str, Any]) -> int | str | None:
    options = {**given, "rulename": rule, "async_run": getattr(workflow, "async_run", None)}
    wildcards = options.pop("wildcards")
    if hasattr(resource, "evaluate"):
        return resource.evaluate(wildcards, **options).value
    # Earlier versions have plain values and functions.
    if not callable(resource):
        return resource
    named = inspect.signature(resource).parameters
    return resource(wildcards, **{name: value for name, value in options.items() if name in named})


def submitted_before(workflow: Any, jobs: Iterable[Any]) -> set[str]:
    """Numbers under which earlier runs submitted these jobs, without seeing their end."""
    return {number for job in jobs for number in workflow.persistence.external_jobids(job) if number}


def ask_the_queue(workflow: Any) -> None:
    """Follow jobs by `squeue`, not by `sacct`."""
    _change(workflow.executor_settings, "status_command", "squeue")


def understand_cancellations() -> None:
    """Follow jobs by `sacct`, which also says who cancelled one.

    The plugin takes "CANCELLED by 1000" for the state of a job that still runs, and would wait for it for ever.
    """
    import snakemake_executor_plugin_slurm as plugin

    # Earlier plugins ask otherwise, and look at the first word themselves.
    query: Any = getattr(plugin, "query_job_status", None)
    if query is None and hasattr(plugin.Executor, "job_stati"):
        return
    user = getattr(getattr(plugin.Executor, "check_active_jobs", None), "__code__", None)
    if source_state(query) != QUERY or "query_job_status" not in getattr(user, "co_names", ()):
        logger.warning(
            f"{_installed()} follows SLURM jobs in another way than {SLURM_PLUGIN} {', '.join(TRIED_PLUGINS)}: this run"
            " may wait for ever for a job that somebody cancels; if it does, stop it and start it again"
        )
        return

    async def query_first_words(command: str, logger: Any) -> tuple[dict[str, str] | None, float | None]:
        states, seconds = await query(command, logger)
        return states and {job: state.partition(" ")[0] for job, state in states.items()}, seconds

    plugin.query_job_status = query_first_words


def seconds_between_checks(workflow: Any) -> int:
    """How long the executor waits before it asks SLURM for the first time."""
    return workflow.executor_settings.init_seconds_before_status_checks


def run_from(workflow: Any, snakefile: Path, config: Path) -> None:
    """Send jobs to another copy of the Snakefile and to a config that nobody edits."""
    _change(workflow.scheduler._executor, "snakefile", str(snakefile))
    _change(workflow.config_settings, "configfiles", [config])
    _change(workflow.config_settings, "config_args", [])


def _change(owner: Any, name: str, value: Any) -> None:
    """Set an attribute that is there; a new one would be read by nobody."""
    getattr(owner, name)
    setattr(owner, name, value)


def source_state(function: Any) -> str:
    """Digest of the source of a function, in 16 hexadecimal digits; empty where there is none."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


QUERY = "e0a595a37ef239d2"
"""`source_state` of what `understand_cancellations` replaces."""

FINISHED = {
    "29cbbf3ca6eea197": False,
    "20c93ae92dc54961": True,
    "aacb17d5af1be2d7": True,
    "3f347851a55e2243": True,
}
"""`source_state` of what `record_as_main` replaces, and whether it has to: once every job wrote its own record."""


def record_as_main() -> None:
    """Let a job within a cluster write Snakemake's record of what it was made by, as the main process does.

    Otherwise the record is the main process's alone, and missing for ever where that one is killed between a job's end
    and its next look at the queue: no later change of code or settings would rerun the job. Where Snakemake's function
    is another than those tried it is left alone; `check_cluster` says so.
    """
    owner = _keeper_of_records()
    finished: Any = getattr(owner, "finished", None)
    if not FINISHED.get(source_state(finished)):
        return

    from snakemake_interface_executor_plugins.settings import ExecMode

    class AsMain:
        def __init__(self, persistence: Any) -> None:
            self._persistence = persistence
            inner = persistence.dag.workflow
            self.dag = SimpleNamespace(
                workflow=SimpleNamespace(
                    exec_mode=ExecMode.DEFAULT,
                    execution_settings=inner.execution_settings,
                    remote_execution_settings=inner.remote_execution_settings,
                )
            )

        def __getattr__(self, name: str) -> Any:
            return getattr(self._persistence, name)

    async def finished_as_main(self: Any, job: Any) -> None:
        await finished(AsMain(self), job)

    owner.finished = finished_as_main


def _keeper_of_records() -> Any:
    from snakemake import persistence

    return getattr(persistence, "PersistenceBase", None) or getattr(persistence, "Persistence", None)


def check_cluster() -> None:
    """Make sure that jobs can run on a cluster; warn where they cannot write their own records.

    Raises:
        InputError: They cannot with this Snakemake.
    """
    if version("snakemake") in NO_CLUSTER:
        raise InputError(
            f"Snakemake {version('snakemake')} cannot run jobs on a cluster, they all fail; install another, such as"
            f" pip install snakemake=={TRIED[-1]}"
        )
    if source_state(getattr(_keeper_of_records(), "finished", None)) not in FINISHED:
        logger.warning(
            f"{_installed()} records what jobs were made by in another way than Snakemake {', '.join(TRIED)}: where"
            " Snakemake is killed while jobs run on the cluster, no later change of code or settings reruns those that"
            " ended meanwhile. Results are right all the same; to make some again: snakemake --forcerun FILE"
        )


@dataclass(frozen=True)
class Made:
    """What Snakemake has written down of a job that made the outputs at hand.

    Attributes:
        params: Values of the parameters then, as Python writes them.
        inputs: Files that it read.
        command: The rule's command, with its placeholders.
        started: Seconds since 1970.
    """

    params: frozenset[str]
    inputs: frozenset[str]
    command: str | None
    started: float


@dataclass(frozen=True)
class PlannedJob:
    """A job of the DAG.

    Attributes:
        number: Place among the jobs of the plan.
        rule: Name.
        name: Rule and wildcards, such as "train/rgb10", as in the names of logs and benchmarks.
        wildcards: By name.
        params: By name, as Python writes them.
        inputs: Files that it reads.
        outputs: Files that it writes.
        missing: Those of them that are not there.
        unmade: Those of the missing ones that never were.
        incomplete: Whether a killed job has left them.
        newer: Inputs that somebody changed after the outputs were made.
        command: As of `Made`.
        made: What is known of how the outputs at hand were made; None for new ones.
        benchmark: Where its time and memory are written.
        threads: Processors.
        gpus: GPUs.
        minutes: Time that it asks for.
        needs: Numbers of the jobs that run before it.
        runs: Whether it would be run.
        forced: Because somebody asked for it.
        unrecorded: Whether Snakemake has no record, or one of an earlier version, of how the outputs at hand were made.
    """

    number: int
    rule: str
    name: str
    wildcards: dict[str, str]
    params: dict[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    missing: tuple[str, ...]
    unmade: tuple[str, ...]
    incomplete: bool
    newer: tuple[str, ...]
    command: str | None
    made: Made | None
    benchmark: Path | None
    threads: int
    gpus: int
    minutes: int
    needs: tuple[int, ...] = field(default=())
    runs: bool = True
    forced: bool = False
    unrecorded: bool = False


@dataclass(frozen=True)
class Plan:
    """A DAG: all jobs behind some targets, and the config that they come from.

    Attributes:
        config: Merged and checked.
        jobs: All of them.
        warnings: What Snakemake, or the Snakefile, has warned of meanwhile, a line each.
    """

    config: Config
    jobs: list[PlannedJob]
    warnings: tuple[str, ...] = ()

    @property
    def run_folder(self) -> Path:
        """results/<run>."""
        return Path(RunPaths.of_run(self.config.run).root)

    @property
    def ahead(self) -> list[PlannedJob]:
        """Jobs that would be run; the target rule is none of them."""
        return [job for job in self.jobs if job.runs]

    def maker(self, path: str) -> PlannedJob | None:
        """The job that makes a file, among the jobs behind the targets."""
        return next((job for job in self.jobs if path in job.outputs), None)


@private_names("the plan of a run")
def read_plan(targets: Sequence[str], configs: Sequence[Path] = (), changes: dict[str, Any] | None = None) -> Plan:
    """Ask Snakemake for the DAG behind some targets, in the working folder.

    Args:
        targets: Files or rules; none stands for everything.
        configs: Config files, as --configfile takes them; none stands for the demo.
        changes: Values that replace some of theirs, as --config takes them.

    Raises:
        InputError: This is no checkout, or the working folder is another one; a config does not hold; nothing makes a
            target.
    """
    if not SNAKEFILE.is_file():
        raise InputError(f"{SNAKEFILE}: does not exist; the workflow needs a clone of the repository, not the package")
    # Digests of code would be those of other files than the jobs would run.
    here = Path("workflow", "Snakefile")
    if here.is_file() and Path("src", "uncover").is_dir() and not here.samefile(SNAKEFILE):
        raise InputError(
            f"this is the uncover of {SNAKEFILE.parents[1]}, not of the checkout here; give workflow/bin/uncover"
        )
    for path in configs:
        if not path.is_file():
            raise InputError(f"{path}: does not exist; expected a config file")

    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import MissingRuleException, RuleException, WorkflowError
    from snakemake.settings.enums import Quietness
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        ResourceSettings,
    )

    told, heard = io.StringIO(), _Warnings()
    try:
        # Whatever Snakemake prints is its own dry run's; errors arrive as exceptions, and warnings are heard apart.
        with (
            contextlib.redirect_stderr(told),
            SnakemakeApi(OutputSettings(dryrun=True, quiet={Quietness.ALL})) as api,
        ):
            settings = ConfigSettings(configfiles=list(configs), config=changes or {})
            workflow_api = api.workflow(ResourceSettings(), config_settings=settings, snakefile=SNAKEFILE)
            heard.listen()
            dag_api = workflow_api.dag(DAGSettings(targets=set(targets), force_incomplete=True))
            workflow = dag_api.workflow_api._workflow
            _done(workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True))
            _done(workflow._build_dag())
            config: Config = workflow.globals["CONFIG"]
            jobs = list(_jobs(workflow, Path(RunPaths.of_run(config.run).benchmarks)))
            return Plan(config, jobs, (*heard.lines, *_unrecorded(jobs)))
    except MissingRuleException:
        names = ", ".join(targets)
        raise InputError(
            f"{names}: no rule makes it; expected a file of this run, results/<run>/..., or a rule"
        ) from None
    except (WorkflowError, RuleException) as error:
        raise InputError(" ".join(str(error).split()) or told.getvalue().strip()) from None
    except SystemExit:
        # Rules that have said in one line what is missing.
        raise InputError(told.getvalue().strip().rpartition("error: ")[2]) from None
    finally:
        heard.end()


class _Warnings(logging.Handler):
    """Warnings of Snakemake and of ours, as lines."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def listen(self) -> None:
        """Begin; Snakemake removes the handlers that its logger has when it starts."""
        for logger in self._loggers():
            logger.addHandler(self)

    def end(self) -> None:
        for logger in self._loggers():
            logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(" ".join(record.getMessage().split()))

    def _loggers(self) -> tuple[logging.Logger, ...]:
        from snakemake.logging import logger

        return logger, logging.getLogger("uncover")


def _unrecorded(jobs: Iterable[PlannedJob]) -> Iterator[str]:
    """What Snakemake says at the end of a dry run of files at hand that it has no record of."""
    lacking = [job for job in jobs if job.unrecorded and not job.runs]
    if lacking:
        rules = ", ".join(dict.fromkeys(job.rule for job in lacking))
        yield (
            f"missing provenance: Snakemake has no record of how the files of some jobs were made ({rules}),"
            " so no change of code, settings or inputs reruns these; to make them again: snakemake --forcerun FILE"
        )


def _done(result: object) -> None:
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(f"{result.__name__}: has to be awaited")


def _jobs(workflow: Any, benchmarks: Path) -> Iterator[PlannedJob]:
    dag = workflow.dag
    ordered = [job for level in dag.toposorted() for job in level if job.output]
    numbers = {job: number for number, job in enumerate(ordered)}
    for job in ordered:
        needs = sorted(numbers[other] for other in dag.dependencies[job] if other in numbers and dag.needrun(other))
        yield _job(workflow, job, numbers[job], tuple(needs), benchmarks)


def _job(workflow: Any, job: Any, number: int, needs: tuple[int, ...], benchmarks: Path) -> PlannedJob:
    persistence, reason = workflow.persistence, workflow.dag.reason(job)
    outputs = tuple(map(str, job.output))
    missing = tuple(path for path in outputs if not Path(path).exists())
    records = {str(path): _recorded(persistence.metadata(path)) for path in job.output}
    known = {path: each for path, each in records.items() if each is not None and each.params is not None}
    record = next(iter(known.values()), None)
    made = None
    if record is not None:
        made = Made(frozenset(record.params), frozenset(record.input or ()), record.code, record.starttime or 0.0)
    # All our parameters are plain values, which Snakemake stores as Python writes them.
    stored = {repr(value) for value in job.non_derived_params}
    params = {str(name): repr(value) for name, value in job.params.items()}
    marked = len(missing) < len(outputs) and any(asyncio.run(persistence.incomplete(job)))
    wildcards = {str(name): str(value) for name, value in job.wildcards.items()}
    return PlannedJob(
        number=number,
        rule=job.rule.name.removesuffix(AS_BEFORE),
        name=job_name(Path(str(job.benchmark)), benchmarks) if job.benchmark else job.rule.name,
        wildcards=wildcards,
        params={name: value for name, value in params.items() if value in stored},
        inputs=tuple(map(str, job.input)),
        outputs=outputs,
        missing=missing,
        unmade=tuple(path for path in missing if path not in known),
        incomplete=marked,
        newer=tuple(sorted(map(str, reason.updated_input - reason.updated_input_run))),
        command=job.rule.shellcmd,
        made=made,
        benchmark=Path(str(job.benchmark)) if job.benchmark else None,
        threads=int(job.threads),
        gpus=int(job.resources.get("gpu") or 0),
        minutes=int(job.resources.get("runtime") or 0),
        needs=needs,
        runs=workflow.dag.needrun(job),
        forced=bool(reason.forced),
        unrecorded=bool(reason.no_metadata or reason.outdated_metadata),
    )


def _recorded(record: Any) -> Any:
    """Snakemake's record of an output by attributes; before 9.17 it was a dictionary, empty where there was none."""
    if not isinstance(record, Mapping):
        return record
    names = ("params", "input", "code", "starttime")
    return SimpleNamespace(**{name: record.get(name) for name in names})
