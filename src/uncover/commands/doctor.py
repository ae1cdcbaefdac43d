"""Print what is installed, GPUs, free disk, and which raw data is present or missing and where to ask for it.

It works in any folder; what only a checkout or a config can tell is "unknown" elsewhere. The exit code is 1 where there
is a "problem", with which nothing works: a package that is not installed, or no room on the disk.
"""

from __future__ import annotations

import argparse
from pathlib import Path

THESIS = Path("config", "thesis.yaml")
SUMMARY = "print versions, GPUs, free disk, and which raw data is there"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile", type=Path, help=f"whose raw data to look for (default: {THESIS}, where there is one)"
    )


def run(args: argparse.Namespace) -> int:
    from uncover.config.load import load_config
    from uncover.workflow.doctor import examine

    file = args.configfile or (THESIS if THESIS.is_file() else None)
    findings = examine(None if file is None else load_config(file), Path("."))
    width = max(len(finding.topic) for finding in findings)
    for finding in findings:
        print(f"{finding.verdict:<8} {finding.topic:<{width}}  {finding.found}")
    return int(any(finding.verdict == "problem" for finding in findings))
