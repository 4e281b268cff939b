"""Files go by what rules declare: `formats.results` alone knows a path under results."""

import ast
import re

import pytest

from conftest import ROOT
from iscqk.formats.results import Results

PACKAGE = ROOT / "src/iscqk"
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
NAMED = PACKAGE / "formats/results.py"
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != NAMED]
# Tell a reader of a command where things are.
TOLD = {"EXAMPLE", "help"}
# To be taken along from where they are made: a model, whose files depend on what is in them, and
# query sets, for anybody's programs.
ON_A_DISK = ["directory(R.ready_model.folder)", 'directory(R.validation("set"))']
SPELLED = re.compile(rf"(?<![\w-]){Results().root}(/|$)")
# In a rule it is a path, or a part of one in quotes.
SPELLED_IN_A_RULE = re.compile(rf"(?<![\w.-]){Results().root}(?=[/\"'])")


def spelled(tree):
    """Return the texts in a program that spell such a path, but for those shown to readers.

    A sentence is shown.
    """
    if isinstance(tree, ast.Assign) and {ast.unparse(name) for name in tree.targets} & TOLD:
        return []
    if isinstance(tree, ast.keyword) and tree.arg in TOLD:
        return []
    if isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Constant):  # a docstring
        return []
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        return [tree.value] if SPELLED.search(tree.value) and " " not in tree.value else []
    return [text for child in ast.iter_child_nodes(tree) for text in spelled(child)]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_ask_the_plan_where_files_are(path):
    text = path.read_text()
    assert not SPELLED_IN_A_RULE.search(text)
    # A folder cannot be had from a storage, and what is `local` keeps its job from being sent away.
    wanting = re.findall(r"\b(?:directory|local|touch)\(.*\)", text)
    assert [found for found in wanting if found not in ON_A_DISK] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_programs_are_told_where_files_are(path):
    assert spelled(ast.parse(path.read_text())) == []


def test_the_search_for_them_finds_some():
    program = """
open('results/data/training.csv'); Path('results'); x = 'results of --results'
open(f'{root}/results/data/{split}.csv')
os.path.join('results', split)
raise UserError('no model there; name results/submission_phase2')
"""
    found = ["results/data/training.csv", "results", "/results/data/", "results"]
    assert spelled(ast.parse(program)) == found
    for planted in ('"results/a.csv"', 'os.path.join("results", x)', "'results' '/a.csv'"):
        assert SPELLED_IN_A_RULE.search(f"    input: {planted},")
    for other in ("R = NAMED.results", "folder=results_of,", '"my-results/a"'):
        assert not SPELLED_IN_A_RULE.search(other)
