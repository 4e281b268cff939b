# What the rules share: sections of the config as text, and the names of files of many parts.

import json
import os
import shlex
from types import SimpleNamespace

from iscqk import runs
from iscqk.formats.ids import PHASES
from iscqk.workflow import (
    end_jobs_with_snakemake,
    fingerprint_of_images,
    gpu_count,
    let_jobs_speak_utf8,
    put_program_on_path,
)
from iscqk.workflow import sources as source_files

put_program_on_path()
let_jobs_speak_utf8()
end_jobs_with_snakemake()

# A GPU takes one job at a time (profiles/default); without one, jobs fill the cores.
GPU = gpu_count()

# A resource and no parameter: how many share the work changes no result, and reruns nothing.
PROCESSES = config["train"]["processes"]

# Short jobs spend more time on starting up than on work that fills a machine, so two run at once.
HALF = max(1, (workflow.cores or 8) // 2)

MANIFESTS = {
    "training": "results/data/training.csv",
    "unbalanced": "results/data/unbalanced.csv",
    "evaluation": "results/data/evaluation.csv",
    "references": "results/data/references.csv",
    "phase1": "results/data/phase1/queries.csv",
    "phase2": "results/data/phase2/queries.csv",
}

# The conventions take different numbers of pairs: fb what was searched for, drivendata its own.
SCORED = {"fb": "predictions.csv", "drivendata": "descriptors.h5"}[
    config["score"]["convention"]
]

# (run, model) to the run under whose name that model lies.
HOMES = runs.homes(RUNS)
SUBMITTED = runs.submission_run(config)


def sources(stage):
    """Return the source files of a stage, which lie here also where results lie in a storage."""
    return local(source_files(stage))


def text(value):
    """Return a config value as JSON with sorted keys, so that reordered keys rerun nothing."""
    return json.dumps(value, sort_keys=True)


def as_it_is(value):
    """Return a function to a parameter, in whose braces Snakemake then sees no wildcards."""
    return lambda wildcards: value


def of_run(section):
    """Return a function of wildcards to a section of the run's config, as JSON."""
    return lambda wildcards: text(RUNS[wildcards.run][section])


def train_section(method):
    """Return a function of wildcards to what training by a method depends on, as JSON."""
    return lambda wildcards: text(runs.train_section(RUNS[wildcards.run], method))


def seed(wildcards):
    """Return the seed of a run."""
    return RUNS[wildcards.run]["seed"]


def split(wildcards):
    """Return the name of the images that a run learns from."""
    return runs.split(wildcards.run)


def training(wildcards):
    """Return the manifest of the images that a run learns from."""
    return MANIFESTS[split(wildcards)]


def shards(images):
    """Return the shard numbers of a set of images."""
    kind = "training" if images.startswith("copies") else images
    kind = "queries" if images.startswith("phase") else kind
    return range(config["shards"].get(kind, 1))


def model(run, name=None):
    """Return the folder of a run's model; without a name, of its last."""
    name = name or runs.models(RUNS[run])[-1]
    return f"results/runs/{HOMES[run, name]}/{name}"


def weights(name, side):
    """Return a function of wildcards to the weights of the run's model of that name."""
    return lambda wildcards: (
        f"{model(wildcards.run, name.format(**wildcards))}/{side}.safetensors"
    )


def described(folder, side, images, content="descriptors"):
    """Return the shards of what a model's side makes of a set of images."""
    return [f"{folder}/{content}/{side}/{images}-{n}.h5" for n in shards(images)]


def content_options(content):
    """Return the options that make `embed` write features, or descriptors-SIZE-SIZE-flip."""
    content, *ways = content.split("-")
    sizes = [way for way in ways if way != "flip"]
    options = ["--features"] if content == "features" else []
    options += ["--sizes", *sizes] if sizes else []
    return " ".join([*options, *(["--flip"] if "flip" in ways else [])])


def bank(wildcards, name, side, images):
    """Return the shards of a bank: features where the frozen side's head keeps learning."""
    live = RUNS[wildcards.run]["train"]["qk"]["live_head"]
    content = "features" if live else "descriptors"
    return described(model(wildcards.run, name), side, images, content)


def copies(split, round):
    """Return the shards of a round's copies."""
    return [f"results/copies/{split}/round{round}/{n}.tar" for n in shards("copies")]


def before(side):
    """Return a function of wildcards to the weights that a side starts a round from."""
    return lambda wildcards: (
        f"{model(wildcards.run, before_round(wildcards))}/{side}.safetensors"
    )


def before_round(wildcards):
    """Return the name of the model that a round starts from."""
    return runs.before(RUNS[wildcards.run], int(wildcards.round))


def near_duplicates(wildcards):
    """Return the table of near-duplicates that a run knows of, if there is one."""
    return RUNS[wildcards.run]["train"]["qk"]["near_duplicates"] or []


def given(option, path):
    """Return an option with its value, or nothing where there is none."""
    return f"{option}={shlex.quote(str(path))}" if path else ""


def for_phase(wildcards, role, images):
    """Return descriptors of images, as queries or as references, as they are submitted."""
    if not runs.refines(RUNS[wildcards.run]):
        return by_network(wildcards, role, images)
    folder = f"results/runs/{wildcards.run}/{wildcards.model}/refined/{role}"
    return [f"{folder}/{images}-{n}.h5" for n in shards(images)]


def by_network(wildcards, role, images):
    """Return descriptors of images by the side that describes queries or references."""
    run = RUNS[wildcards.run]
    folder, side = model(wildcards.run, wildcards.model), run["describe"][role]
    return described(folder, side, images, f"descriptors{runs.seen(run)}")


def by_gist(wildcards, role, images):
    """Return GIST's descriptors of images, if a run joins them to its own."""
    run = RUNS[wildcards.run]
    if not run["describe"]["gist"]:
        return []
    return described(model(runs.gist_run(run)), run["describe"][role], images)


def part(wildcards, by):
    """Return the shard of queries or references, as a model describes them, that a job refines."""
    number = int(wildcards.shard)
    return by(wildcards, wildcards.role, wildcards.images)[number : number + 1]


def gist_options(wildcards, shards):
    """Return the options that join GIST's descriptors, if there are any."""
    weight = RUNS[wildcards.run]["describe"]["gist"]
    return f"--part {shards} --weights 1 {weight}" if shards else ""


def projection(run, name):
    """Return the projection of what a run joins or whitens, if it does."""
    settings = RUNS[run]["describe"]
    path = f"results/runs/{run}/{name}/refined/projection.safetensors"
    return path if settings["gist"] or settings["whitening"] else []


def subtraction(wildcards, training):
    """Return the options that say what is subtracted."""
    settings = RUNS[wildcards.run]["describe"]
    options = f"--nearest {settings['subtract_nearest']} --share {settings['subtract']}"
    return f"--training {training} {options}" if training else ""


def subtracted(wildcards):
    """Return the descriptors of training images that are subtracted from others, if any."""
    settings = RUNS[wildcards.run]["describe"]
    if wildcards.images == "training" or not settings["subtract"]:
        return []
    return for_phase(wildcards, "references", "training")


def scored(run, phase, ranking, file="score.json"):
    """Return a file of the scores of a run's last model."""
    return f"results/runs/{run}/{runs.models(RUNS[run])[-1]}/{phase}/{ranking}/{file}"


def method(wildcards):
    """Return the method of a run."""
    return RUNS[wildcards.run]["train"]["method"]


def board(folder):
    """Return a function of wildcards to the folder of a training's scalars, or to "".

    It is a resource and no parameter: who looks on changes no result, and reruns nothing.
    """
    return lambda wildcards: (
        given(
            "--tensorboard",
            f"results/tensorboard/{wildcards.run}/{folder.format(**wildcards)}",
        )
        if config["tensorboard"]
        else ""
    )


def all_copies(wildcards):
    """Return the shards of all copies that a run learns from."""
    rounds = runs.copy_rounds(RUNS[wildcards.run])
    return [shard for number in rounds for shard in copies(split(wildcards), number)]


def learned(file):
    """Return a file of the models along a training of one encoder for both sides."""
    parts = range(1, config["study"]["points"] + 1)
    return [f"results/runs/{{run}}/learned-{part}/{file}" for part in parts]


def folders(files):
    """Return the options that name the folders of files as outputs."""
    files = [files] if isinstance(files, str) else files
    return " ".join(f"--output {os.path.dirname(file)}" for file in files)


def state_of(folders):
    """Return a function to a parameter that changes with the user's images in these folders.

    It is asked for by the jobs that list them alone. The demo's are made by a rule, and DISC21's
    millions never change.
    """

    def state(wildcards):
        own = config["dataset"]["kind"] == "folders"
        return fingerprint_of_images(*folders(wildcards)) if own else ""

    return state


def lists():
    """Return the list files of the splits that are no phase's."""
    return {split: file for split, file in IMAGES.lists.items() if split not in PHASES}


def looked_at_with_all():
    """Return the options that have the given queries looked at together with all other images."""
    folders = [
        word
        for phase, given in IMAGES.phases.items()
        for word in (f"--{phase}", *given.queries)
    ]
    lists = [f"{name}={file}" for name, file in IMAGES.lists.items() if name in PHASES]
    return shlex.join([*folders, *(["--lists", *lists] if lists else [])])


def quarantined(phase):
    """Return the lists of images that could not be read; made queries can."""
    taken = [f"results/data/{phase}/quarantined.csv"] if phase in IMAGES.phases else []
    return ["results/data/quarantined.csv", *taken]


def halves(phase):
    """Return the halves of a phase that are scored on their own."""
    return IMAGES.phases[phase].halves if phase in IMAGES.phases else ()


def submitted(wildcards, file):
    """Return a file of the ranking that is submitted."""
    return scored(SUBMITTED, wildcards.phase, config["describe"]["ranking"], file)


def submitted_bank():
    """Return the descriptors of training images that submitted ones need, if they do."""
    settings = RUNS[SUBMITTED]["describe"]
    if settings["ranking"] != "log_partition" and not settings["subtract"]:
        return []
    last = SimpleNamespace(run=SUBMITTED, model=runs.models(RUNS[SUBMITTED])[-1])
    return for_phase(last, "references", "training")


def submitted_weights():
    """Return by role all that the submitted descriptors are made with: models and projection."""
    settings, folder = RUNS[SUBMITTED]["describe"], model(SUBMITTED)
    found = {
        role: f"{folder}/{settings[role]}.safetensors"
        for role in ("queries", "references")
    }
    if settings["gist"]:
        found["gist"] = f"{model(runs.gist_run(RUNS[SUBMITTED]))}/q.safetensors"
    if path := projection(SUBMITTED, runs.models(RUNS[SUBMITTED])[-1]):
        found["projection"] = path
    return found
