"""Say why a file would be made again: which file, definition in the code or field of the config is another than it was.

PATH is a file that a run makes, such as results/demo/tables/table_07.csv. Nothing is run.
"""

from __future__ import annotations

import argparse

from uncover.commands.plan import add_config_arguments

SUMMARY = "say why a file would be made again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="file that a run makes")
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from uncover.config.values import read_pairs
    from uncover.errors import InputError
    from uncover.workflow.causes import Causes, causes_text
    from uncover.workflow.engine import read_plan

    plan = read_plan([args.path], args.configfile, read_pairs(args.config, "--config"))
    job = plan.maker(args.path)
    if job is None:
        raise InputError(f"{args.path}: no rule makes it; expected a file of {plan.run_folder}")
    print(causes_text(Causes(plan), job, args.path), end="")
    return 0
