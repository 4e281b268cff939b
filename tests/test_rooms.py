"""Roads between the rooms of the package go one way."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

from conftest import ROOT

PACKAGE = ROOT / "src/iscqk"
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path):
    """Return the full names that a module imports, those within functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("room", ["bench", "stages"])
def test_nothing_outside_imports_of_the_rooms_on_top(room):
    """The product knows nothing of its evidence, the core nothing of a stage."""
    above = [PACKAGE / "bench"] if room == "bench" else [PACKAGE / "bench", PACKAGE / "stages"]
    below = [path for path in MODULES if not any(path.is_relative_to(top) for top in above)]
    wrong = {
        str(path.relative_to(PACKAGE)): sorted(names)
        for path in below
        if (names := {name for name in imported(path) if name.startswith(f"iscqk.{room}")})
    }
    assert len(below) > 60 and wrong == {}


@pytest.mark.parametrize(
    ("room", "below"), [("schema", ()), ("formats", ()), ("runtime", ("formats",))]
)
def test_the_rooms_at_the_bottom_import_of_no_other(room, below):
    """Methods, sources and settings all declare keys by `schema`, so that it may know none."""
    names = {name for path in (PACKAGE / room).glob("*.py") for name in imported(path)}
    rooms = {name.split(".")[1] for name in names if name.startswith("iscqk.")}
    assert rooms <= {"errors", room, *below}


def test_no_room_imports_itself_by_way_of_others():
    """A room can be read, and changed, before those that stand on it."""
    below = {}
    for path in MODULES:
        room = path.relative_to(PACKAGE).parts[0]
        rooms = {name.split(".")[1] for name in imported(path) if name.startswith("iscqk.")}
        below.setdefault(room, set()).update(rooms - {room})
    assert "plan" in below["stages"] and [*TopologicalSorter(below).static_order()]


def test_an_index_that_misses_pairs_is_only_for_peoples_own_images():
    """The search of a submission is exact."""
    roads = {"iscqk.retrieval.approximate": [], "iscqk.matching.indexes": []}
    for path in MODULES:
        for name in roads.keys() & imported(path):
            roads[name].append(str(path.relative_to(PACKAGE)))
    assert roads == {
        "iscqk.retrieval.approximate": ["bench/index_speed.py", "matching/indexes.py"],
        "iscqk.matching.indexes": [
            f"matching/{name}.py" for name in ("duplicates", "looking_up", "matches", "telling")
        ],
    }


def test_the_root_holds_the_program_and_its_error_only():
    program = {"__init__.py", "__main__.py", "cli.py"}
    assert {path.name for path in PACKAGE.glob("*.py")} == {*program, "errors.py"}


@pytest.mark.parametrize(
    "module",
    [
        "plan.plan",
        "plan.starting",
        "plan.parameters",
        "retrieval.rankings",
        "datasets",
        "methods",
        "settings.config",
    ],
)
def test_what_the_snakefile_imports_waits_for_no_library_that_its_jobs_need(module):
    """It is read at the start of every job, and registries without what their functions need."""
    heavy = ("torch", "numpy", "pandas", "h5py")
    program = f"import iscqk.{module}, sys; print({{*{heavy}}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
