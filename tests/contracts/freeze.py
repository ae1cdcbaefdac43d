"""Write the frozen contracts again, from the code at hand: python -m tests.contracts.freeze

Used on purpose only: the files are what the tests hold the code to. A change that is meant, and that users are told of,
belongs into `tests.contracts.renames` as long as runs and configs of before are about.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.contracts.frozen import CONFIGS, FOLDER, Table, command_line, config_keys, rules
from tests.dag.checkout import copy_checkout
from tests.dag.conftest import Checkout
from tests.dag.dry_run import WORDS, DryRun


def write(name: str, table: Table) -> None:
    """One entry a line, so that a change is one line of a diff; rules a path a line."""
    path = FOLDER / name
    path.parent.mkdir(exist_ok=True)
    if name.startswith("rules/"):
        text = json.dumps(table, indent=0)
    else:
        lines = (f"{json.dumps(key)}: {json.dumps(details, sort_keys=True)}" for key, details in table.items())
        text = "{\n" + ",\n".join(lines) + "\n}"
    path.write_text(f"{text}\n", encoding="utf-8")
    print(f"{path.relative_to(FOLDER.parents[1])}: {len(table)} entries, {path.stat().st_size} bytes")


def main() -> None:
    write("command_line.json", command_line())
    write("config_keys.json", config_keys())
    with tempfile.TemporaryDirectory() as folder:
        copy_checkout(Path(folder))
        checkout = Checkout(Path(folder), Path(sys.executable))
        for config in CONFIGS:
            text = checkout.snakemake(*WORDS, config=f"config/{config}.yaml")
            write(f"rules/{config}.json", rules(DryRun(config, text)))


if __name__ == "__main__":
    main()
