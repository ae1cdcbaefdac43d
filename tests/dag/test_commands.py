"""What rules hand to the shell, and what Snakemake's own linter says of them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.dag.checkout import REPOSITORY
from tests.dag.conftest import Checkout
from uncover import commands
from uncover.workflow.digest import code_digest, code_states

RULES = sorted((REPOSITORY / "workflow" / "rules").glob("*.smk"))

UNQUOTED = {
    "params.published": "holds a variable that the shell itself fills in, in quotes",
}
"""Placeholders that the shell may split into words, and why."""

LINTS = {
    r"Environment variable \w+ used but not asserted with envvars directive": (
        "the Snakefile sets these itself; nobody needs to have them"
    ),
    r"Mixed rules and functions in same snakefile": (
        "functions of inputs and parameters stand above the rules that use them; what computes is in src"
    ),
    r"Param \w+ is a prefix of input or output file but hardcoded": (
        "a folder of uncover.paths: commands read and write images beside the files that Snakemake knows, so that all"
        " machines must see one file system anyway"
    ),
}
"""Complaints that stay, and why."""


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_every_word_of_a_command_is_quoted(rules: Path) -> None:
    """Paths and names are the user's: they may have spaces, quotes and whatever else the shell looks for."""
    text = rules.read_text(encoding="utf-8")
    shells = re.findall(r"^ +shell:\n((?: +[\"'].*[\"']\n)+)", text, re.MULTILINE)
    assert len(shells) == text.count("shell:\n") and (shells or rules.stem == "common")
    placeholders = [name for command in shells for name in re.findall(r"\{([^{}]+)\}", command)]
    assert {name for name in placeholders if not name.endswith(":q")} - UNQUOTED.keys() == set()


@pytest.mark.whole_run
def test_the_linter_says_nothing_new(plain_checkout: Checkout) -> None:
    command = [plain_checkout.python, "-m", "snakemake", "--lint"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=plain_checkout.root, env=environment, capture_output=True, text=True)
    titles = set(re.findall(r"^ {4}\* (.+)$", done.stderr, re.MULTILINE))
    assert {title for title in titles if not any(re.match(lint, title) for lint in LINTS)} == set()
    assert {lint for lint in LINTS if not any(re.match(lint, title) for title in titles)} == set()


def test_only_what_runs_where_snakemake_does_may_need_a_network() -> None:
    """Nodes of clusters often have none."""
    sources = {path: path.read_text(encoding="utf-8") for path in (REPOSITORY / "src").rglob("*.py")}
    reaching = [
        path.stem for path, text in sources.items() if re.search(r"import (urllib|http|requests|ftplib)\b", text)
    ]
    assert reaching == ["third_party"]
    digests = {name: code_digest(*verb.code) for name, verb in commands.load().items()}
    parts = code_states()[0]
    asking = {name for name, digest in digests.items() if "uncover.yolov5.third_party:_fetch" in parts[digest]}
    assert asking == {"fetch_weights", "import_weights"}
    local = set()
    for path in RULES:
        for rule in re.split(r"^(?=(?:rule|checkpoint) )", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if "localrule: True" in rule:
                local |= set(re.findall(r'^(?:rule|checkpoint) \w+:|"uncover (\w+)', rule)) - {""}
    assert asking == local
