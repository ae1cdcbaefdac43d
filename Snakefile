# The whole thesis as one DAG. `snakemake --cores` makes everything that config/demo.yaml asks for;
# `snakemake --cores --configfile config/thesis.yaml` does it with the paper's settings and data.

import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

sys.path.insert(0, str(Path(workflow.basedir, "src")))

from uncover.config.detectors import DRAWN_BOXES
from uncover.config.load import as_pairs, check_config
from uncover.config.rivals import TRAINED_NAMES
from uncover.detector.evolve import visible_generations
from uncover.errors import InputError
from uncover.report.text_numbers import RECORDS
from uncover.report.trial import RATE
from uncover.rescue.rivals import RIVALS as PROPOSALS
from uncover.rivals.fetched import next_attempt, read_fetched
from uncover.rivals.known import RIVALS
from uncover.workflow import targets
from uncover.workflow.digest import code_digest
from uncover.workflow.fingerprint import folder_fingerprint

min_version("9.0")


# A directive `configfile:` would stay underneath any --configfile, and its values would leak into it.
if not workflow.config_settings.configfiles:

    configfile: "config/demo.yaml"


try:
    CONFIG = check_config(config)
except InputError as error:
    raise WorkflowError(str(error)) from None

RUN = f"results/{CONFIG.run}"
LOGS = f"{RUN}/logs"
BENCHMARKS = f"{RUN}/benchmarks"
ENVIRONMENT = f"{workflow.basedir}/envs/uncover.yaml"

# The lock leaves out demands of its packages on purpose (envs/overrides.txt), and conda's pip section has no other way
# to say that pip shall not look for them.
os.environ["PIP_NO_DEPS"] = "1"

# Jobs call the `uncover` of this checkout, with the interpreter that runs Snakemake unless Snakemake makes an
# environment for them.
_paths = [f"{workflow.basedir}/workflow/bin"]
if not workflow.deployment_settings.deployment_method:
    _paths.append(os.path.dirname(sys.executable))
shell.prefix(f"set -euo pipefail; export PATH={':'.join(_paths)}:$PATH; ")


wildcard_constraints:
    source="[a-z_]+",
    set="[a-z_]+",


localrules:
    all,


include: "workflow/rules/raw.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/detectors.smk"
include: "workflow/rules/heatmaps.smk"
include: "workflow/rules/second_step.smk"
include: "workflow/rules/rivals.smk"
include: "workflow/rules/rescue.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/second_tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/second_figures.smk"
include: "workflow/rules/rival_tables.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        datasets=ALL_DATASETS,
        predictions=ALL_PREDICTIONS,
        evaluations=ALL_EVALUATIONS,
        heatmaps=ALL_HEATMAPS,
        tables=ALL_TABLES,
        figures=ALL_FIGURES,
        comparison=f"{RUN}/comparison.csv",
        page=f"{RUN}/report.html",
