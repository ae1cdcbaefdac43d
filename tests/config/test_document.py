"""The schema and the table of keys are those of the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from uncover.config.document import schema_text, with_key_table

CONFIG = Path(__file__).parents[2] / "config"


def test_schema_json_is_up_to_date() -> None:
    assert (CONFIG / "schema.json").read_text(encoding="utf-8") == schema_text(), "run: make schema"


def test_the_table_of_keys_is_up_to_date() -> None:
    readme = (CONFIG / "README.md").read_text(encoding="utf-8")
    assert readme == with_key_table(readme), "run: make schema"


def test_every_key_is_described() -> None:
    rows = [line for line in with_key_table("").splitlines() if line.startswith("| `")]
    assert len(rows) > 70
    assert [row for row in rows if row.endswith("|  |")] == []


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIG.glob("*.yaml") if path.name != "published.yaml"))
def test_an_editor_that_validates_by_the_schema_accepts_our_configs(name: str) -> None:
    schema = json.loads((CONFIG / "schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(yaml.safe_load((CONFIG / name).read_text(encoding="utf-8")))
