"""How long the stages of a run took, from the benchmark files that Snakemake leaves."""

from __future__ import annotations

import csv
from pathlib import Path


def seconds_by_rule(benchmarks: Path) -> dict[str, tuple[int, float]]:
    """Jobs and seconds per rule.

    Args:
        benchmarks: Folder with `<rule>.tsv` and `<rule>/<wildcards>.tsv`.

    Returns:
        Number of jobs and sum of their seconds, by rule, in alphabetical order.
    """
    totals: dict[str, tuple[int, float]] = {}
    for path in sorted(benchmarks.rglob("*.tsv")):
        rule = path.relative_to(benchmarks).with_suffix("").parts[0]
        with path.open(encoding="utf-8") as file:
            seconds = [float(row["s"]) for row in csv.DictReader(file, delimiter="\t")]
        jobs, total = totals.get(rule, (0, 0.0))
        totals[rule] = (jobs + 1, total + sum(seconds))
    return totals
