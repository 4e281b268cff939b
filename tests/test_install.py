"""What `make install` takes in, what a container takes in, and that a wheel of iscqk is enough."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import requires

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from conftest import ROOT, make_project
from making import make

MAKEFILE = (ROOT / "Makefile").read_text()
CONTAINER = (ROOT / "Containerfile").read_text()
LISTS = ("requirements", "requirements-dev")
LOCKED = [f"-r envs/{name}.in -c envs/{name}.txt" for name in LISTS]

# In the place of Python: makes an environment whose programs write down how they are called.
PYTHON = """\
#!/bin/sh
[ "$1 $2" = "-m venv" ] || exit 0
mkdir -p "$3/bin"
echo "command = $0 -m venv $PWD/$3" > "$3/pyvenv.cfg"
for name in python uv; do
    echo '#!/bin/sh
echo "$(basename "$0") backend=$UV_TORCH_BACKEND $*" >> calls' > "$3/bin/$name"
    chmod +x "$3/bin/$name"
done
"""

# In the place of conda: makes an environment whose pip installs, as `--editable` does, a program
# that fails once it has said whose code it would run.
CONDA = """\
#!/bin/sh
case "$1" in
--version) echo conda 25.1.1 ;;
info) echo '{"conda_prefix": "FOLDER", "platform": "linux-64"}' ;;
config) echo '{"get": {"channel_priority": "strict"}}' ;;
env)
    while [ "$1" != --prefix ]; do shift; done
    mkdir -p "$2/bin"
    cat > "$2/bin/pip" <<'END'
#!/bin/sh
for clone; do :; done
cat > "$(dirname "$0")/iscqk" <<PROGRAM
#!/bin/sh
PYTHONPATH="\\$PYTHONPATH:$clone/src" PYTHON -c 'import iscqk; print(iscqk.__file__)' >> FOLDER/ran
exit 1
PROGRAM
chmod +x "$(dirname "$0")/iscqk"
END
    chmod +x "$2/bin/pip" ;;
esac
"""
ACTIVATE = """\
export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"
for script in "$1"/etc/conda/activate.d/*.sh; do [ ! -f "$script" ] || . "$script"; done
"""


@pytest.mark.parametrize(("given", "backend"), [([], ""), (["CPU=1"], "cpu"), (["CPU=x86_64"], "")])
def test_make_takes_torch_without_cuda_where_it_is_told_so(tmp_path, given, backend):
    tmp_path = tmp_path / "a folder"
    tmp_path.mkdir()
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    done = make(tmp_path, "install", f"PYTHON={tmp_path}/python", *given)
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [f"backend={backend} " in call for call in calls] == [True] * len(calls)
    assert calls[1].startswith("uv ") and calls[1].endswith(LOCKED[0])
    assert not any(LOCKED[1] in call for call in calls)


def test_only_tests_checks_and_pages_take_what_they_need(tmp_path):
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    make(tmp_path, "docs", f"PYTHON={tmp_path}/python")  # ends where there is no sphinx
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.endswith(LOCKED[1]) for call in calls].count(True) == 1


def test_the_fuzzer_is_asked_for_only_where_there_is_one():
    (line,) = re.findall(r"^atheris; (.+)$", (ROOT / "envs/requirements-dev.in").read_text(), re.M)
    linux = {"sys_platform": "linux", "platform_machine": "x86_64", "python_version": "3.13"}
    assert Marker(line).evaluate(linux)
    for other in ({"platform_machine": "aarch64"}, {"python_version": "3.14"}):
        assert not Marker(line).evaluate({**linux, **other})


@pytest.mark.parametrize("how", ["mv", "cp -r", "here"])
def test_an_environment_of_another_folder_is_made_anew(tmp_path, how):
    """Its programs would run that folder's code."""
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    first, second = tmp_path / "the first", tmp_path / "the second"
    first.mkdir()
    make(first, "install", f"PYTHON={tmp_path}/python")
    (first / ".venv/of_before").touch()
    if how == "here":
        second = first
    else:
        subprocess.run([*how.split(), first, second], check=True)
    done = make(second, "install", f"PYTHON={tmp_path}/python")
    assert done.returncode == 0, done.stderr
    assert (second / ".venv/of_before").exists() == (how == "here")
    assert (second / ".venv/.installed").exists()


@pytest.mark.long
def test_clones_that_share_an_environment_of_conda_run_their_own_code(tmp_path, monkeypatch):
    """The first makes it, at work in another folder."""
    programs, ran = tmp_path / "bin", tmp_path / "ran"
    programs.mkdir()
    conda = CONDA.replace("FOLDER", str(tmp_path)).replace("PYTHON -c", f"{sys.executable} -c")
    (programs / "conda").write_text(conda)
    (programs / "conda").chmod(0o755)
    (programs / "activate").write_text(ACTIVATE)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    clones = [make_project(tmp_path / name) for name in ("the first", "second")]
    for clone, where in zip(clones, ("--directory ../elsewhere", ""), strict=True):
        shared = f"{where} --sdm conda --conda-prefix {tmp_path}/environments"
        done = clone.run(f"snakemake results/demo/training.tar --cores 1 {shared}", check=False)
        assert "draw the demo's images: failed" in done.stderr, done.stderr
        assert ran.read_text().splitlines()[-1] == f"{clone.folder}/src/iscqk/__init__.py"
    assert len([*(tmp_path / "environments").glob("*/bin")]) == 1


@pytest.mark.parametrize("name", LISTS)
def test_whatever_is_asked_for_has_an_exact_version(name):
    asked = re.findall(r"^[\w-]+", (ROOT / f"envs/{name}.in").read_text(), re.MULTILINE)
    locked = (ROOT / f"envs/{name}.txt").read_text()
    exact = {line.split("==")[0] for line in locked.splitlines() if "==" in line}
    assert len(asked) > 10
    assert {one.lower().replace("_", "-") for one in asked} - {"-c"} <= exact


def test_the_conda_environment_has_the_pinned_versions():
    conda_env = runpy.run_path(str(ROOT / "envs/write_conda_env.py"))["conda_env"]
    pins = (ROOT / "envs/requirements.txt").read_text()
    environment = (ROOT / "envs/iscqk.yaml").read_text()
    assert environment == conda_env(pins)
    left_out = {line.split("==")[0] for line in pins.splitlines() if line not in environment}
    assert {"triton", "nvidia-nccl-cu13"} <= left_out
    on_linux = [line for line in requires("torch") if 'platform_system == "Linux"' in line]
    assert {re.match(r"[\w-]+", line)[0] for line in on_linux} <= left_out
    assert not re.search("cuda|nvidia|triton", environment.split("- pip:")[1])


def test_whatever_iscqk_is_installed_with_has_an_oldest_version_that_the_locked_one_is_not_before():
    """An older one that is there stays, and lacks what is needed, as Pillow before 11.3 AVIF."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = sum(project["optional-dependencies"].values(), [])
    lines = "\n".join((ROOT / f"envs/{name}.txt").read_text() for name in LISTS).splitlines()
    locked = dict(line.split("==") for line in lines if "==" in line)
    for one in map(Requirement, [*project["dependencies"], *optional]):
        assert {spec.operator for spec in one.specifier} & {">=", "=="}, one
        exact = locked.get(one.name.lower().replace("_", "-"))
        assert exact is None or exact in one.specifier, one


def test_no_address_of_an_index_is_needed():
    files = [*(ROOT / "envs").iterdir(), ROOT / "Makefile", ROOT / "Containerfile"]
    assert [path.name for path in files if "://" in path.read_text()] == []


def test_the_container_takes_what_make_takes():
    conda = (ROOT / "envs/iscqk.yaml").read_text()
    python = re.search(r"^  - python=(\S+)$", conda, re.MULTILINE)[1]
    assert f"FROM python:{python}-slim\n" in CONTAINER
    assert re.findall(r"uv==\S+", CONTAINER) == re.findall(r"uv==\S+", MAKEFILE)
    assert "-r envs/requirements.in -c envs/requirements.txt" in CONTAINER
    libraries = re.search(r"apt-get install (\w+) \(Debian\)", MAKEFILE)[1]
    assert f" {libraries} " in CONTAINER and "libmagic" in conda
    copied = [line.split()[1:-1] for line in CONTAINER.splitlines() if line.startswith("COPY ")]
    for name in sum(copied, []):
        assert (ROOT / name).exists(), name
    assert {"pyproject.toml", "README.md", "src", "Snakefile"} <= {*sum(copied, [])}
    assert re.search(r"^RUN uv pip install .* --editable \.$", CONTAINER, re.M)  # of its own code


@pytest.fixture(scope="module")
def wheel_only(tmp_path_factory):
    """Return the programs of an environment with a wheel of iscqk, and all else of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignored)
    quiet = {"cwd": folder, "check": True, "capture_output": True}
    pip = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "."]
    subprocess.run(pip, **quiet)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "env"], **quiet)
    (wheel,) = folder.glob("iscqk-*.whl")
    install = ["uv", "pip", "install", "--no-deps", "--python", "env/bin/python", wheel.name]
    subprocess.run([sysconfig.get_path("scripts") + "/" + install[0], *install[1:]], **quiet)
    shutil.rmtree(folder / "src")
    (packages,) = (folder / "env").glob("lib/*/site-packages")
    (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "env/bin"


def test_a_wheel_matches_outside_the_clone(wheel_only, folder, model_folder):
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    where = [wheel_only / "python", "-c", "import iscqk; print(iscqk.__file__)"]
    found = subprocess.run(where, env=outside, cwd=folder, capture_output=True, text=True).stdout
    assert found.startswith(str(wheel_only.parent))
    match = [wheel_only / "iscqk", "match", "scans", "--against", "photos", "--model", model_folder]
    done = subprocess.run(match, env=outside, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (folder / "matches/matches.html").is_file()
    assert "scans/11.jpg,photos/R000011.jpg" in (folder / "matches/matches.csv").read_text()


def test_a_wheel_leaves_other_workflows_of_its_environment_alone(wheel_only):
    (packages,) = wheel_only.parent.glob("lib/*/site-packages")
    assert (packages / "iscqk").is_dir() and not [*packages.glob("snakemake*")]
