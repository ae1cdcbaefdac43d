"""Why a job runs: the file, definition or config field that has changed since its outputs were made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from uncover.workflow.digest import code_states
from uncover.workflow.engine import Plan, PlannedJob
from uncover.workflow.run_record import RunRecord, read_records

DIGEST = re.compile(r"'[0-9a-f]{16}'")
RAW = "raw_state"
"""Parameter that holds the state of a raw data set."""

NO_FIELD = "of the config or the workflow"
MOST_NAMED = 4


@dataclass(frozen=True)
class Cause:
    """One reason why a job runs.

    Attributes:
        kind: new, removed, incomplete, forced, file, code, config, data, inputs or rule.
        what: The file, definition or field.
        how: What has changed about it.
    """

    kind: str
    what: str
    how: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.how}".rstrip()


class Causes:
    """Finds the causes of each job of a plan."""

    def __init__(self, plan: Plan) -> None:
        """
        Args:
            plan: Read in this process, so that its digests of code can be resolved.
        """
        self._plan = plan
        self._records = read_records(plan.run_folder)
        digests, states = code_states()
        self._now = {name: {part: states[part] for part in parts} for name, parts in digests.items()}
        self._before: dict[str, dict[str, str]] = {}
        for record in self._records:
            try:
                self._before |= record.code()
            except (OSError, ValueError, KeyError):
                continue
        self._roots: dict[int, dict[Cause, list[str]]] = {}

    def own(self, job: PlannedJob) -> list[Cause]:
        """Causes of the job itself, without those of the jobs that it depends on."""
        if job.forced:
            return [Cause("forced", job.name, "is forced")]
        made = job.made
        if made is None and job.missing:
            return [Cause("new", job.name, "is not made yet")]
        causes = []
        if job.incomplete:
            causes.append(Cause("incomplete", job.outputs[0], "is incomplete: its job was killed"))
        gone = [path for path in job.missing if path not in job.unmade]
        if gone:
            causes.append(Cause("removed", _few(gone), "was removed" if len(gone) == 1 else "were removed"))
        causes += [Cause("file", path, "is newer than the outputs made from it") for path in job.newer]
        if made is not None:
            if made.command is not None and made.command != job.command:
                causes.append(Cause("rule", f"rule {job.rule}", "has a different command"))
            causes += self._of_params(job)
            causes += self._of_inputs(job)
        if job.unmade and not causes:
            causes.append(
                Cause("new", _few(job.unmade), "is not made yet" if len(job.unmade) == 1 else "are not made yet")
            )
        return causes

    def roots(self, job: PlannedJob) -> dict[Cause, list[str]]:
        """The job's own causes and those of all jobs that it depends on.

        Returns:
            Names of the jobs that have each cause; causes of the job itself come first.
        """
        known = self._roots.get(job.number)
        if known is None:
            known = {cause: [job.name] for cause in self.own(job)}
            for number in job.needs:
                for cause, names in self.roots(self._plan.jobs[number]).items():
                    known[cause] = list(dict.fromkeys([*known.get(cause, ()), *names]))
            self._roots[job.number] = known
        return known

    def path(self, job: PlannedJob) -> list[PlannedJob]:
        """Jobs from this one back to the nearest one that has a cause of its own."""
        waiting, seen = [[job]], {job.number}
        while waiting:
            trail = waiting.pop(0)
            if self.own(trail[-1]):
                return trail
            for number in trail[-1].needs:
                if number not in seen:
                    seen.add(number)
                    waiting.append([*trail, self._plan.jobs[number]])
        return [job]

    def _of_params(self, job: PlannedJob) -> Iterator[Cause]:
        assert job.made is not None
        new = {name: value for name, value in job.params.items() if value not in job.made.params}
        old = job.made.params - set(job.params.values())
        others = {}
        for name, value in new.items():
            if name == RAW:
                yield Cause("data", f"raw data of {job.wildcards.get('source') or job.wildcards.get('set')}", "changed")
            elif DIGEST.fullmatch(value) and value.strip("'") in self._now:
                yield from self._of_digest(
                    value.strip("'"), {each.strip("'") for each in old if DIGEST.fullmatch(each)}
                )
            else:
                others[name] = value
        gone = {value for value in old if not DIGEST.fullmatch(value)}
        if others or (gone and not new):
            yield from self._of_config(job, "".join(others.values()), "".join(gone))

    def _of_digest(self, now: str, before: Iterable[str]) -> Iterator[Cause]:
        """Code or files that differ between a digest and the earlier digest that has most in common with it."""
        parts = self._now[now]
        known = [self._before[name] for name in before if name in self._before]
        if not known:
            yield Cause("code", f"code of {next(iter(parts))}", "changed; the earlier run has no record of the details")
            return
        old = max(known, key=lambda each: len(each.keys() & parts.keys()))
        if not old.keys() & parts.keys():
            return
        differing = {
            name: "is new" if name not in old else "was removed" if name not in parts else "changed"
            for name in sorted(old.keys() | parts.keys(), key=lambda name: name.partition(":"))
            if old.get(name) != parts.get(name)
        }
        for module, names in groupby(differing, key=lambda name: name.partition(":")[0]):
            yield from _of_module(module, {name: differing[name] for name in names}, old.keys() & parts.keys())

    def _of_config(self, job: PlannedJob, new: str, old: str) -> Iterator[Cause]:
        """Fields of the config behind a difference of texts."""
        assert job.made is not None
        changed = self._changed_fields(job.made.started)
        if not changed:
            yield Cause("config", f"a setting of {job.name}", f"{NO_FIELD} changed: {_difference(old, new)}")
            return
        for name in _fitting(changed, old, new):
            before, now = changed[name]
            yield Cause("config", name, f"{_show(before)} -> {_show(now)}")

    def _of_inputs(self, job: PlannedJob) -> Iterator[Cause]:
        assert job.made is not None
        added, gone = sorted(set(job.inputs) - job.made.inputs), sorted(job.made.inputs - set(job.inputs))
        if not (added or gone):
            return
        words = [f"{sign} {_few(paths)}" for sign, paths in (("with", added), ("without", gone)) if paths]
        changed = self._changed_fields(job.made.started)
        names = _fitting(changed, " ".join(gone), " ".join(added))
        if names:
            for name in names:
                before, now = changed[name]
                yield Cause("config", name, f"{_show(before)} -> {_show(now)} ({', '.join(words)})")
        else:
            yield Cause("inputs", f"the list of inputs of {job.name}", f"changed: {', '.join(words)}")

    def _changed_fields(self, since: float) -> dict[str, tuple[Any, Any]]:
        """Config fields that have changed since the run at that time: values before and now, by name."""
        record = next((each for each in reversed(self._records) if each.started <= since + 1), None)
        if record is None:
            return {}
        return self._fields_since(record)

    def _fields_since(self, record: RunRecord) -> dict[str, tuple[Any, Any]]:
        try:
            before = flatten(record.config().model_dump(mode="json"))
        except (OSError, ValueError, ValidationError):
            return {}
        now = flatten(self._plan.config.model_dump(mode="json"))
        names = [name for name in {**before, **now} if not name.startswith("cluster.")]
        return {
            name: (before.get(name), now.get(name)) for name in names if before.get(name, ...) != now.get(name, ...)
        }


def causes_text(causes: Causes, job: PlannedJob, path: str) -> str:
    """Why the job that makes a file would run, as text to print."""
    if not job.runs:
        return f"{path}: is up to date ({job.name})\n"
    trail = causes.path(job)
    lines = [f"{path}: would be made {'again ' if job.made else ''}by {job.name}"]
    if len(trail) > 1:
        lines.append(f"  which depends on {' < '.join(each.name for each in trail[1:])}")
    roots = causes.roots(job)
    new = [cause.what for cause in roots if cause.kind == "new"]
    for cause, names in roots.items():
        if cause.kind != "new":
            lines.append(f"  {cause}: {_few(names)}")
    if new:
        lines.append(f"  not made yet: {_few(new)}")
    return "\n".join(lines) + "\n"


def _of_module(module: str, differing: Mapping[str, str], shared: Iterable[str]) -> Iterator[Cause]:
    """What has changed in a module or file: each definition, or the module as a whole if there are many."""
    hows = set(differing.values())
    if "/" in module:
        yield Cause("file", module, hows.pop())
    elif len(hows) == 1 and "changed" not in hows and not any(name.partition(":")[0] == module for name in shared):
        yield Cause("code", module, hows.pop())
    else:
        # If a definition changed, definitions added or removed in its module follow from that.
        named = [name for name, how in differing.items() if how == "changed"] or list(differing)
        if len(named) > MOST_NAMED:
            yield Cause("code", module, "changed")
        else:
            yield from (Cause("code", name, differing[name]) for name in named)


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted name, such as "detectors.rgb10.epochs"."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _fitting(changed: Mapping[str, tuple[Any, Any]], old: str, new: str) -> list[str]:
    """Changed fields whose name or values occur in the difference between two texts; all of them if none does."""
    gone, come = _words(old) - _words(new), _words(new) - _words(old)

    def score(name: str) -> int:
        before, now = changed[name]
        differing = gone | come
        return (
            4 * any(word.partition("=")[0].endswith(_tail(name)) for word in differing if "=" in word)
            + 2 * bool(_words(_show(now)) & come)
            + 2 * bool(_words(_show(before)) & gone)
            + any(part in word for part in name.split(".") if len(part) > 3 for word in differing)
        )

    scores = {name: score(name) for name in changed}
    best = max(scores.values(), default=0)
    return [name for name, value in scores.items() if value == best]


def _tail(name: str) -> str:
    """The end of a field's name as commands use it: hyperparameters with their section, other fields without."""
    *sections, last = name.split(".")
    return f"{sections[-1]}.{last}" if sections and sections[-1] == "hyperparameters" else last


def _words(text: str) -> set[str]:
    """Words of a text; `epochs=30` is one, and so are both sides of it."""
    return {*re.findall(r"[\w.+=-]+", text), *re.findall(r"[\w.+-]+", text)}


def _difference(old: str, new: str) -> str:
    gone, come = sorted(_words(old) - _words(new)), sorted(_words(new) - _words(old))
    return f"{' '.join(gone[:MOST_NAMED]) or 'nothing'} -> {' '.join(come[:MOST_NAMED]) or 'nothing'}"


def _show(value: Any) -> str:
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _few(paths: Sequence[str | Path]) -> str:
    more = f" and {len(paths) - 2} more" if len(paths) > 2 else ""
    return ", ".join(map(str, paths[:2])) + more
