"""What outsiders rely on is as it was frozen, or was changed on purpose: tests/contracts/renames.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contracts import frozen, renames
from tests.contracts.frozen import CONFIGS, FOLDER
from tests.dag.dry_run import DryRun
from uncover.cli import build_parser

TOLD = "; meant? then say so in tests/contracts/renames.py"


def told(lines: list[str]) -> str:
    return "\n".join([*lines, TOLD])


def test_the_command_line_is_as_it_was_frozen() -> None:
    new = [*renames.NEW["verbs"], *renames.NEW["options"]]
    lines = frozen.differences(frozen.frozen_command_line(), frozen.command_line(), new)
    assert lines == [], told(lines)


def test_renamed_options_keep_their_old_names() -> None:
    _, parsers = build_parser(())
    for name, new in renames.OPTIONS.items():
        verb, _, old = name.rpartition(" ")
        if new is not None and name != "propose --looks":
            known = parsers[renames.VERBS.get(verb, verb) or verb]._option_string_actions
            assert known[old] is known[new], name


def test_the_keys_of_the_config_are_as_they_were_frozen() -> None:
    lines = frozen.differences(frozen.frozen_config_keys(), frozen.config_keys(), renames.NEW["keys"])
    assert lines == [], told(lines)


@pytest.mark.parametrize("config", CONFIGS)
def test_rules_and_what_they_write_are_as_they_were_frozen(config: str, dry_run_of: Callable[[str], DryRun]) -> None:
    lines = frozen.rule_differences(config, frozen.rules(dry_run_of(renames.RUNS.get(config, config))))
    assert lines == [], told(lines)


def test_frozen_files_are_small() -> None:
    sizes = {path: path.stat().st_size for path in FOLDER.rglob("*.json")}
    assert len(sizes) >= 2 + len(CONFIGS) and max(sizes.values()) < 200_000


def test_changes_on_purpose_are_read_through_the_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    monkeypatch.setattr(frozen, "FOLDER", tmp_path)
    for name, table in {
        "command_line.json": {
            "look": {"verb": True},
            "look --far": {"default": "looks/x"},
            "look away": {"verb": True},
            "stare": {"verb": True},
            "stare --far": {},
        },
        "config_keys.json": {
            "looks": {"type": "object"},
            "looks.far": {"type": "int", "default": 3},
            "looks.gone": {"type": "int"},
        },
        "rules/tiny.json": {
            "look": {"jobs": 1, "outputs": ["looks/x.csv", "looks/y.csv"]},
            "stare": {"jobs": 1, "outputs": ["looks/w.csv"]},
        },
    }.items():
        (tmp_path / name).write_text(json.dumps(table), encoding="utf-8")
    monkeypatch.setattr(renames, "VERBS", {"look": "see", "stare": None})
    monkeypatch.setattr(renames, "OPTIONS", {"--far": "--distant"})
    monkeypatch.setattr(renames, "RULES", {"look": "see"})
    monkeypatch.setattr(renames, "CONFIG_KEYS", {"looks": "views", "looks.gone": None})
    monkeypatch.setattr(renames, "PATHS", [("^looks/", "views/")])
    monkeypatch.setattr(renames, "WORDS", [("looks", "views")])
    monkeypatch.setattr(renames, "CHANGED", {"key views.far": {"default": 4}, "rule see": {"jobs": 2}})
    monkeypatch.setattr(renames, "GONE", ["tiny/looks/y.csv"])
    monkeypatch.setattr(renames, "MOVED", [("tiny/looks/w.csv", "see")])
    see = {"see": {"verb": True}, "see --distant": {"default": "views/x"}, "look away": {"verb": True}}
    assert frozen.frozen_command_line() == see
    assert frozen.frozen_config_keys() == {"views": {"type": "object"}, "views.far": {"type": "int", "default": 4}}
    assert frozen.frozen_rules("tiny") == {"see": {"jobs": 2, "outputs": ["views/w.csv", "views/x.csv"]}}
    monkeypatch.setitem(renames.CHANGED, "rule tiny/see", {"jobs": 3})
    monkeypatch.setitem(renames.CHANGED, "rule demo/see", {"jobs": 4})
    assert frozen.frozen_rules("tiny")["see"]["jobs"] == 3
    monkeypatch.delitem(renames.CHANGED, "rule tiny/see")
    assert frozen.rule_differences("tiny", {"see": {"jobs": 2, "outputs": ["views/x.csv", "views/w.csv"]}}) == []
    ours = {"see": {"jobs": 1, "outputs": ["views/w.csv", "views/z.csv"]}}
    assert frozen.rule_differences("tiny", ours) == [
        "gone: views/x.csv of rule see",
        "new: views/z.csv of rule see",
        "rule see: jobs were 2, are 1",
    ]
    assert frozen.differences(see, {"see": {"verb": True}, "see --distant": {"default": 1}, "blink": {}}) == [
        "gone: look away",
        "new: blink",
        "see --distant: default was 'views/x', is 1",
    ]
