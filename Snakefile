# The whole thesis as one DAG. `snakemake --cores` makes everything that config/demo.yaml asks for;
# `snakemake --cores --configfile config/thesis.yaml` does it with the paper's settings and data.

import difflib
import functools
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

sys.path.insert(0, str(Path(workflow.basedir, "src")))

from uncover import cli, commands
from uncover.baselines.fetched import next_attempt
from uncover.baselines.registry import module_of
from uncover.config.detectors import DRAWN_BOXES
from uncover.config.load import check_config
from uncover.config.values import as_pairs
from uncover.console import set_up_logging
from uncover.errors import InputError
from uncover.images.inputs import Shard
from uncover.paths import RunPaths, compared_file
from uncover.process import this_process
from uncover.report import command_line, registry, text_numbers
from uncover.workflow import engine, targets
from uncover.workflow.digest import code_digest, content_digest, text_digest
from uncover.workflow.frozen import code_state, folder_fingerprint
from uncover.workflow.gpus import WANTED
from uncover.workflow.parent import PARENT
from uncover.workflow.run_record import after_jobs, before_jobs
from uncover.workflow.slurm import demand
from uncover.workflow.sources import is_rendered, raw_folder
from uncover.workflow.targets import Run
from uncover.yolov5.evolution import visible_generations

min_version("9.0")
set_up_logging()


# A directive `configfile:` would stay underneath any --configfile, and its values would leak into it.
if not workflow.config_settings.configfiles:

    configfile: "config/demo.yaml"


# All that the config asks for, and where it lies: rules take names and paths from here alone.
try:
    CONFIG = check_config(config)
    RUN = Run(CONFIG)
    RUN.check()
except InputError as error:
    raise WorkflowError(str(error)) from None

VERBS = commands.load()
ENVIRONMENT = f"{workflow.basedir}/envs/uncover.yaml"

# The lock leaves out demands of its packages on purpose (envs/overrides.txt), and conda's pip section has no other way
# to say that pip shall not look for them.
os.environ["PIP_NO_DEPS"] = "1"


def content_of(*names):
    """The digest of some of our own files, as a parameter."""
    return digest_of(lambda: content_digest(Path(workflow.basedir), *names))


def code_of(*modules):
    """The digest of a rule's code, as a parameter."""
    return digest_of(lambda: code_digest(*modules))


def code_of_verb(name):
    """The digest of the code of a verb of the command line, as a parameter."""
    return code_of(*VERBS[name].code)


def digest_of(digest):
    """A digest that the main process takes now, of the code that it has read: somebody may edit it before the job's turn.

    A job on a cluster, whose code is frozen, takes that of its own rule alone. Digests are kept, so both are the same.
    """
    if workflow.is_main_process:
        digest()
    return lambda wildcards: digest()


def job_prefix(checkout):
    """What stands before the command of each job.

    Jobs call the `uncover` of the checkout, with the interpreter that runs Snakemake unless Snakemake makes an environment
    for them, take GPUs of their own, and end with this very process.
    """
    paths = [f"{Path(checkout).absolute()}/workflow/bin"]
    if not workflow.deployment_settings.deployment_method:
        paths.append(os.path.dirname(sys.executable))
    variables = {
        "PATH": ":".join([*paths, "$PATH"]),
        # No input of rules, as its place changes where jobs run from a copy of the code; parameters have its digest.
        "PUBLISHED": os.path.relpath(f"{checkout}/config/published.yaml"),
        PARENT: this_process(),
        WANTED: 1,
    }
    words = " ".join(f'{name}="{value}"' for name, value in variables.items())
    return f"set -euo pipefail; export {words}; "


shell.prefix(job_prefix(workflow.basedir))


wildcard_constraints:
    source="[a-z0-9_]+",
    set="[a-z0-9_]+",


localrules:
    all,
    datasets,
    models,
    heatmaps,
    tables,
    figures,
    report,


include: "workflow/rules/common.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/detectors.smk"
include: "workflow/rules/heatmaps.smk"
include: "workflow/rules/baselines.smk"
include: "workflow/rules/rescue.smk"
include: "workflow/rules/videos.smk"
include: "workflow/rules/report.smk"


check_rules_of_cluster()


rule all:
    default_target: True
    input:
        datasets=RUN.manifests(RUN.sets),
        predictions=[
            *RUN.predictions(
                RUN.rgb_models, [name for name in RUN.sets if name != "train"]
            ),
            *RUN.predictions(RUN.baselines, RUN.baseline_sets),
        ],
        evaluations=[
            *(
                RUN.paths.metrics(model, name, scope).summary
                for model in RUN.rgb_models
                for name in RUN.labelled_sets
                for scope in RUN.scopes(model, name)
            ),
            *RUN.summaries(RUN.baselines, RUN.labelled_sets, "whole_face"),
        ],
        heatmaps=RUN.heatmaps(RUN.heatmap_kinds, RUN.sets),
        tables=[RUN.paths.table(name) for name in TABLES],
        figures=[RUN.paths.figure(name) for name in FIGURES],
        comparison=RUN.paths.comparison,
        page=RUN.paths.report,


# All files of one kind.


rule datasets:
    input:
        RUN.manifests(RUN.sets),


rule models:
    input:
        [
            RUN.paths.model(model).weights
            for model in [*RUN.rgb_models, *RUN.second_models, *RUN.trained_baselines]
        ],


rule heatmaps:
    input:
        RUN.heatmaps(RUN.heatmap_kinds, RUN.sets),
        RUN.heatmaps(
            [kind for kind in RUN.all_heatmap_kinds if kind not in RUN.heatmap_kinds],
            ["train", *RUN.tried_sets],
        ),


rule tables:
    input:
        [RUN.paths.table(name) for name in TABLES],


rule figures:
    input:
        [RUN.paths.figure(name) for name in FIGURES],


rule report:
    input:
        RUN.paths.report,
