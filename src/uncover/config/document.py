"""Schema and table of all config keys, made from the model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from uncover.config.load import ALL
from uncover.config.model import Config

BEGIN = "<!-- keys: made by `make schema`, do not edit -->"
END = "<!-- end of keys -->"


def schema_text() -> str:
    """JSON schema of the config, for editors and validators."""
    schema = Config.model_json_schema()
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "another config file whose values this one changes, relative to the file that says it",
    }
    del schema["required"]
    schema["anyOf"] = [{"required": ["run"]}, {"required": ["extends"]}]
    for part in [schema, *schema["$defs"].values()]:
        for field in part.get("properties", {}).values():
            _let_entries_join(field, schema["$defs"])
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _let_entries_join(field: dict[str, Any], known: dict[str, Any]) -> None:
    """Allow a section of entries by name what a config may say of it: parts of entries, and null."""
    for kind in (field, *field.get("anyOf", ())):
        entry = kind.get("additionalProperties")
        if not isinstance(entry, dict):
            continue
        known.get(entry.get("$ref", "").rpartition("/")[2], {}).pop("required", None)
        kind["type"] = ["object", "null"]
        kind["additionalProperties"] = {"anyOf": [entry, {"type": "null"}]}
        if "propertyNames" in kind:
            kind["propertyNames"]["enum"].append(ALL)


def with_key_table(text: str) -> str:
    """Replace the table between the two marks in a Markdown text by one of all keys."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = "".join(f"| `{key}` | {default} | {description} |\n" for key, default, description in _keys(Config, ""))
    return f"{before}{BEGIN}\n| key | default | meaning |\n| --- | --- | --- |\n{rows}{END}{after}"


def _keys(model: type[BaseModel], prefix: str, changed: BaseModel | None = None) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        default = getattr(changed, name) if changed is not None else field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            if key.startswith("detectors.") and name != "rgb10":
                yield key, f"as `detectors.rgb10`, {_differences(default)}", field.description or ""
            else:
                yield from _keys(type(default), f"{key}.", default)
        else:
            yield key, _show(default), field.description or ""
            entry = _section_of_entries(field.annotation)
            if entry is not None:
                yield from _keys(entry, f"{key}.<name>.")


def _section_of_entries(annotation: Any) -> type[BaseModel] | None:
    """What each entry of a section by name holds; None where a field is no such section."""
    if get_origin(annotation) is not dict:
        return None
    kind = get_args(annotation)[1]
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _differences(section: BaseModel) -> str:
    plain = type(section)()
    changes = [f"{name} {_show(value)}" for name, value in section if value != getattr(plain, name)]
    return " and ".join(changes) or "no change"


def _show(value: Any) -> str:
    if value is PydanticUndefined:
        return "(needed)"
    return f"`{json.dumps(to_jsonable_python(value))}`"
