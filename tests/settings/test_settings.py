"""Each key is said once: schema, config.yaml, sections and their defaults agree."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from snakemake.utils import validate

from iscqk.errors import UserError
from iscqk.schema.kinds import Count, FilePath, Limits, Places
from iscqk.schema.section import Section, json_schema, key, needed, optional
from iscqk.settings.__main__ import text
from iscqk.settings.config import Config
from iscqk.settings.dataset import Dataset
from iscqk.settings.train import Train

ROOT = Path(__file__).parent.parent.parent
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


def test_the_schemas_file_is_what_the_settings_say():
    assert SCHEMA.read_text() == text(), "make schema writes it anew"


def keys(rule, shared, name=""):
    """Yield the name and the rule of every key, sections too."""
    rule = {**shared[rule["$ref"].split("/")[-1]], **rule} if "$ref" in rule else rule
    if name:
        yield name, rule
    for below, part in rule.get("properties", {}).items():
        yield from keys(part, shared, f"{name}.{below}" if name else below)


KEYS = dict(keys(json_schema(Config), json_schema(Config)["$defs"]))


def place(name):
    """Return what config.yaml says of a key; None where it does not."""
    value = CONFIG
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def test_config_yaml_states_every_default():
    stated = {n: rule["default"] for n, rule in KEYS.items() if "default" in rule}
    assert len(stated) > 100
    for name, default in stated.items():
        assert place(name) is not None or default is None, f"config.yaml does not explain {name}"
        assert default in ({}, place(name)), name


def comments(lines):
    """Return the comment on each key's line and those that stand above it, as `a.b` to a pair."""
    found, path, above = {}, [], []
    for line in lines:
        if comment := re.match(r" *# ?(.*)", line):
            above.append(comment[1])
        elif named := re.match(r"( *)([\w-]+):(?:.*?# (.*))?", line):
            path = [step for step in path if step[0] < len(named[1])]
            path.append((len(named[1]), named[2]))
            found[".".join(step for _, step in path)] = named[3] or "", " ".join(above)
            above = []
        else:
            above = []
    return found


def test_config_yaml_comments_on_keys_as_the_settings_do():
    """Or say more of the values; `as in SECTION` is the comment on the key of that name there."""
    found = comments((ROOT / "config.yaml").read_text().splitlines())
    assert len(found) > 100
    for name, (beside, above) in found.items():
        if name not in KEYS:
            assert name.startswith("study.ablations."), name
            continue
        section, _, last = name.rpartition(".")
        if alike := re.fullmatch(r"as in (\w+)", beside):
            near = f"{section.rpartition('.')[0]}.{alike[1]}.{last}".lstrip(".")
            beside = KEYS[near]["description"]
        comment = KEYS[name].get("description", "")
        assert not beside or beside == comment or beside.startswith(f"{comment}; "), name
        assert beside or above.endswith(comment) or not above, name


def test_snakemake_fills_in_the_same_defaults():
    bare = {"dataset": {"kind": "demo"}, "edits": CONFIG["edits"]}
    by_snakemake, by_us = (json.loads(json.dumps(bare)) for _ in range(2))
    validate(by_snakemake, str(SCHEMA))
    Config.fill_defaults(by_us)
    assert by_us == by_snakemake and len(by_us["train"]["qk"]) > 10


def plain(value):
    """Return a section's values as JSON has them, without those that are not said."""
    if isinstance(value, Section):
        values = value.values()
        own = values.pop("methods") if isinstance(value, Train) else {}
        value = {**values, **own}
    if isinstance(value, Mapping):
        every = {name: plain(one) for name, one in value.items()}
        return {name: one for name, one in every.items() if one not in (None, {}, [])}
    return [plain(one) for one in value] if isinstance(value, tuple | list) else value


def test_a_parsed_config_has_the_defaults_of_the_schema():
    bare = {"dataset": {"kind": "demo"}, "edits": CONFIG["edits"]}
    filled = json.loads(json.dumps(bare))
    Config.fill_defaults(filled)
    assert Config.parse(bare) == Config.parse(filled) and Config.parse(bare).given == bare
    assert plain(Config.parse(bare)) == plain(filled)


def test_settings_need_no_torch_pandas_or_numpy():
    """The Snakefile reads them at the start of every job."""
    told = "import sys, iscqk.settings.config, iscqk.methods; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "pandas", "h5py"} & set(done.stdout.split())
    assert "iscqk.methods.isd" in done.stdout


@dataclass(frozen=True, kw_only=True)
class Inner(Section):
    """A section in a section."""

    size: Count = key(3, "of it")


@dataclass(frozen=True, kw_only=True)
class Outer(Section):
    """A section of keys of all kinds."""

    name: FilePath = needed()
    inner: Inner = key(Inner())
    many: tuple[Inner, ...] = key(())
    where: Places | None = optional()
    mode: Literal["a", "b"] | Count = key("a")
    ends: tuple[float, float] = key((0, 1))
    none: None | Annotated[str, Limits(pattern="x")] = key(None)
    free: Mapping[str, Any] = key({})


def test_a_section_is_made_of_json_with_its_defaults():
    assert Outer.parse('{"name": "n"}') == Outer(name="n", inner=Inner(size=3))
    given = {"name": "n", "inner": {"size": 5}, "many": [{}, {"size": 1}], "mode": 2}
    made = Outer.parse({**given, "where": ["a", "b"], "ends": [0.5, 2], "none": "x"})
    assert made.inner.size == 5
    with pytest.raises(UserError, match="inner.size: 5.0 .* write it without point and exponent"):
        Outer.parse({"name": "n", "inner": {"size": 5.0}})
    assert made.many == (Inner(), Inner(size=1)) and made.where == ("a", "b")
    assert (made.mode, made.ends, made.none, made.free) == (2, (0.5, 2), "x", {})
    assert Outer.parse({"name": "n", "where": "a"}).where == "a"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{", "config: no JSON"),
        ("[1]", "config: '.1.' is no JSON object"),
        ("[" * 100_000, "config: no JSON"),
        ("{}", "config: top level: 'name' is a required property; add it$"),
        (
            '{"name": "n", "mode": "c"}',
            "mode: 'c' is not valid; write a, b, or a whole number from 1",
        ),
        (
            '{"name": "n", "none": 5}',
            "none: 5 is not valid; write null, or text; if it is a name, write it in quotes$",
        ),
        (
            '{"name": "n", "where": 5}',
            "where: 5 is not valid; write a path without .*, or a list; if it is a name, write it "
            "in quotes$",
        ),
        ('{"name": "n", "nmae": 1}', "config: nmae: unknown key; did you mean name.$"),
        ('{"name": "n", "inner": {"size": 0}}', "config: inner.size: 0 is less than the minimum"),
        ('{"name": "n", "many": [{"sise": 0}]}', "config: many.0.sise: unknown key; did you mean"),
        ('{"name": "a{b}"}', "config: name: 'a{b}' is not a path without line breaks"),
        ('{"name": "n", "where": null}', "config: where: None is not"),
        ('{"name": "n", "mode": true}', "config: mode: True is not"),
        ('{"name": "n", "ends": [1]}', r"config: ends: \[1\] is too short"),
        ('{"name": "n", "ends": [1, NaN]}', "config: ends: nan is no number"),
    ],
)
def test_what_is_wrong_in_a_section_is_told_in_one_line(source, complaint):
    with pytest.raises(UserError, match=complaint) as error:
        Outer.parse(source)
    assert str(error.value).isprintable()


def test_a_training_takes_a_part_of_its_section():
    """Rules leave out what does not matter to a training; it is no wrong statement of defaults."""
    given = {"precision": "fp32", "isd": {"queue": 7}}
    train = Train.parse(json.dumps(given))
    assert train.methods["isd"].queue == 7 and train.methods["isd"].momentum == 0.99
    assert train.methods["moco"].queue == 2048 and train.precision == "fp32"
    assert train.given == given and Dataset.parse({"kind": "demo"}).demo.side == 144
