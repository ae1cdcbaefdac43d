"""JSON schema and reference of the config, generated from the model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from uncover.config.detectors import Detectors
from uncover.config.load import ALL, has_entries, section_in
from uncover.config.model import Config

BEGIN = "<!-- keys: made by `make schema`, do not edit -->"
END = "<!-- end of keys -->"

TYPES = {"string": "text", "integer": "integer", "number": "number", "boolean": "`true`, `false`", "null": "`null`"}
LIMITS = {
    "minimum": "`≥ {}`",
    "exclusiveMinimum": "`> {}`",
    "maximum": "`≤ {}`",
    "exclusiveMaximum": "`< {}`",
    "multipleOf": "multiple of `{}`",
}


class Row(NamedTuple):
    """A key in the reference; all cells are Markdown."""

    key: str
    values: str
    default: str
    description: str


def schema_text() -> str:
    """JSON schema of the config, for editors and validators."""
    schema = Config.model_json_schema()
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "Config file that this one extends. A relative path is relative to this file.",
    }
    del schema["required"]
    schema["anyOf"] = [{"required": ["run"]}, {"required": ["extends"]}]
    for part in [schema, *schema["$defs"].values()]:
        for field in part.get("properties", {}).values():
            _let_entries_join(field, schema["$defs"])
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def reference(level: int = 2) -> str:
    """Reference of all config keys as Markdown: a heading, a sentence and a table per section.

    Args:
        level: Level of the headings.
    """
    parts = []
    for name, field in Config.model_fields.items():
        section = field.default if isinstance(field.default, BaseModel) else None
        rows = list(_rows(type(section), f"{name}.", section) if section else _rows(Config, "", only=name))
        lines = [f"| `{row.key}` | {row.values} | {row.default} | {row.description} |" for row in rows]
        head = ["| Key | Values | Default | Description |", "| --- | --- | --- | --- |"]
        intro = [f"{'#' * level} `{name}`", *([field.description or ""] if section else [])]
        table = "\n".join([*head, *lines])
        parts += [*intro, table, *(_entries(section, name) if section else ())]
    return "\n\n".join(parts) + "\n"


def with_key_table(text: str) -> str:
    """Replace the part between the two marks in a Markdown text by the reference."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference(3)}\n{END}{after}"


def _let_entries_join(field: dict[str, Any], known: dict[str, Any]) -> None:
    """Let a section of entries by name accept null, and entries without their required keys."""
    for kind in (field, *field.get("anyOf", ())):
        entry = kind.get("additionalProperties")
        if not isinstance(entry, dict):
            continue
        known.get(entry.get("$ref", "").rpartition("/")[2], {}).pop("required", None)
        kind["type"] = ["object", "null"]
        kind["additionalProperties"] = {"anyOf": [entry, {"type": "null"}]}
        if "propertyNames" in kind:
            kind["propertyNames"]["enum"].append(ALL)


def _rows(
    model: type[BaseModel], prefix: str, changed: BaseModel | None = None, only: str = "", own: bool = False
) -> Iterator[Row]:
    """Rows of a section.

    Args:
        model: Class of the section.
        prefix: Prefix of its keys.
        changed: Values that replace the defaults of the class.
        only: Name of the only key to describe.
        own: Skip keys that are inherited unchanged from another section.
    """
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        if (only and name != only) or (own and _inherited(model, name)):
            continue
        key, description = f"{prefix}{name}", field.description or ""
        default = getattr(changed, name) if changed is not None else field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            if model is Detectors and name != "rgb10":
                yield Row(key, "section", f"as `detectors.rgb10`, {_differences(default)}", description)
            else:
                yield from _rows(type(default), f"{key}.", default, own=own)
            continue
        yield Row(key, _values(schema["properties"][name], schema.get("$defs", {})), _show(default), description)
        entry = section_in(field.annotation)
        if entry is not None:
            yield from _rows(entry, f"{key}.<name>." if has_entries(field.annotation) else f"{key}.", own=True)


def _inherited(model: type[BaseModel], name: str) -> bool:
    """Whether a section has a key from another section, with the same default and description."""
    field = model.model_fields[name]
    parents = [
        base.model_fields[name]
        for base in model.__mro__[1:]
        if issubclass(base, BaseModel) and name in base.model_fields
    ]
    return bool(parents) and (parents[0].default, parents[0].description) == (field.default, field.description)


def _differences(section: BaseModel) -> str:
    plain = type(section)()
    changes = [f"`{name}: {value}`" for name, value in section if value != getattr(plain, name)]
    return f"except {' and '.join(changes)}" if changes else "unchanged"


def _values(kind: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Allowed values of a JSON schema in words."""
    if "$ref" in kind:
        return _values(known[kind["$ref"].rpartition("/")[2]], known)
    if "anyOf" in kind:
        return " or ".join(dict.fromkeys(_values(each, known) for each in kind["anyOf"]))
    if "enum" in kind or "const" in kind:
        return ", ".join(f"`{value}`" for value in kind.get("enum", [kind.get("const")]))
    if kind["type"] == "array":
        if "prefixItems" in kind:
            return f"list of {len(kind['prefixItems'])} numbers"
        return f"list of {_plural(_values(kind['items'], known))}"
    if kind["type"] == "object":
        return "section" if "properties" in kind else f"by name: {_values(kind['additionalProperties'], known)}"
    if kind.keys() >= {"minimum", "maximum"}:
        return f"{TYPES[kind['type']]} `{kind['minimum']:g}` to `{kind['maximum']:g}`"
    limits = [text.format(f"{kind[name]:g}") for name, text in LIMITS.items() if name in kind]
    return " ".join([TYPES[kind["type"]], ", ".join(limits)]).strip()


def _plural(values: str) -> str:
    for word in ("integer", "number"):
        values = values.replace(word, f"{word}s")
    return values


def _show(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, dict) and any(isinstance(each, BaseModel) for each in value.values()):
        return f"{len(value)} entries, see below"
    return f"`{json.dumps(to_jsonable_python(value))}`"


def _entries(section: BaseModel, name: str) -> Iterator[str]:
    """Default entries of a section as YAML."""
    for key, values in section:
        if isinstance(values, dict) and any(isinstance(each, BaseModel) for each in values.values()):
            entries = {each: value.model_dump(mode="json", exclude_unset=True) for each, value in values.items()}
            text = yaml.safe_dump({name: {key: entries}}, sort_keys=False, default_flow_style=None, width=110)
            yield f"Default entries of `{name}.{key}`:"
            yield f"```yaml\n{text}```"
