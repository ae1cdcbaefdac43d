"""Write the environment of `snakemake --sdm conda` from the lock: envs/uncover.yaml and envs/uncover.post-deploy.sh.

conda installs Python and pip; then Snakemake runs the script of the same name in the new environment. Only the script
can run pip without dependency resolution, which is needed because overrides.txt omits some dependencies on purpose.
Snakemake copies both files elsewhere and computes a digest of them, so the script must contain every pin itself.
"""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent

ENVIRONMENT = """\
# Made by `make lock`; do not edit. Snakemake runs uncover.post-deploy.sh in it, which installs the packages. By hand:
#   conda env create -n uncover -f envs/uncover.yaml && conda run -n uncover sh envs/uncover.post-deploy.sh
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python={python}
  - pip
variables:
  # Packages in ~/.local would come before those of the environment.
  PYTHONNOUSERSITE: "1"
"""

# Snakemake uses the first line as the interpreter, and appends the path of the script without quotes, which fails with
# spaces. So the line names the script itself, which is beside the environment, and makes the appended path a comment.
SCRIPT = """\
#!/bin/sh "$CONDA_PREFIX.post-deploy.sh" #
# Made by `make lock` from requirements.txt; do not edit. Installs the lock into the conda environment that is active.
set -eu
# -I: what PYTHONPATH or ~/.local have is no part of the environment, and would count as installed already.
PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 "${CONDA_PREFIX:?activate the environment of uncover.yaml}/bin/python" -I -m pip \\
  install --no-deps --require-hashes --requirement /dev/stdin <<'PINS'
"""


def environment(project: str) -> str:
    """The environment file.

    Args:
        project: Text of pyproject.toml, with the minimum version of Python.
    """
    (python,) = re.findall(r'^requires-python = ">=(\d+\.\d+)"$', project, re.MULTILINE)
    return ENVIRONMENT.format(python=python)


def script(lock: str) -> str:
    """The script that installs a lock.

    Args:
        lock: Text of requirements.txt.
    """
    return f"{SCRIPT}{lock.rstrip()}\nPINS\n"


def main() -> None:
    """Write both files."""
    project = (HERE.parent / "pyproject.toml").read_text(encoding="utf-8")
    lock = (HERE / "requirements.txt").read_text(encoding="utf-8")
    (HERE / "uncover.yaml").write_text(environment(project), encoding="utf-8")
    (HERE / "uncover.post-deploy.sh").write_text(script(lock), encoding="utf-8")


if __name__ == "__main__":
    main()
