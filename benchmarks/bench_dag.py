"""How long planning takes: a dry run of config/thesis.yaml beside starting Snakemake alone, and `uncover --help`.

    make bench-dag

The last line is JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from machine import describe_machine, median_seconds

ROUNDS = 5
BIN = Path(sys.executable).parent


def main() -> None:
    """Time the three commands in turn and print."""
    start, plan, usage = median_seconds(
        lambda: run("snakemake", "--version"),
        lambda: run("snakemake", "--dry-run", "--quiet", "all", "--configfile", "config/thesis.yaml"),
        lambda: run("uncover", "--help"),
        rounds=ROUNDS,
    )
    figures = {
        "dry_run_seconds": round(plan, 2),
        "snakemake_start_seconds": round(start, 2),
        "dry_run_over_start": round(plan / start, 2),
        "help_seconds": round(usage, 3),
        "rounds": ROUNDS,
    }
    print(json.dumps(figures | {"machine": describe_machine("snakemake", "pydantic")}))


def run(program: str, *arguments: str) -> None:
    """Run a program of this environment, and stop if it fails."""
    subprocess.run([BIN / program, *arguments], check=True, capture_output=True)


if __name__ == "__main__":
    main()
