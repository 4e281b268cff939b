"""A changed setting reruns a job only through a parameter that is not made of the job's files.

Snakemake keeps no parameter that is made of input, output or threads to compare it with: what files
it names is compared anyway, and what else it says would be lost.
"""

import functools
import inspect
import operator
import os
import re

import pytest

from configs import configured
from conftest import ROOT
from iscqk.plan.checks import check_config
from iscqk.plan.parameters import digest_of_contents
from iscqk.plan.run import Run

RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))
# A parameter's lambda up to the next parameter or section of its rule.
OF_FILES = re.compile(
    r"^ {8}(\w+)=lambda wildcards, (?:input|output|threads)\b(.*?)(?=^ {8}\w+=|^ {4}\w+:)",
    re.MULTILINE | re.DOTALL,
)
OWN = {
    found[2]: found[0].strip()
    for path in RULES
    for found in re.finditer(
        r"^ *(use rule \w+ as|rule) (\w+)(?: with)?:$.*?(?=^(?:(?:use )?rule|if)\b|\Z)",
        path.read_text(),
        re.MULTILINE | re.DOTALL,
    )
}
# Stages that find a method, a ranking or a kind of dataset by its name.
FINDS_BY_NAME = {"train", "merge", "report", "submit", "validation-scores"}
ASKED = re.compile(r"PLAN\[wildcards\.run\]\.(\w+)")


def holds_settings(text):
    """Return whether it looks into the config, be it by a method of the run."""
    methods = [getattr(Run, name) for name in ASKED.findall(text) if hasattr(Run, name)]
    sources = [inspect.getsource(getattr(one, "fget", one)) for one in methods]
    return any(re.search(r"\bconfig\b", source) for source in [text, *sources])


def test_what_is_made_of_a_jobs_files_holds_no_setting():
    found = {
        f"{path.name}: {name}": text
        for path in RULES
        for name, text in OF_FILES.findall(path.read_text())
    }
    assert len(found) > 20
    assert [name for name, text in found.items() if holds_settings(text)] == []


def test_a_setting_in_such_a_parameter_is_seen():
    assert holds_settings('PLAN[wildcards.run].config["describe"]["gist"], input.gist')
    assert holds_settings("PLAN[wildcards.run].joining_options() + str(input.gist)")
    assert not holds_settings("PLAN[wildcards.run].copy_options(input.copies)")


def test_no_parameter_is_a_section_whose_keys_snakemake_would_compare_in_their_order():
    config = configured("from-nothing")
    check_config(config)
    rules = "".join(path.read_text() for path in RULES)
    keys = [
        re.findall(r"\w+", said) for said in re.findall(r"=config((?:\[\S+\])+),$", rules, re.M)
    ]
    assert len(keys) > 20
    values = {".".join(each): functools.reduce(operator.getitem, each, config) for each in keys}
    assert [name for name, value in values.items() if isinstance(value, dict)] == []


def parameter(name, rule):
    """Return what a rule's text has as a parameter, "" where it has none of this name."""
    found = re.search(rf"^ +{name}=(.*?)(?=^ *(?:\w+=|\w+:$|#))", rule, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def test_every_rule_reruns_where_the_code_of_its_stage_has_changed():
    """With the modules that the stage finds by name, as it imports none of these."""
    stages = {name: re.findall(r"^ *iscqk ([a-z-]+) ", rule, re.M) for name, rule in OWN.items()}
    stages["evaluate"] = ["merge", "search", "score"]  # iscqk.plan.evaluation
    assert sum(map(len, stages.values())) > 35
    for name, rule in OWN.items():
        based_on = re.match(r"use rule (\w+) as", rule)
        told = parameter("code", rule)
        if based_on and not told:  # that of the other
            continue
        own = stages[based_on[1] if based_on else name]
        assert all(f'"{stage.replace("-", "_")}"' in told for stage in own), name
        assert ("modules" in told) == bool(FINDS_BY_NAME & {*own}), name


def test_what_a_comparison_has_of_its_jobs_files_it_has_as_planned_too():
    rows_in_job = r"rows_in_job\(\s*(\w+(?:\(.*?\))?), R\.root"
    found = {name: re.findall(rows_in_job, rule) for name, rule in OWN.items()}
    assert sum(map(len, found.values())) == 4
    for name, rows in found.items():
        told = parameter("rows", OWN[name])
        assert all(row in told for row in rows), name


@pytest.mark.parametrize(
    "rule", ["prepare", "take_queries", "initial", "embed_teacher", "train_q", "pack"]
)
def test_files_that_are_given_count_by_what_is_in_them(rule):
    """Snakemake looks at their times only: an older one in the place of one would go unnoticed."""
    digest = r"^ {8}(content|weights)=lambda wildcards: digest_of_contents\(\s*([\w.\[\]]+)\("
    found = re.search(digest, OWN[rule], re.MULTILINE)
    assert found[2] == ("PLAN[wildcards.run].start" if rule == "initial" else "STORAGE.here")


def test_a_digest_is_of_what_is_in_files_that_are_here(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("one")
    first, date = digest_of_contents([str(path)]), path.stat().st_mtime_ns
    path.write_text("two")
    os.utime(path, ns=(date, date))
    assert digest_of_contents([str(path)]) != first
    assert digest_of_contents([str(path), "s3/b.csv"]) == digest_of_contents([str(path)])
