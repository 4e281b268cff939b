"""The profiles for clusters, as a dry run of Snakemake reads them."""

import re

import pytest
import yaml

from conftest import ROOT

OVER_SLURM = "--profile profiles/slurm --workflow-profile profiles/kubernetes"
PROFILES = {
    "slurm": "--workflow-profile profiles/slurm",
    # Another executor than the profile's, whose plugin is not part of the environment.
    "kubernetes": f"{OVER_SLURM} --executor local",
}
GPU_RULES = {"embed", "embed_copies", "learn", "train_k", "train_q", "learning_curve", "warm_up"}


def jobs(project, command):
    """Return (rule, threads, resources) of every job that a dry run lists."""
    done = project.run(f"snakemake --dry-run {command}")
    found = set()
    for block in re.split(r"^(?=rule \w+:$)", done.stdout + done.stderr, flags=re.MULTILINE)[1:]:
        rule = re.match(r"rule (\w+):", block)[1]
        threads = re.search(r"^ +threads: (\d+)$", block, re.MULTILINE)
        resources = re.search(r"^ +resources: (.+)$", block, re.MULTILINE)[1]
        pairs = tuple(sorted(pair.split("=", 1) for pair in resources.split(", ")))
        found.add((rule, int(threads[1]) if threads else 1, tuple(map(tuple, pairs))))
    return [(rule, threads, dict(resources)) for rule, threads, resources in found]


@pytest.fixture
def disc21(project):
    """Return a project with folders of DISC21's names and shape, a few empty images in each."""
    for name in ("train", "references", "dev_queries", "test_queries"):
        folder = project.folder / f"disc21/{name}"
        folder.mkdir(parents=True)
        (folder / "image.jpg").touch()
    for name in ("dev", "test"):
        path = project.folder / f"disc21/{name}_queries_groundtruth.csv"
        path.write_text("Q00000,R000000\n")
    (project.folder / "root.yaml").write_text("dataset: {root: disc21}")
    return project


@pytest.mark.parametrize("profile", PROFILES)
def test_a_cluster_is_asked_for_what_the_rules_need(project, profile):
    found = jobs(project, f"study --configfile config.yaml tiny.yaml {PROFILES[profile]}")
    assert len({rule for rule, _, _ in found}) > 15
    assert max(threads for _, threads, _ in found) == 8  # also of rules that take half a machine
    for rule, _, resources in found:
        assert resources.get("gpu", "0") == ("1" if rule in GPU_RULES else "0"), rule
        assert int(resources["mem_mb"]) >= 8000 and int(resources["runtime"]) >= 60
        if profile == "kubernetes":
            assert (resources["gpu_manufacturer"], resources["scale"]) == ("nvidia", "0")


def test_a_pod_has_room_for_the_images_that_it_fetches(project):
    for name in ("training", "references", "others"):
        with open(project.folder / f"{name}.tar", "wb") as file:
            file.truncate(100 * 10**9)  # of nothing
    (project.folder / "shards.yaml").write_text(
        "dataset: {kind: shards, training: training.tar, references: references.tar, "
        "others: others.tar}"
    )
    files = "--configfile config.yaml tiny.yaml shards.yaml"
    found = jobs(project, f"submission_phase2 {files} {PROFILES['kubernetes']}")
    (prepare,) = [resources for rule, _, resources in found if rule == "prepare"]
    assert int(prepare["disk_mb"]) > 300_000


@pytest.mark.long
def test_the_challenge_is_asked_for_in_shards(disc21):
    files = "--configfile config.yaml workflow/presets/disc21.yaml root.yaml"
    found = jobs(disc21, f"submission_phase2 {files} {PROFILES['slurm']}")
    asked = {rule: resources for rule, _, resources in found}
    for rule in ("train_q", "train_k"):
        assert int(asked[rule]["mem_mb"]) >= 32000 and int(asked[rule]["runtime"]) >= 720
    for rule in ("copies", "embed", "embed_copies"):  # a shard is 5,000 images
        assert int(asked[rule]["runtime"]) <= 120


def rules_that_use_a_gpu():
    """Return the rules with such a resource, and those that are like them but for some files."""
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    blocks = re.split(r"^(?=rule \w+:|use rule )", text, flags=re.MULTILINE)
    found = {re.match(r"rule (\w+)", block)[1] for block in blocks if "gpu=GPU" in block}
    alike = re.findall(r"^use rule (\w+) as (\w+)", text, re.MULTILINE)
    return found | {rule for other, rule in alike if other in found}


def test_every_rule_that_uses_a_gpu_asks_a_cluster_for_one():
    """The rule itself asks for what the machine has that starts the run."""
    asked = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())["set-resources"]
    rules = rules_that_use_a_gpu()
    assert {rule for rule, resources in asked.items() if "gpu" in resources} == rules
    assert len(rules) >= 10 and rules >= GPU_RULES
    for rule in rules:
        assert asked[rule]["gpu"] == 1 and {"mem_mb", "runtime"} < asked[rule].keys()


def test_the_profile_names_rules_that_exist(project):
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    rules = set(project.run("snakemake --list-rules").stdout.split())
    assert set(profile["set-resources"]) | set(profile["set-threads"]) <= rules
