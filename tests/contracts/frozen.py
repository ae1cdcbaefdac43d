"""The contracts that outsiders rely on, as plain values: of the code at hand, and as they were frozen.

`python -m tests.contracts.freeze` writes the files that the tests compare with.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tests.contracts import renames
from tests.dag.dry_run import DryRun
from uncover.cli import build_parser
from uncover.config.model import Config

FOLDER = Path(__file__).parent
CONFIGS = ("tiny", "demo", "thesis", "as_released", "real_sample", "hundredfold")
PLAIN_TYPES = (int, float, str, Path)

Table = dict[str, dict[str, Any]]
"""Details of things, by name."""


def command_line() -> Table:
    """All verbs, options and positionals: "train" and "train --out", with their details.

    Positionals stand under what the help calls them, and know their place.
    """
    _, parsers = build_parser()
    found: Table = {}
    for verb, parser in parsers.items():
        found[verb] = {"verb": True}
        positionals = 0
        for action in parser._actions:
            if isinstance(action, argparse._HelpAction):
                continue
            details: dict[str, Any] = {
                "nargs": action.nargs,
                "default": _plain(action.default),
                "choices": _plain(list(action.choices)) if action.choices is not None else None,
                "type": action.type.__name__ if action.type in PLAIN_TYPES else None,
            }
            if action.option_strings:
                name = max(action.option_strings, key=len)
                others = sorted(set(action.option_strings) - {name})
                details |= {"also": others or None, "required": action.required or None}
                if type(action) is not argparse._StoreAction:
                    details["action"] = type(action).__name__
            else:
                name = action.metavar if isinstance(action.metavar, str) else action.dest
                details["place"] = positionals
                positionals += 1
            kept = {key: value for key, value in details.items() if value is not None}
            found[f"{verb} {name}"] = kept
    return found


def config_keys() -> Table:
    """All keys of the config, dotted: type, as the JSON schema has it, and default. * stands for a user's own name."""
    schema = Config.model_json_schema()
    found: Table = {}
    _add_keys(schema, schema["$defs"], "", Config.model_construct(), found, ())
    return found


def _add_keys(
    schema: Mapping[str, Any],
    known: Mapping[str, Any],
    prefix: str,
    default: object,
    found: Table,
    above: tuple[str, ...],
) -> None:
    """Add all keys of one object, and of the objects in it."""
    for name, field in schema.get("properties", {}).items():
        value = getattr(default, name, None) if isinstance(default, BaseModel) else field.get("default")
        _add_key(f"{prefix}{name}", field, known, value, found, above)


def _add_key(
    key: str, field: Mapping[str, Any], known: Mapping[str, Any], default: object, found: Table, above: tuple[str, ...]
) -> None:
    names = [name for name in re.findall(r'"#/\$defs/(\w+)"', json.dumps(field))]
    details = {"type": _type_of(field, known)}
    if not (isinstance(default, BaseModel) and names):
        details["default"] = _plain(default)
    found[key] = details
    # Names that are a user's own stand between a table and what it holds.
    below = f"{key}.*." if '"additionalProperties": {' in json.dumps(field) else f"{key}."
    for name in names:
        if "properties" in known[name] and name not in above:
            _add_keys(known[name], known, below, default, found, (*above, name))


def _type_of(field: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """A type in one line: without titles, descriptions and names of classes."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                target = known[value["$ref"].rpartition("/")[2]]
                return "object" if "properties" in target else bare(target)
            return {name: bare(each) for name, each in value.items() if name not in ("title", "description", "default")}
        return [bare(each) for each in value] if isinstance(value, list) else value

    return json.dumps(bare(field), sort_keys=True)


def rules(dry_run: DryRun) -> Table:
    """Rules of a config: number of jobs, and all that they write, below results/<run>/."""
    found: Table = {}
    for rule, fields in dry_run.jobs:
        entry = found.setdefault(rule, {"jobs": 0, "outputs": []})
        entry["jobs"] += 1
        entry["outputs"] += [path.removeprefix(f"results/{dry_run.run}/") for path in fields["output"].split(", ")]
    return {rule: {**found[rule], "outputs": sorted(found[rule]["outputs"])} for rule in sorted(found)}


def _plain(value: object) -> Any:
    """A value as JSON can hold it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value if value != argparse.SUPPRESS else None
    if isinstance(value, BaseModel):
        return _plain(value.model_dump())
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Iterable):
        values = [_plain(each) for each in value]
        return sorted(values) if isinstance(value, set | frozenset) else values
    return str(value)


def read(name: str) -> Any:
    """A frozen file."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def frozen_command_line() -> Table:
    """The command line as it was, under the new names."""
    found: Table = {}
    verb, new_verb = "", None
    for name, details in read("command_line.json").items():
        if "verb" in details:
            verb = name
            new_verb = renames.VERBS.get(verb, verb)
            if new_verb is not None:
                found[new_verb] = details
            continue
        option = name.removeprefix(f"{verb} ")
        new = renames.OPTIONS.get(name, renames.OPTIONS.get(option, option))
        if new_verb is not None and new is not None:
            _put(found, f"{new_verb} {new}", details)
    return found


def frozen_config_keys() -> Table:
    """The keys as they were, under the new names."""
    found: Table = {}
    for key, details in read("config_keys.json").items():
        fitting = [old for old in renames.CONFIG_KEYS if key == old or key.startswith(f"{old}.")]
        old = max(fitting, key=len, default="")
        new = renames.CONFIG_KEYS[old] if fitting else ""
        if new is not None:
            _put(found, f"key {new}{key.removeprefix(old)}", details)
    return {name.removeprefix("key "): details for name, details in found.items()}


def frozen_rules(config: str) -> Table:
    """Rules of a config as they were, under the new names."""
    found: Table = {}
    for rule, details in read(f"rules/{config}.json").items():
        new = renames.RULES.get(rule, rule)
        if new is None:
            continue
        found.setdefault(new, {"jobs": 0, "outputs": []})["jobs"] += details["jobs"]
        for path in details["outputs"]:
            place = f"{config}/{path}"
            if not _fits(renames.GONE, place):
                rule_today = next((rule for pattern, rule in renames.MOVED if re.fullmatch(pattern, place)), new)
                entry = found.setdefault(rule_today, {"jobs": 0, "outputs": []})
                entry["outputs"].append(replaced(path, renames.PATHS))
    found = {rule: {**details, "outputs": sorted(details["outputs"])} for rule, details in found.items()}
    for rule, details in found.items():
        details.update(renames.CHANGED.get(f"rule {rule}", {}) | renames.CHANGED.get(f"rule {config}/{rule}", {}))
    return {rule: details for rule, details in found.items() if details["outputs"]}


def _put(found: Table, name: str, details: Mapping[str, Any]) -> None:
    """Details with the new words, and what was changed on purpose."""
    renamed = json.loads(replaced(json.dumps(details), renames.WORDS)) | renames.CHANGED.get(name, {})
    found[name] = {key: value for key, value in renamed.items() if value is not None or key == "default"}


def replaced(text: str, expressions: Iterable[tuple[str, str]]) -> str:
    """A text after all replacements, one after the other."""
    for expression, replacement in expressions:
        text = re.sub(expression, replacement, text)
    return text


def _fits(expressions: Iterable[str], text: str) -> bool:
    return any(re.fullmatch(expression, text) for expression in expressions)


def differences(frozen: Table, ours: Table, new: Iterable[str] = ()) -> list[str]:
    """One line for each thing that is gone, new, or has other details.

    Args:
        frozen: As it was, under the new names.
        ours: As it is.
        new: Names in `ours` that may be new.
    """
    lines = [f"gone: {name}" for name in frozen if name not in ours]
    lines += [f"new: {name}" for name in ours if name not in frozen and name not in set(new)]
    for name in frozen.keys() & ours.keys():
        was, now = frozen[name], ours[name]
        for detail in sorted(was.keys() | now.keys()):
            if was.get(detail) != now.get(detail):
                lines.append(f"{name}: {detail} was {was.get(detail)!r}, is {now.get(detail)!r}")
    return sorted(lines)


def rule_differences(config: str, ours: Table) -> list[str]:
    """The same for the rules of a config, path by path."""
    frozen = frozen_rules(config)
    lines = [f"gone: rule {rule}" for rule in frozen if rule not in ours]
    for rule, details in ours.items():
        if rule not in frozen:
            if not _fits(renames.NEW["rules"], f"{config}/{rule}"):
                lines.append(f"new: rule {rule}")
            continue
        if details["jobs"] != frozen[rule]["jobs"]:
            lines.append(f"rule {rule}: jobs were {frozen[rule]['jobs']}, are {details['jobs']}")
    were = {path: rule for rule, details in frozen.items() for path in details["outputs"]}
    are = {path: rule for rule, details in ours.items() for path in details["outputs"]}
    lines += [f"gone: {path} of rule {rule}" for path, rule in were.items() if path not in are]
    for path, rule in are.items():
        if path not in were:
            if not _fits(renames.NEW["paths"], f"{config}/{path}"):
                lines.append(f"new: {path} of rule {rule}")
        elif were[path] != rule:
            lines.append(f"{path}: was made by rule {were[path]}, is by {rule}")
    return sorted(lines)
