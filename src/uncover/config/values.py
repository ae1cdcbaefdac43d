"""Values of config sections and of command-line options; every error message names the key."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from uncover.errors import InputError

AnySection = TypeVar("AnySection", bound=BaseModel)


class Section(BaseModel):
    """A section of the config. Unknown keys are errors; values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    hint: ClassVar[str] = ""
    """Advice in the error message of an unknown key."""


def check_number(option: str, value: float | None, lowest: float, highest: float = math.inf) -> None:
    """Check that a number is within its limits; None is an option that was not given.

    Raises:
        InputError: It is outside.
    """
    if value is not None and not lowest <= value <= highest:
        expected = f"{lowest} or more" if highest == math.inf else f"{lowest} to {highest}"
        raise InputError(f"{option} {value}: expected {expected}")


def check_section(section: type[AnySection], values: Mapping[str, Any], name: str) -> AnySection:
    """Make one section from plain values.

    Args:
        section: Class of the section.
        values: Nested values.
        name: Source of the values, for messages.

    Raises:
        InputError: Keys are unknown or have invalid values; the message names all of them.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{name}: expected keys with values; found {values!r:.80}")
    try:
        return section.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{name}: " + "; ".join(_explain(error.errors(), section))) from None


def read_pairs(pairs: Sequence[str], option: str = "--set") -> dict[str, Any]:
    """Parse `key=value` arguments, such as "hyperparameters.lr0=0.02", into nested values; values are YAML.

    Args:
        pairs: The arguments.
        option: The option they were passed to, for messages.

    Raises:
        InputError: An argument has no key, or its value is not YAML.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not (key and equals):
            raise InputError(f"{option} {pair}: expected key=value, e.g. epochs=30 or hyperparameters.lr0=0.02")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise InputError(f"{option} {pair}: {text} is not YAML; quote it") from None
        *sections, last = key.split(".")
        for section in reversed(sections):
            value, last = {last: value}, section
        values = merged(values, {last: value})
    return values


def as_pairs(section: BaseModel) -> list[str]:
    """The `key=value` arguments that turn the defaults into this section; the inverse of `read_pairs`."""
    defaults = type(section).model_construct().model_dump(mode="json")  # without fields that have no default
    return sorted(_pairs(section.model_dump(mode="json"), defaults, ""))


def may_be_told(pair: str) -> bool:
    """Whether an argument of `as_pairs` may be shown in a report; others can contain local paths."""
    return pair.startswith("raw.synthetic=") or not pair.startswith(
        ("raw.", "data_sets.", "weights.", "report.released")
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of keys and values.

    Raises:
        InputError: The file cannot be read, is not YAML, or has no keys.
    """
    expected = "expected a config file such as config/demo.yaml"
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; {expected}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {expected}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text; {expected}") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path}{line}: is not YAML ({error.problem}); correct it, or quote the value") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not YAML ({' '.join(str(error).split())}); {expected}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: has no keys; {expected}")
    return values


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values, recursively updated."""
    both = dict(base)
    for key, value in changes.items():
        old = both.get(key)
        both[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _pairs(values: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        default = defaults.get(key)
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            yield from _pairs(value, default, f"{prefix}{key}.")
        elif value != default:
            plain = isinstance(value, str) and yaml.safe_load(value) == value
            yield f"{prefix}{key}={value if plain else json.dumps(value)}"
    for key in defaults.keys() - values.keys():  # an entry by name that was removed
        yield f"{prefix}{key}=null"


UNION_MEMBER = re.compile(r"constrained-\w+|(literal|dict|tuple)\[.*\]|\[key\]|str")
"""Steps of pydantic's path to a value that are not keys, but alternatives of a type."""

TYPES = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "keys with values",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "invalid_key": "text as key",
    "model_type": "keys with values",
    "string_type": "text",
    "tuple_type": "a list",
}
"""Expected values by pydantic's type of error."""


def _explain(errors: Sequence[Any], section: type[BaseModel]) -> Iterator[str]:
    """One message for each wrong key: its name, the expected values, the value found."""
    expected: dict[str, list[str]] = {}
    found: dict[str, str] = {}
    for error in errors:
        place = [step for step in map(str, error["loc"]) if not UNION_MEMBER.fullmatch(step)]
        key = ".".join(place)
        if error["type"] == "extra_forbidden":
            yield _unknown(place, section)
        elif error["type"] == "missing":
            yield f"key {key} is missing; add it"
        elif not place:
            yield _expected(error)
        else:
            expected.setdefault(key, []).append(_expected(error))
            # A value that is wrong in itself is shown; a whole section is not.
            whole = error["type"] == "value_error" and isinstance(error["input"], Mapping | BaseModel)
            found[key] = "" if whole else f"; found {error['input']!r:.80}"
    for key, alternatives in expected.items():
        first, *others = dict.fromkeys(alternatives)
        message = " or ".join([first, *(each.removeprefix("expected ") for each in others)])
        yield f"key {key}: {message}{found[key]}"


def _unknown(place: Sequence[str], section: type[BaseModel]) -> str:
    key = ".".join(place)
    model = _section_at(section, place[:-1])
    known = [] if model is None else list(model.model_fields)
    close = difflib.get_close_matches(place[-1], known, n=1)
    if close:
        return f"key {key} is unknown; did you mean {'.'.join([*place[:-1], close[0]])}?"
    hints = [f"known keys: {', '.join(known)}", getattr(model, "hint", "")]
    return "; ".join([f"key {key} is unknown", *filter(None, hints)])


def _expected(error: Any) -> str:
    """The message of pydantic in the words of this project."""
    kind, message = error["type"], str(error["msg"]).removeprefix("Value error, ")
    if kind in TYPES:
        return f"expected {TYPES[kind]}"
    if kind == "string_pattern_mismatch":
        return f"expected text that matches {error['ctx']['pattern']}"
    if kind == "too_short":
        return f"expected a list of at least {error['ctx']['min_length']}"
    if kind.startswith(("greater_than", "less_than")):
        return message.replace("Input should be", "expected a number")
    message = message.replace("Input should be", "expected")
    return message[0].lower() + message[1:]


def _section_at(section: type[BaseModel], place: Sequence[str]) -> type[BaseModel] | None:
    """The section at a path of keys; all entries by name have the same section."""
    kind: Any = section
    for step in place:
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif _is_section(kind) and step in kind.model_fields:
            kind = kind.model_fields[step].annotation
            if get_origin(kind) is not dict:  # a section that can be null
                kind = next(filter(_is_section, get_args(kind)), kind)
        else:
            return None
    return kind if _is_section(kind) else None


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
