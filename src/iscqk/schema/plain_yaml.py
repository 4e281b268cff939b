"""Plain YAML as people write it: what it says is data, numbers are numbers, no key stands twice.

PyYAML reads YAML 1.1, in which `1e-3` is text, `010` is eight and `1:30` is ninety. Here numbers
are those of YAML 1.2 (its core schema, 10.3.2). A key that stands twice in a mapping is an error
there, and PyYAML takes the last without a word.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from iscqk.errors import UserError

_INTEGER = r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
_FLOAT = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
_MOST_NODES = 200_000  # keys and values; of values alone a config may have half as many
_TAGS = {"tag:yaml.org,2002:int": _INTEGER, "tag:yaml.org,2002:float": _FLOAT}


class _Loader(yaml.SafeLoader):
    """YAML with the numbers of 1.2."""

    # A copy: the resolvers are those of the class that is inherited from.
    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _TAGS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return what a node stands for; an error with its place where that is nothing."""
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception as error:  # of many types, each tag has its own
            what = f"'{node.value:.40}'" if isinstance(node, yaml.ScalarNode) else "what is there"
            kind = node.tag.rpartition(":")[2]
            raise _error(f"{what} is no {kind}; write text in quotes", node) from error

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        """Return an integer, in base 10 where no other is named."""
        text = str(self.construct_scalar(node))
        return int(text, 0 if text.startswith(("0o", "0x")) else 10)


for _tag, _pattern in _TAGS.items():
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list("-+.0123456789"))
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_integer)


def read_keys(path: str | Path) -> dict[str, Any]:
    """Return what a file says of its keys; of an empty one, or one of comments, nothing.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        found = read(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; correct its path") from None
    except ValueError as error:
        what = f"not plain YAML in UTF-8 ({error})"
        raise UserError(f"{path}: {what}; correct that place") from None
    if found is not None and not isinstance(found, dict):
        raise UserError(f"{path}: no keys at its top level; write it like config.yaml")
    return found or {}


def read_laid_over(paths: Iterable[str | Path]) -> dict[str, Any]:
    """Return what files say of their keys, each laid over those before it; UserError as of one."""
    found: dict[str, Any] = {}
    for path in paths:
        _lay_over(found, read_keys(path))
    return found


def _lay_over(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Let a mapping say what another says, sections key by key, as Snakemake does with configs."""
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), dict):
            _lay_over(below[key], value)
        else:
            below[key] = copy.deepcopy(value)


def read(text: str) -> Any:
    """Return what a YAML or JSON text says; an empty one is None.

    Raises:
        ValueError: it is neither, with the place in one line.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _count(root, {})
        return loader.construct_document(root)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{where}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def _count(node: yaml.Node, counted: dict[yaml.Node, int]) -> int:
    """Return how many nodes there are below and with one, aliases written out.

    Each is looked at once, before any of it is made: a chain of aliases doubles at every link.

    Raises:
        MarkedYAMLError: too many, a node that holds itself, a mapping with a key twice.
    """
    if node in counted:
        if not counted[node]:
            raise _error("what is there holds itself; write it without that alias", node)
        return counted[node]
    counted[node] = 0  # until all below it are
    below: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        _refuse_repeated(node)
        below = [one for pair in node.value for one in pair]
    elif isinstance(node, yaml.SequenceNode):
        below = node.value
    counted[node] = count = 1 + sum(_count(one, counted) for one in below)
    if count > _MOST_NODES:
        raise _error(f"over {_MOST_NODES} values with those of aliases; remove some", node)
    return count


def _refuse_repeated(mapping: yaml.MappingNode) -> None:
    """Refuse a mapping that says a key twice as it is written, `<<` and all."""
    keys: set[tuple[str, str]] = set()
    for key, _ in mapping.value:
        if isinstance(key, yaml.ScalarNode):  # nothing else can be a key, as is told later
            if (key.tag, key.value) in keys:
                raise _error(f"the key {key.value} stands twice", key)
            keys.add((key.tag, key.value))


def _error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
