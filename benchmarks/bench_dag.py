"""Measure planning: dry runs of the thesis and of a hundred times its data, `uncover plan`, `uncover --help`.

    make bench-dag [ROUNDS=5]

The last line is JSON. The exit code is 1 if a limit is exceeded: planning the thesis relative to the start of
Snakemake, and the seconds of the other commands.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from machine import describe_machine, median_seconds

BIN = Path(sys.executable).parent
THESIS, HUNDREDFOLD = "config/thesis.yaml", "config/hundredfold.yaml"

BOUNDS = {"dry_run_over_start": 8.0, "plan_seconds": 8.0, "hundredfold_dry_run_seconds": 30.0, "help_seconds": 0.5}


def main(rounds: int) -> int:
    """Time the commands in turn, and print the results."""
    start, dry, plan, hundredfold, usage = median_seconds(
        lambda: run("snakemake", "--version"),
        lambda: run("snakemake", "--dry-run", "--quiet", "all", "--configfile", THESIS),
        lambda: run("uncover", "plan", "--configfile", THESIS),
        lambda: run("snakemake", "--dry-run", "--quiet", "all", "--configfile", HUNDREDFOLD),
        lambda: run("uncover", "--help"),
        rounds=rounds,
    )
    figures = {
        "dry_run_seconds": round(dry, 2),
        "snakemake_start_seconds": round(start, 2),
        "dry_run_over_start": round(dry / start, 2),
        "plan_seconds": round(plan, 2),
        "plan_over_dry_run": round(plan / dry, 2),
        "hundredfold_dry_run_seconds": round(hundredfold, 2),
        "help_seconds": round(usage, 3),
        "rounds": rounds,
    }
    broken = [f"{name} {figures[name]} > {most}" for name, most in BOUNDS.items() if figures[name] > most]
    for line in broken:
        print(f"limit exceeded: {line}")
    print(json.dumps(figures | {"bounds": BOUNDS, "machine": describe_machine("snakemake", "pydantic")}))
    return 1 if broken else 0


def run(program: str, *arguments: str) -> None:
    """Run a program of this environment; exit if it fails."""
    subprocess.run([BIN / program, *arguments], check=True, capture_output=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    sys.exit(main(parser.parse_args().rounds))
