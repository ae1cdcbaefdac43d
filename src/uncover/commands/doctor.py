"""Print what is installed, GPUs, free disk, and which raw data is present or missing and where to ask for it."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "print versions, GPUs, free disk, and which raw data is there"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile", type=Path, default=Path("config/thesis.yaml"), help="whose raw data to look for"
    )


def run(args: argparse.Namespace) -> int:
    from uncover.config.load import load_config
    from uncover.workflow.doctor import examine

    findings = examine(load_config(args.configfile), Path("."))
    width = max(len(finding.topic) for finding in findings)
    for finding in findings:
        print(f"{finding.verdict:<8} {finding.topic:<{width}}  {finding.found}")
    return int(any(finding.verdict == "problem" for finding in findings))
