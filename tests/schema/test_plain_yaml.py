"""YAML as people write it."""

import pytest
import yaml

from conftest import ROOT
from iscqk.schema import plain_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E+3", 1000.0),
        ("-.5e1", -5.0),
        ("1.5", 1.5),
        ("1.", 1.0),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("+7", 7),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("1.0.0", "1.0.0"),
        ("e3", "e3"),
        (".", "."),
        ("-", [None]),
        ("-.inf", -float("inf")),
        ("'1e-3'", "1e-3"),
        ("null", None),
        ("true", True),
    ],
)
def test_numbers_are_those_of_yaml_1_2(text, value):
    found = plain_yaml.read(text)
    assert found == value and type(found) is type(value)


def test_merged_keys_may_be_written_over():
    assert plain_yaml.read("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n")["b"] == {"x": 3, "y": 2}


@pytest.mark.parametrize("path", sorted(ROOT.glob("**/presets/*.yaml")) + [ROOT / "config.yaml"])
def test_our_own_files_say_the_same_in_either_version(path):
    assert plain_yaml.read(path.read_text()) == yaml.safe_load(path.read_text())


def test_json_is_yaml():
    assert plain_yaml.read('{"a": [1, 2.5e-3, "x\\u00e9"]}') == {"a": [1, 0.0025, "x\u00e9"]}


def test_a_mapping_may_be_merged_that_merges_another_and_changes_it():
    """Wherever it is used: only what is written twice stands twice."""
    found = plain_yaml.read(
        "base: &base {names: [a], strength: [0, 1]}\n"
        "edits: {training: &t {<<: *base, strength: [0.1, 0.2]}}\n"
        "other: {<<: *t}\n"
    )
    assert found["other"] == found["edits"]["training"]
    assert found["other"] == {"names": ["a"], "strength": [0.1, 0.2]}


@pytest.mark.parametrize(
    "text",
    [
        *("!!bool maybe", "!!timestamp x", "!!float ''", "!!float abc", "!!int ''", "!!int 0x"),
        *("2024-13-45", "2001-12-14 21:59:43 +25:00", "9" * 5000, "!!map 3", "!!seq 3"),
        *("&x [*x]", "&x {b: *x}", "&x {<<: *x}", "[1, {b: 1, b: 2}]"),
    ],
)
def test_what_cannot_be_made_is_told_with_its_line(text):
    with pytest.raises(ValueError, match=r"^line 2: .*\w$"):
        plain_yaml.read(f"a: 1\nb: {text}\n")


CHAINS = {
    "keys": ("[x, x]", "[*{0}, *{0}]"),
    "merged mappings": ("{{k: 1}}", "{{<<: [*{0}, *{0}]}}"),
    "mappings": ("{{x: 1}}", "{{x: *{0}, y: *{0}}}"),
}


@pytest.mark.parametrize(("first", "more"), CHAINS.values(), ids=CHAINS)
def test_a_chain_of_aliases_is_refused_before_it_is_followed(first, more):
    links = [f"a0: &a0 {first.format('')}"]
    links += [f"a{n}: &a{n} {more.format(f'a{n - 1}')}" for n in range(1, 60)]
    with pytest.raises(ValueError, match=r"line 1\d: over 200000 values with those of aliases"):
        plain_yaml.read("\n".join([*links, "? *a59", ": 1"]))
    assert plain_yaml.read("\n".join(links[:9]))["a8"]
