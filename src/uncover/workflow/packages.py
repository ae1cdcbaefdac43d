"""Packages that made the results at hand in another version than the one that would make them now.

Nothing reruns because of them: most releases of a package change no result, and all trainings of a run would be made
again for each. So it is said, with what would make them again.
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
"""Below the checkout."""

MOST_NAMED = 6

Versions = dict[str, str]
"""By canonical name of the package."""


@dataclass(frozen=True)
class OtherVersion:
    """A package of another version.

    Attributes:
        package: Name.
        before: Version that made the results.
        locked: Version in the lock; None where that is the same, or there is none.
        installed: Version that is installed; likewise.
        jobs: How many of the jobs at hand compute with it.
        rules: Of these jobs, in the order of the plan.
        first: Of these rules, those that do so before all others.
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
            f"{self.package} {self.before} -> {now} since {self.jobs} of the jobs were done"
            f" ({', '.join(self.rules[:MOST_NAMED])}{more}): nothing reruns because of it; to compute them again:"
            f" snakemake --forcerun {' '.join(self.first)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
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
    """Packages that jobs compute with which will not be done again, where the version was another.

    Args:
        plan: Read in this process, so that digests of code that it holds are known.
        lock: The lock; versions are compared with it and with what is installed.
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
    """Versions that a lock asks for on this machine; none where there is no such file."""
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
    """Versions of the run that made what is at hand of a job; none where no record says it."""
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
    """The version of now, if it is another.

    Args:
        before: The version then.
        now: None where nothing is known.
        public: Leave out which build it is ("+cpu"), of which a lock says nothing.
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
    """What the code of a job imports, by first names; its parameters hold digests of that."""
    found: set[str] = set()
    for value in job.params.values():
        for part in digests.get(value.strip("'"), ()):
            found |= _imports_of(part.partition(":")[0])
    return found


@functools.cache
def _imports_of(module: str) -> frozenset[str]:
    """First names of what a module of ours imports when it runs."""
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
    """Rules of jobs that wait for none of the others: all others follow when these run."""
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
