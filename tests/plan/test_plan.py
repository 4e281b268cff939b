"""The plan: which runs a config asks for, what they share, and what each is made from."""

import itertools
import json
import re
import shlex
from pathlib import Path

import pytest

from configs import configured
from iscqk.errors import UserError
from iscqk.formats.phases import PHASES
from iscqk.formats.results import SPLITS
from iscqk.images.dataset_interface import Given, Sources
from iscqk.methods import METHODS
from iscqk.models.ready import ready_networks
from iscqk.plan import runs
from iscqk.plan.comparisons import (
    compared_methods,
    compared_settings,
    files_of,
    rows_in_job,
)
from iscqk.plan.dependence import copy_rounds, making, train_section, training_edits
from iscqk.plan.jobs import TRAININGS, kind_of
from iscqk.plan.names import (
    Content,
    ModelName,
    runs_pattern,
)
from iscqk.plan.parameters import fetched, given
from iscqk.plan.plan import Plan
from iscqk.plan.storage import Storage
from iscqk.plan.submission import given_files, given_in_storage
from iscqk.plan.teachers import teaching_networks

CONFIG = configured("from-nothing")
IMAGES = Sources(["training"], ["references"], ["others"], {}, {})


@pytest.fixture(autouse=True)
def nothing_is_made(tmp_path, monkeypatch):
    """Plan where no results are: what has been made in other numbers of shards is taken."""
    monkeypatch.chdir(tmp_path)


def config(**changes):
    return runs.changed(CONFIG, {key.replace("__", "."): value for key, value in changes.items()})


def plan(**changes):
    return Plan(config(**changes), IMAGES)


def home(plan, run, model):
    """Return the run under whose name a run's model lies."""
    return Path(plan[run].model(model).folder).parent.name


def test_changing_a_key_leaves_the_original_and_refuses_unknown_keys():
    assert config(train__qk__temperature=0.2)["train"]["qk"]["temperature"] == 0.2
    assert CONFIG["train"]["qk"]["temperature"] == 0.05
    with pytest.raises(UserError, match=r"config: train\.qk\.heat: no such key"):
        config(train__qk__heat=1)


def test_runs_that_differ_in_their_seed_alone_are_made_and_looked_at_once(monkeypatch):
    few, many = ({**config(), "study": {**CONFIG["study"], "seeds": s}} for s in ([7], range(100)))
    alone = runs.all_runs(few)
    changed, calls = runs.changed, []
    monkeypatch.setattr(runs, "changed", lambda *rest: calls.append(1) or changed(*rest))
    runs.all_runs(few)
    before = len(calls)
    made = runs.all_runs(many)
    assert len(calls) == 2 * before
    compared = [row.run for row in runs.study_rows(few)]
    compared += [
        row.run for name in few["study"]["ablations"] for row in runs.ablation_rows(few, name)
    ]
    for name in compared:
        assert {**alone[name], "study": {}} == {**made[name], "study": {}}
        twin = made[f"{name.removesuffix('-7')}-31"]
        assert twin["seed"] == 31 and {**twin, "seed": 7} == made[name]


def test_the_pattern_of_runs_is_of_their_names_alone_and_short():
    every = list(runs.all_runs({**config(), "study": {**CONFIG["study"], "seeds": range(100)}}))
    pattern = runs_pattern(every)
    assert len(pattern) < len("|".join(every)) / 5
    for some in (every, every[::7], ["qk-0"], ["a.b-0", "a+b-1"]):
        of_these = re.compile(runs_pattern(some))
        for name in [*every, *some, "qk-100", "qk-00", "qk-", "-0", "axb-0", "qk-0-1", "none"]:
            assert bool(of_these.fullmatch(name)) == (name in some)
    assert re.fullmatch(runs_pattern([]), "none")


def test_files_are_placed_in_a_value_in_time_that_grows_with_it():
    """A study of many seeds names a file a run, and asks where each lies."""

    class Files(list):
        looks = 0

        def __iter__(self):
            Files.looks += 1
            return super().__iter__()

    planned = Files(f"{n}.h5" for n in range(50))
    value = [{"file": f"{n}.h5", "seed": n} for n in range(50)]
    found = fetched(value, planned, [f"there/{n}.h5" for n in range(50)])
    assert found == [{"file": f"there/{n}.h5", "seed": n} for n in range(50)]
    assert Files.looks == 1


def test_rows_name_their_results_where_a_job_has_them():
    rows = [{"label": "qk", "scores": ["results/b.json", "results/a.json"]}]
    told = rows_in_job(rows, "results", ["there/a.json", "there/b.json"])
    assert json.loads(told) == [{"label": "qk", "scores": ["there/b.json", "there/a.json"]}]


def test_files_about_the_images_are_named_by_the_run_that_learns_by_them():
    given = {"train__qk__near_duplicates": "d.csv", "train__qk__teacher": "t.h5"}
    run = plan(**given, train__qk__soft_targets=0.5)["qk-0"]
    assert run.given_of_images == ["d.csv", "t.h5"] and plan()["qk-0"].given_of_images == []
    inputs = run.half_round(1, "q").inputs
    assert (inputs["near_duplicates"], inputs["teacher"]) == ("d.csv", "t.h5")


def test_a_network_that_teaches_describes_the_images_once_for_all_runs():
    teachers = {"teachers": {"train.qk.teacher": ["../a b.safetensors", "t.safetensors"]}}
    taught = {"train__qk__teacher": "t.safetensors", "train__qk__soft_targets": 0.5}
    planned = plan(**taught, study__ablations=teachers, shards__training=2)
    named = teaching_networks(planned.values())
    other = next(name for name in named if name != "t.safetensors")
    assert re.fullmatch(r"\.\._a_b\.safetensors-\w{8}", other)
    assert named == {"t.safetensors": "t.safetensors", other: "../a b.safetensors"}
    run, same = planned["qk-0"], planned["teachers-t.safetensors-0"]
    shards = [f"results/teachers/t.safetensors/training-{n}-of-2.h5" for n in range(2)]
    for half in (run.half_round(1, "q"), run.half_round(1, "k"), same.half_round(1, "q")):
        assert half.inputs["teacher"] == shards
    assert run.given_of_images == ["t.safetensors"]  # a submission comes from
    assert planned.checked_options("qk-0") == "--teacher=t.safetensors"
    usage = [path for path in run.usage() if "/teachers/" in path]
    described = [f"teachers/t.safetensors/embed-training-{n}-of-2" for n in range(2)]
    assert usage == [f"results/usage/{name}.tsv" for name in described]
    assert not [path for path in planned["moco-0"].usage() if "/teachers/" in path]
    assert given("--teacher", shards) == " ".join(f"--teacher={shard}" for shard in shards)


@pytest.mark.parametrize(
    "changes",
    [
        {"qk": {**CONFIG["train"]["qk"], "live_head": True}},
        {"qk": {**CONFIG["train"]["qk"], "teacher": "t.h5", "soft_targets": 0.5}},
        {"method": "gist"},
        {"method": "solo"},
    ],
    ids=["live_head", "teacher", "gist", "solo"],
)
def test_benchmarks_train_q_and_k_on_a_network_whatever_is_submitted(changes):
    """Rows that are made up have no features, and no teacher has seen them."""
    given = {**CONFIG, "train": {**CONFIG["train"], **changes}}
    run = Plan(given, IMAGES).benchmarked
    assert (run.method, run.config["model"]) == ("qk", CONFIG["model"])
    assert not run.own["live_head"] and run.given_of_images == []
    (bank,) = run.described("k", "training", name="initial")
    assert "/initial/descriptors/k/" in bank and "gist" not in bank
    assert runs.runs_of(given, ["benchmarks"])[1:] == [run.name]


def test_an_ablation_needs_as_many_values_of_each_key():
    ablations = {"rounds": {"train.rounds": [1, 2], "train.images_per_half_round": [10]}}
    with pytest.raises(UserError, match=r"study\.ablations\.rounds: give each .* values") as error:
        plan(study__ablations=ablations)
    assert "train.rounds has 2, train.images_per_half_round has 1; a file laid" in str(error.value)


def test_an_ablation_may_name_its_settings():
    settings = {"plain": {}, "both": {"describe.gist": 1, "describe.orientations": 2}}
    made = plan(study__ablations={"ways": settings})
    both, plain = made["ways-both-0"], made["ways-plain-0"]
    assert both.config["describe"]["gist"] == 1 and both.refines()
    assert both.by_network("round1-k", "queries", "phase1") == [
        "results/runs/qk-0/round1-k/descriptors-orientations2/q/phase1-0-of-1.h5"
    ]
    assert plain.by_network("round1-k", "queries", "phase1") == [
        "results/runs/qk-0/round1-k/descriptors/q/phase1-0-of-1.h5"
    ]
    assert not plain.refines()
    assert home(made, "ways-both-0", "round1-k") == home(made, "ways-plain-0", "round1-k") == "qk-0"


def test_what_an_ablation_changes_goes_with_its_rows():
    rows = compared_settings(plan(), "rounds")
    assert [(row["label"], row["settings"]) for row in rows[::2]] == [
        ("1-10000", "train.rounds: 1, train.images_per_half_round: 10000"),
        ("2-5000", "train.rounds: 2, train.images_per_half_round: 5000"),
        ("4-2500", "train.rounds: 4, train.images_per_half_round: 2500"),
    ]
    assert compared_settings(plan(), "pairing")[0]["settings"].startswith("describe.queries: q, ")


def test_who_compares_has_the_predictions_and_ground_truths_of_all_scores():
    for rows in (compared_methods(plan()), compared_settings(plan(), "rounds")):
        files = files_of(rows, "results")
        for phase in PHASES:
            assert f"results/data/{phase}/ground_truth.csv" in files
        scores = {row["score"] for row in rows}
        assert {score.replace("score.json", "predictions.csv") for score in scores} <= {*files}


def test_a_run_that_joins_gist_brings_the_gist_of_its_seed():
    made = plan(seed=7, study__methods=["qk"], describe__gist=0.5)
    assert made.gist("qk-7", "queries", "phase1") == [
        "results/runs/gist-7/initial/descriptors/q/phase1-0-of-1.h5"
    ]
    gist = made["gist-7"].config
    assert gist["seed"] == 7 and gist["model"]["backbone"] == "gist"
    assert gist["describe"]["gist"] == 0 and str(Content.of(gist["describe"])) == "descriptors"
    assert made.gist("gist-7", "queries", "phase1") == []
    assert "gist-7" not in plan(seed=7, study__methods=["qk"])


def test_a_name_tells_which_run_is_gists_and_which_learns_from_unbalanced_images():
    ablations = {"gist": {"describe.gist": [0, 1]}, "balanced": {"train.rounds": [1, 2]}}
    made = runs.all_runs(config(study__ablations=ablations, study__seeds=[0, 12]))
    assert {name for name in made if runs.is_gist_run(name)} == {"gist-0", "gist-12"}
    assert {"gist-0-12", "balanced-1-0", "qk-12"} <= {*made}
    unbalanced = {row.run for row in runs.unbalanced_rows(config())}
    assert {name for name in made if runs.split_of_run(name) == "unbalanced"} == unbalanced
    assert {runs.split_of_run(name) for name in made} == {"unbalanced", "training"}


def test_a_projection_is_of_all_that_is_joined_or_of_each_part():
    gist = {"describe__gist": 0.6, "describe__whitening": 0.5}
    shared, own = plan(**gist), plan(**gist, describe__gist_size=95)
    assert shared.submitted.projection_options() == "--size 255 --whitening 0.5"
    assert own.submitted.projection_options() == "--size 160 95 --whitening 0.5 1"
    without = plan(describe__whitening=0.5, describe__gist_size=95)
    assert without.submitted.projection_options() == "--size 255 --whitening 0.5"


def test_a_method_added_to_the_list_is_compared():
    rows = runs.study_rows(config(study__methods=["qk", "isd"], study__seeds=[0, 3]))
    assert [row.run for row in rows] == ["qk-0", "qk-3", "isd-0", "isd-3"]


def test_every_method_sees_as_many_images_but_gist_none():
    made = plan(train__rounds=2, train__images_per_half_round=500)
    assert {made[f"{m}-0"].budget for m in ("qk", "simclr", "moco", "isd")} == {42_000}
    assert made["gist-0"].budget == 0
    assert made["gist-0"].config["model"]["backbone"] == "gist"
    assert {tuple(copy_rounds(made[f"{m}-0"].config)) for m in ("qk", "simclr")} == {(0, 1, 2)}


def test_models_along_a_training():
    made = plan(train__rounds=2)
    along = ["warm-up", "round1-q", "round1-k", "round2-q", "round2-k"]
    assert [str(name) for name in made["qk-0"].models] == along
    assert list(map(str, made["moco-0"].models)) == [f"learned-{part}" for part in (1, 2, 3, 4)]
    assert list(map(str, made["gist-0"].models)) == ["initial"]
    assert list(map(str, plan(train__rounds=0)["qk-0"].models)) == ["initial"]


def test_what_runs_have_in_common_is_made_once():
    made, warm = plan(), "temperature-0.2-0"
    assert home(made, "simclr-0", "initial") == home(made, warm, "initial") == "qk-0"
    assert home(made, "gist-0", "initial") == "gist-0"  # another network
    assert home(made, warm, "warm-up") == "qk-0"  # the warm-up is SimCLR's
    assert home(made, warm, "round1-q") == warm
    default = "temperature-0.05-0"  # by another name
    assert home(made, default, "round1-k") == "qk-0"
    assert home(made, "continued-3-0", "round1-k") == "qk-0"  # a round more redoes none
    assert home(made, "pairing-q-q-0", "round1-k") == "qk-0"  # described otherwise, trained alike
    assert home(made, "unbalanced-isd-0", "learned-4") == "unbalanced-isd-0"  # other images


def test_a_warm_up_of_another_length_is_another_training():
    made = plan(study__ablations={"warm": {"train.qk.warm_up_images": [6400, 12800]}})
    for run, model in itertools.product(("warm-6400-0", "warm-12800-0"), ("warm-up", "round1-q")):
        assert home(made, run, model) == run
        assert home(made, run, "initial") == "qk-0"


def test_the_ablation_of_temperature_ranks_by_the_one_that_it_learned_with():
    made = plan()
    for t in (0.02, 0.05, 0.1, 0.2):
        run = made[f"temperature-{t}-0"]
        assert run.own["temperature"] == run.temperature("log_partition") == t


def made_beforehand(*files):
    """Leave files under results, as an earlier run does."""
    for file in map(Path, files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_a_shared_model_stays_where_it_is_when_another_method_is_submitted():
    """Else all that was learned from it would be learned again."""
    both = [plan()["qk-0"].model("initial").weights(side) for side in "qk"]
    made_beforehand(both[0])
    assert home(plan(train__method="moco"), "qk-0", "initial") == "moco-0"  # one side is no model
    made_beforehand(both[1])
    made = plan(train__method="moco", describe__sizes=[96])
    shared = {home(made, run, "initial") for run in ("moco-0", "qk-0", "negatives-256-0")}
    assert shared == {"qk-0"} and home(made, "moco-0", "learned-4") == "moco-0"
    assert made.size_options("qk-0") == "--sizes 96"  # whose weights the submission starts from


def test_in_a_storage_nothing_is_taken_that_an_earlier_run_left_on_this_disk():
    """Jobs elsewhere, which plan as well, do not see it."""
    run = plan(shards__training=2)["qk-0"]
    made_beforehand(*run.copies(0), *(run.model("initial").weights(side) for side in "qk"))
    changed = config(shards__training=3, train__method="moco")
    here, there = (Plan(changed, IMAGES, storage=one) for one in (None, Storage("s3", "s3://b")))
    assert [len(made["qk-0"].copies(0)) for made in (here, there)] == [2, 3]
    assert [home(made, "qk-0", "initial") for made in (here, there)] == ["qk-0", "moco-0"]
    pattern = here.results.copies("training", 0, "*")
    assert len(here.made.matching(pattern)) == 2 and there.made.matching(pattern) == []


def test_the_curriculum_changes_the_edits_from_a_round_on():
    harder = [{"round": 2, "length": [3, 4]}, {"round": 1, "strength": [0.4, 0.8]}]
    rounds = [training_edits(config(edits__curriculum=harder), number) for number in range(4)]
    assert rounds[0] == CONFIG["edits"]["training"]
    assert rounds[1] == {**rounds[0], "strength": [0.4, 0.8]}
    assert rounds[2] == rounds[3] == {**rounds[1], "length": [3, 4]}
    later = [{"round": 2, "strength": [0.5, 0.9]}, {"round": 1, "strength": [0.4, 0.8]}]
    assert training_edits(config(edits__curriculum=later), 2)["strength"] == [0.5, 0.9]


def test_a_seed_of_its_own_is_another_training_of_the_same_images():
    made = plan(study__seeds=[0, 1])
    assert home(made, "qk-1", "initial") == home(made, "simclr-1", "initial")
    assert home(made, "qk-1", "initial") != home(made, "qk-0", "initial")
    assert made["qk-1"].config["seed"] == 1
    assert made["qk-1"].config["queries"] == made["qk-0"].config["queries"]


def test_half_rounds_do_not_depend_on_the_number_of_rounds_or_on_the_warm_up():
    one, two = config(), config(train__rounds=2, train__qk__warm_up_images=7)
    assert train_section(one, "qk") == train_section(two, "qk")
    assert set(train_section(one, "moco")) & set(METHODS) == {"moco"}


def test_what_makes_its_copies_while_it_learns_depends_on_how_large_they_are_alone():
    """No file is made of them: neither how many of an image nor a JPEG."""
    first, same = (
        plan(train__method="solo", **changes)
        for changes in ({}, {"copies__quality": 50, "copies__per_image": 2})
    )
    other = plan(train__method="solo", copies__side=96)
    told = [made["solo-0"].fresh_options() for made in (first, same, other)]
    assert told[0] == told[1] != told[2] and '{"side": 160}' in told[0]
    options = [first[f"{name}-0"].head_options() for name in ("solo", "moco", "qk")]
    assert options[0] == "" and options[1].startswith("--model '{") and options[2]  # its warm-up
    plans = (first, same, other)
    made = [making(one.submitted.config, "training", one.submitted.last) for one in plans]
    assert made[0] == made[1] != made[2]


def test_names_of_runs_are_plain_and_each_another_one():
    values = ["a/../b", "a b", "a;b", "a_b", [1, 2], "x" * 300]
    study = {**CONFIG["study"], "ablations": {"odd": {"model.weights": values}}}
    rows = runs.ablation_rows({**CONFIG, "study": study}, "odd")
    assert len({row.run for row in rows}) == len(values)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", row.run) for row in rows)
    assert [row.label for row in rows][:4] == values[:4]


def test_a_half_round_starts_from_the_one_before():
    run = plan(train__rounds=2, shards__training=2)["qk-0"]
    first, second, third = run.half_round(1, "q"), run.half_round(1, "k"), run.half_round(2, "q")
    assert first.inputs["start"] == "results/runs/qk-0/warm-up/q.safetensors"
    assert first.inputs["frozen"] == "results/runs/qk-0/warm-up/k.safetensors"
    assert first.inputs["bank"] == [
        f"results/runs/qk-0/warm-up/descriptors/k/training-{shard}-of-2.h5" for shard in (0, 1)
    ]
    assert second.inputs["start"] == "results/runs/qk-0/round1-q/k.safetensors"
    assert second.inputs["frozen"] == "results/runs/qk-0/round1-q/q.safetensors"
    assert second.inputs["bank"] == [
        f"results/runs/qk-0/round1-q/descriptors/q/copies1-{shard}-of-2.h5" for shard in (0, 1)
    ]
    assert third.inputs["start"] == "results/runs/qk-0/round1-k/q.safetensors"
    assert second.inputs["training"] == "results/data/training.csv"
    assert len(first.inputs["copies"]) == 2


def test_what_a_training_took_is_all_that_led_to_its_last_model():
    run = plan(train__rounds=2)["qk-0"]
    along = ["warm-up", "round1-q", "round1-k", "round2-q", "round2-k"]
    assert run.history() == [f"results/runs/qk-0/{name}/history.csv" for name in along]
    assert run.history("round1-q") == run.history()[:2]
    jobs = [path.removeprefix("results/usage/qk-0/") for path in run.usage()]
    assert jobs == [
        "initial.tsv",
        "warm-up.tsv",
        "warm-up/embed-descriptors-k-training-0-of-1.tsv",
        "train-round1-q.tsv",
        "round1-q/embed-descriptors-q-copies1-0-of-1.tsv",
        "train-round1-k.tsv",
        "round1-k/embed-descriptors-k-training-0-of-1.tsv",
        "train-round2-q.tsv",
        "round2-q/embed-descriptors-q-copies2-0-of-1.tsv",
        "train-round2-k.tsv",
    ]
    for run in plan(train__qk__warm_up_images=64).values():  # each training has its own job
        kinds = [kind_of(Path(path).stem) for path in run.usage()]
        assert len([kind for kind in kinds if kind in TRAININGS]) == len(run.history())


def test_names_of_models_are_read_as_they_are_spelt_and_sort_as_they_are_made():
    names = ["initial", "warm-up", "round1-q", "round1-k", "round2-q", "round10-q"]
    assert [str(ModelName.parse(name)) for name in names] == names
    assert [str(name) for name in sorted(map(ModelName.parse, reversed(names)))] == names
    assert all(re.fullmatch(ModelName.pattern(), name) for name in [*names, "learned-3"])
    for wrong in ("round1", "round-q", "learned", "initial2", "round1-x", ""):
        assert not re.fullmatch(ModelName.pattern(), wrong)
        with pytest.raises(UserError, match="names no model"):
            ModelName.parse(wrong)


def test_a_content_tells_the_options_that_make_it():
    for ways in itertools.product(([], [64], [64, 96]), (1, 2, 4, 8), (False, True)):
        sizes, turns, trimmed = ways
        content = Content.of({"sizes": sizes, "orientations": turns, "trimmed": trimmed})
        assert (
            re.fullmatch(Content.pattern(), str(content)) and Content.parse(str(content)) == content
        )
        wanted = ["--sizes", *map(str, sizes)] if sizes else []
        wanted += ["--orientations", str(turns)] if turns > 1 else []
        assert content.options.split() == [*wanted, *(["--trimmed"] if trimmed else [])]
    assert Content.parse("features").options == "--features"


def test_given_queries_are_quarantined_apart_and_looked_at_with_all_other_images():
    """Where all are made, the same job is told so, and sees whether there is enough for them."""
    given = Given(["-odd", "q 2"], "truth.csv", ("public",))
    images = IMAGES._replace(phases={"phase1": given}, lists={"phase1": "l1", "training": "l2"})
    made = Plan(config(), images)
    assert made.images.lists(*SPLITS) == {"training": "l2"}
    in_turn = ("training", "phase1")  # which is not the config's order
    assert (*made.images.lists(*in_turn),) == in_turn
    looked_at = ["--phase1", "-odd", "q 2", "--ground-truths", "phase1=truth.csv"]
    looked_at += ["--lists", "phase1=l1"]
    assert shlex.split(made.images.queries_beforehand([])) == looked_at
    section = json.dumps(CONFIG["queries"], sort_keys=True)
    for phases in (["phase2"], PHASES):
        words = shlex.split(made.images.queries_beforehand(phases))
        assert words == [*looked_at, "--make", *phases, "--queries", section]
    assert made.images.halves("phase1") == ("public",) and made.images.halves("phase2") == ()
    assert made.images.quarantined("phase1")[1:] == ["results/data/phase1/quarantined.csv"]
    assert made.images.quarantined("phase2") == ["results/data/quarantined.csv"]


def test_of_runs_that_hold_out_images_the_most_that_a_method_does_is_told():
    held_out = {"train.method": ["solo", "solo"], "train.solo.validation_images": [50, 10]}
    made = plan(study__ablations={"held": held_out})
    assert made.held_out(["held-solo-50-0", "held-solo-10-0", "qk-0"]) == "--hold-out solo=50"
    assert made.held_out(["qk-0"]) == ""


def test_queries_in_shards_are_looked_at_on_their_own_and_so_are_their_lists():
    """Else the job that looks at all others finds none of the images that a list names."""
    given = [Given(["dev.tar"], "truth.csv", ()), Given(["test"], "truth.csv", ())]
    lists = {phase: f"{phase}.txt" for phase in PHASES}
    images = IMAGES._replace(phases=dict(zip(PHASES, given, strict=True)), lists=lists)
    words = shlex.split(Plan(config(), images).images.queries_beforehand([]))
    truth = ["--ground-truths", "phase2=truth.csv"]
    assert words == ["--phase2", "test", *truth, "--lists", "phase2=phase2.txt"]


def test_a_part_names_tar_files_of_any_name():
    tars = ["my photos/0.tar", "it's/$(1).tar", "2.tar", "3.tar"]
    made = Plan(config(), IMAGES._replace(training=tars))
    for part, among in (("0-of-2", tars[:2]), ("1-of-2", tars[2:])):
        files = made.images.shards_of_part("training", part)
        words = shlex.split(made.images.part_options("training", part, files))
        assert words[words.index("--within") + 1 : words.index("--of")] == files == among


def test_what_was_made_in_another_number_of_shards_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/copies/training/round0"
    folder.mkdir(parents=True)
    (folder / "0-of-2.tar").touch()
    assert [Path(path).name for path in plan(shards__training=3)["qk-0"].copies(0)] == [
        *("0-of-3.tar", "1-of-3.tar", "2-of-3.tar")  # one of two is not all
    ]
    (folder / "1-of-2.tar").touch()
    run = plan(shards__training=3)["qk-0"]
    assert [Path(path).name for path in run.copies(0)] == ["0-of-2.tar", "1-of-2.tar"]
    bank = run.described("q", "copies0")
    assert [Path(path).name for path in bank] == ["copies0-0-of-2.h5", "copies0-1-of-2.h5"]
    assert len(run.copies(1)) == 3


def test_what_is_made_shard_by_shard_is_in_the_shards_that_there_are_of_its_input():
    """Not in those that it was made in before, of other input: all would be described twice."""

    def images(run):
        return [
            getattr(run, made)(str(run.last), "references", "training")
            for made in ("by_network", "as_submitted")
        ]

    whitened = {"describe__whitening": 0.5, "shards__training": 2}
    first = plan(**whitened)["qk-0"]
    bank = first.half_round(1, "k").inputs["bank"]
    for file in [*sum(images(first), []), *bank]:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()
    assert [*map(len, images(plan(**whitened | {"shards__training": 4})["qk-0"]))] == [2, 2]
    changed = whitened | {"describe__orientations": 2, "shards__training": 4}
    run = plan(**changed)["qk-0"]
    assert [*map(len, images(run))] == [4, 4]
    inputs = run.half_round(1, "k").inputs
    assert len(inputs["bank"]) == len(run.copies(1)) == 4  # which are no more there


def test_a_submission_depends_on_its_phase_and_its_method_only():
    kept = json.loads(plan().submitted_config("phase2"))
    assert set(kept["edits"]) == {"training", "curriculum", "phase2"}
    assert set(kept["train"]) & set(METHODS) == {"qk", "simclr"}  # which it warms up by
    others = {"rehearsal", "benchmarks", "study", "unbalanced", "shards", "title", "ready"}
    assert not set(kept) & (others | {"validation"})
    assert "log_every" not in kept["train"] and "temperature" in kept["train"]["qk"]


@pytest.mark.parametrize(("there", "shards"), [("network", 1), ("gist", 4), ("nothing", 4)])
def test_gist_is_whitened_in_the_shards_that_the_network_has(there, shards):
    """What was made in another number of shards is taken as it is; the other is made alike."""

    def parts():
        planned = plan(describe__gist=1.0, shards__training=4)
        last = str(planned["qk-0"].last)
        network = planned["qk-0"].by_network(last, "references", "training")
        return {"network": network, "gist": planned.gist_beside("qk-0", last), "nothing": []}

    for made in parts()[there][:1]:
        Path(made).parent.mkdir(parents=True)
        Path(made.replace("-of-4", "-of-1")).touch()
    found = parts()
    assert len(found["network"]) == shards
    numbers = [[Path(name).name for name in found[part]] for part in ("network", "gist")]
    assert numbers[0] == numbers[1]


def test_the_first_weights_are_tried_at_the_sizes_at_which_they_describe():
    """Not at those of an ablation, which nobody may have asked for."""
    several = {"none": {"describe.sizes": []}, "two": {"describe.sizes": [48, 64]}}
    planned = plan(describe__sizes=[96], describe__gist=1.0, study__ablations={"sizes": several})
    assert planned.size_options("qk-0") == "--sizes 96" and planned.size_options("gist-0") == ""


def test_what_is_given_of_images_is_looked_at_where_the_first_weights_are_made():
    given = config(train__qk__near_duplicates="d 1.csv", train__qk__teacher="t.h5")
    planned = Plan(given, IMAGES)
    assert planned.checked_options("qk-0") == "'--near-duplicates=d 1.csv' --teacher=t.h5"
    assert planned.checked_options("gist-0") == plan().checked_options("qk-0") == ""
    assert Plan(given, IMAGES, storage=Storage("s3", "s3://b")).checked_options("qk-0") == ""
    others = runs.changed(given, {"train.method": "moco"})
    assert Plan(others, IMAGES).checked_options("moco-0") == ""
    compiled = runs.changed(others, {"train.compile": True})
    for storage in (None, Storage("s3", "s3://b")):
        assert Plan(compiled, IMAGES, storage=storage).checked_options("moco-0") == "--compile"
    assert plan(train__compile=True, train__rounds=0).checked_options("qk-0") == ""


def test_a_submission_comes_from_what_is_given_of_its_images_and_its_phase():
    for name in ("d.csv", "truth.csv", "l1", "l2", "w.safetensors"):
        Path(name).touch()
    said = {"near_duplicates": "d.csv", "teacher": "elsewhere.h5", "soft_targets": 0.5}
    changes = {f"train.qk.{key}": value for key, value in said.items()}
    changed = runs.changed(config(), changes | {"model.weights": "w.safetensors"})
    images = IMAGES._replace(
        phases={"phase1": Given(["q"], "truth.csv")}, lists={"phase1": "l1", "training": "l2"}
    )
    planned = Plan(changed, images)
    assert given_files(planned, "phase2") == ["w.safetensors", "d.csv", "l2"]
    assert given_files(planned, "phase1") == ["w.safetensors", "d.csv", "l2", "truth.csv", "l1"]
    assert given_in_storage(planned, "phase1") == []
    started = Plan(runs.changed(configured(), {}), IMAGES)
    assert given_files(started, "phase1") == ready_networks()


def test_in_a_storage_no_file_of_the_same_name_that_is_here_counts(tmp_path):
    for name in ("w.safetensors", "truth.csv", "photos/a.jpg"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    images = IMAGES._replace(phases={"phase1": Given(["photos"], "truth.csv")})
    changes = {"dataset.kind": "folders", "model.weights": "w.safetensors"}
    changed = runs.changed(config(), changes)
    here, stored = (Plan(changed, images, storage=one) for one in (None, Storage("s3", "s3://b")))
    assert here.images.state("phase1").startswith("1 ") and stored.images.state("phase1") == ""
    assert here.images.is_watched and not stored.images.is_watched
    assert here.submitted.start() == ["w.safetensors"] and stored.submitted.start() == []
    assert given_files(here, "phase1") == given_in_storage(stored, "phase1")
    assert len(given_in_storage(stored, "phase1")) == 2 and not given_files(stored, "phase1")
    started = Plan(configured(), IMAGES, storage=Storage("s3", "s3://b"))
    assert given_files(started, "phase2") == ready_networks()  # of the package, not of the plan


@pytest.mark.parametrize(
    "first", ["../../training/a.jpg", "{}/training/a.jpg", "../demo/a.jpg", None]
)
def test_shards_of_other_images_are_not_taken(tmp_path, first):
    """As those of the demo, where the config then names a folder."""
    planned = plan(shards__training=2)
    for name in planned["qk-0"].copies(1):
        made = Path(re.sub("-of-2", "-of-1", name))
        made.parent.mkdir(parents=True, exist_ok=True)
        if made.name.startswith("0-"):
            made.touch()
    if first:
        manifest = Path(planned.results.manifest("training"))
        manifest.parent.mkdir(parents=True)
        manifest.write_text(
            f"id,path,sha256,width,height\nT000000,{first.format(tmp_path)},x,1,1\n"
        )
    again = plan(shards__training=2)["qk-0"].copies(1)
    assert len(again) == (2 if first == "../demo/a.jpg" else 1)


def test_what_is_known_of_a_submission_tells_how_many_images_were_seen():
    """A method beside Q/K sees as many as it does, its warm-up's among them."""
    known = json.loads(plan(train__method="moco").submitted_config("phase1"))
    assert known["train"]["qk"] == {"warm_up_images": CONFIG["train"]["qk"]["warm_up_images"]}
    assert known["train"]["qk"]["warm_up_images"] > 0
