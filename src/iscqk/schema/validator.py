"""Whether a configuration keeps to a JSON schema, and what a user is told where it does not."""

import difflib
import math
import re
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator as AnyValidator
from jsonschema.validators import extend

from iscqk.errors import UserError

_MAX_VALUES = 100_000
_IN_WORDS = {
    "null": "null",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "a section",
}
_IF_A_NAME = "if it is a name, write it in quotes"
_PLAIN = (str, int, float, list, Mapping, type(None))  # what JSON has: no dates, no bytes


def _is_whole(_: object, value: object) -> bool:
    """Return whether a value is an integer, which 1e4 and 2.0 are to JSON schema but not to us."""
    return isinstance(value, int) and not isinstance(value, bool)


# The validator of a schema whose integers are integers.
Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole),
)


def refuse_invalid(
    config: Mapping[str, Any],
    validator: AnyValidator,
    if_text: str = "",
    retired: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Refuse what a schema does not allow, numbers that are none, and chains of aliases.

    Args:
        config: what to check.
        validator: by which schema.
        if_text: remedy where a value within a section is text and should not be.
        retired: what became of keys that there were before, by their full names.

    Raises:
        UserError: all keys that there are not, or else the first thing wrong, with the remedy.
    """
    _refuse_absurd(config)
    errors = [*validator.iter_errors(config)]
    unknown = [error for error in errors if error.validator == "additionalProperties"]
    if unknown:
        told = [line for error in unknown for line in _unknown(error, retired)]
        raise UserError(f"config: {'; also '.join(told)}")
    error = best_match(errors)
    if error is not None:
        raise UserError(f"config: {_explained(error, if_text)}")


def _refuse_absurd(config: Mapping[str, Any]) -> None:
    """Refuse what JSON has not, numbers that are none or too large, and aliases that blow up."""
    waiting: list[tuple[str, Any]] = [("", config)]
    for _ in range(_MAX_VALUES):
        if not waiting:
            return
        name, value = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"config: {name}: {value} is no number to work with; correct it")
        if isinstance(value, int) and abs(value) > sys.maxsize:
            raise UserError(f"config: {name}: a number of over {sys.maxsize}; lower it")
        if not isinstance(value, _PLAIN):
            raise UserError(f"config: {name}: {value!s:.40} is no text to YAML; write it in quotes")
        if isinstance(value, Mapping):
            if (key := next((one for one in value if not isinstance(one, str)), "")) != "":
                what = f"the key {key!s:.40} is no text to YAML; write it in quotes"
                raise UserError(f"config: {name or 'top level'}: {what}")
            waiting += [(f"{name}.{key}".lstrip("."), below) for key, below in value.items()]
        elif isinstance(value, list):
            waiting += [(name, below) for below in value]
    raise UserError(f"config: over {_MAX_VALUES} values, {name} among them; remove its aliases")


def _unknown(
    error: ValidationError, retired: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Return what is said of a section's keys that there are not: of each, or of the rest alike."""
    known = list(dict(cast("Mapping[str, Any]", error.schema))["properties"])
    told, rest = [], []
    for key in cast("dict[str, Any]", error.instance):
        name = ".".join(map(str, [*error.absolute_path, key]))
        if key in known:
            continue
        if name in retired:
            told.append(f"{name}: {retired[name]}")
        elif near := difflib.get_close_matches(key, known, n=1):
            told.append(f"{name}: unknown key; did you mean {near[0]}?")
        else:
            rest.append(name)
    keys = "unknown key" if len(rest) == 1 else "unknown keys"
    return told + ([f"{', '.join(rest)}: {keys}; known are {', '.join(known)}"] if rest else [])


def _explained(error: ValidationError, if_text: str) -> str:
    """Return a one-line message with the key's full name."""
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":  # of one of several rules
        return "; also ".join(_unknown(error))
    wanted = cast("Mapping[str, Any]", error.schema).get("description")
    if error.validator == "pattern" and wanted:
        return f"{where}: {str(error.instance)!r} is not {wanted}; rename it"
    if error.validator == "type" and error.validator_value == "object":
        keys = ", ".join(cast("Mapping[str, Any]", error.schema).get("properties", {}))
        own = f"; its keys are {keys}" if keys else "; write keys and values below it"
        return f"{where or 'top level'}: {str(error.instance)[:80]} is no section{own}"
    if error.validator == "maxItems":
        count, most = len(cast("list[Any]", error.instance)), error.validator_value
        return f"{where}: {count} values, and at most {most} can be; leave some out"
    if error.validator in ("oneOf", "anyOf"):
        rules = _alternatives(error)
        allowed = ", or ".join(dict.fromkeys(map(_in_words, rules)))
        if any(map(_is_any_text, rules)) and _is_no_text_to_yaml(error.instance):
            allowed += f"; {_quoted(error.instance)}"
        return f"{where}: {repr(error.instance)[:80]} is not valid; write {allowed}"
    if error.validator == "required":
        return f"{where or 'top level'}: {error.message}; {_addition(error)}"
    remedy = ""
    if error.validator == "type":
        kind = str(error.validator_value)
        remedy = _type_remedy(error.instance, kind, if_text if "." in where else "")
    remedy = f"; {remedy}" if remedy else ""
    return f"{where or 'top level'}: {' '.join(error.message.split())}{remedy}"


def _alternatives(error: ValidationError) -> list[Mapping[str, Any]]:
    """Return the rules of which a value keeps to none, looked up where they have a name."""
    named = {one.schema_path[0]: one.schema for one in error.context or () if not one.relative_path}
    own = enumerate(cast("list[Any]", error.validator_value))
    return [cast("Mapping[str, Any]", named.get(number, rule)) for number, rule in own]


def _in_words(rule: Mapping[str, Any]) -> str:
    """Return what values a rule allows."""
    if said := rule.get("description"):
        return str(said)
    if values := rule.get("enum", [rule["const"]] if "const" in rule else []):
        return ", ".join(map(str, values))
    what = _IN_WORDS.get(rule.get("type", ""), "a value as in config.yaml")
    if (count := rule.get("minItems")) and count == rule.get("maxItems"):
        what += f" of {count}"
    return f"{what} from {rule['minimum']}" if "minimum" in rule else what


def _addition(error: ValidationError) -> str:
    """Return how to add the key that a section lacks."""
    rule = cast("Mapping[str, Any]", error.schema)
    key = next(key for key in rule["required"] if f"{key!r} is" in error.message)
    said = rule["properties"][key].get("description")
    return f"add it: {said}" if said else "add it"


def _is_any_text(rule: Mapping[str, Any]) -> bool:
    return rule.get("type") == "string" and not rule.keys() & {"enum", "const"}


def _is_no_text_to_yaml(value: object) -> bool:
    """Return whether a value may have been written as a word: 2024, no, null."""
    return value is None or isinstance(value, bool | int | float)


def _quoted(value: object) -> str:
    """Return the remedy where a word that YAML takes for something else is to be text."""
    return f"leave the key out, or {_IF_A_NAME}" if value is None else _IF_A_NAME


def _type_remedy(value: object, kind: str, if_text: str) -> str:
    if kind == "string" and _is_no_text_to_yaml(value):
        return _quoted(value)
    if isinstance(value, float) and value.is_integer():
        return "write it without point and exponent"
    if isinstance(value, str) and re.fullmatch("[0-9_]+", value) and "_" in value:
        return "write it without underscores"  # which YAML 1.2 has in no number
    return if_text if isinstance(value, str) else ""
