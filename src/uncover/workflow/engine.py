"""Access to Snakemake internals: state and settings of a running workflow, and the plan of Snakemake as plain values
for `uncover plan` and `uncover why`.

A run on this machine needs no private name of Snakemake: each query has a default. Plans and runs on clusters need
private names of the versions in `TRIED`; if another version lacks one or behaves differently, `InputError` is raised.
tests/workflow/test_engine.py lists the private names; `make test-versions` tests the versions.
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
"""Versions of Snakemake that plans and runs on clusters were tested with."""

NO_CLUSTER = tuple(f"9.14.{number}" for number in range(5))
"""Versions with which all jobs on clusters fail, in any workflow ("assert self.workflow.is_main_process")."""

SLURM_PLUGIN = "snakemake-executor-plugin-slurm"
TRIED_PLUGINS = ("2.8.0",)

SLURM, HERE = "slurm", "local"

SNAKEFILE = ROOT.parents[1] / "workflow" / "Snakefile"
"""The Snakefile of the checkout that contains this code."""

OTHERWISE = (AssertionError, AttributeError, ImportError, LookupError, NotImplementedError, TypeError, ValueError)
"""Exceptions raised if a private name is missing, takes other arguments or returns another type."""


@contextlib.contextmanager
def private_names(what: str) -> Iterator[None]:
    """Turn errors of code that uses private names into one line that names the tested versions.

    Args:
        what: The feature that uses private names, for the message.

    Raises:
        InputError: The internals of the installed Snakemake differ. Errors of our own code, including the Snakefile,
            are raised unchanged.
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
        f"uses internals of Snakemake, which differ in {_installed()} ({difference}); tested with Snakemake"
        f" {', '.join(TRIED)} and {SLURM_PLUGIN} {', '.join(TRIED_PLUGINS)}: install a tested version, e.g."
        f" pip install snakemake=={TRIED[-1]} {SLURM_PLUGIN}=={TRIED_PLUGINS[-1]}"
    )


def _installed() -> str:
    found = []
    for name in ("snakemake", SLURM_PLUGIN):
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return " with ".join(found)


def _is_of_our_code(error: BaseException) -> bool:
    """Whether it was raised by, or on behalf of, another file of ours: then it does not depend on the version."""
    files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    last = max(number for number, file in enumerate(files) if file == Path(__file__))
    after = files[last + 1 :]
    return any(file.is_relative_to(ROOT) or file.name == "Snakefile" or file.suffix == ".smk" for file in after)


def _asked(workflow: Any, name: str, otherwise: Answer) -> Answer:
    """The value of a private name; the default of a run on this machine if it is missing or has another type."""
    try:
        value = attrgetter(name)(workflow)
    except AttributeError:
        return otherwise
    return value if isinstance(value, type(otherwise)) else otherwise


AS_BEFORE = "_as_before"
"""Suffix of rules that remake predictions with the number of jobs of the existing ones instead of the config's."""


def executor_of(workflow: Any) -> str:
    """Name of the executor: "local", "slurm" or another."""
    return _asked(workflow, "executor_plugin.name", HERE)


def is_local(workflow: Any) -> bool:
    """Whether jobs run on this machine; logs a warning if this is only assumed."""
    told = [_asked(workflow, "local_exec", default) for default in (True, False)]
    if told[0] == told[1]:
        return told[0]
    if not _asked(workflow, "executor_plugin.name", ""):
        logger.warning(f"the executor of jobs: {_others('not reported')}; assuming that jobs run on this machine")
    return executor_of(workflow) == HERE


def is_on_cluster(workflow: Any) -> bool:
    """Whether this is the Snakemake within a job that another Snakemake has submitted."""
    return _asked(workflow, "remote_exec", False)


def is_main(workflow: Any) -> bool:
    """Whether this is the Snakemake that the user started, and not one within a job."""
    return _asked(workflow, "is_main_process", True)


def only_touches(workflow: Any) -> bool:
    """Whether jobs are only marked as done (--touch)."""
    return _asked(workflow, "touch", False)


def has_configfile(workflow: Any, config: Mapping[str, Any]) -> bool:
    """Whether a config file was passed on the command line or in a profile.

    Args:
        workflow: Snakemake's workflow.
        config: The config as merged so far.
    """
    try:
        return bool(workflow.config_settings.configfiles)
    except AttributeError:
        if config:
            logger.warning(
                f"{_installed()} does not report whether a config file was passed: config/demo.yaml is not used,"
                " because config values were passed"
            )
        return bool(config)


def config_files(workflow: Any) -> list[Path]:
    """Config files that were read; none if Snakemake does not report them."""
    unknown: list[Any] = []
    return [Path(file) for file in _asked(workflow, "configfiles", unknown)]


def given_values(workflow: Any) -> Mapping[str, Any]:
    """Values of --config; none if Snakemake does not report them."""
    unknown: dict[str, Any] = {}
    return _asked(workflow, "config_settings.config", unknown)


def cores_of(workflow: Any) -> int | None:
    """Cores of this machine that jobs may use; None if not set, as for a report, or if jobs run elsewhere."""
    from snakemake.exceptions import WorkflowError

    try:
        return None if is_on_cluster(workflow) else workflow.cores
    except WorkflowError:
        return None


def rule_names(workflow: Any) -> list[str]:
    """Names of the rules defined so far; none if Snakemake does not report them."""
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
    """Rerun no job because conda or the container changed.

    All environments contain the same packages, and the digests of our code do not depend on them. Triggers chosen with
    --rerun-triggers are kept. While Snakemake reads the Snakefile it has no DAG settings yet; then, and with versions
    that store them elsewhere, this does nothing.
    """
    with contextlib.suppress(*OTHERWISE):
        from snakemake.settings.enums import RerunTrigger

        settings = getattr(workflow, "dag_settings", None)
        if settings is not None and set(settings.rerun_triggers) == set(RerunTrigger.all()):
            settings.rerun_triggers = RerunTrigger.all() - {RerunTrigger.SOFTWARE_ENV}


def moved(workflow: Any, path: str) -> str:
    """The actual path for a path of a rule, which an importing workflow or a storage provider may move."""
    try:
        return str(workflow.modifier.modify_path(path))
    except (AttributeError, TypeError):
        return path


def name_in_queue(workflow: Any) -> str:
    """The name of all SLURM jobs of this run."""
    return workflow.scheduler._executor.run_uuid


def jobs_ahead(workflow: Any) -> list[Any]:
    """Jobs that will run, and are submitted if there is a cluster."""
    return [job for job in workflow.dag.needrun_jobs() if not job.is_local]


def asked_by(workflow: Any, jobs: Iterable[Any]) -> Iterator[Asked]:
    """Resources that jobs request, per group if they are grouped; jobs for other clusters are omitted."""
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
"""Variable with which the Snakemake that submits to SLURM passes the limits of the site to its jobs."""


def site_of(workflow: Any) -> Site | None:
    """Limits of the SLURM cluster that jobs are submitted to; None if they are not submitted to SLURM."""
    if not is_main(workflow):
        return site_told()
    if not _submits_to_slurm(workflow):
        return None
    sizes = (workflow.group_settings and workflow.group_settings.group_components) or {}
    small = workflow.global_resources.get("small")
    at_once = getattr(small, "value", small) or max(sizes.values(), default=1)
    return _ask_site(tuple(sizes.items()), int(at_once), _picks_partitions(workflow))


def site_told() -> Site | None:
    """Limits that this Snakemake, or the one that started this job, has read from SLURM; None if not read."""
    told = os.environ.get(SITE)
    return Site.heard(told) if told else None


@functools.cache
def _ask_site(sizes: tuple[tuple[str, int], ...], at_once: int, picks: bool) -> Site:
    site = Site.ask(dict(sizes), at_once, picks)
    os.environ[SITE] = site.told()
    return site


def _submits_to_slurm(workflow: Any) -> bool:
    # In a dry run, Snakemake does not report the executor; executors that submit use threads.
    dry_run = _asked(workflow, "dryrun", False) and _asked(workflow, "execution_settings.use_threads", False)
    return executor_of(workflow) == SLURM or dry_run


def value_of(workflow: Any, rule: str, name: str, given: dict[str, Any]) -> int | str | None:
    """Value of a resource of a job, set by its rule, --set-resources or a default.

    Args:
        workflow: Snakemake's workflow.
        rule: Name of the rule in Snakemake.
        name: Name of the resource.
        given: Arguments of resource functions.
    """
    return _evaluated(workflow, workflow.get_rule(rule).resources.get(name), rule, given)


def default_of(workflow: Any, rule: str, name: str, given: dict[str, Any]) -> int | str | None:
    """The site's default (--default-resources) of a resource for which the function of a rule returns no value."""
    settings = getattr(workflow, "resource_settings", None)
    # Earlier versions have a separate class for them; without either, runs on this machine need none.
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
    """Job numbers under which earlier runs submitted these jobs, if they ended before the jobs did."""
    return {number for job in jobs for number in workflow.persistence.external_jobids(job) if number}


def ask_the_queue(workflow: Any) -> None:
    """Track jobs with `squeue` instead of `sacct`."""
    _change(workflow.executor_settings, "status_command", "squeue")


def understand_cancellations() -> None:
    """Track jobs with `sacct`, and recognise cancelled ones.

    The plugin treats the state "CANCELLED by 1000" as running, and would wait for such a job for ever.
    """
    import snakemake_executor_plugin_slurm as plugin

    # Earlier plugins query differently, and compare the first word only.
    query: Any = getattr(plugin, "query_job_status", None)
    if query is None and hasattr(plugin.Executor, "job_stati"):
        return
    user = getattr(getattr(plugin.Executor, "check_active_jobs", None), "__code__", None)
    if source_state(query) != QUERY or "query_job_status" not in getattr(user, "co_names", ()):
        logger.warning(
            f"{_installed()} tracks SLURM jobs differently from {SLURM_PLUGIN} {', '.join(TRIED_PLUGINS)}: this run may"
            " wait for ever for a cancelled job; if it does, stop and restart it"
        )
        return

    async def query_first_words(command: str, logger: Any) -> tuple[dict[str, str] | None, float | None]:
        states, seconds = await query(command, logger)
        return states and {job: state.partition(" ")[0] for job, state in states.items()}, seconds

    plugin.query_job_status = query_first_words


def seconds_between_checks(workflow: Any) -> int:
    """Seconds until the executor queries SLURM for the first time."""
    return workflow.executor_settings.init_seconds_before_status_checks


def run_from(workflow: Any, snakefile: Path, config: Path) -> None:
    """Run jobs from a frozen copy of the Snakefile and of the config."""
    _change(workflow.scheduler._executor, "snakefile", str(snakefile))
    _change(workflow.config_settings, "configfiles", [config])
    _change(workflow.config_settings, "config_args", [])


def _change(owner: Any, name: str, value: Any) -> None:
    """Set an existing attribute; a new one would have no effect."""
    getattr(owner, name)
    setattr(owner, name, value)


def source_state(function: Any) -> str:
    """Digest of the source of a function, 16 hexadecimal digits; empty if it has no source."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


QUERY = "e0a595a37ef239d2"
"""`source_state` of the function that `understand_cancellations` replaces."""

FINISHED = {
    "29cbbf3ca6eea197": False,
    "20c93ae92dc54961": True,
    "aacb17d5af1be2d7": True,
    "3f347851a55e2243": True,
}
"""`source_state` of the known versions of the function that `record_as_main` replaces, and whether each needs
replacing: in one of them every job writes its own record."""


def record_as_main() -> None:
    """Let a job on a cluster write Snakemake's provenance record of its outputs itself.

    Otherwise only the main process writes it, and it stays missing if that process is killed between the end of a job
    and its next query of the queue: no later change of code or settings would rerun the job. If Snakemake's function is
    not one of the tested versions, it is not replaced, and `check_cluster` logs a warning.
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
    """Check that jobs can run on a cluster; warn if they cannot write their own records.

    Raises:
        InputError: Jobs cannot run on a cluster with this version of Snakemake.
    """
    if version("snakemake") in NO_CLUSTER:
        raise InputError(
            f"Snakemake {version('snakemake')} cannot run jobs on a cluster: all of them fail; install another version,"
            f" e.g. pip install snakemake=={TRIED[-1]}"
        )
    if source_state(getattr(_keeper_of_records(), "finished", None)) not in FINISHED:
        logger.warning(
            f"{_installed()} records provenance differently from Snakemake {', '.join(TRIED)}: if Snakemake is killed"
            " while jobs run on the cluster, later changes of code or settings do not rerun jobs that ended in the"
            " meantime. Results are correct; to rerun jobs: snakemake --forcerun FILE"
        )


@dataclass(frozen=True)
class Made:
    """Snakemake's record of the job that made the existing outputs.

    Attributes:
        params: Values of the parameters, as `repr` writes them.
        inputs: Files that the job read.
        command: Command of the rule, with its placeholders.
        started: Start of the job, in seconds since 1970.
    """

    params: frozenset[str]
    inputs: frozenset[str]
    command: str | None
    started: float


@dataclass(frozen=True)
class PlannedJob:
    """A job of the DAG.

    Attributes:
        number: Index among the jobs of the plan.
        rule: Name of the rule.
        name: Rule and wildcards, such as "train/rgb10", as in the names of logs and benchmarks.
        wildcards: Wildcards by name.
        params: Parameters by name, as `repr` writes them.
        inputs: Files that it reads.
        outputs: Files that it writes.
        missing: Outputs that do not exist.
        unmade: Missing outputs that were never made.
        incomplete: Whether the outputs are those of a killed job.
        newer: Inputs that were modified after the outputs were made.
        command: Command of the rule, as in `Made`.
        made: Record of how the existing outputs were made; None for new outputs.
        benchmark: Benchmark file, with its time and memory.
        threads: Cores.
        gpus: GPUs.
        minutes: Time that it requests.
        needs: Indices of the jobs that run before it.
        runs: Whether it would run.
        forced: Whether it runs because the user forces it.
        unrecorded: Whether Snakemake has no record of how the existing outputs were made, or an outdated one.
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
    """A DAG: all jobs behind some targets, and their config.

    Attributes:
        config: Merged and validated config.
        jobs: All jobs.
        warnings: Warnings of Snakemake and of the Snakefile, one line each.
    """

    config: Config
    jobs: list[PlannedJob]
    warnings: tuple[str, ...] = ()

    @property
    def run_folder(self) -> Path:
        """Folder of the run, results/<run>."""
        return Path(RunPaths.of_run(self.config.run).root)

    @property
    def ahead(self) -> list[PlannedJob]:
        """Jobs that would run, without the target rule."""
        return [job for job in self.jobs if job.runs]

    def maker(self, path: str) -> PlannedJob | None:
        """The job of this plan that makes a file; None if there is none."""
        return next((job for job in self.jobs if path in job.outputs), None)


@private_names("the plan of a run")
def read_plan(targets: Sequence[str], configs: Sequence[Path] = (), changes: dict[str, Any] | None = None) -> Plan:
    """Compute Snakemake's DAG for some targets, in the working folder.

    Args:
        targets: Files or rules; empty for everything.
        configs: Config files, as for --configfile; empty for the demo.
        changes: Values that replace values of the config files, as for --config.

    Raises:
        InputError: This code is not in a checkout, the working folder is another checkout, a config is invalid, or no
            rule makes a target.
    """
    if not SNAKEFILE.is_file():
        raise InputError(f"{SNAKEFILE}: does not exist; the workflow needs a clone of the repository, not the package")
    # Otherwise the digests would be computed over other code than the jobs run.
    here = Path("workflow", "Snakefile")
    if here.is_file() and Path("src", "uncover").is_dir() and not here.samefile(SNAKEFILE):
        raise InputError(
            f"this uncover belongs to {SNAKEFILE.parents[1]}, not to the checkout in the working folder; run"
            " workflow/bin/uncover instead"
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
        # Output of Snakemake's dry run is discarded: errors are raised, and warnings are collected by a log handler.
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
            f"{names}: no rule makes this target; expected a file of this run, results/<run>/..., or the name of a rule"
        ) from None
    except (WorkflowError, RuleException) as error:
        raise InputError(" ".join(str(error).split()) or told.getvalue().strip()) from None
    except SystemExit:
        # The Snakefile has printed a one-line error.
        raise InputError(told.getvalue().strip().rpartition("error: ")[2]) from None
    finally:
        heard.end()


class _Warnings(logging.Handler):
    """Warnings of Snakemake and of ours, as lines."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def listen(self) -> None:
        """Attach the handler; Snakemake removes existing handlers of its logger when it starts."""
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
    """Warning about existing files without a record, which Snakemake prints at the end of a dry run."""
    lacking = [job for job in jobs if job.unrecorded and not job.runs]
    if lacking:
        rules = ", ".join(dict.fromkeys(job.rule for job in lacking))
        yield (
            f"missing provenance: Snakemake has no record of how the files of some jobs were made ({rules}),"
            " so no change of code, settings or inputs reruns them; to rerun them: snakemake --forcerun FILE"
        )


def _done(result: object) -> None:
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(f"{result.__name__}: must be awaited")


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
    # All our parameters are plain values, which Snakemake stores as `repr` writes them.
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
