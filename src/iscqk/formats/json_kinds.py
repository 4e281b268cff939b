"""What kinds of values a JSON object holds, told in one line where one is another."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

ONE_AT_LEAST = "one at least"  # in an annotation of a list or an object
_WORDS = {
    str: ("text", "texts"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    list: ("a list", "lists"),
    dict: ("an object", "objects"),
}


def fault_in(found: Mapping[str, Any], kinds: Mapping[str, Any]) -> str | None:
    """Return which value of an object is missing or of another kind, and what to give; else None.

    Args:
        found: what was read.
        kinds: by key str, int, float, list[...], dict[str, ...] of these, or such a list or object
            as Annotated with `ONE_AT_LEAST`.
    """
    for name, kind in kinds.items():
        if name not in found:
            return f"{name} is missing; give {_words(kind)}"
        if not _is(found[name], kind):
            return f"{name} is {str(found[name])[:40]}; give {_words(kind)}"
    return None


def _is(value: Any, kind: Any) -> bool:
    origin, options = get_origin(kind) or kind, get_args(kind)
    if origin is Annotated:
        return bool(value) and _is(value, options[0])
    if origin is float:
        return type(value) in (int, float) and math.isfinite(value)
    if type(value) is not origin:  # a bool is an int to Python
        return False
    held = value.values() if origin is dict else value
    return not options or all(_is(one, options[-1]) for one in held)


def _words(kind: Any, number: int = 0) -> str:
    """Return what a kind is called, one of it or several."""
    origin, options = get_origin(kind) or kind, get_args(kind)
    if origin is Annotated:
        return f"{_words(options[0], number)}, {ONE_AT_LEAST}"
    return _WORDS[origin][number] + (f" of {_words(options[-1], 1)}" if options else "")
