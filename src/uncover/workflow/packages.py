"""Packages whose version has changed since the existing results were made.

Nothing reruns because of them: most releases of a package change no result, and each would rerun all trainings of a
run. The changes are reported, with the command that reruns the jobs.
"""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from uncover.workflow.digest import ROOT, code_states, our_code
from uncover.workflow.engine import Plan, PlannedJob
from uncover.workflow.run_record import ENVIRONMENT, RunRecord, read_records

LOCK = "envs/requirements.txt"
"""Path of the lock in the checkout."""

MOST_NAMED = 6

Versions = dict[str, str]
"""Versions by canonical name of the package."""


@dataclass(frozen=True)
class OtherVersion:
    """A package whose version has changed.

    Attributes:
        package: Name.
        before: Version that made the results.
        locked: Version in the lock; None if it is the same or there is none.
        installed: Installed version; None if it is the same or there is none.
        jobs: Number of finished jobs that use the package.
        rules: Rules of these jobs, in the order of the plan.
        first: The first of these rules; forcing them reruns the others.
    """

    package: str
    before: str
    locked: str | None
    installed: str | None
    jobs: int
    rules: tuple[str, ...]
    first: tuple[str, ...]

    def __str__(self) -> str:
        places = {LOCK: self.locked, "installed": self.installed}
        if self.locked == self.installed:
            now = self.locked or ""
        else:
            now = " and ".join(f"{version} ({place})" for place, version in places.items() if version)
        more = f" and {len(self.rules) - MOST_NAMED} more rules" if len(self.rules) > MOST_NAMED else ""
        return (
            f"{self.package} {self.before} -> {now} since {self.jobs} of the jobs ran"
            f" ({', '.join(self.rules[:MOST_NAMED])}{more}): not a reason to rerun them; to rerun them anyway:"
            f" snakemake --forcerun {' '.join(self.first)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "package": self.package,
            "before": self.before,
            "locked": self.locked,
            "installed": self.installed,
            "jobs": self.jobs,
            "rules": list(self.rules),
            "forcerun": list(self.first),
        }


def other_versions(plan: Plan, lock: Path = ROOT.parents[1] / LOCK) -> list[OtherVersion]:
    """Packages, used by jobs that will not rerun, whose version has changed.

    Args:
        plan: Read in this process, so that its digests of code can be resolved.
        lock: The lock; recorded versions are compared with it and with the installed ones.
    """
    records = [(record, _versions(record)) for record in read_records(plan.run_folder)]
    done = [(job, versions) for job in plan.jobs if not job.runs and (versions := _made_with(job, records))]
    locked, installed = read_lock(lock), _installed()
    changes: dict[tuple[str, str], tuple[str | None, str | None]] = {}
    for name, before in {pair for _, versions in records for pair in versions.items()}:
        new = _unlike(before, locked.get(name), public=True), _unlike(before, installed.get(name), public=False)
        if any(new):
            changes[name, before] = new
    if not changes:
        return []
    modules, digests = _import_names({name for name, _ in changes}), code_states()[0]
    found = []
    for (name, before), (now_locked, now_installed) in sorted(changes.items()):
        using = [
            job for job, versions in done if versions.get(name) == before and _imports(job, digests) & modules[name]
        ]
        if using:
            rules = tuple(dict.fromkeys(job.rule for job in using))
            first = _first(plan, {job.number for job in using})
            found.append(OtherVersion(name, before, now_locked, now_installed, len(using), rules, first))
    return found


def read_lock(path: Path) -> Versions:
    """Versions that a lock requires on this machine; empty if the file does not exist."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found: Versions = {}
    for line in lines:
        try:
            asked = Requirement(line.rstrip("\\ "))
        except InvalidRequirement:  # a hash or a comment
            continue
        versions = [each.version for each in asked.specifier if each.operator == "=="]
        if versions and (asked.marker is None or asked.marker.evaluate()):
            found[canonicalize_name(asked.name)] = versions[0]
    return found


def _versions(record: RunRecord) -> Versions:
    """Versions of a run's environment."""
    try:
        lines = (record.folder / ENVIRONMENT).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def _made_with(job: PlannedJob, records: Sequence[tuple[RunRecord, Versions]]) -> Versions:
    """Versions of the run that made the existing outputs of a job; empty if there is no record."""
    if job.made is not None:
        moment = job.made.started + 1
    elif job.outputs and not job.missing:
        moment = min(Path(path).stat().st_mtime for path in job.outputs)
    else:
        return {}
    return next((versions for record, versions in reversed(records) if record.started <= moment), {})


def _installed() -> Versions:
    return {canonicalize_name(each.name): each.version for each in metadata.distributions()}


def _unlike(before: str, now: str | None, public: bool) -> str | None:
    """The current version, if it differs.

    Args:
        before: The earlier version.
        now: The current version; None if unknown.
        public: Ignore the build ("+cpu"), which a lock does not contain.
    """
    if now is None or now == before:
        return None
    try:
        if public and Version(now).public == Version(before).public:
            return None
    except InvalidVersion:
        pass
    return now


def _import_names(packages: Iterable[str]) -> dict[str, set[str]]:
    """Names under which code imports each package."""
    names = defaultdict(set, {package: {package.replace("-", "_")} for package in packages})
    for module, owners in metadata.packages_distributions().items():
        for owner in owners:
            names[canonicalize_name(owner)].add(module)
    return names


def _imports(job: PlannedJob, digests: Mapping[str, Sequence[str]]) -> set[str]:
    """Top-level packages that the code of a job imports, found by the digests in its parameters."""
    found: set[str] = set()
    for value in job.params.values():
        for part in digests.get(value.strip("'"), ()):
            found |= _imports_of(part.partition(":")[0])
    return found


@functools.cache
def _imports_of(module: str) -> frozenset[str]:
    """Top-level packages that a module of ours imports at run time."""
    file = our_code().file(module)
    if file is None:
        return frozenset()
    return frozenset(_imported(ast.parse(file.read_bytes())))


def _imported(node: ast.AST) -> Iterator[str]:
    children: Iterable[ast.AST] = ()
    match node:
        case ast.Import(names=names):
            yield from (alias.name.partition(".")[0] for alias in names)
        case ast.ImportFrom(module=str(name), level=0):
            yield name.partition(".")[0]
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=others):
            children = others
        case ast.stmt() | ast.Module() | ast.ExceptHandler() | ast.match_case():
            children = ast.iter_child_nodes(node)
    for child in children:
        yield from _imported(child)


def _first(plan: Plan, using: set[int]) -> tuple[str, ...]:
    """Rules of jobs that depend on none of the others: forcing these reruns all."""
    makers = {path: job.number for job in plan.jobs for path in job.outputs}
    below: set[int] = set()
    first: dict[str, None] = {}
    for job in plan.jobs:
        before = {makers[path] for path in job.inputs if path in makers}
        if before & (below | using):
            below.add(job.number)
        elif job.number in using:
            first[job.rule] = None
    return tuple(first)
