"""What Snakemake would run, as plain values: `uncover plan` and `uncover why` read it, nothing is executed.

Written for the pinned Snakemake, like `uncover.workflow.engine`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uncover.config.load import check_config
from uncover.config.model import Config
from uncover.errors import InputError
from uncover.workflow.digest import ROOT


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


@dataclass(frozen=True)
class Plan:
    """A DAG: all jobs behind some targets, and the config that they come from."""

    config: Config
    jobs: list[PlannedJob]

    @property
    def run_folder(self) -> Path:
        """results/<run>."""
        return Path("results", self.config.run)

    @property
    def ahead(self) -> list[PlannedJob]:
        """Jobs that would be run; the target rule is none of them."""
        return [job for job in self.jobs if job.runs]

    def maker(self, path: str) -> PlannedJob | None:
        """The job that makes a file, among the jobs behind the targets."""
        return next((job for job in self.jobs if path in job.outputs), None)


def read_plan(targets: Sequence[str], configs: Sequence[Path] = (), changes: dict[str, Any] | None = None) -> Plan:
    """Ask Snakemake for the DAG behind some targets, in the working folder.

    Args:
        targets: Files or rules; none stands for everything.
        configs: Config files, as --configfile takes them; none stands for the demo.
        changes: Values that replace some of theirs, as --config takes them.

    Raises:
        InputError: There is no Snakefile of ours here, a config does not hold, or nothing makes a target.
    """
    snakefile = Path("Snakefile")
    if not snakefile.is_file():
        raise InputError("no Snakefile here; run this in the checkout of uncover")
    # Digests of code would be those of other files than the jobs would run.
    if not ROOT.resolve().is_relative_to(Path.cwd().resolve()):
        raise InputError(
            f"this is the uncover of {ROOT.parents[1]}, not of the checkout here; give workflow/bin/uncover"
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

    told = io.StringIO()
    try:
        # Whatever Snakemake prints is its own dry run's; errors arrive as exceptions.
        with (
            contextlib.redirect_stderr(told),
            SnakemakeApi(OutputSettings(dryrun=True, quiet={Quietness.ALL})) as api,
        ):
            settings = ConfigSettings(configfiles=list(configs), config=changes or {})
            workflow_api = api.workflow(ResourceSettings(), config_settings=settings, snakefile=snakefile)
            dag_api = workflow_api.dag(DAGSettings(targets=set(targets), force_incomplete=True))
            workflow = dag_api.workflow_api._workflow
            workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True)
            workflow._build_dag()
            config = check_config(dict(workflow.globals["config"]))
            return Plan(config, list(_jobs(workflow)))
    except MissingRuleException:
        names = ", ".join(targets)
        raise InputError(
            f"{names}: no rule makes it; expected a file of this run, results/<run>/..., or a rule"
        ) from None
    except (WorkflowError, RuleException) as error:
        raise InputError(" ".join(str(error).split()) or told.getvalue().strip()) from None


def _jobs(workflow: Any) -> Iterator[PlannedJob]:
    dag = workflow.dag
    ordered = [job for level in dag.toposorted() for job in level if job.output]
    numbers = {job: number for number, job in enumerate(ordered)}
    for job in ordered:
        needs = sorted(numbers[other] for other in dag.dependencies[job] if other in numbers and dag.needrun(other))
        yield _job(workflow, job, numbers[job], tuple(needs))


def _job(workflow: Any, job: Any, number: int, needs: tuple[int, ...]) -> PlannedJob:
    persistence, reason = workflow.persistence, workflow.dag.reason(job)
    outputs = tuple(map(str, job.output))
    missing = tuple(path for path in outputs if not Path(path).exists())
    records = {str(path): persistence.metadata(path) for path in job.output}
    known = {path: each for path, each in records.items() if each is not None and each.params is not None}
    record = next(iter(known.values()), None)
    made = None
    if record is not None:
        made = Made(frozenset(record.params), frozenset(record.input or ()), record.code, record.starttime or 0.0)
    stored = set(persistence._params(job))
    params = {str(name): repr(value) for name, value in job.params.items()}
    marked = persistence._filter_incomplete_keys([persistence._get_key(path) for path in job.output])
    wildcards = {str(name): str(value) for name, value in job.wildcards.items()}
    return PlannedJob(
        number=number,
        rule=job.rule.name,
        name=str(job.benchmark).partition("/benchmarks/")[2].removesuffix(".tsv") or job.rule.name,
        wildcards=wildcards,
        params={name: value for name, value in params.items() if value in stored},
        inputs=tuple(map(str, job.input)),
        outputs=outputs,
        missing=missing,
        unmade=tuple(path for path in missing if path not in known),
        incomplete=bool(marked),
        newer=tuple(sorted(map(str, reason.updated_input - reason.updated_input_run))),
        command=persistence._code(job.rule),
        made=made,
        benchmark=Path(str(job.benchmark)) if job.benchmark else None,
        threads=int(job.threads),
        gpus=int(job.resources.get("gpu") or 0),
        minutes=int(job.resources.get("runtime") or 0),
        needs=needs,
        runs=workflow.dag.needrun(job),
        forced=bool(reason.forced),
    )
