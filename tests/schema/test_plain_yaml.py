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
