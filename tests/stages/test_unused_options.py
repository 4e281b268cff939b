"""Options that would change nothing beside the others are refused before any file is read."""

import pytest

from iscqk.cli import main

EMBED = "embed --weights q.safetensors --output o.h5"
REFINE = "refine --part a.h5 --output o.h5"
PREPARE = "prepare --training t --references r --output t.csv r.csv o.csv b.csv"
TRAIN = (
    "train --method qk --side k --round 1 --start k.safetensors --frozen q.safetensors "
    "--bank b.h5 --training t.csv --config {} --seed 0 --q-output q2.safetensors "
    "--k-output k2.safetensors --history h.csv"
)
SCORES = "validation-scores set --output out"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (
            f"{EMBED} --copies c.tar --shard 1 --shards 2",
            "--copies: a shard of copies is described",
        ),
        (f"{EMBED} --copies c.tar --within a.tar --of 4", "leave out --shard, --shards, --within"),
        (f"{EMBED} --manifest m.csv --views 2", "--views: of the copies in --copies; leave it out"),
        (f"{REFINE} --weights 2", "--weights: of what a --projection joins; give one, or leave"),
        (f"{REFINE} --part b.h5", "--part: several need a --projection to one size"),
        (f"{REFINE} --training t.h5", "--training: a --share of 0 subtracts nothing; give one"),
        (f"{REFINE} --share 0.5", "--share, --nearest: of --training; give it, or leave them out"),
        (f"{REFINE} --nearest 3", "--share, --nearest: of --training; give it, or leave them out"),
        (f"{PREPARE} --lists trainings=l.txt", "trainings is none of training, references, others"),
        (f'{PREPARE} --queries {{"count":8}}', "--queries: of the phases that --make names; name"),
        (f"{TRAIN} --resume s3://bucket/state.pt", "--resume: an address in a storage; name its"),
        (
            f"{TRAIN} --resume s.pt --tensorboard s3://bucket/logs",
            "--tensorboard: an address in a storage; name its plugin, --storage",
        ),
        (f"{SCORES} --models a=b a=c", "a is b already; name it once"),
        (f"{SCORES} --models PDQ=b", "the table has a PDQ; rename it"),
    ],
)
def test_an_option_that_would_say_nothing_is_refused(command, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and told in line
    assert not list(tmp_path.iterdir())
