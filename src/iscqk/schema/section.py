"""A section of the config as a dataclass: each key is said once, with default, range and comment.

    @dataclass(frozen=True, kw_only=True)
    class Copies(Section):
        per_image: Count = key(2, "of each training image")

The annotation is the range. From it come the JSON schema, which is the reference and what a value
is checked by, and `Copies.parse('{"per_image": 3}')`, by which every stage takes its section.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import PurePosixPath
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Self,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from iscqk.errors import UserError
from iscqk.schema.kinds import Limits

if TYPE_CHECKING:
    from jsonschema.protocols import Validator as AnyValidator

Rule = dict[str, Any]  # a JSON schema
NONE: Any = object()  # in the place of a default that there is not
_TYPES = {int: "integer", float: "number", str: "string", bool: "boolean", NoneType: "null"}


@dataclass(frozen=True)
class Key:
    """What a key says of itself beside its range; without a default it need not be there.

    Then it is `absent` where it is not, and whoever says this says nothing.
    """

    comment: str
    default: Any = NONE
    absent: Any = NONE
    needed: bool = False
    sections: Mapping[str, tuple[type["Section"], str]] | None = None


def key(default: Any, comment: str = "") -> Any:
    """Declare a key with its default."""
    return _field(Key(comment, default), default)


def needed(comment: str = "") -> Any:
    """Declare a key that every config has to say."""
    return field(metadata={"key": Key(comment, needed=True)})


def optional(comment: str = "", absent: Any = None) -> Any:
    """Declare a key that may be left out, and its value then."""
    return _field(Key(comment, absent=absent), absent)


def sections(found: Mapping[str, tuple[type["Section"], str]]) -> Any:
    """Declare sections by name, each with its comment: one attribute, and a key for each."""
    return _field(Key("", sections=found), {name: made() for name, (made, _) in found.items()})


def _field(declared: Key, value: Any) -> Any:
    if type(value).__hash__ is None:  # a dataclass takes no such default
        return field(default_factory=lambda: copy.deepcopy(value), metadata={"key": declared})
    return field(default=value, metadata={"key": declared})


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of the config.

    Attributes:
        given: what it was parsed from, without the defaults.
    """

    given: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def parse(cls, source: str | Mapping[str, Any]) -> Self:
        """Return the section that JSON text or a mapping describes, with the defaults of the rest.

        Raises:
            UserError: it is no JSON object, or the first thing wrong in it.
        """
        from iscqk.schema.validator import refuse_invalid  # a tenth of the start of `iscqk score`

        given = _read(source) if isinstance(source, str) else source
        refuse_invalid(given, validator(cls))  # type: ignore[arg-type]  # a class has a hash
        return cls._made(given)

    @classmethod
    def _made(cls, given: Mapping[str, Any]) -> Self:
        """Return the section of valid values."""
        values: dict[str, Any] = {"given": given}
        for name, kind, declared in _keys(cls):
            if declared.sections is not None:
                own = declared.sections.items()
                values[name] = {key: made._made(given.get(key, {})) for key, (made, _) in own}
            elif name in given:
                values[name] = _typed(kind, given[name])
        return cls(**values)

    @classmethod
    def fill_defaults(cls, config: dict[str, Any]) -> None:
        """Put the defaults into a config that lacks them, in all sections that are there."""
        for name, kind, declared in _flat(cls):
            if declared.default is not NONE:
                config.setdefault(name, _plain(declared.default))
            if _is_section(kind) and name in config:
                kind.fill_defaults(config[name])

    @classmethod
    def say_shortly(cls, config: dict[str, Any]) -> None:
        """Take out of a valid config what says nothing, and of its paths what they do not need."""
        for name, kind, declared in _flat(cls):
            section = _unannotated(kind)
            if name not in config:
                continue
            if config[name] == _plain(declared.absent):
                del config[name]
            elif _is_section(section):
                section.say_shortly(config[name])
            elif _holds_paths(kind):
                config[name] = _short_paths(config[name])

    @classmethod
    def has(cls, key: str) -> bool:
        """Return whether it has a dotted key, be it one that may be left out."""
        name, _, rest = key.partition(".")
        kinds = [_unannotated(kind) for own, kind, _ in _flat(cls) if own == name]
        return any(not rest or (_is_section(kind) and kind.has(rest)) for kind in kinds)

    def values(self) -> dict[str, Any]:
        """Return the value of each key, sections as they are."""
        return {name: getattr(self, name) for name, _, _ in _keys(type(self))}


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"config: no JSON ({error}); give a section of the config as JSON"
        ) from None
    if not isinstance(found, dict):
        raise UserError(f"config: {text[:80]!r} is no JSON object; give a section of the config")
    return found


def _typed(kind: Any, value: Any) -> Any:
    """Return a valid value as what its key is annotated with."""
    origin, options = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _typed(options[0], value)
    if _is_section(kind):
        return kind._made(value)
    if origin in (Union, UnionType):
        lists = [option for option in options if _is_list(option)]
        return _typed(lists[0], value) if isinstance(value, list) else value
    if origin is tuple:
        return tuple(_typed(options[0], one) for one in value)
    return int(value) if kind is int else value


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _is_list(kind: Any) -> bool:
    return get_origin(_unannotated(kind)) is tuple


def _unannotated(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


@cache
def _holds_paths(kind: Any) -> bool:
    named = (one.name for one in get_args(kind) if isinstance(one, Limits))
    return bool({"path", "place"} & {*named}) or any(map(_holds_paths, get_args(kind)))


def _short_paths(value: Any) -> Any:
    """Return paths, in whatever they are, without `//`, `/.` and the last `/`.

    `..` stays, as it may lead elsewhere behind a link, and `./-a`, which is no option.
    """
    if isinstance(value, dict):
        return {name: _short_paths(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_short_paths(one) for one in value]
    if not isinstance(value, str):
        return value
    short = str(PurePosixPath(value))
    is_like_an_option = short.startswith("-") and not value.startswith("-")
    return f"./{short}" if is_like_an_option else short


def _keys(cls: type[Section]) -> tuple[tuple[str, Any, Key], ...]:
    """Return name, annotation and declaration of each attribute that is a key."""
    return _declared(cls)  # type: ignore[arg-type]  # a class has a hash


@cache  # a plan fills the sections of dozens of configs
def _declared(cls: type[Section]) -> tuple[tuple[str, Any, Key], ...]:
    kinds, found = get_type_hints(cls, include_extras=True), []
    for one in fields(cls):
        if declared := one.metadata.get("key"):
            optional = declared.default is NONE and not declared.needed
            kind = _without_none(kinds[one.name]) if optional else kinds[one.name]
            found.append((one.name, kind, declared))
    return tuple(found)


def _without_none(kind: Any) -> Any:
    options = [option for option in get_args(kind) if option is not NoneType]
    is_union = get_origin(kind) in (Union, UnionType)
    return options[0] if is_union and len(options) == 1 else kind


def _flat(cls: type[Section]) -> Iterator[tuple[str, Any, Key]]:
    """Yield the same of each key as the config has them."""
    for name, kind, declared in _keys(cls):
        if declared.sections is None:
            yield name, kind, declared
        else:
            for section, (made, comment) in declared.sections.items():
                yield section, made, Key(comment, made())


def _plain(value: Any) -> Any:
    """Return a default as JSON has it; a section's is empty, as its keys have their own."""
    if isinstance(value, Section):
        return {}
    return copy.deepcopy(list(value) if isinstance(value, tuple) else value)


@cache
def validator(cls: type[Section]) -> "AnyValidator":
    """Return what checks a mapping against a section."""
    from iscqk.schema.validator import Validator

    return Validator(json_schema(cls))


def json_schema(cls: type[Section]) -> Rule:
    """Return the JSON schema of a section; descriptions of keys are their comments."""
    shared: Rule = {}
    rule = _rule(cls, shared)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **rule,
        "$defs": dict(sorted(shared.items())),
    }


def _rule(kind: Any, shared: Rule) -> Rule:
    """Return the rule of an annotation; named ones go to `shared`."""
    origin, options = get_origin(kind), get_args(kind)
    if _is_section(kind):
        return _object(kind, shared)
    if origin is Annotated:
        return _limited(options[0], options[1], shared)
    if origin is Literal:
        return _of_values(options)
    if origin in (Union, UnionType):
        return {"oneOf": [_rule(option, shared) for option in options]}
    if origin is tuple:
        size = {} if options[-1] is ... else {"minItems": len(options), "maxItems": len(options)}
        return {"type": "array", "items": _rule(options[0], shared), **size}
    if origin is Mapping:
        of_values = {} if options[1] is Any else {"additionalProperties": _rule(options[1], shared)}
        return {"type": "object", **of_values}
    return {"type": _TYPES[kind]}


def _of_values(options: tuple[Any, ...]) -> Rule:
    """Return the rule of some values; to a schema 2.0 would be 2, which has another name."""
    types = {type(option) for option in options}
    of_one = {"type": "integer"} if types == {int} else {}
    return of_one | ({"const": options[0]} if len(options) == 1 else {"enum": list(options)})


def _limited(kind: Any, limits: Limits, shared: Rule) -> Rule:
    whole = "enum" in limits.rule  # of these values, and so of their type
    rule = {**({} if whole else _rule(kind, shared)), **limits.rule}
    if not limits.name:
        return rule
    shared[limits.name] = rule
    return {"$ref": f"#/$defs/{limits.name}"}


def _object(cls: type[Section], shared: Rule) -> Rule:
    properties, due = {}, []
    for name, kind, declared in _flat(cls):
        properties[name] = _rule(kind, shared)
        if declared.comment:
            properties[name]["description"] = declared.comment
        if declared.default is not NONE:
            properties[name]["default"] = _plain(declared.default)
        if declared.needed:
            due.append(name)
    return {
        "type": "object",
        "additionalProperties": False,
        **({"required": due} if due else {}),
        "properties": properties,
    }
