"""`iscqk plan`: a run of another size by the rates of one that is there."""

import shlex

import pytest

from configs import configured
from conftest import ROOT
from iscqk.cli import main
from iscqk.errors import UserError
from iscqk.forecast.counts import Counts, measured_counts, planned_counts
from iscqk.forecast.forecast import Stage, bank_gigabytes, dollars, gigabytes, stages
from iscqk.forecast.network import operations
from iscqk.forecast.rates import CLOCK, PROCESSOR, Rate, load, rates
from iscqk.forecast.submission_jobs import submission_jobs
from iscqk.forecast.tables import hours_table, size_table
from iscqk.forecast.work import Workload
from iscqk.formats.phases import PHASES
from iscqk.formats.results import Results
from iscqk.plan.jobs import JOBS, job, rule_of
from iscqk.plan.names import Content
from iscqk.plan.runs import changed
from iscqk.settings.config import Config
from iscqk.settings.costs import Costs

CONFIG = configured("from-nothing")
SMALL = Counts(100, 40, 20)
WILDCARDS = {
    **{"run": "qk-0", "model": "round1-k", "shard": "3-of-12", "split": "training", "round": "2"},
    **{"content": "descriptors-64-96-orientations8", "side": "q", "images": "copies1"},
    **{"role": "queries", "phase": "phase1", "ranking": "log_partition", "half": "public"},
    **{"ablation": "negatives", "teacher": "my-sscd.safetensors-0a1b2c3d"},
}


def config(**changes):
    Config.fill_defaults(CONFIG)
    return changed(CONFIG, {key.replace("__", "."): value for key, value in changes.items()})


def one_operation(_):
    return 1.0


@pytest.mark.parametrize("rule", JOBS)
def test_the_rule_of_a_job_is_found_by_its_name(rule):
    named = {key: value for key, value in WILDCARDS.items() if f"{{{key}}}" in JOBS[rule]}
    assert rule_of(job(rule, **named)) == (rule, named)


def test_a_part_of_a_search_is_a_job_and_other_files_are_none():
    name = job("search", **WILDCARDS) + "-3-of-12"
    assert rule_of(name)[1]["shard"] == "3-of-12"
    assert rule_of("nothing/of/ours") is None


def test_a_planned_submission_has_the_jobs_that_snakemake_runs(finished):
    made = config(shards={"training": 2, "references": 2, "queries": 1, "search": 1})
    usage = finished.folder / "results/usage"
    ran = [path.relative_to(usage).with_suffix("").as_posix() for path in usage.rglob("*.tsv")]
    kinds = sorted(found[0] for found in map(rule_of, ran) if found)
    planned = sorted(rule for rule, _ in submission_jobs(made, ["phase1", "phase2"]))
    assert planned == sorted(kind for kind in kinds if kind != "draw")
    assert len(planned) > 30


def test_a_network_that_teaches_is_planned_and_its_work_is_that_of_describing_the_images():
    made = config(shards={"training": 2, "references": 1, "queries": 1, "search": 1})
    made["train"]["qk"]["teacher"] = "sscd.safetensors"
    jobs = [job for job in submission_jobs(made, ["phase2"]) if job[0] == "embed_teacher"]
    counts = Counts(**dict.fromkeys(Counts._fields, 100))
    work = [Workload(made, counts, 2.0).of(*job) for job in jobs]
    assert [(one.amount, one.load) for one in work] == [(50, 100), (50, 100)]


def test_gist_that_is_submitted_is_planned_once_where_it_would_be_joined_too():
    made = config()
    made["train"]["method"] = "gist"
    gist, joined = (
        submission_jobs({**made, "describe": {**made["describe"], "gist": weight}}, ["phase1"])
        for weight in (0, 1)
    )
    assert joined == gist and [rule for rule, _ in gist].count("initial") == 1


@pytest.mark.parametrize(
    ("dataset", "stages", "halves"),
    [
        ({"kind": "demo"}, ["queries", "queries"], 0),
        ({"kind": "folders", "phase2": {}}, ["queries", "prepare"], 0),
        ({"kind": "disc21"}, ["prepare", "prepare"], 2),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_queries_that_a_source_has_are_not_planned_to_be_made_and_halves_are_disc21s(
    dataset, stages, halves
):
    made = {**config(), "dataset": dataset}
    work = Workload(made, SMALL, 7)
    assert [work.of("queries", {"phase": phase}).stage for phase in PHASES] == stages
    planned = [rule for rule, _ in submission_jobs(made, PHASES)]
    assert planned.count("score_half") == halves


@pytest.mark.parametrize(
    ("rule", "wildcards", "amount", "load"),
    [
        ("prepare", {}, 140, 140),
        ("copies", {"shard": "0-of-4"}, 50, 50 * 160**2),
        ("warm_up", {}, 40_000, 40_000 * 3 * 7),
        ("train", {}, 10_000, 10_000 * (3 * 7 + 4 * 100 * 255)),
        ("embed", {"content": "descriptors", "images": "references", "shard": "0-of-2"}, 20, 140),
        ("embed", {"content": "descriptors-64-128", "images": "phase1"}, 20, 20 * 7 * 5),
        ("embed", {"content": "descriptors-orientations8", "images": "phase2"}, 20, 20 * 7 * 8),
        ("embed", {"content": "descriptors", "images": "copies1"}, 200, 200 * 7),
        ("search", {"shard": "1-of-4"}, 200, 200),
        ("score_half", {}, 400, 400),
        ("merge", {"ranking": "log_partition"}, 2000, 2000),
        ("merge", {"ranking": "similarity"}, 60, 60),
        ("score", {}, 800, 800),
    ],
)
def test_what_a_job_does_is_counted(rule, wildcards, amount, load):
    work = Workload(config(), SMALL, 7).of(rule, {"run": "qk-0", **wildcards})
    assert (work.amount, work.load) == (amount, load)


def test_a_network_has_the_operations_that_its_layers_tell():
    """ResNet-50 has 4.1 billion multiply-adds at 224 px (arXiv:1512.03385, table 1: 3.8)."""
    model = {**config()["model"], "backbone": "resnet50", "image_size": 224}
    assert operations(model) == pytest.approx(2 * 4.1e9, rel=0.02)
    assert operations({**model, "backbone": "gist"}) == 1


def write_run(folder, counts, seconds):
    """Write what a run leaves of its images and its time."""
    data = folder / "data"
    (data / "phase1").mkdir(parents=True)
    for name, count in zip(("training", "references", "phase1/queries"), counts, strict=True):
        (data / f"{name}.csv").write_text("id\n" + "x\n" * count)
    for name, taken in seconds.items():
        path = folder / f"usage/{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("s\tmax_rss\n" + "".join(f"{one}\t1\n" for one in taken))
    return folder / "usage"


def test_jobs_of_two_sizes_tell_the_start_from_the_work(tmp_path):
    search = "qk-0/round1-k/search-phase1-similarity"
    small = write_run(tmp_path / "a", (1, 100, 10), {search: [3.0], "draw": [9.0]})
    large = write_run(tmp_path / "b", (1, 1000, 100), {search: [2.0 + 100.0]})
    found = rates([small, large], config(), one_operation)["search"]
    assert found.seconds(1000) == pytest.approx(3, rel=0.01)
    assert found.seconds(100_000) == pytest.approx(102, rel=0.01)
    assert (found.amount, found.at_most) == (100_000, False)


def test_jobs_that_only_start_give_a_bound_which_says_so(tmp_path):
    search, train = "qk-0/round1-k/search-phase1-similarity", "qk-0/train-round1-q"
    usage = write_run(tmp_path, (10, 100, 10), {search: [4.0], train: [100.0, 300.0]})
    found = rates([usage], config(), one_operation)
    assert found["search"].at_most and found["search"].each == 4 / 1000
    assert found["train"].start == 4 and not found["train"].at_most  # several tries: their mean
    assert found["train"].each * 10_000 * (3 + 4 * 10 * 255) == pytest.approx(196)


def test_a_start_may_be_dearer_than_that_of_the_shortest_job(tmp_path):
    """As that of a search is, which needs torch: of 2 s beside a job of 0.5 s nearly all of it."""
    search, train = "qk-0/round1-k/search-phase1-similarity", "qk-0/train-round1-q"
    taken = {search: [2.0], train: [20.0], "qk-0/round1-k/validate-phase1-similarity": [0.5]}
    found = rates([write_run(tmp_path, (10, 100, 10), taken)], config(), one_operation)
    assert found["search"].at_most and not found["train"].at_most


def test_jobs_that_shared_a_processor_are_reckoned_by_its_seconds(tmp_path):
    train, validate = "qk-0/train-round1-q", "qk-0/round1-k/validate-phase1-similarity"
    usage = write_run(tmp_path, (100, 40, 20), {train: [], validate: []})
    for name, told in ((train, "81\t11"), (validate, "1\tNA")):  # of a short one nothing is told
        (usage / f"{name}.tsv").write_text(f"s\tcpu_time\n{told}\n")
    load = Workload(config(), SMALL, 1).of("train", {}).load
    for by, taken in ((CLOCK, 80), (PROCESSOR, 10)):
        assert rates([usage], config(), one_operation, by)["train"].each * load == taken


@pytest.mark.parametrize(
    ("job", "model"),
    [("warm-up", "warm-up"), ("train-round1-q", "round1-q"), ("learn", "learned-2")],
)
def test_a_training_that_went_on_took_what_it_took_before_too(tmp_path, job, model):
    usage = write_run(tmp_path, (100, 40, 20), {f"qk-0/{job}": [], "prepare": [0.5]})
    (usage / f"qk-0/{job}.tsv").write_text("s\tcpu_time\n100\t30\n")
    history = tmp_path / f"runs/qk-0/{model}/history.csv"
    history.parent.mkdir(parents=True)
    history.write_text("step,images,seconds\n1,160,160\n2,320,400\n")
    stage = {"warm-up": "warm_up"}.get(job, job.split("-")[0])
    for by, taken in ((CLOCK, 400), (PROCESSOR, 120)):
        found = rates([usage], config(), one_operation, by)[stage]
        assert found.seconds(Workload(config(), SMALL, 1).of(stage, {}).load) == taken


def test_jobs_that_waited_are_told(tmp_path):
    usage = write_run(tmp_path, (1, 1, 1), {"prepare": [10.0]})
    assert load([usage]) is None
    for name, percentage in (("a", "3.0"), ("b", "7.0"), ("c", "90"), ("d", "0.00"), ("e", "NA")):
        (usage / f"{name}.tsv").write_text(f"s\tmean_load\n1\t{percentage}\n")
    assert load([usage]) == 7


def test_runs_of_a_study_and_other_images_are_not_taken_for_the_submission(tmp_path):
    own = {"qk-0/train-round1-q": [100.0], "prepare": [1.0]}
    others = {
        "negatives-256-0/train-round1-q": [7.0],
        "unbalanced-moco-0/learned-1/embed-features-q-unbalanced-0-of-1": [7.0],
        "copies-unbalanced-round1-0-of-1": [7.0],
    }
    alone = write_run(tmp_path / "alone", (10, 100, 10), own)
    beside = write_run(tmp_path / "beside", (10, 100, 10), {**own, **others})
    assert rates([alone], config(), one_operation) == rates([beside], config(), one_operation)


def test_an_image_whose_name_has_a_line_break_is_one_image(tmp_path):
    write_run(tmp_path, (1, 2, 3), {})
    (tmp_path / "data/training.csv").write_text('id,path\nT0,"two\nlines.jpg"\nT1,one.jpg\n')
    assert measured_counts(Results(str(tmp_path))) == Counts(2, 2, 3)


def test_a_usage_that_stops_short_tells_what_it_has(tmp_path):
    usage = write_run(tmp_path, (1, 1, 1), {"prepare": [10.0]})
    (usage / "prepare.tsv").write_text("s\tcpu_time\tmean_load\n10\t4")
    assert load([usage]) is None
    assert rates([usage], config(), one_operation, PROCESSOR)["prepare"].start == 4


def test_a_rehearsal_tells_of_its_own_size(tmp_path):
    usage = write_run(tmp_path, (1, 1, 1), {"rehearsal/search": [50.0], "rehearsal/score": [5.0]})
    (tmp_path / "rehearsal").mkdir()
    for name, count in (("queries", 30), ("references", 2000)):
        (tmp_path / f"rehearsal/{name}.csv").write_text("id\n" + "x\n" * count)
    assert rates([usage], config(), one_operation)["search"].amount == 60_000


def test_hours_grow_with_the_work_and_a_faster_machine_takes_fewer(tmp_path):
    train, prepare = "qk-0/train-round1-q", "prepare"
    usage = write_run(tmp_path, (100, 40, 20), {train: [1000.0], prepare: [10.0]})
    measured, jobs = rates([usage], config(), one_operation), [("train", {}), ("prepare", {})]
    costs = Costs.parse({"machine_hour": 2, "gpu_hour": 3, "gpu_teraflops": 1e-6})

    def hours(made, costs=costs):
        return stages(jobs, Workload(made, SMALL, 1), measured, costs)

    train, read = hours(config())
    assert train.hours == pytest.approx(1000 / 3600)
    assert hours(config(train__images_per_half_round=30_000))[0].hours * 3600 == pytest.approx(2980)
    assert train.gpu_hours == pytest.approx(10_000 * (3 + 4 * 100 * 255) / 1e6 / 3600)
    fast = Costs.parse({**costs.given, "times_as_fast": 4, "reading_times": 8})
    assert hours(config(), fast)[0].hours == pytest.approx(train.hours / 4)
    assert hours(config(), fast)[1].hours > read.hours
    spent = dollars([train, read], 500, costs)
    assert spent["machines alone"] == pytest.approx(2 * (train.hours + read.hours))
    gpu = 3 * train.gpu_hours + 2 * (train.reading_hours + read.hours)
    assert spent["machines and GPUs"] == pytest.approx(gpu)
    assert spent["a month of the disks"] == 11.5


def test_dollars_are_bounds_where_hours_are():
    rate = Rate(start=5, each=1, amount=1000, at_most=False)
    bound = rate._replace(at_most=True)
    step = Stage("train", 1, 1000, "images", rate, 10, 10, 1, 2, reading_at_most=False)
    read = Stage("prepare", 1, 1000, "images", rate, 10, 10, 0, 0, reading_at_most=False)
    reads_at_most = [step._replace(reading_at_most=True), read]
    for found, alone, beside in (
        ([step, read], "", ""),
        ([step, read._replace(rate=bound)], "≤ ", "≤ "),
        (reads_at_most, "", "≤ "),
    ):
        costs = Costs.parse({"machine_hour": 1, "gpu_hour": 1})
        table = size_table(config(), SMALL, 2, found, costs)
        assert "| cost | dollars of 2025 |" in table
        assert f"| machines alone | {alone}20 |" in table
        assert f"| machines and GPUs | {beside}13 |" in table
        hours = hours_table(found).splitlines()[-1]
        assert f"| {alone}20 |  | {beside}12 | 1 |" in hours


def test_bytes_are_those_of_the_files():
    sizes = gigabytes(config(), Counts(10**6, 10**6, 50_000), 2, Costs())
    assert sizes["images"] == pytest.approx(350.7)
    assert sizes["submission files"] == pytest.approx(4 * 1.0752)
    assert bank_gigabytes(config(), 10**6) == pytest.approx(1.02)
    assert bank_gigabytes(config(train__qk__bank_precision="bf16"), 10**6) == pytest.approx(0.51)


def test_images_that_no_config_tells_are_asked_for():
    folders = {**config(), "dataset": {"kind": "folders"}}
    with pytest.raises(UserError, match="how many training there are.*give --training"):
        planned_counts(folders, {"training": None, "references": 3, "queries": 2})
    assert planned_counts(folders, {"training": 1, "references": 3, "queries": 2}) == (1, 3, 2)
    assert str(Content.of(config()["describe"])) == "descriptors"


def test_the_challenge_is_planned_after_a_small_run(finished, capsys, monkeypatch, tmp_path):
    usage = finished.folder / "results/usage"
    preset = ROOT / "workflow/presets/disc21.yaml"
    command = f"plan --config {ROOT}/config.yaml {preset} --usage {usage} --references 1000000000"
    assert main(shlex.split(command)) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("iscqk on DISC21: 1,000,000 training, 1,000,000,000 references, 50,000")
    rows = {line.split(" | ")[0].strip("| "): line for line in shown.splitlines()}
    assert rows["embed"].startswith("| embed | 1,220 | ")  # 4 banks of 200, 420 at the end
    assert "copies | 400 | 2,000,000 copies | " in rows["copies"]
    assert "| combine | 4 | 2,000,000 pairs | never | ? |" in shown
    assert "Never measured, and in no sum: combine.\n" in shown
    assert main(shlex.split(command.replace(str(usage), str(usage.parent / "logs")))) == 1
    short = shlex.split(command.replace(f"{ROOT}/config.yaml ", ""))
    monkeypatch.chdir(ROOT)
    capsys.readouterr()
    assert main(short) == 0 and capsys.readouterr().out == shown  # as over its folder's config.yaml
    monkeypatch.chdir(tmp_path)  # where none is
    assert main(short) == 1
