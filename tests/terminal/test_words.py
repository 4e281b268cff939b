"""Jobs, times and sizes in plain words."""

import os
import re
from pathlib import Path

import pytest

from configs import configured
from conftest import ROOT
from iscqk.formats.results import Results
from iscqk.images.dataset_interface import Sources
from iscqk.plan.jobs import JOBS
from iscqk.plan.plan import Plan
from iscqk.terminal.rules import RULES
from iscqk.terminal.words import clock, duration, size, words_of

CONFIG = configured("from-nothing")


@pytest.fixture
def plan(tmp_path):
    """Return the default plan over an empty folder of results that knows of three images."""
    results = Results(str(tmp_path / "results"))
    manifest = Path(results.manifest("training"))
    manifest.parent.mkdir(parents=True)
    manifest.write_text('id,path\nT000000,"a\nb"\nT000001,c\nT000002,d\n')
    return Plan(CONFIG, Sources([], [], [], {}, {}), results)


@pytest.mark.parametrize(
    ("rule", "wildcards", "words"),
    [
        ("train_q", "run=qk-0 round=1", "train side q, round 1 of 1"),
        (
            "train_k",
            "run=rounds-4-2500-0 round=3",
            "train side k, round 3 of 4, run rounds-4-2500-0",
        ),
        ("learn", "run=moco-0", "train by moco, run moco-0"),
        (
            "embed",
            "run=qk-0 model=initial side=k images=training shard=0-of-1 content=features",
            "describe 3 training images by side k, at the start",
        ),
        (
            "embed",
            "run=qk-0 model=warm-up side=k images=training shard=2-of-20 content=descriptors",
            "describe 3 training images (part 3 of 20) by side k, after the warm-up",
        ),
        (
            "embed",
            "run=qk-0 model=round1-k side=q images=phase2 shard=0-of-1 content=descriptors",
            "describe queries of phase 2 by side q, after round 1",
        ),
        (
            "embed_teacher",
            "teacher=sscd.safetensors images=training shard=1-of-2",
            "describe 3 training images (part 2 of 2) by the teacher sscd.safetensors",
        ),
        (
            "copies",
            "split=training round=0 shard=0-of-1",
            "make edited copies of 3 training images for the warm-up",
        ),
        (
            "score",
            "run=qk-0 model=round1-k phase=phase2 ranking=log_partition",
            "score phase 2, ranked by log-partition",
        ),
        ("draw", "", "draw the demo's images"),
        ("not_in_the_table", "run=qk-0", "not in the table"),
        ("score", "", "score"),  # a wildcard is missing: its name is better than nothing
    ],
)
def test_a_job_is_told_in_plain_words(plan, rule, wildcards, words):
    given = dict(pair.split("=") for pair in wildcards.split())
    assert words_of(rule, given, plan) == words


def test_images_are_counted_anew_where_their_list_was_made_anew(plan):
    manifest, copies = plan.results.manifest("training"), {"split": "training", "round": "1"}
    assert "of 3 training images" in words_of("copies", copies, plan)
    Path(manifest).write_text("id,path\nT000000,a\n")
    os.utime(manifest, (1, 1))
    assert "of 1 training images" in words_of("copies", copies, plan)


def test_without_a_plan_there_are_words_too():
    assert words_of("train_q", {"run": "qk-0", "round": "1"}) == (
        "train side q, round 1 of ?, run qk-0"
    )


def test_every_rule_of_the_workflow_has_words_and_a_time():
    text = "".join(path.read_text() for path in ROOT.glob("workflow/rules/*.smk"))
    named = set(re.findall(r"^ *(?:use rule \w+ as|rule) (\w+)(?: with)?:$", text, re.MULTILINE))
    assert len(named) > 30 and named == set(RULES)


def test_every_rule_has_the_name_of_a_job_and_every_job_a_rule():
    assert {rule.job or name for name, rule in RULES.items()} == set(JOBS)
    assert not [name for name, rule in RULES.items() if rule.job and name in JOBS]


def test_no_rule_names_its_log_or_its_usage_itself():
    """But for parts of a search, and who shares a name: `LOG` and `USAGE` have the table's."""
    text = "".join(path.read_text() for path in ROOT.glob("workflow/rules/*.smk"))
    named = re.findall(r"^        (?:R\.log|R\.usage)\((.*)\),?$", text, re.MULTILINE)
    assert named and not [name for name in named if not re.match(r"job\(|PLAN\.search_job", name)]


@pytest.mark.parametrize(
    ("seconds", "on_a_clock", "in_words"),
    [
        (0.4, "0:00", "0 s"),
        (59.6, "0:59", "1 min 0 s"),
        (444, "7:24", "7 min 24 s"),
        (3723, "1:02:03", "1 h 2 min"),
    ],
)
def test_times(seconds, on_a_clock, in_words):
    assert (clock(seconds), duration(seconds)) == (on_a_clock, in_words)


@pytest.mark.parametrize(
    ("count", "told"),
    [
        *((7, "7 bytes"), (999, "999 bytes"), (1000, "1 kB"), (3_140_000, "3.14 MB")),
        *((999_400, "999 kB"), (999_700, "1 MB")),
    ],
)
def test_sizes(tmp_path, count, told):
    (tmp_path / "file").write_bytes(bytes(count))
    assert size(str(tmp_path / "file")) == told
