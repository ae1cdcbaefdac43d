"""What a dry run of Snakemake prints, as jobs with their fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

WORDS = ("--dry-run", "--forceall", "--printshellcmds")
"""Options of a dry run of all jobs."""


@dataclass(frozen=True)
class DryRun:
    """What a dry run of all jobs of a config says."""

    run: str
    text: str

    @property
    def jobs(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Rule and fields of each job but the target; those of a group stand below it, a step to the right."""
        pattern = r"^ *(?:local)?(?:rule|checkpoint) (\w+):\n((?: {4,}\w+: .*\n)+)"
        for rule, text in re.findall(pattern, self.text, re.MULTILINE):
            if rule != "all":
                yield rule, dict(line.strip().split(": ", 1) for line in text.splitlines())
