"""How long the stages of a run took, from the benchmark files that Snakemake leaves."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path


def seconds_by_rule(benchmarks: Path) -> dict[str, tuple[int, float]]:
    """Jobs and seconds per rule.

    Args:
        benchmarks: Folder with `<rule>.tsv` and `<rule>/<wildcards>.tsv`.

    Returns:
        Number of jobs and sum of their seconds, by rule, in alphabetical order.
    """
    totals: dict[str, tuple[int, float]] = {}
    for path, seconds in _files(benchmarks):
        rule = path.relative_to(benchmarks).with_suffix("").parts[0]
        jobs, total = totals.get(rule, (0, 0.0))
        totals[rule] = (jobs + 1, total + seconds)
    return totals


def seconds_at_work(benchmarks: Path) -> float:
    """Seconds in which at least one job ran, by the clock: pauses between runs do not count.

    A benchmark file is written as its job ends, so its time and its seconds say when the job ran.

    Args:
        benchmarks: As above.
    """
    spans = sorted((path.stat().st_mtime - seconds, path.stat().st_mtime) for path, seconds in _files(benchmarks))
    total, until = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _files(benchmarks: Path) -> Iterator[tuple[Path, float]]:
    """Files, and the seconds of their job."""
    for path in sorted(benchmarks.rglob("*.tsv")):
        with path.open(encoding="utf-8") as file:
            yield path, sum(float(row["s"]) for row in csv.DictReader(file, delimiter="\t"))
