"""Write envs/uncover.yaml, the conda environment for `snakemake --sdm conda`, from the lock.

Snakemake copies the file elsewhere before it reads it, so it cannot refer to requirements.txt and must hold every pin.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
HEAD = """\
# Made by `make lock` from requirements.txt; do not edit. Set PIP_NO_DEPS=1 when you install it by hand (the Snakefile
# does it by itself): PIP_NO_DEPS=1 conda env create -n uncover -f envs/uncover.yaml
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - pip:
      - --require-hashes
"""


def main() -> None:
    """Join each pin with its hashes on one line, as pip's section of a conda file wants it."""
    text = (HERE / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    pins = [" ".join(line.split()) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    lines = "".join(f'      - "{pin}"\n' if '"' not in pin else f"      - '{pin}'\n" for pin in pins)
    (HERE / "uncover.yaml").write_text(HEAD + lines, encoding="utf-8")


if __name__ == "__main__":
    main()
