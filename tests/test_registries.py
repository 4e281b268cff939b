"""A ranking or a source of images is added by its own files alone, and the workflow finds it."""

import numpy as np
import pytest

from iscqk.formats.submission import open_submission
from written_shards import write_descriptors

pytestmark = pytest.mark.long

DECLARED = """\
from iscqk.retrieval.ranking_interface import Ranking

RANKING = Ranking(False, 1, 0, f"{__name__}.functions")
"""
FUNCTIONS = """\
import numpy as np


def of_queries(queries, bank, temperature):
    return np.column_stack([queries, queries[:, :1] ** 2]).astype(np.float32)


def of_references(references):
    return np.column_stack([references, references[:, :1] * 0])


def level(queries, bank, temperature):
    return queries[:, 0] ** 4 / 2 + 1
"""
SOURCE = """\
from iscqk.images.dataset_interface import Source, Sources, existing_folders

SOURCE = Source(
    "one folder of everything",
    lambda dataset: Sources(*[existing_folders("root", dataset["root"])] * 3, {}, {}),
)
"""


def test_a_ranking_is_added_by_its_own_folder(project):
    folder = project.folder / "src/iscqk/retrieval/rankings/squared"
    folder.mkdir()
    (folder / "__init__.py").write_text(DECLARED)
    (folder / "functions.py").write_text(FUNCTIONS)
    (project.folder / "by.yaml").write_text(
        "{describe: {ranking: squared}, score: {rankings: [squared, similarity]}}"
    )
    options = "--dry-run --printshellcmds --configfile config.yaml tiny.yaml by.yaml"
    planned = project.run(f"snakemake submission_phase1 {options}").stdout
    assert "--ranking squared" in planned and "squared=results/" in planned
    assert "--training results/runs" not in planned.split("iscqk merge")[1].split("&>")[0]
    (project.folder / "large.yaml").write_text("{model: {descriptor_size: 256}}")
    refused = project.run(f"snakemake all {options} large.yaml", check=False)
    assert "leaves no dimension for ranking by squared; lower it to 255" in refused.stderr

    rows = np.eye(3, 5, dtype=np.float32)
    for name, ids in (("q", ["Q00000", "Q00001", "Q00002"]), ("r", ["R000000", "R000001"])):
        write_descriptors(project.folder / f"{name}.h5", ids, rows[: len(ids)], {})
    project.run("iscqk merge --queries q.h5 --references r.h5 --ranking squared --output s.h5")
    with open_submission(project.folder / "s.h5") as submission:
        assert submission.query[0:3].tolist() == np.column_stack([rows, [1, 0, 0]]).tolist()


def test_a_source_of_images_is_added_by_its_own_module(project):
    (project.folder / "src/iscqk/datasets/heap.py").write_text(SOURCE)
    (project.folder / "heap.yaml").write_text("{dataset: {kind: heap, root: heap}}")
    command = "snakemake all -n -p --configfile config.yaml tiny.yaml heap.yaml"
    refused = project.run(command, check=False)
    assert "error: config: dataset.root: no folder heap" in refused.stderr
    (project.folder / "heap").mkdir()
    planned = project.run(command).stdout
    assert "--training heap --references heap --others heap" in " ".join(planned.split())
