"""Schema and reference agree with the config model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from uncover.config.document import reference, schema_text, with_key_table
from uncover.config.load import check_config
from uncover.config.model import Config
from uncover.config.values import merged

CONFIG = Path(__file__).parents[2] / "config"


def test_schema_json_is_up_to_date() -> None:
    assert (CONFIG / "schema.json").read_text(encoding="utf-8") == schema_text(), "run: make schema"


def test_the_reference_is_up_to_date() -> None:
    readme = (CONFIG / "README.md").read_text(encoding="utf-8")
    assert readme == with_key_table(readme), "run: make schema"


def rows() -> list[list[str]]:
    """Cells of the tables."""
    lines = [line for line in reference().splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_row_has_a_key_values_a_default_and_a_sentence() -> None:
    for row in rows():
        assert len(row) == 4 and all(row), row
        assert row[3].endswith(".") and row[3].strip("`")[0].isupper() | row[3].startswith("`"), row


def keys_of(schema: dict[str, Any], known: dict[str, Any], prefix: str) -> Iterator[str]:
    """Keys of values in a schema; entries by name are called <name>."""
    kinds = [known.get(each.get("$ref", "").rpartition("/")[2], each) for each in schema.get("anyOf", [schema])]
    for kind in kinds:
        for name, field in kind.get("properties", {}).items():
            yield from keys_of(field, known, f"{prefix}.{name}")
        if isinstance(kind.get("additionalProperties"), dict):
            yield from keys_of(kind["additionalProperties"], known, f"{prefix}.<name>")
    if not any("properties" in kind for kind in kinds):
        yield prefix.removeprefix(".").removesuffix(".<name>")


def test_the_reference_has_every_key() -> None:
    schema = Config.model_json_schema()
    described = {row[0].strip("`") for row in rows()}
    keys = set(keys_of(schema, schema["$defs"], ""))
    assert len(keys) > 400
    # Described once: the other detectors have the keys of rgb10.
    same = ("rgb1", "gradcampp_avg", "hirescam_avg", "gradcampp_10", "hirescam_10")
    for key in keys:
        as_rgb10 = re.sub(rf"^(detectors\.({'|'.join(same)})|packaged\.detectors\.<name>)\.", "detectors.rgb10.", key)
        assert described & {key, as_rgb10, key.removesuffix(".<name>")}, key


def test_values_and_defaults_are_those_of_the_model() -> None:
    found = {row[0].strip("`"): row[1:3] for row in rows()}
    assert found["splits.seed"] == ["integer `≥ 0`", "`0`"]
    assert found["run"] == ["text", "required"]
    assert found["labels.parts"] == ["`corrected`, `released`", '`"corrected"`']
    assert found["rescue.true_iou"] == ["number `0` to `1`", "`0.5`"]
    assert found["detectors.rgb10.batch"] == ["integer `> 0` or `auto`", "`16`"]
    assert found["heatmaps.shards"] == ["integer `> 0` or by name: integer `> 0`", "`1`"]
    assert found["evolution.space.lr0"] == ["list of 3 numbers", "`[1, 1e-05, 0.1]`"]
    assert found["detectors.rgb1"] == ["section", "as `detectors.rgb10`, except `classes: whole_face`"]
    assert found["packaged.detectors.<name>.epochs"] == ["integer `> 0`", "`60`"]


def test_default_entries_are_a_config() -> None:
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", reference(), re.DOTALL)]
    both = merged(*blocks)
    removed = {"detectors": {"variants": None}, "heatmaps": {"variants": None}}
    for section in ("detectors", "heatmaps"):
        both[section]["variants"] = {"*": None, **both[section]["variants"]}
    assert check_config({"run": "a", **both}) == check_config({"run": "a"}) != check_config({"run": "a", **removed})


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIG.glob("*.yaml") if path.name != "published.yaml"))
def test_an_editor_that_validates_by_the_schema_accepts_our_configs(name: str) -> None:
    schema = json.loads((CONFIG / "schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(yaml.safe_load((CONFIG / name).read_text(encoding="utf-8")))
